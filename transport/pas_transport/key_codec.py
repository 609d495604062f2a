"""A public key of the directory, and the end of a period, as Avro data and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pas_schemas.clock import from_ms, to_ms
from pas_schemas.directory import KEY_USES, PublicKey
from pas_schemas.errors import DirectoryError


def write_key(key: PublicKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "use": key.use,
        "public": key.public,
        "start": to_ms(key.start),
        "end": write_end(key.end),
        "example": key.example,
    }


def read_key(datum: dict[str, Any]) -> PublicKey:
    use = next((use for use in KEY_USES if use == datum["use"]), None)
    if use is None:
        raise DirectoryError("The directory holds a key of an unknown use.", "PAS must issue a new version")
    return PublicKey(datum["id"], use, datum["public"], from_ms(datum["start"]), read_end(datum["end"]), datum["example"])


def write_end(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def read_end(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
