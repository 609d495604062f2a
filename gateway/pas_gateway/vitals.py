"""Whether the processes of a run go on: each worker by the beats of its mark, the supervisor by its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pas_gateway.phases import PhaseMark, phase_file

State = Literal["well", "starting", "waits", "hangs"]
SUPERVISOR = "supervisor"
# One that hangs is first told, and given up once it has stood still this many times as long.
GIVEN_UP = 2


@dataclass
class _Pulse:
    """The last beat seen of a process, and when it was new."""

    beat: int
    since: float
    starting: bool = True


@dataclass
class Vitals:
    """What is known of each process; `hang_seconds` without a beat, working or idle, and it hangs. Several threads may ask."""

    hang_seconds: float
    now: Callable[[], float] = time.monotonic
    falls: int = 0
    _marks: dict[str, PhaseMark] = field(default_factory=dict)
    _pulses: dict[str, _Pulse] = field(default_factory=dict)
    _beat: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def watching(cls, root: Path, workers: Iterable[str], hang_seconds: float) -> Iterator[Vitals]:
        """Watches the workers of a run by their marks."""
        vitals = cls(hang_seconds)
        vitals._marks.update({name: PhaseMark(phase_file(root, name)) for name in workers})
        try:
            yield vitals
        finally:
            for mark in vitals._marks.values():
                mark.close()

    def begin(self, name: str) -> None:
        """A process of this name is started: it is well from its first beat on."""
        with self._lock:
            self._pulses[name] = _Pulse(self._read(name), self.now())

    def fall(self, name: str) -> None:
        """It ended without being told to; its heir is awaited."""
        with self._lock:
            self.falls += 1
            self._pulses[name].starting = True

    def beat(self) -> None:
        """The supervisor goes on; what it sees of the others is noted."""
        self._beat += 1
        self.look()

    def list_given_up(self) -> list[str]:
        """Workers that have stood still too long to be waited for: what they hold is somebody else's to do."""
        with self._lock:
            still = {name: self.now() - pulse.since for name, pulse in self._pulses.items() if self._judge(name, pulse) == "hangs"}
        return [name for name, seconds in still.items() if name != SUPERVISOR and seconds >= GIVEN_UP * self.hang_seconds]

    def look(self) -> dict[str, State]:
        """How each process is."""
        with self._lock:
            return {name: self._judge(name, pulse) for name, pulse in self._pulses.items()}

    def _judge(self, name: str, pulse: _Pulse) -> State:
        beat, now = self._read(name), self.now()
        if beat != pulse.beat:
            pulse.beat, pulse.since, pulse.starting = beat, now, False
        if now - pulse.since >= self.hang_seconds:
            return "hangs"
        if pulse.starting:
            return "starting"
        return "waits" if name != SUPERVISOR and self._marks[name].waits() else "well"

    def _read(self, name: str) -> int:
        return self._beat if name == SUPERVISOR else self._marks[name].beats()
