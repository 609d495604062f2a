"""What waited in the outbox for so long that nobody would take it is not sent: it is decided again, or somebody is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.apart import ONE, TWO, Both, dump, open_both, protect
from gateway.deciding import Bench
from gateway.desk import Desk
from gateway.terminal import Terminal
from gateway.test_dispatch import LOST as TOPIC
from gateway.test_dispatch import decide, dispatch, rename_topic
from gateway.test_reseal import ANEW, LOST, OTHER, audited, send, show
from gateway.test_restored import back_up, restore
from gateway.test_summaries import ESCORT, pas, write  # noqa: F401  # `pas` is a fixture
from gateway.test_summaries import send as send_summary
from pas_consumers import Inbox
from pas_gateway.recovery import recover
from pas_gateway.register import schema
from pas_gateway.renewal import LAPSED, LEFT
from pas_gateway.veil import LEAST
from pas_schemas.topics import COMPARTMENT, MOVEMENTS, REPLIES, REPORTS

# Epochs last half a day, and records may wait a day after (seal.py): by then none can be read, and short of the second every one.
TOO_LONG, NOT_YET = 37.0, 22.0


def told(desk: Desk, office: str) -> list[tuple[str, str]]:
    """URN and sentence of every notice in the office's inbox."""
    with Inbox.of(desk.workspace, office, post="duty-officer", person="example-0001") as inbox:
        return [(new.urn, word.why) for new in inbox.take().new for word in new.notices]


def kinds(desk: Desk, office: str) -> list[str]:
    """Of all that was sealed to the office, words apart, in the order of its numbers."""
    table = schema.deliveries
    mine = table.select().where(table.c.office == office, table.c.kind != "NOTICE").order_by(table.c.report, table.c.n)
    with desk.store.reading() as register:
        return [row.kind for row in register.execute(mine)]


def test_what_waited_for_a_lost_topic_for_days_comes_again(desk: Desk) -> None:
    urns = decide(desk, count=2)
    rename_topic(desk, TOPIC.name, "gone")
    dispatch(desk, [])
    assert sorted(show(desk, OTHER)) == urns
    # Whoever opened the log just now has made the topic anew.
    desk.turn(hours=TOO_LONG)
    send(desk)
    assert sorted(show(desk, LOST)) == urns
    assert kinds(desk, LOST) == ANEW * 2
    assert kinds(desk, OTHER) == ["DISCLOSURE"] * 2
    assert sorted(event["office"] for event in audited(desk, "LAPSED")) == [LOST] * 2


@pytest.mark.parametrize("priority", ["ROUTINE", "THREAT_TO_LIFE"])
@pytest.mark.parametrize(("hours", "comes"), [(TOO_LONG, ANEW), (NOT_YET, ["DISCLOSURE"])])
def test_only_what_nobody_would_take_is_made_anew(desk: Desk, priority: str, hours: float, comes: list[str]) -> None:
    """No gateway ran meanwhile."""
    desk.publish(report := desk.write(priority=priority, risk_tags=[]))
    for topic in ("pas.reports", "pas.reports.urgent"):
        if records := desk.fresh(topic):
            desk.pipeline.commit(desk.plan_reports(records))
    desk.turn(hours=hours)
    send(desk)
    assert list(show(desk, LOST)) == [report["urn"]]
    assert kinds(desk, LOST) == comes


def test_the_end_of_access_is_told_though_it_waited(desk: Desk) -> None:
    desk.publish(report := desk.write())
    desk.run()
    before = show(desk, LOST)
    assert list(before) == [report["urn"]]
    desk.move(prison="BAI", hours_ago=0.1)
    desk.pipeline.commit(desk.plan_movements(desk.fresh(MOVEMENTS.name)))
    desk.turn(hours=TOO_LONG)
    send(desk)
    assert show(desk, LOST) == {}
    assert show(desk, "security:BAI") == before


def test_what_todays_rules_do_not_release_is_not_sent_and_pas_is_told(desk: Desk) -> None:
    """Addressed by id, the prison would have kept it; it never had it, and its prisoner has gone."""
    desk.publish(report := desk.write(addressees=[LOST]))
    desk.pipeline.commit(desk.plan_reports(desk.fresh(REPORTS.name)))
    desk.move(prison="BAI", hours_ago=0.1)
    desk.pipeline.commit(desk.plan_movements(desk.fresh(MOVEMENTS.name)))
    desk.turn(hours=TOO_LONG)
    send(desk)
    assert show(desk, LOST) == {}
    assert kinds(desk, LOST) == ["DISCLOSURE"]
    assert (report["urn"], LEFT) in told(desk, "pas")


def test_of_lost_words_their_office_is_told(desk: Desk) -> None:
    [urn] = decide(desk)
    desk.turn(hours=TOO_LONG)
    send(desk)
    assert told(desk, "force:01") == [(urn, LAPSED)]


def test_a_case_that_waits_for_its_owner_reaches_it(desk: Desk) -> None:
    report = desk.write(originator="security:WSI", urn="WSI/IR/2015/000001", addressees=["force:01"])
    desk.publish(report)
    desk.pipeline.commit(desk.plan_reports(desk.fresh(REPORTS.name)))
    desk.turn(hours=TOO_LONG)
    send(desk)
    [case] = Bench(desk).own_cases("pio:WSI")
    assert {notice.office for notice in case.notices} == {"force:01"}


def lay_summary(pas: Terminal) -> None:  # noqa: F811  # the fixture
    """A summary for the escort lies in the outbox."""
    desk = pas.desk
    desk.fresh(REPLIES.name)
    send_summary(pas, write(pas))
    records = desk.fresh(REPLIES.name)
    desk.pipeline.commit(desk.pipeline.take_replies(records, desk.advances(records)))


def summaries(desk: Desk) -> list[str]:
    """The states of all that the escort's inbox has of summaries."""
    with Inbox.of(desk.workspace, ESCORT, post="p1", person="a1") as inbox:
        inbox.take()
        return [held.state for held in inbox.list().held if held.delivery.kind == "SUMMARY"]


# By the first its epoch has ended; by the second it is still open, for an hour or half a day.
@pytest.mark.parametrize("hours", [TOO_LONG, 24.0])
def test_one_summary_stands_with_its_escort(pas: Terminal, hours: float) -> None:  # noqa: F811  # the fixture
    lay_summary(pas)
    pas.desk.turn(hours=hours)
    send(pas.desk)
    assert [state for state in summaries(pas.desk) if state != "WITHDRAWN"] == ["DELIVERED"]
    assert kinds(pas.desk, ESCORT) == ["SUMMARY", "WITHDRAWAL", "SUMMARY"]


@pytest.mark.parametrize("hours", [TOO_LONG, 24.0])
def test_the_end_of_a_journey_ends_a_summary_that_waited(pas: Terminal, hours: float) -> None:  # noqa: F811  # the fixture
    """For good: the prisoner who comes back is not on his way any more."""
    desk = pas.desk
    lay_summary(pas)
    desk.turn(hours=hours)
    send(desk)
    desk.move(prison="BAI", hours_ago=0.2)
    send(desk)
    assert set(summaries(desk)) == {"WITHDRAWN"}
    desk.move(prison="WSI", hours_ago=0.1)
    send(desk)
    assert set(summaries(desk)) == {"WITHDRAWN"}
    assert kinds(desk, ESCORT) == ["SUMMARY", "WITHDRAWAL"] * 2


@pytest.mark.parametrize("hours", [TOO_LONG, 24.0])
def test_an_end_that_waited_with_its_summary_is_one(pas: Terminal, hours: float) -> None:  # noqa: F811  # the fixture
    desk = pas.desk
    lay_summary(pas)
    desk.move(prison="BAI", hours_ago=0.5)
    desk.pipeline.commit(desk.plan_movements(desk.fresh(MOVEMENTS.name)))
    desk.turn(hours=hours)
    send(desk)
    desk.move(prison="WSI", hours_ago=0.1)
    send(desk)
    assert set(summaries(desk)) <= {"WITHDRAWN"}
    assert kinds(desk, ESCORT) == ["SUMMARY", "WITHDRAWAL", "WITHDRAWAL"]


def test_a_restored_register_leaves_a_summary_that_came_again(
    pas: Terminal, tmp_path: Path  # noqa: F811  # the fixture
) -> None:  # fmt: skip
    desk = pas.desk
    lay_summary(pas)
    back_up(desk, tmp_path / "backup.db")
    desk.turn(hours=24.0)
    send(desk)
    restore(desk, tmp_path / "backup.db")
    assert recover(desk.log, desk.store, desk.office, [REPORTS.name, MOVEMENTS.name, REPLIES.name]) > 0
    send(desk)
    assert [state for state in summaries(desk) if state != "WITHDRAWN"] == ["DELIVERED"]
    assert kinds(desk, ESCORT) == ["SUMMARY", "WITHDRAWAL", "SUMMARY"]
    # A summary is on a report that the register has.
    assert told(desk, "pas") == []
    desk.move(prison="BAI", hours_ago=0.2)
    send(desk)
    desk.move(prison="WSI", hours_ago=0.1)
    send(desk)
    assert set(summaries(desk)) == {"WITHDRAWN"}


def test_the_compartment_is_handed_what_waited(pristine: Path, tmp_path: Path) -> None:
    with open_both(pristine, tmp_path / "small") as both:
        protect(both)
        both.main.publish(report := both.main.write())
        both.main.pipeline.commit(both.main.plan_reports(both.main.fresh(REPORTS.name)))
        both.main.turn(hours=TOO_LONG)
        send(both.main)
        with Both(both.main).apart as apart:
            apart.worker("worker-1").run(lambda: apart.is_idle((COMPARTMENT.name,)))
            assert [row["urn"] for row in dump(apart)["reports"]] == [report["urn"]]


def test_whom_the_compartment_protects_reaches_pas(pristine: Path, tmp_path: Path) -> None:
    with open_both(pristine, tmp_path / "small") as both:
        for person in (ONE, TWO):
            both.bench.send(both.word("A1234BC", "ADD", person))
        records = both.apart.fresh(COMPARTMENT.name)
        both.apart.pipeline.commit(both.apart.pipeline.take_replies(records, both.apart.advances(records)))
        both.main.turn(hours=TOO_LONG)
        with Both(both.main).apart as apart:
            apart.worker("worker-1").run(lambda: apart.is_idle((COMPARTMENT.name,)))
            send(both.main)
        assert len(both.veil().digests) == LEAST
