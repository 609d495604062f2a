"""7 route, second half: what lies in the outbox is appended to the offices' topics, threats to life first, and marked sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from pas_gateway.notes import NOTE_KEY
from pas_gateway.register import Store, queries, schema
from pas_gateway.register.change import add_counts, chunks
from pas_gateway.route import read_outbox
from pas_schemas.topics import AUDIT, QUARANTINE
from pas_transport.log import Log, Outgoing

# Outbox rows taken at once, about as many as offices get something of one batch: each turn costs two transactions.
ROWS_AT_ONCE = 512


@dataclass(frozen=True)
class Dispatcher:
    """Moves the outbox into the log. Of all processes one at a time sends threats, and one the rest."""

    store: Store = field(repr=False)
    log: Log = field(repr=False)

    def run(self, mark: Callable[[], None], *, only_urgent: bool = False) -> int:
        """Sends until nothing waits that is this process's to send; returns how many deliveries were sent.

        Raises a LogError: what was not appended stays in the outbox. A process that dies between append and mark leaves
        records that are appended once more; an inbox takes each delivery once.
        """
        sent = 0
        while found := self._send_some(1, mark) or (0 if only_urgent else self._send_some(0, mark)):
            sent += found
        return sent

    def _send_some(self, urgent: int, mark: Callable[[], None]) -> int:
        if not self._waiting(urgent):
            return 0
        with self.store.exclusive(f"dispatch-{urgent}", wait=False) as mine:
            if not mine:
                return 0
            with self.store.reading() as register:
                table = schema.outbox
                rows = register.execute(sa.select(table).where(table.c.urgent == urgent).order_by(table.c.number).limit(ROWS_AT_ONCE)).all()
            if not rows:
                return 0
            mark()
            records = [Outgoing(row.topic, key, value, row.partition) for row in rows for key, value in read_outbox(row.records)]
            notes = [Outgoing(AUDIT.name, NOTE_KEY, row.note, 0) for row in rows if row.note is not None]
            if notes:
                # In the log before what they speak of: a register that is restored must learn of all that was sent.
                self.log.append(notes)
            self.log.append(records)
            self._mark_sent(rows, [record.key for record in records if record.topic != QUARANTINE.name])
            return len(records)

    def _waiting(self, urgent: int) -> bool:
        with self.store.reading() as register:
            return queries.has_outbox(register, urgent)

    def _mark_sent(self, rows: Sequence[Any], ids: Sequence[bytes]) -> None:
        """The payload leaves the outbox once the log has it."""

        def mark(register: sa.Connection) -> None:
            register.execute(schema.outbox.delete().where(schema.outbox.c.number.in_([row.number for row in rows])))
            for part in chunks(ids):
                table = schema.deliveries
                register.execute(table.update().where(table.c.id.in_(part), table.c.state == "SEALED").values(state="SENT"))
            add_counts(register, Counter(sent=len(ids)))

        self.store.write(mark)
