"""The movements feed: rows and domain events checked, named, sealed to PAS and appended, each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from pas_producers.checking import NO_REPORT, Raw, read_raw
from pas_producers.desk import Desks
from pas_producers.details import Details, InlinedDetails
from pas_producers.dispatch import BATCH_RECORDS, Dispatcher
from pas_producers.domain_events import is_event, read_event
from pas_producers.journal import Journals
from pas_producers.packing import Parcel, Ticker
from pas_producers.results import Refused
from pas_producers.sending import Sender
from pas_producers.workplace import find_keyrings, journals_folder
from pas_schemas.clock import Clock, show_time
from pas_schemas.codec import encode
from pas_schemas.directory import Snapshot
from pas_schemas.models.complaints import complain, place_of
from pas_schemas.models.movement import Movement
from pas_schemas.naming import movement_id, prisoner_key
from pas_schemas.sealing import Plain
from pas_schemas.topics import MOVEMENTS
from pas_transport.keyring import Keyring
from pas_transport.log import Log
from pas_transport.workspace import Workspace

FEED = "feed:nomis"
# What became of a row; a skipped one is an event that is not about whereabouts.
Told = Literal["published", "repeated", "skipped"] | Refused


class MovementFeed:
    """Sends movements as one office: the feed, or PAS with a correction. Not for several threads at once.

    What an earlier run sent is not sent twice, but where it is to go `again`: PAS may have set it aside, or lost it with its topic.
    `ahead` counts those published that happen later than now: each counts when its time has come.
    """

    def __init__(
        self,
        *,
        log: Log,
        snapshot: Snapshot,
        keyring: Keyring,
        clock: Clock,
        journals: Path | None = None,
        details: Details | None = None,
        batch_records: int = BATCH_RECORDS,
        again: bool = False,
    ) -> None:
        """From explicit parts; the log stays the caller's to close, and its topic must be there."""
        self._desk = Desks(snapshot, lambda _: keyring).open(keyring.office, clock.now())
        self._snapshot = snapshot
        self._clock = clock
        self._ticker = Ticker(clock)
        self._details: Details = details or InlinedDetails()
        self._journals = Journals(journals, log.identity, clock, again=again)
        self._dispatcher = Dispatcher(Sender(log, self._journals).send, snapshot, self._journals, clock, batch_records)
        self._again = again
        self._closing = ExitStack()
        self._closing.callback(self._journals.close)
        self.ahead = 0

    @classmethod
    def of(cls, workspace: Workspace, office: str = FEED, *, again: bool = False) -> Self:
        """The feed of a workspace; raises KeyringError where the office has no keys there, and as `Publisher.of` does."""
        snapshot = workspace.directory()
        keyring = find_keyrings(workspace, snapshot)(office)
        with ExitStack() as closing:
            log = closing.enter_context(workspace.log())
            log.ensure((MOVEMENTS,))
            made = cls(
                log=log, snapshot=snapshot, keyring=keyring, clock=workspace.clock, journals=journals_folder(workspace), again=again
            )  # fmt: skip
            made._closing.push(closing.pop_all())
        return made

    def stream(self, rows: Iterable[Raw | Movement]) -> Iterator[Told]:
        """What became of each row in their order, told once the log has its batch; raises as `Publisher.stream` does."""
        return self._dispatcher.stream(rows, self._take)

    def flush(self) -> None:
        """Sends what `stream` has read and keeps until its batch is full, as `Publisher.flush` does."""
        self._dispatcher.flush()

    def close(self) -> None:
        """Closes its journal and, where it opened it, the log."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _take(self, raw: Raw | Movement) -> Told:
        try:
            movement = raw if isinstance(raw, Movement) else read_movement(read_raw(raw), self._details)
            if movement is None:
                return "skipped"
            self._check(movement)
            parcel = self._pack(movement)
        except ValueError as error:
            return Refused(None, (NO_REPORT,), str(error))
        place = self._desk.office, parcel.plain.record_id, parcel.digest
        if self._dispatcher.knows(*place) and not (self._again and self._dispatcher.knew(*place)):
            return "repeated"
        self._dispatcher.add(parcel)
        self.ahead += movement.at > self._clock.now()
        return "published"

    def _check(self, movement: Movement) -> None:
        """What only the estate can tell, and what would lead round in a circle."""
        if movement.prison is not None and movement.prison not in self._snapshot.at(self._clock.now()).prisons:
            raise ValueError("prison: a prison that is none.")
        if movement.removed_noms_number == movement.noms_number:
            raise ValueError("removed_noms_number: a number cannot be merged into itself.")

    def _pack(self, movement: Movement) -> Parcel:
        record_id = movement_id(self._desk.id_key, movement)
        datum = {
            **movement.model_dump(include={"noms_number", "event", "prison", "category", "removed_noms_number", "reason", "person"}),
            "at": show_time(movement.at),
            "alerts": None if movement.alerts is None else sorted(movement.alerts),
            "sealed_at_us": self._ticker.next_us(),
        }
        key = prisoner_key(self._desk.id_key, movement.noms_number)
        return Parcel(self._desk, "open", MOVEMENTS.name, key, Plain(record_id, encode("movement", datum)), b"")


def read_movement(value: object, details: Details) -> Movement | None:
    """The movement that a row or event tells of, or None; ValueError with a sentence that never quotes it."""
    if not isinstance(value, dict):
        raise ValueError("The line is not a movement.")
    row = read_event(value, details) if is_event(value) else value
    if row is None:
        return None
    try:
        return Movement.model_validate(row)
    except ValidationError as error:
        raise ValueError(_say(error)) from None
    except TypeError:
        raise ValueError("alerts: not a list of codes.") from None


def _say(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    if first["type"] == "extra_forbidden":
        return "An unknown field; a movement has only the agreed fields."
    return f"{place_of(first, 'the row')}: {complain(first)}."
