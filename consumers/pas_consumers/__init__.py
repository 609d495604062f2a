"""Receiving what PAS discloses: an office's inbox, which verifies before it opens and answers for what it was given.

with Inbox.of(open_workspace(), "pio:WSI", post="duty-pio", person="ref-0042") as inbox:
    inbox.take()
    for held in inbox.list().held:
        print(held.delivery.urn, held.state)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOMES = {
    "delivery": ("Delivery", "DisclosedItem", "Notice", "Projection", "State"),
    "errors": (
        "PartitionStoppedError",
        "RefusedDeliveryError",
        "StoreDamagedError",
        "StoreUnavailableError",
        "UnknownDeliveryError",
        "WrongStateError",
    ),
    "inbox": ("Inbox",),
    "intake": ("Gap", "Intake"),
    "records": ("Held", "Listing", "SetAside"),
}


def __getattr__(name: str) -> object:
    """Imports a name when it is first asked for: `pas` looks at this package for every command, whichever is called."""
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
