"""What a command says and where: values to stdout, warnings, errors and progress to stderr, colour only where it is wanted."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pas_schemas.clock import show_time

if TYPE_CHECKING:
    from rich.console import RenderableType

# What stands in a report is written by others: a control character (C0, DEL, C1), a line separator or a direction mark could
# drive the reader's terminal.
_ACTING = (*range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_CONTROL = dict.fromkeys(_ACTING, "\N{REPLACEMENT CHARACTER}")
del _CONTROL[ord("\n")], _CONTROL[ord("\t")]

STYLES = {"error": "1;31", "warning": "1;33", "hint": "2", "good": "32", "bad": "31", "held": "33", "quiet": "2", "strong": "1"}


def make_safe(text: str) -> str:
    """The text with every character replaced that would act on a terminal; line ends and tabs stay."""
    return text.translate(_CONTROL)


def make_line(text: str) -> str:
    """The text on one line: what others wrote, a URN say, must not be able to write a line of ours."""
    return make_safe(text).replace("\n", "\N{REPLACEMENT CHARACTER}")


def wants_colour(stream: TextIO) -> bool:
    """Colour is for terminals, and never against NO_COLOR (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Console:
    """One command's output; with `json` stdout holds JSON and nothing else."""

    def __init__(self, *, json: bool = False, colour: bool = True, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.json = json
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self.colour = colour and wants_colour(self._out)
        self._err_colour = colour and wants_colour(self._err)

    def emit(self, value: object) -> None:
        """With `--json`: the command's one value. Without: nothing."""
        self.emit_line(value)

    def emit_line(self, value: object) -> None:
        """With `--json`: one object of many, on a line of its own. Without: nothing."""
        if self.json:
            # JSON is UTF-8 (RFC 8259, section 8.1); in any other encoding its ASCII form is the same value.
            escaped = (self._out.encoding or "utf-8").lower() not in ("utf-8", "utf8")
            self._out.write(json.dumps(value, ensure_ascii=escaped, separators=(", ", ": "), default=_to_json) + "\n")
            self._out.flush()

    def say(self, text: str = "", style: str = "") -> None:
        """A line for a person (`style` is a key of STYLES); nothing with `--json`."""
        if not self.json:
            self._out.write(_paint(make_line(text), style, self.colour) + "\n")
            self._out.flush()

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
        """A table for a person, laid out by Rich and as wide as it needs where nobody watches; nothing with `--json`."""
        if self.json:
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(make_line(str(cell))) for cell in row))
        self.draw(table)

    def draw(self, picture: RenderableType, width: int = 200) -> None:
        """Anything Rich can draw, for a person, `width` columns wide where nobody watches; its texts must have been made safe."""
        if self.json:
            return
        from rich.console import Console as Screen

        shown = None if self._out.isatty() else width
        Screen(file=self._out, color_system="auto" if self.colour else None, highlight=False, width=shown).print(picture)

    def warn(self, sentence: str, hint: str = "") -> None:
        """One sentence to stderr about something that was not as it should be; the command goes on."""
        self._complain("warning", sentence, hint)

    def fail(self, sentence: str, hint: str = "") -> None:
        """One sentence to stderr about what was refused or failed; the caller chooses the exit code."""
        self._complain("error", sentence, hint)

    def _complain(self, word: str, sentence: str, hint: str) -> None:
        lines = [f"{_paint(word + ':', word, self._err_colour)} {make_line(sentence)}"]
        if hint:
            lines.append(f"{_paint('hint:', 'hint', self._err_colour)} {make_line(hint)}")
        self._err.write("\n".join(lines) + "\n")
        self._err.flush()

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A bar on stderr where somebody watches, nothing elsewhere; yields `advance(steps)`."""
        if not self._err.isatty():
            yield _ignore
            return
        from rich.console import Console as Screen
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        screen = Screen(file=self._err, color_system="auto" if self._err_colour else None)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=screen, transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield lambda steps: bar.advance(task, steps)


def _ignore(steps: int) -> None:
    """Nobody watches."""


def _paint(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if colour and style else text


def _to_json(value: object) -> object:
    if isinstance(value, datetime):
        return show_time(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")
