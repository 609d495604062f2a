"""The register in one SQLite file: for one host, with nothing to install."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pas_gateway.register.store import (
    BUSY_SECONDS,
    DamagedRegisterError,
    RegisterUnavailableError,
    Store,
    tell_fault,
    tell_full,
    tell_same_row,
)
from pas_schemas.errors import RegisterError
from pas_transport.locks import lock_within
from pas_transport.sqlite_file import file_at

# Pages after which the write-ahead log is brought into the file, and what it is cut back to once nobody reads what lies beyond.
_WAL_PAGES = 4000
WAL_KEPT_BYTES = _WAL_PAGES * 4096
# Workers that read in turn, with never a moment between, keep it from beginning anew, and it grows as long as they work. From this length
# on a writer waits until those who read are through: not for long, for others want to write, and again when it has grown as much. It asks
# again and again: SQLite waits for the place in which a reader was found, and others may have taken it over since who would not hinder it.
WAL_LONG_BYTES = 4 * WAL_KEPT_BYTES
_TRY_MS, _TRIES = 50, 20


class SqliteStore(Store):
    """One file in WAL mode; writers wait for each other, readers for nobody."""

    driver_error = sqlite3.Error

    def __init__(self, url: sa.URL) -> None:
        # It may be written as SQLite's own URI.
        self._path = Path((url.database or "").removeprefix("file:"))
        self._ahead = self._path.with_name(f"{self._path.name}-wal")
        self._too_long = WAL_LONG_BYTES
        self._file: tuple[int, int] | None = None
        with self.fenced():
            self._path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, poolclass=sa.pool.QueuePool))
        sa.event.listen(self._engine, "connect", _set_up)
        sa.event.listen(self._engine, "begin", _begin)

    def exists(self) -> bool:
        # A file without a byte was emptied: nobody begins a new register in it by asking for one.
        return self._path.exists() and self._path.stat().st_size > 0

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self.fenced(), self.connect() as connection:
            self._check_place()
            yield connection

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[sa.Connection]:
        """As Store says; every writer is alone here, so that no transaction comes between."""
        with self.fenced(), self.connect().execution_options(pas_writes=True) as connection:
            with connection.begin():
                self._check_place()
                yield connection
            self._begin_anew(connection)

    def _check_place(self) -> None:
        """Nothing is read from a file that is no longer there, and nothing written that nobody would find again."""
        there = file_at(self._path)
        self._file = self._file or there
        if there != self._file:
            sentence = f"{self._path.name} was removed or replaced while it was in use."
            raise RegisterUnavailableError(sentence, "stop the gateway, put the register back, and start it again")

    def _begin_anew(self, connection: sa.Connection) -> None:
        """Empties a write-ahead log that has become long. What was committed stands whatever becomes of it: nothing is raised."""
        with suppress(sqlite3.Error, OSError):
            if self._ahead.stat().st_size < self._too_long:
                return
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA busy_timeout = {_TRY_MS}")
            try:
                for _ in range(_TRIES):
                    [(busy, *_)] = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                    if not busy:
                        break
            finally:
                driver.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
            self._too_long = self._ahead.stat().st_size + WAL_LONG_BYTES

    @contextmanager
    def exclusive(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """As Store says; by a lock of the operating system on a file of its own. RegisterUnavailableError where a wait gets too long."""
        path = self._path.with_name(f"{self._path.name}.{name}.lock")
        with self.fenced():
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            got = lock_within(handle, BUSY_SECONDS if wait else 0)
            if wait and not got:
                raise RegisterUnavailableError("Another process keeps the register to itself.", "see whether it hangs, and try again")
            yield got
        finally:
            os.close(handle)

    def check(self, connection: sa.Connection) -> None:
        """Every file will do: what it confirms and how it writes is set on each connection."""

    def tell(self, error: BaseException | None) -> RegisterError:
        if isinstance(error, sqlite3.IntegrityError):
            return tell_same_row()
        said = str(error)
        if "malformed" in said or "not a database" in said:
            return DamagedRegisterError("The register's file is damaged.", "restore it from a backup; the log still holds what came in")
        if not isinstance(error, sqlite3.OperationalError):
            return tell_fault(error)
        if "full" in said:
            return tell_full()
        if "readonly" in said or "read-only" in said or "unable to open" in said:
            return RegisterUnavailableError("The register cannot be written: its file or folder is read-only.", "make it writable")
        return RegisterUnavailableError("The register is busy or cannot be reached.", "try again; nothing was half written")


def _set_up(connection: Any, _record: object) -> None:
    # The driver's own implicit transactions are off: `_begin` says when one starts and of which kind.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={_WAL_PAGES}", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    # Keys are looked for in hex (`change.among`).
    if sqlite3.sqlite_version_info < (3, 41):
        connection.create_function("unhex", 1, bytes.fromhex, deterministic=True)
    # Whatever SQLite was compiled with: the key of a body that was shredded stays in no free page.
    connection.execute("PRAGMA secure_delete=ON")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("pas_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
