"""Reads Kafka outside any group: where partitions begin and end, and records from a place on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any

from kafka import TopicPartition
from kafka import errors as theirs
from kafka.admin import OffsetSpec

from pas_transport.kafka_client import PASSING, Clients, fenced, learn_topics
from pas_transport.kafka_subscription import gone, read_record
from pas_transport.kafka_topics import KafkaTopics
from pas_transport.log import LogUnavailableError, Partition, Taken, TopicMismatchError

# One answer stays within memory even where every record is as large as may be.
MAX_ANSWER_BYTES = 32 * 1024 * 1024
FETCH_WAIT_MS = 200
_POLL_MS = 100


class KafkaReader:
    """Looks at partitions without being anybody's member; threads take turns."""

    def __init__(self, clients: Clients, admin: Any, topics: KafkaTopics, shift_ms: int) -> None:
        self._clients = clients
        self._admin = admin
        self._topics = topics
        self._shift_ms = shift_ms
        self._lock = Lock()
        self._consumer: Any = None

    def ends(self, topics: Iterable[str]) -> dict[Partition, int]:
        return self._offsets(self._partitions(topics), OffsetSpec.LATEST)

    def starts(self, topics: Iterable[str]) -> dict[Partition, int]:
        return self._offsets(self._partitions(topics), OffsetSpec.EARLIEST)

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """The first offset held, and the one the next record will get."""
        self._check(partition)
        first = self._offsets([partition], OffsetSpec.EARLIEST)[partition]
        return first, self._offsets([partition], OffsetSpec.LATEST)[partition]

    def read(self, partition: Partition, offset: int, max_records: int) -> list[Taken]:
        """See `Log.read`."""
        self._check(partition)
        end = self._offsets([partition], OffsetSpec.LATEST)[partition]
        if not 0 <= offset <= end:
            raise gone(partition, offset, *self.bounds(partition))
        if offset == end or max_records < 1:
            return []
        with self._lock, fenced():
            return [read_record(partition, one, self._shift_ms) for one in self._fetch(partition, offset, end, max_records)]

    def close(self) -> None:
        with self._lock:
            consumer, self._consumer = self._consumer, None
            if consumer is not None:
                with fenced():
                    consumer.close(autocommit=False)

    def _fetch(self, partition: Partition, offset: int, end: int, max_records: int) -> list[Any]:
        """The records; none where compaction has taken all from here to the end."""
        consumer = self._open()
        there = TopicPartition(self._topics.name(partition.topic), partition.number)
        # All at once: the library learns each new topic by itself, and waits a twentieth of a second meanwhile.
        known = {self._topics.name(topic) for topic in self._topics.known()}
        learn_topics(consumer._cluster, {there.topic}, known, self._clients.wait_seconds)
        consumer.assign([there])
        consumer.seek(there, offset)
        deadline = time.monotonic() + self._clients.wait_seconds
        while time.monotonic() < deadline:
            try:
                records: Mapping[TopicPartition, list[Any]] = consumer.poll(timeout_ms=_POLL_MS, max_records=max_records)
            except theirs.OffsetOutOfRangeError:
                raise gone(partition, offset, *self.bounds(partition)) from None
            except PASSING:
                continue
            if records:
                return records[there]
            if consumer.position(there, timeout_ms=_POLL_MS) >= end:
                return []
        raise LogUnavailableError(f"Kafka gave no record of {partition.topic} in time", "see that its brokers run, and try again")

    def _check(self, partition: Partition) -> None:
        if not 0 <= partition.number < self._topics.count([partition.topic])[partition.topic]:
            raise TopicMismatchError(f"{partition.topic} has no partition {partition.number}", "partitions never change")

    def _open(self) -> Any:
        if self._consumer is None:
            self._consumer = self._clients.consumer(
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="none",
                fetch_max_wait_ms=FETCH_WAIT_MS,
                fetch_max_bytes=MAX_ANSWER_BYTES,
                metrics_enabled=False,
            )
        return self._consumer

    def _partitions(self, topics: Iterable[str]) -> list[Partition]:
        return [Partition(topic, number) for topic, count in self._topics.count(topics).items() for number in range(count)]

    def _offsets(self, partitions: Iterable[Partition], spec: object) -> dict[Partition, int]:
        wanted = {TopicPartition(self._topics.name(topic), number): spec for topic, number in partitions}
        if not wanted:
            return {}
        answer = self._clients.ask(lambda: self._admin.list_partition_offsets(wanted))
        return {Partition(self._topics.unname(there.topic), there.partition): found.offset for there, found in answer.items()}
