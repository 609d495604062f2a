"""Records that wait and are taken in by nobody: it is said once each time, and a worker that hears nothing asks anew."""

from __future__ import annotations

import json

import pytest

from gateway.desk import Desk
from pas_gateway.realm import MAIN
from pas_gateway.standstill import Standstill
from pas_schemas.topics import REPORTS
from pas_transport.log import LogUnavailableError, Partition
from pas_transport.workspace import Workspace


def test_what_waits_is_told_once_until_some_of_it_is_taken_in(desk: Desk) -> None:
    standstill = Standstill(0)
    look = lambda: standstill.look(desk.log, desk.store, [REPORTS.name])  # noqa: E731  # one line, used often
    assert (look(), look()) == ([], [])
    desk.publish(desk.write())
    [waits] = [place for place, end in desk.log.ends([REPORTS.name]).items() if end]
    told = f"Records wait in pas.reports partition {waits.number}, and for 0 seconds none was taken in."
    assert [look(), look(), look()] == [[], [told], []]
    assert standstill.lasts()
    desk.run()
    assert (look(), look()) == ([], [])
    assert not standstill.lasts()


def test_a_partition_that_has_stopped_is_told_as_that_alone(desk: Desk) -> None:
    """Its records wait, and why is known: they are not the ones that were read."""
    desk.publish(desk.write())
    desk.run()
    [read] = [place for place, end in desk.log.ends([REPORTS.name]).items() if end]
    desk.publish(*(desk.write() for _ in range(20)))
    desk.store.write(lambda register: register.exec_driver_sql("UPDATE positions SET digest = x'00' WHERE topic = 'pas.reports'") and None)
    standstill = Standstill(0)
    standstill.look(desk.log, desk.store, [REPORTS.name])
    said = standstill.look(desk.log, desk.store, [REPORTS.name])
    assert said
    assert not [sentence for sentence in said if f"partition {read.number}," in sentence]


def test_a_worker_that_hears_nothing_asks_anew(desk: Desk) -> None:
    """Its partitions are with a member of its group that never reads; once that one is gone it takes in what waited."""
    worker = desk.worker("worker-1")
    worker.standstill = Standstill(0)
    deaf = desk.log.subscribe(MAIN.routine, MAIN.group, lambda _: 0)
    deaf.poll(1, 0.0)
    assert Partition(REPORTS.name, 0) in deaf.assigned()
    desk.publish(desk.write())

    waited = False

    def over() -> bool:
        nonlocal waited
        if told(desk.workspace) and worker.standstill.lasts() and worker.mark.waits():
            waited = True
            deaf.close()
        return desk.is_idle([REPORTS.name]) and not worker.mark.waits()

    worker.run(over)
    assert waited


def told(workspace: Workspace) -> bool:
    lines = [json.loads(line) for line in (workspace.root / "gateway.log").read_text().splitlines()]
    return any(line["event"] == "records_wait" and line["why"].startswith("Records wait in pas.reports") for line in lines)


def test_a_log_that_is_away_is_no_standstill(desk: Desk) -> None:
    desk.publish(desk.write())
    standstill = Standstill(0)
    standstill.look(desk.log, desk.store, [REPORTS.name])
    (desk.workspace.root / "log.db").rename(desk.workspace.root / "away.db")
    with pytest.raises(LogUnavailableError, match="removed or replaced"):
        standstill.look(desk.log, desk.store, [REPORTS.name])
