"""Two workers that believe they own one partition, and decisions that overtake each other: one gives way, nothing is doubled."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.desk import INPUTS, Desk
from gateway.judging import count_notices, find_journeys
from gateway.test_log_order import find_referrals
from pas_gateway.register import ClashError, LostPartitionError, open_store, schema
from pas_schemas.clock import RunningClock
from pas_schemas.topics import MOVEMENTS, REPORTS, URGENT
from pas_transport.embedded import EmbeddedLog
from pas_transport.embedded_subscription import EmbeddedSubscription
from pas_transport.log import Outgoing, Partition, StartAt, Taken
from producers.samples import make_item

BOTH = ("pio:WSI", "security:WSI")


class RivalLog(EmbeddedLog):
    """A log that knows of no other reader: its subscriptions get every partition, whoever else has it."""

    def subscribe(self, topics: object, group: str, start: StartAt) -> EmbeddedSubscription:
        return super().subscribe(topics, f"{group}.rival-{id(self)}", start)  # type: ignore[arg-type]  # as it came


def test_second_plan_for_the_same_records_gives_way(desk: Desk) -> None:
    desk.publish(desk.write(), desk.write())
    records = desk.fresh(REPORTS.name)
    first, second = desk.plan_reports(records), desk.plan_reports(records)
    desk.pipeline.commit(first)
    with pytest.raises(LostPartitionError):
        desk.pipeline.commit(second)
    sent = desk.run()
    assert Counter(map(tuple, find_journeys(sent).values())) == {("DISCLOSURE",): 4}
    assert set(count_notices(sent, "ACCEPTED").values()) == {1}


def test_workers_that_both_own_everything_double_nothing(desk: Desk) -> None:
    reports = [desk.write(priority="THREAT_TO_LIFE" if n % 9 == 0 else "ROUTINE") for n in range(120)]
    desk.publish(*reports)

    def work(name: str) -> int:
        log = RivalLog(desk.workspace.root / desk.workspace.settings.log_path)
        store = open_store(desk.workspace.register_url)
        worker = desk.worker(name, log=log, store=store)
        worker.run(lambda: desk.is_idle(topics[name]))
        log.close()
        store.close()
        return 1

    routine = tuple(topic for topic in INPUTS if topic != URGENT.name)
    topics = {"worker-1": routine, "worker-2": routine, "worker-3": routine, "threats": INPUTS}
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, topics)) == 4
    sent = desk.run()
    assert find_journeys(sent) == {(office, report["urn"]): ["DISCLOSURE"] for report in reports for office in BOTH}
    assert count_notices(sent, "ACCEPTED", "REJECTED", "QUARANTINED") == {("force:01", report["urn"], "ACCEPTED"): 1 for report in reports}


def test_worker_that_lost_its_partition_reads_on_from_the_register(desk: Desk) -> None:
    """It is not told that it lost: it finds out when it writes, drops its batch, and takes in what nobody has."""
    desk.publish(desk.write())
    worker = desk.worker("worker-1")
    topics = (REPORTS.name, MOVEMENTS.name)
    with desk.log.subscribe(topics, "pas-gateway", worker._start) as subscription:
        records = subscription.poll(100, 1.0)
        desk.pipeline.commit(desk.plan_reports(records))
        desk.publish(desk.write())
        worker._take(records, subscription)
        again = subscription.poll(100, 1.0)
        assert len(again) == 1
        assert again[0].value != records[0].value
        worker._take(again, subscription)
    assert len(find_journeys(desk.run())) == 4


def publish_everywhere(desk: Desk) -> list[list[Taken]]:
    """Reports on one person until each partition has one; the records of each."""
    records: dict[Partition, list[Taken]] = {}
    while len(records) < REPORTS.partitions:
        desk.publish(desk.write())
        for taken in desk.fresh(REPORTS.name):
            records.setdefault(taken.partition, []).append(taken)
    return list(records.values())


def test_decisions_on_one_person_stand_where_the_others_change_none_of_them(desk: Desk) -> None:
    came = publish_everywhere(desk)
    plans = [desk.plan_reports(records) for records in came]
    sealed = {row["records"] for plan in plans for row in plan.change.outbox}
    for plan in plans:
        desk.pipeline.commit(plan)
    with desk.store.reading() as register:
        assert set(register.execute(sa.select(schema.outbox.c.records)).scalars()) == sealed, "what was sealed first is what goes out"
        (version,) = register.execute(sa.select(schema.versions.c.version)).scalars()
    assert version == 1 + len(plans), "the reception and each of the batches have counted"
    assert len(find_journeys(desk.run())) == 2 * sum(map(len, came))


@pytest.mark.parametrize("in_order", [True, False], ids=["log's order", "overtaken"])
def test_second_decision_on_one_person_is_made_again_where_both_add_up(desk: Desk, in_order: bool) -> None:
    reports = [desk.write(risk_tags=["OCG"]), desk.write(risk_tags=["ESCAPE"])]
    records = []
    for report in reports:
        desk.publish(report)
        records.append(desk.fresh(REPORTS.name))
    stale, first = (desk.pipeline.take_reports(records[number], ()) for number in (in_order, not in_order))
    desk.pipeline.commit(first)
    with pytest.raises(ClashError):
        desk.pipeline.commit(stale)
    desk.pipeline.commit(desk.pipeline.take_reports(records[in_order], ()))
    assert find_referrals(desk, *reports) == [False, True]


def test_decision_stands_where_somebody_moved_within_the_prison(desk: Desk) -> None:
    desk.publish(report := desk.write())
    stale = desk.plan_reports(desk.fresh(REPORTS.name))
    desk.move(hours_ago=0.1, event="STATUS", prison=None, category="C")
    desk.pipeline.commit(desk.plan_movements(desk.fresh(MOVEMENTS.name)))
    desk.pipeline.commit(stale)
    assert find_journeys(desk.run()) == {(office, report["urn"]): ["DISCLOSURE"] for office in BOTH}


def test_decision_is_made_again_where_time_has_brought_what_was_told_ahead(desk: Desk) -> None:
    """What another worker has followed since, by its clock, counts by this one's clock as it is now."""
    desk.publish(report := desk.write())
    desk.move(hours_ago=-0.01, prison="BAI")
    came, moved = desk.fresh(REPORTS.name), desk.fresh(MOVEMENTS.name)
    desk.pipeline.commit(desk.plan_movements(moved))
    stale = desk.plan_reports(came)
    assert isinstance(desk.office.clock, RunningClock)
    desk.office.clock.shift += timedelta(minutes=1)
    followed = desk.pipeline.follow_due()
    assert followed is not None
    desk.pipeline.commit(followed)
    with pytest.raises(ClashError):
        desk.pipeline.commit(stale)
    desk.pipeline.commit(desk.plan_reports(came))
    assert find_journeys(desk.run()) == {(office, report["urn"]): ["DISCLOSURE"] for office in ("pio:BAI", "security:BAI")}


def test_report_decided_on_where_somebody_was_is_decided_on_where_he_is(desk: Desk) -> None:
    desk.publish(report := desk.write())
    records = desk.fresh(REPORTS.name)
    stale = desk.plan_reports(records)
    desk.move(hours_ago=0.1, prison="BAI")
    desk.pipeline.commit(desk.plan_movements(desk.fresh(MOVEMENTS.name)))
    with pytest.raises(ClashError):
        desk.pipeline.commit(stale)
    desk.pipeline.commit(desk.plan_reports(records))
    assert find_journeys(desk.run()) == {(office, report["urn"]): ["DISCLOSURE"] for office in ("pio:BAI", "security:BAI")}


def test_movement_that_was_overtaken_follows_what_overtook_it(desk: Desk) -> None:
    desk.publish(report := desk.write())
    desk.move(hours_ago=0.1, prison="BAI")
    moved, came = desk.fresh(MOVEMENTS.name), desk.fresh(REPORTS.name)
    stale = desk.plan_movements(moved)
    desk.pipeline.commit(desk.plan_reports(came))
    with pytest.raises(ClashError):
        desk.pipeline.commit(stale)
    desk.pipeline.commit(desk.plan_movements(moved))
    journeys = {(office, report["urn"]): ["DISCLOSURE", "WITHDRAWAL"] for office in BOTH}
    journeys |= {(office, report["urn"]): ["DISCLOSURE"] for office in ("pio:BAI", "security:BAI")}
    assert find_journeys(desk.run()) == journeys


def test_urn_in_both_topics_at_once_is_accepted_once(desk: Desk) -> None:
    routine = desk.write()
    urgent = routine | {"priority": "THREAT_TO_LIFE", "items": [make_item(text="Other words.")]}
    desk.publish(routine, urgent)
    first, second = desk.plan_reports(desk.fresh(URGENT.name)), desk.plan_reports(came := desk.fresh(REPORTS.name))
    desk.pipeline.commit(first)
    with pytest.raises(ClashError):
        desk.pipeline.commit(second)
    desk.pipeline.commit(desk.plan_reports(came))
    sent = desk.run()
    assert count_notices(sent, "ACCEPTED", "REJECTED") == {("force:01", routine["urn"], word): 1 for word in ("ACCEPTED", "REJECTED")}
    assert {one.partition for one in sent if one.datum["kind"] == "DISCLOSURE"} == {0}


def test_same_report_in_both_topics_is_a_duplicate(desk: Desk) -> None:
    """Somebody copied a record into the other topic: same name, same content."""
    desk.publish(desk.write())
    came = desk.fresh(REPORTS.name)
    desk.log.append([Outgoing(URGENT.name, came[0].key, came[0].value)])
    plans = [desk.plan_reports(desk.fresh(URGENT.name)), desk.plan_reports(came)]
    desk.pipeline.commit(plans[0])
    with pytest.raises(ClashError):
        desk.pipeline.commit(plans[1])
    again = desk.plan_reports(came)
    assert again.change.counts == {"duplicate": 1}
    assert not again.drafts
    desk.pipeline.commit(again)
    assert len(find_journeys(desk.run())) == 2
