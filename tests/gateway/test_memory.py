"""What a worker holds does not grow with what it has done: nothing of a batch stays behind for the cycle collector to find one day."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from gateway.desk import Desk
from gateway.test_crowd import MANY, count_due, is_followed, move_about
from pas_gateway import pipeline as pipeline_module
from pas_gateway import worker as worker_module
from pas_gateway.nursery import COLLECT_AFTER
from pas_schemas.topics import REPORTS

# Of the few questions that a worker asks while it is idle. A batch asks many, and each would leave all the keys it asked for.
FEW = 20
MOVED = 6


@pytest.fixture
def as_in_a_worker() -> Iterator[None]:
    """The collector looks as seldom as it does there: in the middle of a batch it would put off what is still in use."""
    former = gc.get_threshold()
    gc.set_threshold(*COLLECT_AFTER)
    yield
    gc.set_threshold(*former)


@pytest.mark.usefixtures("as_in_a_worker")
def test_a_batch_leaves_nothing_to_be_collected(desk: Desk) -> None:
    desk.publish(desk.write())
    left: list[int] = []

    def stopping() -> bool:
        left.append(gc.collect())
        return desk.is_idle((REPORTS.name,))

    desk.worker("worker-1").run(stopping)
    # The first look comes before the first batch, the last after it.
    assert len(left) > 1
    assert max(left[1:]) < FEW


@pytest.mark.usefixtures("as_in_a_worker")
def test_who_is_followed_leaves_nothing_to_be_collected(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time that a year of movements takes goes by in following, while no record comes."""
    monkeypatch.setattr(worker_module, "MOST_AHEAD", 2)
    monkeypatch.setattr(worker_module, "BATCH_RECORDS", 1)
    monkeypatch.setattr(pipeline_module, "PRISONERS_AT_ONCE", 1)
    for number in MANY[:MOVED]:
        move_about(desk, number, 1)
    left: list[int] = []
    waiting: list[int] = []

    def stopping() -> bool:
        left.append(gc.collect())
        waiting.append(count_due(desk))
        return is_followed(desk)

    desk.worker("worker-1").run(stopping)
    # One after the other.
    assert set(range(MOVED)) <= set(waiting)
    assert max(left[1:]) < FEW
