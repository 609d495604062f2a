"""The law of equal deliveries: of an item an office may not have, nothing it is sent tells anything, not even that it exists."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from gateway.desk import Desk
from gateway.judging import make_opener, read_all
from pas_gateway.pipeline import Pipeline
from pas_gateway.plan import Plan
from pas_gateway.route import read_outbox
from pas_producers import Published, Publisher
from pas_schemas.clock import to_ms
from pas_schemas.codec import decode
from pas_schemas.sealing import Opener
from pas_schemas.topics import REPORTS, SHARED_TOPICS, deliveries
from pas_transport.embedded import EmbeddedLog
from pas_transport.keyring import Keyring
from producers.samples import make_handling, make_item, make_subject

PAIRS = 80
ASSESSED = {"summary": "Weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}
READERS = ("pio:WSI", "security:WSI", "governor:WSI", "cat-a-team", "fib:01", "force:06", "pio:BAI", "security:BAI", "governor:BAI")
# What stands for nothing but chance, or is a digest of the whole report: equal in length, never in value.
RANDOM = {
    "delivery_id",
    "handle",
    "salt",
    "closed",
    "label_digest",
    "wrap_digest",
    "nonce",
    "ciphertext_digest",
    "path",
    "signature",
    "manifest",
}

Row = dict[str, Any]


@dataclass(frozen=True)
class FixedClock:
    """A clock that does not go on: two worlds are compared at the same moment."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment

    def now_ms(self) -> int:
        return to_ms(self.moment)


class World:
    """Reports are published into a log of their own and decided at one fixed moment; nothing is kept of them."""

    def __init__(self, desk: Desk, clock: FixedClock) -> None:
        self._desk, self._clock = desk, clock
        self._count = 0
        self._pipeline = Pipeline(replace(desk.office, clock=clock), desk.store)
        self.openers = {office: make_opener(desk.workspace, office) for office in READERS}

    def decide(self, report: Row) -> Plan | None:
        """What PAS would write about it; None where it does not come in."""
        self._count += 1
        path = self._desk.workspace.root / f"{self._count}.log"
        with EmbeddedLog(path, now_ms=self._clock.now_ms) as log:
            log.ensure(SHARED_TOPICS)
            publisher = Publisher(
                log=log, snapshot=self._desk.snapshot, keyring=self._keyring(), rulebook=self._desk.office.rulebook, clock=self._clock
            )
            with publisher:
                if not isinstance(publisher.publish([report]).outcomes[0], Published):
                    return None
            records = list(read_all(log, REPORTS.name))
        path.unlink()
        return self._pipeline.take_reports(records, ())

    def _keyring(self) -> Keyring:
        return self._desk.workspace.keyring("force:01")

    def read(self, plan: Plan, office: str) -> list[tuple[int, Row]]:
        """The length of each record sealed to an office, and what is in it."""
        topic, opener = deliveries(office).name, self.openers[office]
        return [
            (len(value), decode(self._open(opener, value), "delivery").datum)
            for row in plan.change.outbox
            if row["topic"] == topic
            for _, value in read_outbox(row["records"])
        ]

    def _open(self, opener: Opener, value: bytes) -> bytes:
        return opener.open(value, self._clock.now()).payload


def released(plan: Plan) -> dict[str, set[int]]:
    """The items each office is sent in a disclosure or as conditions, by their place in the report."""
    found: dict[str, set[int]] = {}
    for draft in plan.drafts:
        found.setdefault(draft.office, set()).update(draft.items)
    return found


def decides(plan: Plan) -> set[str]:
    """The owners of its cases: they are asked about what they may not have, and so must know of it."""
    return {case["owner"] for case in plan.change.cases}


def plain(node: Any, name: str = "") -> Any:
    """A delivery without what chance made, of which the length is left."""
    match node:
        case dict():
            return {key: plain(child, key) for key, child in node.items()}
        case list():
            return [plain(child, name) for child in node]
        case bytes() if name in RANDOM:
            return len(node)
        case bytes() if name == "subjects":
            return len(node), plain(decode(node, "subject_part").datum)
        case bytes() if name == "shared" and node:
            return decode(node, "item_shared").datum
        case _:
            return node


def write(rng: Random, desk: Desk) -> Row:
    """A report of several items, each with its own code, subjects and addressees."""
    people = [make_subject(pnc_id=None), make_subject(noms_number="A4821DK", pnc_id=None, family_name="Other")]
    items = [write_item(rng) for _ in range(rng.randint(2, 5))]
    handling = make_handling(
        conditions="Tell nobody.", reasons="Under way.", internal_recipients=["fib:01", "pio:WSI"][: rng.randint(1, 2)],
        review_by="2098-01-01", risk_assessment=ASSESSED,
    )  # fmt: skip
    tags = rng.sample(["DRUGS", "OCG", "ESCAPE", "VIOLENCE"], 2)
    return desk.write(subjects=people, items=items, handling=handling, risk_tags=tags, addressees=addressees(rng) or ["pio"])


def write_item(rng: Random) -> Row:
    return make_item(
        text="A line of the report, " + "and more of it, " * rng.randint(0, 60) + "to its end.",
        source=rng.choice("ABC"), intelligence=rng.choice("124"), handling=rng.choice("1112344"),
        subjects=rng.choice([None, [0], [1], [0, 1]]), addressees=rng.choice([None, addressees(rng)]),
        source_reference=f"ISR-{rng.randint(1, 10**6)}",
    )  # fmt: skip


def addressees(rng: Random) -> list[str]:
    return rng.sample(["pio", "security", "governor", "cat-a-team", "force:06", "security:BAI"], rng.randint(0, 4))


def vary(rng: Random, report: Row, hidden: int) -> Row:
    """The same report but for one item."""
    other = deepcopy(report)
    item = other["items"][hidden]
    for field in rng.sample(["text", "grade", "reference", "corroboration", "subjects", "addressees", "handling"], rng.randint(1, 4)):
        match field:
            case "text":
                item["text"] = "Something else, " * rng.randint(1, 200)
            case "grade":
                item["source"], item["intelligence"] = rng.choice("ABCD"), rng.choice("1245")
            case "reference":
                item["source_reference"] = "ISR-" + "9" * rng.randint(1, 50)
            case "corroboration":
                item["corroboration"] = "As seen. " * rng.randint(1, 20)
            case "subjects":
                item["subjects"] = rng.choice([[0], [1], [0, 1], []])
            case "addressees":
                item["addressees"] = addressees(rng)
            case "handling":
                item["handling"] = rng.choice("1234")
    return other


@pytest.fixture
def world(desk: Desk) -> World:
    desk.move(noms_number="A4821DK", prison="BAI")
    desk.run()
    return World(desk, FixedClock(desk.workspace.clock.now() + timedelta(minutes=1)))


def test_reports_that_differ_in_what_an_office_may_not_have_are_one_to_it(desk: Desk, world: World) -> None:
    rng = Random(11)
    compared: Counter[str] = Counter()
    for _ in range(PAIRS):
        report = write(rng, desk)
        hidden = rng.randrange(len(report["items"]))
        first, second = world.decide(report), world.decide(vary(rng, report, hidden))
        if first is None or second is None:
            continue
        for office in READERS:
            mine, theirs = released(first).get(office, set()), released(second).get(office, set())
            if hidden in mine | theirs or mine != theirs or not mine or office in decides(first) | decides(second):
                continue
            check_equal(world.read(first, office), world.read(second, office))
            compared[office] += 1
    assert compared.total() > PAIRS
    assert len(compared) >= 6


def check_equal(mine: list[tuple[int, Row]], theirs: list[tuple[int, Row]]) -> None:
    assert [length for length, _ in mine] == [length for length, _ in theirs]
    assert [plain(datum) for _, datum in mine] == [plain(datum) for _, datum in theirs]


def test_item_that_is_not_there_leaves_no_hole(desk: Desk, world: World) -> None:
    """With the hidden item, and without it: tags aside, which are for whoever has the whole report."""
    rng = Random(12)
    compared = 0
    for _ in range(PAIRS // 2):
        report = write(rng, desk) | {"risk_tags": []}
        hidden = len(report["items"]) - 1
        shorter = report | {"items": report["items"][:-1]}
        first, second = world.decide(report), world.decide(shorter)
        if first is None or second is None:
            continue
        for office in READERS:
            mine, theirs = released(first).get(office, set()), released(second).get(office, set())
            if hidden not in mine and mine == theirs and mine and office not in decides(first) | decides(second):
                check_equal(world.read(first, office), world.read(second, office))
                compared += 1
    assert compared > PAIRS // 4


def test_whoever_may_have_nothing_is_sent_nothing(desk: Desk, world: World) -> None:
    rng = Random(13)
    silent = 0
    for _ in range(PAIRS // 4):
        plan = world.decide(write(rng, desk))
        for office in set(READERS) - set(released(plan or Plan())):
            assert plan is None or world.read(plan, office) == []
            silent += 1
    assert silent > PAIRS // 4
