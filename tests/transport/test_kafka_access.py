"""Getting to Kafka, or not: settings checked by ourselves, bounded waits, faults told in a sentence, no payload in any log."""

from __future__ import annotations

import logging
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from kafka import errors as theirs
from kafka_node import find_free_port

from kafka_broker import LEAVES_SOCKETS, collect_sockets
from pas_schemas.errors import LogError, SettingsError
from pas_schemas.topics import Topic
from pas_transport.kafka_client import Clients, KafkaAccess, keep_payloads_out_of_logs, read_failure
from pas_transport.kafka_log import KafkaLog
from pas_transport.log import LogForbiddenError, LogUnavailableError, Outgoing, TopicMismatchError

CANARY = "canary-4711"
NOWHERE = Path("nowhere.pem")
pytestmark = LEAVES_SOCKETS


@pytest.fixture(autouse=True)
def left_sockets() -> Iterator[None]:
    yield
    collect_sockets()


@pytest.mark.parametrize(
    "given",
    [
        {"bootstrap": ""},
        {"bootstrap": "kafka"},
        {"bootstrap": "kafka:0"},
        {"bootstrap": "kafka:99999"},
        {"bootstrap": "kafka:9092,"},
        {"bootstrap": "http://kafka:9092"},
        {"bootstrap": ",".join(["k:1"] * 65)},
        {"bootstrap": "k:9092", "user": "pas"},
        {"bootstrap": "k:9092", "password": CANARY},
        {"bootstrap": "k:9092", "user": "", "password": CANARY},
        {"bootstrap": "k:9092", "user": "pas", "password": " "},
        {"bootstrap": "k:9092", "ca_path": NOWHERE},
        {"bootstrap": "k:9092", "certificate_path": NOWHERE},
        {"bootstrap": "k:9092", "certificate_path": NOWHERE, "key_path": NOWHERE},
    ],
)
def test_what_cannot_work_is_refused_before_anybody_is_asked(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refused:
        KafkaAccess(**given)
    assert refused.value.hint
    assert CANARY not in str(refused.value)


def test_password_shows_nowhere(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path / "ca.pem").path
    access = KafkaAccess("k:9093", authority, "pas", CANARY)
    assert CANARY not in repr(access)
    assert access.make_config()["security_protocol"] == "SASL_SSL"


def test_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SettingsError, match="cannot be read"):
        KafkaAccess("k:9093", tmp_path / "ca.pem").make_config()


def test_nobody_there_is_said_in_bounded_time() -> None:
    started = time.monotonic()
    with pytest.raises(LogUnavailableError, match="No Kafka broker answered within 1 seconds"):
        KafkaLog(KafkaAccess(f"127.0.0.1:{find_free_port()}"), wait_seconds=1.0)
    assert time.monotonic() - started < 8.0


def test_broker_that_hangs_before_it_shows_who_it_is_is_given_up(tmp_path: Path) -> None:
    """It takes the connection, as the system does for a process that stands still, and never answers the handshake."""
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        access = KafkaAccess(f"127.0.0.1:{silent.getsockname()[1]}", Authority.make(tmp_path / "ca.pem").path)
        with pytest.raises(LogUnavailableError, match="No Kafka broker answered within 1 seconds"):
            KafkaLog(access, wait_seconds=1.0)
    assert time.monotonic() - started < 60.0


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[int, Path, Path]]:
    """A port that shows an expired certificate, its authority, and another authority."""
    authority = Authority.make(tmp_path / "ca.pem")
    expired = authority.issue(tmp_path / "expired.pem", until=datetime.now(UTC) - timedelta(days=1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(expired)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_shake_hands, args=(listener, context), daemon=True).start()
        yield listener.getsockname()[1], authority.path, Authority.make(tmp_path / "other.pem").path


def _shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            with plain, suppress(OSError), context.wrap_socket(plain, server_side=True):
                pass


def test_expired_certificate_is_named(tls_server: tuple[int, Path, Path]) -> None:
    port, authority, _ = tls_server
    with pytest.raises(LogForbiddenError, match="certificate has expired"):
        KafkaLog(KafkaAccess(f"127.0.0.1:{port}", authority), wait_seconds=1.0)


def test_another_authority_is_named(tls_server: tuple[int, Path, Path]) -> None:
    port, _, other = tls_server
    with pytest.raises(LogForbiddenError, match=r"No safe connection to Kafka can be made: .*certificate"):
        KafkaLog(KafkaAccess(f"127.0.0.1:{port}", other), wait_seconds=1.0)


@pytest.mark.parametrize("shown", ["expired", "another authority's", "none"])
def test_client_whose_certificate_does_not_count_is_told(tmp_path: Path, shown: str) -> None:
    authority, other = Authority.make(tmp_path / "ca.pem"), Authority.make(tmp_path / "other.pem")
    pair = {
        "expired": authority.issue(tmp_path / "expired.pem", until=datetime.now(UTC) - timedelta(days=1)),
        "another authority's": other.issue(tmp_path / "foreign.pem"),
    }.get(shown)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(tmp_path / "broker.pem"))
    context.load_verify_locations(authority.path)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_shake_hands, args=(listener, context), daemon=True).start()
        access = KafkaAccess(f"127.0.0.1:{listener.getsockname()[1]}", authority.path, certificate_path=pair, key_path=pair)
        with pytest.raises(LogForbiddenError, match="refuses this client's certificate, or wants one") as refused:
            KafkaLog(access, wait_seconds=1.0)
        assert "kafka_certificate_path" in refused.value.hint


@pytest.mark.parametrize(
    ("error", "kind", "retriable"),
    [
        (theirs.KafkaTimeoutError, LogUnavailableError, True),
        (theirs.NodeNotReadyError, LogUnavailableError, True),
        (theirs.KafkaConnectionError, LogUnavailableError, True),
        (theirs.NotLeaderForPartitionError, LogUnavailableError, True),
        (theirs.NotEnoughReplicasError, LogUnavailableError, True),
        (ConnectionRefusedError, LogUnavailableError, True),
        (theirs.UnknownTopicOrPartitionError, TopicMismatchError, False),
        (theirs.SaslAuthenticationFailedError, LogForbiddenError, False),
        (theirs.TopicAuthorizationFailedError, LogForbiddenError, False),
        (theirs.GroupAuthorizationFailedError, LogForbiddenError, False),
        (theirs.IncompatibleBrokerVersion, LogError, False),
        (RuntimeError, LogError, False),
    ],
)
def test_their_failures_are_ours_without_their_words(error: type[Exception], kind: type[LogError], retriable: bool) -> None:
    failure = read_failure(error(CANARY))
    assert type(failure) is kind
    assert failure.retriable is retriable
    assert failure.hint
    assert CANARY not in str(failure)


@pytest.fixture
def debugging() -> Iterator[list[str]]:
    """Everything logged while somebody has set every logger he could find to DEBUG."""
    told: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    handler, root = Keep(logging.DEBUG), logging.getLogger()
    names = [None, "kafka", "kafka.producer.kafka", "kafka.consumer.fetcher", "kafka.net.connection"]
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    for logger, _ in before:
        logger.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield told
    root.removeHandler(handler)
    for logger, level in before:
        logger.setLevel(level)


def test_no_logger_of_theirs_goes_below_info(debugging: list[str]) -> None:
    keep_payloads_out_of_logs()
    for name in ["kafka", *(name for name in logging.root.manager.loggerDict if name.startswith("kafka."))]:
        assert logging.getLogger(name).getEffectiveLevel() >= logging.INFO, name


@pytest.mark.parametrize("passing", [theirs.UnknownBrokerIdError(1), theirs.NotLeaderForPartitionError(), ConnectionResetError()])
def test_what_passes_by_itself_is_asked_again(passing: Exception) -> None:
    """A broker that wakes up names no broker for a moment: kafka-python calls that final."""
    answers: list[Exception | str] = [passing, passing, "there"]

    def work() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert Clients(KafkaAccess("127.0.0.1:9")).ask(work) == "there"
    assert read_failure(passing).retriable


def test_no_payload_in_any_log(kafka: str, debugging: list[str]) -> None:
    topic = Topic("canary", 1, None, "any", (), ())
    with KafkaLog(KafkaAccess(kafka), prefix=f"c{secrets.token_hex(4)}-", create=True) as log:
        log.ensure([topic])
        log.append([Outgoing(topic.name, CANARY.encode(), CANARY.encode())])
        [there] = log.read(next(iter(log.ends([topic.name]))), 0, 1)
    assert there.value == CANARY.encode()
    assert debugging
    assert not [line for line in debugging if CANARY in line]
