"""Three guarded nodes for a whole run: TLS, SCRAM and ACLs; each test has a prefix or offices of its own on them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka_cluster import Cluster
from kafka_node import ADMIN, Node

from kafka_broker import LEAVES_SOCKETS, skip_without_kafka
from pas_transport.kafka_client import KafkaAccess

# For a module of such tests: one process has the cluster to itself.
GUARDED = [LEAVES_SOCKETS, pytest.mark.xdist_group("kafka-guarded")]
# Killed, a node is missed soon, and need not wait long for its own former session to end.
_SOON_MISSED = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
# Nothing here is kept for so short a time that anybody need look for it twice a second, in each of a thousand partitions.
_RARELY_CLEANED = {"log.retention.check.interval.ms": "60000", "log.cleaner.backoff.ms": "15000"}


@dataclass(frozen=True)
class GuardedKafka:
    """The cluster as its administrator sees it."""

    cluster: Cluster

    @property
    def bootstrap(self) -> str:
        return self.cluster.bootstrap

    @property
    def authority(self) -> Path:
        return self.cluster.authority

    @property
    def nodes(self) -> list[Node]:
        return self.cluster.nodes

    @property
    def admin(self) -> KafkaAccess:
        return self.access(ADMIN, self.cluster.password_path)

    def access(self, user: str, password_path: Path) -> KafkaAccess:
        return KafkaAccess(self.bootstrap, self.authority, user, password_path.read_text().strip())

    def environment(self, user: str, password_path: Path) -> dict[str, str]:
        """By which a workspace goes there as this user."""
        given = {"CA_PATH": self.authority, "USER": user, "PASSWORD_PATH": password_path}
        return {f"PAS_KAFKA_{name}": str(value) for name, value in given.items()}

    def admin_environment(self) -> dict[str, str]:
        return self.environment(ADMIN, self.cluster.password_path)


@contextmanager
def run_guarded_kafka(folder: Path) -> Iterator[GuardedKafka]:
    """Starts it; skips where brokers of a test's own are not asked for."""
    skip_without_kafka()
    cluster = Cluster(folder, properties=_SOON_MISSED | _RARELY_CLEANED, heap_mb=256)
    try:
        cluster.start()
        yield GuardedKafka(cluster)
    finally:
        # Nobody reads it again: it need not leave in order.
        for node in cluster.nodes:
            node.kill()
