"""The stages of a report's life as types: what one stage makes is all that the next will take."""

from __future__ import annotations

from dataclasses import dataclass, field

from pas_gateway.policy.situation import Suspicion
from pas_gateway.policy.verdicts import Verdicts
from pas_gateway.register import join_blobs, split_blobs
from pas_schemas.border import Finding
from pas_schemas.models.report import Report
from pas_schemas.parts import OpenedReport
from pas_schemas.sealing import Evidence
from pas_transport.log import Taken


@dataclass(frozen=True, slots=True)
class Submitted:
    """A record of an input topic, as the log gave it: nothing of it is believed."""

    taken: Taken

    @property
    def place(self) -> str:
        """Topic, partition and offset: the name of a record that may have no other."""
        return f"{self.taken.partition.topic}-{self.taken.partition.number}-{self.taken.offset}"


@dataclass(frozen=True, slots=True)
class Body:
    """What PAS keeps of an accepted report, sealed: the payload as it was opened, and what proves it the originator's."""

    payload: bytes = field(repr=False)
    manifest: bytes = field(repr=False)
    evidence: Evidence = field(repr=False)


def flatten(body: Body) -> bytes:
    """A body as one byte string."""
    proof = body.evidence
    return join_blobs((
        body.payload, body.manifest, proof.label_digest, proof.wrap_digest, proof.nonce, proof.ciphertext_digest,
        proof.size.to_bytes(4, "big"), proof.index.to_bytes(4, "big"), proof.signature, proof.key_id.encode(), *proof.path,
    ))  # fmt: skip


def unflatten(flat: bytes) -> Body:
    """What `flatten` made; raises ValueError where it is something else."""
    payload, manifest, label, wrap, nonce, ciphertext, size, index, signature, key_id, *path = split_blobs(flat)
    evidence = Evidence(
        label, wrap, nonce, ciphertext, int.from_bytes(size, "big"), int.from_bytes(index, "big"), tuple(path), signature, key_id.decode()
    )
    return Body(payload, manifest, evidence)


@dataclass(frozen=True, slots=True)
class Verified:
    """A report whose sender, freshness, shape, border and validation were checked; `order` is its place in the log's order.

    `handed` are the keyed hashes of whom it is on, where PAS's gateway handed it over to the compartment.
    """

    submitted: Submitted
    id: bytes
    report: Report = field(repr=False)
    opened: OpenedReport = field(repr=False)
    body: Body = field(repr=False)
    order: tuple[int, int]
    suspicions: frozenset[Suspicion]
    handed: frozenset[bytes] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Decided:
    """A verified report with its verdicts; `persons` are the keys under which the register finds it again."""

    verified: Verified
    verdicts: Verdicts
    persons: frozenset[bytes] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Waits:
    """Why nothing of an accepted report goes out yet: it corrects the report of URN `target`; without one, it is about to be corrected."""

    target: str | None
    action: str | None


@dataclass(frozen=True, slots=True)
class Repeated:
    """A report that was accepted before, with the same content."""

    verified: Verified


@dataclass(frozen=True, slots=True)
class Rejected:
    """A report refused by named rules, at the border or here; `here` where its body reached PAS all the same."""

    submitted: Submitted
    id: bytes
    originator: str
    urn: str | None
    findings: tuple[Finding, ...]
    here: bool


@dataclass(frozen=True, slots=True)
class Unprovable:
    """A record for quarantine: unreadable, too large, or of a sender that cannot be proved.

    `sender` is set only where the sender itself was proved and something else is wrong.
    """

    submitted: Submitted
    reason: str
    sentence: str
    id: bytes = b""
    sender: str | None = None
    urn: str | None = None
