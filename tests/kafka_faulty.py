"""A broker of the fault tests' own behind a proxy, to be killed, held and cut off; each test has its own topics on it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from kafka_node import Node, find_free_port

from copying import copy_offices
from kafka_broker import LEAVES_SOCKETS, skip_without_kafka
from kafka_proxy import KafkaProxy
from pas_transport.issuing import change
from pas_transport.kafka_client import KafkaAccess
from pas_transport.kafka_log import KafkaLog
from pas_transport.workspace import Workspace, declared_topics, open_workspace

# Short, so that a fault is soon given up; a machine that is busy answers within them.
WAIT_SECONDS, SESSION_SECONDS = 2, 3
# What such a wait may come to on a busy machine, several of them one after the other: it has an end.
PATIENCE_SECONDS = 180.0
# Killed, it need not wait long for its own former session to end.
_SOON_BACK = {"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "300"}
# For a module of such tests.
FAULTS = [LEAVES_SOCKETS, pytest.mark.xdist_group("kafka-faults")]


class FaultyKafka:
    """The broker and the proxy before it; clients know the proxy's address alone."""

    def __init__(self, node: Node, proxy: KafkaProxy) -> None:
        self.node = node
        self.proxy = proxy
        self.bootstrap = f"127.0.0.1:{proxy.port}"

    def open_log(self, *, prefix: str = "", wait_seconds: float = WAIT_SECONDS, shift_ms: int = 0) -> KafkaLog:
        return KafkaLog(
            KafkaAccess(self.bootstrap), create=True, prefix=prefix, wait_seconds=wait_seconds, shift_ms=shift_ms,
            session_seconds=SESSION_SECONDS,
        )  # fmt: skip

    @contextmanager
    def held(self) -> Iterator[None]:
        """The broker has its connections and answers nothing: every one of its threads stands."""
        assert self.node.process is not None
        tasks = Path(f"/proc/{self.node.process.pid}/task")
        self.node.pause()
        try:
            while any(_state(task) not in "TZX" for task in tasks.iterdir()):
                os.sched_yield()
            yield
        finally:
            self.node.resume()

    @contextmanager
    def dead(self) -> Iterator[None]:
        """The broker is killed, and started again in the end."""
        self.node.kill()
        try:
            yield
        finally:
            self.node.start()

    def settle(self, pristine: Path, root: Path, offices: Iterable[str]) -> Workspace:
        """A workspace on this broker whose directory holds these offices and no other, with its topics made."""
        settings = (f"kafka_wait_seconds = {WAIT_SECONDS}", f"kafka_session_seconds = {SESSION_SECONDS}")
        return settle(self.bootstrap, pristine, root, offices, settings)


def settle(bootstrap: str, pristine: Path, root: Path, offices: Iterable[str], settings: Iterable[str] = ()) -> Workspace:
    """A workspace on a broker, under a prefix of its own, whose directory holds these offices and no other, with its topics made."""
    prefix = f"f{secrets.token_hex(4)}."
    workspace = place(bootstrap, pristine, root, offices, (f'kafka_prefix = "{prefix}"', *settings))
    with KafkaLog(KafkaAccess(bootstrap), create=True, prefix=prefix, wait_seconds=30.0) as log:
        log.ensure(declared_topics(workspace.directory()))
    return workspace


def place(bootstrap: str, pristine: Path, root: Path, offices: Iterable[str], settings: Iterable[str] = ()) -> Workspace:
    """The same, where nobody has asked the broker for anything yet."""
    shrink(pristine, root, frozenset(offices))
    kept = [line for line in (root / "pas.toml").read_text().splitlines() if not line.startswith("transport")]
    given = ['transport = "kafka"', f'bootstrap = "{bootstrap}"', *settings]
    (root / "pas.toml").write_text("\n".join([*given, *kept]) + "\n")
    return open_workspace(root, environment={})


@contextmanager
def run_faulty_kafka(folder: Path) -> Iterator[FaultyKafka]:
    """Starts both; skips where brokers of a test's own are not asked for."""
    skip_without_kafka()
    door = find_free_port()
    node = Node(folder, properties={"advertised.listeners": f"PLAINTEXT://127.0.0.1:{door}", **_SOON_BACK})
    try:
        with KafkaProxy(door, node.port) as proxy:
            node.start()
            yield FaultyKafka(node, proxy)
    finally:
        node.kill()


def shrink(pristine: Path, root: Path, offices: frozenset[str]) -> Workspace:
    """A copy of the example workspace with these offices alone: what is made for every office takes a moment."""
    workspace = open_workspace(copy_offices(pristine, root, ("root", *offices)), environment={})
    change(workspace, lambda snapshot, _now: replace(snapshot, offices=tuple(one for one in snapshot.offices if one.id in offices)))
    return workspace


def _state(task: Path) -> str:
    """One letter of /proc; X where the thread is gone."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"
