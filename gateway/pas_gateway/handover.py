"""Handing over: PAS's gateway gives the compartment a sealed copy of every report that it holds for want of an identity.

Of every one, not of those on a protected person alone: nothing that anybody at PAS can see tells which they are. The
compartment keeps those that concern it and forgets the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pas_gateway.audit import Scribe
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import join_blobs
from pas_gateway.stages import Body, Decided, flatten
from pas_schemas.codec import encode
from pas_schemas.directory import PAS
from pas_schemas.models.report import Report
from pas_schemas.sealing import Plain
from pas_schemas.topics import COMPARTMENT

_GATE = "G-IDENTITY"


@dataclass(frozen=True, slots=True)
class Copy:
    """An accepted report as it goes to the compartment; `persons` are the keyed hashes of whom it is on."""

    id: bytes
    report: Report = field(repr=False)
    body: Body = field(repr=False)
    order: tuple[int, int]
    persons: frozenset[bytes] = field(repr=False)


def find_copies(outcomes: Iterable[object], knowledge: Knowledge, office: PasOffice) -> list[Copy]:
    """What goes there of a batch; nothing where no compartment has ever sent its list."""
    if office.realm.apart or knowledge.veil.edition == 0:
        return []
    held = [one.verified for one in outcomes if isinstance(one, Decided) and any(gate.gate == _GATE for gate in one.verdicts.gates)]
    return [Copy(one.id, one.report, one.body, one.order, knowledge.persons(one.report)) for one in held]


def send_copies(copies: Sequence[Copy], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds them, sealed, and an audit event for each."""
    key = office.key_of(PAS, scribe.now, "compartment") if copies else None
    if key is None:
        return
    values = office.sealer.seal(PAS, key, [Plain(one.id, _encode(one)) for one in copies], scribe.now)
    for one, value in zip(copies, values, strict=True):
        urgent = int(one.report.priority == "THREAT_TO_LIFE")
        records = join_blobs((one.id, value))
        plan.change.outbox.append({"urgent": urgent, "topic": COMPARTMENT.name, "partition": 0, "records": records})
        plan.change.events.append(scribe.event("HANDED_OVER", one.id.hex(), office=PAS, rules=[_GATE]))


def _encode(one: Copy) -> bytes:
    return encode("handover", {
        "originator": one.report.originator, "body": flatten(one.body), "persons": sorted(one.persons),
        "received_at_ms": one.order[0], "sealed_at_us": one.order[1],
    })  # fmt: skip
