"""The broker beside the independent judge: random worlds and every combination of the finite axes, and where the two differ."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from policy.harness import World
from policy.oracle import example_estate, judge
from policy.reports import NOW, count, make_estate_variants, make_world

Json = dict[str, Any]
WORLD_SIZE = 2000
# The moment judged and the directory; of five worlds in turn two are of another kind, by other postings or at another time.
KINDS: Sequence[tuple[str, Callable[[], list[Json]]]] = (
    (NOW, make_estate_variants), (NOW, make_estate_variants), (NOW, make_estate_variants),
    ("2015-03-01T00:00:00Z", make_estate_variants), (NOW, example_estate),
)  # fmt: skip


@dataclass
class Comparison:
    """How many reports were compared, what the judge's answers struck, and each on which the broker differs."""

    reports: int = 0
    pairs: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, Json, Json]] = field(default_factory=list)

    def take(self, other: Comparison) -> None:
        self.reports += other.reports
        self.pairs += other.pairs
        self.struck += other.struck
        self.wrong += other.wrong


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made here stays until it is compared: nobody need look in it for what may go."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def compare(lines: Sequence[str], rows: list[Json], movements: list[Json], now: str = NOW) -> Comparison:
    """The broker's answers to these lines, judged one after another, beside the judge's."""
    with uncollected():
        ours = World.of(rows, movements, now).explain(lines)
        theirs = judge(list(lines), rows, movements, now)
    wrong = [(line, one, other) for line, one, other in zip(lines, ours, theirs, strict=True) if one != other]
    pairs = sum(len(outcome["items"]) for answer in theirs for outcome in answer["outcomes"])
    return Comparison(len(lines), pairs, count(theirs), wrong)


def compare_world(seed: int, *, murky: bool = False) -> Comparison:
    """One random world; `murky` with reports on which the text has two readings, of which one is written down."""
    now, estate = KINDS[seed % len(KINDS)]
    rows, movements, lines = make_comparable(seed, WORLD_SIZE, now, estate, murky=murky)
    return compare(lines, rows, movements, now)


def make_comparable(
    seed: int, size: int, now: str = NOW, estate: Callable[[], list[Json]] = make_estate_variants, *, murky: bool = False
) -> tuple[list[Json], list[Json], list[str]]:
    """Directory, movements and lines of a random world at any moment."""
    movements, lines = make_world(seed, size, now=now, murky=murky)
    return [in_its_term(row) for row in estate()], movements, lines


def in_its_term(row: Json) -> Json:
    """A directory row for any moment: one that says when it begins and ends is active in between."""
    return {**row, "active": row["active"] or row["to"] is not None or row["from"] > NOW}
