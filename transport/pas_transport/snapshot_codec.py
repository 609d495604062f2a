"""A directory snapshot as bytes and back, with everything refused that no directory may say."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pas_schemas.clock import from_ms, to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.directory import Office, Snapshot, Term, kind_of
from pas_schemas.errors import CodecError, DirectoryError
from pas_transport.key_codec import read_end, read_key, write_end, write_key
from pas_transport.people_codec import read_person, write_person

_FAULT = "PAS must issue a new version"
# The edition in use and the one before: each takes a tenth of a second to decode.
EDITIONS_KEPT = 2


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
            "people": [write_person(person) for person in snapshot.people],
        },
    )


@lru_cache(maxsize=EDITIONS_KEPT)
def decode_snapshot(data: bytes) -> Snapshot:
    """The snapshot; raises `DirectoryError` where it is damaged or says what no directory may say. Who wrote it is not checked here."""
    try:
        datum = decode(data, "directory_snapshot").datum
        offices = tuple(_read_office(office) for office in datum["offices"])
        # Version 1 knew of nobody.
        people = tuple(read_person(person) for person in datum.get("people", ()))
        issued, expires = from_ms(datum["issued_at"]), from_ms(datum["expires_at"])
    except (CodecError, OverflowError):
        raise DirectoryError("A version of the directory is damaged.", _FAULT) from None
    if len({office.id for office in offices}) != len(offices):
        raise DirectoryError("The directory lists an office twice.", _FAULT)
    if len({person.reference for person in people}) != len(people):
        raise DirectoryError("The directory lists a person twice.", _FAULT)
    snapshot = Snapshot(datum["version"], issued, expires, offices, datum["example"], people)
    _refuse_shared_keys(snapshot)
    return snapshot


def _refuse_shared_keys(snapshot: Snapshot) -> None:
    """Nobody signs under two names: two signatures would be one person's."""
    theirs = {key.public for person in snapshot.people for key in person.keys}
    if theirs and sum(key.public in theirs for key in snapshot.every_key()) != len(theirs):
        raise DirectoryError("The directory holds a person's key under two names.", _FAULT)


def _write_office(office: Office) -> dict[str, Any]:
    return {
        "id": office.id,
        "kind": office.kind,
        "prison": office.prison,
        "terms": [
            {"start": to_ms(term.start), "end": write_end(term.end), "force": term.force, "contracted": term.contracted}
            for term in office.terms
        ],
        "keys": [write_key(key) for key in office.keys],
    }


def _read_office(datum: dict[str, Any]) -> Office:
    kind = kind_of(datum["id"])
    terms = tuple(Term(from_ms(term["start"]), read_end(term["end"]), term["force"], term["contracted"]) for term in datum["terms"])
    if datum["kind"] != kind or not _in_order(terms):
        raise DirectoryError("The directory says what cannot be of an office.", _FAULT)
    return Office(datum["id"], kind, datum["prison"], terms, tuple(read_key(key) for key in datum["keys"]))


def _in_order(terms: Sequence[Term]) -> bool:
    """At least one, and each ends before the next begins."""
    return bool(terms) and all(one.end is not None and one.end <= other.start for one, other in pairwise(terms))
