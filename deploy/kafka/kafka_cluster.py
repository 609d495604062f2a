"""Three Kafka nodes on this machine with TLS, SCRAM-SHA-512 and ACLs, every partition on all three: `make kafka3`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from certificates import Authority
from kafka_node import ADMIN, HERE, Guard, Node, NodeError, Quorum, find_free_port, make_cluster_id

NODES = 3
HEAP_MB = 400
FIRST_PORT = 9093


class Cluster:
    """Three guarded nodes in one folder; started again on it they are the same cluster."""

    def __init__(
        self,
        folder: Path,
        ports: Mapping[int, int] | None = None,
        properties: Mapping[str, str] | None = None,
        heap_mb: int = HEAP_MB,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self._notes = self._read_notes(ports)
        self.authority = self.folder / "authority.pem"
        self.password_path = self.folder / "admin.password"
        password = self._notes["password"]
        self.password_path.touch(mode=0o600)
        self.password_path.write_text(f"{password}\n")
        self._issue()
        controllers = {int(number): port for number, port in self._notes["controllers"].items()}
        self.nodes = [
            Node(
                self.folder / f"node-{number}",
                self._notes["ports"][str(number)],
                properties,
                heap_mb=heap_mb,
                guard=Guard(self.folder / f"node-{number}.pem", self.authority, password),
                quorum=Quorum(number, controllers, self._notes["cluster"]),
            )
            for number in controllers
        ]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)

    def start(self) -> None:
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.await_port()

    def stop(self) -> None:
        """The controllers want a majority to leave in order: those that are last are killed."""
        for node in self.nodes:
            if node.process is not None:
                with suppress(ProcessLookupError):
                    node.process.terminate()
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline and any(node.process is not None and node.process.poll() is None for node in self.nodes):
            time.sleep(0.1)
        for node in self.nodes:
            node.kill()

    def _read_notes(self, ports: Mapping[int, int] | None) -> dict[str, Any]:
        """Ports, password and the cluster's id stay the same for the life of the folder."""
        file = self.folder / "cluster.json"
        if not file.exists():
            numbers = range(1, NODES + 1)
            notes = {
                "cluster": make_cluster_id(),
                "password": secrets.token_urlsafe(24),
                "ports": {str(number): (ports or {}).get(number) or find_free_port() for number in numbers},
                "controllers": {str(number): find_free_port() for number in numbers},
            }
            file.touch(mode=0o600)
            file.write_text(json.dumps(notes))
        return dict(json.loads(file.read_text()))

    def _issue(self) -> None:
        if self.authority.exists():
            return
        authority = Authority.make(self.authority)
        for number in self._notes["controllers"]:
            authority.issue(self.folder / f"node-{number}.pem")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run three Apache Kafka nodes on this machine, with TLS, credentials and ACLs.")
    parser.add_argument("--folder", type=Path, default=HERE / "data3", help="their data (default: data3/ beside this file)")
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    cluster = Cluster(told.folder, {number: FIRST_PORT + number - 1 for number in range(1, NODES + 1)})
    try:
        cluster.start()
        print(f"Kafka at {cluster.bootstrap}; Ctrl-C ends it. As its administrator, in a workspace made with that --bootstrap:")
        print(f"  export PAS_KAFKA_CA_PATH={cluster.authority} PAS_KAFKA_USER={ADMIN} PAS_KAFKA_PASSWORD_PATH={cluster.password_path}")
        print("  pas topics apply", flush=True)
        for node in cluster.nodes:
            assert node.process is not None
            node.process.wait()
    except NodeError as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        pass
    finally:
        cluster.stop()


if __name__ == "__main__":
    os.umask(0o077)
    main()
