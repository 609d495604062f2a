"""Movements in several partitions: what comes of them does not depend on whose worker was first (domain, *Whereabouts*)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest

from copying import copy_workspace
from gateway.desk import Desk, Row, copy_estate
from gateway.judging import Sent, find_journeys, read_all
from gateway.test_corrections import count_events
from pas_gateway.feed import NOTHING_READ, ReadAhead
from pas_gateway.pipeline import Pipeline
from pas_gateway.plan import Plan
from pas_gateway.register import Advance, ClashError, open_store
from pas_gateway.stages import Submitted
from pas_gateway.verify import verify_movement
from pas_producers import MovementFeed
from pas_schemas.clock import show_time
from pas_schemas.naming import prisoner_key
from pas_schemas.topics import MOVEMENTS, REPORTS
from pas_transport.log import Outgoing, Partition, Taken, choose_partition
from pas_transport.workspace import open_workspace
from producers.samples import make_movement, make_subject

NUMBERS = ("A1234BC", "A2222BB", "A3333CC", "A4444DD", "A5555EE", "A6666FF", "A7777GG")
FIRST, OTHER, THIRD, FOURTH, *_ = NUMBERS
# Told in this order: hours ago, and what happened. Those of PAS are corrections; what is told of one moment keeps its order.
TOLD: tuple[tuple[str, float, Row], ...] = (
    ("feed:nomis", 0.90, {"noms_number": FIRST, "prison": "BAI"}),
    ("feed:nomis", 0.90, {"noms_number": FIRST, "prison": "WSI"}),
    ("feed:nomis", 0.85, {"noms_number": THIRD, "prison": "BAI", "category": "A"}),
    ("feed:nomis", 0.80, {"noms_number": OTHER, "prison": "BAI"}),
    ("feed:nomis", 0.80, {"noms_number": FOURTH, "prison": "WSI"}),
    ("feed:nomis", 0.70, {"noms_number": FIRST, "event": "MERGED", "prison": None, "category": None, "removed_noms_number": THIRD}),
    ("feed:nomis", 0.70, {"noms_number": THIRD, "event": "STATUS", "prison": None, "category": "C"}),
    ("pas", 0.80, {"noms_number": OTHER, "prison": "WSI", "reason": "Seen there."}),
    ("pas", 0.80, {"noms_number": FOURTH, "prison": "BAI", "reason": "Seen there."}),
    ("feed:nomis", 0.60, {"noms_number": THIRD, "event": "MERGED", "prison": None, "category": None, "removed_noms_number": FIRST}),
)
# By the words: FIRST was last told to be in WSI at 0.90; of him and THIRD the later reception wins, in BAI; their categories differ, and
# the STATUS of the same moment, told after the merge, says C. PAS corrected OTHER and FOURTH. The last row merges two that are one.
AT = {FIRST: "BAI", THIRD: "BAI", OTHER: "WSI", FOURTH: "BAI"}
ON = ((FIRST,), (THIRD,), (OTHER,), (FOURTH,), (FIRST, OTHER), (THIRD, FOURTH))
ORDERS = 8


def tell(desk: Desk) -> None:
    now = desk.workspace.clock.now()
    for office, hours_ago, row in TOLD:
        with MovementFeed.of(desk.workspace, office) as feed:
            at = show_time(now - timedelta(hours=hours_ago))
            assert list(feed.stream([make_movement(**({"at": at, "category": "C", "alerts": None} | row))])) == ["published"]
    # The first row of all once more, as it was.
    again = next(one for one in read_all(desk.log, MOVEMENTS.name) if one.offset and one.key == key_of(desk, FIRST))
    desk.log.append([Outgoing(MOVEMENTS.name, again.key, again.value)])


def key_of(desk: Desk, number: str) -> bytes:
    """The log key under which the feed tells of a number."""
    wanted = desk.office.names.prisoner(number).hex()
    found = [(taken, verify_movement(Submitted(taken), desk.office)) for taken in read_all(desk.log, MOVEMENTS.name)]
    return next(taken.key for taken, moved in found if getattr(moved, "row", None) is not None and moved.row.number == wanted)


def subjects(*numbers: str) -> list[Row]:
    return [make_subject(noms_number=number, pnc_id=None) for number in numbers]


def partitions_of(desk: Desk, topic: str) -> dict[Partition, list[Taken]]:
    found: dict[Partition, list[Taken]] = defaultdict(list)
    for taken in read_all(desk.log, topic):
        found[taken.partition].append(taken)
    return found


@pytest.fixture(scope="module")
def told(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[Row]]]:
    """A workspace in whose log all of it lies, and of which nothing is read."""
    root = tmp_path_factory.mktemp("apart") / "told"
    with Desk(copy_estate(pristine, root)) as desk:
        reports = [desk.write(subjects=subjects(*numbers)) for numbers in ON]
        desk.publish(*reports)
        for number in AT:
            desk.move(noms_number=number, hours_ago=24, prison="WSI")
        tell(desk)
        assert len(partitions_of(desk, MOVEMENTS.name)) > 1
        yield root, reports


@pytest.fixture
def desk_again(told: tuple[Path, list[Row]], tmp_path: Path) -> Iterator[Desk]:
    with Desk(open_workspace(copy_workspace(told[0], tmp_path / "again"), environment={})) as desk:
        yield desk


def holders(desk: Desk) -> dict[str, set[str]]:
    """Who holds a text of each report, by its URN."""
    found: dict[str, set[str]] = defaultdict(set)
    for (office, urn), kinds in find_journeys(desk.run()).items():
        if kinds[-1] == "DISCLOSURE":
            found[urn].add(office)
    return found


def run_two(desk: Desk) -> list[Sent]:
    """Everything is taken in by two workers, which share the partitions; what the offices' topics then hold."""
    _ = desk.log, desk.store, desk.office

    def work(name: str) -> None:
        log, store = desk.workspace.log(), open_store(desk.workspace.register_url)
        desk.worker(name, log=log, store=store).run(desk.is_idle)
        log.close()
        store.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ("worker-1", "worker-2")))
    return desk.run()


def expected(reports: list[Row]) -> dict[str, set[str]]:
    return {
        report["urn"]: {f"{role}:{AT[number]}" for number in numbers for role in ("pio", "security")}
        for report, numbers in zip(reports, ON, strict=True)
    }


@pytest.mark.parametrize("seed", range(ORDERS))
def test_any_order_of_partitions_ends_alike(told: tuple[Path, list[Row]], desk_again: Desk, seed: int) -> None:
    """Nobody reads ahead here: each batch knows what was read before it, and no more."""
    desk, random = desk_again, Random(seed)
    waiting = [*partitions_of(desk, MOVEMENTS.name).values(), *partitions_of(desk, REPORTS.name).values()]
    while waiting:
        part = random.choice(waiting)
        some = [part.pop(0) for _ in range(random.randint(1, len(part)))]
        compute = desk.plan_movements if some[0].partition.topic == MOVEMENTS.name else desk.plan_reports
        desk.pipeline.commit(compute(some))
        waiting = [part for part in waiting if part]
    assert holders(desk) == expected(told[1])
    assert count_events(desk)["MERGE_WITHOUT_EFFECT"] == 1
    told_of = [one.datum["created_at"] for one in desk.run() if is_circle(one.datum)]
    now = desk.workspace.clock.now()
    assert len(told_of) == 1
    # That of 0.60, the later of the two, whichever was read first.
    assert told_of[0] > show_time(now - timedelta(hours=0.65))


def is_circle(datum: Row) -> bool:
    return any("merges two numbers" in notice["why"] for notice in datum["notices"])


def test_two_workers_send_what_one_would(told: tuple[Path, list[Row]], desk_again: Desk) -> None:
    """Each reads on in the other's partitions: nothing goes where the log says that nobody is any more, and nothing goes twice."""
    journeys = find_journeys(run_two(desk_again))
    assert journeys == {(office, urn): ["DISCLOSURE"] for urn, offices in expected(told[1]).items() for office in offices}


def test_two_workers_that_move_the_subjects_of_the_same_reports_both_go_on(desk: Desk) -> None:
    """Every report has a subject in either worker's batch: each decides it again, one gives way, and nothing stands still or is doubled."""
    numbers = [f"A{n:04d}ZZ" for n in range(40)]
    for number in numbers:
        desk.move(noms_number=number, prison="WSI", hours_ago=24, alerts=[])
    pairs = list(zip(numbers, numbers[1:] + numbers[:1], strict=True))
    reports = [desk.write(subjects=subjects(*pair)) for pair in pairs]
    desk.publish(*reports)
    desk.run()
    desk.fresh(MOVEMENTS.name)
    for number in numbers:
        desk.move(noms_number=number, prison="BAI", hours_ago=0.5, alerts=[])
    journeys = find_journeys(run_two(desk))
    gone, came = ["DISCLOSURE", "WITHDRAWAL"], ["DISCLOSURE"]
    assert journeys == {
        (f"{role}:{prison}", report["urn"]): kinds
        for report in reports
        for role in ("pio", "security")
        for prison, kinds in (("WSI", gone), ("BAI", came))
    }


def merge(desk: Desk, number: str, removed: str, hours_ago: float) -> list[Taken]:
    desk.move(noms_number=number, event="MERGED", prison=None, category=None, alerts=None, removed_noms_number=removed, hours_ago=hours_ago)
    return desk.fresh(MOVEMENTS.name)


@pytest.mark.parametrize("movement_first", [True, False])
def test_a_report_on_another_number_of_the_same_person_comes_between(desk: Desk, movement_first: bool) -> None:
    desk.pipeline.commit(desk.plan_movements(merge(desk, FIRST, THIRD, 2)))
    desk.publish(report := desk.write(subjects=subjects(THIRD)))
    desk.move(prison="BAI", hours_ago=0.5)
    moved, came = desk.fresh(MOVEMENTS.name), desk.fresh(REPORTS.name)
    steps = [(desk.plan_movements, moved), (desk.plan_reports, came)]
    (first, its), (second, others) = steps if movement_first else reversed(steps)
    plan, stale = first(its), second(others)
    desk.pipeline.commit(plan)
    with pytest.raises(ClashError):
        desk.pipeline.commit(stale)
    desk.pipeline.commit(second(others))
    assert holders(desk) == {report["urn"]: {"pio:BAI", "security:BAI"}}


def test_a_circle_that_two_workers_close_at_once_is_told(desk: Desk) -> None:
    """Four numbers in a ring: the two merges that are read at once have none in common."""
    for number, removed in ((OTHER, THIRD), (FOURTH, FIRST)):
        desk.pipeline.commit(desk.plan_movements(merge(desk, number, removed, 2)))
    one, other = merge(desk, FIRST, OTHER, 1), merge(desk, THIRD, FOURTH, 0.9)
    plan, stale = desk.plan_movements(one), desk.plan_movements(other)
    desk.pipeline.commit(plan)
    with pytest.raises(ClashError):
        desk.pipeline.commit(stale)
    desk.pipeline.commit(desk.plan_movements(other))
    assert count_events(desk)["MERGE_WITHOUT_EFFECT"] == 1


class Overtaken(Pipeline):
    """A pipeline beside which another worker writes each time it has computed: `rivals`, one after the other."""

    rivals: ClassVar[list[Callable[[], None]]] = []

    def take_movements(
        self, records: Sequence[Taken], advances: Sequence[Advance], read_ahead: ReadAhead = NOTHING_READ, *, behind: bool = False
    ) -> Plan:
        plan = super().take_movements(records, advances, read_ahead, behind=behind)
        if self.rivals:
            self.rivals.pop()()
        return plan


def test_what_clashes_again_is_taken_in_halves(desk: Desk) -> None:
    reports = [desk.write() for _ in range(3)]
    desk.publish(reports[0])
    desk.run()
    for number in (OTHER, THIRD, FOURTH):
        desk.move(noms_number=number, hours_ago=3)
    desk.move(prison="BAI", hours_ago=0.5)
    desk.fresh(REPORTS.name)

    def publish(report: Row) -> None:
        desk.publish(report)
        desk.pipeline.commit(desk.plan_reports(desk.fresh(REPORTS.name)))

    worker = desk.worker("worker-1")
    worker.pipeline = Overtaken(desk.office, desk.store)
    Overtaken.rivals[:] = [partial(publish, report) for report in reports[1:]]
    journal = desk.workspace.root / "gateway.log"
    before = journal.read_text()
    with desk.log.subscribe([MOVEMENTS.name], "pas-gateway", worker._start) as subscription:
        records = subscription.poll(100, 1.0)
        worker._take(records, subscription)
    assert len(records) == 4
    told = [json.loads(line) for line in journal.read_text()[len(before) :].splitlines()]
    taken = [(line["event"], line["records"]) for line in told if line["event"] in ("batch", "batch_again")]
    assert taken == [("batch_again", 4), ("batch_again", 4), ("batch", 2), ("batch", 2)]
    assert holders(desk) == {report["urn"]: {"pio:BAI", "security:BAI"} for report in reports}


def told_apart(desk: Desk) -> str:
    """A number of which what the feed tells and what PAS tells lie in two partitions."""
    keys = [desk.workspace.keyring(office).id_key() for office in ("feed:nomis", "pas")]
    lie = {number: {choose_partition(prisoner_key(key, number), MOVEMENTS.partitions) for key in keys} for number in NUMBERS}
    return next(number for number, partitions in lie.items() if len(partitions) == 2)


@pytest.mark.parametrize("corrected_first", [True, False])
def test_a_row_that_two_senders_tell_alike_counts_where_it_was_told_first(desk: Desk, corrected_first: bool) -> None:
    """The feed says BAI, then WSI of the same moment; PAS's word that equals the first is a repeat of it, though it be read before it."""
    number = told_apart(desk)
    desk.move(noms_number=number)
    desk.publish(report := desk.write(subjects=subjects(number)))
    desk.pipeline.commit(desk.plan_movements(desk.fresh(MOVEMENTS.name)))
    desk.pipeline.commit(desk.plan_reports(desk.fresh(REPORTS.name)))
    at = show_time(desk.workspace.clock.now() - timedelta(hours=0.5))
    told = [("feed:nomis", "BAI", {}), ("feed:nomis", "WSI", {}), ("pas", "BAI", {"reason": "Seen there."})]
    for sender, prison, more in told:
        with MovementFeed.of(desk.workspace, sender) as feed:
            row = make_movement(noms_number=number, at=at, prison=prison, category=None, alerts=None, **more)
            assert list(feed.stream([row])) == ["published"]
    records = sorted(desk.fresh(MOVEMENTS.name), key=lambda taken: (taken.at, taken.offset))
    order = (records[2:], records[:2]) if corrected_first else (records[:2], records[2:])
    assert records[2].partition != records[0].partition
    for some in order:
        desk.pipeline.commit(desk.plan_movements(some))
    # Decided once more, by the register's rows alone.
    desk.move(noms_number=number, event="STATUS", prison=None, hours_ago=0.1)
    assert holders(desk) == {report["urn"]: {"pio:WSI", "security:WSI"}}
