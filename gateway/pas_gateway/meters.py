"""How large a worker's batches are and how long each stage of them takes: histograms in a shared file, which outlives the worker.

A worker only ever adds to its own file; whoever watches adds the files up. A worker that is killed loses nothing, and its heir
goes on where it stopped.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final, Literal

from pas_gateway.phases import map_file

Stage = Literal["verify", "decide", "seal", "write", "dispatch"]
STAGES: Final[Sequence[Stage]] = ("verify", "decide", "seal", "write", "dispatch")
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RECORDS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
# Each histogram: a number for each bound, one for what is above them all, and the sum. Eight bytes each, written whole.
_BOUNDS: Final[Mapping[str, Sequence[float]]] = {"records": RECORDS} | dict.fromkeys(STAGES, SECONDS)
_STARTS: Final = dict(zip(_BOUNDS, accumulate((len(bounds) + 2 for bounds in _BOUNDS.values()), initial=0), strict=False))
_NUMBERS: Final = sum(len(bounds) + 2 for bounds in _BOUNDS.values())
_SUFFIX: Final = ".meter"


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many observations were at most each bound (the last: all of them), and their sum."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    sum: float


class Meter:
    """One worker's numbers."""

    def __init__(self, path: Path) -> None:
        self._memory = map_file(path, _NUMBERS * 8)
        self._numbers = memoryview(self._memory).cast("d")

    def observe_batch(self, records: int) -> None:
        """A batch of so many records was written."""
        self._observe("records", records)

    def observe_stages(self, seconds: Mapping[Stage, float]) -> None:
        """A batch has spent so long in each of these stages."""
        for stage, spent in seconds.items():
            self._observe(stage, spent)

    def _observe(self, name: str, value: float) -> None:
        bounds, start = _BOUNDS[name], _STARTS[name]
        self._numbers[start + len(bounds) + 1] += value
        self._numbers[start + bisect_left(bounds, value)] += 1

    def numbers(self) -> list[float]:
        return list(self._numbers)

    def close(self) -> None:
        self._numbers.release()
        self._memory.close()


def meter_file(root: Path, worker: str) -> Path:
    """Where a worker of a workspace keeps its numbers."""
    return root / "run" / f"{worker}{_SUFFIX}"


def read_meters(root: Path) -> dict[str, Histogram]:
    """The histograms of every worker that ever ran in a workspace, added up: `records`, and one for each stage."""
    totals = [0.0] * _NUMBERS
    for numbers in _read_files(root / "run"):
        totals = [total + number for total, number in zip(totals, numbers, strict=True)]
    return {name: _cut(totals, name) for name in _BOUNDS}


def _read_files(folder: Path) -> Iterator[Sequence[float]]:
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        data = path.read_bytes()
        # One of another size is of an older version, or not yet written whole.
        if len(data) == _NUMBERS * 8:
            yield memoryview(data).cast("d").tolist()


def _cut(numbers: Sequence[float], name: str) -> Histogram:
    bounds, start = tuple(_BOUNDS[name]), _STARTS[name]
    end = start + len(bounds) + 1
    return Histogram(bounds, tuple(int(count) for count in accumulate(numbers[start:end])), numbers[end])
