"""The Log port: what the broker needs of a partitioned, durable, ordered log, and every way it can fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, NamedTuple, Protocol, Self

from pas_schemas.errors import LogError
from pas_schemas.topics import MAX_RECORD_BYTES, Topic

# Kafka's own rule, so that a topic declared for one engine can be declared for another.
TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")


class Partition(NamedTuple):
    """One ordered part of a topic."""

    topic: str
    number: int


class Outgoing(NamedTuple):
    """A record to append; the partition is `first 8 bytes of key mod partitions` unless `partition` is given."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None = None

    def __repr__(self) -> str:
        return f"Outgoing(topic={self.topic!r}, key={self.key!r}, partition={self.partition})"


@dataclass(frozen=True, slots=True)
class Taken:
    """A record as the log holds it; `at` is the log's own time of append (shifted like the workspace's clock)."""

    partition: Partition
    offset: int
    at: datetime
    key: bytes
    value: bytes = field(repr=False)


class AppendError(LogError):
    """Some records are not known to be in the log: `failed` holds their indices; repeating them is safe."""

    retriable: ClassVar[bool] = True

    def __init__(self, sentence: str, hint: str, failed: Sequence[int]) -> None:
        super().__init__(sentence, hint)
        self.failed = tuple(failed)


class RecordRefusedError(AppendError):
    """No log will ever take the records in `failed` (too large, or a partition there is not); none of that call was stored."""

    retriable: ClassVar[bool] = False


class LogUnavailableError(LogError):
    """The log did not answer in its bounded time, or its disk is full or read-only."""

    retriable: ClassVar[bool] = True


class LogDamagedError(LogUnavailableError):
    """What is there is no log, or a damaged one: trying again does not mend it."""

    retriable: ClassVar[bool] = False


class LogForbiddenError(LogError):
    """The log knows who asks and does not allow it, or does not take the credentials it was shown."""


class TopicMismatchError(LogError):
    """A topic exists with other partitions or retention than declared, or does not exist."""


class TopicMissingError(TopicMismatchError):
    """`topics` are declared and not there, and who asks may not make them; those that are there are as declared."""

    def __init__(self, sentence: str, hint: str, topics: frozenset[str]) -> None:
        super().__init__(sentence, hint)
        self.topics = topics


class OffsetGoneError(LogError):
    """The position asked for is no longer (or not yet) in the log; a reader must never skip silently."""

    def __init__(self, sentence: str, hint: str, partition: Partition) -> None:
        super().__init__(sentence, hint)
        self.partition = partition


def choose_partition(key: bytes, partitions: int) -> int:
    """Where a record goes that names no partition: every adapter and every process must agree."""
    return int.from_bytes(key[:8], "big") % partitions


def check_sizes(records: Sequence[Outgoing]) -> None:
    """Raises `RecordRefusedError` where any is larger than a record may be."""
    too_large = [n for n, record in enumerate(records) if len(record.key) + len(record.value) > MAX_RECORD_BYTES]
    if too_large:
        sentence = f"{len(too_large)} of {len(records)} records exceed {MAX_RECORD_BYTES} bytes; none was stored"
        raise RecordRefusedError(sentence, "split or shorten them", too_large)


def check_declaration(topic: Topic) -> None:
    """Raises `TopicMismatchError` for a topic that no engine can hold."""
    if not TOPIC_NAME.fullmatch(topic.name) or topic.partitions < 1:
        raise TopicMismatchError("A topic is declared with a name or a number of partitions no log takes", "letters, digits, '.', '_', '-'")


def describe_kept(partitions: int, retention_ms: int | None, cleanup: str) -> str:
    """What a topic is, in words for an error."""
    kept = "kept for ever" if retention_ms is None else f"kept {retention_ms} ms"
    return f"{partitions} partitions, {kept}, cleanup {cleanup}"


StartAt = Callable[[Partition], int]


class Subscription(Protocol):
    """One member of a group; a partition is read by one live member at a time."""

    def poll(self, max_records: int, timeout: float) -> list[Taken]:
        """Up to `max_records` from the partitions owned, oldest append first as far as the engine can tell; each partition in offset order.

        Waits at most `timeout` seconds for a first record. Takes what partitions it can get at each call, and asks
        `start(partition)` for the first offset before it returns a record of a newly assigned one. An error of `start` comes
        out of `poll`, and `start` is asked again at the next one.

        An `OffsetGoneError`, from the engine or from `start`, stops its partition: it is raised once, and the other
        partitions are read on while that one rests until `rewind` or its next assignment. Whoever catches it must say so.
        """

    def assigned(self) -> frozenset[Partition]: ...

    def rewind(self, partition: Partition) -> None:
        """Forget the place in a partition: `start` is asked again before its next record."""

    def commit(self) -> None:
        """Advisory: tell the engine how far this group has read (lag displays); positions are the reader's own."""

    def close(self) -> None:
        """Give the partitions back at once."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Log(Protocol):
    """The log itself. Every method raises a `LogError` and nothing else."""

    @property
    def identity(self) -> str:
        """A name this log keeps for life and no other log has: part of every position."""

    def append(self, records: Sequence[Outgoing]) -> None:
        """Durable in the log when it returns; else an `AppendError` that names which records failed.

        `RecordRefusedError` and `TopicMismatchError` (a topic nobody declared): nothing was stored.
        `LogUnavailableError`: none is known to be stored.
        """

    def subscribe(self, topics: Iterable[str], group: str, start: StartAt) -> Subscription: ...

    def ensure(self, topics: Iterable[Topic]) -> None:
        """Create what is missing, or say by a `TopicMissingError` that others must; one that exists otherwise than declared is a
        `TopicMismatchError`."""

    def ends(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        """For each partition the offset that the next record will get."""

    def starts(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        """For each partition the lowest offset that `read` takes: nothing below it is held any more (compaction leaves gaps above it)."""

    def read(self, partition: Partition, offset: int, max_records: int) -> list[Taken]:
        """Records from `offset` on, outside any group; `OffsetGoneError` below the first held or past the end.

        May give fewer than `max_records` (an engine bounds the bytes of one answer); none only at the end.
        """

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...
