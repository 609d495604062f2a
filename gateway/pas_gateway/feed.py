"""The movements feed at PAS: which rows are believed, and how they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from pas_gateway.audit import Scribe
from pas_gateway.knowledge import Names
from pas_gateway.policy import whereabouts
from pas_gateway.policy.places import Place, place_of
from pas_gateway.policy.whereabouts import Row
from pas_gateway.register import queries
from pas_schemas.clock import to_ms
from pas_schemas.codec import decode
from pas_schemas.directory import PAS
from pas_schemas.errors import CodecError
from pas_schemas.models.movement import Movement
from pas_schemas.sealing import Opened
from pas_transport.log import Partition, Taken

# Only the feed is believed; PAS corrects it with a reason (domain, *Whereabouts*).
BELIEVED = frozenset({"feed:nomis", PAS})


@dataclass(frozen=True, slots=True)
class Moved:
    """A movement that was believed, under the register's names; `id` is the same for a row equal in every field.

    `order` is when the log took it (milliseconds) and when it was sealed (microseconds). Of a correction, `said` are the
    digests of who at PAS made it and of the reason.
    """

    id: bytes
    row: Row
    order: tuple[int, int]
    prisoners: frozenset[bytes] = field(repr=False)
    said: tuple[bytes, ...] = ()

    def tell(self, scribe: Scribe) -> bytes:
        """The event that it was taken in; of a correction the audit knows whose it is, and its reason (domain, *Accountability*)."""
        return scribe.event("MOVEMENT" if self.row.at <= scribe.now else "MOVEMENT_AHEAD", self.id.hex(), digests=self.said)

    def as_register_row(self, *, followed: bool) -> dict[str, Any]:
        """The row as it is kept; `followed` where live reports on its prisoner are decided again with it, and not later."""
        row = self.row
        return {
            "id": self.id,
            "prisoner": bytes.fromhex(row.number),
            "event": row.event,
            "prison": row.prison,
            "at_ms": to_ms(row.at),
            "category": row.category,
            "alerts": None if row.alerts is None else ",".join(sorted(row.alerts)),
            "removed": bytes.fromhex(row.removed) if row.removed else None,
            "followed": int(followed),
            "taken_at_ms": self.order[0],
            "sealed_at_us": self.order[1],
        }


@dataclass(frozen=True, slots=True)
class Believed:
    """What a record of the log was found to say, and of which bytes and which moment in the log."""

    digest: bytes
    taken_at: datetime
    moved: Moved = field(repr=False)

    @classmethod
    def of(cls, taken: Taken, moved: Moved) -> Believed:
        return cls(sha256(taken.value).digest(), taken.at, moved)

    def is_of(self, taken: Taken) -> bool:
        """Whether the record is that very one: a topic that was made anew holds others at the same places."""
        return self.taken_at == taken.at and self.digest == sha256(taken.value).digest()


# By partition and offset.
ReadAhead = Mapping[tuple[Partition, int], Believed]
NOTHING_READ: ReadAhead = MappingProxyType({})


def read_movement(opened: Opened, taken_at: datetime, names: Names) -> Moved:
    """The movement of an opened record; CodecError where it is not to be believed."""
    datum = decode(opened.payload, "movement").datum
    order = (to_ms(taken_at), int(datum.pop("sealed_at_us")))
    if opened.sender not in BELIEVED:
        raise CodecError("A movement came from an office that is not believed on whereabouts.", "only feed:nomis and PAS are")
    try:
        movement = Movement.model_validate(datum)
    except ValidationError:
        raise CodecError("A movement is not of the agreed shape.", "the feed must send it again") from None
    if opened.sender == PAS and not movement.reason:
        raise CodecError("A correction of the whereabouts came without a reason.", "give one with --reason")
    if movement.removed_noms_number == movement.noms_number:
        raise CodecError("A movement merges a number into itself.", "the feed must send it as it was meant")
    number = names.prisoner(movement.noms_number)
    removed = names.prisoner(movement.removed_noms_number) if movement.removed_noms_number else None
    row = Row(
        number.hex(), movement.event, movement.prison, movement.at, movement.category, movement.alerts,
        removed.hex() if removed else None, taken_at, Place(*place_of(order), opened.record_id),
    )  # fmt: skip
    words = (movement.person, movement.reason) if opened.sender == PAS else ()
    said = tuple(sha256(word.encode()).digest() for word in words if word)
    return Moved(opened.record_id, row, order, frozenset({number} | ({removed} if removed else set())), said)


def find_circles(register: sa.Connection, fresh: Sequence[Row]) -> list[Row]:
    """Merges of numbers that are one already without them, which these rows make known: they lead nowhere, or round in a circle."""
    merged = {bytes.fromhex(number) for row in fresh if row.removed is not None for number in (row.number, row.removed)}
    if not merged:
        return []
    known = queries.find_movements(register, merged)
    found = whereabouts.find_circles((*known, *fresh)) - whereabouts.find_circles(known)
    return sorted(found, key=lambda row: row.place)
