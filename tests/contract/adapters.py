"""What the contract suite needs of each adapter: to open its log here and in another process, to clean it, to make it anew."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Protocol

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from contract.reading import COMPACTED, FILLER
from pas_transport.embedded import EmbeddedLog
from pas_transport.kafka_client import KafkaAccess
from pas_transport.kafka_log import KafkaLog
from pas_transport.log import Log, Outgoing


class Adapter(Protocol):
    """One engine under test, with one log of its own for one test."""

    @property
    def spec(self) -> str:
        """What `open_log` opens in any process: `<adapter>:<where>`."""

    def clean(self, log: Log) -> None:
        """Ask the engine to let go what retention and compaction allow; it may take its time, and append records with the key FILLER."""

    def make_anew(self) -> None:
        """Take the log's topics away and leave none, as an operator who deletes and starts over; every log is closed."""


class Embedded:
    """The log in one SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.db"

    @property
    def spec(self) -> str:
        return f"embedded:{self._path}"

    def clean(self, log: Log) -> None:
        assert isinstance(log, EmbeddedLog)
        log.trim()

    def make_anew(self) -> None:
        for path in self._path.parent.glob("log.db*"):
            if path.is_file():
                path.unlink()


class Kafka:
    """Topics of one test at a real cluster, by a prefix nobody else has."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = f"t{secrets.token_hex(4)}-"
        self._eager = False

    @property
    def spec(self) -> str:
        return f"kafka:{self._bootstrap}/{self._prefix}"

    def clean(self, log: Log) -> None:
        """Retention is the node's own work; it compacts only what a later record has closed."""
        if not self._eager:
            self._eager = True
            keen = {"segment.ms": "50", "min.cleanable.dirty.ratio": "0.0", "max.compaction.lag.ms": "50"}
            with KafkaAdminClient(bootstrap_servers=self._bootstrap) as admin:
                admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, self._prefix + COMPACTED.name, keen)])
        time.sleep(0.1)
        log.append([Outgoing(COMPACTED.name, FILLER, b"")])

    def make_anew(self) -> None:
        with KafkaAdminClient(bootstrap_servers=self._bootstrap) as admin:
            admin.delete_topics([name for name in admin.list_topics() if name.startswith(self._prefix)])


def open_log(spec: str, shift_ms: int = 0) -> Log:
    """The log that a spec names."""
    kind, _, where = spec.partition(":")
    if kind == "kafka":
        bootstrap, _, prefix = where.partition("/")
        return KafkaLog(KafkaAccess(bootstrap), shift_ms=shift_ms, prefix=prefix, create=True, session_seconds=3.0)
    assert kind == "embedded"
    return EmbeddedLog(Path(where), shift_ms=shift_ms)
