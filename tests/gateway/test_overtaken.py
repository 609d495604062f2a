"""Workers that overtake each other at any step: what stands in the end is what one worker would have come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from copying import copy_workspace
from gateway.desk import Desk, Row, copy_estate
from gateway.judging import find_journeys
from gateway.test_movements_apart import partitions_of, subjects
from pas_gateway.filing import read_verdicts
from pas_gateway.plan import Plan
from pas_gateway.policy.verdicts import Verdicts
from pas_gateway.register import ClashError, queries
from pas_schemas.topics import MOVEMENTS, REPORTS
from pas_transport.log import Partition, Taken
from pas_transport.workspace import open_workspace

SEEDS = 3
REPORTS_EACH = 60
AT_ONCE = 4
# How often movements are taken in while a crowd waits behind them, how often one looks for those to follow, and in how many parts.
BEHIND, FOLLOWING, SHARES = 0.6, 0.1, 3
NUMBERS = ("A1234BC", "A2222BB", "A3333CC", "A4444DD", "A5555EE", "A6666FF")
# Few of them add up, so that what others wrote changes a decision now and then.
TAGS = ("DRUGS", "DRUGS", "DRUGS", "SELF_HARM", "VIOLENCE", "ESCAPE")


@dataclass
class Told:
    """A log in which everything lies, and what one worker makes of it."""

    root: Path
    verdicts: Mapping[str, Verdicts]
    held: Mapping[tuple[str, str], bool]


@dataclass
class Struck:
    """How often a batch was written although it was overtaken, how often it was computed anew, and movements were followed later."""

    stood: int = 0
    again: int = 0
    followed: int = 0


@pytest.fixture(scope="module")
def told(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    found = []
    for seed in range(SEEDS):
        random, root = Random(seed), tmp_path_factory.mktemp("overtaken") / "told"
        with Desk(copy_estate(pristine, root)) as desk:
            for number in NUMBERS:
                desk.move(noms_number=number, hours_ago=24, prison="WSI")
            for _ in range(REPORTS_EACH // 10):
                desk.publish(*(_write(desk, random) for _ in range(10)))
                desk.move(noms_number=random.choice(NUMBERS), hours_ago=random.random(), prison=random.choice(("WSI", "BAI")))
            one, other = random.sample(NUMBERS, 2)
            desk.move(noms_number=one, event="MERGED", prison=None, category=None, removed_noms_number=other, hours_ago=0.01)
        found.append(root)
    return [_run_one(root, root.parent / "one") for root in found]


def _write(desk: Desk, random: Random) -> Row:
    return desk.write(risk_tags=[random.choice(TAGS)], subjects=subjects(*random.sample(NUMBERS, random.choice((1, 1, 2)))))


def _run_one(root: Path, copy: Path) -> Told:
    with Desk(open_workspace(copy_workspace(root, copy), environment={})) as desk:
        return Told(root, *_outcome(desk))


def _outcome(desk: Desk) -> tuple[dict[str, Verdicts], dict[tuple[str, str], bool]]:
    """The verdicts of each report, and whether each office that was ever sent a text of it holds one."""
    journeys = find_journeys(desk.run())
    with desk.store.reading() as register:
        names = {(f"force:{number}", urn) for number in ("01", "06") for _, urn in journeys}
        reports = [one.id for one in queries.find_accepted(register, (), names)]
        filed = queries.find_decisions(register, reports).values()
        verdicts = {one.urn: read_verdicts(one.verdicts, one.id, desk.office.register_key).verdicts for one in filed}
    return verdicts, {place: kinds[-1] == "DISCLOSURE" for place, kinds in journeys.items()}


@dataclass
class Rivals:
    """As many workers as there are partitions, each of which has computed its next batch, or not yet; movements they follow at once or not,
    and each of them may follow its part of those that are left."""

    desk: Desk
    random: Random
    waiting: dict[Partition, list[Taken]]
    planned: dict[Partition, tuple[list[Taken], Plan]] = field(default_factory=dict)
    following: dict[int, Plan] = field(default_factory=dict)
    struck: Struck = field(default_factory=Struck)

    def run(self) -> None:
        while self.waiting or self.planned or self.following or self.desk.pipeline.follow_due() is not None:
            if self.random.random() < FOLLOWING or not (self.waiting or self.planned):
                self._follow(self.random.randrange(SHARES))
            else:
                self._take()

    def _follow(self, share: int) -> None:
        if share not in self.following:
            plan = self.desk.pipeline.follow_due([queries.range_of(share, SHARES)])
            self.following |= {share: plan} if plan is not None else {}
            return
        try:
            self.desk.pipeline.commit(self.following.pop(share))
        except ClashError:
            self.struck.again += 1
        else:
            self.struck.followed += 1

    def _take(self) -> None:
        """One of them computes a batch, or writes the one it has computed, whatever others wrote meanwhile."""
        place = self.random.choice(sorted({*self.waiting, *self.planned}))
        if place not in self.planned:
            some = self.waiting[place][: self.random.randint(1, AT_ONCE)]
            self.planned[place] = some, self._compute(place, some)
            return
        some, plan = self.planned.pop(place)
        used = plan.change.used
        try:
            self.desk.pipeline.commit(plan)
        except ClashError:
            self.struck.again += 1
            self.planned[place] = some, self._compute(place, some)
            return
        self.struck.stood += plan.change.used is not used
        left = self.waiting[place][len(some) :]
        self.waiting = {key: value for key, value in self.waiting.items() if key != place} | ({place: left} if left else {})

    def _compute(self, place: Partition, some: list[Taken]) -> Plan:
        if place.topic == MOVEMENTS.name:
            return self.desk.plan_movements(some, behind=self.random.random() < BEHIND)
        return self.desk.plan_reports(some)


def test_whoever_overtakes_whom_it_ends_alike(told: list[Told], tmp_path: Path) -> None:
    """What is struck is counted over all of them: a prisoner's partition is a matter of chance."""
    struck = Struck()
    for seed, one in enumerate(told):
        with Desk(open_workspace(copy_workspace(one.root, tmp_path / str(seed)), environment={})) as desk:
            places = partitions_of(desk, REPORTS.name) | partitions_of(desk, MOVEMENTS.name)
            Rivals(desk, Random(seed), places, struck=struck).run()
            verdicts, held = _outcome(desk)
        assert verdicts == one.verdicts
        assert {place for place, holds in held.items() if holds} == {place for place, holds in one.held.items() if holds}
    assert min(struck.stood, struck.again, struck.followed) > 0
