"""The one command `pas`: finds the sub-commands of every package, imports one when asked, and tells every failure in a sentence."""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
import threading
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from pas_schemas.errors import MisuseError, PasError
from pas_transport.console import Console
from pas_transport.session import Shared, shared_options

DONE, REFUSED, MISUSE, INTERRUPTED = 0, 1, 2, 130


class Commands(click.Group):
    """The sub-commands that the packages name in their `COMMANDS` tables (entry points `pas.commands`)."""

    @cached_property
    def table(self) -> dict[str, tuple[str, str]]:
        """Name -> (module:attribute, what it does); nothing of a command is imported for it."""
        found: dict[str, tuple[str, str]] = {}
        for entry in sorted(entry_points(group="pas.commands"), key=lambda entry: entry.name):
            found.update(entry.load())
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown word is told with the command nearest to it."""
        if args and args[0] not in self.table and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.table, n=1)
            ctx.fail(f"There is no command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not self.table:
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.table[name][1]) for name in self.list_commands(ctx)])


@click.group("pas", cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@shared_options
@click.version_option(version("pas-broker"), prog_name="pas")
@click.pass_context
def pas(ctx: click.Context, folder: Path | None, as_json: bool, no_color: bool) -> None:
    """Sealed, signed 5x5x5 reports between police and prisons: published, decided, routed, acknowledged, provable.

    Settings stand in the workspace's pas.toml; the nearest one upwards is used unless --workspace or PAS_WORKSPACE names another.
    """
    ctx.obj = Shared(folder, as_json, not no_color)


def main() -> NoReturn:
    """Runs `pas` and ends the process: 0 done; 1 something was refused or failed; 2 misuse; 130 interrupted. Never a traceback."""
    _ready_streams()
    _leave_no_core()
    sys.exit(run(sys.argv[1:]))


def _leave_no_core() -> None:
    """A process that crashes would write its memory, texts and keys in it, to a file in clear; whatever it starts inherits this."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _ready_streams() -> None:
    """The three standard streams, whatever whoever started this process did with them.

    One that is closed reads and writes nothing: a file opened later must not get its number. What a locale's encoding has no
    character for is written as its code.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(arguments: list[str]) -> int:
    """The exit code of `pas` with these arguments, every failure told on stderr as a sentence and a hint."""
    shared = Shared()
    interrupts = _note_interrupts()
    try:
        _check_words(arguments)
        with pas.make_context("pas", arguments) as ctx:
            try:
                pas.invoke(ctx)
            finally:
                shared = ctx.obj or shared
            _flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except (KeyboardInterrupt, click.Abort):
        _complain(shared, "Interrupted; what was done before stays done.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of stdout has gone; a second failure at exit would be a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except Exception as failure:
        if interrupts:
            # Ctrl-C struck inside a library that turns every exception into one of its own.
            _complain(shared, "Interrupted; what was done before stays done.")
            return INTERRUPTED
        return tell(failure, shared)
    return DONE


def _check_words(arguments: Sequence[str]) -> None:
    """Raises MisuseError for a word that is not text: no record holds it. A file that is there may be called anything."""
    for word in arguments:
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            if not os.path.lexists(word):
                raise MisuseError("A word of the command is not UTF-8 text.", "see the terminal's encoding") from None


def _note_interrupts() -> list[int]:
    """A list that holds every SIGINT from here on, which raises KeyboardInterrupt as before."""
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.default_int_handler(number, frame)

    # Only the main thread may, and whoever handles SIGINT already goes on to.
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, note)
    return noted


def tell(failure: Exception, shared: Shared) -> int:
    """Says in one sentence what failed, without content, and returns the exit code for it."""
    match failure:
        case PasError():
            _complain(shared, failure.sentence, failure.hint)
        case click.exceptions.NoArgsIsHelpError():
            click.echo(failure.format_message(), err=True)
        case click.UsageError():
            path = failure.ctx.command_path if failure.ctx else "pas"
            _complain(shared, failure.format_message(), f"`{path} --help` shows how")
        case click.ClickException():
            _complain(shared, failure.format_message())
        case OSError() if failure.strerror:
            where = f" ({os.fsdecode(failure.filename)})" if isinstance(failure.filename, (str, bytes)) else ""
            _complain(shared, f"The system refused: {failure.strerror}{where}.", "nothing that was confirmed before is lost")
        case _:
            _complain(shared, f"An unexpected failure of type {type(failure).__name__}.", "this is a fault of pas: please report it")
    return MISUSE if isinstance(failure, (MisuseError, click.UsageError)) else REFUSED


def _complain(shared: Shared, sentence: str, hint: str = "") -> None:
    Console(colour=shared.colour).fail(sentence, hint)


def _flush() -> None:
    """A full disk or a closed pipe behind stdout shows here, not after the exit code is fixed."""
    sys.stdout.flush()
