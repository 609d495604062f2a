"""A gateway at work while Kafka dies, hangs, loses answers and moves partitions: judged from log and inboxes, counted where it struck."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient

from conftest import RunPas
from gateway.judging import count_notices, count_words, find_journeys, judge_log, list_addressed, read_sent, take_everything
from gateway.killing import Hunt, RunningGateway, until
from gateway.stories import ORIGINATORS, PRISONS, ROLES, Story
from gateway.test_kills import send_movements
from kafka_broker import collect_sockets
from kafka_faulty import FAULTS, PATIENCE_SECONDS, WAIT_SECONDS, FaultyKafka
from kafka_proxy import Api
from pas_producers import Publisher, PublishError
from pas_schemas.errors import LogError
from pas_schemas.topics import MOVEMENTS, REPLIES, REPORTS
from pas_transport.kafka_log import KafkaLog
from pas_transport.log import LogUnavailableError
from pas_transport.workspace import Workspace

pytestmark = FAULTS
OFFICES = ("pas", "feed:nomis", *ORIGINATORS, *(f"{role}:{prison}" for role in ROLES for prison in PRISONS))
# `make torture` asks for more of each, and for a minute without any broker.
STRIKES = int(os.environ.get("PAS_TEST_STRIKES", "1"))
AWAY_SECONDS = int(os.environ.get("PAS_TEST_AWAY_SECONDS", str(WAIT_SECONDS)))
CHUNK = 12
HOLD_SECONDS = 1.0
# Where a worker has something in hand that a fault could lose or double.
PLACES = ("deciding", "before commit", "after commit", "dispatching")
GROUP = "pas-gateway"
WORKERS_TOPICS = (MOVEMENTS.name, REPLIES.name, REPORTS.name)
# Without anybody caught at work in so many chunks there is none at work.
MAX_CHUNKS = 40
MANY = 10**6


@pytest.fixture(autouse=True)
def left_sockets() -> Iterator[None]:
    yield
    collect_sockets()


@dataclass
class Scene:
    """A gateway on its broker, a publisher that never gives up, and what must come of it all."""

    faulty: FaultyKafka
    workspace: Workspace
    story: Story
    publisher: Publisher
    log: KafkaLog
    gateway: RunningGateway
    hunt: Hunt = field(default_factory=lambda: Hunt(PLACES))
    failed: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)

    def publish(self, fault: str | None = None, count: int = CHUNK) -> None:
        """Until the log has all of them; how often it was refused is counted under the fault's name."""
        self.insist(self.story.reports(count), fault)

    def insist(self, reports: list[dict[str, Any]], fault: str | None) -> None:
        deadline = time.monotonic() + AWAY_SECONDS + PATIENCE_SECONDS
        while True:
            try:
                self.publisher.publish(reports)
                return
            except PublishError as failure:
                self.refused(failure, reports, fault)
                assert time.monotonic() < deadline, "the log never took them"
            time.sleep(0.05)

    def refused(self, failure: PublishError, reports: list[dict[str, Any]], fault: str | None) -> None:
        assert fault, failure
        assert failure.retriable
        assert set(failure.urns) <= {report["urn"] for report in reports}
        self.failed[fault] += 1

    def fail(self, fault: str) -> list[dict[str, Any]]:
        """One call that is given up in bounded time; what was not taken."""
        reports, started = self.story.reports(CHUNK), time.monotonic()
        with pytest.raises(PublishError) as caught:
            self.publisher.publish(reports)
        assert time.monotonic() - started < PATIENCE_SECONDS
        self.refused(caught.value, reports, fault)
        return reports

    def settle(self) -> None:
        """Every originator has been told of every report it has in the log so far."""
        words = count_words(self.log, self.workspace).keys()
        until(lambda: words <= self.told().keys(), "everything in the log was decided")

    def told(self) -> Counter[tuple[str, str, str]]:
        self.gateway.check()
        sent = [one for office in ORIGINATORS for one in read_sent(self.log, self.workspace, office)]
        return count_notices(sent, "ACCEPTED", "REJECTED", "QUARANTINED")


@pytest.fixture
def scene(faulty: FaultyKafka, pristine: Path, tmp_path: Path) -> Iterator[Scene]:
    faulty.proxy.struck.clear()
    workspace = faulty.settle(pristine, tmp_path / "ws", OFFICES)
    story = Story(workspace)
    send_movements(workspace, story.movements())
    try:
        with (
            Publisher.of(workspace) as publisher,
            faulty.open_log(prefix=prefix_of(workspace)) as log,
            RunningGateway(workspace.root) as gateway,
        ):
            gateway.await_workers()
            yield Scene(faulty, workspace, story, publisher, log, gateway)
    finally:
        faulty.proxy.restore()


def prefix_of(workspace: Workspace) -> str:
    return workspace.settings.kafka_prefix or ""


def judge(scene: Scene) -> None:
    """What is left is done undisturbed; then log and inboxes say what came of every record."""
    scene.gateway.stop()
    with RunningGateway(scene.workspace.root, "--until-idle") as last:
        last.wait()
    sent = judge_log(scene.log, scene.workspace)
    assert find_journeys(sent) == scene.story.journeys
    assert count_notices(sent, "ACCEPTED", "REJECTED", "QUARANTINED") == count_words(scene.log, scene.workspace)
    assert scene.story.words.keys() == count_words(scene.log, scene.workspace).keys()
    taken = take_everything(scene.workspace, list_addressed(scene.log, scene.workspace))
    assert max(Counter(one.id for one in taken).values()) == 1
    assert {one.id for one in taken} == {one.datum["delivery_id"] for one in sent}
    kinds = Counter((one.office, one.urn, one.kind) for one in taken if one.kind != "NOTICE")
    assert kinds == Counter((*place, kind) for place, journey in scene.story.journeys.items() for kind in journey)


@contextmanager
def gone(scene: Scene) -> Iterator[None]:
    """Killed, and not there for longer than anybody waits; a worker that dies meanwhile has an heir that waits for it too."""
    with scene.faulty.dead():
        began = time.monotonic()
        yield
        count = lambda: sum(line["worker"] == "worker-2" for line in read_journal(scene, "log_unavailable"))  # noqa: E731  # one line
        missed = count()
        scene.gateway.kill_worker("worker-2")
        until(lambda: count() > missed, "the heir has found nobody there")
        # How long it lasts is what is tried out; nobody waits for it.
        time.sleep(max(0.0, began + AWAY_SECONDS - time.monotonic()))


@contextmanager
def hanging(scene: Scene) -> Iterator[None]:
    with scene.faulty.held():
        yield


@contextmanager
def unheard(scene: Scene) -> Iterator[None]:
    """What is written is stored, and nobody who wrote it is told."""
    lost = scene.faulty.proxy.struck["lost"]
    scene.faulty.proxy.lose_answers(Api.PRODUCE, MANY)
    yield
    scene.faulty.proxy.restore()
    assert scene.faulty.proxy.struck["lost"] > lost


def strike(scene: Scene, fault: Callable[[Scene], AbstractContextManager[None]]) -> None:
    """Breaks something under a worker that stands in the middle of its work, lets it go on, and publishes in vain meanwhile."""
    for _ in range(MAX_CHUNKS):
        scene.publish()
        with ExitStack() as broken:
            with scene.hunt.holding(scene.gateway, HOLD_SECONDS) as worker:
                if worker is None:
                    continue
                broken.enter_context(fault(scene))
            reports = scene.fail(fault.__name__)
        scene.insist(reports, fault.__name__)
        tell(scene, fault.__name__)
        return
    pytest.fail(f"nobody was caught at work to be struck by {fault.__name__}")


def tell(scene: Scene, fault: str) -> None:
    """A line for whoever waits for a long run."""
    scene.struck[fault] += 1
    print(f"struck at work: {dict(scene.struck)}, at {dict(scene.hunt.struck)}", flush=True)


def take_over(scene: Scene) -> None:
    """A worker stands between reading and commit until the group has given all it read to another; then it goes on."""
    with catch(scene):
        scene.settle()
    tell(scene, "taken over")


def join(scene: Scene) -> None:
    """Another member joins while a worker stands between reading and commit; it is given partitions, and leaves again."""
    over = threading.Event()

    def be_member() -> None:
        with scene.faulty.open_log(prefix=prefix_of(scene.workspace)) as log, log.subscribe(WORKERS_TOPICS, GROUP, lambda _: 0) as member:
            while not over.is_set():
                with suppress(LogUnavailableError):
                    member.poll(1, 0.1)
                if member.assigned():
                    given.set()

    given, thread = threading.Event(), threading.Thread(target=be_member)
    with catch(scene), KafkaAdminClient(bootstrap_servers=scene.faulty.bootstrap) as admin:
        group = prefix_of(scene.workspace) + GROUP
        thread.start()
        until(lambda: admin.describe_groups([group])[group]["group_state"] == "PreparingRebalance", "the group waits for the worker")
    try:
        assert given.wait(PATIENCE_SECONDS), "the new member was never given anything"
    finally:
        over.set()
        thread.join()
    scene.publish()
    tell(scene, "joined")


@contextmanager
def catch(scene: Scene) -> Iterator[None]:
    """One of two workers, with a batch in hand that it has not begun to write."""
    for _ in range(MAX_CHUNKS):
        scene.publish()
        with scene.gateway.holding("deciding", HOLD_SECONDS, ("worker-1", "worker-2")) as worker:
            if worker is not None:
                yield
                return
    pytest.fail("no worker was caught with a batch in hand")


@pytest.mark.timeout(600 + STRIKES * (90 + AWAY_SECONDS))
def test_faults_of_the_brokers_lose_and_double_nothing(scene: Scene) -> None:
    for _ in range(STRIKES):
        for fault in (gone, hanging, unheard):
            strike(scene, fault)
        join(scene)
        take_over(scene)
    assert set(scene.struck.values()) == {STRIKES}
    assert set(scene.failed) == {"gone", "hanging", "unheard"}
    judge(scene)


def test_topic_made_anew_stops_its_partitions_and_no_others(scene: Scene, pas: RunPas) -> None:
    # Enough that no partition is left out, before and after.
    scene.publish(count=36)
    scene.settle()
    with KafkaAdminClient(bootstrap_servers=scene.faulty.bootstrap) as admin:
        admin.delete_topics([prefix_of(scene.workspace) + REPORTS.name])
    with scene.faulty.open_log(prefix=prefix_of(scene.workspace)) as log:
        remake(log)
    fresh = scene.story.reports(36)
    scene.insist(fresh, "remade")
    urgent = {report["urn"] for report in fresh if report["priority"] == "THREAT_TO_LIFE"}
    until(lambda: urgent <= {urn for _, urn, _ in scene.told()}, "threats to life go on")
    until(
        lambda: len({line["partition"] for line in read_journal(scene, "partition_stopped")}) == REPORTS.partitions,
        "the gateway has said what it stopped",
    )
    assert not ({report["urn"] for report in fresh} - urgent) & {urn for _, urn, _ in scene.told()}
    scene.gateway.stop()
    done = pas("gateway", "run", "--until-idle", cwd=scene.workspace.root, code=1)
    assert done.err.count("is not the one this register has read") == REPORTS.partitions


def read_journal(scene: Scene, event: str) -> list[dict[str, Any]]:
    """What workers said; one may be in the middle of a line."""
    whole = (scene.workspace.root / "gateway.log").read_text().rpartition("\n")[0]
    return [line for line in map(json.loads, whole.splitlines()) if line["event"] == event]


def remake(log: KafkaLog) -> None:
    """A topic that was deleted takes a moment to be gone."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with suppress(LogError):
            log.ensure([REPORTS])
            return
        assert time.monotonic() < deadline, "the topic was never made anew"
        time.sleep(0.05)
