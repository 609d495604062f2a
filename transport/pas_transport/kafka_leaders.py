"""Waits until the leaders of new partitions answer: brokers tell who leads one before it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from kafka import TopicPartition
from kafka import errors as theirs
from kafka.admin import OffsetSpec
from kafka.protocol.consumer import ListOffsetsRequest

from pas_transport.kafka_client import PASSING, RETRY_SECONDS, Clients, read_failure
from pas_transport.log import LogUnavailableError

Advance = Callable[[int], None]


def await_leaders(clients: Clients, admin: Any, partitions: Iterable[TopicPartition], advance: Advance = lambda _: None) -> None:
    """Return when every one has a leader that answers for it; `advance` is told how many more have, as they come.

    A directory's thousand may take a busy machine half a minute: it goes on as long as more of them come within each `wait_seconds`.
    Raises `LogUnavailableError` where none does.
    """
    waiting = set(partitions)
    total, deadline = len(waiting), time.monotonic() + clients.wait_seconds
    while waiting:
        led = _find_led(admin, waiting)
        if led:
            waiting -= led
            advance(len(led))
            deadline = time.monotonic() + clients.wait_seconds
            continue
        if time.monotonic() >= deadline:
            raise LogUnavailableError(f"No Kafka broker leads {len(waiting)} of {total} partitions yet", "see that all brokers run; repeat")
        time.sleep(RETRY_SECONDS)


def _find_led(admin: Any, wanted: set[TopicPartition]) -> set[TopicPartition]:
    by_leader: dict[int, list[TopicPartition]] = {}
    led: set[TopicPartition] = set()
    try:
        for topic in admin.describe_topics(sorted({one.topic for one in wanted})):
            for told in topic["partitions"]:
                by_leader.setdefault(told["leader_id"], []).append(TopicPartition(topic["name"], told["partition_index"]))
        for leader in by_leader.keys() - {_NOBODY}:
            led |= _ask_leader(admin, leader, wanted.intersection(by_leader[leader]))
    except PASSING:
        # What answered until then counts.
        pass
    except (theirs.KafkaError, RuntimeError, ValueError) as error:
        raise read_failure(error) from error
    return led


def _ask_leader(admin: Any, leader: int, wanted: set[TopicPartition]) -> set[TopicPartition]:
    """Those of which it can say where they end."""
    ask = ListOffsetsRequest.ListOffsetsTopic
    by_topic: dict[str, list[Any]] = {}
    for one in wanted:
        by_topic.setdefault(one.topic, []).append(ask.ListOffsetsPartition(partition_index=one.partition, timestamp=OffsetSpec.LATEST))
    topics = [ask(name=name, partitions=partitions) for name, partitions in by_topic.items()]
    answer = admin._manager.run(admin._manager.send, ListOffsetsRequest(topics=topics), leader)
    return {
        TopicPartition(topic.name, one.partition_index)
        for topic in answer.topics
        for one in topic.partitions
        if one.error_code == theirs.NoError.errno
    }


_NOBODY = -1
