"""A running `pas gateway run` whose worker processes are killed at a chosen place of their work, and counted by where each really died."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest

from forked_pas import shared
from pas_gateway.phases import PHASES, PhaseMark, phase_file

# Every place of a worker's life in which it holds work; "idle" is none.
PLACES = tuple(phase for phase in PHASES if phase != "idle")
# How long a look lasts: a worker passes "after commit" in a fraction of a millisecond.
_LOOK_SECONDS = 0.00005
_LONGEST_PAUSE_SECONDS = 0.2
_PATIENCE_SECONDS = 180.0
TELL_EACH = 10
# A run has more to finish the more kills it went through: every transfer decides all that came before again.
_RUN_SECONDS = 300 + int(os.environ.get("PAS_TEST_KILLS", "0"))


class RunningGateway:
    """The command as a person starts it; each worker is known by the phase file it has in memory."""

    # What it told on stderr, once it has ended.
    said: str = ""

    def __init__(self, root: Path, *arguments: str, workers: int = 2) -> None:
        self._root = root
        names = ["threats", *(f"worker-{number}" for number in range(1, workers + 1))]
        self._marks = {name: PhaseMark(phase_file(root, name)) for name in names}
        command = ["--workspace", str(root), "gateway", "run", "--workers", str(workers), "--json", *arguments]
        self._process = shared().begin(command, Path.cwd(), os.environ)
        self._seen: dict[int, str] = {}
        self._dead: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process.poll() is None:
            self.kill()
        self._process.close()
        for mark in self._marks.values():
            mark.close()

    def find(self) -> dict[str, int]:
        """The living workers by name."""
        for pid in _descendants(self._process.pid):
            if pid not in self._seen and pid not in self._dead:
                name = _name_of(pid, self._root)
                if name is not None:
                    self._seen[pid] = name
        return {name: pid for pid, name in self._seen.items() if _is_alive(pid)}

    def waits(self) -> bool:
        """Whether a worker says that what it writes or sends is not taken."""
        return any(mark.waits() for mark in self._marks.values())

    def check(self) -> None:
        """Fails, with what it said, where the run has ended by itself."""
        if self._process.poll() is not None:
            pytest.fail(f"the gateway ended by itself: {self._process.communicate()[1]}")

    def await_workers(self) -> dict[str, int]:
        """The workers, once all of them have begun."""
        until(lambda: len(self.find()) == len(self._marks), "the workers have begun")
        return self.find()

    def strike(self, wanted: str, seconds: float) -> str | None:
        """Kills one worker that is caught in `wanted`, and says where it died; None where none was caught in time."""
        caught = self._catch(wanted, seconds)
        if caught is None:
            return None
        return self._end(*caught)

    def kill_worker(self, name: str) -> None:
        """SIGKILL of one worker, wherever it is."""
        self._end(self.find()[name], self._marks[name])

    def _end(self, pid: int, mark: PhaseMark) -> str:
        """Where it died."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not _is_alive(pid), "a worker is dead")
        place = mark.get()
        # What its heir has not set yet is nobody's place.
        mark.set("idle")
        self._seen.pop(pid, None)
        self._dead.add(pid)
        return place

    def signal(self, name: str, number: signal.Signals) -> None:
        """Sends a signal to one worker."""
        os.kill(self.find()[name], number)

    @contextmanager
    def holding(self, wanted: str, seconds: float, names: Collection[str] = ()) -> Iterator[str | None]:
        """One worker (of `names`) stands still where it was caught in `wanted`, and goes on afterwards with what is broken by then.

        Yields the worker's name; None where none was caught in time.
        """
        caught = self._catch(wanted, seconds, names)
        try:
            yield caught and self._seen[caught[0]]
        finally:
            if caught:
                with suppress(ProcessLookupError):
                    os.kill(caught[0], signal.SIGCONT)

    def _catch(self, wanted: str, seconds: float, names: Collection[str] = ()) -> tuple[int, PhaseMark] | None:
        """A worker that is held by SIGSTOP where it was wanted."""
        deadline = time.monotonic() + seconds
        living = self.find()
        marks = {name: mark for name, mark in self._marks.items() if not names or name in names}
        while time.monotonic() < deadline:
            for name, mark in marks.items():
                pid = living.get(name)
                if pid is not None and mark.get() == wanted and _hold(pid, mark, wanted):
                    return pid, mark
            time.sleep(_LOOK_SECONDS)
            if len(living) < len(self._marks):
                living = self.find()
        return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Every process of it stands still; where it is not killed meanwhile it goes on afterwards."""
        every = [self._process.pid, *_descendants(self._process.pid)]
        for pid in every:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in every:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL of the supervisor; returns once every process that it had started is gone."""
        below = _descendants(self._process.pid)
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        until(lambda: not any(_is_alive(pid) for pid in below), "the workers of a dead supervisor have ended")

    def stop(self) -> dict[str, Any]:
        """SIGTERM, the drain, and what the run says it did."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def fail(self) -> str:
        """SIGTERM, and what the run says of why it could not end as it should."""
        self._process.send_signal(signal.SIGTERM)
        out, err = self._process.communicate(timeout=_RUN_SECONDS)
        assert (out, self._process.returncode) == ("", 1)
        return err

    def wait(self) -> dict[str, Any]:
        """What the run says it did, once it has ended by itself."""
        out, err = self._process.communicate(timeout=_RUN_SECONDS)
        assert "Traceback" not in err
        self.said = err
        assert self._process.returncode == 0, err
        said: dict[str, Any] = json.loads(out)
        return said


class Hunt:
    """Chooses the next place, the one struck least, and counts; what struck nobody at work does not count."""

    def __init__(self, places: Sequence[str] = PLACES) -> None:
        self.struck: Counter[str] = Counter(dict.fromkeys(places, 0))

    def strike(self, gateway: RunningGateway, seconds: float) -> None:
        """One kill, if a worker comes by in time."""
        place = gateway.strike(self.wanted, seconds)
        if place is not None:
            self.struck[place] += 1
            if self.kills % TELL_EACH == 0:
                # A line for whoever waits for a long run.
                print(f"{self.kills} workers killed, at {dict(self.struck)}", flush=True)

    @contextmanager
    def holding(self, gateway: RunningGateway, seconds: float) -> Iterator[str | None]:
        """A worker held at the next place while something else is broken; counted where one was caught."""
        wanted = self.wanted
        with gateway.holding(wanted, seconds) as worker:
            if worker is not None:
                self.struck[wanted] += 1
            yield worker

    @property
    def wanted(self) -> str:
        return min(self.struck, key=lambda place: self.struck[place])

    @property
    def kills(self) -> int:
        return self.struck.total()

    def done(self, kills: int, each: int) -> bool:
        return self.kills >= kills and min(self.struck.values()) >= each


def until(true: Callable[[], bool], what: str) -> None:
    """Looks until something is so, ever less often: looking takes from what it looks at; fails after a time that only a fault takes."""
    deadline, pause = time.monotonic() + _PATIENCE_SECONDS, 0.0005
    while not true():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def _hold(pid: int, mark: PhaseMark, wanted: str) -> bool:
    """Stops the process first and then looks: its mark cannot move under whoever reads it."""
    with suppress(ProcessLookupError):
        if not _is_alive(pid):
            return False
        os.kill(pid, signal.SIGSTOP)
        until(lambda: _state(pid) in "TtZXx", "a worker is held")
        if mark.get() == wanted and _is_alive(pid):
            return True
        os.kill(pid, signal.SIGCONT)
    return False


def _descendants(pid: int) -> list[int]:
    found = []
    with suppress(OSError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            found += [child, *_descendants(child)]
    return found


def _name_of(pid: int, root: Path) -> str | None:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if line.endswith(".phase") and f" {root}/" in line:
                return Path(line.split()[-1]).stem
    return None


def _is_alive(pid: int) -> bool:
    return _state(pid) not in "ZXx"


def _state(pid: int) -> str:
    """One letter of /proc; X where there is no such process."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return "X"
