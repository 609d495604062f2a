"""What a worker is doing at this moment, whether it is kept from it, and that it goes on: two bytes and a number in a shared file."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PHASES: Final[Sequence[str]] = ("idle", "reading", "deciding", "before commit", "after commit", "dispatching")
# The phase stands in the first byte, for how many turns it still counts as waiting in the second, the beats in the second eight.
_SIZE, _WAITS, _BEATS = 16, 1, 1
# An idle worker makes five turns a second, and tries some things in one of them.
_TURNS = 10


class PhaseMark:
    """The phase of one worker, and how often it has changed: a worker that stands still shows. Setting it costs no system call."""

    def __init__(self, path: Path) -> None:
        self._memory = map_file(path, _SIZE)
        self._numbers = memoryview(self._memory).cast("Q")

    def set(self, phase: str) -> None:
        self._memory[0] = PHASES.index(phase)
        if phase == "idle" and self._memory[_WAITS]:
            self._memory[_WAITS] -= 1
        self._numbers[_BEATS] += 1

    def beat(self) -> None:
        """It goes on with what it was doing."""
        self._numbers[_BEATS] += 1

    def refused(self) -> None:
        """The register or the log did not take what it was given, and it tries again: either is away, or its disk is full."""
        self._memory[_WAITS] = _TURNS

    def get(self) -> str:
        return PHASES[self._memory[0]]

    def waits(self) -> bool:
        """Whether that is so, or was within its last few turns."""
        return bool(self._memory[_WAITS])

    def beats(self) -> int:
        """A number that changes whenever the worker goes on."""
        return self._numbers[_BEATS]

    def close(self) -> None:
        self._numbers.release()
        self._memory.close()


def map_file(path: Path, size: int) -> mmap.mmap:
    """The bytes of a file, shared with whoever else maps it and there when they die; made anew where it is of another size. OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.stat().st_size != size:
        path.write_bytes(bytes(size))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), size)


def phase_file(root: Path, worker: str) -> Path:
    """Where a worker of a workspace leaves its mark."""
    return root / "run" / f"{worker}.phase"
