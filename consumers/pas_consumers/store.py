"""An office's inbox on disk: deliveries and replies sealed under its own key, and how far it has read, changed together or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Self

from pas_consumers.checking import Checked
from pas_consumers.delivery import STATES, Delivery, State, load_delivery, strip_content
from pas_consumers.errors import RefusedDeliveryError, StoreDamagedError, UnknownDeliveryError
from pas_consumers.records import Held, Judged, Listing, Position, SetAside, Stored, Unsent, Waiting
from pas_consumers.store_file import StoreFile
from pas_consumers.store_seal import StoreSeal
from pas_schemas.clock import from_ms, to_ms
from pas_schemas.models.reply import Reply
from pas_schemas.models.words import TO_READ
from pas_schemas.sealing import StoreKey
from pas_transport.log import Partition, Taken

DIGEST_BYTES = 32

_EARLIER = "SELECT id, kind, sealed FROM deliveries WHERE handle = ? AND n < ? AND state != 'WITHDRAWN'"
_LATER = "SELECT 1 FROM deliveries WHERE handle = ? AND n > ? AND kind = 'WITHDRAWAL' LIMIT 1"
_THERE = "SELECT id, sealed FROM deliveries WHERE id = ? OR (handle = ? AND n = ?)"
_ASIDE = "INSERT INTO aside (log, partition, offset, at_ms, key, reason, sentence, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_UNSENT = """SELECT sequence, replies.id, replies.sealed, deliveries.id, deliveries.state, deliveries.sealed
    FROM replies LEFT JOIN deliveries ON deliveries.id = replies.delivery WHERE sent = 0 AND sequence > ? ORDER BY sequence LIMIT ?"""
_REPLY = "INSERT INTO replies (id, delivery, receipt, sent, sealed) VALUES (?, ?, ?, 0, ?)"

# What is wrong with these may be wrong with this workspace's directory, keys or version, and right tomorrow.
_AGAIN = """SELECT number, partition, offset, at_ms, key, record FROM aside
    WHERE reason IN ('sender', 'recipient', 'expired', 'originator', 'version', 'schema', 'word', 'sanitised') ORDER BY number LIMIT ?"""
_CLASH = "A delivery came that differs from one taken before under the same id or number."

Receipt = Callable[[bytes], Reply]


class Store:
    """The inbox of one office; each method is one transaction and raises an InboxError and nothing else."""

    def __init__(self, folder: Path, office: str, key: StoreKey) -> None:
        """Opens the inbox in `folder`, or makes it there."""
        self._office = office
        self._box = StoreSeal(office, key)
        self._file = StoreFile(folder, office, key.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def position(self, partition: int) -> Position | None:
        """How far a partition was read, or None where nothing of it was."""
        return self._file.read(lambda db: _position(db, partition))

    def logs(self) -> frozenset[str]:
        """The logs of which anything was read, by their identity."""
        return frozenset(log for (log,) in self._file.read(lambda db: db.execute("SELECT log FROM positions").fetchall()))

    def forget(self, partition: int, position: Position) -> bool:
        """Has a partition count as not read yet; False, and nothing changed, where it stands elsewhere by now."""
        return self._file.write(lambda db: _forget(db, partition, position))

    def keep(self, partition: int, before: Position | None, judged: Sequence[Judged], after: Position, receipt: Receipt) -> Stored | None:
        """Stores a batch, its receipts and the new position together; None, and nothing stored, where the position is not `before`."""
        return self._file.write(lambda db: self._keep(db, partition, before, judged, after, receipt))

    def held(self) -> Listing:
        """Every delivery in the order in which the reports reached PAS and their deliveries count, and the ids of damaged ones."""
        rows = self._file.read(
            lambda db: db.execute("SELECT id, state, sealed FROM deliveries ORDER BY received_at_ms, handle, n").fetchall()
        )
        held: list[Held] = []
        damaged: list[bytes] = []
        for row in rows:
            try:
                held.append(self._read_row(*row))
            except StoreDamagedError:
                damaged.append(row[0])
        return Listing(tuple(held), tuple(damaged))

    def get(self, delivery: bytes) -> Held:
        """One delivery; raises UnknownDeliveryError or StoreDamagedError."""
        row = self._file.read(lambda db: db.execute("SELECT id, state, sealed FROM deliveries WHERE id = ?", (delivery,)).fetchone())
        if row is None:
            raise UnknownDeliveryError("There is no such delivery in this inbox.", "`pas inbox list` shows what there is")
        return self._read_row(*row)

    def unread(self) -> tuple[bytes, ...]:
        """The deliveries that came and that nobody has read or answered."""
        query = "SELECT id FROM deliveries WHERE state = 'DELIVERED' ORDER BY received_at_ms, handle, n"
        return tuple(row[0] for row in self._file.read(lambda db: db.execute(query).fetchall()))

    def ids(self, prefix: str) -> list[bytes]:
        """The ids that begin so (lower-case hexadecimal)."""
        query = "SELECT id FROM deliveries WHERE lower(hex(id)) LIKE ? || '%' ORDER BY id"
        return [row[0] for row in self._file.read(lambda db: db.execute(query, (prefix,)).fetchall())]

    def numbers(self, handle: bytes) -> list[int]:
        """Which deliveries about one report are here, by number."""
        query = "SELECT n FROM deliveries WHERE handle = ? ORDER BY n"
        return [row[0] for row in self._file.read(lambda db: db.execute(query, (handle,)).fetchall())]

    def answer(self, reply: Reply, expected: State, state: State, *, again: bool = False) -> bool:
        """Moves a delivery on and writes the reply that says so; False, and nothing written, where it is not in `expected`.

        With `again`, one that the same person has given before is sent once more.
        """
        return self._file.write(lambda db: self._answer(db, reply, expected, state, again))

    def unsent(self, limit: int, after: int = 0) -> Waiting:
        """The oldest replies beyond the place `after` that are not known to be in the log.

        One that lies there damaged, or whose delivery does, is left out and stays unsent: nobody knows where it belongs.
        """
        found: list[Unsent] = []
        rows = self._file.read(lambda db: db.execute(_UNSENT, (after, limit)).fetchall())
        for _, reply, sealed, delivery, *row in rows:
            with suppress(StoreDamagedError):
                if delivery is not None:
                    answered = self._read_row(delivery, *row).delivery
                    found.append(Unsent(reply, answered.id, answered.apart, self._box.open(b"reply", reply, sealed)))
        return Waiting(tuple(found), len(rows) - len(found), rows[-1][0] if rows else None)

    def mark_sent(self, replies: Sequence[bytes]) -> None:
        """These replies are in the log."""
        rows = [(reply,) for reply in replies]
        self._file.write(lambda db: db.executemany("UPDATE replies SET sent = 1 WHERE id = ?", rows))

    def aside(self) -> tuple[SetAside, ...]:
        """Everything that was set aside, oldest first."""
        query = "SELECT partition, offset, at_ms, reason, sentence FROM aside ORDER BY number"
        rows = self._file.read(lambda db: db.execute(query).fetchall())
        return tuple(SetAside(partition, offset, from_ms(at), reason, sentence) for partition, offset, at, reason, sentence in rows)

    def aside_again(self, topic: str, limit: int) -> list[tuple[int, Taken]]:
        """Records that were set aside for what a newer directory, a key or a newer version may mend, by their row."""
        rows = self._file.read(lambda db: db.execute(_AGAIN, (limit,)).fetchall())
        return [(number, Taken(Partition(topic, part), offset, from_ms(at), key, value)) for number, part, offset, at, key, value in rows]

    def readmit(self, number: int, checked: Checked, receipt: Receipt) -> Delivery | None:
        """Takes in what was set aside and now passes every check; None where another process did, or where it clashes still."""
        return self._file.write(lambda db: self._readmit(db, number, checked, receipt))

    def _readmit(self, db: sqlite3.Connection, number: int, checked: Checked, receipt: Receipt) -> Delivery | None:
        if db.execute("SELECT 1 FROM aside WHERE number = ?", (number,)).fetchone() is None:
            return None
        found = self._put(db, checked, receipt)
        if isinstance(found, RefusedDeliveryError):
            db.execute("UPDATE aside SET reason = ?, sentence = ? WHERE number = ?", (found.reason, found.sentence, number))
            return None
        db.execute("DELETE FROM aside WHERE number = ?", (number,))
        return found

    def _keep(
        self, db: sqlite3.Connection, partition: int, before: Position | None, judged: Sequence[Judged], after: Position, receipt: Receipt
    ) -> Stored | None:
        if _position(db, partition) != before:
            return None
        new: list[Delivery] = []
        aside: list[SetAside] = []
        for one in judged:
            found = one.found if isinstance(one.found, RefusedDeliveryError) else self._put(db, one.found, receipt)
            if isinstance(found, RefusedDeliveryError):
                aside.append(_set_aside(db, one.taken, after.log, found))
            elif found is not None:
                new.append(found)
        db.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", (partition, after.log, after.offset, after.digest))
        return Stored(tuple(new), len(judged) - len(new) - len(aside), tuple(aside))

    def _put(self, db: sqlite3.Connection, checked: Checked, receipt: Receipt) -> Delivery | RefusedDeliveryError | None:
        """The delivery once it is stored, None for a repeat, or the clash that keeps it out."""
        delivery = checked.delivery
        there = db.execute(_THERE, (delivery.id, delivery.handle, delivery.n)).fetchall()
        if there:
            return None if self._is_repeat(checked, there) else RefusedDeliveryError("clash", _CLASH, "tell PAS")
        withdrawn = delivery.kind in TO_READ and db.execute(_LATER, (delivery.handle, delivery.n)).fetchone() is not None
        payload = strip_content(checked.payload) if withdrawn else checked.payload
        self._insert(db, delivery, "WITHDRAWN" if withdrawn else "DELIVERED", checked.digest + payload)
        self._add_reply(db, receipt(delivery.id))
        if delivery.kind == "WITHDRAWAL":
            self._withdraw(db, delivery)
        return delivery

    def _is_repeat(self, checked: Checked, there: Sequence[tuple[bytes, bytes]]) -> bool:
        if [row[0] for row in there] != [checked.delivery.id]:
            return False
        try:
            return self._box.open(b"delivery", *there[0])[:DIGEST_BYTES] == checked.digest
        except StoreDamagedError:
            return False

    def _insert(self, db: sqlite3.Connection, delivery: Delivery, state: State, content: bytes) -> None:
        deadline = None if delivery.deadline is None else to_ms(delivery.deadline)
        sealed = self._box.seal(b"delivery", delivery.id, content)
        row = (delivery.id, delivery.kind, delivery.n, delivery.handle, state, deadline, to_ms(delivery.received_at), sealed)
        db.execute("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _withdraw(self, db: sqlite3.Connection, withdrawal: Delivery) -> None:
        """What is withdrawn is taken out of the store: its header, and what tells a repeat, is all that stays."""
        for delivery, kind, sealed in db.execute(_EARLIER, (withdrawal.handle, withdrawal.n)).fetchall():
            if kind in TO_READ:
                db.execute("UPDATE deliveries SET state = 'WITHDRAWN', sealed = ? WHERE id = ?", (self._strip(delivery, sealed), delivery))

    def _strip(self, delivery: bytes, sealed: bytes) -> bytes:
        try:
            content = self._box.open(b"delivery", delivery, sealed)
        except StoreDamagedError:
            # Nobody can read it: there is nothing to take out.
            return sealed
        return self._box.seal(b"delivery", delivery, content[:DIGEST_BYTES] + strip_content(content[DIGEST_BYTES:]))

    def _read_row(self, delivery: bytes, state: str, sealed: bytes) -> Held:
        content = self._box.open(b"delivery", delivery, sealed)
        found = next((known for known in STATES if known == state), None)
        if found is None:
            raise StoreDamagedError("A delivery in the inbox has no state that there is.", "restore the inbox from a backup")
        try:
            return Held(load_delivery(content[DIGEST_BYTES:]), found)
        except RefusedDeliveryError:
            raise StoreDamagedError("A delivery in the inbox cannot be read.", "a newer version of pas may have written it") from None

    def _answer(self, db: sqlite3.Connection, reply: Reply, expected: State, state: State, again: bool) -> bool:
        change = "UPDATE deliveries SET state = ? WHERE id = ? AND state = ?"
        if db.execute(change, (state, reply.delivery_id, expected)).rowcount != 1:
            return False
        self._add_reply(db, reply, again)
        return True

    def _add_reply(self, db: sqlite3.Connection, reply: Reply, again: bool = False) -> None:
        """Writes a reply, unless the same person has given that receipt already in the name of the same post."""
        for name in (reply_id(reply), reply_id(reply, reply.post), reply_id(reply, f"{reply.post}/{reply.person}")):
            row = db.execute("SELECT sealed FROM replies WHERE id = ?", (name,)).fetchone()
            if row is None:
                db.execute(_REPLY, (name, reply.delivery_id, reply.receipt, self._box.seal(b"reply", name, reply.encode())))
                return
            given = Reply.decode(self._box.open(b"reply", name, row[0]))
            if (given.post, given.person) == (reply.post, reply.person):
                if again:
                    db.execute("UPDATE replies SET sent = 0 WHERE id = ?", (name,))
                return


def reply_id(reply: Reply, post: str = "") -> bytes:
    """The record id of a reply, by which PAS knows a repeat.

    A receipt is given once, so delivery and word name it; one given again by another post (a governor's clock stops for
    some posts only: domain, *Certainty of receipt*) is named by that post too, and by the person where another held it.
    """
    return sha256(reply.delivery_id + reply.receipt.encode() + post.encode()).digest()[:16]


def _position(db: sqlite3.Connection, partition: int) -> Position | None:
    row = db.execute("SELECT log, offset, digest FROM positions WHERE partition = ?", (partition,)).fetchone()
    if row is not None and [type(value) for value in row] != [str, int, bytes]:
        raise StoreDamagedError("The place up to which the inbox has read is damaged.", "restore the inbox from a backup")
    return None if row is None else Position(*row)


def _forget(db: sqlite3.Connection, partition: int, position: Position) -> bool:
    there = _position(db, partition) == position
    if there:
        db.execute("DELETE FROM positions WHERE partition = ?", (partition,))
    return there


def _set_aside(db: sqlite3.Connection, taken: Taken, log: str, why: RefusedDeliveryError) -> SetAside:
    number = taken.partition.number
    row = (log, number, taken.offset, to_ms(taken.at), taken.key, why.reason, why.sentence, taken.value)
    db.execute(_ASIDE, row)
    return SetAside(number, taken.offset, taken.at, why.reason, why.sentence)
