"""A disk that is full for a while: nothing is half done, the gateway says so and goes on by itself when there is room again."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.desk import Desk, copy_estate
from gateway.judging import find_journeys, judge_log
from gateway.killing import RunningGateway, until

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


@pytest.mark.skipif(os.name != "posix", reason="mounts are made otherwise elsewhere")
def test_full_disk_is_told_and_overcome(pristine: Path, small_disk: Path) -> None:
    with Desk(copy_estate(pristine, small_disk / "ws")) as desk:
        desk.move()
        desk.run()
        desk.publish(*[desk.write() for _ in range(REPORTS)])
        # A gateway that ran here before has left its marks.
        with RunningGateway(desk.workspace.root, "--until-idle") as gateway:
            fill(small_disk / "fill")
            first = set(gateway.await_workers().values())
            until(lambda: not first & set(gateway.find().values()), "the workers have given up once")
            (small_disk / "fill").unlink()
            done = gateway.wait()
        assert (done["accepted"], done["quarantined"]) == (REPORTS, 0)
        assert "full" in gateway.said
        assert Counter(map(tuple, find_journeys(judge_log(desk.log, desk.workspace)).values())) == {("DISCLOSURE",): 2 * REPORTS}
