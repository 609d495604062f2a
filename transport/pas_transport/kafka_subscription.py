"""One member of a consumer group on Kafka: which partitions it reads, and from where; Kafka's own offsets decide nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter
from threading import Lock
from typing import Any, Self

from kafka import ConsumerRebalanceListener, TopicPartition
from kafka import errors as theirs
from kafka.structs import OffsetAndMetadata

from pas_schemas.clock import from_ms
from pas_schemas.errors import LogError
from pas_transport.kafka_client import fenced, learn_topics, read_failure
from pas_transport.log import LogUnavailableError, OffsetGoneError, Partition, StartAt, Taken, TopicMismatchError

# While it waits for records, a member looks this often whether partitions came that have no place yet.
SLICE_SECONDS = 0.1
CLOSE_SECONDS = 5.0
# The member is out of its group when it has not polled for so long; a batch takes seconds.
MAX_POLL_SECONDS = 120
# So often a client hears anew of brokers and topics where no error has it ask.
METADATA_SECONDS = 30


@dataclass(frozen=True)
class Engine:
    """What a subscription reads with: a consumer of its own, and what the log can tell of partitions and topics.

    `names` are the topics as Kafka calls them; `bounds` gives the first offset held and the next; `ids` what each topic was
    given when it was made.
    """

    consumer: Any
    names: Mapping[str, str]
    bounds: Callable[[Partition], tuple[int, int]]
    ids: Callable[[Iterable[str]], Mapping[str, object]]
    shift_ms: int


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python ships no types
    """What the group gave this member. Told by kafka-python's own thread; a partition waits, paused, until it has a place."""

    def __init__(self) -> None:
        self.consumer: Any = None
        self.lock = Lock()
        self.owned: set[TopicPartition] = set()
        # Which assignment each one waits for: one that goes and comes back while `start` is asked is asked again.
        self.waiting: dict[TopicPartition, int] = {}
        self._turn = 0

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        with self.lock:
            self.owned = set(assigned)
            self.waiting.clear()
            self._hold(self.owned)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        with self.lock:
            for there in revoked:
                self.owned.discard(there)
                self.waiting.pop(there, None)

    def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self.on_partitions_revoked(lost)

    def hold(self, partitions: Iterable[TopicPartition]) -> None:
        """Give none of their records until they are placed anew."""
        with self.lock:
            self._hold(set(partitions) & self.owned)

    def place(self, partition: TopicPartition, turn: int, offset: int) -> bool:
        """Read on from `offset`, unless the group has moved the partition meanwhile."""
        with self.lock:
            if self.waiting.get(partition) != turn:
                return False
            del self.waiting[partition]
            with suppress(ValueError, theirs.KafkaError):
                self.consumer.seek(partition, offset)
                self.consumer.resume(partition)
                return True
            return False

    def stop(self, partition: TopicPartition) -> None:
        """Leave it paused, and ask nobody about it, until it is held again."""
        with self.lock:
            self.waiting.pop(partition, None)
            if partition in self.owned:
                self.consumer.pause(partition)

    def _hold(self, partitions: Iterable[TopicPartition]) -> None:
        self._turn += 1
        for there in partitions:
            self.waiting[there] = self._turn
            with suppress(ValueError, KeyError, theirs.KafkaError):
                self.consumer.pause(there)
                # A position of any kind keeps the client from looking for a committed one.
                self.consumer.seek(there, 0)


class KafkaSubscription:
    """See `Subscription`."""

    def __init__(self, engine: Engine, start: StartAt, wait_seconds: float) -> None:
        self._engine = engine
        self._consumer = engine.consumer
        self._topics = {name: topic for topic, name in engine.names.items()}
        self._start = start
        self._next: dict[TopicPartition, int] = {}
        # The topic each partition was placed in: another under the same name has another id.
        self._ids: dict[TopicPartition, object] = {}
        self._closed = False
        self._membership = Membership()
        self._membership.consumer = engine.consumer
        with fenced():
            engine.consumer.subscribe(sorted(self._topics), listener=self._membership)
        # A member that joins before it knows its topics is given none of them, and the group starts over.
        learn_topics(engine.consumer._cluster, set(self._topics), set(), wait_seconds)
        # The id of each topic by its name in Kafka, as the client heard it last with what it hears of brokers.
        self._heard = self._hear_ids()

    def poll(self, max_records: int, timeout: float) -> list[Taken]:
        if self._closed:
            raise LogError("The subscription has been closed", "subscribe again")
        deadline = time.monotonic() + timeout
        self._settle()
        while True:
            left = max(0.0, deadline - time.monotonic())
            taken = self._take(max_records, min(left, SLICE_SECONDS))
            if taken:
                return taken
            # Only where nothing was taken: an error of `start` would lose it.
            self._settle()
            if time.monotonic() >= deadline:
                return []

    def assigned(self) -> frozenset[Partition]:
        return frozenset() if self._closed else frozenset(map(self._ours, tuple(self._membership.owned)))

    def rewind(self, partition: Partition) -> None:
        there = self._theirs(partition)
        self._next.pop(there, None)
        self._membership.hold([there])

    def commit(self) -> None:
        read = {there: OffsetAndMetadata(offset, "", -1) for there, offset in self._next.items() if there in self._membership.owned}
        if read and not self._closed:
            # Advisory: nobody waits for it, and what becomes of it changes nothing.
            with suppress(theirs.KafkaError, OSError):
                self._consumer.commit_async(read, callback=lambda *_: None)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._next.clear()
        with suppress(theirs.KafkaError, OSError, RuntimeError):
            self._consumer.close(autocommit=False, timeout_ms=int(CLOSE_SECONDS * 1000))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _settle(self) -> None:
        """Place every partition that waits where its reader says; nothing has been fetched that an error here could lose."""
        self._hold_unread()
        with self._membership.lock:
            waiting = sorted(self._membership.waiting.items())
        if not waiting:
            return
        # Before the reader looks at what is there: a topic made anew after this is noticed at the next record.
        ids = self._engine.ids({self._topics[there.topic] for there, _ in waiting})
        for there, turn in waiting:
            partition = self._ours(there)
            try:
                offset = self._find_place(partition)
            except OffsetGoneError as error:
                self._next.pop(there, None)
                self._membership.stop(self._theirs(error.partition))
                raise
            if self._membership.place(there, turn, offset):
                self._next[there] = offset
                self._ids[there] = ids.get(partition.topic)

    def _find_place(self, partition: Partition) -> int:
        """Where its reader says, if that is there; a topic that was deleted meanwhile holds no place at all."""
        try:
            offset = self._start(partition)
            first, end = self._engine.bounds(partition)
        except TopicMismatchError as error:
            raise OffsetGoneError(f"{partition.topic}-{partition.number} is not there any more", error.hint, partition) from error
        if not first <= offset <= end:
            raise gone(partition, offset, first, end)
        return offset

    def _take(self, max_records: int, seconds: float) -> list[Taken]:
        try:
            batches = self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=max_records)
        except theirs.OffsetOutOfRangeError as error:
            raise self._stop(error.args[0]) from error
        except theirs.LogTruncationError as error:
            raise self._stop(error.divergent_offsets) from error
        except theirs.NoOffsetForPartitionError:
            self._hold(self._membership.owned - self._next.keys())
            return []
        except (theirs.KafkaError, OSError, RuntimeError, ValueError) as error:
            failure = read_failure(error)
            if isinstance(failure, LogUnavailableError):
                # It tries again by itself at the next poll; a cluster that stays away shows at the first question to the log.
                return []
            raise failure from error
        finally:
            self._finish_joining()
        self._refuse_remade(batches)
        return self._read(batches)

    def _finish_joining(self) -> None:
        """Take up a join that kafka-python 3.0.12 forgets.

        A leader that rejoins because metadata changed has its reason gone once it has made the assignment; did the poll that
        began it end before the answer came, no later one asks for it, no heartbeat is sent, and the member is lost for good.
        """
        coordinator = self._consumer._coordinator
        if coordinator.rejoining and not coordinator.need_rejoin():
            coordinator.request_rejoin()

    def _stop(self, places: Mapping[TopicPartition, Any]) -> OffsetGoneError:
        """One partition whose place is gone is told of; had several lost theirs, each is found at a poll of its own."""
        there = min(places)
        partition = self._ours(there)
        offset = self._next.pop(there, -1)
        self._membership.stop(there)
        return gone(partition, offset)

    def _refuse_remade(self, batches: dict[TopicPartition, list[Any]]) -> None:
        """None of a remade topic's records passes for one of the old topic's: its partitions are placed anew.

        kafka-python 3.0.12 fetches by name, and would read on in the new topic at the old one's offset without a word.
        """
        if not batches:
            return
        try:
            ids = self._engine.ids({self._topics[there.topic] for there in batches})
        except BaseException:
            self._hold(batches)
            raise
        remade = [there for there in batches if ids.get(self._topics[there.topic]) != self._ids.get(there)]
        self._hold(remade)
        for there in remade:
            del batches[there]

    def _hold_unread(self) -> None:
        """A remade topic that holds just as many records as had been read gives none, and no error: it is told by its id alone."""
        heard = self._hear_ids()
        remade = {name for name, known in heard.items() if known != self._heard.get(name)}
        self._heard |= heard
        if remade:
            self._hold([there for there in self._membership.owned if there.topic in remade])

    def _hear_ids(self) -> dict[str, object]:
        ids = {name: self._consumer._cluster.topic_id(name) for name in self._topics}
        return {name: known for name, known in ids.items() if known is not None}

    def _hold(self, partitions: Iterable[TopicPartition]) -> None:
        """Where what was fetched is not handed out, its place is asked for again."""
        for there in partitions:
            self._next.pop(there, None)
        self._membership.hold(partitions)

    def _read(self, batches: Mapping[TopicPartition, list[Any]]) -> list[Taken]:
        for there, records in batches.items():
            self._next[there] = records[-1].offset + 1
        return [read_record(self._ours(TopicPartition(one.topic, one.partition)), one, self._engine.shift_ms) for one in _by_age(batches)]

    def _ours(self, there: TopicPartition) -> Partition:
        return Partition(self._topics[there.topic], there.partition)

    def _theirs(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._engine.names.get(partition.topic, partition.topic), partition.number)


def read_record(partition: Partition, record: Any, shift_ms: int) -> Taken:
    """A record as kafka-python gives it, as the port gives it."""
    return Taken(partition, record.offset, from_ms(record.timestamp + shift_ms), record.key or b"", record.value or b"")


def gone(partition: Partition, offset: int, first: int | None = None, end: int | None = None) -> OffsetGoneError:
    """The error of a place that is not there."""
    topic, number = partition
    held = "does not hold" if first is None or end is None else f"holds offsets {first} to {end - 1}, and not"
    return OffsetGoneError(
        f"{topic}-{number} {held} {offset}, which was asked for",
        "the topic was made anew or restored, or its records are past their retention",
        partition,
    )


def _by_age(batches: Mapping[TopicPartition, list[Any]]) -> Iterable[Any]:
    """Oldest append first, each partition in its own order."""
    return merge(*batches.values(), key=attrgetter("timestamp"))
