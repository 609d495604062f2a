"""What an office published, noted after the log has it: ids and keyed digests only, so that a repeat appends nothing."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pas_producers.errors import JournalError
from pas_schemas.clock import Clock, to_ms
from pas_transport.sqlite_file import primary_code, transaction

# The publishers of one office on one host write one after the other; each write is over in milliseconds.
LOCK_SECONDS = 10.0
_FOLDER_MODE, _FILE_MODE = 0o700, 0o600
_RUN_BYTES = 8
# Keyed by the log's identity too: what an older log had must be published again to a new one, once a person has said that it is
# the right one. `run` is which run of a publisher noted it first.
_TABLE = """CREATE TABLE IF NOT EXISTS published (
    log TEXT NOT NULL, id BLOB NOT NULL, digest BLOB NOT NULL, at_ms INTEGER NOT NULL, run BLOB NOT NULL,
    PRIMARY KEY (log, id, digest)
) WITHOUT ROWID"""
_RIGHT = "see log_path or bootstrap; if that is right, publish or import what was sent before with --again"
_ELSEWHERE = "SELECT 1 FROM published WHERE NOT EXISTS (SELECT 1 FROM published WHERE log = ?) LIMIT 1"
_FIND = "SELECT run FROM published WHERE log = ? AND id = ? AND digest = ?"


class Journal:
    """One office's note of what one log holds; every method raises `JournalError` and nothing else."""

    def __init__(self, path: Path, log_identity: str, clock: Clock) -> None:
        self._name = path.name
        self._log = log_identity
        self._clock = clock
        with self._fence():
            path.parent.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, _FILE_MODE))
            self._db = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)
            self._prepare()

    def _prepare(self) -> None:
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(_TABLE)
        except BaseException:
            self._db.close()
            raise

    def refuse_other_log(self) -> None:
        """Raises JournalError where all that is noted went to other logs: it may be that two systems are mixed up."""
        with self._fence():
            elsewhere = self._db.execute(_ELSEWHERE, (self._log,)).fetchone()
        if elsewhere:
            raise JournalError("This is another log than the one published to before.", _RIGHT)

    def noted_by(self, record_id: bytes, digest: bytes) -> bytes | None:
        """The run that saw the log take this record with this content; None where none did."""
        with self._fence():
            row = self._db.execute(_FIND, (self._log, record_id, digest)).fetchone()
            return None if row is None else bytes(row[0])

    def note(self, records: Iterable[tuple[bytes, bytes]], run: bytes) -> None:
        """Write ids and digests down, durably; what was noted before stays as it was."""
        at_ms = to_ms(self._clock.now())
        rows = [(self._log, record_id, digest, at_ms, run) for record_id, digest in records]
        with self._fence(), transaction(self._db):
            self._db.executemany("INSERT OR IGNORE INTO published VALUES (?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        with self._fence():
            self._db.close()

    @contextmanager
    def _fence(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise _typed(error, self._name) from None


def new_run() -> bytes:
    """A name for one run of a publisher."""
    return secrets.token_bytes(_RUN_BYTES)


def _typed(error: Exception, name: str) -> JournalError:
    code = primary_code(error)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return JournalError(f"The journal {name} is damaged.", "remove it and repeat: PAS knows what it has already")
    if code == sqlite3.SQLITE_FULL:
        return JournalError(f"The disk of the journal {name} is full.", "make room and repeat: PAS knows what it has already")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return JournalError(f"The journal {name} stayed locked by another process.", "repeat: PAS knows what it has already")
    return JournalError(f"The journal {name} cannot be written.", "make the folder published/ of the workspace writable, and repeat")


class Journals:
    """The journals of a folder, each opened when its office first sends; without a folder nothing is noted or known.

    `again`, by which all is sent once more, is also the word that another log than before is the right one.
    """

    def __init__(self, folder: Path | None, log_identity: str, clock: Clock, *, again: bool = False) -> None:
        self._folder = folder
        self._identity = log_identity
        self._clock = clock
        self._again = again
        self._open: dict[str, Journal] = {}

    def of(self, office: str) -> Journal | None:
        if self._folder is None:
            return None
        if office not in self._open:
            self._open[office] = Journal(self._folder / f"{office.replace(':', '.')}.db", self._identity, self._clock)
            if not self._again:
                self._open[office].refuse_other_log()
        return self._open[office]

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()
