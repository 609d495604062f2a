"""Drills: each runbook's own commands, typed as they stand in docs/operations.md, and judged from log and inboxes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import PAS
from gateway.desk import Desk
from gateway.drilling import read_commands
from gateway.judging import find_journeys, judge_log, take_everything
from pas_consumers import Inbox

# A drill types a handful of commands; on a busy machine each takes seconds to start.
TYPED_SECONDS = 120

Drill = Callable[..., str]


@pytest.fixture
def desk(desk: Desk, pristine: Path) -> Desk:
    """With the root key, to enrol new ones."""
    shutil.copytree(pristine / "keys" / "root", desk.workspace.keys_dir / "root")
    return desk


@pytest.fixture
def drill(desk: Desk) -> Drill:
    """Types a block of a runbook in the workspace; every command must end with `code`. Gives back what was said on stderr."""

    def type_block(heading: str, block: int = 0, code: int = 0) -> str:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PAS_")}
        environment = kept | {"PATH": f"{PAS.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        done = subprocess.run(
            ["bash", "-euc", read_commands(heading)[block]], cwd=desk.workspace.root, env=environment,
            capture_output=True, text=True, timeout=TYPED_SECONDS, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done.stderr
        return done.stderr

    return type_block


def test_lost_office_key(desk: Desk, drill: Drill) -> None:
    """The office's folder of keys and its inbox are gone; afterwards it reads everything with the new keys alone."""
    reports = [desk.write() for _ in range(3)]
    desk.publish(*reports)
    desk.run()
    old = set(desk.workspace.keyring("security:WSI").opening())
    drill("Lost office key")
    desk.workspace._read.clear()
    folder = desk.workspace.keys_dir / "security.WSI"
    for key in old:
        (folder / f"open-{key}.key").unlink()
    with Inbox.of(desk.workspace, "security:WSI", post="duty-officer", person="example-0001") as inbox:
        intake = inbox.take()
        assert sorted(new.urn for new in intake.new if new.kind == "DISCLOSURE") == [report["urn"] for report in reports]
        # What only the lost key opens: one delivery of each report.
        assert len(intake.aside) == len(reports)
    assert {new.kind for new in take_everything(desk.workspace, ["pio:WSI"])} == {"DISCLOSURE"}


def test_register_restored_from_a_backup(desk: Desk, drill: Drill) -> None:
    """Backed up, used further, lost and restored: every office has everything once."""
    reports = [desk.write() for _ in range(4)]
    desk.publish(*reports[:2])
    desk.run()
    desk.store.close()
    del desk.__dict__["store"]
    drill("Register restored from a backup", 0)
    desk.publish(*reports[2:])
    desk.run()
    desk.move(prison="BAI", hours_ago=0.1)
    desk.run()
    desk.store.close()
    del desk.__dict__["store"]
    said = drill("Register restored from a backup", 1)
    assert "older than what PAS has sent" in said
    wanted = {f"{role}:WSI": ["DISCLOSURE", "WITHDRAWAL"] for role in ("pio", "security")}
    wanted |= {f"{role}:BAI": ["DISCLOSURE"] for role in ("pio", "security")}
    journeys = find_journeys(judge_log(desk.log, desk.workspace))
    assert journeys == {(office, report["urn"]): kinds for report in reports for office, kinds in wanted.items()}
    take_everything(desk.workspace, list(wanted))
