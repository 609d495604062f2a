"""Reads deploy/compose.yaml and deploy/Dockerfile as their tests ask of them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import click
import yaml

from pas_transport.cli import pas as root_command

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
OURS = "pas-broker"
Service = dict[str, Any]
_DEFAULT = re.compile(r"\$\{([A-Z_]+)-([^}]*)\}")


@cache
def read_compose() -> dict[str, Any]:
    """The file, each variable of whoever starts it having its default."""
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(_DEFAULT.sub(r"\2", text))
    return found


def services() -> dict[str, Service]:
    found: dict[str, Service] = read_compose()["services"]
    return found


def own_services() -> dict[str, Service]:
    """Those that run the image built here."""
    return {name: service for name, service in services().items() if service["image"].split(":")[0] == OURS}


def mounts(service: Service) -> dict[str, str]:
    """What is mounted, by where."""
    return {parts[1]: parts[0] for mount in service.get("volumes", ()) for parts in [mount.split(":")]}


def parse(words: list[str]) -> None:
    """The command line as `pas` reads it, without running it; raises click's UsageError where it would be misuse."""
    command: click.Command = root_command
    # Settings of a command count for those below it, and click keeps what it makes of them: never without them.
    context = click.Context(command, **command.context_settings)
    rest = list(words)
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
        context = click.Context(command, info_name=name, parent=context)
    assert context.parent is not None
    command.make_context(words[0], rest, parent=context.parent)


@cache
def read_dockerfile() -> list[list[tuple[str, str]]]:
    """The stages: instruction and rest of each of their lines."""
    stages: list[list[tuple[str, str]]] = []
    for line in (DEPLOY / "Dockerfile").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            word, rest = line.split(" ", 1)
            if word == "FROM":
                stages.append([])
            stages[-1].append((word, rest))
    return stages


def listed(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for instruction, rest in stage if instruction == word]
