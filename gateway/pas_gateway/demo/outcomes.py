"""Comparing what was foretold of reports with what became of them, line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
    """The URNs of which something else was foretold than became of them; `again` were sent once more than `reports` says."""
    lines: dict[Name, list[Row]] = {}
    for report, answer in zip(reports, foretold, strict=True):
        lines.setdefault(name_of(report), []).append(answer)
    extra = Counter(map(name_of, again))
    return [name[1] for name, answers in lines.items() if not _agrees(answers, extra[name], traces.get(name))]


def _agrees(answers: Sequence[Row], extra: int, traced: Row | None) -> bool:
    if traced is None:
        return False
    statuses = [answer["status"] for answer in answers] + ["DUPLICATE"] * extra
    if sorted(statuses) != sorted(attempt["status"] for attempt in traced["attempts"]):
        return False
    return bare(_standing(answers)) == bare(traced)


def _standing(answers: Sequence[Row]) -> Row:
    """A URN stands for the report that was accepted under it, else for the last attempt."""
    accepted = [answer for answer in answers if answer["status"] == "ACCEPTED"]
    return (accepted or list(answers))[-1]
