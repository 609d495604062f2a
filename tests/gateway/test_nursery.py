"""What a nursery forks: nothing that was open before is shared with it, its end is told, and it notices when nobody looks after it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from gateway.killing import until
from pas_gateway.nursery import STOPS, IsOrphan, Nursery
from pas_schemas.errors import RegisterError

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


def test_a_nursery_that_is_gone_is_told(tmp_path: Path) -> None:
    with Nursery() as nursery:
        child = nursery.fork(linger, str(tmp_path / "told"))
        os.kill(nursery.pid, signal.SIGKILL)
        with pytest.raises(RegisterError, match="is gone"):
            child.join(LONG_SECONDS)
