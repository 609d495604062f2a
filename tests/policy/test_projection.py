"""A projection never holds an item that was not released, nor what no recipient may see: its bytes are searched for canaries."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pas_gateway.project import BODY, NAME, TOLD, WORDS, Source, delivery_parts, project
from pas_gateway.project import body as encode_body
from pas_schemas.border import examine
from pas_schemas.codec import decode, encode
from pas_schemas.models.report import Report
from pas_schemas.parts import pack_report, unpack_report
from pas_schemas.sealing import Evidence
from policy.harness import RULEBOOK, World
from policy.reports import NOW, make_estate_variants, make_world

# What its tests share is made once: in one process.
pytestmark = pytest.mark.xdist_group("projection")

Json = dict[str, Any]
EVIDENCE = Evidence(bytes(32), bytes(32), bytes(12), bytes(32), 1, 0, (), bytes(64), "0" * 16)
LAW = settings(max_examples=300, derandomize=True, deadline=None)
# Nobody is known by this id: a report may address it, and it stands nowhere else.
STRANGER = "lea:canary-addressee"


def canary(*where: object) -> str:
    return "canary-" + "-".join(map(str, where)) + "."


@cache
def world() -> tuple[World, tuple[Report, ...]]:
    movements, lines = make_world(6, 1200)
    made = World.of(make_estate_variants(), movements, NOW)
    return made, tuple(marked(report) for report in made.admit(lines))


def marked(report: Report) -> Report:
    """The report with a canary of its own in each field that a projection may hold or must not."""
    raw = report.model_dump(mode="json")
    for n, person in enumerate(raw["subjects"]):
        person |= {"family_name": canary("family", n), "given_names": canary("given", n)}
    for n, item in enumerate(raw["items"]):
        item |= {"text": canary("text", n), "source_reference": canary("reference", n), "corroboration": canary("corroboration", n)}
        if item["addressees"]:
            item["addressees"].append(STRANGER)
    raw["addressees"] = [*raw["addressees"], STRANGER]
    raw["operation"], raw["gist"] = canary("operation"), canary("gist")
    raw["handling"] |= {"conditions": canary("conditions"), "reasons": canary("reasons")}
    raw["handling"]["risk_assessment"] = {
        "summary": canary("summary"), "authorised_by": canary("authoriser"), "authorised_at": "2014-01-01T00:00:00Z",
    }  # fmt: skip
    raw["declarations"] |= {
        "visor_permission": canary("permission"), "prison_intercept": {"authorisation": canary("pin"), "expires_at": "2099-01-01"},
    }  # fmt: skip
    raw["supersedes"] = {"urn": canary("superseded"), "action": "CORRECT"}
    return Report.model_validate(raw)


def source_of(report: Report, made: World) -> Source:
    """The report as the gateway has it: packed by its publisher, with code 4 closed, and taken apart again."""
    payload, manifest = pack_report(
        report,
        content_digest=bytes(32),
        sealed_at_us=0,
        directory_version=1,
        close=lambda office, text: seal(office),
        patterns=RULEBOOK.patterns,
    )
    opened = unpack_report(payload, manifest)
    found = examine(opened.raw, estate=made.snapshot.at(made.now), now=made.now, rulebook=RULEBOOK, closed=True)
    assert isinstance(found, Report)
    return Source(found, opened, manifest, EVIDENCE)


def seal(office: str) -> bytes:
    return sha256(office.encode()).digest()


HEAD: Json = {
    "delivery_id": bytes(16), "handle": bytes(16), "n": 1, "kind": "DISCLOSURE", "office": "", "urn": "", "originator": "",
    "priority": "", "created_at": "", "received_at_ms": 0, "decided_at_ms": 0, "deadline_ms": None,
}  # fmt: skip


def delivery(body: Json | None) -> bytes:
    """The body as it travels."""
    return encode("delivery", {**HEAD, "body": body, "notices": [], "apart": False, "request": None})


numbers = st.integers(0, 2**30)


@LAW
@given(numbers)
def test_an_office_is_given_its_own_items_and_nothing_besides(number: int) -> None:
    made, admitted = world()
    report = admitted[number % len(admitted)]
    estate = made.snapshot.at(made.now)
    source = source_of(report, made)
    for outcome in made.decide(report).outcomes:
        if outcome.released:
            given_it = project(source, outcome.office, outcome.released, outcome.obligations, estate, RULEBOOK)
            check(report, given_it, outcome.office, set(outcome.released), own=outcome.office in estate.own(report.originator))


@LAW
@given(numbers)
def test_body_encoded_once_is_the_one_that_each_office_is_given(number: int) -> None:
    made, admitted = world()
    report = admitted[number % len(admitted)]
    estate = made.snapshot.at(made.now)
    source = source_of(report, made)
    for outcome in made.decide(report).outcomes:
        for bare in (False, True) if outcome.released else ():
            how = {"conditions_only": bare, "whole": len(outcome.released) == len(report.items)}
            whole = delivery(project(source, outcome.office, outcome.released, outcome.obligations, estate, RULEBOOK, **how))
            once = encode_body(source, outcome.office, outcome.released, outcome.obligations, estate, RULEBOOK, **how)
            assert lay_out(once) == whole


def test_delivery_of_parts_is_the_same_as_whole() -> None:
    assert lay_out(delivery_parts().encode(BODY, {"body": None})) == delivery(None)


def lay_out(body: bytes) -> bytes:
    """A delivery of its parts, with this for its body."""
    parts = delivery_parts()
    name, told = dict(list(HEAD.items())[:5]), dict(list(HEAD.items())[5:])
    words = parts.encode(WORDS, {"notices": [], "apart": False, "request": None})
    return parts.join(parts.encode(NAME, name), parts.encode(TOLD, told), body, words)


def check(report: Report, body: Json, office: str, items: set[int], *, own: bool) -> None:
    data = delivery(body)
    people = {subject for index in items for subject in report.subjects_of(report.items[index])}
    codes = {report.items[index].handling for index in items}
    there = {canary("text", n): n in items and item.handling != "4" for n, item in enumerate(report.items)}
    there |= {canary("reference", n): own and n in items for n in range(len(report.items))}
    there |= {canary("corroboration", n): own and n in items for n in range(len(report.items))}
    there |= {canary(name, n): n in people for n in range(len(report.subjects)) for name in ("family", "given")}
    there |= {canary("operation"): own, canary("conditions"): "5" in codes, canary("reasons"): "4" in codes, canary("gist"): True}
    never = ("summary", "authoriser", "permission", "pin", "superseded")
    there |= {STRANGER: False} | {canary(name): False for name in never}
    assert {text: text.encode() in data for text in there} == there
    assert (seal(office) in data) == ("4" in codes)
    assert body["handling"] == min(codes, key="45132".index)
    assert len(body["items"]) == len(items)
    assert bool(body["internal_recipients"]) == ("4" in codes)
    assert (body["review_by"] is not None) == ("4" in codes)
    assert bool(body["risk_tags"]) == bool(report.risk_tags and len(items) == len(report.items))
    assert {place for item in body["items"] for place in item["subjects"]} <= set(range(len(people)))


@LAW
@given(numbers)
def test_conditions_come_without_a_text_a_name_or_a_proof(number: int) -> None:
    made, admitted = world()
    report = admitted[number % len(admitted)]
    estate = made.snapshot.at(made.now)
    source = source_of(report, made)
    for outcome in made.decide(report).outcomes:
        secret = [index for index in outcome.released if report.items[index].handling == "5"]
        if secret:
            body = project(source, outcome.office, secret, outcome.obligations, estate, RULEBOOK, conditions_only=True)
            data = delivery(body)
            assert canary("conditions").encode() in data
            for hidden in ("text", "reference", "corroboration", "family", "given"):
                assert f"canary-{hidden}".encode() not in data
            assert (body["subjects"], body["evidence"]) == ([], None)


@LAW
@given(numbers, st.integers(0, 31))
def test_what_an_office_may_not_have_changes_nothing_it_is_given(number: int, index: int) -> None:
    """Two reports that differ in the text of one item alone: who is not released it is given the same, but for salts and proofs."""
    made, admitted = world()
    report = admitted[number % len(admitted)]
    index %= len(report.items)
    items = tuple(item.model_copy(update={"text": "Another text."}) if n == index else item for n, item in enumerate(report.items))
    other = report.model_copy(update={"items": items})
    estate = made.snapshot.at(made.now)
    first, second = source_of(report, made), source_of(other, made)
    for outcome in made.decide(report).outcomes:
        if outcome.released and index not in outcome.released:
            given_first, given_second = (
                project(source, outcome.office, outcome.released, outcome.obligations, estate, RULEBOOK) for source in (first, second)
            )
            assert without_salts(given_first) == without_salts(given_second)
            assert len(delivery(given_first)) == len(delivery(given_second))


def without_salts(body: Json) -> Json:
    items = [{**item, "salt": len(item["salt"])} for item in body["items"]]
    subjects = [{**decode(part, "subject_part").datum, "salt": None} for part in body["subjects"]]
    return {**body, "items": items, "subjects": subjects, "evidence": {**body["evidence"], "manifest": len(body["evidence"]["manifest"])}}


def test_the_random_reports_release_every_code_to_own_and_other_offices() -> None:
    made, admitted = world()
    estate = made.snapshot.at(made.now)
    seen = {
        (report.items[index].handling, outcome.office in estate.own(report.originator))
        for report in admitted
        for outcome in made.decide(report).outcomes
        for index in outcome.released
    }
    assert seen == {(code, own) for code in "1235" for own in (True, False)} | {("4", True)}


@pytest.mark.parametrize("items", [[1], [0, 1]])
def test_items_are_numbered_anew(items: list[int]) -> None:
    """Neither an item's number nor its link travels, and its subjects are told by their place among those given."""
    made, admitted = world()
    report = next(
        one for one in admitted if len(one.items) > 1 and len(one.subjects) > 1 and all(item.handling in "123" for item in one.items)
    )
    pair = [report.items[0].model_copy(update={"subjects": (0,)}), report.items[1].model_copy(update={"subjects": (1,), "sanitises": 0})]
    report = report.model_copy(update={"items": tuple(pair)})
    body = project(source_of(report, made), report.originator, items, [], made.snapshot.at(made.now), RULEBOOK)
    assert [item["subjects"] for item in body["items"]] == [[place] for place in range(len(items))]
    assert "sanitises" not in body["items"][0]
