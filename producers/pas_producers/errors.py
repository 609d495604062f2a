"""What can go wrong in publishing as a whole; a report that is refused is no error but a result.

    PasError
    |- PublishError             the log did not take a batch: `urns` says which reports are not known to be in it
    |  `- PublishRefusedError   ... and never will: repeating is of no use
    `- JournalError             the note of what was published cannot be kept

KeyringError, DirectoryError, RulebookError and SettingsError pass through as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pas_producers.results import Publication
from pas_schemas.errors import PasError


class PublishError(PasError):
    """The log did not take a batch. Repeating is safe: PAS knows a repeat by its report id and content digest.

    `urns` are those of the batch that are not known to be in the log; what came after that batch was not tried.
    From `Publisher.publish`, `done` holds the outcomes of the reports before it, in their order.
    """

    retriable: ClassVar[bool] = True

    def __init__(self, sentence: str, hint: str, urns: Sequence[str] = ()) -> None:
        super().__init__(sentence, hint)
        self.urns = tuple(urns)
        self.done = Publication()


class PublishRefusedError(PublishError):
    """The log will never take the batch."""

    retriable: ClassVar[bool] = False


class JournalError(PasError):
    """The journal of what was published cannot be read or written; the log may hold more than it notes, never less."""
