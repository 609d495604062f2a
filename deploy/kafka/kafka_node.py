"""Starts Apache Kafka itself, one KRaft node on this machine: `python kafka_node.py --port 9092`, or `Node` in a test.

Nothing but Java 17, Maven and Python's own library is needed; the jars are fetched once, into libs/ beside this file.
"""

from __future__ import annotations

import argparse
import base64
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBS = HERE / "libs"
# Kafka's classes as Java has them once they are read and checked: with them a node starts for little more than half of what it costs.
CLASSES = LIBS / "classes.jsa"
# Says that this was done, and where: in a folder that was copied or moved Java takes nothing of it, and says nothing.
_KEPT = LIBS / ".kept"
# On a machine that has much else to do; alone it takes some seconds.
START_SECONDS = 180.0
STOP_SECONDS = 20.0
# How Java ends where it was told to.
EXIT_TERMINATED = 128 + signal.SIGTERM
# A child whose parent is killed is killed too (prctl(2), PR_SET_PDEATHSIG): no broker outlives its test.
_PR_SET_PDEATHSIG = 1

# Few partitions of its own, no waiting for members, and little memory: a node to work with, not to serve a county.
_PROPERTIES = """\
process.roles=broker,controller
node.id={number}
listeners={door}://{bound}:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={door}://{host}:{port}
inter.broker.listener.name={door}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs={folder}/data
auto.create.topics.enable=false
log.message.timestamp.type=LogAppendTime
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=1
default.replication.factor={replicas}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
share.coordinator.state.topic.replication.factor={replicas}
min.insync.replicas={in_sync}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.min.isr={in_sync}
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.threads=1
log.index.size.max.bytes=1048576
num.network.threads=2
num.io.threads=4
# Twice a second, as Kafka has it, a record that says nothing is written, agreed upon and read: two fifths of what an idle node costs.
metadata.max.idle.interval.ms=30000
# What is past its retention goes soon, not within five minutes: whoever tries retention out sees it. Every partition is looked at
# each time: of a few thousand, twice a second, they would take a sixth of a core.
log.initial.task.delay.ms=500
log.retention.check.interval.ms=2000
log.cleaner.backoff.ms=1000
"""


# TLS, a password for everybody, and nothing allowed that was not granted. Controllers talk among themselves on this machine only.
_GUARD = """\
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
ssl.client.auth=none
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\
  username="{admin}" password="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin};User:ANONYMOUS
"""
ADMIN = "admin"


class NodeError(Exception):
    """Kafka cannot be fetched or does not start; says why in one sentence."""


@dataclass(frozen=True)
class Guard:
    """What a guarded node needs: its key and certificate in one PEM file, the authority's certificate, the administrator's password."""

    keystore: Path
    authority: Path
    password: str = field(repr=False)


@dataclass(frozen=True)
class Quorum:
    """A node's place among several: its number, every controller's port by number, and the cluster's id."""

    number: int
    controllers: Mapping[int, int]
    cluster: str


class Node:
    """One broker with its data in `folder`; started again on the same folder and port it is the same broker."""

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        properties: Mapping[str, str] | None = None,
        heap_mb: int = 256,
        guard: Guard | None = None,
        quorum: Quorum | None = None,
    ) -> None:
        self._folder = folder.resolve()
        self.port = port or find_free_port()
        self._quorum = quorum
        self._controller = quorum.controllers[quorum.number] if quorum else find_free_port()
        self._guard = guard
        self._properties = dict(properties or {})
        self._heap_mb = heap_mb
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Format where it was not, start, and return when it takes connections; raises NodeError."""
        self.launch()
        self.await_port()

    def launch(self) -> None:
        """Format where it was not, and start; of several nodes each answers only once most are up."""
        fetch()
        self._launch()

    def keep_classes(self, target: Path) -> bool:
        """Start and stop; whether Java left its classes in `target` when it ended."""
        self._launch([f"-XX:ArchiveClassesAtExit={target}"])
        self.await_port()
        assert self.process is not None
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(START_SECONDS) == EXIT_TERMINATED and target.exists()
        return False

    def _launch(self, options: Sequence[str] = ()) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / "server.properties"
        file.write_text(make_properties(self.port, self._controller, str(self._folder), self._guard, self._quorum) + self._extra())
        if not (self._folder / "data" / "meta.properties").exists():
            self._format(file)
        self.process = self._spawn([*options, "kafka.Kafka", str(file)])

    def _extra(self) -> str:
        return "".join(f"{key}={value}\n" for key, value in self._properties.items())

    def stop(self) -> None:
        """Shut down in order; killed where it takes too long."""
        if self.process is None:
            return
        self.resume()
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """SIGKILL, as when the power goes."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def lose(self) -> None:
        """Its machine is gone with its disk; started again it is an empty one under the same number and address."""
        self.kill()
        shutil.rmtree(self._folder / "data")

    def pause(self) -> None:
        """It still has its connections, and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _format(self, file: Path) -> None:
        cluster = self._quorum.cluster if self._quorum else make_cluster_id()
        command = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(file)]
        command += [] if self._quorum else ["--standalone"]
        if self._guard:
            command += ["--add-scram", f"SCRAM-SHA-512=[name={ADMIN},password={self._guard.password}]"]
        if self._spawn(command).wait(START_SECONDS) != 0:
            raise NodeError(f"Kafka could not format its data folder: see {self._folder}/kafka.log")

    def _spawn(self, arguments: list[str]) -> subprocess.Popen[bytes]:
        command = [*make_java(f"-Xms{self._heap_mb // 2}m", f"-Xmx{self._heap_mb}m"), *arguments]
        with (self._folder / "kafka.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent)

    def await_port(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise NodeError(f"Kafka ended while it started: see {self._folder}/kafka.log")
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            time.sleep(0.05)
        self.kill()
        raise NodeError(f"Kafka did not start within {START_SECONDS:.0f} seconds: see {self._folder}/kafka.log")


def make_properties(
    port: int, controller: int, folder: str, guard: Guard | None = None, quorum: Quorum | None = None, host: str = "127.0.0.1"
) -> str:
    """server.properties of one node, reached under the name `host`: from this machine alone, or, under another name, from everywhere."""
    nodes = len(quorum.controllers) if quorum else 1
    text = _PROPERTIES.format(
        number=quorum.number if quorum else 1,
        door="SASL_SSL" if guard else "PLAINTEXT",
        port=port,
        host=host,
        bound=host if host == "127.0.0.1" else "",
        controller=controller,
        folder=folder,
        replicas=nodes,
        in_sync=nodes // 2 + 1,
    )
    if quorum:
        voters = ",".join(f"{number}@127.0.0.1:{there}" for number, there in quorum.controllers.items())
        text += f"controller.quorum.voters={voters}\n"
    else:
        text += f"controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n"
    if guard:
        text += _GUARD.format(keystore=guard.keystore, authority=guard.authority, admin=ADMIN, password=guard.password)
    return text


def make_java(*options: str) -> list[str]:
    """The command that runs a class of Kafka, to be named after it; the classes Java kept go with this order of jars alone."""
    kept = [f"-XX:SharedArchiveFile={CLASSES}"] if CLASSES.exists() else []
    jars = os.pathsep.join(str(jar) for jar in sorted(LIBS.glob("*.jar")))
    return [
        "java", *options, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *kept,
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Djava.awt.headless=true", "-cp", jars,
    ]  # fmt: skip


def make_cluster_id() -> str:
    """A new cluster's id as Kafka writes them; never with a dash in front, which its tool would take for an option."""
    return base64.urlsafe_b64encode(b"\x00" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


def find_missing() -> str | None:
    """What is lacking to run Kafka here, or None."""
    if shutil.which("java") is None:
        return "Java is not installed (Debian: openjdk-17-jre-headless)"
    if not (LIBS / ".complete").exists() and shutil.which("mvn") is None:
        return "Maven is not installed (Debian: maven)"
    return None


def fetch() -> None:
    """Bring Kafka's jars into libs/, once, with the classes Java makes of them; of several that ask at a time one does it.

    Raises NodeError.
    """
    if _is_kept():
        return
    missing = find_missing()
    if missing:
        raise NodeError(missing)
    LIBS.mkdir(exist_ok=True)
    with (LIBS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (LIBS / ".complete").exists():
            _fetch_jars()
        if not _is_kept():
            _keep_classes()


def _fetch_jars() -> None:
    command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={LIBS}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NodeError(f"Maven could not fetch Kafka: {(done.stdout + done.stderr).strip()[-400:]}")
    (LIBS / ".complete").touch()


def _keep_classes() -> None:
    """Tried once: a Java that cannot keep classes runs Kafka all the same."""
    CLASSES.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        node, draft = Node(Path(folder)), CLASSES.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        try:
            kept = node.keep_classes(draft)
        except NodeError:
            kept = False
        finally:
            node.kill()
        if kept:
            draft.rename(CLASSES)
    _KEPT.write_text(str(LIBS))


def _is_kept() -> bool:
    return _KEPT.exists() and _KEPT.read_text() == str(LIBS)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def serve(node: Node, users: Path | None, address: Path | None) -> None:
    """Run until told to stop, or, where a file of users is named, until nobody holds a lock on it any more."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    node.start()
    try:
        if address is not None:
            draft = address.with_suffix(".draft")
            draft.write_text(node.bootstrap)
            draft.rename(address)
        print(f"Kafka at {node.bootstrap}; Ctrl-C ends it.", flush=True)
        if users is None:
            assert node.process is not None
            node.process.wait()
            return
        with users.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if address is not None:
                address.unlink(missing_ok=True)
    except KeyboardInterrupt:
        pass
    finally:
        node.stop()


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Run one Apache Kafka node on this machine, without TLS or credentials: to try things out."
    )
    parser.add_argument("--port", type=int, default=None, help="where it listens, on 127.0.0.1 (default: a free port)")
    parser.add_argument("--folder", type=Path, default=HERE / "data", help="its data (default: data/ beside this file)")
    parser.add_argument("--heap-mb", type=int, default=256)
    parser.add_argument("--users", type=Path, help="end when nobody holds a shared lock (flock) on this file")
    parser.add_argument("--address", type=Path, help="write host:port here when it takes connections")
    told = parser.parse_args()
    try:
        serve(Node(told.folder, told.port, heap_mb=told.heap_mb), told.users, told.address)
    except NodeError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    os.umask(0o077)
    main()
