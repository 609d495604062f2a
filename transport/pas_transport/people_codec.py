"""The people of a directory snapshot as Avro data and back, with everything refused that no directory may say."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from pas_schemas.clock import from_ms, to_ms
from pas_schemas.directory import kind_of
from pas_schemas.errors import DirectoryError
from pas_schemas.identifiers import is_reference
from pas_schemas.people import ROLES, Appointment, Person, Role
from pas_transport.key_codec import read_end, read_key, write_end, write_key

_FAULT = "PAS must issue a new version"


def write_person(person: Person) -> dict[str, Any]:
    return {
        "reference": person.reference,
        "appointments": [_write_appointment(one) for one in person.appointments],
        "keys": [write_key(key) for key in person.keys],
    }


def read_person(datum: dict[str, Any]) -> Person:
    """Raises `DirectoryError` for what cannot be said of a person."""
    appointments = tuple(_read_appointment(one) for one in datum["appointments"])
    keys = tuple(read_key(key) for key in datum["keys"])
    follow = all(one.end is not None and one.end <= other.start for one, other in pairwise(appointments))
    if not (is_reference(datum["reference"]) and appointments and follow and all(key.use == "sign" for key in keys)):
        raise DirectoryError("The directory says what cannot be of a person.", _FAULT)
    return Person(datum["reference"], appointments, keys)


def _write_appointment(one: Appointment) -> dict[str, Any]:
    return {
        "start": to_ms(one.start),
        "end": write_end(one.end),
        "office": one.office,
        "post": one.post,
        "roles": sorted(one.roles),
        "rank": one.rank,
        "recused": sorted(one.recused),
        "deputises": sorted(one.deputises),
    }


def _read_appointment(datum: dict[str, Any]) -> Appointment:
    kind_of(datum["office"])
    return Appointment(
        from_ms(datum["start"]), read_end(datum["end"]), datum["office"], datum["post"], read_roles(datum["roles"]),
        datum["rank"], frozenset(datum["recused"]), frozenset(datum["deputises"]),
    )  # fmt: skip


def read_roles(words: list[str]) -> frozenset[Role]:
    """The roles of these words; raises `DirectoryError` for one that is none."""
    found = frozenset(role for role in ROLES if role in words)
    if len(found) != len(set(words)):
        raise DirectoryError("A person is given a role that there is not.", f"the roles are {', '.join(ROLES)}")
    return found
