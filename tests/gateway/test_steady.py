"""A clock that jumps: told once, in log and audit, and nothing comes of a jump forward while it may yet be set right."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.desk import Desk
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import schema, split_blobs
from pas_gateway.steady import DOUBT_SECONDS, JUMP, Steady
from pas_gateway.worker import Worker
from pas_schemas.codec import decode

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


@dataclass
class Time:
    """The clock on the wall, and the time that really passes."""

    wall: datetime = NOON
    passed: float = 0.0

    def now(self) -> datetime:
        return self.wall

    def elapsed(self) -> float:
        return self.passed

    def run(self, seconds: float, jump: timedelta = timedelta(0)) -> None:
        self.passed += seconds
        self.wall += timedelta(seconds=seconds) + jump


def test_a_clock_that_runs_or_is_trimmed_is_believed() -> None:
    time = Time()
    steady = Steady(time.elapsed)
    for jump in (timedelta(0), JUMP, -JUMP, timedelta(0)):
        time.run(1, jump)
        assert (steady.look(time), steady.believed) == (None, True)


def test_a_jump_forward_is_doubted_until_it_lasts() -> None:
    time = Time()
    steady = Steady(time.elapsed)
    assert steady.look(time) is None
    time.run(1, timedelta(hours=1))
    assert steady.look(time) == timedelta(hours=1)
    time.run(DOUBT_SECONDS - 1)
    assert (steady.look(time), steady.believed) == (None, False)
    time.run(1)
    assert (steady.look(time), steady.believed) == (None, True)


def test_set_right_again_it_is_believed_at_once() -> None:
    time = Time()
    steady = Steady(time.elapsed)
    steady.look(time)
    time.run(1, timedelta(days=1))
    steady.look(time)
    assert not steady.believed
    time.run(1, -timedelta(days=1))
    assert steady.look(time) == -timedelta(days=1)
    assert steady.believed


@pytest.mark.parametrize("hours", [2, -2])
def test_nothing_escalates_by_a_clock_that_has_just_jumped(desk: Desk, hours: int) -> None:
    desk.publish(desk.write(priority="THREAT_TO_LIFE", risk_tags=[]))
    desk.run()
    time = Time(desk.workspace.clock.now())
    worker = desk.worker("threats")
    worker.pipeline = Pipeline(replace(desk.office, clock=time), desk.store)
    worker._steady = Steady(time.elapsed)
    assert climb(desk, worker) == 0
    time.run(1, timedelta(hours=hours))
    assert climb(desk, worker) == 0
    time.run(DOUBT_SECONDS)
    # What is due by a clock that stays so is done; what is not due by one that was set back is not.
    assert (climb(desk, worker) > 0) == (hours > 0)
    told = [json.loads(line) for line in (desk.workspace.root / "gateway.log").read_text().splitlines()]
    assert [(one["level"], one["seconds"]) for one in told if one["event"] == "clock_jumped"] == [("warning", hours * 3600)]
    with desk.store.reading() as register:
        rows = register.execute(schema.leaves.select()).all()
    events = [decode(event[16:], "audit_event").datum["event"] for row in rows for event in split_blobs(row.events)]
    assert events.count("CLOCK_JUMPED") == 1


def climb(desk: Desk, worker: Worker) -> int:
    """The worker keeps house once; how many rungs were climbed by then."""
    worker._look_again = 0.0
    with worker.log.subscribe(("pas.reports.urgent",), "steady", worker._start) as subscription:
        worker._keep_house(subscription)
    with desk.store.reading() as register:
        return len(register.execute(schema.rungs.select()).all())
