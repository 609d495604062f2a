"""6 seal, first half: the projection of a report that one office is given, and nothing besides (architecture, *Projection*)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pas_schemas.codec import Cut, cut
from pas_schemas.directory import Estate
from pas_schemas.models.report import Item, Report
from pas_schemas.parts import OpenedReport
from pas_schemas.rulebook import Rulebook
from pas_schemas.sealing import Evidence

# The parts of a delivery: what names it, what is told of its report, the projection, the words.
NAME, TOLD, BODY, WORDS = range(4)
# Bytes that were never released are not there to be left out: an item before its conditions are accepted has none.
_CLOSED = b""


@dataclass(frozen=True, slots=True)
class PasWritten:
    """PAS's own signature on a text that it wrote, and the digest of the item whose place it takes."""

    in_place_of: bytes
    signature: bytes = field(repr=False)
    signer: str


@dataclass(frozen=True, slots=True)
class Source:
    """A report with its parts and its originator's signature, to project from.

    `regrades` are grades given later; items in `by_pas` stand after the originator's own.
    """

    report: Report = field(repr=False)
    parts: OpenedReport = field(repr=False)
    manifest: bytes = field(repr=False)
    evidence: Evidence = field(repr=False)
    regrades: Mapping[int, str] = field(default_factory=dict, repr=False)
    by_pas: Mapping[int, PasWritten] = field(default_factory=dict, repr=False)
    # What is the same for several offices: what goes to whom (drafts.py), and projections, encoded.
    shares: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _bodies: dict[tuple[Any, ...], bytes] = field(default_factory=dict, init=False, repr=False, compare=False)


def body(
    source: Source,
    office: str,
    items: tuple[int, ...],
    obligations: tuple[str, ...],
    estate: Estate,
    rulebook: Rulebook,
    *,
    conditions_only: bool,
    whole: bool,
) -> bytes:
    """The projection, encoded: made once for all offices that are given the same."""
    own = office in estate.own(source.report.originator)
    parts = source.parts.items
    closed = tuple([parts[index].closed.get(office) for index in items])
    same = (items, obligations, own, closed, conditions_only, whole)
    made = source._bodies.get(same)
    if made is None:
        projection = project(source, office, items, obligations, estate, rulebook, conditions_only=conditions_only, whole=whole)
        made = source._bodies[same] = write_body(projection)
    return made


@cache
def delivery_parts() -> Cut:
    """A delivery's record, in its parts."""
    return cut("delivery", "urn", "body", "notices")


def write_body(projection: Mapping[str, Any]) -> bytes:
    """A projection, encoded as a part of deliveries."""
    # Named, since fastavro would first try field by field whether projection and proof are such.
    proof = projection["evidence"] and ("pas.Evidence", projection["evidence"])
    return delivery_parts().encode(BODY, {"body": ("pas.DisclosureBody", {**projection, "evidence": proof})})


def project(
    source: Source,
    office: str,
    items: Collection[int],
    obligations: Sequence[str],
    estate: Estate,
    rulebook: Rulebook,
    *,
    conditions_only: bool = False,
    whole: bool | None = None,
) -> dict[str, Any]:
    """The body of a disclosure to an office of these items, numbered anew from 0; with `conditions_only` grades and no text.

    `whole` says whether with these the office has every item of the report; by itself, whether these are all.
    """
    report = source.report
    chosen = sorted(items)
    own = office in estate.own(report.originator)
    whole = len(chosen) == len(report.items) - len(source.by_pas) if whole is None else whole
    codes = {report.items[index].handling for index in chosen}
    people = [] if conditions_only else _people(report, chosen)
    return {
        "protective_marking": report.protective_marking,
        "purpose": report.purpose,
        "legal_basis": report.legal_basis,
        "handling": rulebook.strictest(sorted(codes)),
        "gist": None if conditions_only else report.gist,
        "do_not_share_with_offender": report.declarations.do_not_share_with_offender,
        "obligations": list(obligations),
        "conditions": report.handling.conditions if "5" in codes else None,
        "reasons": report.handling.reasons if "4" in codes else None,
        "internal_recipients": sorted(set(report.handling.internal_recipients)) if "4" in codes else [],
        "review_by": report.handling.review_by if "4" in codes else None,
        "operation": report.operation if own and not conditions_only else None,
        "risk_tags": list(dict.fromkeys(report.risk_tags)) if whole and not conditions_only else [],
        "items": [_item(source, index, office, own, people, conditions_only) for index in chosen],
        "subjects": [source.parts.subjects[index] for index in people],
        "evidence": None if conditions_only else _evidence(source),
    }


def _people(report: Report, items: Sequence[int]) -> list[int]:
    """The subjects that these items concern, in the report's order."""
    return sorted({subject for index in items for subject in report.subjects_of(report.items[index])})


def _item(source: Source, index: int, office: str, own: bool, people: Sequence[int], conditions_only: bool) -> dict[str, Any]:
    item: Item = source.report.items[index]
    part = source.parts.items[index]
    place = {subject: position for position, subject in enumerate(people)}
    return {
        "grade": part.grade,
        "shared": _CLOSED if conditions_only else part.shared,
        "salt": _CLOSED if conditions_only else part.salt,
        "subjects": [] if conditions_only else [place[subject] for subject in source.report.subjects_of(item)],
        "closed": _CLOSED if conditions_only else part.closed.get(office, _CLOSED),
        "source_reference": item.source_reference if own and not conditions_only else None,
        "corroboration": item.corroboration if own and not conditions_only else None,
        "sanitised": index in source.by_pas,
        "regraded": source.regrades.get(index),
        **_by_pas(source.by_pas.get(index)),
    }


def _by_pas(written: PasWritten | None) -> dict[str, Any]:
    if written is None:
        return {"in_place_of": b"", "signature": b"", "signer": ""}
    return {"in_place_of": written.in_place_of, "signature": written.signature, "signer": written.signer}


def _evidence(source: Source) -> dict[str, Any]:
    proof = source.evidence
    return {
        "label_digest": proof.label_digest,
        "wrap_digest": proof.wrap_digest,
        "nonce": proof.nonce,
        "ciphertext_digest": proof.ciphertext_digest,
        "size": proof.size,
        "index": proof.index,
        "path": list(proof.path),
        "signature": proof.signature,
        "key_id": proof.key_id,
        "manifest": source.manifest,
    }
