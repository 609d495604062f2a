"""7 route, second half: what lies in the outbox is appended to the offices' topics, threats to life first, and marked sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from pas_gateway.notes import NOTE_KEY, UNSENT_KEY, write_unsent
from pas_gateway.office import PasOffice
from pas_gateway.register import Store, schema
from pas_gateway.register.change import add_counts, among, chunks
from pas_gateway.register.outbox import Waiting, drop_outbox, has_outbox, take_outbox
from pas_gateway.route import read_outbox
from pas_schemas.clock import to_ms
from pas_schemas.sealing import CLOCKS_DIFFER, LATEST
from pas_schemas.topics import AUDIT, QUARANTINE
from pas_transport.log import AppendError, Log, LogUnavailableError, Outgoing, RecordRefusedError, TopicMismatchError

# Outbox rows taken at once, about as many as offices get something of one batch: each turn costs two transactions.
ROWS_AT_ONCE = 512
# How often it is asked whether a topic that was lost is there again.
LOST_SECONDS = 60.0


@dataclass
class Dispatcher:
    """Moves the outbox into the log. Of all processes one at a time sends threats, and one the rest.

    What is for a topic that is not there waits and holds up nothing else; `tell_lost` is told of the topic, once until it is back.
    `note` is told before anything is sent whether it is urgent.
    Of what has waited so long that its reader may not take it any more `renew` is told first, topic and ids, so that it comes anew.
    """

    store: Store = field(repr=False)
    log: Log = field(repr=False)
    office: PasOffice = field(repr=False)
    tell_lost: Callable[[str], None] = field(default=lambda topic: None, repr=False)
    renew: Callable[[str, Sequence[bytes]], None] = field(default=lambda topic, ids: None, repr=False)
    note: Callable[[int], None] = field(default=lambda urgent: None, repr=False)
    _lost: set[str] = field(default_factory=set, repr=False)
    _renewed: set[int] = field(default_factory=set, repr=False)
    _look_again: float = field(default=0.0, repr=False)

    def run(self, mark: Callable[[], None], *, only_urgent: bool = False) -> int:
        """Sends until nothing waits that is this process's to send; returns how many deliveries were sent.

        Raises a LogError: what was not appended stays in the outbox. A process that dies between append and mark leaves
        records that are appended once more; an inbox takes each delivery once.
        """
        if self._lost and time.monotonic() >= self._look_again:
            self._lost = set(find_lost(self.log, self._lost))
            self._look_again = time.monotonic() + LOST_SECONDS
        sent = 0
        while found := self._send_some(1, mark) or (0 if only_urgent else self._send_some(0, mark)):
            sent += found
        return sent

    def _send_some(self, urgent: int, mark: Callable[[], None]) -> int:
        if not self._waiting(urgent):
            return 0
        with self.store.exclusive(f"dispatch-{urgent}", wait=False) as mine:
            sent = 0
            while mine and not sent:
                with self.store.reading() as register:
                    rows = take_outbox(register, urgent, self._lost, ROWS_AT_ONCE)
                if not rows:
                    break
                mark()
                self._renew_lapsed(rows)
                self.note(urgent)
                # Nothing is sent where all of them are for topics that turn out to be lost: then the rest is looked at.
                sent = self._send(rows)
            return sent

    def _send(self, rows: Sequence[Waiting]) -> int:
        notes = [Outgoing(AUDIT.name, NOTE_KEY, row.note, 0) for row in rows if row.note is not None]
        if notes:
            # In the log before what they speak of: a register that is restored must learn of all that was sent.
            self.log.append(notes)
        records = [Outgoing(row.topic, key, value, row.partition) for row in rows for key, value in read_outbox(row.records)]
        try:
            self.log.append(records)
        except RecordRefusedError:
            raise
        except (AppendError, TopicMismatchError, LogUnavailableError) as error:
            return self._keep_what_was_stored(rows, records, error)
        return self._mark_sent(rows, records)

    def _keep_what_was_stored(self, rows: Sequence[Waiting], records: Sequence[Outgoing], error: Exception) -> int:
        """Marks as sent what the log has; raises `error` again unless a topic that is not there explains it."""
        failed = {records[place].topic for place in error.failed} if isinstance(error, AppendError) else {row.topic for row in rows}
        kept = [record for record in records if record.topic not in failed]
        sent = self._mark_sent([row for row in rows if row.topic not in failed], kept)
        lost = find_lost(self.log, failed)
        if not lost:
            raise error
        self._take_back_notes([row for row in rows if row.topic in lost])
        for topic in lost:
            self.tell_lost(topic)
        self._lost |= set(lost)
        self._look_again = time.monotonic() + LOST_SECONDS
        return sent

    def _renew_lapsed(self, rows: Sequence[Waiting]) -> None:
        """What was sealed nearly a day ago goes as it lies, for nothing may be missing in the order of its numbers, and comes once more."""
        sealed_before_ms = to_ms(self.office.clock.now() - LATEST + CLOCKS_DIFFER)
        for row in rows:
            # What is quarantined lies there as it came, sealed by whoever sent it.
            if row.at_ms < sealed_before_ms and row.topic != QUARANTINE.name and row.number not in self._renewed:
                self.renew(row.topic, [key for key, _ in read_outbox(row.records)])
                self._renewed.add(row.number)

    def _take_back_notes(self, rows: Sequence[Waiting]) -> None:
        """A register that is restored must not believe that an office has what no log ever took."""
        ids = [key for row in rows if row.note is not None for key, _ in read_outbox(row.records)]
        if ids:
            self.log.append([Outgoing(AUDIT.name, UNSENT_KEY, write_unsent(ids, self.office), 0)])

    def _waiting(self, urgent: int) -> bool:
        with self.store.reading() as register:
            return has_outbox(register, urgent, self._lost)

    def _mark_sent(self, rows: Sequence[Waiting], records: Sequence[Outgoing]) -> int:
        """The payload leaves the outbox once the log has it; how many records that were."""
        ids = [record.key for record in records if record.topic != QUARANTINE.name]
        sent = {"state": "SENT", "sent_at_ms": to_ms(self.office.clock.now())}

        def mark(register: sa.Connection) -> None:
            drop_outbox(register, [row.number for row in rows])
            for part in chunks(ids):
                table = schema.deliveries
                register.execute(table.update().where(among(register, table.c.id, part), table.c.state == "SEALED").values(sent))
            add_counts(register, Counter(sent=len(ids)))

        if rows:
            self.store.write(mark)
        return len(records)


def find_lost(log: Log, topics: Iterable[str]) -> list[str]:
    """Those of these topics that are not there. Raises another LogError."""
    lost = []
    for topic in sorted(topics):
        try:
            log.ends([topic])
        except TopicMismatchError:
            lost.append(topic)
    return lost
