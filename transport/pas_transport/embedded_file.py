"""The one SQLite file under the embedded log: its tables, its transactions, and the fence that sqlite3 never gets past."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pas_schemas.errors import LogError
from pas_transport.locks import RETRY_SECONDS, lock_within
from pas_transport.log import LogDamagedError, LogUnavailableError
from pas_transport.ownership import fence_os_error
from pas_transport.sqlite_file import file_at, primary_code, transaction

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

# Every transaction here is over in well under a second; who waits longer than this waits for something that hangs.
LOCK_SECONDS = 10.0
# What the write-ahead log is cut back to after a burst: the checkpoint's own size.
WAL_KEPT_BYTES = 4000 * 16384
# "PAS1" and the version of the tables: what tells our file from any other SQLite file.
APPLICATION_ID = 0x50415331
TABLES_VERSION = 1

# `records` is keyed by the global append sequence, so appending always writes at the end of one tree and retention frees
# whole pages; the index finds a partition's offsets. `at` is this machine's real time: a shift is added when it is told.
_TABLES = """
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), identity TEXT NOT NULL, sequence INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
    retention_ms INTEGER, cleanup TEXT NOT NULL);
CREATE TABLE partitions (id INTEGER PRIMARY KEY, topic INTEGER NOT NULL REFERENCES topics (id), number INTEGER NOT NULL,
    first INTEGER NOT NULL, next INTEGER NOT NULL, UNIQUE (topic, number));
CREATE TABLE records (sequence INTEGER PRIMARY KEY, partition INTEGER NOT NULL, offset INTEGER NOT NULL, at INTEGER NOT NULL,
    key BLOB NOT NULL, value BLOB NOT NULL);
CREATE UNIQUE INDEX records_by_offset ON records (partition, offset);
"""


class LogFile:
    """One connection to the file, for every thread of one process; its transactions run one after the other."""

    def __init__(self, path: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self.path = path
        self.locks = path.with_name(path.name + ".locks")
        self._lock_seconds = lock_seconds
        self._thread_lock = threading.RLock()
        self._process = os.getpid()
        self._closed = False
        with _one_opener(self.locks, lock_seconds), _fence(path):
            self._connection = sqlite3.connect(path, timeout=lock_seconds, isolation_level=None, check_same_thread=False)
            try:
                self._file = self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def read(self, work: Work[T]) -> T:
        """Run `work` on one snapshot."""
        return self._run("BEGIN", work)

    def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction of its own, durable when this returns; `work` may run again if the file was busy."""
        return self._run("BEGIN IMMEDIATE", work)

    def close(self) -> None:
        with self._thread_lock:
            if not self._closed and os.getpid() == self._process:
                self._closed = True
                with _fence(self.path):
                    self._connection.close()

    def check_open(self) -> None:
        """Raise unless the log can be used: not closed, in the process that opened it, and its file still in its place."""
        if self._closed:
            raise LogError("The log has been closed", "open it again")
        if os.getpid() != self._process:
            raise LogError("A log was opened before a fork and used after it", "open the log in the process that uses it")
        if self._file != file_at(self.path):
            raise LogUnavailableError(f"{self.path.name} was removed or replaced while it was in use", "start this process again")

    def _run(self, begin: str, work: Work[T]) -> T:
        deadline = time.monotonic() + self._lock_seconds
        with self._thread_lock, _fence(self.path):
            while True:
                self.check_open()
                try:
                    with transaction(self._connection, begin):
                        return work(self._connection)
                except sqlite3.OperationalError as error:
                    if not _is_busy(error) or time.monotonic() >= deadline:
                        raise
                # SQLite's own busy handler backs off up to 100 ms and starves one of two writers; our transactions are short.
                time.sleep(RETRY_SECONDS)

    def _prepare(self) -> tuple[int, int] | None:
        connection = self._connection
        made = connection.execute("PRAGMA schema_version").fetchone()[0] > 0
        if made:
            _check_ours(connection, self.path)
        else:
            connection.execute("PRAGMA page_size = 16384")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
        if not made:
            _create_tables(connection)
        connection.execute("PRAGMA busy_timeout = 0")
        return file_at(self.path)


def _create_tables(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO state VALUES (1, ?, 0, 0)", (secrets.token_hex(16),))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {TABLES_VERSION}")


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise LogDamagedError(f"{path.name} is a database, but no log of this broker", "name the log's own file")
    if connection.execute("PRAGMA user_version").fetchone()[0] != TABLES_VERSION:
        raise LogDamagedError(f"{path.name} was written by another version of this broker", "use the version that wrote it")


@contextmanager
def _one_opener(locks: Path, seconds: float) -> Iterator[None]:
    """Opening is one process at a time, so that only one makes the tables."""
    try:
        locks.mkdir(exist_ok=True)
        fd = os.open(locks / "opening", os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError as error:
        raise LogUnavailableError(f"The folder {locks.parent} does not exist", "make the workspace first: pas init") from error
    except OSError as error:
        raise fence_os_error(error) from error
    try:
        _lock(fd, seconds)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, seconds: float) -> None:
    try:
        got = lock_within(fd, seconds)
    except OSError as error:
        raise fence_os_error(error) from error
    if not got:
        raise LogUnavailableError("Another process keeps opening the log", "see whether it hangs, and try again")


def _is_busy(error: sqlite3.Error) -> bool:
    return primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def _fence(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _typed(error, path.name) from error
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        # A damaged page can pass for a sound one in which a row is missing or a number is text: SQLite keeps no checksums.
        raise _damaged(path.name) from error


def _typed(error: sqlite3.Error, name: str) -> LogError:
    """Our error for one of SQLite's; its text is not repeated but its name is, since that says nothing of any record."""
    code = primary_code(error)
    if code in _MEANINGS:
        kind, sentence, hint = _MEANINGS[code]
        return kind(sentence.format(name), hint)
    symbol = getattr(error, "sqlite_errorname", type(error).__name__)
    return LogError(f"{name} could not do what was asked ({symbol})", "this is a fault of the broker: please report it")


def _damaged(name: str) -> LogError:
    kind, sentence, hint = _DAMAGED
    return kind(sentence.format(name), hint)


_LOCKED = (LogUnavailableError, "{} stayed locked by another process", "try again; see whether a process hangs")
_UNWRITABLE = (LogUnavailableError, "{} cannot be written", "give this user the right to write it and its folder")
_DAMAGED = (LogDamagedError, "{} is damaged, or is no log", "restore it from a copy, and keep this one: it may be readable in part")
_MEANINGS: dict[int, tuple[type[LogError], str, str]] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_PERM: _UNWRITABLE,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: (LogUnavailableError, "The disk of {} is full; nothing was stored", "make room on it and try again"),
    sqlite3.SQLITE_CANTOPEN: (LogUnavailableError, "{} cannot be opened", "see that its folder exists and may be written"),
    sqlite3.SQLITE_IOERR: (LogUnavailableError, "The disk of {} reports an error", "it may be full or failing: see the system's log"),
}
