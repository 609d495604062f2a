"""The topics of the contract's tests, and how the tests put records in and look at what is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from pas_schemas.topics import Topic
from pas_transport.log import Log, Outgoing, Partition, Subscription, Taken

# Plain, compacted, and gone as soon as the engine looks.
PLAIN = Topic("contract.plain", 3, None, "any", (), ())
SINGLE = Topic("contract.single", 1, None, "any", (), ())
COMPACTED = Topic("contract.compacted", 1, None, "any", (), (), cleanup="compact")
BRIEF = Topic("contract.brief", 1, 1, "any", (), ())
TOPICS = (PLAIN, SINGLE, COMPACTED, BRIEF)

# The key of records that an adapter appends by itself to make its engine clean up.
FILLER = b"filler"

# An engine may take a while to settle a group or to let records go; one that never does fails the test by this.
PATIENCE_SECONDS = 180.0


def key(number: int) -> bytes:
    """A key that the partition rule sends to `number` modulo the partitions."""
    return number.to_bytes(8, "big") + b"rest"


def records(topic: str, count: int, first: int = 0) -> list[Outgoing]:
    return [Outgoing(topic, key(n), f"{n}".encode()) for n in range(first, first + count)]


def held(log: Log, topic: str) -> dict[Partition, list[Taken]]:
    """Every record of a topic, by partition, read outside any group."""
    return {partition: read_all(log, partition) for partition in log.ends([topic])}


def read_all(log: Log, partition: Partition) -> list[Taken]:
    found: list[Taken] = []
    place = log.starts([partition.topic])[partition]
    while batch := log.read(partition, place, 1000):
        found += batch
        place = batch[-1].offset + 1
    return found


def values(taken: Iterable[Taken]) -> list[bytes]:
    return [record.value for record in taken]


def drain(subscription: Subscription, count: int) -> list[Taken]:
    """Poll until `count` records came."""
    found: list[Taken] = []

    def enough() -> bool:
        found.extend(subscription.poll(100, 0.05))
        return len(found) >= count

    until(enough)
    return found


def until(reached: Callable[[], object]) -> None:
    """Ask again until it is so, or fail."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, "it never came to that"
