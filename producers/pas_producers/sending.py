"""A sealed batch on its way: appended in one call, then noted in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pas_producers.errors import PublishError, PublishRefusedError
from pas_producers.journal import Journals
from pas_schemas.errors import LogError, PasError
from pas_transport.log import AppendError, Log, Outgoing


class Note(NamedTuple):
    """What the journal of an office keeps of a record; `urn` is for whoever must be told that the log did not take it."""

    office: str
    record_id: bytes
    digest: bytes
    urn: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Records sealed in one run, and for each of them its note."""

    run: bytes
    records: Sequence[Outgoing] = field(repr=False)
    notes: Sequence[Note]


class Sender:
    """Sends batches; when `send` returns, the log has them and the journal knows it."""

    def __init__(self, log: Log, journals: Journals) -> None:
        self._log = log
        self._journals = journals

    def send(self, batch: Batch) -> None:
        """Raises `PublishError` or `JournalError`."""
        try:
            self._log.append(batch.records)
        except AppendError as failure:
            if failure.retriable:
                # The log has the others: a repeat need not send them again.
                self._note(batch.run, [note for number, note in enumerate(batch.notes) if number not in failure.failed])
            raise _explain(failure, [batch.notes[number] for number in failure.failed]) from failure
        except LogError as failure:
            raise _explain(failure, batch.notes) from failure
        self._note(batch.run, batch.notes)

    def _note(self, run: bytes, notes: Sequence[Note]) -> None:
        by_office: dict[str, list[tuple[bytes, bytes]]] = {}
        for note in notes:
            by_office.setdefault(note.office, []).append((note.record_id, note.digest))
        for office, records in by_office.items():
            journal = self._journals.of(office)
            if journal is not None:
                journal.note(records, run)


def _explain(failure: PasError, notes: Sequence[Note]) -> PublishError:
    kind = PublishError if failure.retriable else PublishRefusedError
    hint = failure.hint if not failure.retriable else f"{failure.hint}; then repeat: what is published is not published twice"
    sentence = failure.sentence if failure.sentence.endswith(".") else f"{failure.sentence}."
    return kind(f"The log did not take {len(notes)} records: {sentence}", hint, [note.urn for note in notes if note.urn])
