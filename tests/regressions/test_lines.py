"""What somebody wrote into a report never writes a line of ours on a terminal."""

from __future__ import annotations

import io

import pytest

from pas_transport.console import Console, make_safe


def test_a_line_break_in_a_name_makes_no_line() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out=out, err=err)
    console.say("01/x\n01/y  ACCEPTED")
    console.fail("Of 01/x\nhint: all is well", "see\nit")
    console.table(["urn"], [["01/x\n01/y"]])
    assert "01/y" not in {line.strip().split()[0] for line in out.getvalue().splitlines() if line.strip()}
    assert err.getvalue().count("\n") == 2


@pytest.mark.parametrize("mark", ["\u061c", "\u200e", "\u200f", "\u2028", "\u2029"])
def test_separators_and_direction_marks_do_not_reach_a_terminal(mark: str) -> None:
    assert make_safe(f"a{mark}b") == "a\N{REPLACEMENT CHARACTER}b"
