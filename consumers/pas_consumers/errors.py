"""Everything that can go wrong in an inbox, each a sub-class of InboxError with a sentence and a hint.

InboxError
|- StoreUnavailableError  the store cannot be read or written now: locked, full, read-only
|- StoreDamagedError      what lies in the store is not what was put there, or not for this office and key
|- UnknownDeliveryError   no delivery of that id here, or more than one that begins so
|- WrongStateError        the delivery is not in a state in which that can be done
|- PartitionStoppedError  a partition that cannot be read on without skipping: nothing of it is taken until a person has looked
`- RefusedDeliveryError   a delivery that is not what it must be: it is set aside and never shown
"""

from __future__ import annotations

from typing import ClassVar

from pas_schemas.errors import InboxError


class StoreUnavailableError(InboxError):
    """The store cannot be read or written now."""

    retriable: ClassVar[bool] = True


class StoreDamagedError(InboxError):
    """What lies in the store is not what was put there, or was put there for another office or under another key."""


class UnknownDeliveryError(InboxError):
    """No delivery of that id, or more than one that begins so."""


class WrongStateError(InboxError):
    """The delivery is not in a state in which that can be done."""


class PartitionStoppedError(InboxError):
    """A partition's place cannot be trusted: reading on could skip a delivery."""


class RefusedDeliveryError(InboxError):
    """A delivery that is not what it must be; `reason` is the machine's word for it."""

    def __init__(self, reason: str, sentence: str, hint: str = "ask PAS to send it again") -> None:
        super().__init__(sentence, hint)
        self.reason = reason
