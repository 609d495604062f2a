"""The broker says what the decision table, which a person wrote, expects of it."""

from __future__ import annotations

import pytest

from policy.harness import World
from policy.reports import make_estate_variants
from policy.table import NOW, expected, lines_from_row, movements_from_row, read_table, said

ROWS = read_table()
ESTATE = make_estate_variants()


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_row(row: dict[str, str]) -> None:
    answer = World.of(ESTATE, movements_from_row(row), NOW).explain(lines_from_row(row))[-1]
    assert said(row, answer) == expected(row), row["note"]
