"""How an originator names what it sends: ids and digests that nobody without its id key can compute or compare."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pas_schemas.models.movement import Movement
from pas_schemas.models.report import Report
from pas_schemas.parts import canonical
from pas_schemas.sealing import IdKey

# A record id has 16 bytes (the wire, version 1).
ID_BYTES = 16
# Enough of a prisoner's keyed hash to keep one prisoner's movements together (partition = first 8 bytes of the key).
PRISONER_KEY_BYTES = 16


def content_digest(id_key: IdKey, report: Report) -> bytes:
    """32 bytes over the report with its texts: by it PAS tells a repeat from another report under the same URN."""
    return id_key.digest(b"pas/v1/content", canonical(report))


def report_id(id_key: IdKey, urn: str) -> bytes:
    """16 bytes: publishing one URN twice can never make two reports, and nobody else can compute it."""
    return id_key.digest(b"pas/v1/report-id", urn.encode("utf-8"))[:ID_BYTES]


def refusal_id(id_key: IdKey, urn: str, rules: Sequence[str]) -> bytes:
    """16 bytes: the same report refused by the same rules is one refusal."""
    return id_key.digest(b"pas/v1/refusal", urn.encode("utf-8"), ",".join(rules).encode("ascii"))[:ID_BYTES]


def movement_id(id_key: IdKey, movement: Movement) -> bytes:
    """16 bytes: a row equal in every field is the same movement."""
    return id_key.digest(b"pas/v1/movement", canonical_movement(movement))[:ID_BYTES]


def prisoner_key(id_key: IdKey, number: str) -> bytes:
    """The log key of a prisoner's movements, which tells nobody whose they are."""
    return id_key.digest(b"pas/v1/prisoner", number.encode("ascii"))[:PRISONER_KEY_BYTES]


def hide_name(id_key: IdKey, name: bytes) -> bytes:
    """16 bytes under which an answer goes to PAS's compartment: nobody who sees it there knows it for the one of that name."""
    return id_key.digest(b"pas/v1/answer-apart", name)[:ID_BYTES]


def canonical_movement(movement: Movement) -> bytes:
    """The one spelling of a movement, whoever says it; alerts are a set and have no order."""
    row = movement.model_dump(mode="json", exclude={"person"})
    row["alerts"] = None if movement.alerts is None else sorted(movement.alerts)
    return json.dumps(row, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
