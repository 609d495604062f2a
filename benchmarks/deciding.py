"""One `decide` as a line of the table: benchmarks/decide.py beside its fixed piece of Python."""

from __future__ import annotations

from collections.abc import Iterator

from decide import ROUNDS, make_report, make_situation, race, yardstick
from measuring import Figure, Size
from pas_gateway.policy.decide import decide
from pas_schemas.rulebook import shipped_rulebook
from places import Places


def run(places: Places, size: Size) -> Iterator[Figure]:
    report, situation, rulebook = make_report(), make_situation(), shipped_rulebook()
    decided, fixed = race(lambda: decide(report, situation, rulebook), yardstick, 1 if size.tiny else ROUNDS)
    yield Figure("decide: 3 items, 8 offices", f"{fixed * 1e6:.0f} us of plain Python", f"{decided * 1e6:.0f} us", f"{decided / fixed:.2f}")
