"""Publish: border checks, sealing and appending for forces, prisons and the movements feed."""

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
