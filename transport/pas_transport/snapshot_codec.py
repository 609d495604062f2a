"""A directory snapshot as bytes and back, with everything refused that no directory may say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from pas_schemas.clock import from_ms, to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.directory import KEY_USES, Office, PublicKey, Snapshot, Term, kind_of
from pas_schemas.errors import CodecError, DirectoryError

_FAULT = "PAS must issue a new version"


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The single-object encoding of a snapshot, to the millisecond."""
    return encode(
        "directory_snapshot",
        {
            "version": snapshot.version,
            "issued_at": to_ms(snapshot.issued_at),
            "expires_at": to_ms(snapshot.expires_at),
            "example": snapshot.example,
            "offices": [_write_office(office) for office in snapshot.offices],
        },
    )


def decode_snapshot(data: bytes) -> Snapshot:
    """The snapshot; raises `DirectoryError` where it is damaged or says what no directory may say. Who wrote it is not checked here."""
    try:
        datum = decode(data, "directory_snapshot").datum
        offices = tuple(_read_office(office) for office in datum["offices"])
        issued, expires = from_ms(datum["issued_at"]), from_ms(datum["expires_at"])
    except (CodecError, OverflowError):
        raise DirectoryError("A version of the directory is damaged.", _FAULT) from None
    if len({office.id for office in offices}) != len(offices):
        raise DirectoryError("The directory lists an office twice.", _FAULT)
    return Snapshot(datum["version"], issued, expires, offices, datum["example"])


def _write_office(office: Office) -> dict[str, Any]:
    return {
        "id": office.id,
        "kind": office.kind,
        "prison": office.prison,
        "terms": [
            {"start": to_ms(term.start), "end": _end(term.end), "force": term.force, "contracted": term.contracted} for term in office.terms
        ],
        "keys": [
            {"id": key.id, "use": key.use, "public": key.public, "start": to_ms(key.start), "end": _end(key.end), "example": key.example}
            for key in office.keys
        ],
    }


def _read_office(datum: dict[str, Any]) -> Office:
    kind = kind_of(datum["id"])
    terms = tuple(Term(from_ms(term["start"]), _moment(term["end"]), term["force"], term["contracted"]) for term in datum["terms"])
    if datum["kind"] != kind or not _in_order(terms):
        raise DirectoryError("The directory says what cannot be of an office.", _FAULT)
    return Office(datum["id"], kind, datum["prison"], terms, tuple(_read_key(key) for key in datum["keys"]))


def _in_order(terms: Sequence[Term]) -> bool:
    """At least one, and each ends before the next begins."""
    return bool(terms) and all(one.end is not None and one.end <= other.start for one, other in pairwise(terms))


def _read_key(datum: dict[str, Any]) -> PublicKey:
    use = next((use for use in KEY_USES if use == datum["use"]), None)
    if use is None:
        raise DirectoryError("The directory holds a key of an unknown use.", _FAULT)
    return PublicKey(datum["id"], use, datum["public"], from_ms(datum["start"]), _moment(datum["end"]), datum["example"])


def _end(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
