"""The doors of a guarded cluster: TLS, passwords and the ACLs of `pas topics apply`, every kind of office against every topic."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
)
from kafka.errors import TransactionalIdAuthorizationFailedError
from kafka.protocol.admin import AlterClientQuotasRequest

from conftest import RunPas
from contract.reading import until
from kafka_broker import collect_sockets
from kafka_guarded import GUARDED, GuardedKafka
from pas_schemas.directory import Snapshot
from pas_schemas.topics import Topic
from pas_transport.kafka_apply import ClusterAdmin, Difference
from pas_transport.kafka_client import KafkaAccess
from pas_transport.kafka_log import KafkaLog
from pas_transport.kafka_plan import Grant, Plan, make_plan
from pas_transport.kafka_quotas import Entity
from pas_transport.kafka_topics import make_configs
from pas_transport.log import Log, LogForbiddenError, LogUnavailableError, Outgoing, Partition
from transport.test_kafka_plan import NOW, make_snapshot

OFFICES = (
    "pas", "force:01", "fib:01", "pio:WSI", "lea:88", "security:WSI", "governor:WSI", "cat-a-team", "paso-unit",
    "escort:geo", "probation:ldn", "inspector:hmip", "feed:nomis",
)  # fmt: skip
ORIGINATORS = {"pas", "force:01", "fib:01", "pio:WSI", "lea:88", "security:WSI", "governor:WSI", "cat-a-team", "paso-unit"}
EVERYBODY = set(OFFICES)
COMPARTMENT = "pas.compartment"
pytestmark = GUARDED


@pytest.fixture(autouse=True)
def left_sockets() -> Iterator[None]:
    yield
    collect_sockets()


# Architecture, the table of topics, written anew: (who writes, who reads); everything else is refused.
DOORS: dict[str, tuple[set[str], set[str]]] = {
    "pas.reports": (ORIGINATORS, {"pas"}),
    "pas.reports.urgent": (ORIGINATORS, {"pas"}),
    "pas.movements": ({"feed:nomis", "pas"}, {"pas"}),
    "pas.replies": (EVERYBODY | {COMPARTMENT}, {"pas"}),
    "pas.compartment": (ORIGINATORS, {COMPARTMENT}),
    "pas.directory": ({"pas"}, EVERYBODY | {COMPARTMENT}),
    "pas.audit": ({"pas"}, {"pas", "inspector:hmip"}),
    "pas.quarantine": ({"pas"}, {"pas"}),
    **{f"pas.deliveries.{office.replace(':', '.')}": ({"pas", COMPARTMENT}, {office}) for office in OFFICES},
}
# Who is a member of a gateway's groups: itself.
GROUPS = {"pas-gateway": "pas", "pas-gateway-urgent": "pas", "pas-compartment": COMPARTMENT}
JOIN_SECONDS = 120.0


@dataclass(frozen=True)
class Doors:
    """The guarded cluster, holding what the plan says."""

    guarded: GuardedKafka
    snapshot: Snapshot
    passwords: Path

    def plan(self) -> Plan:
        return make_plan(self.snapshot, NOW)

    def open(self, office: str) -> KafkaLog:
        user = office.replace(":", ".").lower()
        return KafkaLog(self.guarded.access(user, self.passwords / user), wait_seconds=60.0)


@pytest.fixture(scope="module")
def doors(guarded: GuardedKafka, tmp_path_factory: pytest.TempPathFactory) -> Doors:
    doors = Doors(guarded, make_snapshot(*OFFICES), tmp_path_factory.mktemp("doors") / "passwords")
    with ClusterAdmin(guarded.admin) as cluster:
        cluster.apply(doors.plan(), cluster.compare(doors.plan()), doors.passwords)
    return doors


@pytest.fixture(scope="module")
def opened(doors: Doors) -> Iterator[Callable[[str], Log]]:
    logs: dict[str, Log] = {}
    with ExitStack() as stack:

        def open_as(office: str) -> Log:
            if office not in logs:
                logs[office] = stack.enter_context(doors.open(office))
            return logs[office]

        yield open_as


@pytest.fixture(scope="module")
def filled(doors: Doors) -> None:
    with KafkaLog(doors.guarded.admin) as log:
        log.append([Outgoing(topic, b"12345678", b"there", partition=0) for topic in DOORS])


def is_allowed(work: Callable[[], object]) -> bool:
    try:
        work()
    except LogForbiddenError:
        return False
    return True


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("office", [*OFFICES, COMPARTMENT])
def test_every_kind_of_office_at_every_door(office: str, opened: Callable[[str], Log]) -> None:
    log = opened(office)
    reads = {topic for topic in DOORS if is_allowed(lambda topic=topic: log.read(Partition(topic, 0), 0, 1))}
    writes = {topic for topic in DOORS if is_allowed(lambda topic=topic: log.append([Outgoing(topic, b"k", b"v", partition=0)]))}
    assert reads == {topic for topic, (_, readers) in DOORS.items() if office in readers}
    assert writes == {topic for topic, (writers, _) in DOORS.items() if office in writers}


@pytest.mark.usefixtures("filled")
def test_a_refusal_names_the_topic(opened: Callable[[str], Log]) -> None:
    """Of some hundred topics whoever mends it must know which: one that is not shown, and one that is shown and may not be read."""
    for office, topic in (("pio:WSI", "pas.audit"), ("pas", "pas.compartment")):
        with pytest.raises(LogForbiddenError, match=rf" {re.escape(topic)} \("):
            opened(office).read(Partition(topic, 0), 0, 1)


@pytest.mark.parametrize("office", [*OFFICES, COMPARTMENT])
def test_only_a_gateway_is_a_member_of_its_groups(office: str, opened: Callable[[str], Log]) -> None:
    log = opened(office)
    joined = {group for group in GROUPS if is_allowed(lambda group=group: join(log, group))}
    assert joined == {group for group, member in GROUPS.items() if member == office}


def join(log: Log, group: str) -> None:
    """As a member, of a topic that everybody may read."""
    with log.subscribe(["pas.directory"], group, lambda _: 0) as reader:
        deadline = time.monotonic() + JOIN_SECONDS
        while not reader.assigned():
            assert time.monotonic() < deadline, "neither let in nor refused"
            reader.poll(1, 0.1)


def test_the_compartment_has_groups_of_its_own_and_sees_what_there_is(doors: Doors, opened: Callable[[str], Log]) -> None:
    opened(COMPARTMENT).ensure(doors.plan().topics)
    with opened(COMPARTMENT).subscribe(["pas.compartment"], "pas-compartment", lambda _: 0) as reader:
        reader.poll(1, 0.5)
    for office, topic, group in ((COMPARTMENT, "pas.compartment", "pas-gateway"), ("pas", "pas.directory", "pas-compartment")):
        with opened(office).subscribe([topic], group, lambda _: 0) as reader, pytest.raises(LogForbiddenError):
            reader.poll(1, 20.0)


def test_office_compares_what_it_may_see_and_no_more(doors: Doors, opened: Callable[[str], Log]) -> None:
    opened("pio:WSI").ensure(doors.plan().topics)


def test_apply_again_changes_nothing(doors: Doors) -> None:
    with ClusterAdmin(doors.guarded.admin) as cluster:
        difference = cluster.compare(doors.plan())
    assert difference.nothing
    assert difference.strange == ()


def test_apply_returns_when_every_broker_shows_it(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Brokers learn of a change one after another, and whoever comes to the last of them must not be turned away."""
    asked = Counter[tuple[str, int | None]]()
    with ClusterAdmin(doors.guarded.admin) as cluster:
        manager = cluster._admin._manager
        send = manager.send

        def watch(request: Any, node_id: int | None = None, *args: Any) -> Any:
            asked[type(request).__name__, node_id] += 1
            return send(request, node_id, *args)

        monkeypatch.setattr(manager, "send", watch)
        cluster.apply(doors.plan(), Difference(), doors.passwords)
    for request in ("DescribeAclsRequest", "DescribeUserScramCredentialsRequest", "DescribeClientQuotasRequest"):
        assert {node for name, node in asked if name == request} == {1, 2, 3}, request


def test_what_somebody_granted_by_hand_is_found(doors: Doors) -> None:
    """What an office was given is taken back; what is not the plan's to judge is told, as long as it is there."""
    given = [
        make_acl("User:pio.wsi", ACLOperation.READ, ResourceType.TOPIC, "pas.reports"),
        make_acl("User:*", ACLOperation.READ, ResourceType.TOPIC, "pas.deliv", ACLResourcePatternType.PREFIXED),
        make_acl("User:nobody", ACLOperation.ALL, ResourceType.TOPIC, "*"),
        make_acl("User:nobody", ACLOperation.READ, ResourceType.GROUP, "pas-gateway"),
        make_acl("User:force.01", ACLOperation.ALTER, ResourceType.CLUSTER, "kafka-cluster"),
        make_acl("User:nobody", ACLOperation.READ, ResourceType.TOPIC, "another.estate"),
    ]
    with KafkaAdminClient(**doors.guarded.admin.make_config()) as admin, ClusterAdmin(doors.guarded.admin) as cluster:
        assert not admin.create_acls(given)["failed"]
        try:
            until(lambda: len(cluster.compare(doors.plan()).strange) == 4)
            difference = cluster.compare(doors.plan())
            assert difference.withdrawn == (Grant("pio.wsi", "topic", "pas.reports", "READ"),)
            cluster.apply(doors.plan(), difference, doors.passwords)
            after = cluster.compare(doors.plan())
            assert after.nothing
            assert after.strange == (
                "allow User:* READ on topic pas.deliv*",
                "allow User:force.01 ALTER on cluster kafka-cluster",
                "allow User:nobody ALL on topic *",
                "allow User:nobody READ on group pas-gateway",
            )
        finally:
            admin.delete_acls([ACLFilter(one.principal, "*", one.operation, one.permission_type, one.resource_pattern) for one in given])
        until(lambda: cluster.compare(doors.plan()).strange == ())


def make_acl(who: str, what: ACLOperation, kind: ResourceType, name: str, pattern: Any = ACLResourcePatternType.LITERAL) -> ACL:
    return ACL(who, "*", what, ACLPermissionType.ALLOW, ResourcePattern(kind, name, pattern))


def test_a_topic_that_one_broker_may_hold_alone_is_told(doors: Doors) -> None:
    """Made by brokers with another default, or by hand; what is made as these brokers make it is not."""
    made = {
        "thin.pas.reports": {"num_partitions": 3, "replication_factor": 1},
        "thin.pas.replies": {"num_partitions": 1, "replication_factor": 3, "configs": {"min.insync.replicas": "1"}},
        "thin.pas.audit": {"num_partitions": 1, "replication_factor": 3},
    }
    plan = doors.plan()
    with KafkaAdminClient(**doors.guarded.admin.make_config()) as admin, ClusterAdmin(doors.guarded.admin, "thin.") as cluster:
        admin.create_topics(made)
        try:
            until(lambda: cluster.list_thin(plan) == ["pas.replies", "pas.reports"])
        finally:
            admin.delete_topics([*made])
    with ClusterAdmin(doors.guarded.admin) as cluster:
        assert cluster.list_thin(plan) == []


def test_bounds_are_held_at_the_brokers(doors: Doors) -> None:
    """Somebody lifted a force's bound, and bounded what has no bound: it is missed, and put right."""
    with ClusterAdmin(doors.guarded.admin) as cluster:
        bound(cluster, {"user": "force.01"}, producer_byte_rate=10**9, request_percentage=1)
        bound(cluster, {"user": "pas"}, consumer_byte_rate=1000)
        changed = {"force.01": {"producer_byte_rate": 4 * 1024 * 1024, "request_percentage": None}, "pas": {"consumer_byte_rate": None}}
        until(lambda: cluster.compare(doors.plan()).quotas == changed)
        cluster.apply(doors.plan(), cluster.compare(doors.plan()), doors.passwords)
        assert cluster.compare(doors.plan()).nothing


def test_a_bound_on_everybody_is_told(doors: Doors) -> None:
    """PAS has no bound of its own: this one would hold. Whose it is, this directory cannot judge."""
    all_users, all_clients, another = {"user": None}, {"user": "force.01", "client-id": None}, {"user": "nobody"}
    with ClusterAdmin(doors.guarded.admin) as cluster:
        try:
            for entity in (all_users, all_clients, another):
                bound(cluster, entity, producer_byte_rate=1000)
            until(lambda: len(cluster.compare(doors.plan()).strange) == 2)
            difference = cluster.compare(doors.plan())
            assert difference.nothing
            assert difference.strange == (
                "bound producer_byte_rate=1000 on every client-id without its own of user force.01",
                "bound producer_byte_rate=1000 on every user without its own",
            )
        finally:
            for entity in (all_users, all_clients, another):
                bound(cluster, entity, producer_byte_rate=None)
        until(lambda: cluster.compare(doors.plan()).strange == ())


def bound(cluster: ClusterAdmin, entity: Entity, **bounds: int | None) -> None:
    """As by Kafka's own tools; None lifts."""
    data = AlterClientQuotasRequest.EntryData
    names = [data.EntityData(entity_type=kind, entity_name=name) for kind, name in entity.items()]
    ops = [data.OpData(key=key, value=float(value or 0), remove=value is None) for key, value in bounds.items()]
    cluster._send(AlterClientQuotasRequest(entries=[data(entity=names, ops=ops)], validate_only=False))


@pytest.mark.parametrize("user", ["force.01", "pas"])
def test_nobody_may_open_a_transaction(doors: Doors, user: str) -> None:
    """Its markers would look like records that nobody takes in, and what it took back would count."""
    config = doors.guarded.access(user, doors.passwords / user).make_config()
    with closing(KafkaProducer(**config, transactional_id="any")) as writer, pytest.raises(TransactionalIdAuthorizationFailedError):
        writer.init_transactions()


def test_passwords_lie_in_files_of_their_own(doors: Doors) -> None:
    files = list(doors.passwords.iterdir())
    assert {path.name for path in files} == {office.replace(":", ".").lower() for office in (*OFFICES, COMPARTMENT)}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert len({path.read_text() for path in files}) == len(OFFICES) + 1


def test_wrong_password_is_told(guarded: GuardedKafka) -> None:
    with pytest.raises(LogForbiddenError, match="does not take the credentials"):
        KafkaLog(KafkaAccess(guarded.bootstrap, guarded.authority, "pas", "wrong"), wait_seconds=60.0)


@pytest.mark.parametrize(
    "command", ["topics apply", "publish reports.ndjson", "movements import movements.ndjson", "gateway run --until-idle"]
)
def test_wrong_password_ends_every_command(guarded: GuardedKafka, pas: RunPas, estate: Path, command: str) -> None:
    for name in ("reports.ndjson", "movements.ndjson"):
        (estate / name).write_text("{}\n")
    (estate / "wrong").write_text("wrong\n")
    before = {path.relative_to(estate) for path in estate.rglob("*")}
    env = {"PAS_TRANSPORT": "kafka", "PAS_BOOTSTRAP": guarded.bootstrap, "PAS_KAFKA_WAIT_SECONDS": "120"}
    env |= guarded.environment("pas", estate / "wrong")
    refused = pas(*command.split(), cwd=estate, env=env, code=1)
    assert refused.out == ""
    assert refused.err.splitlines()[-2:] == [
        "error: Kafka does not take the credentials it was shown", "hint: see kafka_user and kafka_password_path"
    ]  # fmt: skip
    assert {path.relative_to(estate) for path in estate.rglob("*")} == before


def test_a_broker_that_hangs_keeps_nobody_out(guarded: GuardedKafka) -> None:
    """One of the two that are named takes connections and never answers; which is asked first is the library's chance."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0.0)
        access = replace(guarded.admin, bootstrap=f"127.0.0.1:{silent.getsockname()[1]},{guarded.nodes[0].bootstrap}")
        asked = False
        while not asked:
            KafkaLog(access, wait_seconds=120.0).close()
            with suppress(BlockingIOError):
                silent.accept()[0].close()
                asked = True


def test_no_tls_gets_nowhere(guarded: GuardedKafka) -> None:
    with pytest.raises(LogUnavailableError, match="No Kafka broker answered"):
        KafkaLog(KafkaAccess(guarded.bootstrap), wait_seconds=1.0)


def test_a_partition_that_nobody_leads_is_waited_for_and_told(doors: Doors) -> None:
    """Its only replica lies on a node that is gone: `apply` says so, and is content once the node is back."""
    topic, lost, told = Topic("alone", 1, None, "any", (), ()), doors.guarded.nodes[2], list[int]()
    plan = Plan((topic,), (), ())
    with KafkaAdminClient(**doors.guarded.admin.make_config()) as admin, ClusterAdmin(doors.guarded.admin, wait_seconds=5.0) as cluster:
        admin.create_topics({topic.name: {"assignments": {0: [3]}, "configs": make_configs(topic)}})
        lost.kill()
        try:
            with pytest.raises(LogUnavailableError, match="No Kafka broker leads 1 of 1 partitions yet"):
                cluster.apply(plan, Difference(), doors.passwords, told.append)
        finally:
            lost.start()
        assert told == []
        until(lambda: is_answered(lambda: cluster.apply(plan, Difference(), doors.passwords, told.append)))
        assert told == [1]


def is_answered(work: Callable[[], object]) -> bool:
    try:
        work()
    except LogUnavailableError:
        return False
    return True


def test_a_password_that_was_lost_or_taken_is_made_anew(doors: Doors) -> None:
    """As the runbook says: the credentials taken back, the file put away."""
    taken = doors.guarded.access("fib.01", doors.passwords / "fib.01")
    with KafkaAdminClient(**doors.guarded.admin.make_config()) as admin, ClusterAdmin(doors.guarded.admin) as cluster:
        admin.alter_user_scram_credentials([UserScramCredentialDeletion("fib.01", ScramMechanism.SCRAM_SHA_512)])
        (doors.passwords / "fib.01").unlink()
        until(lambda: cluster.compare(doors.plan()).users == ("fib.01",))
        cluster.apply(doors.plan(), cluster.compare(doors.plan()), doors.passwords)
    with pytest.raises(LogForbiddenError):
        KafkaLog(taken)
    doors.open("fib:01").close()


def test_a_term_that_ends_takes_user_and_grants_away(doors: Doors) -> None:
    """Last: the office is gone from this cluster afterwards, and comes back with the credentials it had."""
    without = make_plan(make_snapshot(*(one for one in OFFICES if one != "lea:88"), retired=("lea:88",)), NOW)
    with ClusterAdmin(doors.guarded.admin) as cluster:
        difference = cluster.compare(without)
        assert difference.users_too_many == ("lea.88",)
        assert {grant.user for grant in difference.withdrawn} == {"lea.88"}
        assert difference.granted == ()
        cluster.apply(without, difference, doors.passwords)
        with pytest.raises(LogForbiddenError):
            doors.open("lea:88")
        plan = doors.plan()
        cluster.apply(plan, cluster.compare(plan), doors.passwords)
    access = doors.guarded.access("lea.88", doors.passwords / "lea.88")
    for node in doors.guarded.nodes:
        KafkaLog(replace(access, bootstrap=node.bootstrap), wait_seconds=60.0).close()
