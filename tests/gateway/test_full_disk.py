"""A disk that is full for a while: nothing is half done, the gateway says so and goes on by itself when there is room again."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.desk import Desk, copy_estate
from gateway.judging import find_journeys, judge_log
from gateway.killing import RunningGateway, until
from gateway.postgres import PASSWORD, PrivatePostgres
from pas_transport.workspace import Workspace, open_workspace

REPORTS = 60


@contextmanager
def mount_small_disk(disk: Path) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
        disk.rmdir()


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                continue
        except OSError:
            return


def point(workspace: Workspace, *settings: str) -> Workspace:
    """The workspace with its register elsewhere."""
    file = workspace.root / "pas.toml"
    kept = [line for line in file.read_text().splitlines() if not line.startswith("register_url")]
    # Settings come before tables.
    file.write_text("\n".join([*settings, *kept]) + "\n")
    return open_workspace(workspace.root, environment={})


def fill_and_empty(workspace: Workspace, disk: Path) -> None:
    """The register's disk is full while reports come in, and then there is room again; log and workspace have room all the time."""
    with Desk(workspace) as desk:
        desk.move()
        desk.run()
        with RunningGateway(workspace.root) as gateway:
            gateway.await_workers()
            fill(disk / "fill")
            desk.publish(*[desk.write() for _ in range(REPORTS)])
            journal = workspace.root / "gateway.log"
            until(lambda: "The disk of the register is full" in journal.read_text(), "the gateway has found its disk full")
            until(gateway.waits, "it is not ready")
            (disk / "fill").unlink()
            until(desk.is_idle, "everything was taken in and sent")
            until(lambda: not gateway.waits(), "it is ready again")
            done = gateway.stop()
        assert (done["accepted"], done["quarantined"]) == (REPORTS, 0)
        assert Counter(map(tuple, find_journeys(judge_log(desk.log, desk.workspace)).values())) == {("DISCLOSURE",): 2 * REPORTS}


def test_full_disk_is_told_and_overcome(pristine: Path, tmp_path: Path) -> None:
    workspace = copy_estate(pristine, tmp_path / "ws")
    with mount_small_disk(tmp_path / "disk") as disk:
        fill_and_empty(point(workspace, f'register_url = "sqlite:///{disk}/register.db"'), disk)


def test_full_disk_of_the_server_is_told_and_overcome(pristine: Path, tmp_path: Path, postgres: PrivatePostgres) -> None:
    """PostgreSQL's tables lie on the small disk, in a tablespace of their own."""
    with mount_small_disk(postgres.folder / "disk") as disk, postgres.make_database_on(disk) as database:
        workspace = copy_estate(pristine, tmp_path / "ws")
        secret = workspace.root / "register.password"
        secret.write_text(PASSWORD)
        secret.chmod(0o600)
        url = postgres.url(database, password=None)
        fill_and_empty(point(workspace, f'register_url = "{url}"', 'register_password_path = "register.password"'), disk)
