"""What a worker holds does not grow with what it has done: nothing of a batch stays behind for the cycle collector to find one day."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from gateway.desk import Desk
from pas_gateway.worker import COLLECT_AFTER
from pas_schemas.topics import REPORTS

# Of the few questions that a worker asks while it is idle. A batch asks many, and each would leave all the keys it asked for.
FEW = 20


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
