"""A broker that hangs or comes back with other topics: waits are bounded, and no topic made anew passes for the old one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from kafka import KafkaAdminClient
from kafka.errors import UnknownTopicOrPartitionError

from kafka_broker import collect_sockets
from kafka_faulty import FAULTS, PATIENCE_SECONDS, FaultyKafka
from pas_schemas.errors import LogError
from pas_schemas.topics import Topic
from pas_transport.kafka_log import KafkaLog
from pas_transport.log import LogUnavailableError, OffsetGoneError, Outgoing, Partition, TopicMismatchError

ONE = Topic("faults.one", 1, None, "any", (), ())
PLACE = Partition(ONE.name, 0)
pytestmark = FAULTS


@pytest.fixture(autouse=True)
def left_sockets() -> Iterator[None]:
    yield
    collect_sockets()


@pytest.fixture
def log(faulty: FaultyKafka) -> Iterator[KafkaLog]:
    with faulty.open_log() as log:
        log.ensure([ONE])
        yield log


def append(log: KafkaLog, *names: str, topic: str = ONE.name) -> None:
    log.append([Outgoing(topic, len(name).to_bytes(8, "big"), name.encode()) for name in names])


def until_it_works(work: Callable[[], object]) -> None:
    deadline = time.monotonic() + 180.0
    while True:
        with suppress(LogUnavailableError):
            work()
            return
        assert time.monotonic() < deadline, "it never worked again"
        time.sleep(0.05)


@pytest.mark.parametrize("ask", ["append", "read"])
def test_broker_that_stops_answering_is_given_up_in_bounded_time(faulty: FaultyKafka, log: KafkaLog, ask: str) -> None:
    append(log, "before")
    work: dict[str, Callable[[], object]] = {
        "append": lambda: append(log, "hangs"),
        "read": lambda: log.read(PLACE, 0, 1),
    }
    work[ask]()
    started = time.monotonic()
    with faulty.held(), pytest.raises(LogUnavailableError) as failure:
        work[ask]()
    assert failure.value.retriable
    assert time.monotonic() - started < PATIENCE_SECONDS
    until_it_works(work[ask])


def test_nobody_waits_for_ever_while_a_reader_polls_a_hanging_broker(faulty: FaultyKafka, log: KafkaLog) -> None:
    with log.subscribe([ONE.name], "polling", lambda _: 0) as reader:
        reader.poll(1, 1.0)
        started = time.monotonic()
        with faulty.held():
            for _ in range(3):
                with suppress(LogUnavailableError):
                    reader.poll(100, 0.2)
        assert time.monotonic() - started < PATIENCE_SECONDS
        append(log, "after the silence")
        until_it_works(lambda: read_until(reader.poll, b"after the silence"))


def read_until(poll: Callable[[int, float], list[object]], value: bytes) -> None:
    deadline = time.monotonic() + 180.0
    while not any(getattr(record, "value", None) == value for record in poll(500, 0.2)):
        if time.monotonic() >= deadline:
            raise AssertionError("the record never came")


@pytest.mark.parametrize("count", [2, 4])
def test_topic_made_anew_under_a_reader_is_asked_for_its_place_again(faulty: FaultyKafka, log: KafkaLog, count: int) -> None:
    """Were its records as many as the reader has read, the broker would have nothing to say of the place: it is the end."""
    topic = Topic(f"faults.remade-{count}", 1, None, "any", (), ())
    fresh = [f"new-{n}" for n in range(count)]
    log.ensure([topic])
    append(log, "old-0", "old-1", topic=topic.name)
    asked: list[Partition] = []

    def start(partition: Partition) -> int:
        asked.append(partition)
        return 0

    with log.subscribe([topic.name], topic.name, start) as reader:
        read_until(reader.poll, b"old-1")
        assert len(asked) == 1
        with KafkaAdminClient(bootstrap_servers=faulty.bootstrap) as admin:
            admin.delete_topics([topic.name])
        with faulty.open_log() as other:
            other.ensure([topic])
            append(other, *fresh, topic=topic.name)
        seen: list[bytes] = []
        deadline = time.monotonic() + 180.0
        while seen != [name.encode() for name in fresh]:
            assert time.monotonic() < deadline, "the new topic's records never came from their beginning"
            with suppress(LogError):
                seen += [record.value for record in reader.poll(100, 0.2)]
        assert len(asked) >= 2


def test_topic_that_is_gone_stops_its_partition_and_no_other(faulty: FaultyKafka, log: KafkaLog) -> None:
    """Deleted between its assignment and the question for its place: as a reader finds it that asks at that moment."""
    lost = Topic("faults.lost", 1, None, "any", (), ())
    log.ensure([lost])
    end = log.ends([ONE.name])[PLACE]

    def start(partition: Partition) -> int:
        if partition.topic != lost.name:
            return end
        with suppress(UnknownTopicOrPartitionError), KafkaAdminClient(bootstrap_servers=faulty.bootstrap) as admin:
            admin.delete_topics([lost.name])
        until_it_is_gone(log, lost)
        return log.starts([lost.name])[partition]

    with log.subscribe([ONE.name, lost.name], "lost", start) as reader:
        told = until_told(reader.poll)
        assert told.partition == Partition(lost.name, 0)
        assert told.sentence == "faults.lost-0 is not there any more"
        append(log, "goes on")
        read_until(reader.poll, b"goes on")


def until_it_is_gone(log: KafkaLog, topic: Topic) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    with suppress(TopicMismatchError):
        while log.ends([topic.name]):
            assert time.monotonic() < deadline, "the topic is still there"
            time.sleep(0.05)


def until_told(poll: Callable[[int, float], list[object]]) -> OffsetGoneError:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            poll(500, 0.2)
        except OffsetGoneError as error:
            return error
    raise AssertionError("nobody said that the partition stopped")
