"""Handing over: PAS's gateway gives the compartment a sealed copy of every report that it holds for want of an identity.

Of every one, not of those on a protected person alone: nothing that anybody at PAS can see tells which they are. The
compartment keeps those that concern it and forgets the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from pas_gateway.audit import Scribe
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PAS, PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import join_blobs
from pas_gateway.stages import Decided, Verified, flatten
from pas_schemas.codec import encode
from pas_schemas.sealing import Plain
from pas_schemas.topics import COMPARTMENT

_GATE = "G-IDENTITY"


def hand_over(decided: Iterable[object], knowledge: Knowledge, office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds the copies, and an audit event for each; nothing where no compartment has ever sent its list."""
    if office.realm.apart or knowledge.veil.edition == 0:
        return
    held = [one for one in decided if isinstance(one, Decided) and any(gate.gate == _GATE for gate in one.verdicts.gates)]
    key = office.key_of(PAS, scribe.now, "compartment")
    if not held or key is None:
        return
    plain = [Plain(one.verified.id, _encode(one.verified, knowledge)) for one in held]
    for one, value in zip(held, office.sealer.seal(PAS, key, plain, scribe.now), strict=True):
        urgent = int(one.verified.report.priority == "THREAT_TO_LIFE")
        records = join_blobs((one.verified.id, value))
        plan.change.outbox.append({"urgent": urgent, "topic": COMPARTMENT.name, "partition": 0, "records": records})
        plan.change.events.append(scribe.event("HANDED_OVER", one.verified.id.hex(), office=PAS, rules=[_GATE]))


def _encode(verified: Verified, knowledge: Knowledge) -> bytes:
    return encode("handover", {
        "originator": verified.report.originator, "body": flatten(verified.body), "persons": sorted(knowledge.persons(verified.report)),
        "received_at_ms": verified.order[0], "sealed_at_us": verified.order[1],
    })  # fmt: skip
