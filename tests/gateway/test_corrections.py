"""Corrections and withdrawals of reports: who is told, what goes out, what waits, and that order, repeats and strangers change nothing."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.desk import Desk, Row, copy_estate
from gateway.judging import find_journeys, read_all
from gateway.postgres import PrivatePostgres
from gateway.terminal import Terminal
from gateway.test_on_postgres import settle
from pas_consumers import Inbox
from pas_gateway.audit import SALT_BYTES
from pas_gateway.plan import Plan
from pas_gateway.register import RegisterUnavailableError, chains, ladders, queries, schema, split_blobs
from pas_gateway.review import list_cases
from pas_gateway.trace import trace
from pas_schemas.codec import decode
from producers.samples import make_declarations, make_handling, make_item

ASSESSED = {"summary": "Weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}
READERS = ("pio:WSI", "security:WSI")


def correct(desk: Desk, target: Row, action: str = "CORRECT", **changes: Any) -> Row:
    """A report that stands in another's place, in other words unless told otherwise."""
    fields: Row = {
        "priority": "URGENT",
        "supersedes": {"urn": target["urn"], "action": action},
        "items": [make_item(text="In truth it was the yard.")],
    }
    return desk.write(**(fields | changes))


def come(desk: Desk, *reports: Row) -> None:
    """Each taken in and sent before the next is published."""
    for one in reports:
        desk.publish(one)
        desk.run()


def journeys(desk: Desk, report: Row) -> dict[str, list[str]]:
    return {office: kinds for (office, urn), kinds in find_journeys(desk.run()).items() if urn == report["urn"]}


def tell(desk: Desk, report: Row) -> Row:
    return trace(desk.store, desk.office.register_key, report["urn"], report["originator"])


def states(desk: Desk, report: Row) -> dict[str, str | None]:
    return {outcome["office"]: outcome["state"] for outcome in tell(desk, report)["outcomes"]}


def take(desk: Desk, office: str) -> None:
    with Inbox.of(desk.workspace, office) as inbox:
        intake = inbox.take()
        assert (intake.aside, intake.gaps) == ((), ())


def read_texts(desk: Desk, office: str) -> list[str | None]:
    with Inbox.of(desk.workspace, office) as inbox:
        return [item.text for one in inbox.list().held if one.delivery.body for item in one.delivery.body.items]


def count_events(desk: Desk) -> Counter[str]:
    with desk.store.reading() as register:
        rows = list(register.execute(schema.leaves.select()))
    return Counter(decode(event[SALT_BYTES:], "audit_event").datum["event"] for row in rows for event in split_blobs(row.events))


def pass_time(desk: Desk) -> None:
    """The time that corrections have is over, and what time alone settles is settled."""
    with desk.store.writing() as register:
        register.execute(schema.waiting.update().values(until_ms=0))
    while (plan := desk.pipeline.settle(None)) is not None:
        desk.pipeline.commit(plan)


def test_a_correction_is_told_to_all_who_hold_the_report_and_each_confirms(desk: Desk) -> None:
    come(desk, first := desk.write())
    for office in READERS:
        take(desk, office)
    come(desk, second := correct(desk, first))
    assert journeys(desk, first) == {office: ["DISCLOSURE", "WITHDRAWAL"] for office in READERS}
    assert journeys(desk, second) == {office: ["DISCLOSURE"] for office in READERS}
    assert [one["confirmed"] for one in tell(desk, first)["outcomes"]] == [None, None]
    for office in READERS:
        take(desk, office)
        assert read_texts(desk, office) == ["In truth it was the yard."]
    desk.run()
    told = tell(desk, first)
    assert {outcome["office"]: outcome["state"] for outcome in told["outcomes"]} == dict.fromkeys(READERS, "WITHDRAWN")
    assert all(outcome["confirmed"] for outcome in told["outcomes"])
    ends = {"originator": "force:01", "action": "CORRECT", "state": "DONE", "until": None}
    assert (told["supersedes"], told["superseded_by"]) == (None, ends | {"urn": second["urn"]})
    other = tell(desk, second)
    assert (other["supersedes"], other["superseded_by"]) == (ends | {"urn": first["urn"]}, None)


def test_an_unconfirmed_withdrawal_counts_like_something_unread(desk: Desk) -> None:
    def unread() -> int | None:
        with desk.store.reading() as register:
            return ladders.find_oldest_unread(register)

    come(desk, first := desk.write(addressees=[]))
    take(desk, "pio:WSI")
    come(desk, correct(desk, first, "WITHDRAW", subjects=[], addressees=[]))
    assert unread() is not None
    take(desk, "pio:WSI")
    desk.run()
    assert unread() is None


def test_a_withdrawn_report_is_live_no_more_and_its_cases_close(desk: Desk) -> None:
    come(desk, first := desk.write(risk_tags=["ESCAPE"]))
    assert {case["urn"] for case in list_cases(desk.store, desk.office.register_key)} == {first["urn"]}
    come(desk, last := correct(desk, first, "WITHDRAW", risk_tags=[]))
    assert [case["urn"] for case in list_cases(desk.store, desk.office.register_key)] == []
    assert tell(desk, first)["cases"][0]["state"] == "CLOSED"
    desk.move(prison="BAI", hours_ago=0.5)
    desk.run()
    assert "pio:BAI" not in journeys(desk, first)
    assert journeys(desk, last)["pio:BAI"] == ["DISCLOSURE"]
    with Inbox.of(desk.workspace, "pio:WSI") as inbox:
        inbox.take()
        (told,) = [one for one in inbox.list().held if one.delivery.kind == "WITHDRAWAL" and one.delivery.urn == first["urn"]]
    assert [notice.why for notice in told.delivery.notices] == [
        "Its originator has withdrawn this report: what you hold of it no longer stands."
    ]


def test_a_regrade_reaches_who_acted_on_the_old_grade_though_the_new_one_keeps_it_from_them(desk: Desk) -> None:
    come(desk, first := desk.write(items=[make_item()], addressees=["security"]))
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        inbox.take()
        (held,) = inbox.list().held
        inbox.read(held.delivery.id)
        inbox.act(held.delivery.id, "Searched the yard.")
        inbox.send()
    desk.move(prison="BAI", hours_ago=0.5)
    desk.run()
    handling = make_handling(reasons="Operation.", internal_recipients=["fib:01"], review_by="2099-01-01")
    regraded = correct(desk, first, items=[make_item(handling="1", intelligence="4")], addressees=["fib:01"], handling=handling)
    come(desk, regraded)
    assert journeys(desk, first)["security:WSI"] == ["DISCLOSURE", "WITHDRAWAL", "WITHDRAWAL"]
    assert "security:WSI" not in journeys(desk, regraded)
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        inbox.take()
        last = max((one.delivery for one in inbox.list().held if one.delivery.urn == first["urn"]), key=lambda one: one.n)
    assert [notice.why for notice in last.notices] == [
        "Its originator has graded this report anew: the grade under which you hold it no longer stands."
    ]
    assert last.body is None


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("at_once", [False, True], ids=["one-by-one", "at-once"])
def test_a_chain_ends_alike_in_whatever_order_it_comes(desk: Desk, order: tuple[int, ...], at_once: bool) -> None:
    first = desk.write()
    second = correct(desk, first)
    third = correct(desk, second, items=[make_item(text="No, the workshop.")])
    chain = [first, second, third]
    if at_once:
        desk.publish(*(chain[place] for place in order))
    else:
        come(desk, *(chain[place] for place in order))
    desk.run()
    assert journeys(desk, third) == {office: ["DISCLOSURE"] for office in READERS}
    for place, former in enumerate((first, second)):
        # What was overtaken was never sent to anybody; what came in its order was, and was taken back.
        # A correction that came in its order goes out only where it has taken its place before it is corrected itself.
        overtaken = order.index(place + 1) < order.index(place) or (place == 1 and (at_once or order.index(2) < order.index(0)))
        kinds = journeys(desk, former)
        assert kinds == ({} if overtaken else {office: ["DISCLOSURE", "WITHDRAWAL"] for office in READERS}), (place, kinds)
    with desk.store.reading() as register:
        assert chains.list_targets(register) == frozenset()
        assert not chains.has_due(register, 0)


def test_a_correction_that_overtakes_its_target_waits_and_becomes_a_case(desk: Desk) -> None:
    first = desk.write()
    come(desk, second := correct(desk, first))
    assert (journeys(desk, second), set(states(desk, second).values())) == ({}, {None})
    assert tell(desk, second)["status"] == "ACCEPTED"
    assert tell(desk, second)["supersedes"]["state"] == "WAITING"
    assert desk.pipeline.settle(None) is None
    assert list_cases(desk.store, desk.office.register_key) == []
    pass_time(desk)
    (case,) = list_cases(desk.store, desk.office.register_key)
    assert (case["urn"], case["owner"], case["reasons"]) == (second["urn"], "pas", ["R-NOBODY"])
    pass_time(desk)
    assert count_events(desk)["UNMATCHED"] == 1
    come(desk, first)
    assert (journeys(desk, first), set(journeys(desk, second))) == ({}, set(READERS))
    assert list_cases(desk.store, desk.office.register_key) == []


def test_movements_let_nothing_of_a_waiting_correction_out(desk: Desk) -> None:
    come(desk, second := correct(desk, desk.write()))
    desk.move(prison="BAI", hours_ago=0.5)
    desk.run()
    assert journeys(desk, second) == {}
    assert {outcome["office"] for outcome in tell(desk, second)["outcomes"]} == {"pio:BAI", "security:BAI"}


@pytest.mark.parametrize("action", ["CORRECT", "WITHDRAW"])
def test_another_agency_corrects_nothing_and_learns_nothing(desk: Desk, action: str) -> None:
    come(desk, first := desk.write())
    foreign = {**correct(desk, first, action), "originator": "force:06"}
    foreign["urn"] = foreign["urn"].replace("01/", "06/", 1)
    unknown = {**correct(desk, {"urn": "01/IR/2015/990099"}, action), "originator": "force:06"}
    unknown["urn"] = unknown["urn"].replace("01/", "06/", 1)
    come(desk, foreign, unknown)
    assert journeys(desk, first) == {office: ["DISCLOSURE"] for office in READERS}
    assert journeys(desk, foreign) == journeys(desk, unknown) == {}
    said = [
        [(notice["word"], notice["why"]) for notice in one.datum["notices"]]
        for one in desk.run()
        if one.office == "force:06" and one.datum["urn"] in (foreign["urn"], unknown["urn"])
    ]
    assert len(said) == 2
    assert said[0] == said[1]
    pass_time(desk)
    assert {case["urn"] for case in list_cases(desk.store, desk.office.register_key)} == {foreign["urn"], unknown["urn"]}


def test_an_own_office_corrects_what_another_of_its_agency_wrote(desk: Desk) -> None:
    come(desk, first := desk.write())
    own = {**correct(desk, first), "originator": "fib:01"}
    come(desk, own)
    assert journeys(desk, first) == {office: ["DISCLOSURE", "WITHDRAWAL"] for office in READERS}
    assert tell(desk, first)["superseded_by"]["originator"] == "fib:01"


def test_only_the_last_of_a_chain_is_corrected(desk: Desk) -> None:
    first = desk.write()
    second, rival = correct(desk, first), correct(desk, first, items=[make_item(text="No: the roof.")])
    come(desk, first, second, rival)
    assert journeys(desk, rival) == {}
    assert tell(desk, rival)["supersedes"]["state"] == "UNMATCHED"
    (case,) = list_cases(desk.store, desk.office.register_key)
    assert (case["urn"], case["reasons"]) == (rival["urn"], ["R-NOBODY"])
    assert journeys(desk, second) == {office: ["DISCLOSURE"] for office in READERS}


def test_what_names_itself_or_goes_in_a_circle_waits_for_a_person(desk: Desk) -> None:
    alone = desk.write()
    alone["supersedes"] = {"urn": alone["urn"], "action": "CORRECT"}
    one = desk.write()
    other = correct(desk, one)
    one["supersedes"] = {"urn": other["urn"], "action": "WITHDRAW"}
    come(desk, alone, one, other)
    pass_time(desk)
    assert all(journeys(desk, each) == {} for each in (alone, one, other))
    waiting = [case["urn"] for case in list_cases(desk.store, desk.office.register_key)]
    assert sorted(waiting) == sorted(each["urn"] for each in (alone, one, other))


def test_repeats_of_a_correction_change_nothing(desk: Desk) -> None:
    come(desk, first := desk.write(), second := correct(desk, first))
    before = (journeys(desk, first), journeys(desk, second))
    desk.publish(second, first, second, again=True)
    desk.run()
    assert (journeys(desk, first), journeys(desk, second)) == before
    assert count_events(desk)["SUPERSEDED"] == 1


def test_conditions_accepted_too_late_bring_nothing_of_a_corrected_report(desk: Desk) -> None:
    handling = make_handling(conditions="Not on the wing.", risk_assessment=ASSESSED)
    come(desk, first := desk.write(items=[make_item(handling="5")], addressees=["security:WSI"], handling=handling))
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        inbox.take()
        (held,) = inbox.list().held
        inbox.accept(held.delivery.id)
        desk.publish(correct(desk, first, "WITHDRAW"))
        desk.worker("reports").run(lambda: desk._is_read(("pas.reports",)))
        inbox.send()
    assert journeys(desk, first)["security:WSI"] == ["CONDITIONS", "WITHDRAWAL"]


def test_what_a_killed_worker_did_not_come_to_settle_the_next_one_does(desk: Desk) -> None:
    come(desk, first := desk.write())
    before = list(read_all(desk.log, "pas.reports"))
    desk.publish(second := correct(desk, first))
    desk.pipeline.commit(desk.plan_reports([one for one in read_all(desk.log, "pas.reports") if one not in before]))
    with desk.store.reading() as register:
        assert chains.list_targets(register) == {first["urn"]}
        assert {one.kind for one in queries.find_deliveries(register, [bytes.fromhex(tell(desk, second)["report"])])} == {"NOTICE"}
    desk.worker("worker-2").run(desk.is_idle)
    assert journeys(desk, first) == {office: ["DISCLOSURE", "WITHDRAWAL"] for office in READERS}
    assert journeys(desk, second) == {office: ["DISCLOSURE"] for office in READERS}


def test_a_register_that_fails_between_the_two_steps_is_asked_again(desk: Desk) -> None:
    come(desk, first := desk.write())
    desk.publish(second := correct(desk, first))
    worker = desk.worker("worker-1")
    settle, failing = worker.pipeline.settle, iter((True,))

    def fail_once(urns: frozenset[str] | None) -> Plan | None:
        if urns is not None and next(failing, False):
            raise RegisterUnavailableError("The register is away.", "try again")
        return settle(urns)

    object.__setattr__(worker.pipeline, "settle", fail_once)
    turns = iter((False, False))
    worker._look_again = 0.0

    def stop() -> bool:
        worker._look_again = 0.0
        return next(turns, True)

    worker.run(stop)
    assert journeys(desk, first) == {office: ["DISCLOSURE", "WITHDRAWAL"] for office in READERS}
    assert journeys(desk, second) == {office: ["DISCLOSURE"] for office in READERS}


def test_a_chain_on_postgresql_ends_as_it_does_on_sqlite(pristine: Path, tmp_path: Path, postgres: PrivatePostgres) -> None:
    root = copy_estate(pristine, tmp_path / "small").root
    with Desk(settle(root, postgres.url(postgres.make_database(), password=None))) as desk:
        desk.move()
        desk.run()
        first = desk.write()
        second = correct(desk, first)
        third = correct(desk, second, "WITHDRAW")
        come(desk, second, first, third)
        assert journeys(desk, first) == {}
        assert journeys(desk, second) == {office: ["DISCLOSURE", "WITHDRAWAL"] for office in READERS}
        come(desk, rival := correct(desk, second))
        assert tell(desk, rival)["supersedes"]["state"] == "UNMATCHED"


def test_people_let_a_correction_go_out_though_what_it_corrects_has_not_come(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    pas = Terminal(desk, capsys)
    first = desk.write()
    come(desk, second := correct(desk, first, declarations=make_declarations(terrorism=True)))
    (early,) = pas.json("cases", "list")
    said = ("--choice", "RELEASE", "--unmatched", "--reason", "It is needed now.", "--legal-basis", "OTHER")
    decide = ("cases", "decide", early["case"], *said)
    # It has not waited long enough: what waits is another question.
    assert "does not answer what this case asks" in pas.refused(*pas.sign(*decide, person="example-reviewer-1"))
    pass_time(desk)
    (case,) = pas.json("cases", "list")
    assert case["reasons"] == ["G-CATA", "R-NOBODY"]
    told = pas.refused(*pas.sign(*decide[:4], "NOTE", "--unmatched", *said[3:], person="example-reviewer-1"), code=2)
    assert "--unmatched goes with RELEASE" in told
    pas(*pas.sign(*decide, person="example-reviewer-1"))
    desk.run()
    # Terrorism is declared: one person is not enough.
    assert (tell(desk, second)["supersedes"]["state"], journeys(desk, second)) == ("UNMATCHED", {})
    pas(*pas.sign("cases", "second", case["case"], "--reason", "I agree.", person="example-reviewer-2"))
    desk.run()
    # What policy releases goes out; what it holds waits on, for another decision.
    assert (tell(desk, second)["supersedes"]["state"], journeys(desk, second)) == ("RELEASED", {"pio:WSI": ["DISCLOSURE"]})
    (left,) = pas.json("cases", "list")
    assert left["reasons"] == ["G-CATA"]
    assert count_events(desk)["UNMATCHED_RELEASED"] == 1
    # It follows the prisoner like any other.
    desk.move(prison="BAI", hours_ago=0.5)
    assert journeys(desk, second) == {"pio:WSI": ["DISCLOSURE", "WITHDRAWAL"], "pio:BAI": ["DISCLOSURE"]}
    # Should what it corrects come after all, that one is never sent, and nothing goes out again.
    come(desk, first)
    assert journeys(desk, first) == {}
    assert tell(desk, second)["supersedes"]["state"] == "DONE"
    assert journeys(desk, second) == {"pio:WSI": ["DISCLOSURE", "WITHDRAWAL"], "pio:BAI": ["DISCLOSURE"]}


def test_a_correction_that_was_let_go_is_corrected_like_any_other(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    pas = Terminal(desk, capsys)
    come(desk, second := correct(desk, desk.write()), third := correct(desk, second, items=[make_item(text="No, the workshop.")]))
    pass_time(desk)
    assert (journeys(desk, second), journeys(desk, third)) == ({}, {})
    (case,) = [row for row in pas.json("cases", "list") if row["urn"] == second["urn"]]
    decide = ("cases", "decide", case["case"], "--choice", "RELEASE", "--unmatched", "--reason", "Needed.", "--legal-basis", "OTHER")
    pas(*pas.sign(*decide, person="example-reviewer-1"))
    desk.run()
    assert set(journeys(desk, third)) == set(READERS)
    assert pas.json("cases", "list") == []


def count_statements(desk: Desk, *reports: Row) -> int:
    """How many statements the register is given for these reports, published at once."""
    desk.publish(*reports)
    asked = Counter[str]()

    def look(_: Any, __: Any, statement: str, *more: Any) -> None:
        asked[statement[:6]] += 1

    sa.event.listen(sa.Engine, "before_cursor_execute", look)
    try:
        desk.run()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", look)
    assert asked.total() >= 10
    return asked.total()


def test_many_corrections_take_effect_by_a_few_statements(desk: Desk) -> None:
    def pairs(count: int) -> list[Row]:
        firsts = [desk.write() for _ in range(count)]
        return [one for first in firsts for one in (first, correct(desk, first))]

    few, many = pairs(5), pairs(40)
    assert count_statements(desk, *many) <= 1.5 * count_statements(desk, *few)
    for first, second in zip(many[::2], many[1::2], strict=True):
        assert states(desk, first)["pio:WSI"] == "WITHDRAWN"
        assert states(desk, second)["pio:WSI"] == "SENT"


def test_a_long_chain_is_gone_along_link_by_link(desk: Desk) -> None:
    """What each link costs does not grow with the chain."""

    def link(count: int) -> list[Row]:
        links = [desk.write()]
        while len(links) < count:
            links.append(correct(desk, links[-1]))
        return links

    short, long = link(6), link(24)
    assert count_statements(desk, *long) <= 4 * count_statements(desk, *short)
    assert states(desk, long[-1])["pio:WSI"] == "SENT"
    assert not any(states(desk, one).get("pio:WSI") == "SENT" for one in long[:-1])
