"""What nobody reads or decides in time climbs its ladder: each rung once, at its time, and never to an office that may not know."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import RunPas
from gateway.deciding import Bench
from gateway.desk import Desk, Row, copy_estate
from gateway.fuzzing import Forge
from gateway.judging import judge_log
from gateway.postgres import PrivatePostgres
from gateway.test_equal_deliveries import FixedClock
from gateway.test_on_postgres import settle
from pas_consumers import Inbox
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import ClashError, ladders, schema, split_blobs
from pas_gateway.trace import trace
from pas_schemas.clock import to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.directory import Snapshot
from pas_schemas.sealing import REPLY
from pas_schemas.topics import REPLIES
from pas_transport.appointing import dismiss
from pas_transport.issuing import change
from pas_transport.log import Outgoing
from producers.samples import make_handling, make_item

ONE = {"items": [make_item()], "risk_tags": []}
THREAT: Row = {**ONE, "priority": "THREAT_TO_LIFE", "addressees": ["security", "governor"]}
READERS = ("security:WSI", "governor:WSI", "pio:WSI")


@pytest.fixture
def bench(desk: Desk, pristine: Path) -> Bench:
    shutil.copytree(pristine / "keys" / "root", desk.workspace.keys_dir / "root")
    return Bench(desk)


def publish(bench: Bench, **changes: Any) -> str:
    report = bench.desk.write(**(ONE | changes))
    bench.desk.publish(report)
    bench.desk.run()
    return str(report["urn"])


def told(words: list[Row]) -> set[tuple[str, str]]:
    """To whom, and about whom or for which post."""
    return {(word["to"], word["office"] or word["why"].rpartition("post ")[2]) for word in words if word["word"] == "OVERDUE"}


def read(desk: Desk, office: str, post: str = "duty-governor", person: str = "staff-0001") -> None:
    with Inbox.of(desk.workspace, office, post=post, person=person) as box:
        box.take()
        for held in box.list().held:
            if held.delivery.kind == "DISCLOSURE":
                box.read(held.delivery.id)
        box.send()
    desk.run()


def test_an_unread_threat_climbs_to_a_case_of_pas_and_no_further(bench: Bench) -> None:
    desk = bench.desk
    urn = publish(bench, **THREAT)
    read(desk, "pio:WSI")
    read(desk, "governor:WSI", "wing-officer")
    desk.turn(minutes=14)
    assert desk.climb() == []
    desk.turn(minutes=2)
    # Read by a post that does not count, a governor's disclosure is still unread.
    asked = "It was not read in time: somebody must read it now."
    assert told(desk.climb()) == {("security:WSI", asked), ("governor:WSI", asked)}
    assert desk.climb() == []
    desk.turn(minutes=5)
    assert told(desk.climb()) == {("security:WSI", "deputy."), ("governor:WSI", "deputy.")}
    assert [case for case in bench.listed() if case["urn"] == urn] == []
    desk.turn(minutes=5)
    words = desk.climb()
    assert told(words) == {("pas", "security:WSI"), ("pas", "governor:WSI")}
    [case] = bench.listed()
    assert (case["urn"], case["reasons"], case["state"], case["held"]) == (urn, ["R-NOBODY"], "OPEN", [])
    assert {word["case"] for word in words} == {case["case"]}
    # Its own clock begins when it opens.
    desk.turn(minutes=9)
    assert desk.climb() == []
    desk.turn(minutes=2)
    assert [(word["to"], word["case"]) for word in desk.climb()] == [("pas", case["case"])]
    # One of two who have not read is still one.
    read(desk, "security:WSI")
    desk.climb()
    assert [one["case"] for one in bench.listed()] == [case["case"]]
    read(desk, "governor:WSI")
    desk.climb()
    assert bench.listed() == []
    assert bench.state(urn) == "CLOSED"
    desk.turn(hours=8)
    assert desk.climb() == []


def decline(desk: Desk, office: str, post: str) -> None:
    with Inbox.of(desk.workspace, office, post=post, person="staff-0001") as box:
        box.take()
        [found] = [held.delivery.id for held in box.list().held if held.delivery.kind == "DISCLOSURE"]
        box.decline(found, "Not for us.")
        box.send()
    desk.run()


def act(desk: Desk, office: str, mitigation: str) -> None:
    with Inbox.of(desk.workspace, office, post="officer", person="staff-0001") as box:
        box.take()
        [found] = [held.delivery.id for held in box.list().held if held.delivery.kind == "DISCLOSURE"]
        box.act(found, mitigation)
        box.send()


def test_who_does_not_read_for_the_governor_cannot_decline_for_the_governor_either(bench: Bench) -> None:
    """The clock goes on, and the Governor may still read; from security whatever post declines."""
    desk = bench.desk
    publish(bench, **THREAT)
    read(desk, "pio:WSI")
    decline(desk, "security:WSI", "wing-officer")
    decline(desk, "governor:WSI", "wing-officer")
    assert answers(desk, "security:WSI") == []
    [said] = answers(desk, "governor:WSI")
    assert said.endswith("one of these posts: deputy-governor, duty-governor, governing-governor.")
    desk.turn(minutes=16)
    assert {to for to, _ in told(desk.climb())} == {"governor:WSI"}
    read(desk, "governor:WSI")
    desk.turn(minutes=30)
    assert told(desk.climb()) == set()


@pytest.mark.parametrize("first", ["read", "unread"])
def test_who_declines_is_told_to_the_originator_and_with_the_reason_to_pas(bench: Bench, first: str) -> None:
    """The clock stops with it: a threat to life that a prison will not read must not sink in its inbox. It is told once."""
    desk = bench.desk
    urn = publish(bench, **THREAT)
    if first == "read":
        read(desk, "security:WSI")
    decline(desk, "security:WSI", "wing-officer")
    words = [
        (one.office, word["word"], word["why"].partition(": ")[2] if one.office == "pas" else "")
        for one in desk.run() if one.datum["urn"] == urn
        for word in one.datum["notices"] if word["office"] == "security:WSI" and "declined" in word["why"]
    ]  # fmt: skip
    assert sorted(words) == [("force:01", "REFUSED", ""), ("pas", "REFUSED", "Not for us.")]


def test_who_acts_is_told_to_the_originator_and_with_what_was_done_to_pas(bench: Bench) -> None:
    desk = bench.desk
    urn = publish(bench, **THREAT)
    read(desk, "security:WSI")
    desk.run()
    act(desk, "security:WSI", "Moved to healthcare.")
    words = {
        one.office: [(word["word"], word["office"], word["why"]) for word in one.datum["notices"]]
        for one in desk.run() if one.datum["urn"] == urn and one.datum["notices"]
    }  # fmt: skip
    assert words == {
        "force:01": [("READ", "security:WSI", "That office has acted on it: what it did is told to PAS.")],
        "pas": [("READ", "security:WSI", "That office has acted on it. It says: Moved to healthcare.")],
    }


def test_once_the_governor_has_read_any_post_there_may_decline(bench: Bench) -> None:
    desk = bench.desk
    urn = publish(bench, **THREAT)
    read(desk, "governor:WSI")
    decline(desk, "governor:WSI", "wing-officer")
    assert answers(desk, "governor:WSI") == []
    told_of = {one["office"]: one["state"] for one in trace(desk.store, desk.office.register_key, urn)["outcomes"]}
    assert told_of["governor:WSI"] == "DECLINED"


def test_a_post_that_reads_for_the_governor_may_decline(bench: Bench) -> None:
    desk = bench.desk
    publish(bench, **THREAT)
    for office in ("pio:WSI", "security:WSI"):
        read(desk, office)
    decline(desk, "governor:WSI", "deputy-governor")
    assert answers(desk, "governor:WSI") == []
    desk.turn(minutes=30)
    assert told(desk.climb()) == set()


def test_what_goes_out_later_is_read_by_the_same_time_while_that_lies_ahead(bench: Bench) -> None:
    """Counted from when the report reached PAS: accepting conditions puts nothing off. The next prison has its own quarter of an hour."""
    desk = bench.desk
    risk = {"summary": "Low.", "authorised_by": "staff-9", "authorised_at": "2015-01-01T00:00:00Z"}
    handling = make_handling(conditions="Not to be acted on alone.", risk_assessment=risk)
    urn = publish(bench, **(THREAT | {"items": [make_item(handling="5")], "handling": handling, "addressees": ["security"]}))
    desk.turn(minutes=10)
    with Inbox.of(desk.workspace, "security:WSI", post="officer", person="staff-0001") as box:
        box.take()
        [conditions] = [held.delivery for held in box.list().held if held.delivery.kind == "CONDITIONS"]
        box.accept(conditions.id)
        box.send()
    given = [one.datum for one in desk.run() if (one.office, one.datum["urn"]) == ("security:WSI", urn) and one.datum["body"]]
    assert [one["kind"] for one in given] == ["CONDITIONS", "DISCLOSURE"]
    assert {one["deadline_ms"] - one["received_at_ms"] for one in given} == {15 * 60_000}
    other = publish(bench, **THREAT)
    desk.turn(minutes=20)
    desk.move(prison="BAI", hours_ago=0)
    [moved] = [one.datum for one in desk.run() if (one.office, one.datum["urn"]) == ("security:BAI", other)]
    assert moved["deadline_ms"] - moved["decided_at_ms"] == 15 * 60_000


def test_a_rung_tells_nobody_who_does_not_hold_the_disclosure(bench: Bench) -> None:
    """Held for one office, read by another, unread by a third, whatever comes late: nobody else is told, and nothing of content."""
    desk = bench.desk
    publish(bench, **(THREAT | {"risk_tags": ["ESCAPE"]}))
    secret = make_handling(reasons="Live.", internal_recipients=["fib:01"], review_by="2099-01-01")
    publish(bench, items=[make_item(), make_item(handling="4")], handling=secret, priority="THREAT_TO_LIFE", addressees=["security"])
    read(desk, "pio:WSI")
    desk.turn(hours=8)
    # The gateway was away: every rung that has become due is climbed, in its order.
    words = desk.climb()
    assert {word["to"] for word in words if word["word"] == "OVERDUE"} == {"security:WSI", "governor:WSI", "fib:01", "pas"}
    holders = {(one.office, one.datum["urn"]) for one in desk.run() if one.datum["kind"] == "DISCLOSURE"}
    cases = {(row["urn"], row["case"]) for row in bench.listed()}
    for word in words:
        assert word["word"] in ("OVERDUE", "DECIDE")
        assert word["to"] == "pas" or (word["to"], word["urn"]) in holders
        assert word["case"] is None or (word["urn"], word["case"]) in cases
        assert (word["item"], word["rule"], word["ref"], word["view"]) == (None, None, b"", b"")
    with desk.store.reading() as register:
        rows = register.execute(schema.rungs.select()).all()
    assert {row.rung for row in rows} == {"REMIND", "DEPUTY", "CASE", "OWNER", "DUTY", "HEAD"}


def test_case_climbs_from_its_owner_to_the_head_of_pas(bench: Bench) -> None:
    desk = bench.desk
    publish(bench, originator="security:WSI", addressees=["force:01"], priority="THREAT_TO_LIFE")
    for office in READERS:
        read(desk, office)
    [own] = bench.own_cases("pio:WSI")
    desk.turn(minutes=9)
    assert desk.climb() == []
    desk.turn(minutes=2)
    [word] = [word for word in desk.climb() if word["case"] == own.id]
    assert (word["to"], word["office"]) == ("pio:WSI", None)
    desk.turn(minutes=5)
    [word] = [word for word in desk.climb() if word["case"] == own.id]
    assert (word["to"], word["office"]) == ("pas", "pio:WSI")
    assert word["why"].endswith("the post duty-supervisor.")
    # The duty supervisor stands in for a Head of PAS who has left.
    change(desk.workspace, lambda snapshot, at: dismiss(snapshot, "pas", "example-head", at))
    desk.turn(minutes=5)
    [word] = [word for word in desk.climb() if word["case"] == own.id]
    assert word["why"].endswith("the post duty-supervisor.")
    assert [case.id for case in bench.own_cases("pio:WSI")] == [own.id]
    desk.turn(hours=8)
    assert [word for word in desk.climb() if word["case"] == own.id] == []


def test_a_deputy_who_left_is_not_asked_for(bench: Bench) -> None:
    desk = bench.desk
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    for office, person in (("security:WSI", "example-security-wsi-2"), ("pio:WSI", "example-pio-wsi-1")):
        change(desk.workspace, lambda snapshot, at, office=office, person=person: dismiss(snapshot, office, person, at))
    desk.turn(minutes=21)
    found = {pair for pair in told(desk.climb()) if pair[0] != "pas" and "must" not in pair[1]}
    assert found == {("security:WSI", "duty-officer."), ("pio:WSI", "deputy.")}


def later(bench: Bench, **passed: float) -> Pipeline:
    """PAS's pipeline as it will be, on a clock of its own."""
    desk = bench.desk
    return Pipeline(replace(desk.office, clock=FixedClock(desk.workspace.clock.now() + timedelta(**passed))), desk.store)


def climbed(bench: Bench) -> list[tuple[str, str]]:
    with bench.desk.store.reading() as register:
        rows = register.execute(schema.rungs.select().order_by(schema.rungs.c.office, schema.rungs.c.rung)).all()
    return [(row.office, row.rung) for row in rows]


def test_of_two_gateways_one_climbs(bench: Bench) -> None:
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    one, other = later(bench, minutes=16), later(bench, minutes=17)
    first, second = one.climb_due(), other.climb_due()
    assert first is not None
    assert second is not None
    one.commit(first)
    with pytest.raises(ClashError):
        other.commit(second)
    assert other.climb_due() is None
    assert [pair for pair in climbed(bench) if pair[1] == "REMIND"] == [("pio:WSI", "REMIND"), ("security:WSI", "REMIND")]


def test_read_while_the_rung_was_taken_counts_first(bench: Bench) -> None:
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    read(bench.desk, "pio:WSI")
    late = later(bench, minutes=16)
    plan = late.climb_due()
    assert plan is not None
    read(bench.desk, "security:WSI")
    with pytest.raises(ClashError):
        late.commit(plan)
    while (plan := late.climb_due()) is not None:
        late.commit(plan)
    assert [pair for pair in climbed(bench) if pair[0] != "pas"] == []


def test_a_clock_set_back_doubles_nothing_and_brings_nothing_early(bench: Bench) -> None:
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    ahead = later(bench, minutes=16)
    while (plan := ahead.climb_due()) is not None:
        ahead.commit(plan)
    before = climbed(bench)
    assert later(bench, minutes=-60).climb_due() is None
    assert later(bench, minutes=19).climb_due() is None
    plan = later(bench, minutes=21).climb_due()
    assert plan is not None
    found = sorted((row["office"], row["rung"]) for row in plan.change.rungs if row["office"] != "pas")
    assert found == [("pio:WSI", "DEPUTY"), ("security:WSI", "DEPUTY")]
    assert climbed(bench) == before


def test_of_a_withdrawal_that_no_inbox_confirms_pas_hears_alone(bench: Bench) -> None:
    desk = bench.desk
    publish(bench, priority="URGENT")
    read(desk, "pio:WSI")
    desk.move(hours_ago=0, prison="BAI")
    desk.run()
    assert later(bench, hours=11).climb_due() is not None
    plan = later(bench, hours=13).climb_due()
    assert plan is not None
    withdrawn = [row for row in plan.change.rungs if row["office"] == "pio:WSI"]
    assert [(row["rung"], row["open"]) for row in withdrawn] == [("CASE", 1)]
    [told] = [draft for draft in plan.drafts if draft.notices and draft.notices[0]["office"] == "pio:WSI"]
    assert (told.office, "confirmed a withdrawal" in told.notices[0]["why"]) == ("pas", True)


def test_what_pas_has_noted_is_asked_again_where_another_does_not_read(bench: Bench) -> None:
    desk = bench.desk
    urn = publish(bench, priority="THREAT_TO_LIFE", risk_tags=["DRUGS"], addressees=[], items=[make_item()])
    for case in bench.listed():
        assert case["reasons"] != ["R-NOBODY"]
    desk.turn(minutes=26)
    desk.climb()
    assert "R-NOBODY" in bench.listed()[0]["reasons"]
    bench.send(bench.decision(urn, "NOTE", reasons=("R-NOBODY",)))
    desk.run()
    assert all("R-NOBODY" not in case["reasons"] for case in bench.listed())
    # It stays unread, and PAS has answered for that; a later reader is another matter.
    desk.move(hours_ago=0, prison="BAI")
    desk.run()
    assert all("R-NOBODY" not in case["reasons"] for case in bench.listed())
    desk.turn(minutes=26)
    desk.climb()
    assert "R-NOBODY" in bench.listed()[0]["reasons"]


def test_a_note_answers_for_nobody_who_did_not_read_after_the_log_had_it(bench: Bench) -> None:
    """Whoever notes it may have a clock that is ahead: an office that is late meanwhile is not forgotten."""
    desk = bench.desk
    urn = publish(bench, priority="THREAT_TO_LIFE", risk_tags=["DRUGS"], addressees=[], items=[make_item()])
    desk.turn(minutes=26)
    desk.climb()
    desk.move(hours_ago=0, prison="BAI")
    desk.run()
    desk.turn(minutes=20)
    ahead = desk.workspace.clock.now() + desk.office.rulebook.clock_skew - timedelta(minutes=1)
    bench.send(bench.decision(urn, "NOTE", reasons=("R-NOBODY",), at=ahead))
    desk.run()
    assert all("R-NOBODY" not in case["reasons"] for case in bench.listed())
    # The new prison's time is over a few minutes later, before the time that the note says.
    desk.turn(minutes=7)
    desk.climb()
    assert desk.workspace.clock.now() < ahead
    assert "R-NOBODY" in bench.listed()[0]["reasons"]


def test_ladders_are_climbed_on_postgresql(pristine: Path, tmp_path: Path, postgres: PrivatePostgres) -> None:
    workspace = settle(copy_estate(pristine, tmp_path / "shared").root, postgres.url(postgres.make_database(), password=None))
    with Desk(workspace) as desk:
        desk.move()
        desk.run()
        climb_to_the_end(Bench(desk))


def climb_to_the_end(bench: Bench) -> None:
    desk = bench.desk
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    desk.turn(hours=8)
    desk.climb()
    assert {rung for office, rung in climbed(bench) if office == "security:WSI"} == {"REMIND", "DEPUTY", "CASE"}
    read(desk, "security:WSI")
    read(desk, "pio:WSI")
    assert desk.climb() == []
    with desk.store.reading() as register:
        assert not ladders.has_due(register, to_ms(desk.workspace.clock.now()))
        assert ladders.find_unread(register, [row.report for row in register.execute(schema.rungs.select())]) == {}


def test_overdue_lists_what_is_late_threats_first_and_nothing_of_content(bench: Bench, pas: RunPas) -> None:
    desk = bench.desk

    def overdue() -> list[dict[str, Any]]:
        return list(json.loads(pas("overdue", "--json", cwd=desk.workspace.root, code=0).out))

    assert overdue() == []
    assert pas("overdue", cwd=desk.workspace.root, code=0).out == "Nothing is overdue.\n"
    urgent = publish(bench, priority="URGENT")
    threat = publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    desk.turn(minutes=14)
    assert [row["kind"] for row in overdue()] == ["CASE"]
    desk.turn(minutes=7)
    desk.climb()
    read(desk, "pio:WSI")
    found = overdue()
    assert [(row["kind"], row["urn"], row["office"], [rung["rung"] for rung in row["rungs"]]) for row in found] == [
        ("CASE", threat, "pas", ["OWNER", "DUTY", "HEAD"]), ("DISCLOSURE", threat, "security:WSI", ["REMIND", "DEPUTY"]),
    ]  # fmt: skip
    case, disclosure = found
    assert list(case) == [
        "kind", "delivery", "case", "urn", "office", "priority", "received_at", "deadline", "overdue_seconds", "state", "rungs", "next",
    ]  # fmt: skip
    assert (case["delivery"], case["next"], disclosure["case"], disclosure["next"]["rung"]) == (None, None, None, "CASE")
    assert 300 <= disclosure["overdue_seconds"] < 600
    desk.turn(hours=9)
    assert [row["urn"] for row in overdue()][-1] == urgent
    shown = pas("overdue", cwd=desk.workspace.root, code=0).out
    assert threat in shown
    assert "parcel" not in shown


def answers(desk: Desk, office: str) -> list[str]:
    """The sentences an office was told about its replies."""
    said = [one.datum["notices"] for one in desk.run() if one.office == office]
    return [word["why"] for words in said for word in words if word["word"] == "REFUSED" or "READ does not" in word["why"]]


def test_read_in_the_name_of_somebody_who_has_left_changes_nothing(bench: Bench) -> None:
    desk = bench.desk
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    change(desk.workspace, lambda snapshot, at: dismiss(snapshot, "security:WSI", "example-security-wsi-2", at))
    desk.turn(seconds=1)
    read(desk, "security:WSI", "deputy", "example-security-wsi-2")
    [said] = answers(desk, "security:WSI")
    assert said.startswith("A reply names somebody who has left this office")
    read(desk, "security:WSI", "deputy", "example-governor-wsi-1")
    assert len(answers(desk, "security:WSI")) == 2
    assert ("REPLY_REFUSED", ["READ", "LEFT"]) in events(desk)
    desk.turn(minutes=16)
    assert "security:WSI" in {word["to"] for word in desk.climb()}
    # Whoever holds the post now reads, and that counts.
    read(desk, "security:WSI", "deputy", "example-security-wsi-1")
    desk.turn(minutes=10)
    assert {word["to"] for word in desk.climb()} == {"pas", "pio:WSI"}


def test_read_by_another_post_of_a_governors_is_told_not_to_count(bench: Bench) -> None:
    desk = bench.desk
    publish(bench, **THREAT)
    read(desk, "governor:WSI", "wing-officer")
    [said] = answers(desk, "governor:WSI")
    assert said.endswith("one of these posts: deputy-governor, duty-governor, governing-governor.")
    read(desk, "governor:WSI", "deputy-governor")
    assert len(answers(desk, "governor:WSI")) == 1
    desk.turn(minutes=16)
    assert "governor:WSI" not in {word["to"] for word in desk.climb()}


def test_a_receipt_for_another_offices_delivery_is_told_and_changes_nothing(bench: Bench) -> None:
    desk = bench.desk
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    [theirs] = [one.datum["delivery_id"] for one in desk.run() if one.office == "security:WSI"]
    datum = {
        "delivery_id": theirs, "office": "governor:WSI", "receipt": "READ", "post": "duty-governor", "person": "staff-0001",
        "at_ms": to_ms(desk.workspace.clock.now()), "mitigation": None, "reason": None,
    }  # fmt: skip
    value = Forge(desk.workspace, "governor:WSI", prefix=REPLY).seal(bytes(16), encode("reply", datum))
    desk.log.append([Outgoing(REPLIES.name, theirs, value)])
    assert answers(desk, "governor:WSI") == ["A reply answers a delivery that this office was never sent: it changes nothing."]
    told = next(one.datum for one in desk.run() if one.office == "governor:WSI" and "READ" not in one.datum["kind"])
    assert ("REPLY_REFUSED", ["READ", "NOT_YOURS"]) in events(desk)
    assert told["urn"] in ("", None)
    desk.turn(minutes=16)
    assert "security:WSI" in {word["to"] for word in desk.climb()}


def end_term(snapshot: Snapshot, now: datetime) -> Snapshot:
    """The PIO of WSI is posted no more; its keys stay, for this test's log tells all its times anew when the clock is turned."""
    offices = [
        replace(one, terms=(*one.terms[:-1], replace(one.terms[-1], end=now))) if one.id == "pio:WSI" else one for one in snapshot.offices
    ]
    return replace(snapshot, offices=tuple(offices))


def test_a_case_whose_owner_is_gone_goes_to_whoever_owns_it_by_now(bench: Bench) -> None:
    """The conduit was to evaluate, and is no more: nobody could decide, for a case is another office's until it is decided again."""
    desk = bench.desk
    urn = publish(bench, originator="security:WSI", urn="WSI/IR/2015/000001", priority="URGENT", addressees=["force:01"])
    assert {row.owner for row in bench.docket(urn).rows.values() if row.state == "OPEN"} == {"pio:WSI"}
    change(desk.workspace, end_term)
    desk.turn(minutes=119)
    assert desk.climb() == []
    desk.turn(minutes=2)
    words = [(word["to"], word["word"], word["rule"]) for word in desk.climb()]
    assert ("fib:01", "DECIDE", "R-EVALUATE") in words
    assert not any(to == "pio:WSI" and word == "OVERDUE" for to, word, _ in words)
    assert {row.owner for row in bench.docket(urn).rows.values() if row.state == "OPEN"} == {"fib:01"}
    bench.send(bench.decision(urn, owner="fib:01"))
    desk.run()
    assert bench.outcome(urn, "force:01")[0] == "release"
    desk.turn(hours=7)
    assert {word["word"] for word in desk.climb() if word["case"]} == set()


@pytest.mark.parametrize("receipt", ["CONDITIONS_ACCEPTED", "ACTIONED", "DECLINED"])
def test_a_receipt_that_does_not_fit_is_told_and_stops_no_clock(bench: Bench, receipt: str) -> None:
    """Of what has no conditions none are accepted; an action names its mitigation, a refusal its reason."""
    desk = bench.desk
    urn = publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    [mine] = [one.datum["delivery_id"] for one in desk.run() if one.office == "security:WSI"]
    datum = {
        "delivery_id": mine, "office": "security:WSI", "receipt": receipt, "post": "officer", "person": "staff-0001",
        "at_ms": to_ms(desk.workspace.clock.now()), "mitigation": None, "reason": None,
    }  # fmt: skip
    value = Forge(desk.workspace, "security:WSI", prefix=REPLY).seal(bytes(16), encode("reply", datum))
    desk.log.append([Outgoing(REPLIES.name, mine, value)])
    assert [said.partition(" does not fit")[0] for said in answers(desk, "security:WSI")] == [f"This {receipt}"]
    assert ("REPLY_REFUSED", [receipt, "UNFIT"]) in events(desk)
    assert {one["office"]: one["state"] for one in trace(desk.store, desk.office.register_key, urn)["outcomes"]}["security:WSI"] == "SENT"
    desk.turn(minutes=16)
    assert "security:WSI" in {word["to"] for word in desk.climb()}


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_said_again_is_told_once_whatever_comes_in_one_batch(bench: Bench, at_once: bool) -> None:
    """No inbox says it twice; whoever has the office's key can."""
    desk = bench.desk
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    [mine] = [one.datum["delivery_id"] for one in desk.run() if one.office == "security:WSI"]
    forge = Forge(desk.workspace, "security:WSI", prefix=REPLY)
    for number, receipt in enumerate(("ACTIONED", "ACTIONED", "DECLINED", "DECLINED", "ACTIONED")):
        datum = {
            "delivery_id": mine, "office": "security:WSI", "receipt": receipt, "post": "officer", "person": "staff-0001",
            "at_ms": to_ms(desk.workspace.clock.now()), "mitigation": "Moved." if receipt == "ACTIONED" else None,
            "reason": "Not ours." if receipt == "DECLINED" else None,
        }  # fmt: skip
        desk.log.append([Outgoing(REPLIES.name, mine, forge.seal(bytes([number]) * 16, encode("reply", datum)))])
        if not at_once:
            desk.run()
    desk.run()
    told = [
        (one.office, word["why"].split(" it", 1)[0])
        for one in judge_log(desk.log, desk.workspace) for word in one.datum["notices"] if word["office"] == "security:WSI"
    ]  # fmt: skip
    assert sorted(told) == [
        ("force:01", "That office has acted on"), ("force:01", "That office has declined"),
        ("pas", "That office has acted on"), ("pas", "That office has declined"),
    ]  # fmt: skip


def events(desk: Desk) -> list[tuple[str, list[str]]]:
    with desk.store.reading() as register:
        rows = register.execute(schema.leaves.select().order_by(schema.leaves.c.number)).all()
    found = [decode(event[16:], "audit_event").datum for row in rows for event in split_blobs(row.events)]
    return [(event["event"], event["rules"]) for event in found]


STRUCK = """
import os, signal, sys
from pathlib import Path
from pas_gateway.office import PasOffice
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import open_store
from pas_transport.workspace import open_workspace
workspace = open_workspace(Path(sys.argv[1]))
pipeline = Pipeline(PasOffice.of(workspace), open_store(workspace.register_url))
plan = pipeline.climb_due()
if sys.argv[2] == "after":
    pipeline.commit(plan)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("place", ["before", "after"])
def test_killed_before_and_after_it_commits_each_rung_is_climbed_and_told_once(bench: Bench, place: str) -> None:
    """After the commit and before anything of it is sent, too."""
    desk = bench.desk
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    desk.turn(minutes=16)
    killed = subprocess.run([sys.executable, "-c", STRUCK, str(desk.workspace.root), place], check=False, timeout=300)
    assert killed.returncode == -signal.SIGKILL
    assert bool(climbed(bench)) == (place == "after")
    words = [word["to"] for word in desk.climb() if word["word"] == "OVERDUE" and word["to"] != "pas"]
    assert sorted(words) == ["pio:WSI", "security:WSI"]
    assert [pair for pair in climbed(bench) if pair[0] != "pas"] == [("pio:WSI", "REMIND"), ("security:WSI", "REMIND")]
    assert desk.climb() == []


def test_a_gateway_that_runs_climbs_by_itself(bench: Bench, pas: RunPas) -> None:
    publish(bench, priority="THREAT_TO_LIFE", addressees=["security"])
    bench.desk.turn(hours=1)
    done = json.loads(pas("gateway", "run", "--until-idle", "--json", cwd=bench.desk.workspace.root, code=0).out)
    assert done["sent"] > 0
    assert {rung for _, rung in climbed(bench)} == {"REMIND", "DEPUTY", "CASE", "OWNER", "DUTY", "HEAD"}
    overdue = json.loads(pas("overdue", "--json", cwd=bench.desk.workspace.root, code=0).out)
    assert all(row["next"] is None for row in overdue)
    assert json.loads(pas("gateway", "run", "--until-idle", "--json", cwd=bench.desk.workspace.root, code=0).out)["sent"] == 0
