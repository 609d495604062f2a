"""A plan as files: commands for Kafka's own tools, and Strimzi's resources; no password stands in any of them."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator

from pas_schemas.topics import Topic
from pas_transport.kafka_plan import Grant, Plan, User
from pas_transport.kafka_topics import IN_SYNC, IN_SYNC_KEY, REPLICAS, make_configs

_HEAD = """\
#!/usr/bin/env bash
# {what} Written by `pas topics render`; run it again as often as you like.
# KAFKA_BIN: where Kafka's tools are. BOOTSTRAP: host:port. ADMIN: a properties file with an administrator's credentials.
set -euo pipefail
: "${{KAFKA_BIN:?}}" "${{BOOTSTRAP:?}}" "${{ADMIN:?}}"
"""
_CONFIGS = (
    '"$KAFKA_BIN"/kafka-configs.sh --bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN" --alter --entity-type users --entity-name'
)
_AT = '--bootstrap-server "$BOOTSTRAP" --command-config "$ADMIN"'
_STRIMZI = "kafka.strimzi.io/v1"


def render(plan: Plan, replicas: int) -> dict[str, str]:
    """Every file's text by its path; `replicas` is how many brokers hold each partition."""
    return {
        "kafka/topics.sh": _script("Topics.", _topic_commands(plan, replicas)),
        "kafka/users.sh": _script("Users: each password lies in $PASSWORDS/NAME.", _user_commands(plan)),
        "kafka/acls.sh": _script("Who may do what.", _acl_commands(plan)),
        "kafka/quotas.sh": _script("How fast each may write and read.", _quota_commands(plan)),
        "strimzi/topics.yaml": "".join(_strimzi_topic(plan.prefix, topic, replicas) for topic in plan.topics),
        "strimzi/users.yaml": "".join(map(_strimzi_user, plan.users)),
    }


def _script(what: str, commands: Iterable[str]) -> str:
    return _HEAD.format(what=what) + "".join(f"{command}\n" for command in commands)


def _topic_commands(plan: Plan, replicas: int) -> Iterator[str]:
    for topic in plan.topics:
        configs = " ".join(f"--config {key}={value}" for key, value in _configs(topic, replicas).items())
        name = shlex.quote(plan.prefix + topic.name)
        yield (
            f'"$KAFKA_BIN"/kafka-topics.sh {_AT} --create --if-not-exists --topic {name} '
            f"--partitions {topic.partitions} --replication-factor {replicas} {configs}"
        )


def _user_commands(plan: Plan) -> Iterator[str]:
    # By a file that is a pipe: what stands in a command line every user of the machine may read while it runs.
    yield ': "${PASSWORDS:?}"'
    for user in plan.users:
        yield (f"""{_CONFIGS} {user.name} --add-config-file <(printf 'SCRAM-SHA-512=password=%s' "$(cat "$PASSWORDS/{user.name}")")""")
    for name in plan.retired:
        yield (f"{_CONFIGS} {name} --delete-config SCRAM-SHA-512 || true")


def _acl_commands(plan: Plan) -> Iterator[str]:
    """One command for each thing that may be done, with everybody who may: a tool that starts a JVM is not started 4,000 times.

    What ended is taken back by its own words: that tool knows no name, and no operation, that stands for all of them.
    """
    yield from _change_acls("add", plan.grants)
    yield from _change_acls("remove", plan.lapsed)


def _change_acls(how: str, grants: Iterable[Grant]) -> Iterator[str]:
    who: dict[tuple[str, str, str, bool], list[str]] = defaultdict(list)
    for grant in sorted(grants):
        who[grant.resource, grant.name, grant.operation, grant.prefixed].append(grant.user)
    for (resource, name, operation, prefixed), users in sorted(who.items()):
        pattern = "prefixed" if prefixed else "literal"
        principals = " ".join(f"--allow-principal User:{user}" for user in users)
        yield (
            f'"$KAFKA_BIN"/kafka-acls.sh {_AT} --{how} --force --{resource} {shlex.quote(name)} --resource-pattern-type {pattern} '
            f"--operation {_camel(operation)} {principals}"
        )


def _quota_commands(plan: Plan) -> Iterator[str]:
    for user in plan.users:
        quotas = list_quotas(user)
        if quotas:
            wanted = ",".join(f"{key}={value}" for key, value in quotas.items())
            yield (f"{_CONFIGS} {user.name} --add-config {shlex.quote(wanted)}")
    for name in plan.retired:
        yield (f"{_CONFIGS} {name} --delete-config {','.join(_KEYS)} || true")


def list_quotas(user: User) -> dict[str, int]:
    """A user's bounds under Kafka's names."""
    bounds = {"producer_byte_rate": user.writes_per_second, "consumer_byte_rate": user.reads_per_second}
    return {key: value for key, value in bounds.items() if value is not None}


def _configs(topic: Topic, replicas: int) -> dict[str, str]:
    return make_configs(topic) | ({IN_SYNC_KEY: str(IN_SYNC)} if replicas >= REPLICAS else {})


def _strimzi_topic(prefix: str, topic: Topic, replicas: int) -> str:
    configs = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in _configs(topic, replicas).items())
    return (
        f"---\napiVersion: {_STRIMZI}\nkind: KafkaTopic\nmetadata:\n"
        f"  name: {(prefix + topic.name).lower()}\n  labels:\n    strimzi.io/cluster: pas\n"
        f"spec:\n  topicName: {prefix + topic.name}\n  partitions: {topic.partitions}\n  replicas: {replicas}\n  config:\n{configs}"
    )


def _strimzi_user(user: User) -> str:
    acls = "".join(map(_strimzi_acl, sorted(user.grants)))
    quotas = "".join(f"    {_KEYS[key]}: {value}\n" for key, value in list_quotas(user).items())
    return (
        f"---\napiVersion: {_STRIMZI}\nkind: KafkaUser\nmetadata:\n  name: {user.name}\n  labels:\n    strimzi.io/cluster: pas\n"
        f"spec:\n  authentication:\n    type: scram-sha-512\n  authorization:\n    type: simple\n    acls:\n{acls}"
        + (f"  quotas:\n{quotas}" if quotas else "")
    )


def _strimzi_acl(grant: Grant) -> str:
    pattern = "prefix" if grant.prefixed else "literal"
    return (
        f"      - resource:\n          type: {grant.resource}\n          name: {grant.name}\n          patternType: {pattern}\n"
        f"        operations: [{_camel(grant.operation)}]\n"
    )


def _camel(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_"))


_KEYS = {"producer_byte_rate": "producerByteRate", "consumer_byte_rate": "consumerByteRate"}
