"""What an inbox holds and what one batch of the log brings to it, as frozen records that are silent about content."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pas_consumers.checking import Checked
from pas_consumers.delivery import Delivery, State
from pas_consumers.errors import RefusedDeliveryError
from pas_transport.log import Taken


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition was read: the log it was, the last offset taken, and the digest of the record there."""

    log: str
    offset: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Judged:
    """A record of the log and what came of it: a delivery that passed every check, or why it is set aside."""

    taken: Taken
    found: Checked | RefusedDeliveryError


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that is kept as it came, sealed, and never shown; `reason` is a word for machines, `sentence` one for a person."""

    partition: int
    offset: int
    at: datetime
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery in the inbox and how far it has come; of a withdrawn one only the header is left."""

    delivery: Delivery
    state: State


@dataclass(frozen=True, slots=True)
class Listing:
    """Every delivery that can be read, and the ids of those that lie there damaged."""

    held: tuple[Held, ...]
    damaged: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """What one batch brought: new deliveries, repeats that changed nothing, and what was set aside."""

    new: tuple[Delivery, ...]
    repeated: int
    aside: tuple[SetAside, ...]


@dataclass(frozen=True, slots=True)
class Unsent:
    """A reply that is not known to be in the log; it answers a delivery that came from PAS's compartment where it is `apart`."""

    id: bytes
    delivery: bytes
    apart: bool
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Replies that are not known to be in the log, how many beside them are damaged, and where the last one lies; None without any."""

    replies: tuple[Unsent, ...]
    damaged: int
    last: int | None
