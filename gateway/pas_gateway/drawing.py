"""4 decide, for a batch: what all of its reports come to on one snapshot of the register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.chain import find_waits
from pas_gateway.handover import Copy, find_copies
from pas_gateway.judge import Bench, Duplicate, judge
from pas_gateway.knowledge import Knowledge, id_apart
from pas_gateway.office import PasOffice
from pas_gateway.policy.places import place_of
from pas_gateway.policy.verdicts import Verdicts
from pas_gateway.stages import Decided, Rejected, Repeated, Unprovable, Verified, Waits
from pas_schemas.border import Finding
from pas_schemas.parts import find_unclosed

Came = Verified | Rejected | Unprovable
Outcome = Decided | Repeated | Rejected | Unprovable


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a batch of reports comes to on one snapshot: all that its rows and deliveries are made of besides the reports themselves.

    `later` are accepted reports that the log took after some of these and that are to be decided again. `used` and `knowledge` are
    what it rests on: two that come to the same are equal.
    """

    outcomes: list[Outcome]
    waits: Mapping[bytes, Waits]
    copies: list[Copy]
    later: frozenset[bytes]
    used: dict[bytes, int] = field(compare=False)
    knowledge: Knowledge = field(compare=False)


def draw(register: sa.Connection, came: Sequence[Came], office: PasOffice, scribe: Scribe) -> Drawn:
    """The decisions, in the log's order, whatever the order of partitions: what comes first counts as first."""
    knowledge = office.know()
    reports = [one for one in came if isinstance(one, Verified)]
    ids = [name for one in reports for name in (one.id, id_apart(one.report.originator, one.id))]
    knowledge.load(register, [one.report for one in reports], ids, office.rulebook.referral)
    # Of what was handed over the compartment keeps what concerns it, and forgets the rest.
    came = [one for one in came if not isinstance(one, Verified) or one.handed is None or knowledge.veil.covers(one.handed)]
    in_order = sorted(came, key=lambda one: place_of(one.order) if isinstance(one, Verified) else (0, 0))
    used: dict[bytes, int] = {}
    later: set[bytes] = set()
    for one in in_order:
        if isinstance(one, Verified):
            used |= knowledge.used(one.report)
            later |= knowledge.later(one.report, one.order, office.rulebook.referral)
    bench = Bench(scribe.now, office.snapshot, office.rulebook)
    outcomes = [_judge(one, knowledge, bench) if isinstance(one, Verified) else one for one in in_order]
    own = [one for one in outcomes if not isinstance(one, Decided) or one.verified.handed is None]
    waits = find_waits(register, own, office.snapshot.at(scribe.now))
    return Drawn(outcomes, waits, find_copies(outcomes, knowledge, office), frozenset(later), used, knowledge)


def _judge(verified: Verified, knowledge: Knowledge, bench: Bench) -> Outcome:
    """Any failure inside the rules means that nobody receives: the record is set aside and PAS is told."""
    kept_as = knowledge.keep_as(verified.report, verified.id)
    if kept_as != verified.id:
        verified = replace(verified, id=kept_as)
    try:
        judged = judge(
            verified.report, verified.id, verified.opened.content_digest, verified.order, verified.suspicions, knowledge, bench,
            find_unclosed(verified.report, verified.opened.items),
        )  # fmt: skip
    except Exception as failure:
        sentence = f"The rules could not decide this report ({type(failure).__name__})."
        return Unprovable(verified.submitted, "UNDECIDABLE", sentence, verified.id, verified.report.originator, verified.report.urn)
    match judged:
        case Verdicts():
            return Decided(verified, judged, knowledge.moved_by(verified.report))
        case Duplicate():
            return Repeated(verified)
        case Finding():
            return Rejected(verified.submitted, verified.id, verified.report.originator, verified.report.urn, (judged,), here=False)
        case _:
            assert_never(judged)
