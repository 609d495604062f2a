"""Movements behind a crowd of others: taken in first, and followed once, to where they led (ADR 0032)."""

from __future__ import annotations

import pytest

from gateway.desk import Desk, Row
from gateway.judging import find_journeys
from gateway.test_corrections import count_events
from gateway.test_movements_apart import NUMBERS, subjects
from pas_gateway import worker as worker_module
from pas_gateway.register import queries
from pas_gateway.worker import Worker
from pas_schemas.clock import to_ms
from pas_schemas.topics import MOVEMENTS, REPLIES, REPORTS
from pas_transport.log import Subscription

ROUTINE = (REPORTS.name, MOVEMENTS.name, REPLIES.name)
FEW = 2
# Of so many each of two workers has some: where a prisoner's movements lie is chance.
MANY = tuple(f"A{number:04d}BC" for number in range(16))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd is more than two, and a batch one record."""
    monkeypatch.setattr(worker_module, "MOST_AHEAD", FEW)
    monkeypatch.setattr(worker_module, "BATCH_RECORDS", 1)


def move_about(desk: Desk, number: str, times: int) -> None:
    """To Belmarsh and back so many times, and to Belmarsh at last."""
    for place in range(2 * times + 1):
        desk.move(noms_number=number, prison="WSI" if place % 2 else "BAI", hours_ago=2 - place / 100)


def count_due(desk: Desk, ranges: list[queries.Range] | None = None) -> int:
    with desk.store.reading() as register:
        return len(queries.find_due_prisoners(register, to_ms(desk.workspace.clock.now()), 100, ranges))


def is_followed(desk: Desk) -> bool:
    return desk.is_idle(ROUTINE) and not count_due(desk)


@pytest.mark.usefixtures("few")
def test_who_moved_many_times_is_followed_once(desk: Desk) -> None:
    desk.publish(report := desk.write())
    desk.run()
    before = count_events(desk)["DECIDED_AGAIN"]
    move_about(desk, NUMBERS[0], 4)
    desk.worker("worker-1").run(lambda: is_followed(desk))
    journeys = {(f"{role}:WSI", report["urn"]): ["DISCLOSURE", "WITHDRAWAL"] for role in ("pio", "security")}
    journeys |= {(f"{role}:BAI", report["urn"]): ["DISCLOSURE"] for role in ("pio", "security")}
    assert find_journeys(desk.run()) == journeys
    assert count_events(desk)["DECIDED_AGAIN"] - before == 1


@pytest.mark.usefixtures("few")
def test_a_report_that_comes_between_is_decided_by_where_he_is(desk: Desk) -> None:
    """Its worker has taken in all movements before it, followed or not."""
    move_about(desk, NUMBERS[0], 4)
    desk.publish(report := desk.write())
    desk.worker("worker-1").run(lambda: is_followed(desk))
    held = {office for (office, urn), kinds in find_journeys(desk.run()).items() if urn == report["urn"] and kinds[-1] == "DISCLOSURE"}
    assert held == {"pio:BAI", "security:BAI"}


@pytest.mark.usefixtures("few")
def test_who_has_nothing_to_take_follows_though_others_stand_still(desk: Desk) -> None:
    """A worker that hangs keeps its partitions unread for a while: what the others took in does not wait for it."""
    reports: list[Row] = [desk.write(subjects=subjects(number)) for number in MANY]
    for number in MANY:
        desk.move(noms_number=number, prison="WSI")
    desk.publish(*reports)
    desk.run()
    worker = desk.worker("worker-1")
    with worker.subscribe() as mine, desk.workspace.log() as log, log.subscribe(ROUTINE, "pas-gateway", worker._start) as standing:
        share(mine, standing)
        for number in MANY:
            move_about(desk, number, 1)
        took = take_all(worker, mine, desk)
        assert took > FEW
        assert worker._ahead.cut, "the other's partitions hold a crowd still"
        ranges = [queries.range_of(part.number, MOVEMENTS.partitions) for part in mine.assigned() if part.topic == MOVEMENTS.name]
        assert count_due(desk, ranges) == 0
    desk.worker("worker-2").run(lambda: is_followed(desk))
    held = {(office, urn) for (office, urn), kinds in find_journeys(desk.run()).items() if kinds[-1] == "DISCLOSURE"}
    assert held == {(f"{role}:BAI", report["urn"]) for report in reports for role in ("pio", "security")}


def share(mine: Subscription, standing: Subscription) -> None:
    """Both poll until each has some of the partitions."""
    for _ in range(50):
        if {part.topic for part in mine.assigned()} & {part.topic for part in standing.assigned()} & {MOVEMENTS.name}:
            return
        assert not mine.poll(1, 0.1)
        assert not standing.poll(1, 0.1)
    pytest.fail("they did not share the partitions")


def take_all(worker: Worker, mine: Subscription, desk: Desk) -> int:
    """Turns until all of its own partitions are read and nothing more happens; how many movements it took."""
    before = count_events(desk)["MOVEMENT"]
    quiet = 0
    while quiet < 3:
        events = count_events(desk)
        worker._look_again = 0.0
        worker.turn(mine)
        quiet = 0 if count_events(desk) != events else quiet + 1
    return count_events(desk)["MOVEMENT"] - before
