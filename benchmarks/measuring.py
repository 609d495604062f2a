"""Costs side by side: what a floor and a subject take in alternation, so that whatever disturbs one disturbs the other."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple


class Cost(NamedTuple):
    """Seconds by the clock, and of this process's own computing."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; `ratio` is what the aim speaks of, `at_least` whether it is a least or a most."""

    what: str
    floor: str
    subject: str
    ratio: float | None
    aim: float | None
    at_least: bool = True
    note: str = ""

    @property
    def met(self) -> bool | None:
        if self.ratio is None or self.aim is None:
            return None
        return self.ratio >= self.aim if self.at_least else self.ratio <= self.aim


def time_call(call: Callable[[], object]) -> Cost:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def alternate(rounds: int, floor: Callable[[int], object], subject: Callable[[int], object]) -> list[tuple[Cost, Cost]]:
    """Floor and subject on the same part of the work, part by part, each first in turn; part 0 warms both up and is not told."""
    told = []
    for part in range(rounds + 1):
        if part % 2:
            second = time_call(lambda part=part: subject(part))
            first = time_call(lambda part=part: floor(part))
        else:
            first = time_call(lambda part=part: floor(part))
            second = time_call(lambda part=part: subject(part))
        told.append((first, second))
    return told[1:]


def middle(values: Sequence[float]) -> float:
    return median(values)


def read_scale() -> float:
    """BENCH_SCALE: a share of the aims' own sizes, `full` being all of them."""
    said = os.environ.get("BENCH_SCALE", "0.02")
    return 1.0 if said == "full" else float(said)
