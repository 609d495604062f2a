"""A person's passphrase: asked for when it is needed, used once, and kept nowhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pas_schemas.errors import MisuseError
from pas_transport.files import read_whole

F = TypeVar("F", bound=Callable[..., Any])
# A passphrase is a line of words: a file that holds more is another file.
MAX_BYTES = 1024


def passphrase_option(command: F) -> F:
    """Adds --passphrase-file; the argument is called `passphrase_file`."""
    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path, allow_dash=True),
        default=None,
        metavar="FILE",
        help="Where the passphrase stands, - for stdin (default: it is asked for).",
    )(command)


def signing_options(done: str, who: str) -> Callable[[F], F]:
    """Adds who signs what is `done` (decided, say), in which post, and where the passphrase stands; `who` begins with Who."""

    def add(command: F) -> F:
        for option in (
            passphrase_option,
            click.option(
                "--post", metavar="REF", default=None, help=f"The post it is {done} in, for a deputy (default: the person's own)."
            ),
            click.option("--person", metavar="REF", default=None, help=f"{who} (else as in pas.toml)."),
        ):
            command = option(command)
        return command

    return add


def read_passphrase(path: Path | None, *, new: bool = False) -> str:
    """The passphrase of this file, of stdin, or as typed at the prompt, twice where it is `new`; raises `MisuseError`."""
    if path is None:
        if not sys.stdin.isatty():
            raise MisuseError("A passphrase is needed, and nobody is here to type it.", "name a file with --passphrase-file")
        typed: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
        return typed
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if str(path) == "-" else read_whole(path, MAX_BYTES)
        text = data.decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise MisuseError("The passphrase cannot be read.", "see the file named by --passphrase-file") from None
    if not text or len(data) > MAX_BYTES or "\n" in text:
        raise MisuseError("A passphrase is one line of text.", "see the file named by --passphrase-file")
    return text
