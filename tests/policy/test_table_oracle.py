"""The independent judge gives what the decision table expects, and the story's expected answers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from policy.oracle import judge
from policy.reports import make_estate_variants
from policy.table import NOW, expected, lines_from_row, movements_from_row, read_table, said

ROWS = read_table()
ESTATE = make_estate_variants()


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_row(row: dict[str, str]) -> None:
    answer = judge(lines_from_row(row), ESTATE, movements_from_row(row), NOW)[-1]
    assert said(row, answer) == expected(row), row["note"]


def test_every_case_has_its_own_name() -> None:
    names = [row["case"] for row in ROWS]
    assert len(names) == len(set(names)) >= 120


def test_the_judge_is_independent() -> None:
    """Neither the judge nor the reports nor the table import anything of the project."""
    for source in Path(__file__).parent.glob("[ort]*.py"):
        if source.name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.startswith("pas_") for name in names), source.name
