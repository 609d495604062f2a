"""A workspace: the folder that holds settings, keys, directory, log, register and inboxes, and what can be opened in it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pas_schemas.clock import EPOCH, RunningClock, parse_time, show_time, to_ms
from pas_schemas.errors import SettingsError
from pas_schemas.topics import SHARED_TOPICS, Topic, deliveries
from pas_transport.files import read_whole, write_once
from pas_transport.settings import FILE, Settings, read_settings

if TYPE_CHECKING:
    from pas_schemas.directory import Snapshot
    from pas_transport.kafka_client import KafkaAccess
    from pas_transport.keyring import Keyring
    from pas_transport.log import Log
    from pas_transport.snapshots import DirectoryStore

CLOCK_FILE = "clock.json"
# Times travel as milliseconds since 1970; and what is added to the clock, a directory's year or a key's life, must not pass the year 9999.
CLOCK_FROM, CLOCK_UNTIL = EPOCH, datetime(9000, 1, 1, tzinfo=UTC)
COMPARTMENT_FOLDER = "compartment"
_SHARED_PATHS = (
    "log_path", "inbox_dir", "keys_dir", "directory_dir", "root_public_key_path", "rulebook_path", "text_rules_path",
    "kafka_ca_path", "kafka_password_path", "kafka_certificate_path", "kafka_key_path", "compartment_register_password_path",
)  # fmt: skip
Warn = Callable[[str, str], None]


class NoWorkspaceError(SettingsError):
    """No workspace was named and none lies around the current folder."""


def _keep_quiet(sentence: str, hint: str) -> None:
    """For callers that have nobody to warn."""


@dataclass(frozen=True)
class Workspace:
    """An open workspace; paths are absolute, `shift_ms` is how far its clock stands from the machine's (0 without PAS_CLOCK)."""

    root: Path
    settings: Settings
    shift_ms: int = 0
    warn: Warn = field(default=_keep_quiet, repr=False, compare=False)
    apart: bool = False
    _read: list[Snapshot] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def home(self) -> Path:
        """The folder that holds pas.toml."""
        return self.root.parent if self.apart else self.root

    def compartment(self) -> Workspace:
        """The compartment's side of it: register, journal and statements in a folder of its own; keys, directory, rules and log as here.

        Raises `SettingsError`.
        """
        folder, given = self.root / COMPARTMENT_FOLDER, self.settings
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"The compartment has no folder: {error.strerror}.", "make the workspace writable") from None
        kept = {name: self.root / path for name in _SHARED_PATHS if (path := getattr(given, name)) is not None}
        # Nothing of it is told to whoever watches PAS.
        own = {"register_url": given.compartment_register_url, "metrics_address": None}
        own["register_password_path"] = kept.pop("compartment_register_password_path", None)
        return replace(self, root=folder, settings=given.model_copy(update={**kept, **own}), apart=True)

    @cached_property
    def clock(self) -> RunningClock:
        """The clock every command of this workspace goes by."""
        return RunningClock(self.shift_ms)

    @property
    def rulebook_path(self) -> Path:
        return self.root / self.settings.rulebook_path

    @property
    def text_rules_path(self) -> Path:
        return self.root / self.settings.text_rules_path

    @property
    def keys_dir(self) -> Path:
        return self.root / self.settings.keys_dir

    def inbox_dir(self, office: str) -> Path:
        """Where an office's inbox lies; not made here."""
        return self.root / self.settings.inbox_dir / office.replace(":", ".")

    @property
    def register_url(self) -> str:
        """The register's URL for SQLAlchemy, a relative SQLite path made absolute and the password filled in from its file."""
        url = self.settings.register_url
        marker = "sqlite:///"
        if url.startswith(marker) and not url.startswith(marker + "/"):
            return f"{marker}{self.root / url.removeprefix(marker)}"
        if self.settings.register_password_path is None:
            return url
        from urllib.parse import quote

        password = read_secret(self.root / self.settings.register_password_path)
        return url.replace("@", f":{quote(password, safe='')}@", 1)

    def log(self) -> Log:
        """The log this workspace uses, to be closed by who opened it; raises a `LogError` or `SettingsError`.

        The embedded log makes the topics it lacks; on Kafka they are compared, and `pas topics apply` makes them. A topic of an
        office that is not there is told: what is for that office waits, and keeps nobody else from theirs.
        """
        topics = declared_topics(self.directory())
        log = self._open_kafka() if self.settings.transport == "kafka" else self._open_embedded()
        try:
            self._ensure(log, topics)
        except BaseException:
            log.close()
            raise
        return log

    def _ensure(self, log: Log, topics: list[Topic]) -> None:
        from pas_transport.log import TopicMissingError

        try:
            log.ensure(topics)
        except TopicMissingError as error:
            if not error.topics.isdisjoint(topic.name for topic in SHARED_TOPICS):
                raise
            others = f" and {len(error.topics) - 1} more of offices" if len(error.topics) > 1 else ""
            self.warn(f"{error.sentence}{others}: what is for it waits, and nobody else for it.", error.hint)

    def _open_embedded(self) -> Log:
        from pas_transport.embedded import EmbeddedLog

        return EmbeddedLog(self.root / self.settings.log_path, shift_ms=self.shift_ms)

    def _open_kafka(self) -> Log:
        from pas_transport.kafka_log import KafkaLog

        return KafkaLog(
            self.kafka_access(),
            shift_ms=self.shift_ms,
            prefix=self.settings.kafka_prefix or "",
            wait_seconds=self.settings.kafka_wait_seconds,
            session_seconds=self.settings.kafka_session_seconds,
        )

    def kafka_access(self) -> KafkaAccess:
        """Where Kafka is and as whom this workspace asks there; raises `SettingsError`."""
        from pas_transport.kafka_client import KafkaAccess

        given = self.settings
        if given.bootstrap is None:
            raise SettingsError("`bootstrap` does not say where Kafka is.", 'write `bootstrap = "host:port"` into pas.toml')
        paths = (given.kafka_ca_path, given.kafka_certificate_path, given.kafka_key_path)
        authority, certificate, key = (self.root / path if path else None for path in paths)
        password = read_secret(self.root / given.kafka_password_path) if given.kafka_password_path else None
        return KafkaAccess(given.bootstrap, authority, given.kafka_user, password, certificate, key)

    @cached_property
    def directory_store(self) -> DirectoryStore:
        """Every edition of the directory that lies in this workspace."""
        from pas_transport.snapshots import DirectoryStore

        return DirectoryStore(
            self.root / self.settings.directory_dir, self.root / self.settings.root_public_key_path, self.root / "directory.seen"
        )

    def directory(self) -> Snapshot:
        """The newest edition, verified; warns when it has expired; raises `DirectoryError` (production: for example keys too).

        Asked again, it is read again only where a newer one has come.
        """
        versions = self.directory_store.versions()
        if self._read and versions and self._read[-1].version == versions[-1]:
            return self._read[-1]
        snapshot = self.directory_store.current()
        if self.settings.production:
            snapshot.refuse_examples()
        now = self.clock.now()
        if now >= snapshot.expires_at:
            self.warn(f"The directory (version {snapshot.version}) expired on {show_time(snapshot.expires_at)}.", "ask PAS for a newer one")
        self._read[:] = [snapshot]
        return snapshot

    def keyring(self, office: str, snapshot: Snapshot | None = None) -> Keyring:
        """An office's private keys, the signing key being the one the directory has as current; raises `KeyringError`.

        `snapshot` is the edition that counts, where it is at hand; else it is the newest.
        """
        from pas_transport.keyring import Keyring

        current = (snapshot or self.directory()).key(office, "sign", self.clock.now())
        ring = Keyring.open(self.keys_dir, office, current.id if current else None)
        if self.settings.production:
            ring.refuse_example()
        return ring

    def held_offices(self) -> tuple[str, ...]:
        """The offices whose private keys lie in this workspace, sorted."""
        from pas_transport.keyring import list_offices

        return list_offices(self.keys_dir)


def open_workspace(folder: Path | str | None = None, warn: Warn = _keep_quiet, environment: Mapping[str, str] | None = None) -> Workspace:
    """The workspace in `folder`, else in PAS_WORKSPACE, else around the current folder; raises `SettingsError`."""
    environment = os.environ if environment is None else environment
    root = find_root(None if folder is None else Path(folder), environment)
    settings = read_settings(root / FILE, environment)
    return Workspace(root, settings, _start_clock(root, settings, environment), warn)


def declared_topics(snapshot: Snapshot) -> list[Topic]:
    """Every topic there must be: the shared ones, and one of each office's own."""
    return [*SHARED_TOPICS, *(deliveries(office.id) for office in snapshot.offices)]


def find_root(folder: Path | None, environment: Mapping[str, str]) -> Path:
    """The folder whose pas.toml counts; raises `SettingsError` where there is none."""
    named = folder or (Path(environment["PAS_WORKSPACE"]) if environment.get("PAS_WORKSPACE") else None)
    if named is not None:
        if not (named / FILE).is_file():
            raise SettingsError(f"{named} is no workspace: it has no {FILE}.", f"make one with `pas init {named}`")
        return named.resolve()
    here = Path.cwd()
    for candidate in (here, *here.parents):
        if (candidate / FILE).is_file():
            return candidate
    raise NoWorkspaceError(f"There is no {FILE} here or above.", "make a workspace with `pas init DIR`, or name one with --workspace DIR")


def read_secret(path: Path) -> str:
    """A secret from its own file, without the line end; raises `SettingsError` that names the file and never what is in it."""
    try:
        return read_whole(path).decode("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"The secret file {path.name} cannot be read.", "see its path, owner and mode") from None


def _start_clock(root: Path, settings: Settings, environment: Mapping[str, str]) -> int:
    """The shift of the workspace's clock in milliseconds; the first command that sees PAS_CLOCK writes it down for all later ones."""
    file = root / CLOCK_FILE
    told = environment.get("PAS_CLOCK")
    if settings.production and (told or file.exists()):
        raise SettingsError(
            "`production` refuses PAS_CLOCK and a workspace that ran on it.", f"remove {CLOCK_FILE} only in a workspace without records"
        )
    if told and not file.exists():
        _write_clock(file, told)
    return _read_shift(file) if file.exists() else 0


def read_clock(told: str) -> datetime:
    """The time that PAS_CLOCK tells; raises `SettingsError`."""
    try:
        clock = parse_time(told)
    except ValueError:
        raise SettingsError("PAS_CLOCK is not a time.", "write it like 2015-11-18T12:00:00Z") from None
    if not CLOCK_FROM <= clock < CLOCK_UNTIL:
        raise SettingsError(f"PAS_CLOCK is not between {CLOCK_FROM.year} and {CLOCK_UNTIL.year}.", "set a time nearer to today")
    return clock


def _write_clock(file: Path, told: str) -> None:
    clock = read_clock(told)
    note = {"clock": show_time(clock), "real": show_time(datetime.now(UTC))}
    try:
        # Of two commands that start at once, the first to get there sets the clock of both.
        write_once(file, json.dumps(note).encode() + b"\n")
    except OSError as error:
        raise SettingsError(
            f"The workspace's clock cannot be set: {error.strerror}.", "make the workspace writable, or unset PAS_CLOCK"
        ) from None


def _read_shift(file: Path) -> int:
    try:
        note = json.loads(file.read_bytes())
        return to_ms(parse_time(note["clock"])) - to_ms(parse_time(note["real"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsError(f"{CLOCK_FILE} is damaged.", "restore it: times already told by this workspace depend on it") from None
