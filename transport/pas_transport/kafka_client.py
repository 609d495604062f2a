"""How Kafka is reached and what its failures mean: settings, credentials, bounded waits, and no foreign exception beyond here."""

from __future__ import annotations

import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka import errors as theirs
from kafka.net import manager
from kafka.net.compat import KafkaNetClient
from kafka.net.transport import KafkaSSLTransport

from pas_schemas.errors import LogError, SettingsError
from pas_transport.log import LogDamagedError, LogForbiddenError, LogUnavailableError, TopicMismatchError

T = TypeVar("T")

# What passes by itself while brokers come and go, though kafka-python calls some of it final: a broker that the metadata of a
# moment did not name, a group that starts over, what a broker knew of a producer that is made anew after any failure.
PASSING = (
    theirs.RetriableError, OSError, theirs.UnknownBrokerIdError, theirs.BrokerNotAvailableError, theirs.UnknownError,
    theirs.RebalanceInProgressError, theirs.UnknownMemberIdError, theirs.IllegalGenerationError, theirs.UnknownProducerIdError,
    theirs.OutOfOrderSequenceNumberError, theirs.InvalidProducerEpochError, theirs.InvalidProducerIdMappingError,
)  # fmt: skip
# No call waits longer than about this for a cluster that does not answer.
WAIT_SECONDS = 20.0
# One request's part of it: a broker that hangs is given up in time to ask another.
REQUEST_SHARE = 0.5
# A connection's part of it is less, since the next try may fall on the same broker.
SETUP_SHARE, SETUP_SECONDS_LEAST = 0.25, 1.0
HANDSHAKE_SECONDS = WAIT_SECONDS * SETUP_SHARE
RETRY_SECONDS = 0.1
MAX_BROKERS = 64
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?):(\d{1,5})")
_USER = re.compile(r"[A-Za-z0-9._:-]{1,100}")


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Where a cluster is and who asks: without `ca_path` the way is open, without `user` or `certificate_path` nobody is named.

    kafka-python takes empty credentials without a word, so everything is checked here: raises `SettingsError`.
    """

    bootstrap: str
    ca_path: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    certificate_path: Path | None = None
    key_path: Path | None = None

    def __post_init__(self) -> None:
        _check_addresses(self.bootstrap)
        if (self.user is None) != (self.password is None):
            raise SettingsError("A Kafka user and its password go together.", "set both `kafka_user` and `kafka_password_path`, or neither")
        if self.user is not None and not _USER.fullmatch(self.user):
            raise SettingsError("The Kafka user is empty, or not a name Kafka takes.", "set `kafka_user` as `pas topics render` names it")
        if self.password is not None and not self.password.strip():
            raise SettingsError("The Kafka password is empty.", "write it into the file that `kafka_password_path` names")
        if (self.certificate_path is None) != (self.key_path is None):
            raise SettingsError("A client certificate and its key go together.", "set both `kafka_certificate_path` and `kafka_key_path`")
        if self.certificate_path is not None and self.ca_path is None:
            raise SettingsError("A client certificate is of use only with TLS.", "set `kafka_ca_path` as well")
        for path in (self.ca_path, self.certificate_path, self.key_path):
            if path is not None and not path.is_file():
                raise SettingsError(f"The file {path.name} that Kafka's TLS needs is not there.", "see the kafka_..._path settings")

    def make_config(self) -> dict[str, Any]:
        """What every client of kafka-python is given to get in."""
        config: dict[str, Any] = {"bootstrap_servers": self.bootstrap.split(",")}
        protocol = "SSL" if self.ca_path else "PLAINTEXT"
        if self.user is not None:
            protocol = "SASL_SSL" if self.ca_path else "SASL_PLAINTEXT"
            config |= {"sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": self.user, "sasl_plain_password": self.password}
        if self.ca_path is not None:
            config["ssl_context"] = self._make_context()
        return config | {"security_protocol": protocol}

    def _make_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_path)
            if self.certificate_path is not None and self.key_path is not None:
                context.load_cert_chain(self.certificate_path, self.key_path, password=_refuse_password)
        except (ssl.SSLError, OSError, ValueError):
            raise SettingsError("Kafka's certificates cannot be read.", "they are PEM files; a key has no password") from None
        return context


class _Producer(KafkaProducer):  # type: ignore[misc]  # kafka-python is not typed
    """The library's own, for records whose partition was chosen and checked: it would list every topic there is for each of them."""

    def _partition(self, topic: str, partition: int, *_: object) -> int:
        return partition


class _Handshake(KafkaSSLTransport):  # type: ignore[misc]  # kafka-python is not typed
    """The library's own, and ended where the broker hangs: by itself it waits for ever, and so does everybody who asked."""

    async def handshake(self) -> None:
        ending = self._net.call_later(HANDSHAKE_SECONDS, self._end)
        try:
            await super().handshake()
        finally:
            self._net.cancel(ending)

    def _end(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)


# There is no setting for it.
manager.KafkaSSLTransport = _Handshake


class Clients:
    """Makes kafka-python's clients, each with the same bounds; `wait_seconds` is how long a call waits for the cluster."""

    def __init__(self, access: KafkaAccess, wait_seconds: float = WAIT_SECONDS) -> None:
        keep_payloads_out_of_logs()
        self.wait_seconds = wait_seconds
        self._bounds = {
            "request_timeout_ms": int(wait_seconds * REQUEST_SHARE * 1000),
            "bootstrap_timeout_ms": int(wait_seconds * 1000),
            "retry_backoff_ms": 50,
            "reconnect_backoff_max_ms": 1000,
        }
        self._access = access
        self._config = access.make_config()

    def admin(self) -> Any:
        """The one client that everything begins with; LogError where the brokers are older than what this was built on."""
        made = self._make(KafkaAdminClient, {})
        # It tells the brokers' version from what they can do, and has no other word for it.
        if made._manager.broker_version < OLDEST_BROKER:
            made.close()
            raise LogError(*TOO_OLD)
        return made

    def producer(self, **config: Any) -> Any:
        return self._make(_Producer, {"allow_auto_create_topics": False, **config})

    def consumer(self, **config: Any) -> Any:
        return self._make(KafkaConsumer, {"allow_auto_create_topics": False, **config})

    def ask(self, work: Callable[[], T]) -> T:
        """What `work` answers, asked again while the cluster is busy with itself, up to the bound; raises a `LogError`."""
        deadline = time.monotonic() + self.wait_seconds
        while True:
            try:
                return work()
            except PASSING as error:
                if isinstance(error, theirs.UnknownTopicOrPartitionError) or time.monotonic() >= deadline:
                    raise read_failure(error) from error
            except _FOREIGN as error:
                raise read_failure(error) from error
            time.sleep(RETRY_SECONDS)

    def _make(self, kind: Callable[..., Any], config: dict[str, Any]) -> Any:
        keep_payloads_out_of_logs()
        attempt = _Attempt(int(1000 * max(SETUP_SECONDS_LEAST, self.wait_seconds * SETUP_SHARE)))
        try:
            with fenced():
                made = kind(**self._config, **self._bounds, **config, kafka_client=attempt.connect)
        except LogError as error:
            attempt.abandon()
            if isinstance(error.__cause__, theirs.KafkaTimeoutError):
                raise self._explain_silence() from None
            raise
        attempt.succeed()
        return made

    def _explain_silence(self) -> LogError:
        """Why nobody answered, where TLS itself can say."""
        from pas_transport.kafka_tls import find_fault

        fault = find_fault(self._access.bootstrap, self._config.get("ssl_context"), self.wait_seconds * REQUEST_SHARE)
        if fault is not None:
            return LogForbiddenError(
                f"No safe connection to Kafka can be made: {fault}", "see kafka_ca_path and kafka_certificate_path, and the brokers' own"
            )
        given = self._access
        # A broker that wants more than it was shown says nothing, and closes.
        wanted = {"TLS": ("kafka_ca_path", given.ca_path), "a user": ("kafka_user", given.user or given.certificate_path)}
        missing = "".join(f"; where they ask for {what}, set {setting}" for what, (setting, there) in wanted.items() if not there)
        return LogUnavailableError(
            f"No Kafka broker answered within {self.wait_seconds:.0f} seconds", f"see `bootstrap`, and that the brokers run{missing}"
        )


class _Attempt:
    """One try to get in. By itself kafka-python asks again and again with a password that was refused, and says so to nobody;
    and a client whose making fails leaves its sockets and its thread behind."""

    def __init__(self, setup_ms: int) -> None:
        self._setup_ms = setup_ms
        self._client: Any = None
        self._refused: list[BaseException] = []

    def connect(self, **given: Any) -> Any:
        # Its clients take no setting for how long a connection may take to make, by itself up to half a minute.
        bounds = {"socket_connection_setup_timeout_ms": self._setup_ms, "socket_connection_setup_timeout_max_ms": self._setup_ms}
        self._client = KafkaNetClient(**given, **bounds)
        self._connect = self._client._manager.get_connection
        self._client._manager.get_connection = self._get_connection
        return self._client

    def succeed(self) -> None:
        if self._client is not None:
            del self._client._manager.get_connection

    def abandon(self) -> None:
        if self._client is not None:
            with suppress(theirs.KafkaError, OSError, RuntimeError):
                self._client.close()

    def _get_connection(self, *args: Any, **given: Any) -> Any:
        if self._refused:
            raise self._refused[0]
        # While it looks for the first broker it would give one of them all the time there is.
        connection = self._connect(*args, **given | {"timeout_ms": self._setup_ms})
        connection.init_future.add_errback(self._look_at)
        return connection

    def _look_at(self, error: BaseException) -> None:
        if isinstance(error, _REFUSALS):
            self._refused.append(error)


def learn_topics(cluster: Any, names: set[str], others: set[str], wait_seconds: float) -> None:
    """Wait until a client's metadata holds every topic of `names`, those of `others` asked for in the same request.

    Asked one by one, as the library does, each costs a tenth of a second; it offers no question of its own for several.
    Raises `LogUnavailableError`.
    """
    deadline = time.monotonic() + wait_seconds
    while any(cluster.partitions_for_topic(name) is None for name in names):
        if time.monotonic() >= deadline:
            raise LogUnavailableError("Kafka did not say in time where its topics lie", "see that its brokers run, and try again")
        answered = threading.Event()
        every = names | others
        question = cluster.request_update() if every <= cluster._topics else cluster.set_topics(every | cluster._topics)
        question.add_both(lambda *_, event=answered: event.set())
        answered.wait(max(0.0, deadline - time.monotonic()))


def keep_payloads_out_of_logs() -> None:
    """kafka-python prints keys and values at DEBUG: none of its loggers goes below INFO, whoever set it there.

    Without any handler its warnings would reach standard error, where only sentences of ours belong.
    """
    top = logging.getLogger("kafka")
    if not any(isinstance(handler, logging.NullHandler) for handler in top.handlers):
        top.addHandler(logging.NullHandler())
    names = [name for name in logging.root.manager.loggerDict if name == "kafka" or name.startswith("kafka.")]
    for logger in (top, *map(logging.getLogger, names)):
        if (logger is top and logger.level == logging.NOTSET) or 0 < logger.level < logging.INFO:
            logger.setLevel(logging.INFO)


@contextmanager
def fenced() -> Iterator[None]:
    """Whatever kafka-python raises inside leaves as a `LogError`."""
    try:
        yield
    except _FOREIGN as error:
        raise read_failure(error) from error


def read_failure(error: BaseException) -> LogError:
    """Our error for one of kafka-python's; its text is not repeated, since it may hold a request with what was in it."""
    if type(error) is theirs.KafkaError and "AuthorizationFailedError" in str(error):
        # What a producer is told before its first record, it passes on as text.
        error = theirs.TopicAuthorizationFailedError()
    for kinds, make, sentence, hint in _MEANINGS:
        if isinstance(error, kinds):
            return make(sentence + _name_topics(error), hint)
    return LogError(f"Kafka could not do what was asked ({type(error).__name__})", "this is a fault of the broker: please report it")


def _name_topics(error: BaseException) -> str:
    """Whoever is refused some of many topics is told of one where the library says which."""
    named = error.args[0] if isinstance(error, theirs.TopicAuthorizationFailedError) and error.args else None
    return f" of {min(named)}" if isinstance(named, Set) and named else ""


def _check_addresses(bootstrap: str) -> None:
    addresses = bootstrap.split(",")
    if len(addresses) > MAX_BROKERS:
        raise SettingsError(f"`bootstrap` names more than {MAX_BROKERS} brokers.", "a few are enough to find the others")
    for address in addresses:
        found = _ADDRESS.fullmatch(address)
        if not found or not 0 < int(found.group(3)) < 65536:
            raise SettingsError("`bootstrap` is not a list of host:port.", "write it like kafka-1.example:9093,kafka-2.example:9093")


def _refuse_password() -> str:
    """OpenSSL would ask at the terminal."""
    raise ValueError("an encrypted key")


_FOREIGN = (theirs.KafkaError, OSError, RuntimeError, ValueError, TypeError, AssertionError)
OLDEST_BROKER = (3, 0)
TOO_OLD = ("The Kafka brokers are too old", "Kafka 3.0 or later is needed")
_REFUSALS = (theirs.SaslAuthenticationFailedError, theirs.UnsupportedSaslMechanismError, theirs.IllegalSaslStateError)
_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], type[LogError], str, str], ...] = (
    (
        _REFUSALS,
        LogForbiddenError,
        "Kafka does not take the credentials it was shown",
        "see kafka_user and kafka_password_path",
    ),
    (
        (theirs.AuthorizationError,),
        LogForbiddenError,
        "Kafka does not allow this user what was asked",
        "see kafka_user; `pas topics render` shows what each may do",
    ),
    (
        (theirs.IncompatibleBrokerVersion, theirs.UnrecognizedBrokerVersion, theirs.UnsupportedVersionError),
        LogError,
        *TOO_OLD,
    ),
    (
        (theirs.UnknownTopicOrPartitionError, theirs.InvalidTopicError),
        TopicMismatchError,
        "Kafka has no such topic or partition",
        "PAS makes topics with `pas topics apply`",
    ),
    (
        (theirs.NotEnoughReplicasError, theirs.NotEnoughReplicasAfterAppendError),
        LogUnavailableError,
        "Too few Kafka brokers are up to keep a record safe",
        "start the others; then repeat",
    ),
    ((theirs.KafkaStorageError,), LogUnavailableError, "A Kafka broker's disk fails or is full", "see that broker's log"),
    ((theirs.CorruptRecordError,), LogDamagedError, "A record in Kafka is damaged", "restore its partition from another replica"),
    (PASSING, LogUnavailableError, "Kafka did not answer in time", "see that its brokers run, and try again"),
)
