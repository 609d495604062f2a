"""Laws of the decision, held over random reports: what is more restrictive tells nobody more, and order tells nothing.

A pair of office and item has a word: released, held, or nothing (refused, or not considered). What is widened is a pair whose word
has become less strict. Of two items linked by `sanitises` one comes in the place of the other: an office that loses the fuller item,
which it was released before, may get the sanitised one back. That, and nothing else, is excepted (`_gets_back`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pas_gateway.policy.verdicts import Verdicts
from pas_schemas.models.report import Item, Report
from policy.harness import World
from policy.reports import NOW, make_estate_variants, make_world
from policy.table import movements_from_row, read_table, report_from_row

# What its tests share is made once: in one process.
pytestmark = pytest.mark.xdist_group("laws")

T = TypeVar("T")
Pair = tuple[str, int]
STRICTNESS = {"release": 0, "hold": 1, "refuse": 2}
# Of the labels, strictest first (domain, *Matrix*).
LABELS = "45132"
LAW = settings(max_examples=400, derandomize=True, deadline=None)


@cache
def world(seed: int = 5, size: int = 1800) -> tuple[World, tuple[Report, ...]]:
    movements, lines = make_world(seed, size)
    made = World.of(make_estate_variants(), movements, NOW)
    return made, tuple(made.admit(lines))


reports = st.integers(0, 2**30).map(lambda n: world()[1][n % len(world()[1])])


def decide(report: Report) -> Verdicts:
    return world()[0].decide(report)


def words(verdicts: Verdicts) -> dict[Pair, int]:
    return {(outcome.office, v.item): STRICTNESS[v.word] for outcome in verdicts.outcomes for v in outcome.verdicts}


def with_items(report: Report, items: Sequence[Item]) -> Report:
    return report.model_copy(update={"items": tuple(items)})


def fuller_of(items: Sequence[Item], index: int) -> set[int]:
    """Every item that this one sanitises, directly or through others."""
    found: set[int] = set()
    at = items[index].sanitises
    while at is not None:
        found.add(at)
        at = items[at].sanitises
    return found


def widened(before: Report, after: Report) -> set[Pair]:
    """Pairs whose word has become less strict, but for sanitised items that come in the place of fuller ones."""
    was, now = words(decide(before)), words(decide(after))
    return {pair for pair, word in now.items() if word < was.get(pair, 2) and not _gets_back(before, was, pair)}


def _gets_back(before: Report, was: Mapping[Pair, int], pair: Pair) -> bool:
    office, item = pair
    return any(was.get((office, fuller)) == 0 for fuller in fuller_of(before.items, item))


# --- more restrictive input never widens the audience ------------------------------------------------------------------


def complete(report: Report) -> Report:
    """The same report with all that any code may need: addressees item by item, conditions, reasons, review date."""
    handling = report.handling.model_copy(
        update={
            "conditions": "Ask first.",
            "reasons": "Live.",
            "review_by": "2016-01-01",
            "internal_recipients": report.handling.internal_recipients or (report.originator,),
        }
    )
    items = [item.model_copy(update={"addressees": tuple(sorted(report.addressees_of(item)))}) for item in report.items]
    return with_items(report, items).model_copy(update={"handling": handling})


@LAW
@given(reports, st.integers(0, 31), st.sampled_from(LABELS))
def test_a_stricter_code_widens_nothing(report: Report, index: int, code: str) -> None:
    """But for code 4, which the internal recipients alone may have: they are named for it and for no other code."""
    report = complete(report)
    index %= len(report.items)
    before = report.items[index]
    if LABELS.index(code) > LABELS.index(before.handling):
        return
    items = [item.model_copy(update={"handling": code}) if n == index else item for n, item in enumerate(report.items)]
    internal = {(office, index) for office in report.handling.internal_recipients} if code == "4" else set()
    assert widened(report, with_items(report, items)) <= internal


def declare(**said: object) -> Callable[[Report], Report]:
    return lambda report: report.model_copy(update={"declarations": report.declarations.model_copy(update=said)})


def mark(report: Report) -> Report:
    return report.model_copy(update={"protective_marking": "CONFIDENTIAL"})


def tag(word: str) -> Callable[[Report], Report]:
    return lambda report: report.model_copy(update={"risk_tags": (*report.risk_tags, word)})


def write(text: str) -> Callable[[Report], Report]:
    return lambda report: with_items(report, [report.items[0].model_copy(update={"text": text}), *report.items[1:]])


def concern_staff(report: Report) -> Report:
    """Further prisons beside those listed; an empty list beside CORRUPTION means any prison, and one prison would be less."""
    listed = report.declarations.concerns_staff
    return declare(concerns_staff=(*listed, "WSI") if listed else ("UNKNOWN",))(report)


GATED = {
    "marked CONFIDENTIAL": mark,
    "ViSOR without permission": declare(visor_derived=True, visor_permission=None),
    "terrorism": declare(terrorism=True),
    "extremism": tag("EXTREMISM"),
    "staff": concern_staff,
    "warrant suspected": write("A section 8(1) warrant was in force."),
    "privilege suspected": write("He wrote to the Samaritans."),
    "source suspected": write("The source works in the kitchen."),
}


@LAW
@given(reports, st.sampled_from(sorted(GATED)))
def test_a_further_gate_widens_nothing(report: Report, gate: str) -> None:
    assert widened(report, GATED[gate](report)) == set()


@LAW
@given(reports, st.randoms(use_true_random=False))
def test_a_subject_who_cannot_be_told_widens_nothing(report: Report, rng: Random) -> None:
    """A subject whose number is malformed is nowhere, and no other prison comes in his place. (An associate counts only while known.)"""
    subjects = [n for n, person in enumerate(report.subjects) if person.role == "SUBJECT"]
    if not subjects:
        return
    index = rng.choice(subjects)
    people = [p.model_copy(update={"noms_number": "a1234bc"}) if n == index else p for n, p in enumerate(report.subjects)]
    assert widened(report, report.model_copy(update={"subjects": tuple(people)})) == set()


@LAW
@given(reports)
def test_the_compartment_releases_nothing(report: Report) -> None:
    verdicts = decide(declare(protected_assisting_offender=True)(report))
    assert {outcome.office for outcome in verdicts.outcomes} <= {"paso-unit"}
    assert 0 not in words(verdicts).values()
    assert [(case.owner, case.reasons) for case in verdicts.cases] == [("pas", ("G-PASO",))]
    assert [gate.gate for gate in verdicts.gates] == ["G-PASO"]


@LAW
@given(reports, st.randoms(use_true_random=False))
def test_an_addressee_less_widens_nothing(report: Report, rng: Random) -> None:
    named = sorted({*report.addressees, *(one for item in report.items for one in item.addressees or ())})
    if not named:
        return
    gone = rng.choice(named)
    items = [
        item if item.addressees is None else item.model_copy(update={"addressees": tuple(one for one in item.addressees if one != gone)})
        for item in report.items
    ]
    fewer = with_items(report, items).model_copy(update={"addressees": tuple(one for one in report.addressees if one != gone)})
    assert widened(report, fewer) == set()


@LAW
@given(reports, st.randoms(use_true_random=False))
def test_an_internal_recipient_less_widens_nothing(report: Report, rng: Random) -> None:
    listed = sorted(set(report.handling.internal_recipients))
    if not listed:
        return
    gone = rng.choice(listed)
    fewer = report.handling.model_copy(update={"internal_recipients": tuple(one for one in listed if one != gone)})
    assert widened(report, report.model_copy(update={"handling": fewer})) == set()


@LAW
@given(reports)
def test_code_4_stays_with_its_internal_recipients(report: Report) -> None:
    inside = set(report.handling.internal_recipients)
    for (office, item), word in words(decide(report)).items():
        if report.items[item].handling == "4":
            assert word == 2 or office in inside


# --- nobody named means nobody new -------------------------------------------------------------------------------------


@LAW
@given(reports)
def test_nobody_named_means_nobody_new(report: Report) -> None:
    """Without addressees there are the PIOs of the subjects' prisons and the writer's conduit; whom rules 3 and 4 add is never released."""
    handling = report.handling.model_copy(update={"internal_recipients": ()})
    items = [item.model_copy(update={"addressees": None}) for item in report.items]
    silent = with_items(report, items).model_copy(update={"addressees": (), "handling": handling})
    made, _ = world()
    estate = made.snapshot.at(made.now)
    standing = estate.offices[report.originator]
    conduits = {estate.conduit(code) for code in estate.prisons}
    expected = {estate.conduit(standing.prison)} if standing.kind in {"security", "governor"} and standing.prison else set()
    expected |= {estate.conduit(prison) for prison in prisons_of(silent)}
    for outcome in decide(silent).outcomes:
        if outcome.office in conduits:
            assert outcome.office in expected
        else:
            assert outcome.office in {"cat-a-team", "paso-unit", *(f"governor:{prison}" for prison in prisons_of(silent))}
            assert not outcome.released


def prisons_of(report: Report) -> set[str]:
    """Where the subjects of a report are, told from the rows alone."""
    made, _ = world()
    states = (
        made.knowledge_of(subject.noms_number)
        for subject in report.subjects
        if subject.role == "SUBJECT" and subject.noms_number is not None
    )
    return {state.prison for state in states if state is not None and state.prison is not None}


# --- order tells nothing -----------------------------------------------------------------------------------------------


def shuffle(report: Report, rng: Random) -> tuple[Report, list[int]]:
    """The same report with everything in another order, and where each of its items stands in it."""
    people, places = permute(report.subjects, rng), permute(range(len(report.items)), rng)
    subject_at = {old: new for new, (old, _) in enumerate(people)}
    item_at = {old: new for new, (old, _) in enumerate(places)}
    items = []
    for old, _ in places:
        item = report.items[old]
        update: dict[str, Any] = {"sanitises": None if item.sanitises is None else item_at[item.sanitises]}
        if item.subjects is not None:
            update["subjects"] = tuple(rng.sample([subject_at[n] for n in item.subjects], len(item.subjects)))
        if item.addressees is not None:
            update["addressees"] = mixed(item.addressees, rng)
        items.append(item.model_copy(update=update))
    said = report.declarations.model_copy(update={"concerns_staff": mixed(report.declarations.concerns_staff, rng)})
    handling = report.handling.model_copy(update={"internal_recipients": mixed(report.handling.internal_recipients, rng)})
    other = {
        "subjects": tuple(person for _, person in people),
        "addressees": mixed(report.addressees, rng),
        "risk_tags": mixed(report.risk_tags, rng),
        "declarations": said,
        "handling": handling,
    }
    return with_items(report, items).model_copy(update=other), [item_at[old] for old in range(len(report.items))]


def permute(values: Sequence[T], rng: Random) -> list[tuple[int, T]]:
    return rng.sample(list(enumerate(values)), len(values))


def mixed(values: Sequence[T], rng: Random) -> tuple[T, ...]:
    """In another order, one of them twice: what an office or a tag is named by is a set."""
    return tuple(rng.sample(list(values), len(values))) + tuple(values[:1])


@LAW
@given(reports, st.randoms(use_true_random=False))
def test_the_order_of_items_subjects_and_addressees_does_not_matter(report: Report, rng: Random) -> None:
    other, place = shuffle(report, rng)
    before, after = decide(report), decide(other)
    assert before.gates == after.gates
    renumbered = [case._replace(held=tuple(sorted(h._replace(item=place[h.item]) for h in case.held))) for case in before.cases]
    assert renumbered == [case._replace(held=tuple(sorted(case.held))) for case in after.cases]
    moved = {o.office: sorted(v._replace(item=place[v.item]) for v in o.verdicts) for o in before.outcomes}
    assert moved == {o.office: list(o.verdicts) for o in after.outcomes}
    assert [(o.office, o.obligations, o.by_id) for o in before.outcomes] == [(o.office, o.obligations, o.by_id) for o in after.outcomes]


# --- total and deterministic -------------------------------------------------------------------------------------------


def test_every_report_that_comes_in_is_decided() -> None:
    made, admitted = world()
    assert len(admitted) > 1000
    for report in admitted:
        verdicts = made.decide(report)
        assert all(outcome.verdicts for outcome in verdicts.outcomes)
        assert [outcome.office for outcome in verdicts.outcomes] == sorted(outcome.office for outcome in verdicts.outcomes)
        assert verdicts.cases or any(word < 2 for word in words(verdicts).values())


_ASK = """
import json, sys
from policy.test_laws import ask
print(json.dumps(ask(*json.load(sys.stdin))))
"""


def ask(movements: list[dict[str, Any]], lines: list[str]) -> list[dict[str, Any]]:
    return World.of(make_estate_variants(), movements, NOW).explain(lines)


def test_the_same_question_has_the_same_answer() -> None:
    """Also in a process that keeps its sets in another order."""
    question = make_world(9, 300)
    here = str(Path(__file__).parents[1])
    again = [
        subprocess.run(
            [sys.executable, "-c", _ASK], env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": here}, input=json.dumps(question),
            capture_output=True, text=True, check=True, timeout=300,
        ).stdout
        for seed in ("7", "8")
    ]  # fmt: skip
    assert [json.loads(told) for told in again] == [ask(*question)] * 2


EXTREMES: dict[str, dict[str, Any]] = {
    "written in the year 1": {"created_at": "0001-01-01T00:00:00Z", "mopi": {"group": 1, "review_by": "0001-01-01"}},
    "to be reviewed in the year 9999": {"mopi": {"group": 1, "review_by": "9999-12-31T23:59:59.999999Z"}},
    "a thousand addressees": {"addressees": [f"lea:{n}" for n in range(1000)]},
    "the longest ids": {"addressees": ["x" * 5000, "security:" + "Z" * 5000, ":", "security:", "pio:", "governor:\u0000"]},
    "nobody": {"subjects": [], "addressees": []},
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_are_decided_too(name: str) -> None:
    """Two of each, so that the second looks back at the first."""
    row = dict.fromkeys(read_table()[0], "") | {"tags": "ESCAPE"}
    raw = {**report_from_row(row), **EXTREMES[name]}
    told = World.of(make_estate_variants(), movements_from_row(row), NOW).explain([raw, {**raw, "urn": "01/2", "risk_tags": ["OCG"]}])
    assert [answer["status"] for answer in told] == ["ACCEPTED", "ACCEPTED"]
    assert ("R-REFERRAL" in str(told[1]["cases"])) == bool(raw["subjects"])


def test_the_longest_chain_of_sanitised_items_is_decided() -> None:
    row = dict.fromkeys(read_table()[0], "") | {"addressees": "pio security"}
    raw = report_from_row(row)
    raw["items"] = [{**raw["items"][0], "sanitises": n + 1 if n < 31 else None} for n in range(32)]
    (told,) = World.of(make_estate_variants(), movements_from_row(row), NOW).explain([raw])
    for outcome in told["outcomes"]:
        assert [pair["rule"] for pair in outcome["items"][:-1]] == ["H-SANITISED"] * 31
        assert outcome["items"][-1]["verdict"] == "release"
