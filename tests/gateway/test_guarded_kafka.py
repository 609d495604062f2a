"""The whole way behind locked doors: three nodes, TLS, each office's own credentials, and a worker and a node that die under load."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from kafka_node import Node

from conftest import RunPas
from gateway.judging import count_notices, count_words, find_journeys, judge_log, list_addressed, take_everything
from gateway.killing import RunningGateway, until
from gateway.stories import ORIGINATORS, PRISONS, ROLES, Story
from gateway.test_kills import send_movements
from kafka_broker import collect_sockets
from kafka_faulty import shrink
from kafka_guarded import GUARDED, GuardedKafka
from pas_producers import Publisher, PublishError
from pas_schemas.topics import REPORTS
from pas_transport.kafka_log import KafkaLog
from pas_transport.kafka_plan import name_user
from pas_transport.workspace import Workspace, open_workspace

pytestmark = GUARDED
PREFIX = "e2e."
OFFICES = ("pas", "feed:nomis", *ORIGINATORS, *(f"{role}:{prison}" for role in ROLES for prison in PRISONS))
WAIT_SECONDS, SESSION_SECONDS = 10, 3
CHUNK = 6
CHUNKS_EACH = 3
# Ten reports a second keep the gateway and all three nodes at work; as many as go would only make each restart and the judging longer.
BETWEEN_SECONDS = 0.1
PATIENCE_SECONDS = 180.0


@pytest.fixture(autouse=True)
def left_sockets() -> Iterator[None]:
    yield
    collect_sockets()


@dataclass
class Estate:
    """A workspace as each office has it: the same folder, and credentials of its own."""

    guarded: GuardedKafka
    root: Path

    def of(self, office: str) -> Workspace:
        user = name_user(office, PREFIX)
        return open_workspace(self.root, environment=self.guarded.environment(user, self.root / "kafka-users" / user))

    def settle(self, pristine: Path, pas: RunPas) -> None:
        """Whoever runs the gateway has PAS's credentials in pas.toml; only who applies topics has the administrator's."""
        shrink(pristine, self.root, frozenset(OFFICES))
        user = name_user("pas", PREFIX)
        kept = [line for line in (self.root / "pas.toml").read_text().splitlines() if not line.startswith("transport")]
        given = [
            'transport = "kafka"', f'bootstrap = "{self.guarded.bootstrap}"', f'kafka_prefix = "{PREFIX}"', f'kafka_user = "{user}"',
            f'kafka_ca_path = "{self.guarded.authority}"', f'kafka_password_path = "kafka-users/{user}"',
            f"kafka_wait_seconds = {WAIT_SECONDS}", f"kafka_session_seconds = {SESSION_SECONDS}",
        ]  # fmt: skip
        (self.root / "pas.toml").write_text("\n".join([*given, *kept]) + "\n")
        pas("topics", "apply", cwd=self.root, env=self.guarded.admin_environment(), code=0)


@dataclass
class Load:
    """Every force publishes, again and again, at a steady pace and by a connection of its own, until it is told to stop."""

    story: Story
    estate: Estate
    chunks: int = 0
    refused: list[PublishError] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        # Here, since a publisher's journal belongs to the thread that opened it.
        with ExitStack() as stack:
            publishers = {office: stack.enter_context(Publisher.of(self.estate.of(office), office)) for office in ORIGINATORS}
            while not self._over.is_set():
                for report in self.story.reports(CHUNK):
                    self._insist(publishers[report["originator"]], [report])
                    self._over.wait(BETWEEN_SECONDS)
                self.chunks += 1

    def _insist(self, publisher: Publisher, reports: list[dict[str, Any]]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                publisher.publish(reports)
                return
            except PublishError as error:
                self.refused.append(error)
            assert self.refused[-1].retriable
            assert time.monotonic() < deadline, "the log never took them"

    def await_more(self) -> None:
        """The forces have got some chunks through since now."""
        wanted = self.chunks + CHUNKS_EACH
        until(lambda: self.chunks >= wanted, "the forces publish")

    def __enter__(self) -> Load:
        self._thread = threading.Thread(target=self.run)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()


class Group:
    """The gateway's group as the cluster's administrator sees it."""

    def __init__(self, admin: KafkaAdminClient) -> None:
        self._admin = admin

    def read(self) -> dict[str, frozenset[int]]:
        """Its members, and which partitions of the reports each holds; nobody while it settles."""
        name = PREFIX + "pas-gateway"
        try:
            found = self._admin.describe_groups([name])[name]
        except (KafkaError, OSError):
            return {}
        if found["group_state"] != "Stable":
            return {}
        return {member["member_id"]: _reports_of(member["member_assignment"]) for member in found["members"]}

    def await_heirs(self, before: Collection[str] = ()) -> frozenset[str]:
        """Its members, once they hold every partition, each by one, and one of them was not there before."""
        held: dict[str, frozenset[int]] = {}

        def settled() -> bool:
            held.clear()
            held.update(self.read())
            whole = sorted(number for numbers in held.values() for number in numbers) == list(range(REPORTS.partitions))
            return whole and bool(held.keys() - set(before))

        until(settled, "the group has dealt its partitions anew")
        return frozenset(held)


def _reports_of(assignment: dict[str, Any]) -> frozenset[int]:
    parts = [one for one in assignment["assigned_partitions"] if one["topic"] == PREFIX + REPORTS.name]
    return frozenset(number for one in parts for number in one["partitions"])


def kill_a_worker(group: Group, gateway: RunningGateway, load: Load) -> None:
    """The group deals its partitions anew, to the other worker and to the heir."""
    before = group.await_heirs()
    gateway.kill_worker("worker-1")
    group.await_heirs(before)
    load.await_more()


def replace_a_node(guarded: GuardedKafka, admin: KafkaAdminClient, load: Load) -> None:
    """As the runbook says: an empty machine takes a lost one's place, and counts once every partition is whole on it."""
    lost = guarded.nodes[2]
    lost.lose()
    load.await_more()
    lost.start()
    until(lambda: count_behind(admin) == 0, "the new node has everything")


def restart_a_node(node: Node, load: Load) -> None:
    """Two of three nodes go on taking records, the new one among them; then there are three again."""
    node.kill()
    load.await_more()
    node.start()
    load.await_more()


def count_behind(admin: KafkaAdminClient) -> int:
    """Partitions that do not lie whole on three nodes."""
    try:
        found = admin.describe_topics([name for name in admin.list_topics() if name.startswith(PREFIX)])
    except (KafkaError, OSError):
        return -1
    return sum(len(part["isr_nodes"]) < 3 for topic in found for part in topic["partitions"])


def judge(estate: Estate, log: KafkaLog, story: Story) -> None:
    """From the log and the inboxes alone, each inbox with its own credentials."""
    workspace = estate.of("pas")
    sent = judge_log(log, workspace)
    assert find_journeys(sent) == story.journeys
    assert count_notices(sent, "ACCEPTED", "REJECTED", "QUARANTINED") == count_words(log, workspace)
    assert story.words.keys() == count_words(log, workspace).keys()
    addressed = list_addressed(log, workspace)
    assert set(addressed) == {office for office in OFFICES if office not in {"pas", "feed:nomis"}}
    taken = [one for office in addressed for one in take_everything(estate.of(office), [office])]
    assert max(Counter(one.id for one in taken).values()) == 1
    assert {one.id for one in taken} == {one.datum["delivery_id"] for one in sent}
    with RunningGateway(estate.root, "--until-idle") as last:
        assert last.wait()["replies"] == len(taken)


def test_nothing_is_lost_or_doubled_while_a_worker_and_a_node_die_under_load(
    guarded: GuardedKafka, pristine: Path, pas: RunPas, tmp_path: Path
) -> None:
    estate = Estate(guarded, tmp_path / "ws")
    estate.settle(pristine, pas)
    story = Story(estate.of("pas"))
    send_movements(estate.of("feed:nomis"), story.movements())
    with ExitStack() as stack:
        log = stack.enter_context(KafkaLog(guarded.admin, prefix=PREFIX))
        assert len(log.ends([REPORTS.name])) == 3
        with RunningGateway(estate.root) as gateway:
            gateway.await_workers()
            admin = stack.enter_context(KafkaAdminClient(**guarded.admin.make_config()))
            group = Group(admin)
            with Load(story, estate) as load:
                load.await_more()
                kill_a_worker(group, gateway, load)
                replace_a_node(guarded, admin, load)
                restart_a_node(guarded.nodes[0], load)
            gateway.check()
            gateway.stop()
        with RunningGateway(estate.root, "--until-idle") as last:
            last.wait()
        judge(estate, log, story)
