"""The one SQLite file under an inbox: its tables, its transactions, and the fence that sqlite3 never gets past."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from pas_consumers.errors import StoreDamagedError, StoreUnavailableError
from pas_schemas.errors import InboxError
from pas_transport.locks import lock_within
from pas_transport.sqlite_file import primary_code, transaction

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

FILE = "inbox.db"
# Every transaction here is over in well under a second; who waits longer than this waits for something that hangs.
LOCK_SECONDS = 10.0
# "PASI" and the version of the tables: what tells an inbox from any other SQLite file.
APPLICATION_ID = 0x50415349
TABLES_VERSION = 1

# Whatever could be content is in a column `sealed`, under the office's store key. `record` is as it came from the log,
# which is sealed too; `sentence` never holds content.
_TABLES = """
CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), office TEXT NOT NULL, store_key TEXT NOT NULL);
CREATE TABLE positions (partition INTEGER PRIMARY KEY, log TEXT NOT NULL, offset INTEGER NOT NULL, digest BLOB NOT NULL);
CREATE TABLE deliveries (id BLOB PRIMARY KEY, kind TEXT NOT NULL, n INTEGER NOT NULL, handle BLOB NOT NULL, state TEXT NOT NULL,
    deadline_ms INTEGER, received_at_ms INTEGER NOT NULL, sealed BLOB NOT NULL, UNIQUE (handle, n)) WITHOUT ROWID;
CREATE TABLE replies (sequence INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, delivery BLOB NOT NULL, receipt TEXT NOT NULL,
    sent INTEGER NOT NULL, sealed BLOB NOT NULL);
CREATE INDEX replies_unsent ON replies (sequence) WHERE sent = 0;
CREATE TABLE aside (number INTEGER PRIMARY KEY, log TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, key BLOB NOT NULL, reason TEXT NOT NULL, sentence TEXT NOT NULL, record BLOB NOT NULL);
"""


class StoreFile:
    """A connection to an office's inbox file, made where there is none; every method raises an InboxError and nothing else."""

    def __init__(self, folder: Path, office: str, store_key: str, *, lock_seconds: float = LOCK_SECONDS) -> None:
        """`store_key` is the id of the key this inbox lies under: another one is refused."""
        self.path = folder / FILE
        with fence(office), _one_opener(folder, lock_seconds):
            if not self.path.exists():
                _create(self.path, office, store_key)
            self._connection = sqlite3.connect(self.path, timeout=lock_seconds, isolation_level=None)
            try:
                self._prepare(office, store_key)
            except BaseException:
                self._connection.close()
                raise
        self._office: Final = office

    def read(self, work: Work[T]) -> T:
        """Run `work` on one snapshot."""
        return self._run("BEGIN", work)

    def write(self, work: Work[T]) -> T:
        """Run `work` in one transaction, durable when this returns."""
        return self._run("BEGIN IMMEDIATE", work)

    def close(self) -> None:
        with fence(self._office):
            self._connection.close()

    def _run(self, begin: str, work: Work[T]) -> T:
        with fence(self._office), transaction(self._connection, begin):
            return work(self._connection)

    def _prepare(self, office: str, store_key: str) -> None:
        db = self._connection
        _check_ours(db, office, store_key)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        # What a withdrawal takes away does not stay behind in free pages.
        db.execute("PRAGMA secure_delete = ON")


def has_inbox(folder: Path) -> bool:
    return (folder / FILE).is_file()


def find_ids(folder: Path, office: str, prefix: str) -> list[bytes]:
    """The ids in an office's inbox that begin so (hexadecimal), without any key."""
    with fence(office):
        db = sqlite3.connect(folder / FILE, timeout=LOCK_SECONDS, isolation_level=None)
        try:
            _check_inbox(db, office)
            return [row[0] for row in db.execute("SELECT id FROM deliveries WHERE lower(hex(id)) LIKE ? || '%'", (prefix,))]
        finally:
            db.close()


def _create(path: Path, office: str, store_key: str) -> None:
    """Makes the file under another name first: an inbox that is empty was damaged, and is never taken for a new one."""
    draft = path.with_name(f"{FILE}.draft")
    draft.unlink(missing_ok=True)
    # SQLite gives its side files the mode of the file itself.
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT, 0o600))
    db = sqlite3.connect(draft, isolation_level=None)
    try:
        with transaction(db):
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO owner VALUES (1, ?, ?)", (office, store_key))
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {TABLES_VERSION}")
    finally:
        db.close()
    os.replace(draft, path)


def _check_inbox(db: sqlite3.Connection, office: str) -> None:
    if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreDamagedError(f"{FILE} of {office} is a database, but no inbox.", "restore the inbox from a backup")
    if db.execute("PRAGMA user_version").fetchone()[0] != TABLES_VERSION:
        raise StoreDamagedError(f"The inbox of {office} was written by another version of pas.", "use the version that wrote it")


def _check_ours(db: sqlite3.Connection, office: str, store_key: str) -> None:
    _check_inbox(db, office)
    owner = db.execute("SELECT office, store_key FROM owner").fetchone()
    if owner is None or owner[0] != office:
        raise StoreDamagedError(f"The inbox in {office}'s folder is not {office}'s.", "restore the inbox from a backup")
    if owner[1] != store_key:
        raise StoreDamagedError(f"The inbox of {office} lies under another store key than this workspace has.", "restore that key")


@contextmanager
def _one_opener(folder: Path, seconds: float) -> Iterator[None]:
    """Opening is one process at a time, so that only one makes the file."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / f"{FILE}.opening", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not lock_within(lock, seconds):
            raise StoreUnavailableError("Another process keeps opening the inbox.", "see whether it hangs, and try again")
        yield
    finally:
        os.close(lock)


@contextmanager
def fence(office: str) -> Iterator[None]:
    """Turns what sqlite3 and the system raise into an InboxError, without their words, which could quote a value."""
    try:
        yield
    except sqlite3.Error as error:
        raise _typed(error, office) from None
    except OSError as error:
        raise StoreUnavailableError(f"The inbox of {office} cannot be used: {error.strerror}.", "see its folder's owner and mode") from None


def _typed(error: sqlite3.Error, office: str) -> InboxError:
    code = primary_code(error)
    if code in _MEANINGS:
        kind, sentence, hint = _MEANINGS[code]
        return kind(sentence.format(office), hint)
    symbol = getattr(error, "sqlite_errorname", type(error).__name__)
    return InboxError(f"The inbox of {office} could not do what was asked ({symbol}).", "this is a fault of pas: please report it")


_LOCKED = (StoreUnavailableError, "The inbox of {} stayed locked by another process.", "try again; see whether a process hangs")
_UNWRITABLE = (StoreUnavailableError, "The inbox of {} cannot be written.", "give this user the right to write it and its folder")
_DAMAGED = (StoreDamagedError, "The inbox of {} is damaged.", "restore it from a backup, and keep this one: it may be readable in part")
_MEANINGS: dict[int, tuple[type[InboxError], str, str]] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_PERM: _UNWRITABLE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: (StoreUnavailableError, "The disk under the inbox of {} is full; nothing was stored.", "make room and try again"),
    sqlite3.SQLITE_CANTOPEN: (StoreUnavailableError, "The inbox of {} cannot be opened.", "see its folder's owner and mode"),
    sqlite3.SQLITE_IOERR: (StoreUnavailableError, "The disk under the inbox of {} reports an error.", "it may be full or failing"),
}
