"""A small estate with its keys, a log and a clock that stands where it is put, for the tests of publishing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pas_producers import MovementFeed, Publisher
from pas_schemas.clock import parse_time, to_ms
from pas_schemas.directory import Office, PublicKey, Snapshot, Term, kind_of
from pas_schemas.rulebook import shipped_rulebook
from pas_schemas.topics import SHARED_TOPICS
from pas_transport.embedded import EmbeddedLog
from pas_transport.keyring import Keyring, NewKeys, add_keys
from producers.samples import NOW

START = datetime(2000, 1, 1, tzinfo=UTC)
OFFICES = ("force:01", "fib:01", "pio:WSI", "force:02", "security:WSI", "governor:WSI", "pas", "feed:nomis")


@dataclass
class SetClock:
    """A clock that a test moves."""

    moment: datetime = field(default_factory=lambda: parse_time(NOW))

    def now(self) -> datetime:
        return self.moment

    def now_ms(self) -> int:
        return to_ms(self.moment)


def make_office(office: str, made: NewKeys, **changes: Any) -> Office:
    kind, which = kind_of(office), office.partition(":")[2]
    term = Term(START, changes.pop("end", None), which if kind in ("force", "fib") else "01")
    public = tuple(PublicKey(key_id, use, data, START) for use, key_id, data in made.public)
    return Office(office, kind, which if kind in ("pio", "security", "governor") else None, (term,), changes.pop("keys", public))


@pytest.fixture(scope="session")
def made_keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, NewKeys]]:
    """The private keys of every office, on disk, and what they are."""
    folder = tmp_path_factory.mktemp("keys") / "keys"
    keys = {office: NewKeys.generate(office) for office in OFFICES}
    for office, new in keys.items():
        add_keys(folder, office, new, durable=False)
    return folder, keys


@dataclass
class Bench:
    """Everything a publisher is made of; a test changes what it wants before it opens one."""

    keys_dir: Path
    keys: dict[str, NewKeys]
    snapshot: Snapshot
    log: EmbeddedLog
    clock: SetClock
    journals: Path

    def keyring(self, office: str) -> Keyring:
        return Keyring.open(self.keys_dir, office)

    def publisher(self, office: str | None = None, **changes: Any) -> Publisher:
        parts: dict[str, Any] = {
            "log": self.log, "snapshot": self.snapshot, "keyring": self.keyring(office) if office else self.keyring,
            "rulebook": shipped_rulebook(), "clock": self.clock, "journals": self.journals,
        }  # fmt: skip
        return Publisher(**(parts | changes))

    def feed(self, office: str = "feed:nomis", **changes: Any) -> MovementFeed:
        parts: dict[str, Any] = {
            "log": self.log, "snapshot": self.snapshot, "keyring": self.keyring(office), "clock": self.clock, "journals": self.journals,
        }  # fmt: skip
        return MovementFeed(**(parts | changes))

    def replace_office(self, office: Office) -> None:
        """The same directory with one office as given."""
        offices = tuple(office if one.id == office.id else one for one in self.snapshot.offices)
        self.snapshot = Snapshot(2, START, START + timedelta(days=40000), offices)


@pytest.fixture
def bench(made_keys: tuple[Path, dict[str, NewKeys]], tmp_path: Path) -> Iterator[Bench]:
    folder, keys = made_keys
    clock = SetClock()
    offices = tuple(make_office(office, new) for office, new in keys.items())
    snapshot = Snapshot(1, START, START + timedelta(days=40000), offices)
    with EmbeddedLog(tmp_path / "log.db", now_ms=clock.now_ms) as log:
        log.ensure(SHARED_TOPICS)
        yield Bench(folder, keys, snapshot, log, clock, tmp_path / "published")
