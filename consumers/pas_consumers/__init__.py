"""Receiving what PAS discloses: an office's inbox, which verifies before it opens and answers for what it was given.

with Inbox.of(open_workspace(), "pio:WSI", post="duty-pio", person="ref-0042") as inbox:
    inbox.take()
    for held in inbox.list().held:
        print(held.delivery.urn, held.state)
"""

from pas_consumers.delivery import Delivery, DisclosedItem, Notice, Projection, State
from pas_consumers.errors import (
    PartitionStoppedError,
    RefusedDeliveryError,
    StoreDamagedError,
    StoreUnavailableError,
    UnknownDeliveryError,
    WrongStateError,
)
from pas_consumers.inbox import Inbox
from pas_consumers.intake import Gap, Intake
from pas_consumers.records import Held, Listing, SetAside

__all__ = [
    "Delivery",
    "DisclosedItem",
    "Gap",
    "Held",
    "Inbox",
    "Intake",
    "Listing",
    "Notice",
    "PartitionStoppedError",
    "Projection",
    "RefusedDeliveryError",
    "SetAside",
    "State",
    "StoreDamagedError",
    "StoreUnavailableError",
    "UnknownDeliveryError",
    "WrongStateError",
]
