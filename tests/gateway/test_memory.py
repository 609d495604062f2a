"""What a worker holds does not grow with what it has done: nothing of a batch stays behind for the cycle collector to find one day."""

from __future__ import annotations

import gc

from gateway.desk import Desk
from pas_schemas.topics import REPORTS

# Of the few questions that a worker asks while it is idle. A batch asks many, and each would leave all the keys it asked for.
FEW = 20


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
