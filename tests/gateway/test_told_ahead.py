"""Movements told ahead: kept when they come, without effect until their time, and followed then (ADR 0011)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from gateway.desk import Desk, Row
from gateway.judging import find_journeys
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import queries
from pas_schemas.clock import RunningClock, to_ms
from pas_schemas.topics import MOVEMENTS

NEW, OLD = ("pio:BAI", "security:BAI"), ("pio:WSI", "security:WSI")
STAYED = {office: ["DISCLOSURE"] for office in OLD}
MOVED = {office: ["DISCLOSURE", "WITHDRAWAL"] for office in OLD} | {office: ["DISCLOSURE"] for office in NEW}


def pipeline_in(desk: Desk, hours: float) -> Pipeline:
    """The same, by a clock that is so many hours further on."""
    clock = RunningClock(desk.workspace.shift_ms + int(hours * 3_600_000))
    return Pipeline(replace(desk.office, clock=clock), desk.store)


def list_kinds(desk: Desk, report: Row) -> dict[str, list[str]]:
    """What each office was given of a report, in order, by the register."""
    with desk.store.reading() as register:
        (found,) = queries.find_accepted(register, (), [(report["originator"], report["urn"])])
        sent = [one for one in queries.find_deliveries(register, [found.id]) if one.kind != "NOTICE"]
    return {office: [one.kind for one in sent if one.office == office] for office in {one.office for one in sent}}


def count_due(desk: Desk, hours: float) -> int:
    with desk.store.reading() as register:
        return len(queries.find_due_prisoners(register, to_ms(desk.workspace.clock.now() + timedelta(hours=hours)), 10))


def tell_ahead(desk: Desk, hours: float) -> Row:
    """A report on a prisoner in WSI, decided; then the news that he will be in BAI."""
    desk.publish(report := desk.write())
    desk.run()
    desk.move(hours_ago=-hours, prison="BAI")
    return report


def test_nothing_happens_before_the_time(desk: Desk) -> None:
    report = tell_ahead(desk, hours=2)
    assert find_journeys(desk.run()) == {(office, report["urn"]): kinds for office, kinds in STAYED.items()}
    assert pipeline_in(desk, 1.9).follow_due() is None
    desk.publish(late := desk.write())
    desk.run()
    assert list_kinds(desk, late) == STAYED


def test_it_is_followed_once_when_its_time_has_come(desk: Desk) -> None:
    report = tell_ahead(desk, hours=2)
    desk.run()
    assert (count_due(desk, 1.9), count_due(desk, 2.1)) == (0, 1)
    later = pipeline_in(desk, 2.1)
    plan = later.follow_due()
    assert plan is not None
    later.commit(plan)
    assert list_kinds(desk, report) == MOVED
    assert later.follow_due() is None


def test_a_gateway_that_was_not_running_follows_when_it_starts(desk: Desk) -> None:
    report = tell_ahead(desk, hours=0)
    records = desk.fresh(MOVEMENTS.name)
    # Taken in by a clock behind: the movement is still ahead of it.
    behind = pipeline_in(desk, -1)
    behind.commit(behind.take_movements(records, desk.advances(records)))
    assert list_kinds(desk, report) == STAYED
    turns = iter((False, False))
    desk.worker("worker-1").run(lambda: next(turns, True))
    assert find_journeys(desk.run()) == {(office, report["urn"]): kinds for office, kinds in MOVED.items()}
