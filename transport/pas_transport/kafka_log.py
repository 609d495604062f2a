"""The log on Apache Kafka: any number of hosts, and what a record keeps safe is the cluster's replicas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Self

from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from pas_schemas.errors import LogError
from pas_schemas.topics import Topic
from pas_transport.kafka_client import WAIT_SECONDS, Clients, KafkaAccess
from pas_transport.kafka_reader import FETCH_WAIT_MS, MAX_ANSWER_BYTES, KafkaReader
from pas_transport.kafka_sender import KafkaSender
from pas_transport.kafka_subscription import MAX_POLL_SECONDS, METADATA_SECONDS, Engine, KafkaSubscription
from pas_transport.kafka_topics import KafkaTopics
from pas_transport.log import Outgoing, Partition, RecordRefusedError, StartAt, Taken, TopicMissingError, check_sizes, choose_partition

# A member that was killed frees its partitions after this long; it tells the group three times as often that it lives.
SESSION_SECONDS = 10.0


class KafkaLog:
    """A `Log` on the cluster that `access` names; `shift_ms` is added to every time it tells.

    `prefix` stands before every topic and group at Kafka, so that several estates can share a cluster. With `create`,
    `ensure` makes what is missing; without, only `pas topics apply` makes topics. `wait_seconds` bounds each wait,
    `session_seconds` is how long the group waits for a member that was killed.
    """

    def __init__(
        self,
        access: KafkaAccess,
        *,
        shift_ms: int = 0,
        prefix: str = "",
        create: bool = False,
        wait_seconds: float = WAIT_SECONDS,
        session_seconds: float = SESSION_SECONDS,
    ) -> None:
        self._clients = Clients(access, wait_seconds)
        self._shift_ms = shift_ms
        self._prefix = prefix
        self._create = create
        self._session_ms = int(session_seconds * 1000)
        self._closed = False
        self._admin = self._clients.admin()
        try:
            cluster = self._clients.ask(self._admin.describe_cluster)["cluster_id"]
        except BaseException:
            self._admin.close()
            raise
        self._identity = f"kafka:{cluster}" + (f":{prefix}" if prefix else "")
        self._topics = KafkaTopics(self._clients, self._admin, prefix)
        self._reader = KafkaReader(self._clients, self._admin, self._topics, shift_ms)
        self._sender = KafkaSender(self._clients, self._topics)

    @property
    def identity(self) -> str:
        return self._identity

    def append(self, records: Sequence[Outgoing]) -> None:
        self._check_open()
        if records:
            self._sender.send(records, self._address(records))

    def subscribe(self, topics: Iterable[str], group: str, start: StartAt) -> KafkaSubscription:
        self._check_open()
        names = {topic: self._topics.name(topic) for topic in self._topics.count(topics)}
        consumer = self._clients.consumer(
            group_id=self._prefix + group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=self._session_ms,
            heartbeat_interval_ms=max(100, self._session_ms // 10),
            max_poll_interval_ms=MAX_POLL_SECONDS * 1000,
            metadata_max_age_ms=METADATA_SECONDS * 1000,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_max_bytes=MAX_ANSWER_BYTES,
            metrics_enabled=False,
        )
        try:
            engine = Engine(consumer, names, self._reader.bounds, self._topics.ids, self._shift_ms)
            return KafkaSubscription(engine, start, self._clients.wait_seconds)
        except BaseException:
            consumer.close(autocommit=False)
            raise

    def ensure(self, topics: Iterable[Topic]) -> None:
        self._check_open()
        missing = self._topics.compare(list(topics))
        if missing and not self._create:
            names = frozenset(topic.name for topic in missing)
            raise TopicMissingError(f"Kafka has no topic {missing[0].name}", "PAS makes it with `pas topics apply`", names)
        self._topics.create(missing)
        self._topics.await_leaders(missing)

    def ends(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        self._check_open()
        return self._reader.ends(topics)

    def starts(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        self._check_open()
        return self._reader.starts(topics)

    def read(self, partition: Partition, offset: int, max_records: int) -> list[Taken]:
        self._check_open()
        return self._reader.read(partition, offset, max_records)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._sender.close()
        with suppress(LogError):
            self._reader.close()
        self._admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise LogError("The log has been closed", "open it again")

    def _address(self, records: Sequence[Outgoing]) -> list[int]:
        """The partition of each record; raises unless every one of them can be stored."""
        check_sizes(records)
        counts = self._topics.count({record.topic for record in records})
        numbers = [choose_partition(one.key, counts[one.topic]) if one.partition is None else one.partition for one in records]
        wrong = [n for n, (record, number) in enumerate(zip(records, numbers, strict=True)) if not 0 <= number < counts[record.topic]]
        if wrong:
            raise RecordRefusedError(f"{len(wrong)} of {len(records)} records name no partition there is", "see pas_schemas.topics", wrong)
        return numbers
