"""What a nursery forks: nothing that was open before is shared with it, its end is told, and it notices when nobody looks after it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from gateway.killing import until
from pas_gateway import nursery as module
from pas_gateway import supervisor
from pas_gateway.nursery import STOPS, IsOrphan, Nursery
from pas_gateway.supervisor import Supervisor
from pas_schemas.errors import RegisterError
from pas_transport.workspace import Workspace

LONG_SECONDS = 60.0


def end(_is_orphan: IsOrphan) -> None:
    """Nothing to do."""


def fall(_is_orphan: IsOrphan) -> None:
    raise SystemExit("it fell")


def linger(is_orphan: IsOrphan, told: str) -> None:
    """Says that it has begun, and then that it noticed."""
    Path(told).write_text("begun")
    until(is_orphan, "nobody looks after it")
    Path(told).write_text("noticed")


def await_stop(_is_orphan: IsOrphan, begun: str) -> None:
    Path(begun).touch()
    until((Path(begun).parent / "sent").exists, "it was sent a signal")
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    until(lambda: False, "a signal ended it")


def test_how_a_child_ended_is_told(tmp_path: Path) -> None:
    with Nursery() as nursery:
        ended, fallen, killed = nursery.fork(end), nursery.fork(fall), nursery.fork(linger, str(tmp_path / "told"))
        killed.send(signal.SIGKILL)
        assert all(child.join(LONG_SECONDS) for child in (ended, fallen, killed))
        assert (ended.exitcode, fallen.exitcode, killed.exitcode) == (0, 1, -signal.SIGKILL)


def test_nothing_that_was_open_is_shared(tmp_path: Path) -> None:
    """Were it, the other end of a pipe would stay open as long as a child lives."""
    reading, writing = os.pipe()
    with Nursery() as nursery, os.fdopen(reading) as mine:
        child = nursery.fork(linger, str(tmp_path / "told"))
        until((tmp_path / "told").exists, "it has begun")
        os.close(writing)
        assert mine.read() == ""
        assert child.is_alive()


def test_a_child_notices_that_nobody_looks_after_it(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with Nursery() as nursery:
        nursery.fork(linger, str(told))
        until(told.exists, "it has begun")
    until(lambda: told.read_text() == "noticed", "it noticed")


def test_a_stop_that_comes_too_early_waits(tmp_path: Path) -> None:
    with Nursery() as nursery:
        child = nursery.fork(await_stop, str(tmp_path / "begun"))
        until((tmp_path / "begun").exists, "it has begun")
        child.send(signal.SIGTERM)
        (tmp_path / "sent").touch()
        assert child.join(LONG_SECONDS)
        assert child.exitcode == -signal.SIGTERM


def test_a_nursery_that_stands_still_is_given_up_and_its_children_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "told"
    with Nursery() as nursery:
        child = nursery.fork(linger, str(told))
        until(told.exists, "it has begun")
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
        os.kill(nursery.pid, signal.SIGSTOP)
        with pytest.raises(RegisterError, match="is gone"):
            child.join(LONG_SECONDS)
        until(lambda: told.read_text() == "noticed", "it noticed")


def test_a_nursery_that_stands_still_keeps_nobody_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    with Nursery() as nursery:
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
        os.kill(nursery.pid, signal.SIGSTOP)


def test_a_nursery_that_is_gone_is_told(tmp_path: Path) -> None:
    with Nursery() as nursery:
        child = nursery.fork(linger, str(tmp_path / "told"))
        os.kill(nursery.pid, signal.SIGKILL)
        with pytest.raises(RegisterError, match="is gone"):
            child.join(LONG_SECONDS)


def stand_still(_is_orphan: IsOrphan, begun: str) -> None:
    """As a worker whose disk does not answer: SIGTERM is for later."""
    Path(begun).touch()
    until(lambda: False, "it was killed")


def test_workers_that_stand_still_are_waited_for_together(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself would have the time that all of them have: who stops a gateway does not wait for so long."""
    monkeypatch.setattr(supervisor, "DRAIN_SECONDS", 3.0)
    names = [f"worker-{number}" for number in range(20)]
    with Nursery() as nursery:
        run = Supervisor(workspace, nursery, len(names), until_idle=False)
        run._processes |= {name: nursery.fork(stand_still, str(tmp_path / name)) for name in names}
        until(lambda: all((tmp_path / name).exists() for name in names), "they have begun")
        started = time.monotonic()
        run._drain()
        assert time.monotonic() - started < len(names) * supervisor.DRAIN_SECONDS / 2
        assert {child.exitcode for child in run._processes.values()} == {-signal.SIGKILL}
