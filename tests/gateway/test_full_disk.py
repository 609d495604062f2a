"""A disk that is full for a while: nothing is half done, the gateway says so and goes on by itself when there is room again."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.desk import Desk, copy_estate
from gateway.judging import find_journeys, judge_log
from gateway.killing import RunningGateway, until
from pas_transport.workspace import open_workspace

REPORTS = 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                continue
        except OSError:
            return


def test_full_disk_is_told_and_overcome(pristine: Path, small_disk: Path, tmp_path: Path) -> None:
    """The register's disk; log and workspace have room, so that reports go on coming in."""
    workspace = copy_estate(pristine, tmp_path / "ws")
    settings = workspace.root / "pas.toml"
    settings.write_text(settings.read_text().replace("sqlite:///register.db", f"sqlite:///{small_disk}/register.db"))
    with Desk(open_workspace(workspace.root, environment={})) as desk:
        desk.move()
        desk.run()
        with RunningGateway(workspace.root) as gateway:
            gateway.await_workers()
            fill(small_disk / "fill")
            desk.publish(*[desk.write() for _ in range(REPORTS)])
            journal = workspace.root / "gateway.log"
            until(lambda: "The disk of the register is full" in journal.read_text(), "the gateway has found its disk full")
            (small_disk / "fill").unlink()
            until(desk.is_idle, "everything was taken in and sent")
            done = gateway.stop()
        assert (done["accepted"], done["quarantined"]) == (REPORTS, 0)
        assert Counter(map(tuple, find_journeys(judge_log(desk.log, desk.workspace)).values())) == {("DISCLOSURE",): 2 * REPORTS}
