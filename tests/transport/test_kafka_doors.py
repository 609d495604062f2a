"""The doors of a guarded cluster: TLS, passwords and the ACLs of `pas topics apply`, every kind of office against every topic."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from certificates import Authority
from kafka_node import ADMIN, Guard, Node

from kafka_broker import LEAVES_SOCKETS, collect_sockets, skip_without_kafka
from pas_schemas.directory import Snapshot
from pas_transport.kafka_apply import ClusterAdmin
from pas_transport.kafka_client import KafkaAccess
from pas_transport.kafka_log import KafkaLog
from pas_transport.kafka_plan import make_plan
from pas_transport.log import Log, LogForbiddenError, LogUnavailableError, Outgoing, Partition
from transport.test_kafka_plan import NOW, make_snapshot

OFFICES = (
    "pas", "force:01", "fib:01", "pio:WSI", "lea:88", "security:WSI", "governor:WSI", "cat-a-team", "paso-unit",
    "escort:geo", "probation:ldn", "inspector:hmip", "feed:nomis",
)  # fmt: skip
ORIGINATORS = {"pas", "force:01", "fib:01", "pio:WSI", "lea:88", "security:WSI", "governor:WSI", "cat-a-team", "paso-unit"}
EVERYBODY = set(OFFICES)
COMPARTMENT = "pas.compartment"
# One process has the broker of this module to itself.
pytestmark = [LEAVES_SOCKETS, pytest.mark.xdist_group("kafka-doors")]


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


@dataclass
class Guarded:
    """A guarded broker that holds what the plan says."""

    node: Node
    authority: Path
    admin: KafkaAccess
    snapshot: Snapshot
    passwords: Path

    def access(self, office: str) -> KafkaAccess:
        user = office.replace(":", ".").lower()
        return KafkaAccess(self.node.bootstrap, self.authority, user, (self.passwords / user).read_text().strip())

    def open(self, office: str) -> KafkaLog:
        return KafkaLog(self.access(office), wait_seconds=10.0)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    skip_without_kafka()
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority.make(folder / "ca.pem")
    password = secrets.token_urlsafe(16)
    node = Node(folder / "node", guard=Guard(authority.issue(folder / "node.pem"), authority.path, password))
    node.start()
    try:
        admin = KafkaAccess(node.bootstrap, authority.path, ADMIN, password)
        there = Guarded(node, authority.path, admin, make_snapshot(*OFFICES), folder / "passwords")
        plan = make_plan(there.snapshot, NOW)
        with ClusterAdmin(admin) as cluster:
            cluster.apply(plan, cluster.compare(plan), there.passwords)
        yield there
    finally:
        node.kill()


@pytest.fixture(scope="module")
def opened(guarded: Guarded) -> Iterator[Callable[[str], Log]]:
    logs: dict[str, Log] = {}
    with ExitStack() as stack:

        def open_as(office: str) -> Log:
            if office not in logs:
                logs[office] = stack.enter_context(guarded.open(office))
            return logs[office]

        yield open_as


@pytest.fixture(scope="module")
def filled(guarded: Guarded) -> None:
    with KafkaLog(guarded.admin) as log:
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


def test_only_the_gateway_is_a_member_of_its_groups(opened: Callable[[str], Log]) -> None:
    with opened("pas").subscribe(["pas.reports"], "pas-gateway", lambda _: 0) as reader:
        reader.poll(1, 0.5)
    with opened("pio:WSI").subscribe(["pas.directory"], "pas-gateway", lambda _: 0) as reader, pytest.raises(LogForbiddenError):
        reader.poll(1, 20.0)


def test_office_compares_what_it_may_see_and_no_more(guarded: Guarded, opened: Callable[[str], Log]) -> None:
    opened("pio:WSI").ensure(make_plan(guarded.snapshot, NOW).topics)


def test_apply_again_changes_nothing(guarded: Guarded) -> None:
    with ClusterAdmin(guarded.admin) as cluster:
        assert cluster.compare(make_plan(guarded.snapshot, NOW)).nothing


def test_passwords_lie_in_files_of_their_own(guarded: Guarded) -> None:
    assert {path.name for path in guarded.passwords.iterdir()} == {office.replace(":", ".").lower() for office in (*OFFICES, COMPARTMENT)}
    assert {path.stat().st_mode & 0o777 for path in guarded.passwords.iterdir()} == {0o600}
    assert len({path.read_text() for path in guarded.passwords.iterdir()}) == len(OFFICES) + 1


def test_wrong_password_is_told(guarded: Guarded) -> None:
    with pytest.raises(LogForbiddenError, match="does not take the credentials"):
        KafkaLog(KafkaAccess(guarded.node.bootstrap, guarded.authority, "pas", "wrong"), wait_seconds=5.0)


def test_no_tls_gets_nowhere(guarded: Guarded) -> None:
    with pytest.raises(LogUnavailableError, match="No Kafka broker answered"):
        KafkaLog(KafkaAccess(guarded.node.bootstrap), wait_seconds=1.0)


def test_a_term_that_ends_takes_user_and_grants_away(guarded: Guarded) -> None:
    """Last: the office is gone from this cluster afterwards, and comes back with the credentials it had."""
    without = make_plan(make_snapshot(*(one for one in OFFICES if one != "lea:88"), retired=("lea:88",)), NOW)
    with ClusterAdmin(guarded.admin) as cluster:
        difference = cluster.compare(without)
        assert difference.users_too_many == ("lea.88",)
        assert {grant.user for grant in difference.withdrawn} == {"lea.88"}
        assert difference.granted == ()
        cluster.apply(without, difference, guarded.passwords)
        with pytest.raises(LogForbiddenError):
            guarded.open("lea:88")
        plan = make_plan(guarded.snapshot, NOW)
        cluster.apply(plan, cluster.compare(plan), guarded.passwords)
    guarded.open("lea:88").close()
