"""The topics of a Kafka cluster as this broker declared them: looked up, compared, made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kafka import TopicPartition
from kafka import errors as theirs
from kafka.admin import ConfigResource, ConfigResourceType

from pas_schemas.errors import LogError
from pas_schemas.topics import MAX_RECORD_BYTES, Topic
from pas_transport.kafka_client import TOO_OLD, Clients, read_failure
from pas_transport.kafka_leaders import Advance, await_leaders
from pas_transport.log import LogForbiddenError, TopicMismatchError, check_declaration, describe_kept

# What a record batch adds to a record's own bytes, with room to spare.
BATCH_OVERHEAD_BYTES = 1024
MAX_MESSAGE_BYTES = MAX_RECORD_BYTES + 16 * BATCH_OVERHEAD_BYTES
_COMPARED = ("cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type", "max.message.bytes", "compression.type")
IN_SYNC_KEY = "min.insync.replicas"
# What a cluster of as many brokers can give: with one of them gone, each record is held by one that is left, and more are taken.
REPLICAS, IN_SYNC = 3, 2
_AGAIN = "a topic never changes: use the cluster this broker made its topics on, or another prefix"


def make_configs(topic: Topic) -> dict[str, str]:
    """A topic's settings at Kafka; the time of a record is the log's own.

    Brokers unpack what a writer compressed, which helps sealed records little: a batch in a codec that readers lack would stop them all.
    """
    return {
        "cleanup.policy": topic.cleanup,
        "retention.ms": _show_retention(topic),
        # A cluster may have a bound for every topic: records would go before their time, and unread.
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "compression.type": "uncompressed",
    }


class KafkaTopics:
    """What is known of the cluster's topics; `prefix` stands before every name at Kafka and nowhere else."""

    def __init__(self, clients: Clients, admin: Any, prefix: str) -> None:
        self._clients = clients
        self._admin = admin
        self._prefix = prefix
        self._counts: dict[str, int] = {}

    def name(self, topic: str) -> str:
        """A topic's name at Kafka."""
        return self._prefix + topic

    def unname(self, name: str) -> str:
        """The topic a name at Kafka stands for."""
        return name.removeprefix(self._prefix)

    def known(self) -> frozenset[str]:
        """Every topic found so far."""
        return frozenset(self._counts)

    def count(self, topics: Iterable[str]) -> Mapping[str, int]:
        """How many partitions each has; raises `TopicMismatchError` where there is none, all looked up in one request."""
        wanted = set(topics)
        unknown = wanted - self._counts.keys()
        if unknown:
            found, forbidden = self._look_up(unknown)
            if forbidden:
                raise LogForbiddenError(
                    f"Kafka does not show this user the topic {min(forbidden)}", "`pas topics render` shows what each user may do"
                )
            missing = unknown - found.keys()
            if missing:
                raise TopicMismatchError(f"The log has no topic {min(missing)}", "PAS makes it with `pas topics apply`")
        return {topic: self._counts[topic] for topic in wanted}

    def ids(self, topics: Iterable[str]) -> Mapping[str, object]:
        """The id Kafka gave each topic when it was made, asked anew; a topic there is not has none."""
        names = sorted(self.name(topic) for topic in topics)
        answers = self._clients.ask(lambda: self._describe(names))
        return {self.unname(one["name"]): one["topic_id"] for one in answers if one["error_code"] == 0}

    def compare(self, declared: Sequence[Topic]) -> list[Topic]:
        """Those that are missing; raises `TopicMismatchError` where one is otherwise than declared.

        What this user may not see is not its to judge, and is left to who may.
        """
        for topic in declared:
            check_declaration(topic)
        by_name = {topic.name: topic for topic in declared}
        found, forbidden = self._look_up(by_name)
        configs = self._read_configs(found)
        for name, partitions in found.items():
            _compare_one(by_name[name], partitions, configs.get(name, {}))
        return [topic for name, topic in by_name.items() if name not in found and name not in forbidden]

    def list_thin(self, topics: Iterable[Topic]) -> list[str]:
        """Those of which a record may lie on one broker alone, on a cluster of three or more; no other cluster can hold it better."""
        names = sorted(self.name(topic.name) for topic in topics)
        if len(self._clients.ask(self._admin.describe_cluster)["brokers"]) < REPLICAS:
            return []
        there = [one for one in self._clients.ask(lambda: self._describe(names)) if one["error_code"] == 0]
        held = {self.unname(one["name"]): min(len(part["replica_nodes"]) for part in one["partitions"]) for one in there}
        configs = self._read_configs(held, (IN_SYNC_KEY,))
        taken = {name: int(configs.get(name, {}).get(IN_SYNC_KEY, IN_SYNC)) for name in held}
        return [name for name, replicas in held.items() if replicas < REPLICAS or taken[name] < IN_SYNC]

    def create(self, missing: Sequence[Topic]) -> None:
        """Make them, with as many replicas as the brokers give by default; one that has come meanwhile is compared."""
        wanted = {
            self.name(topic.name): {"num_partitions": topic.partitions, "replication_factor": -1, "configs": make_configs(topic)}
            for topic in missing
        }
        if not wanted:
            return
        try:
            self._admin.create_topics(wanted, timeout_ms=int(self._clients.wait_seconds * 1000))
        except theirs.TopicAlreadyExistsError:
            still = self.compare(missing)
            if still:
                self.create(still)
        except (theirs.KafkaError, OSError, RuntimeError, ValueError) as error:
            raise read_failure(error) from error

    def await_leaders(self, topics: Iterable[Topic], advance: Advance = lambda _: None) -> None:
        """See `kafka_leaders`: what was made just now takes no record yet."""
        partitions = (TopicPartition(self.name(topic.name), number) for topic in topics for number in range(topic.partitions))
        await_leaders(self._clients, self._admin, partitions, advance)

    def _look_up(self, topics: Iterable[str]) -> tuple[dict[str, int], set[str]]:
        """Partition counts of those that are there, and those this user may not see."""
        names = sorted(self.name(topic) for topic in topics)
        if not names:
            return {}, set()
        found: dict[str, int] = {}
        forbidden: set[str] = set()
        for answer in self._clients.ask(lambda: self._describe(names)):
            topic = self.unname(answer["name"])
            kind = theirs.for_code(answer["error_code"])
            if kind is theirs.NoError:
                found[topic] = len(answer["partitions"])
                if answer.get("topic_id") is None:
                    raise LogError(*TOO_OLD)
            elif kind is theirs.TopicAuthorizationFailedError:
                forbidden.add(topic)
            elif kind not in (theirs.UnknownTopicOrPartitionError, theirs.InvalidTopicError):
                raise read_failure(kind())
        self._counts.update(found)
        return found, forbidden

    def _describe(self, names: Sequence[str]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = self._admin.describe_topics(list(names))
        for answer in answers:
            kind = theirs.for_code(answer["error_code"])
            if kind is theirs.LeaderNotAvailableError:
                raise kind
        return answers

    def _read_configs(self, topics: Iterable[str], keys: Iterable[str] = _COMPARED) -> dict[str, dict[str, str]]:
        """These settings, by topic; none where this user may not read them."""
        wanted = [ConfigResource(ConfigResourceType.TOPIC, self.name(topic), dict.fromkeys(keys, "")) for topic in topics]
        if not wanted:
            return {}
        answer = self._clients.ask(lambda: self._admin.describe_configs(wanted, config_filter="all"))
        return {
            self.unname(name): {key: config["value"] for key, config in configs.items()}
            for name, configs in answer.get("topic", {}).items()
        }


def _show_retention(topic: Topic) -> str:
    return "-1" if topic.retention_ms is None else str(topic.retention_ms)


def _compare_one(topic: Topic, partitions: int, configs: Mapping[str, str]) -> None:
    kept = configs.get("retention.ms")
    there = (
        partitions,
        topic.retention_ms if kept is None else None if int(kept) < 0 else int(kept),
        configs.get("cleanup.policy", topic.cleanup),
    )
    declared = (topic.partitions, topic.retention_ms, topic.cleanup)
    if there != declared:
        # Settings somebody changed can be set back; partitions are for ever.
        mend = f"set retention.ms={_show_retention(topic)} and cleanup.policy={topic.cleanup} on it"
        raise TopicMismatchError(
            f"{topic.name} exists with {describe_kept(*there)}, and is declared with {describe_kept(*declared)}",
            mend if partitions == topic.partitions else _AGAIN,
        )
    if int(configs.get("retention.bytes", -1)) >= 0:
        raise TopicMismatchError(f"{topic.name} keeps so many bytes only, whatever their age", "set retention.bytes=-1 on it")
    if configs.get("message.timestamp.type", "LogAppendTime") != "LogAppendTime":
        raise TopicMismatchError(f"{topic.name} takes the time its writers tell", "set message.timestamp.type=LogAppendTime on it")
    if configs.get("compression.type", "uncompressed") != "uncompressed":
        raise TopicMismatchError(f"{topic.name} keeps records in its writers' codecs", "set compression.type=uncompressed on it")
    if int(configs.get("max.message.bytes", MAX_MESSAGE_BYTES)) < MAX_RECORD_BYTES + BATCH_OVERHEAD_BYTES:
        raise TopicMismatchError(
            f"{topic.name} takes no record of {MAX_RECORD_BYTES} bytes", f"set max.message.bytes={MAX_MESSAGE_BYTES} on it"
        )
