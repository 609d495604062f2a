"""Which conditions a program can hold a reader to, and that what it cannot is left for a person to read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pas_schemas.conditions import Conditions, parse_conditions

END = datetime(2026, 12, 31, tzinfo=UTC)
BEFORE, AFTER = datetime(2026, 12, 30, 23, 59, tzinfo=UTC), END


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, Conditions()),
        ("", Conditions()),
        ("Ask the originator first.", Conditions(rest=("Ask the originator first.",))),
        ("Expires 2026-12-31.", Conditions(END)),
        ("Expires: 2026-12-31", Conditions(END)),
        ("expires on 2026-12-31T00:00:00Z; Expires 2027-01-01", Conditions(END)),
        ("Readers: duty-governor, a1234", Conditions(readers=frozenset({"duty-governor", "a1234"}))),
        ("reader: a1234\nreaders: a1234, b5678", Conditions(readers=frozenset({"a1234"}))),
        ("No copy.", Conditions(no_copy=True)),
        ("NO COPY; expires 2026-12-31; not on the wing", Conditions(END, None, True, ("not on the wing",))),
        # Nearly one of them is none of them: a person reads it.
        ("expires soon", Conditions(rest=("expires soon",))),
        ("expires 2026-13-31", Conditions(rest=("expires 2026-13-31",))),
        ("No copy to the wing", Conditions(rest=("No copy to the wing",))),
        ("Readers: the Governor and his deputy!", Conditions(rest=("Readers: the Governor and his deputy!",))),
        ("readers: a1234; readers: b5678", Conditions(readers=frozenset())),
    ],
)
def test_clause(text: str | None, found: Conditions) -> None:
    assert parse_conditions(text) == found


def test_who_may_read_when() -> None:
    bound = parse_conditions("expires 2026-12-31; readers: duty-governor, a1234")
    assert bound.close(BEFORE, "duty-governor", "x") is None
    assert bound.close(BEFORE, "wing-officer", "a1234") is None
    assert "you are none of them" in str(bound.close(BEFORE, "wing-officer", "b5678"))
    assert "nobody read it any more" in str(bound.close(AFTER, "duty-governor", "a1234"))
    assert parse_conditions("No copy; be careful").close(AFTER, "", "") is None
