"""Judging one report as the gateway does: repeats and taken URNs first, then its situation, then `decide`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pas_gateway.knowledge import Knowledge
from pas_gateway.policy.decide import decide
from pas_gateway.policy.places import place_of
from pas_gateway.policy.situation import Suspicion
from pas_gateway.policy.verdicts import Verdicts
from pas_gateway.register.queries import Accepted
from pas_schemas.border import Finding
from pas_schemas.clock import parse_end, to_ms
from pas_schemas.directory import Snapshot
from pas_schemas.models.report import Report
from pas_schemas.rulebook import Rulebook, screen
from pas_schemas.rules import SENTENCES

TAKEN = Finding("V-URN-TAKEN", SENTENCES["V-URN-TAKEN"])


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same content under the same URN as an accepted report."""

    of: Accepted


@dataclass(frozen=True, slots=True)
class Bench:
    """What every report of a batch is judged by; the directory counts as it stands at `now`."""

    now: datetime
    snapshot: Snapshot
    rulebook: Rulebook


def screen_report(report: Report, rulebook: Rulebook, closed: Iterable[tuple[int, str, int]] = ()) -> frozenset[Suspicion]:
    """Every text rule set off: in the texts PAS can read, and in closed ones as their publisher named them."""
    told = {Suspicion(item, gate, pattern) for item, gate, pattern in closed if report.items[item].text is None}
    for index, item in enumerate(report.items):
        told |= {Suspicion(index, pattern.gate, pattern.number) for pattern in screen(item.text or "", rulebook.patterns)}
    return frozenset(told)


def judge(
    report: Report,
    report_id: bytes,
    content: bytes,
    order: tuple[int, int],
    suspicions: frozenset[Suspicion],
    knowledge: Knowledge,
    bench: Bench,
    unclosed: frozenset[tuple[int, str]] = frozenset(),
) -> Verdicts | Duplicate | Finding:
    """The decision on a report that passed border and validation, which is then known to those after it."""
    found = knowledge.find(report, report_id)
    if found is not None:
        return Duplicate(found) if found.content_digest == content else TAKEN
    situation = knowledge.situation(
        report, now=bench.now, estate=bench.snapshot.at(bench.now), order=order, suspicions=suspicions, unclosed=unclosed
    )
    verdicts = decide(report, situation, bench.rulebook)
    knowledge.add(report, accepted_of(report, report_id, content, order))
    return verdicts


def accepted_of(report: Report, report_id: bytes, content: bytes, order: tuple[int, int]) -> Accepted:
    """An accepted report as later ones see it."""
    tags = frozenset[str](report.risk_tags)
    return Accepted(
        report_id, report.originator, report.urn, content, to_ms(report.created_at), order, place_of(order), tags, report.priority, 0,
        live_until_ms(report),
    )  # fmt: skip


def live_until_ms(report: Report) -> int:
    """When no item of a report is live any more, should nothing happen to it: its MoPI review date, for code 4 alone its own."""
    ends = parse_end(report.mopi.review_by)
    review = report.handling.review_ends
    if review is not None and all(item.handling == "4" for item in report.items):
        ends = min(ends, review)
    return to_ms(ends)
