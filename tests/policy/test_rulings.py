"""What people rule, and what no ruling can do: a table written by hand, and laws over random reports."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pas_gateway.answers import answer_accepted
from pas_gateway.policy.rulings import CONSENTED, Ruling, Rulings
from pas_gateway.policy.verdicts import Verdicts
from pas_schemas.models.report import Report
from policy.harness import World
from policy.reports import make_estate_variants
from policy.table import NOW, movements_from_row, report_from_row, said
from policy.test_laws import LAW, reports, world

# What its tests share is made once: in one process.
pytestmark = pytest.mark.xdist_group("laws")

with Path(__file__).with_name("rulings.csv").open(encoding="utf-8", newline="") as lines:
    ROWS = list(csv.DictReader(lines))
ESTATE = make_estate_variants()


def read_ruling(text: str) -> Ruling:
    """`OWNER release ITEM OFFICE RULE+RULE`, or `OWNER note REASON`."""
    owner, word, *rest = text.split()
    if word == "note":
        return Ruling(owner, "release", None, None, frozenset(rest[0].split("+")))
    assert word in ("release", "refuse")
    return Ruling(owner, "release" if word == "release" else "refuse", int(rest[0]), rest[1], frozenset(rest[2].split("+")))


@pytest.mark.parametrize("row", ROWS, ids=[row["case"] for row in ROWS])
def test_row(row: dict[str, str]) -> None:
    made = World.of(ESTATE, movements_from_row(row), NOW)
    report = Report.model_validate(report_from_row(row))
    verdicts = made.decide(report, Rulings(read_ruling(text) for text in row["rulings"].split("|") if text))
    assert said(row, answer_accepted(report.urn, verdicts))[:2] == (row["verdict"], row["rule"]), row["note"]


# --- laws ----------------------------------------------------------------------------------------------------------------


def words(verdicts: Verdicts) -> dict[tuple[str, int], str]:
    return {(outcome.office, verdict.item): verdict.word for outcome in verdicts.outcomes for verdict in outcome.verdicts}


@cache
def held_reports() -> tuple[Report, ...]:
    """Those of the random reports that leave something to decide."""
    made, every = world()
    return tuple(report for report in every if made.decide(report).cases)


held = st.integers(0, 2**30).map(lambda n: held_reports()[n % len(held_reports())])


def owners(report: Report) -> dict[tuple[int, str], set[tuple[str, str]]]:
    """By pair: who owns which rule that holds it."""
    found: dict[tuple[int, str], set[tuple[str, str]]] = {}
    for case in world()[0].decide(report).cases:
        for pair in case.held:
            found.setdefault((pair.item, pair.office), set()).add((case.owner, pair.rule))
    return found


def answer(report: Report, pair: tuple[int, str], word: Any = "release") -> list[Ruling]:
    """What lifts a pair, by everybody it waits for."""
    asked = owners(report)[pair]
    asked |= {(report.originator, rule) for _, rule in asked if rule in CONSENTED}
    return [Ruling(owner, word, *pair, frozenset({rule})) for owner, rule in asked]


@LAW
@given(reports)
def test_without_a_ruling_nothing_is_answered(report: Report) -> None:
    verdicts = world()[0].decide(report)
    assert verdicts == world()[0].decide(report, Rulings())
    assert not any(verdict.answered for outcome in verdicts.outcomes for verdict in outcome.verdicts)


@LAW
@given(held, st.integers(0, 1000))
def test_a_ruling_never_widens_beyond_its_pair(report: Report, choice: int) -> None:
    pairs = sorted(owners(report))
    if not pairs:
        return
    pair = pairs[choice % len(pairs)]
    before, after = world()[0].decide(report), world()[0].decide(report, Rulings(answer(report, pair)))
    was, now = words(before), words(after)
    assert was.keys() == now.keys()
    changed = {key for key in now if now[key] != was[key]}
    # An office that gets the fuller item loses the sanitised one; the evaluation of an item passes to the conduit that now has it.
    narrowed = {(office, item) for office, item in changed if office == pair[1] and now[office, item] == "refuse"}
    assert changed - narrowed <= {(pair[1], pair[0])}
    assert all(
        (pair[0], pair[1]) == (verdict.item, outcome.office)
        for outcome in after.outcomes for verdict in outcome.verdicts if verdict.answered
    )  # fmt: skip


@LAW
@given(held, st.integers(0, 1000))
def test_every_rule_answered_by_its_owner_releases_and_leaves_no_case_on_the_pair(report: Report, choice: int) -> None:
    pairs = sorted(owners(report))
    if not pairs:
        return
    item, office = pairs[choice % len(pairs)]
    after = world()[0].decide(report, Rulings(answer(report, (item, office))))
    verdict = next(v for outcome in after.outcomes if outcome.office == office for v in outcome.verdicts if v.item == item)
    assert verdict.word == "release" or verdict.rule == "H-SANITISED"
    assert (item, office) not in {(pair.item, pair.office) for case in after.cases for pair in case.held}


@LAW
@given(held, st.integers(0, 1000), st.integers(0, 20))
def test_one_rule_left_unanswered_still_holds(report: Report, choice: int, left: int) -> None:
    pairs = sorted(owners(report))
    if not pairs:
        return
    item, office = pairs[choice % len(pairs)]
    rules = sorted({rule for _, rule in owners(report)[item, office]})
    missing = rules[left % len(rules)]
    some = [ruling for ruling in answer(report, (item, office)) if missing not in ruling.rules]
    assert words(world()[0].decide(report, Rulings(some)))[office, item] == "hold"


@LAW
@given(held, st.integers(0, 1000), st.sampled_from(["fib:99", "lea:88", "escort:gfs", "inspector:hmip"]))
def test_whoever_owns_nothing_rules_nothing(report: Report, choice: int, stranger: str) -> None:
    pairs = sorted(owners(report))
    if not pairs or stranger in {owner for asked in owners(report).values() for owner, _ in asked} | {report.originator}:
        return
    pair = pairs[choice % len(pairs)]
    forged = [ruling._replace(owner=stranger) for ruling in answer(report, pair)]
    assert world()[0].decide(report, Rulings(forged)) == world()[0].decide(report)


@LAW
@given(held, st.integers(0, 1000))
def test_refuse_stays_refuse(report: Report, choice: int) -> None:
    """Of those it waits for one refuses, all others release: nobody receives."""
    pairs = sorted(owners(report))
    if not pairs:
        return
    item, office = pairs[choice % len(pairs)]
    rulings = answer(report, (item, office))
    refusing = choice % len(rulings)
    mixed = [ruling._replace(word="refuse") if n == refusing else ruling for n, ruling in enumerate(rulings)]
    assert words(world()[0].decide(report, Rulings(mixed)))[office, item] == "refuse"


@LAW
@given(reports, st.integers(0, 1000))
def test_no_ruling_lifts_a_refusal(report: Report, choice: int) -> None:
    outcomes = world()[0].decide(report).outcomes
    refused = [(o.office, v) for o in outcomes for v in o.verdicts if v.word == "refuse" and v.rule != "H-SANITISED"]
    if not refused:
        return
    office, verdict = refused[choice % len(refused)]
    everybody = ("pas", report.originator, "fib:01", "pio:WSI")
    rulings = Rulings(Ruling(owner, "release", verdict.item, office, frozenset({verdict.rule, *verdict.holds})) for owner in everybody)
    assert words(world()[0].decide(report, rulings))[office, verdict.item] == "refuse"
