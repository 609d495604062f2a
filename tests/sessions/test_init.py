"""Sessions with `pas init` and with the workspace it makes."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest

from conftest import RunPas

NOVEMBER = "2015-11-18T12:00:00Z"


def test_init_makes_a_workspace_once(pas: RunPas, tmp_path: Path) -> None:
    made = pas("init", "ws", "--json", code=0)
    assert json.loads(made.out) == {"workspace": str(tmp_path / "ws"), "offices": 467, "directory_version": 1}
    assert made.err == ""
    assert tomllib.loads((tmp_path / "ws" / "pas.toml").read_text())["example"] is True
    assert sorted(path.name for path in (tmp_path / "ws").iterdir()) == [
        "directory", "directory.seen", "keys", "pas.toml", "rulebook.toml", "text_rules.csv",
    ]  # fmt: skip
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "ws").rglob("*")}
    again = pas("init", "ws", "--json", code=1)
    assert again.out == ""
    assert again.err.startswith(f"error: {tmp_path / 'ws'} is a workspace already.\nhint: ")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "ws").rglob("*")} == before
    assert [path.name for path in tmp_path.iterdir()] == ["ws"]


def test_init_for_people(pas: RunPas, tmp_path: Path) -> None:
    made = pas("init", "ws", code=0)
    assert made.out.splitlines() == [
        f"{tmp_path / 'ws'}: 467 offices, directory version 1.",
        "An example: its private keys all lie in keys/, and production refuses them.",
    ]


@pytest.mark.parametrize("command", ["init", "demo"])
def test_where_it_is_made_is_said_once(pas: RunPas, tmp_path: Path, command: str) -> None:
    refused = pas(command, "ws", "--workspace", "other", code=2)
    assert refused.err == "error: DIR and --workspace both say where the workspace is to be made.\nhint: leave --workspace out\n"
    assert list(tmp_path.iterdir()) == []


def test_init_records_kafka(pas: RunPas, tmp_path: Path) -> None:
    pas("init", "ws", "--transport", "kafka", "--bootstrap", "broker:9092", code=0)
    settings = tomllib.loads((tmp_path / "ws" / "pas.toml").read_text())
    assert (settings["transport"], settings["bootstrap"]) == ("kafka", "broker:9092")
    for half in (("--transport", "kafka"), ("--bootstrap", "broker:9092")):
        refused = pas("init", "other", *half, code=2)
        assert refused.err.startswith("error: --transport kafka and --bootstrap go together.\nhint: ")
    assert not (tmp_path / "other").exists()


def test_init_under_pas_clock_sets_the_clock_for_good(pas: RunPas, tmp_path: Path) -> None:
    pas("init", "ws", env={"PAS_CLOCK": NOVEMBER}, code=0)
    assert json.loads((tmp_path / "ws" / "clock.json").read_bytes())["clock"] == NOVEMBER
    pas("directory", "rotate-key", "pio:WSI", cwd=tmp_path / "ws", code=0)
    shown = json.loads(pas("directory", "history", "pio:WSI", "--json", cwd=tmp_path / "ws", code=0).out)
    assert [key["from"][:16] for key in shown["keys"]] == ["2000-01-01T00:00"] * 2 + ["2015-11-18T12:00"] * 2


def test_init_touches_nothing_that_is_there(pas: RunPas, tmp_path: Path) -> None:
    (tmp_path / "ws" / "keys").mkdir(parents=True)
    (tmp_path / "ws" / "notes.txt").write_text("mine")
    refused = pas("init", "ws", code=1)
    assert "holds keys already" in refused.err
    assert sorted(path.name for path in (tmp_path / "ws").rglob("*")) == ["keys", "notes.txt"]
    (tmp_path / "ws" / "keys").rmdir()
    pas("init", "ws", code=0)
    assert (tmp_path / "ws" / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_init_where_nothing_can_be_written(pas: RunPas, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    refused = pas("init", "locked/ws", code=1)
    assert refused.err.startswith("error: The workspace cannot be made: Permission denied.\nhint: ")


def test_init_below_a_file(pas: RunPas, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = pas("init", "file/ws", code=1)
    assert refused.err.startswith("error: The workspace cannot be made: ")


def test_a_workspace_is_found_named_or_missed(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    asked = ("directory", "history", "pas", "--json")
    inside = estate / "a" / "b"
    inside.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    answers = [
        pas(*asked, cwd=inside, code=0),
        pas(*asked, "--workspace", estate, cwd=elsewhere, code=0),
        pas("--workspace", estate, *asked, cwd=elsewhere, code=0),
        pas(*asked, cwd=elsewhere, env={"PAS_WORKSPACE": str(estate)}, code=0),
    ]
    assert len({answer.out for answer in answers}) == 1
    missed = pas(*asked, cwd=elsewhere, code=1)
    assert missed.out == ""
    assert missed.err == (
        "error: There is no pas.toml here or above.\nhint: make a workspace with `pas init DIR`, or name one with --workspace DIR\n"
    )


def test_an_unknown_setting_is_told_with_the_nearest(pas: RunPas, estate: Path) -> None:
    shown = pas("directory", "list", cwd=estate, env={"PAS_TRANSPROT": "kafka"}, code=1)
    assert shown.out == ""
    assert shown.err == ("error: the environment has an unknown setting `PAS_TRANSPROT`.\nhint: the nearest known one is `PAS_TRANSPORT`\n")
