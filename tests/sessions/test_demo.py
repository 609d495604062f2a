"""Sessions with `pas demo`: what it says, what it leaves behind, and when it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from subprocess import PIPE

import pytest

from conftest import RunPas
from forked_pas import PAS
from pas_schemas.reference import read_data

STORY_TIME = "2015-11-18T15:00:00Z"


@pytest.mark.long
def test_demo_checks_itself_and_leaves_a_working_system(pas: RunPas, tmp_path: Path) -> None:
    played = pas("demo", "d", "--reports", "3", "--json", code=0)
    assert played.err == ""
    assert len(played.out.splitlines()) == 1
    said = json.loads(played.out)
    assert set(said) == {"workspace", "seed", "reports", "shifted_days", "counts", "receipts", "checks", "steps", "seconds", "next"}
    assert said["workspace"] == str(tmp_path / "d")
    assert said["reports"] == 16
    assert said["counts"]["quarantined"] == 3
    assert [check for check in said["checks"] if not check["holds"]] == []
    assert said["next"].startswith("cd d && ")

    listed = pas("inbox", "list", "--as", "pio:BAI", "--json", cwd=tmp_path / "d", code=0)
    urns = {json.loads(line)["urn"] for line in listed.out.splitlines()}
    assert {"01/IR/2015/004711", "06/IR/2015/020118"} <= urns
    traced = json.loads(pas("trace", "01/IR/2015/004711", "--json", cwd=tmp_path / "d", code=0).out)
    assert [attempt["status"] for attempt in traced["attempts"]] == ["ACCEPTED", "DUPLICATE", "DUPLICATE"]

    again = pas("demo", "d", "--json", code=1)
    assert again.out == ""
    assert again.err.startswith(f"error: {tmp_path / 'd'} is a workspace already.\nhint: ")


@pytest.mark.long
def test_demo_fails_where_the_story_comes_out_otherwise(pas: RunPas, tmp_path: Path) -> None:
    """Under a rulebook that says something else: shown for people, without colour, on the story's own day."""
    edited = read_data("rulebook.toml").decode().replace('cat_a_team = ["ESCAPE"]', 'cat_a_team = ["DISORDER"]')
    (tmp_path / "other.toml").write_text(edited)
    (tmp_path / "text_rules.csv").write_bytes(read_data("text_rules.csv"))
    env = {"PAS_RULEBOOK_PATH": str(tmp_path / "other.toml"), "PAS_CLOCK": STORY_TIME}
    played = pas("demo", "--workspace", "d", "--reports", "0", "--no-color", env=env, code=1)
    lines = played.out.splitlines()
    assert any("The story came out as written" in line and "01/IR/2015/004711 came out otherwise" in line for line in lines)
    # What does not hang on that word goes on being checked, and holds.
    assert any(line.lstrip("✓ok ").startswith("Intelligence followed the prisoner") for line in lines)
    assert lines[-2] == "1 check failed: The story came out as written."
    assert lines[-1].startswith("Try next: cd d && ")
    assert lines[-1].endswith("pas inbox list --as pio:WSI")
    assert "every date +0 days" in played.out
    assert "\x1b" not in played.out


def test_demo_stops_when_told_to(tmp_path: Path) -> None:
    """Interrupted while the gateway runs, it drains, says so, and judges nothing."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAS_")}
    command = [str(PAS), "demo", "d", "--reports", "20"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while "Sent what should not be sent" not in (line := process.stdout.readline()):
            assert line, process.stderr.read()
        process.send_signal(signal.SIGINT)
        after, complaint = process.stdout.read(), process.stderr.read()
    # A signal that comes before the gateway listens for it interrupts as it does everywhere.
    assert process.returncode in (1, 130)
    assert complaint.startswith(("error: The demo was stopped.\n", "error: Interrupted; "))
    assert "Every check" not in after
    assert "Traceback" not in complaint


@pytest.mark.parametrize("asked", [("--reports", "-1"), ("--reports", "many"), ("--seed", "x"), ("a", "b")])
def test_demo_asked_wrongly_does_nothing(pas: RunPas, tmp_path: Path, asked: tuple[str, ...]) -> None:
    refused = pas("demo", *asked, code=2)
    assert refused.out == ""
    assert refused.err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []
