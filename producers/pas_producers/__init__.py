"""Publish: border checks, sealing and appending for forces, prisons and the movements feed.

with Publisher.of(open_workspace(), "force:01") as publisher:
    done = publisher.publish(reports)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pas_producers.checking import Raw, Unreadable
    from pas_producers.details import Details, InlinedDetails
    from pas_producers.errors import JournalError, PublishError, PublishRefusedError
    from pas_producers.feed import FEED, MovementFeed, Told
    from pas_producers.publisher import Publisher
    from pas_producers.results import Outcome, Publication, Published, Refused, Repeated

__all__ = [
    "FEED",
    "Details",
    "InlinedDetails",
    "JournalError",
    "MovementFeed",
    "Outcome",
    "Publication",
    "PublishError",
    "PublishRefusedError",
    "Published",
    "Publisher",
    "Raw",
    "Refused",
    "Repeated",
    "Told",
    "Unreadable",
]

_HOMES = {
    "checking": ("Raw", "Unreadable"),
    "details": ("Details", "InlinedDetails"),
    "errors": ("JournalError", "PublishError", "PublishRefusedError"),
    "feed": ("FEED", "MovementFeed", "Told"),
    "publisher": ("Publisher",),
    "results": ("Outcome", "Publication", "Published", "Refused", "Repeated"),
}


def __getattr__(name: str) -> object:
    """Imports a name when it is first asked for: `pas` looks at this package for every command, whichever is called."""
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
