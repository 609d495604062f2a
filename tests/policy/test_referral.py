"""`R-REFERRAL` over crowded months: which reports add up, as counting day by day finds them, and at a cost that grows with their number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

import pytest

from pas_gateway.policy.cases import adding_up
from pas_gateway.policy.situation import Earlier, Situation
from pas_schemas.clock import parse_time, to_ms
from pas_schemas.models.report import Report
from policy.harness import RULEBOOK, make_snapshot
from policy.reports import make_estate_variants
from policy.table import NOW, read_table, report_from_row

WRITTEN = parse_time("2015-06-01T12:00:00Z")
DAYS = 90
FIRST, SECOND = {"ESCAPE", "FIREARMS"}, {"ESCAPE", "FIREARMS", "MOBILE_PHONE", "OCG", "VIOLENCE"}
TAGS = ["ESCAPE", "FIREARMS", "OCG", "VIOLENCE", "HEALTH", "DRUGS"]
REPORT = Report.model_validate(report_from_row(read_table()[0])).model_copy(update={"created_at": WRITTEN})
ESTATE = make_snapshot(make_estate_variants()).at(parse_time(NOW))


@dataclass
class Told:
    """One that came before, so many days before or after this one was written; counts how often it is looked at."""

    day: float
    tags: frozenset[str]
    looks: Counter[str] = field(default_factory=Counter)

    @property
    def id(self) -> bytes:
        return id(self).to_bytes(16, "big")

    @property
    def created_at_ms(self) -> int:
        self.looks["moment"] += 1
        return to_ms(WRITTEN + timedelta(days=self.day))


def find(earlier: Sequence[Earlier], tags: Sequence[str]) -> frozenset[bytes]:
    """What the broker says adds up with a report of these tags."""
    situation = Situation(
        now=parse_time(NOW), estate=ESTATE, whereabouts={}, written={}, came_at=parse_time(NOW), earlier={0: earlier}
    )  # fmt: skip
    return adding_up(REPORT.model_copy(update={"risk_tags": tuple(tags)}), situation, RULEBOOK)


def add_up(tags: set[str]) -> bool:
    return any(one != other for one in tags & FIRST for other in tags & SECOND)


def count_by_days(earlier: Sequence[Told], tags: set[str]) -> frozenset[bytes]:
    """The same by the words of domain.md, for each 90 days that hold this report."""
    spans = [[one for one in earlier if start <= one.day <= start + DAYS] for start in range(-DAYS, 1)]
    before = [set().union(*(one.tags for one in near)) for near in spans]
    if any(len(near) >= 2 and add_up(held) for near, held in zip(spans, before, strict=True)):
        return frozenset()
    return frozenset(one.id for near, held in zip(spans, before, strict=True) if near and add_up(held | tags) for one in near)


@pytest.mark.parametrize("seed", range(4))
def test_reports_add_up_as_counted_day_by_day(seed: int) -> None:
    random, struck = Random(seed), Counter[str]()
    for _ in range(500):
        earlier = [
            Told(random.randint(-200, 100), frozenset(random.sample(TAGS, random.choice((0, 1, 1, 2)))))
            for _ in range(random.randint(0, 9))
        ]
        tags = random.sample(TAGS, random.choice((0, 1, 2)))
        expected = count_by_days(earlier, set(tags))
        assert find(earlier, tags) == expected
        near = sum(abs(one.day) <= DAYS for one in earlier)
        struck["all of those near" if len(expected) == near else "some of them" if expected else "none"] += bool(near)
    assert min(struck[name] for name in ("all of those near", "some of them", "none")) >= 10, struck


@pytest.mark.parametrize("tags", [["HEALTH"], ["FIREARMS"], ["FIREARMS", "OCG"]])
def test_a_crowd_of_reports_is_gone_through_a_few_times(tags: list[str]) -> None:
    """Thousands on one prisoner, each at a moment of its own: what is looked at grows as they do, not as their square."""
    looks = Counter[str]()
    moments = Random(1).sample(range(-3000, 3000), 3000)
    crowd = [Told(moment / 100, frozenset({"OCG"} if moment % 2 else {"OCG", "DRUGS"}), looks) for moment in moments]
    found = find(crowd, tags)
    assert len(found) == (len(crowd) if "FIREARMS" in tags else 0)
    assert looks["moment"] <= 10 * len(crowd)
