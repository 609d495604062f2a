"""New topics on a real broker: who made them may write to every partition at once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from pas_schemas.topics import Topic
from pas_transport.kafka_apply import ClusterAdmin
from pas_transport.kafka_client import KafkaAccess
from pas_transport.kafka_log import KafkaLog

# So many that the broker still makes them when it has long told who leads them.
MANY = 400


def ensure(access: KafkaAccess, prefix: str, topic: Topic) -> None:
    with KafkaLog(access, create=True, prefix=prefix) as log:
        log.ensure([topic])


def make(access: KafkaAccess, prefix: str, topic: Topic) -> None:
    with ClusterAdmin(access, prefix) as cluster:
        cluster.make_topics([topic])


@pytest.fixture
def admin(kafka: str) -> Iterator[KafkaAdminClient]:
    with KafkaAdminClient(bootstrap_servers=kafka) as admin:
        yield admin


@pytest.mark.parametrize("found", [ensure, make])
def test_every_partition_is_led_when_topics_are_made(
    kafka: str, admin: KafkaAdminClient, found: Callable[[KafkaAccess, str, Topic], None]
) -> None:
    prefix = f"l{secrets.token_hex(4)}."
    topic = Topic("leaders.many", MANY, None, "any", (), ())
    try:
        found(KafkaAccess(kafka), prefix, topic)
        every = {TopicPartition(prefix + topic.name, number): OffsetSpec.LATEST for number in range(MANY)}
        # A leader that does not know its partition yet is an error here: a millisecond leaves no time to ask again.
        assert {end.offset for end in admin.list_partition_offsets(every, timeout_ms=1).values()} == {0}
    finally:
        admin.delete_topics([prefix + topic.name])
