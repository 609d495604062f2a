"""Costs side by side: what a floor and a subject take in alternation, so that whatever disturbs one disturbs the other."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import NamedTuple


class Cost(NamedTuple):
    """Seconds by the clock, and of this process's own computing."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `met` is None where no aim speaks of it."""

    what: str
    floor: str
    subject: str
    ratio: str
    aim: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """How much of the aims' own sizes is measured, 1 being all."""

    scale: float

    @property
    def tiny(self) -> bool:
        """Only to see that it runs."""
        return self.scale == 0

    def of(self, full: int) -> int:
        """So much of the full size, in parts of a batch."""
        return 20 if self.tiny else max(500, round(full * self.scale / 500) * 500)

    @property
    def prisoners(self) -> int:
        """All twenty thousand from a tenth of the size on."""
        return 30 if self.tiny else max(500, int(20_000 * min(1.0, self.scale * 10)))

    @property
    def part(self) -> int:
        """Reports in a round, in batches of the gateway's own size."""
        return 20 if self.tiny else 1000

    @property
    def rounds(self) -> int:
        return 1 if self.tiny else 5


def read_size() -> Size:
    """BENCH_SCALE: a share of the aims' own sizes, `full` being all of them."""
    said = os.environ.get("BENCH_SCALE", "0.03")
    return Size(1.0 if said == "full" else float(said))


def time_call(call: Callable[[], object]) -> Cost:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def alternate(
    rounds: int, floor: Callable[[int], object], subject: Callable[[int], object], before: Callable[[int], object] = lambda _: None
) -> list[tuple[Cost, Cost]]:
    """Floor and subject on the same part of the work, part by part, each first in turn; part 0 warms both up and is not told.

    What is done `before` each part is not timed.
    """
    told: list[tuple[Cost, Cost]] = []
    for part in range(rounds + 1):
        before(part)
        if part % 2:
            later = time_call(partial(subject, part))
            told.append((time_call(partial(floor, part)), later))
        else:
            told.append((time_call(partial(floor, part)), time_call(partial(subject, part))))
    return told[1:]


def each(costs: Sequence[Cost], count: int) -> str:
    """What one of `count` took, in the middle of the rounds."""
    wall, cpu = median(one.wall for one in costs), median(one.cpu for one in costs)
    return f"{wall / count * 1e6:,.0f} us, CPU {cpu / count * 1e6:,.0f}"


def compare(costs: Sequence[tuple[Cost, Cost]], count: int, what: str, aim: float | None, *, of_cpu: bool = False) -> Figure:
    """Floor over subject, the middle of the rounds' ratios by the clock and by computing; the aim speaks of one of them."""
    wall, cpu = median(floor.wall / subject.wall for floor, subject in costs), median(floor.cpu / subject.cpu for floor, subject in costs)
    counts = cpu if of_cpu else wall
    return Figure(
        what, each([floor for floor, _ in costs], count), each([subject for _, subject in costs], count),
        f"{wall:.2f}, CPU {cpu:.2f}", f">= {aim}{' (CPU)' if of_cpu else ''}" if aim else "", counts >= aim if aim else None,
    )  # fmt: skip


def tell(figures: Iterable[Figure]) -> None:
    """One JSON object a line, as they come."""
    for figure in figures:
        print(json.dumps(asdict(figure)))
        sys.stdout.flush()
