"""What every command is given: its console, its workspace, and the options all commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from pas_schemas.clock import parse_time
from pas_schemas.errors import MisuseError
from pas_schemas.topics import OFFICE_ID
from pas_transport.console import Console

if TYPE_CHECKING:
    from pas_transport.workspace import Workspace

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Shared:
    """The options that may stand before a sub-command as well as after it."""

    folder: Path | None = None
    json: bool = False
    colour: bool = True

    def joined(self, folder: Path | None, as_json: bool, no_color: bool) -> Shared:
        return Shared(folder or self.folder, as_json or self.json, self.colour and not no_color)


@dataclass(frozen=True)
class Session:
    """One run of one command; the workspace is opened when it is first asked for."""

    console: Console
    folder: Path | None
    apart: bool = False

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace this command works in (`--workspace`, PAS_WORKSPACE, the nearest pas.toml), with `apart` the compartment's
        side of it; raises `SettingsError`."""
        from pas_transport.workspace import open_workspace

        found = open_workspace(self.folder, self.console.warn)
        return found.compartment() if self.apart else found

    def name_person(self, given: str | None, sentence: str) -> str:
        """The staff reference of who acts: as given, else as in pas.toml; raises `MisuseError` with this sentence for nobody."""
        person = (given or self.workspace.settings.person or "").strip()
        if not person:
            raise MisuseError(sentence, "name the person with --person")
        return person

    def name_new(self, where: Path | None) -> Path | None:
        """The folder of a workspace that the command makes: DIR, else what --workspace names; raises `MisuseError` for both."""
        if where is not None and self.folder is not None:
            raise MisuseError("DIR and --workspace both say where the workspace is to be made.", "leave --workspace out")
        return where or self.folder


def shared_options(command: F) -> F:
    """Adds --workspace, --json and --no-color."""
    for option in (
        click.option("--no-color", is_flag=True, help="Never use colour (NO_COLOR does the same)."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, and nothing else there."),
        click.option("--workspace", "folder", metavar="DIR", type=click.Path(path_type=Path), help="The workspace to work in."),
    ):
        command = option(command)
    return command


def pass_session(command: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Adds the shared options to a command and hands it its `Session` as first argument."""

    @functools.wraps(command)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given = (kwargs.pop("folder"), kwargs.pop("as_json"), kwargs.pop("no_color"))
        apart = bool(kwargs.pop("apart", False))
        context = click.get_current_context()
        shared = (context.find_object(Shared) or Shared()).joined(*given)  # type: ignore[arg-type]  # click gives what shared_options declares
        # What goes wrong from here on is told in the way that was asked for.
        context.find_root().obj = shared
        session = Session(Console(json=shared.json, colour=shared.colour), shared.folder, apart)
        return command(session, *args, **kwargs)

    return shared_options(call)


class OfficeType(click.ParamType[str]):
    """An office id, such as `force:01`."""

    name = "office"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not isinstance(value, str) or not OFFICE_ID.fullmatch(value):
            self.fail("an office is written like force:01, pio:WSI or pas", param, ctx)
        return value


class TimeType(click.ParamType[datetime]):
    """An RFC 3339 time in UTC with Z."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_time(value)
        except ValueError:
            self.fail("a time is written like 2015-11-18T12:00:00Z", param, ctx)


OFFICE = OfficeType()
TIME = TimeType()


def as_option(*, required: bool = True) -> Callable[[F], F]:
    """Adds `--as OFFICE`: whose keys the command uses; the argument is called `office`."""
    return click.option("--as", "office", type=OFFICE, required=required, metavar="OFFICE", help="The office to act as.")


def compartment_option(command: F) -> F:
    """Adds `--compartment`: the command works on the compartment's side of the workspace. It stands above `pass_session`."""
    told = "Of the compartment for protected assisting offenders, and of it alone."
    return click.option("--compartment", "apart", is_flag=True, help=told)(command)


def at_option(help_text: str) -> Callable[[F], F]:
    """Adds `--at TIME`; the argument is called `at` and is None without it."""
    return click.option("--at", type=TIME, default=None, metavar="TIME", help=help_text)
