"""Risk builds up: PAS sees which reports add up and what was decided before; nobody else learns that there are others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.desk import Desk, Row
from pas_gateway.background import find_background
from pas_gateway.register import queries, schema
from pas_gateway.review import list_cases

Pas = Callable[..., Any]


def build_up(desk: Desk) -> tuple[Row, Row, Row]:
    """Two reports by two forces that add up, and one between them that has nothing to do with it."""
    first = desk.write(hours_ago=50, risk_tags=["MOBILE_PHONE"])
    other = desk.write(hours_ago=40, risk_tags=["HEALTH"], addressees=[])
    last = {**desk.write(hours_ago=2, risk_tags=["FIREARMS"], priority="ROUTINE"), "originator": "force:06"}
    last["urn"] = last["urn"].replace("01/", "06/", 1)
    for one in (first, other, last):
        desk.publish(one)
        desk.run()
    return first, other, last


def referral(desk: Desk) -> Row:
    (case,) = [one for one in list_cases(desk.store, desk.office.register_key) if "R-REFERRAL" in one["reasons"]]
    return case


def test_pas_sees_which_reports_add_up(desk: Desk) -> None:
    first, other, last = build_up(desk)
    case = referral(desk)
    assert case["urn"] == last["urn"]
    shown = find_background(desk.store, desk.office, case["case"])
    assert [(one["urn"], one["originator"], one["risk_tags"]) for one in shown["adds_up"]] == [
        (first["urn"], "force:01", ["MOBILE_PHONE"]),
        (other["urn"], "force:01", ["HEALTH"]),
    ]
    assert shown["earlier"] == []
    desk.move(event="STATUS", prison=None, category="A", hours_ago=0)
    assert len(find_background(desk.store, desk.office, case["case"])["adds_up"]) == 2


def test_nobody_else_is_told_of_the_others(desk: Desk) -> None:
    first, other, last = build_up(desk)
    case = referral(desk)
    for one in desk.run():
        told = json.dumps(one.datum, default=lambda value: value.hex())
        if one.datum["urn"] == last["urn"]:
            assert first["urn"] not in told
            assert other["urn"] not in told
        assert case["case"] not in told
        assert "R-REFERRAL" not in told


def test_decided_cases_on_the_same_person_are_named(desk: Desk) -> None:
    desk.publish(former := desk.write(risk_tags=["ESCAPE"]))
    desk.run()
    with desk.store.reading() as register:
        (row,) = queries.list_cases(register, only_open=True)
    build_up(desk)
    case = referral(desk)
    assert find_background(desk.store, desk.office, case["case"])["earlier"] == []
    with desk.store.writing() as register:
        register.execute(schema.cases.update().where(schema.cases.c.id == row.id).values(state="DECIDED"))
    assert find_background(desk.store, desk.office, case["case"])["earlier"] == [
        {"case": row.id, "urn": former["urn"], "owner": "pas", "reasons": ["R-CATA", "R-SENIORITY"], "state": "DECIDED"}
    ]


def test_of_a_body_no_longer_kept_nothing_is_guessed(desk: Desk) -> None:
    build_up(desk)
    case = referral(desk)
    with desk.store.writing() as register:
        register.execute(schema.reports.update().where(schema.reports.c.urn == case["urn"]).values(body=None, data_key=None))
    assert find_background(desk.store, desk.office, case["case"]) == {"adds_up": None, "earlier": None, "applications": None}


@pytest.mark.parametrize("json_too", [True, False])
def test_cases_show_prints_it(desk: Desk, pas: Pas, json_too: bool) -> None:
    first, _, _ = build_up(desk)
    case = referral(desk)
    shown = pas("cases", "show", case["case"], *(["--json"] if json_too else []), cwd=desk.workspace.root, code=0).out
    assert first["urn"] in shown
    assert "{'" not in shown
    if json_too:
        assert json.loads(shown)["adds_up"][0]["urn"] == first["urn"]
