"""The log that needs nothing installed or started: Kafka-shaped, in one SQLite file, for many processes of one host."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import repeat
from pathlib import Path
from typing import Self

from pas_schemas.clock import from_ms
from pas_schemas.topics import Topic
from pas_transport.embedded_file import LOCK_SECONDS, LogFile
from pas_transport.embedded_subscription import EmbeddedSubscription
from pas_transport.embedded_trim import compact, expire
from pas_transport.log import (
    OffsetGoneError,
    Outgoing,
    Partition,
    RecordRefusedError,
    StartAt,
    Taken,
    TopicMismatchError,
    check_declaration,
    check_sizes,
    choose_partition,
    describe_kept,
)
from pas_transport.ownership import read_notes

# One answer stays within memory even where every record is as large as may be; one record always fits.
MAX_ANSWER_BYTES = 32 * 1024 * 1024
# How often, while appending, old records are looked for.
TRIM_SECONDS = 60.0

_FROM_OFFSET = "SELECT sequence, offset, at, key, value FROM records WHERE partition = ? AND offset >= ? ORDER BY offset"


def real_ms() -> int:
    """This machine's clock in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go on in a partition, and the partition's row in the file."""

    partition: Partition
    row: int
    offset: int


class EmbeddedLog:
    """A `Log` in the SQLite file at `path` (its folder must exist); `shift_ms` is added to every time it tells.

    Every process opens its own; threads of one process may share one. `now_ms` is for tests that move the clock;
    `lock_seconds` bounds the wait for another process, and `trim_seconds` is how often appending looks for what is too old.
    """

    def __init__(
        self,
        path: Path,
        *,
        shift_ms: int = 0,
        now_ms: Callable[[], int] = real_ms,
        lock_seconds: float = LOCK_SECONDS,
        trim_seconds: float = TRIM_SECONDS,
    ) -> None:
        self._shift_ms = shift_ms
        self._trim_seconds = trim_seconds
        self._now_ms = now_ms
        self._file = LogFile(path, lock_seconds=lock_seconds)
        self._topics: dict[str, tuple[int, ...]] = {}
        self._identity = str(self._file.read(lambda db: db.execute("SELECT identity FROM state").fetchone()[0]))
        self._next_trim = time.monotonic() + self._trim_seconds

    @property
    def identity(self) -> str:
        return self._identity

    def append(self, records: Sequence[Outgoing]) -> None:
        if not records:
            return
        rows = self._address(records)
        # Before, not after: a failure after the records are durable would make the caller repeat them.
        self._trim_now_and_then()
        self._file.write(lambda db: _store(db, records, rows, self._now_ms()))

    def subscribe(self, topics: Iterable[str], group: str, start: StartAt) -> EmbeddedSubscription:
        counts = {topic: len(self._rows(topic)) for topic in topics}
        return EmbeddedSubscription(self, self._file.locks, group, counts, start)

    def ensure(self, topics: Iterable[Topic]) -> None:
        declared = list(topics)
        missing = self._file.read(lambda db: _find_missing(db, declared))
        if missing:
            self._file.write(lambda db: _create(db, _find_missing(db, declared)))

    def ends(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        return {partition: end for partition, (_, end) in self._bounds(topics).items()}

    def starts(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        return {partition: first for partition, (first, _) in self._bounds(topics).items()}

    def read(self, partition: Partition, offset: int, max_records: int) -> list[Taken]:
        return self.take_from([(partition, offset)], max_records)[0]

    def trim(self) -> int:
        """Delete what is older than its topic's retention, and in compacted topics all but the last of each key; how many went."""
        gone = self._file.write(compact)
        while piece := self._file.write(lambda db: expire(db, self._now_ms())):
            gone += piece
        return gone

    def progress(self, group: str) -> Mapping[Partition, int]:
        """How far a group said (`commit`) that it has read: for displays, never for positions."""
        return read_notes(self._file.locks, group)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def take_from(self, places: Sequence[tuple[Partition, int]], max_records: int) -> tuple[list[Taken], int]:
        """Up to `max_records` from several places in the order of their appending, and the sequence they were looked for at."""
        found = [Place(partition, self._row(partition), offset) for partition, offset in places]
        return self._file.read(lambda db: (_take(db, found, max_records, self._shift_ms), _sequence(db)))

    def sequence(self) -> int:
        """The number of the newest append: when it stands still, there is nothing new."""
        return self._file.read(_sequence)

    def _address(self, records: Sequence[Outgoing]) -> list[int]:
        """The row of each record's partition; raises unless every one of them can be stored."""
        check_sizes(records)
        rows: list[int] = []
        wrong: list[int] = []
        for n, record in enumerate(records):
            there = self._rows(record.topic)
            number = choose_partition(record.key, len(there)) if record.partition is None else record.partition
            if 0 <= number < len(there):
                rows.append(there[number])
            else:
                wrong.append(n)
        if wrong:
            raise RecordRefusedError(f"{len(wrong)} of {len(records)} records name no partition there is", "see pas_schemas.topics", wrong)
        return rows

    def _rows(self, topic: str) -> tuple[int, ...]:
        """The rows of a topic's partitions, by number; they never change once made."""
        if topic not in self._topics:
            # All of them: who asks for one office's topic often asks for every office's.
            self._topics = self._file.read(_list_rows)
        if topic not in self._topics:
            raise TopicMismatchError(f"The log has no topic {topic}", "declare it first (ensure, or pas init)")
        return self._topics[topic]

    def _row(self, partition: Partition) -> int:
        rows = self._rows(partition.topic)
        if not 0 <= partition.number < len(rows):
            raise TopicMismatchError(f"{partition.topic} has no partition {partition.number}", f"it has {len(rows)}")
        return rows[partition.number]

    def _bounds(self, topics: Iterable[str]) -> dict[Partition, tuple[int, int]]:
        wanted = {Partition(topic, number): row for topic in topics for number, row in enumerate(self._rows(topic))}

        def find(db: sqlite3.Connection) -> dict[Partition, tuple[int, int]]:
            bounds = _bounds_of(db, wanted.values())
            return {partition: bounds[row] for partition, row in wanted.items()}

        return self._file.read(find)

    def _trim_now_and_then(self) -> None:
        if time.monotonic() >= self._next_trim:
            self._next_trim = time.monotonic() + self._trim_seconds
            self._file.write(compact)
            self._file.write(lambda db: expire(db, self._now_ms()))


def _store(db: sqlite3.Connection, records: Sequence[Outgoing], rows: Sequence[int], now_ms: int) -> None:
    sequence, last_at = db.execute("SELECT sequence, at FROM state").fetchone()
    at = max(now_ms, last_at)
    following = {row: end for row, (_, end) in _bounds_of(db, set(rows)).items()}
    stored: list[tuple[int, int, int, int, bytes, bytes]] = []
    for record, row in zip(records, rows, strict=True):
        sequence += 1
        stored.append((sequence, row, following[row], at, record.key, record.value))
        following[row] += 1
    db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", stored)
    db.executemany("UPDATE partitions SET next = ? WHERE id = ?", [(end, row) for row, end in following.items()])
    db.execute("UPDATE state SET sequence = ?, at = ?", (sequence, at))


def _take(db: sqlite3.Connection, places: Sequence[Place], max_records: int, shift_ms: int) -> list[Taken]:
    bounds = _bounds_of(db, {place.row for place in places})
    for place in places:
        _check_held(place, *bounds[place.row])
    # The cursors are read a row at a time, so only what is returned is ever loaded; an open one would hold the snapshot.
    cursors = [db.execute(_FROM_OFFSET, (place.row, place.offset)) for place in places]
    try:
        return _merge([place.partition for place in places], cursors, max_records, shift_ms)
    finally:
        for cursor in cursors:
            cursor.close()


def _merge(partitions: Sequence[Partition], cursors: Sequence[sqlite3.Cursor], max_records: int, shift_ms: int) -> list[Taken]:
    tagged = (zip(cursor, repeat(partition), strict=False) for partition, cursor in zip(partitions, cursors, strict=True))
    taken: list[Taken] = []
    size = 0
    for (_, offset, at, key, value), partition in merge(*tagged):
        if len(taken) >= max_records or (taken and size + len(value) > MAX_ANSWER_BYTES):
            break
        size += len(value)
        taken.append(Taken(partition, offset, from_ms(at + shift_ms), key, value))
    return taken


def _check_held(place: Place, first: int, end: int) -> None:
    if not first <= place.offset <= end:
        topic, number = place.partition
        raise OffsetGoneError(
            f"{topic}-{number} holds offsets {first} to {end - 1}, and {place.offset} was asked for",
            "the topic was made anew or restored, or its records are past their retention",
            place.partition,
        )


def _bounds_of(db: sqlite3.Connection, rows: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Of each of these partitions the first offset it holds and the one after its last."""
    query = "SELECT id, first, next FROM partitions WHERE id IN (SELECT value FROM json_each(?))"
    return {row: (first, end) for row, first, end in db.execute(query, (json.dumps([*rows]),))}


def _sequence(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT sequence FROM state").fetchone()[0])


def _list_rows(db: sqlite3.Connection) -> dict[str, tuple[int, ...]]:
    """The rows of every topic's partitions, in the order of their numbers."""
    found: dict[str, list[int]] = {}
    for topic, row in db.execute("SELECT t.name, p.id FROM partitions p JOIN topics t ON t.id = p.topic ORDER BY t.id, p.number"):
        found.setdefault(topic, []).append(row)
    return {topic: tuple(rows) for topic, rows in found.items()}


def _find_missing(db: sqlite3.Connection, declared: Sequence[Topic]) -> list[Topic]:
    """Those that do not exist yet; raises where one exists otherwise than declared."""
    there = {name: kept for name, *kept in db.execute("SELECT name, partitions, retention_ms, cleanup FROM topics")}
    missing: dict[str, Topic] = {}
    for topic in declared:
        kept = there.get(topic.name)
        if kept is None:
            check_declaration(topic)
            missing[topic.name] = topic
        elif kept != [topic.partitions, topic.retention_ms, topic.cleanup]:
            raise TopicMismatchError(
                f"{topic.name} exists with {describe_kept(*kept)}, and is declared with "
                f"{describe_kept(topic.partitions, topic.retention_ms, topic.cleanup)}",
                "a topic never changes: use the log this broker made, or a new one",
            )
    return list(missing.values())


def _create(db: sqlite3.Connection, missing: Sequence[Topic]) -> None:
    for topic in missing:
        row = (topic.name, topic.partitions, topic.retention_ms, topic.cleanup)
        made = db.execute("INSERT INTO topics (name, partitions, retention_ms, cleanup) VALUES (?, ?, ?, ?)", row).lastrowid
        numbers = [(made, number) for number in range(topic.partitions)]
        db.executemany("INSERT INTO partitions (topic, number, first, next) VALUES (?, ?, 0, 0)", numbers)
