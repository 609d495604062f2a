"""A real Kafka for the tests: one that is named, else one in Docker, else Apache Kafka itself, shared by the processes of a run."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import kafka_node
import pytest

START_SECONDS = 180.0
PULL_SECONDS = 300
# kafka-python leaves the socket of a connection that failed to the garbage collector: see `collect_sockets`.
LEAVES_SOCKETS = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
IMAGE = "apache/kafka:4.3.1"
# The last test of each group, and what runs for some of them.
_last: dict[str, pytest.Item] = {}
_running: dict[str, ExitStack] = {}


@contextmanager
def find_broker(folder: Path) -> Iterator[str]:
    """host:port of a broker; where none is to be had the test is skipped, or fails where PAS_REQUIRE_KAFKA says so."""
    named = os.environ.get("PAS_TEST_KAFKA")
    if named:
        yield named
    elif has_docker():
        with _in_docker() as address:
            yield address
    else:
        _skip_if_missing()
        with _shared_node(folder) as address:
            yield address


def collect_sockets() -> None:
    """For the end of a test marked LEAVES_SOCKETS: what it left is not found in another, where it is not expected."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def note_last(items: Iterable[pytest.Item]) -> None:
    """Which test is the last of each group: one process runs them all, in this order."""
    _last.update({group: item for item in items if (group := _group_of(item))})


def _group_of(item: pytest.Item) -> str | None:
    mark = item.get_closest_marker("xdist_group")
    return mark and mark.args[0]


@contextmanager
def ending_with_group(group: str) -> Iterator[ExitStack]:
    """What a fixture of a whole run enters here ends with the last test of its group."""
    with ExitStack() as stack:
        stack.callback(collect_sockets)
        _running[group] = stack
        yield stack


def end_brokers(item: pytest.Item) -> None:
    """After each test: what ran for its group, where it was the last of it."""
    group = _group_of(item)
    if group in _running and _last[group] is item:
        _running.pop(group).close()


def skip_without_kafka() -> None:
    """For tests that start brokers of their own, which takes minutes: they run where PAS_REQUIRE_KAFKA=1 asks for them."""
    if os.environ.get("PAS_REQUIRE_KAFKA") != "1":
        pytest.skip("starts brokers of its own: run with PAS_REQUIRE_KAFKA=1")
    _skip_if_missing()


def _skip_if_missing() -> None:
    missing = kafka_node.find_missing()
    if missing:
        require_kafka(missing)


def require_kafka(missing: str) -> None:
    if os.environ.get("PAS_REQUIRE_KAFKA") == "1":
        pytest.fail(f"PAS_REQUIRE_KAFKA=1, but {missing}")
    pytest.skip(missing)


def has_docker() -> bool:
    """Whether there is an engine that answers, and the image is there or can be fetched."""
    if shutil.which("docker") is None:
        return False
    return _docker("info") and (_docker("image", "inspect", IMAGE) or _docker("pull", "--quiet", IMAGE, seconds=PULL_SECONDS))


def _docker(*command: str, seconds: int = 10) -> bool:
    with suppress(subprocess.TimeoutExpired):
        return subprocess.run(["docker", *command], capture_output=True, timeout=seconds, check=False).returncode == 0
    return False


@contextmanager
def _in_docker() -> Iterator[str]:
    from testcontainers.core.container import DockerContainer

    port = kafka_node.find_free_port()
    container = DockerContainer(IMAGE).with_bind_ports(port, port)
    controller = kafka_node.find_free_port()
    # The image's own script formats the folder for a controller that is named, and for no other.
    quorum = kafka_node.Quorum(1, {1: controller}, kafka_node.make_cluster_id())
    for line in kafka_node.make_properties(port, controller, "/tmp/kafka", quorum=quorum).splitlines():
        key, sign, value = line.partition("=")
        if sign and not key.startswith("#"):
            # Bound in the container to every address, so that the host's port reaches it.
            value = value.replace(f"PLAINTEXT://127.0.0.1:{port}", f"PLAINTEXT://:{port}") if key == "listeners" else value
            container = container.with_env("KAFKA_" + key.upper().replace(".", "_"), value)
    with container:
        _await_answer(f"127.0.0.1:{port}")
        yield f"127.0.0.1:{port}"


@contextmanager
def _shared_node(folder: Path) -> Iterator[str]:
    """Whoever comes first starts it; it ends when the last lock on the file of users is gone, however its holder went."""
    users, starting, address = folder / "kafka.users", folder / "kafka.starting", folder / "kafka.address"
    with users.open("a") as using, starting.open("a") as starter:
        fcntl.flock(using, fcntl.LOCK_SH)
        fcntl.flock(starter, fcntl.LOCK_EX)
        node = None if address.exists() else _start_node(folder, users, address)
        fcntl.flock(starter, fcntl.LOCK_UN)
        try:
            yield address.read_text()
        finally:
            fcntl.flock(using, fcntl.LOCK_UN)
            if node is not None:
                node.wait()


def _start_node(folder: Path, users: Path, address: Path) -> subprocess.Popen[bytes]:
    kafka_node.fetch()
    data = folder / f"kafka-{os.getpid()}"
    command = [sys.executable, kafka_node.__file__, "--folder", str(data), "--users", str(users), "--address", str(address)]
    node = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + START_SECONDS
    while not address.exists():
        assert node.poll() is None, "Kafka did not start"
        assert time.monotonic() < deadline, "Kafka did not start in time"
        time.sleep(0.05)
    return node


def _await_answer(bootstrap: str) -> None:
    from pas_transport.kafka_client import KafkaAccess
    from pas_transport.kafka_log import KafkaLog

    KafkaLog(KafkaAccess(bootstrap), wait_seconds=START_SECONDS).close()
