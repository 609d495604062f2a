"""Comparing what was foretold of reports with what became of them, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pas_gateway.register import Store
from pas_gateway.trace import UnknownUrnError, trace
from pas_schemas.sealing import StoreKey

Row = dict[str, Any]
# An originator and a URN of its own.
Name = tuple[str, str]
Traces = Mapping[Name, Row]

# What `trace` adds to an answer, and words for people: neither is foretold.
_OUTCOME = ("office", "items", "obligations")
_ITEM = ("item", "verdict", "rule")
_CASE = ("owner", "reasons")
_REFERRAL = "R-REFERRAL"


def name_of(report: Row) -> Name:
    return str(report["originator"]), str(report["urn"])


def trace_all(store: Store, key: StoreKey, reports: Iterable[Row]) -> dict[Name, Row]:
    """What the register holds of each URN; one of which nothing came in is left out."""
    found: dict[Name, Row] = {}
    for originator, urn in dict.fromkeys(map(name_of, reports)):
        try:
            found[originator, urn] = trace(store, key, urn, originator)
        except UnknownUrnError:
            continue
    return found


def bare(answer: Row) -> Row:
    """An answer of `explain` or `trace` as `expected.ndjson` writes it."""
    outcomes = [
        {**{name: outcome[name] for name in _OUTCOME}, "items": [{name: item[name] for name in _ITEM} for item in outcome["items"]]}
        for outcome in answer["outcomes"]
    ]
    return {
        "urn": answer["urn"],
        "status": answer["status"],
        "gates": [{"gate": gate["gate"], "effect": gate["effect"]} for gate in answer["gates"]],
        "outcomes": outcomes,
        "cases": [{name: case[name] for name in _CASE} for case in answer["cases"]],
    }


def compare(reports: Sequence[Row], foretold: Sequence[Row], again: Iterable[Row], traces: Traces) -> list[str]:
    """The URNs of which something else was foretold than became of them; `again` were sent once more than `reports` says.

    Reports in two partitions are taken in either order, and a referral stands on the one that completed it: those that
    differ in it alone agree where as many were made as were foretold (domain, *Risk builds up*).
    """
    lines: dict[Name, list[Row]] = {}
    for report, answer in zip(reports, foretold, strict=True):
        lines.setdefault(name_of(report), []).append(answer)
    extra = Counter(map(name_of, again))
    wrong = {name: answers for name, answers in lines.items() if not _agrees(answers, extra[name], traces.get(name), bare)}
    moved = [name for name, answers in wrong.items() if _agrees(answers, extra[name], traces.get(name), _bare_of_referrals)]
    if sum(_refers(_standing(wrong[name])) for name in moved) == sum(_refers(traces[name]) for name in moved):
        for name in moved:
            del wrong[name]
    return [name[1] for name in wrong]


def _agrees(answers: Sequence[Row], extra: int, traced: Row | None, show: Callable[[Row], Row]) -> bool:
    if traced is None:
        return False
    statuses = [answer["status"] for answer in answers] + ["DUPLICATE"] * extra
    if sorted(statuses) != sorted(attempt["status"] for attempt in traced["attempts"]):
        return False
    return show(_standing(answers)) == show(traced)


def _standing(answers: Sequence[Row]) -> Row:
    """A URN stands for the report that was accepted under it, else for the last attempt."""
    accepted = [answer for answer in answers if answer["status"] == "ACCEPTED"]
    return (accepted or list(answers))[-1]


def _bare_of_referrals(answer: Row) -> Row:
    shown = bare(answer)
    cases = [{**case, "reasons": [reason for reason in case["reasons"] if reason != _REFERRAL]} for case in shown["cases"]]
    return {**shown, "cases": [case for case in cases if case["reasons"]]}


def _refers(answer: Row) -> bool:
    return any(_REFERRAL in case["reasons"] for case in answer["cases"])
