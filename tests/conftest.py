"""What every suite may use: an example estate, a copy of it to work in, and `pas` as a person types it."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from copying import copy_workspace, unchanged
from forked_pas import derive_once, shared, sharing
from kafka_broker import end_brokers, ending_with_group, find_broker, note_last
from kafka_faulty import FaultyKafka, run_faulty_kafka
from kafka_guarded import GuardedKafka, run_guarded_kafka
from pas_transport.founding import found_workspace
from pas_transport.workspace import Workspace, open_workspace


@dataclass(frozen=True)
class Answer:
    """What one run of `pas` left behind."""

    code: int
    out: str
    err: str


RunPas = Callable[..., Answer]
# So many tests leave some hundred files open at most.
COLLECT_EVERY = 100
# When the collector of cycles looks by itself: most of what a test makes goes without it.
COLLECT_AFTER = (20_000, 50, 100)
# The disk that memory makes, and how much of it has to be free.
MEMORY, ROOM_BYTES = Path("/dev/shm"), 8 << 30
_DONE = count(1)


def pytest_configure() -> None:
    """Before any test, for all of them."""
    derive_once()
    # A shell that runs the suite in the background has it ignore Ctrl-C, and so all that it starts: some tests send just that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if _has_room(MEMORY):
        # Where pytest, PostgreSQL and whoever is started make their folders: each of thousands of commits would wait for the disk.
        os.environ.setdefault("TMPDIR", str(MEMORY))
        tempfile.tempdir = None


def _has_room(folder: Path) -> bool:
    """Whether the suite's files find place there, programs of theirs among them."""
    if not os.access(folder, os.W_OK):
        return False
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= ROOM_BYTES and not found.f_flag & os.ST_NOEXEC


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: at the end the other processes would wait for it."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """The thousands of tests that were found stay to the end: the collector of cycles need not look at them again and again."""
    note_last(session.items)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Brokers of a group's own end with it: idle, they would take a fifth of a core from all that follows.

    What tests leave in cycles goes now and then: databases among it, each of which holds files open.
    """
    done = yield
    end_brokers(item)
    if next(_DONE) % COLLECT_EVERY == 0:
        gc.collect()
    return done


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the PAS_* variables of who runs it."""
    for name in [name for name in os.environ if name.startswith("PAS_") and not name.startswith(("PAS_TEST_", "PAS_REQUIRE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("NO_COLOR", raising=False)


def find_shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run, whose processes have folders of their own in it."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a real Kafka broker without TLS; all processes of a run share it, so each test takes a prefix of its own."""
    with find_broker(find_shared(tmp_path_factory)) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyKafka]:
    """A broker to be ill-treated, for the tests of the group `kafka-faults`: one process runs them, one after the other."""
    with ending_with_group("kafka-faults") as stack:
        yield stack.enter_context(run_faulty_kafka(tmp_path_factory.mktemp("faulty")))


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """Three nodes behind TLS, SCRAM and ACLs, for the tests of the group `kafka-guarded`."""
    with ending_with_group("kafka-guarded") as stack:
        yield stack.enter_context(run_guarded_kafka(tmp_path_factory.mktemp("guarded")))


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An example workspace that no test may change; whichever process comes first makes it."""
    root = find_shared(tmp_path_factory) / "estate" / "pristine"
    with root.parent.with_suffix(".making").open("a") as making:
        fcntl.flock(making, fcntl.LOCK_EX)
        if not root.exists():
            found_workspace(root, "embedded", None, {})
    with unchanged(root), sharing(root):
        yield root


@pytest.fixture
def estate(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the example workspace for one test."""
    return copy_workspace(pristine, tmp_path / "ws")


@pytest.fixture
def workspace(estate: Path) -> Workspace:
    """That copy, opened."""
    return open_workspace(estate, environment={})


@pytest.fixture
def pas(tmp_path: Path, pristine: Path) -> RunPas:
    """Runs `pas` in a process of its own: `pas("directory", "list", cwd=estate, env={...})`."""

    def run(*arguments: object, cwd: Path = tmp_path, env: dict[str, str] | None = None, code: int | None = None) -> Answer:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PAS_")} | (env or {})
        done = Answer(*shared().run([*map(str, arguments)], cwd, environment, timeout=500))
        assert "Traceback" not in done.err
        assert code is None or done.code == code, done.err
        return done

    return run
