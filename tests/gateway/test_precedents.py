"""What came before on a prisoner is named to PAS, and to a Governor as far as that Governor may know it; to nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.deciding import Bench
from gateway.desk import Desk, Row
from gateway.terminal import Terminal
from gateway.test_requests import ask, person, write_answer
from pas_consumers import Inbox
from pas_consumers.views import describe_whole
from pas_gateway.background import find_background
from pas_gateway.register.dockets import find_cases_on
from producers.samples import make_declarations, make_handling, make_item, make_subject

OTHER = "B2222BB"


@pytest.fixture
def bench(desk: Desk) -> Bench:
    return Bench(desk)


@pytest.fixture
def pas(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(desk, capsys)


def publish(bench: Bench, **changes: Any) -> str:
    report = bench.desk.write(**({"risk_tags": ["ESCAPE"], "items": [make_item()]} | changes))
    bench.desk.publish(report)
    bench.desk.run()
    return str(report["urn"])


def decide(bench: Bench, urn: str, *released: str) -> None:
    """PAS releases to these offices, and refuses everybody else whom it held for."""
    for office in released:
        bench.send(bench.decision(urn, office=office))
        bench.desk.run()
    if bench.docket(urn).case("pas") is not None:
        bench.send(bench.decision(urn, "REFUSE"))
        bench.desk.run()


def earlier(desk: Desk, urn: str, office: str = "governor:WSI") -> list[str]:
    """What the newest disclosure of a report says came before."""
    found = [one.datum for one in desk.run() if one.office == office and one.datum["urn"] == urn and one.datum["kind"] == "DISCLOSURE"]
    return [notice["why"] for notice in found[-1]["notices"] if notice["word"] == "EARLIER"]


def test_a_governor_hears_what_pas_decided_before_of_what_it_holds(bench: Bench) -> None:
    desk = bench.desk
    first, hidden = publish(bench), publish(bench)
    decide(bench, first, "governor:WSI", "cat-a-team")
    decide(bench, hidden, "cat-a-team")
    last = publish(bench)
    decide(bench, last, "governor:WSI", "cat-a-team")
    said = earlier(desk, last)
    assert said == [f"PAS decided on {first} of force:01, of which this office holds a text."]
    assert hidden not in json.dumps(said)
    # Nobody else hears of it, not who has both of them either.
    assert [earlier(desk, last, office) for office in ("cat-a-team", "security:WSI", "pio:WSI")] == [[], [], []]
    with Inbox.of(desk.workspace, "governor:WSI", post="duty-governor", person="staff-0001") as box:
        box.take()
        shown = [describe_whole(held) for held in box.list().held if held.delivery.urn == last and held.delivery.kind == "DISCLOSURE"]
    assert [one["earlier"] for one in shown] == [said]


def test_what_nobody_has_decided_is_not_looked_up(bench: Bench) -> None:
    """A prisoner may have thousands of reports with a case that waits: of each that is answered, and of no other, the decision is read."""
    first = publish(bench, addressees=["governor", "security"])

    def find() -> set[str]:
        persons = bench.office.know().index(bench.docket(first).standing.report)
        return {one.urn for one in bench.desk.store.ask(lambda register: find_cases_on(register, persons, "pas", {"governor:WSI"}))}

    bench.case(first)
    assert find() == set()
    bench.send(bench.decision(first, office="cat-a-team"))
    bench.desk.run()
    assert find() == {first}


def test_of_somebody_in_an_item_it_may_not_have_a_governor_hears_nothing(bench: Bench) -> None:
    """Another prisoner, of whom the Governor holds what PAS decided on, is named in an item that is closed to others."""
    desk = bench.desk
    desk.move(noms_number=OTHER)
    desk.run()
    about_other = publish(bench, subjects=[make_subject(noms_number=OTHER, pnc_id=None)])
    decide(bench, about_other, "governor:WSI")
    subjects = [make_subject(pnc_id=None), make_subject(noms_number=OTHER, pnc_id=None)]
    secret = make_handling(reasons="Live.", internal_recipients=["fib:01"], review_by="2099-01-01")
    items = [make_item(subjects=[0]), make_item(handling="4", subjects=[1])]
    both = publish(bench, subjects=subjects, items=items, handling=secret)
    bench.send(bench.decision(both, office="governor:WSI"))
    assert earlier(desk, both) == []
    open_too = publish(bench, subjects=subjects, items=[make_item(subjects=[0, 1])])
    bench.send(bench.decision(open_too, office="governor:WSI"))
    # Of the one in between PAS has decided what the Governor has of it, whatever still waits there for others.
    assert [line.split()[3] for line in earlier(desk, open_too)] == [about_other, both]


def test_applications_are_named_to_pas_and_to_the_prison_that_made_them(bench: Bench, pas: Terminal) -> None:
    own, _ = ask(pas), ask(pas, kind="CAT_A", office="cat-a-team")
    urn = publish(bench)
    bench.send(bench.decision(urn, office="governor:WSI"))
    [said] = earlier(bench.desk, urn)
    assert said.startswith("security:WSI applied to PAS (PAS/2) on ")
    assert "zqCanaryzq" not in said
    shown = find_background(bench.desk.store, bench.office, bench.case(urn))["applications"]
    assert {(one["request"], one["kind"], one["office"]) for one in shown} >= {(own, "PAS/2", "security:WSI")}
    assert {one["kind"] for one in shown} == {"PAS/2", "CAT_A"}
    # Where he goes next, the Governor hears nothing of what another prison asked.
    bench.desk.move(hours_ago=0, prison="BAI")
    bench.desk.run()
    bench.send(bench.decision(urn, office="governor:BAI"))
    assert earlier(bench.desk, urn, "governor:BAI") == []


def test_of_a_decision_on_what_it_may_not_have_a_governor_hears_nothing(bench: Bench) -> None:
    """Two earlier reports that differ in an item for somebody else alone say the same: nothing."""
    open_too = [make_item()]
    hidden = [make_item(), make_item(addressees=["security:BAI"])]
    for items in (open_too, hidden):
        first = publish(bench, items=items, addressees=["governor:WSI"], risk_tags=[])
        assert bench.outcome(first, "governor:WSI") == ("release", "H1-PRISON")
        decide(bench, first)
    # PAS's case on the one is decided, and there was none on the other.
    assert [(case["state"], case["held"]) for case in bench.listed(only_open=False)] == [("DECIDED", [])]
    last = publish(bench, addressees=["governor:WSI"], risk_tags=[])
    assert earlier(bench.desk, last) == []


def test_an_answer_that_policy_holds_closes_no_application_before_a_governor(bench: Bench, pas: Terminal) -> None:
    name = ask(pas)
    path, _ = write_answer(pas, declarations=make_declarations(terrorism=True))
    pas(*pas.sign("request", "answer", name, path, "--as", "force:01", person=person("force:01")))
    bench.desk.run()
    bench.desk.run()
    assert [(one["state"], one["asked"][0]["state"]) for one in pas.json("request", "list", "--all")] == [("CLOSED", "ANSWERED")]
    [said] = earlier(bench.desk, publish(bench, addressees=["governor:WSI"], risk_tags=[]))
    assert said.endswith(": OPEN.")


def test_a_body_is_the_same_whether_anything_came_before_or_not(bench: Bench) -> None:
    first = publish(bench)
    bench.send(bench.decision(first, office="governor:WSI"))
    rows: list[Row] = [one.datum for one in bench.desk.run() if one.office == "governor:WSI" and one.datum["kind"] == "DISCLOSURE"]
    assert [one["notices"] for one in rows] == [[]]
