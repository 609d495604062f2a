"""Sessions with `pas policy`: the matrix as domain.md has it, as this workspace's rulebook has it, and in each form."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest import RunPas

COLUMNS = ("OWN", "POLICE", "LEA", "PRISON", "NONPROS")
# The words for a named office and for any other, as the table *Matrix: item by recipient* of the design says them.
DOMAIN = {
    "1": ["release release", "release release", "release refuse", "release hold", "hold refuse"],
    "2": ["release release", "release release", "release refuse", "release hold", "release refuse"],
    "3": ["release release", "release release", "release refuse", "release hold", "hold refuse"],
    "4": ["release refuse", "refuse refuse", "refuse refuse", "refuse refuse", "refuse refuse"],
    "5": ["release refuse", "release refuse", "release refuse", "release refuse", "hold refuse"],
}
EXPECTED = [(f"H{code}-{column}", *words.split()) for code, row in DOMAIN.items() for column, words in zip(COLUMNS, row, strict=True)]


def test_json_and_csv_have_every_cell_of_the_design(pas: RunPas, tmp_path: Path) -> None:
    told = json.loads(pas("policy", "matrix", "--json", cwd=tmp_path, code=0).out)
    assert list(told) == ["edition", "digest", "cells"]
    assert [(cell["rule"], cell["named"], cell["other"]) for cell in told["cells"]] == EXPECTED
    lines = list(csv.DictReader(pas("policy", "matrix", "--csv", cwd=tmp_path, code=0).out.splitlines()))
    assert lines == told["cells"]


def test_the_table_is_for_a_person(pas: RunPas, tmp_path: Path) -> None:
    shown = pas("policy", "matrix", cwd=tmp_path, code=0)
    assert shown.err == ""
    assert "\x1b" not in shown.out
    heading = next(line for line in shown.out.splitlines() if "OWN" in line)
    assert heading.split() == list(COLUMNS)
    assert "internal recipient, before review: release" in shown.out
    assert shown.out.count("named: hold") == 3


def test_a_workspace_shows_its_own_rulebook(pas: RunPas, estate: Path) -> None:
    before = json.loads(pas("policy", "matrix", "--json", cwd=estate, code=0).out)
    book = estate / "rulebook.toml"
    text = book.read_text().replace("edition = 1", "edition = 2").replace('police = "release"', 'police = "hold"', 1)
    book.write_text(text)
    after = json.loads(pas("policy", "matrix", "--json", cwd=estate, code=0).out)
    assert (before["edition"], after["edition"]) == (1, 2)
    assert before["digest"] != after["digest"]
    changed = [cell for cell in after["cells"] if cell not in before["cells"]]
    assert changed == [{"rule": "H1-POLICE", "code": "1", "column": "police", "named": "hold", "other": "hold"}]


def test_a_rulebook_that_cannot_be_enforced_is_refused_in_a_sentence(pas: RunPas, estate: Path) -> None:
    book = estate / "rulebook.toml"
    book.write_text(book.read_text().replace('police = "release"', 'police = "perhaps"', 1))
    shown = pas("policy", "matrix", "--json", cwd=estate, code=1)
    assert shown.out == ""
    assert "matrix.1.police" in shown.err
    book.unlink()
    assert "cannot be read" in pas("policy", "matrix", cwd=estate, code=1).err


def test_a_file_that_is_no_rulebook_by_its_size_is_not_read(pas: RunPas, tmp_path: Path, estate: Path) -> None:
    """Named by mistake, or without an end: one sentence, and no more is read than a rulebook could hold."""
    told = "cannot be read: it is larger than 1,000,000 bytes."
    for command in (("check", "/dev/zero"), ("replay", "--rulebook", "/dev/zero")):
        answer = pas("policy", *command, cwd=estate, code=2)
        assert answer.out == ""
        assert answer.err.splitlines()[0] == f"error: /dev/zero {told}"
    (tmp_path / "rulebook.toml").write_bytes((estate / "rulebook.toml").read_bytes())
    (tmp_path / "text_rules.csv").write_bytes(b"x" * 1_000_001)
    assert told in pas("policy", "check", tmp_path / "rulebook.toml", cwd=tmp_path, code=2).err
    (estate / "rulebook.toml").write_bytes(b"#" * 1_000_001)
    assert f"The rulebook {told}" in pas("policy", "matrix", cwd=estate, code=1).err


def test_misuse(pas: RunPas, tmp_path: Path) -> None:
    assert "exclude each other" in pas("policy", "matrix", "--json", "--csv", cwd=tmp_path, code=2).err
    assert "no workspace" in pas("policy", "matrix", "--workspace", tmp_path / "none", code=1).err


@pytest.mark.parametrize(("days", "is_told"), [(59, True), (-400, True), (61, False), (None, False)])
def test_a_calendar_that_comes_to_its_end_is_told_of_in_time(pas: RunPas, estate: Path, days: int | None, is_told: bool) -> None:
    """Whoever runs the gateway hears it, and whoever asks how it stands; a rulebook without any holiday is meant so."""
    last = [] if days is None else [(datetime.now(UTC).date() + timedelta(days=days)).isoformat()]
    book = estate / "rulebook.toml"
    book.write_text(
        "\n".join(f"holidays = {json.dumps(last)}" if line.startswith("holidays") else line for line in book.read_text().splitlines())
    )
    for command in ("gateway run --until-idle", "status"):
        said = pas(*command.split(), cwd=estate, code=0).err
        assert (f"warning: The rulebook names no holiday after {last[0] if last else None}: " in said) is is_told, said


def test_status_is_told_where_the_rulebook_cannot_be_read(pas: RunPas, estate: Path) -> None:
    """A gateway that runs goes on by the one it has: that is when somebody asks how it stands."""
    pas("gateway", "run", "--until-idle", cwd=estate, code=0)
    (estate / "rulebook.toml").write_text("not TOML")
    told = pas("status", "--json", cwd=estate, code=0)
    assert json.loads(told.out)["outbox"] == 0
    assert "warning: The rulebook is not readable TOML" in told.err
