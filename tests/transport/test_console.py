"""The console: JSON alone on stdout, people's words apart, nothing that drives a terminal."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pas_transport.console import Console, make_safe, wants_colour


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_with_json_stdout_holds_json_and_nothing_else() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(json=True, out=out, err=err)
    console.say("for people")
    console.table(("a",), [("b",)])
    console.emit({"at": datetime(2015, 11, 18, 12, tzinfo=UTC), "where": Path("x"), "who": {"b", "a"}, "name": "Müller"})
    console.warn("Something is odd.", "look at it")
    assert json.loads(out.getvalue()) == {"at": "2015-11-18T12:00:00Z", "where": "x", "who": ["a", "b"], "name": "Müller"}
    assert out.getvalue().count("\n") == 1
    assert err.getvalue() == "warning: Something is odd.\nhint: look at it\n"


def test_without_json_people_read_words_and_tables() -> None:
    out = io.StringIO()
    console = Console(out=out)
    console.emit({"a": 1})
    console.say("Done.", "good")
    console.table(("office", "term"), [("pio:WSI", "x" * 150)], "Offices")
    assert out.getvalue().startswith("Done.\n")
    assert "x" * 150 in out.getvalue()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("text", ["\x1b[2J", "\x07", "\r", "\x9b31m", "\u202e", "\x00", "\x7f", "\u2066"])
def test_what_acts_on_a_terminal_does_not_reach_it(text: str) -> None:
    assert text[0] not in make_safe(f"a{text}b")
    out, err = Terminal(), Terminal()
    console = Console(colour=False, out=out, err=err)
    console.say(f"a{text}b")
    console.table(("head",), [(f"a{text}b",)])
    console.warn(f"a{text}b", text)
    for shown in (out.getvalue(), err.getvalue()):
        assert text[0] not in shown


def test_markup_in_a_cell_is_text() -> None:
    out = io.StringIO()
    Console(out=out).table(("head",), [("[bold]x[/bold]",)])
    assert "[bold]x[/bold]" in out.getvalue()


def test_colour_only_on_a_terminal_and_never_against_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    out = Terminal()
    Console(out=out, err=out).say("Done.", "good")
    assert out.getvalue() == "\x1b[32mDone.\x1b[0m\n"
    assert not wants_colour(io.StringIO())
    assert not Console(colour=False, out=Terminal()).colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())


def test_progress_is_for_who_watches() -> None:
    err, screen = io.StringIO(), Terminal()
    with Console(err=err).progress("Reading", 3) as advance:
        advance(3)
    assert err.getvalue() == ""
    with Console(err=screen, out=io.StringIO()).progress("Reading", 3) as advance:
        advance(3)
    assert "Reading" in screen.getvalue()


def test_what_has_no_json_form_is_a_fault_not_a_repr() -> None:
    with pytest.raises(TypeError, match="no JSON form for object"):
        Console(json=True, out=io.StringIO()).emit(object())
