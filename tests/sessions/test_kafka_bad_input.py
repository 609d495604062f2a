"""Kafka that is not what the workspace was told: each mistake is one sentence and a hint, exit 1, and nothing is written."""

from __future__ import annotations

import json
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from certificates import Authority
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from kafka_node import find_free_port

from conftest import RunPas
from contract.reading import until
from forked_pas import receive
from kafka_broker import LEAVES_SOCKETS, collect_sockets
from kafka_faulty import place
from pas_schemas.topics import SHARED_TOPICS
from pas_transport.kafka_topics import make_configs

REFUSED = 1
Refuse = Callable[..., tuple[str, str]]
# Who types these commands, and no other: to make two topics for each of half a thousand offices takes a broker long.
OFFICES = ("pas", "feed:nomis", "force:01", "pio:WSI", "security:WSI")
# Each of these asks Kafka before it does anything else.
COMMANDS = (("topics", "apply"), ("gateway", "run", "--until-idle"), ("publish", "reports.ndjson"), ("inbox", "list", "--as", "pio:WSI"))
METADATA, API_VERSIONS, UNSUPPORTED_VERSION = 3, 18, 35
pytestmark = LEAVES_SOCKETS


@pytest.fixture(autouse=True)
def left_sockets() -> Iterator[None]:
    yield
    collect_sockets()


@pytest.fixture
def refuse(pas: RunPas, pristine: Path, tmp_path: Path) -> Refuse:
    """Runs a command in a workspace on Kafka that must be refused, and gives back its sentence and hint."""

    def run(bootstrap: str, *command: str, **env: str) -> tuple[str, str]:
        root = tmp_path / "ws"
        if not root.exists():
            place(bootstrap, pristine, root, OFFICES)
            (root / "reports.ndjson").write_text("{}\n")
        before = {path: path.read_bytes() for path in root.rglob("*.sqlite*")}
        settings = {"PAS_KAFKA_WAIT_SECONDS": "2", "PAS_BOOTSTRAP": bootstrap} | {
            f"PAS_{name.upper()}": value for name, value in env.items()
        }
        ran = pas(*command, cwd=root, env=settings, code=REFUSED)
        assert {path: path.read_bytes() for path in root.rglob("*.sqlite*") if path in before} == before
        sentence, hint = ran.err.splitlines()[-2:]
        assert "Traceback" not in ran.err
        # Nor is an inbox called empty that could not be asked for what waits.
        assert ran.out == ""
        assert (sentence[:7], hint[:6]) == ("error: ", "hint: ")
        return sentence[7:], hint[6:]

    return run


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nobody_answers(refuse: Refuse, command: tuple[str, ...]) -> None:
    sentence, hint = refuse(f"127.0.0.1:{find_free_port()}", *command)
    assert sentence == "No Kafka broker answered within 2 seconds"
    # A broker that wants more than it was shown says nothing.
    more = "; where they ask for TLS, set kafka_ca_path; where they ask for a user, set kafka_user"
    assert hint == f"see `bootstrap`, and that the brokers run{more}"


@contextmanager
def serve(work: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port at which every caller is answered by `work`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_answer, args=(listener, work), daemon=True).start()
        yield listener.getsockname()[1]


def _answer(listener: socket.socket, work: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            with plain, suppress(OSError, EOFError, struct.error):
                work(plain)


def say_old(plain: socket.socket) -> None:
    """A broker of a release that knew no more than the first versions of a few requests."""
    port = plain.getsockname()[1]
    while True:
        (size,) = struct.unpack(">i", receive(plain, 4))
        api, version, correlation = struct.unpack(">hhi", receive(plain, size)[:8])
        body = struct.pack(">i", correlation)
        if api == API_VERSIONS:
            known = [(0, 0, 2), (1, 0, 2), (2, 0, 0), (METADATA, 0, 1), (API_VERSIONS, 0, 0)]
            body += struct.pack(">hi", UNSUPPORTED_VERSION if version else 0, len(known)) + b"".join(
                struct.pack(">hhh", *each) for each in known
            )
        else:  # metadata, version 1: itself, without rack, is the controller, and there are no topics
            body += struct.pack(">iih9sihii", 1, 0, 9, b"127.0.0.1", port, -1, 0, 0)
        plain.sendall(struct.pack(">i", len(body)) + body)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_broker_that_is_too_old(refuse: Refuse, command: tuple[str, ...]) -> None:
    with serve(say_old) as port:
        assert refuse(f"127.0.0.1:{port}", *command) == ("The Kafka brokers are too old", "Kafka 3.0 or later is needed")


def show(certificate: Path) -> Callable[[socket.socket], None]:
    """A broker with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def shake_hands(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True):
            pass

    return shake_hands


@pytest.mark.parametrize("command", COMMANDS[1:3], ids=" ".join)
@pytest.mark.parametrize("fault", ["expired", "another authority's"])
def test_broker_whose_certificate_does_not_count(refuse: Refuse, tmp_path: Path, fault: str, command: tuple[str, ...]) -> None:
    ours, other = Authority.make(tmp_path / "ca.pem"), Authority.make(tmp_path / "other.pem")
    expired = ours.issue(tmp_path / "expired.pem", until=datetime.now(UTC) - timedelta(days=1))
    shown = expired if fault == "expired" else other.issue(tmp_path / "valid.pem")
    with serve(show(shown)) as port:
        sentence, hint = refuse(f"127.0.0.1:{port}", *command, kafka_ca_path=str(ours.path))
    assert sentence.startswith("No safe connection to Kafka can be made: ")
    assert "certificate has expired" in sentence if fault == "expired" else "certificate" in sentence
    assert hint == "see kafka_ca_path and kafka_certificate_path, and the brokers' own"


def make_topics(admin: KafkaAdminClient, *topics: NewTopic) -> None:
    """Returns when the broker shows them: it learns of them a moment after they are made."""
    admin.create_topics(list(topics))
    until(lambda: {topic.name for topic in topics} <= set(admin.list_topics()))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_topic_with_other_partitions_than_declared(refuse: Refuse, kafka: str, command: tuple[str, ...]) -> None:
    prefix = f"o{secrets.token_hex(4)}."
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        make_topics(admin, *(NewTopic(f"{prefix}{topic}", 7, 1) for topic in ("pas.reports", "pas.deliveries.pio.WSI")))
        sentence, hint = refuse(kafka, *command, kafka_prefix=prefix)
        made = [topic for topic in admin.list_topics() if topic.startswith(prefix)]
    finally:
        admin.close()
    assert "7 partitions" in sentence
    assert "never change" in sentence + hint
    assert len(made) == 2


def test_two_clusters_mixed_up(pas: RunPas, refuse: Refuse, kafka: str, tmp_path: Path) -> None:
    first, second = ({"PAS_KAFKA_PREFIX": f"m{secrets.token_hex(4)}."} for _ in range(2))
    refuse(kafka, "gateway", "run", "--until-idle", kafka_prefix="none.")
    root = tmp_path / "ws"
    movement = {"noms_number": "A0001AA", "event": "RECEIVED", "prison": "WSI", "at": "2015-11-18T12:00:00Z", "category": "B", "alerts": []}
    (root / "movements.ndjson").write_text(json.dumps(movement) + "\n")
    for env in (first, second):
        pas("topics", "apply", cwd=root, env=env, code=0)
    pas("movements", "import", "movements.ndjson", cwd=root, env=first, code=0)
    sentence, _ = refuse(kafka, "movements", "import", "movements.ndjson", kafka_prefix=second["PAS_KAFKA_PREFIX"])
    assert sentence == "This is another log than the one published to before."
    pas("gateway", "run", "--until-idle", cwd=root, env=first, code=0)
    theirs = (("status",), ("gateway", "accept-topic", "pas.reports", "0"), ("explain", "reports.ndjson"), ("reseal", "pio:WSI"))
    for command in (("gateway", "run", "--until-idle"), *theirs):
        sentence, hint = refuse(kafka, *command, kafka_prefix=second["PAS_KAFKA_PREFIX"])
        assert (sentence, hint) == ("This register has been fed from another log.", "see log_path or bootstrap, and register_url")
    pas("gateway", "run", "--until-idle", cwd=root, env=first, code=0)


@pytest.mark.parametrize("command", COMMANDS[:2], ids=" ".join)
@pytest.mark.parametrize(("setting", "value", "hint"), [
    ("retention.bytes", "1000000", "set retention.bytes=-1 on it"),
    ("retention.ms", "86400000", "set retention.ms=2592000000 and cleanup.policy=delete on it"),
])  # fmt: skip
def test_topic_whose_records_would_go_too_soon(
    refuse: Refuse, kafka: str, command: tuple[str, ...], setting: str, value: str, hint: str
) -> None:
    """By the cluster's own default, or by somebody's hand: it can be set back."""
    prefix = f"o{secrets.token_hex(4)}."
    (reports,) = (topic for topic in SHARED_TOPICS if topic.name == "pas.reports")
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        configs = make_configs(reports) | {setting: value}
        make_topics(admin, NewTopic(f"{prefix}pas.reports", reports.partitions, 1, topic_configs=configs))
        sentence, told = refuse(kafka, *command, kafka_prefix=prefix)
    finally:
        admin.close()
    assert sentence.startswith("pas.reports ")
    assert told == hint
