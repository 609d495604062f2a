"""Opens the register and hands out its two kinds of transaction: a snapshot to read from, and one to write a batch in."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError

from pas_schemas.errors import RegisterError

# The migration this version of the code is written for; a test holds it against the migrations themselves.
HEAD = "0001"
# A writer waits this long for another's transaction, which holds the lock for milliseconds.
BUSY_SECONDS = 30.0
_MIGRATIONS = Path(__file__).parent / "migrations"


class RegisterUnavailableError(RegisterError):
    """The register could not be reached or written just now."""

    retriable: ClassVar[bool] = True


class DamagedRegisterError(RegisterError):
    """The register's files are not a register."""


class ClashError(RegisterError):
    """Another worker wrote what this batch writes, or what it was computed from: drop the batch and decide it again."""

    retriable: ClassVar[bool] = True


class Store:
    """The database behind the register. Nothing but a RegisterError leaves it."""

    def __init__(self, url: str) -> None:
        self.url = _read_url(url)
        self._sqlite = self.url.get_backend_name() == "sqlite"
        if not self._sqlite:
            raise RegisterError(
                f"This edition keeps its register in SQLite, not in {self.url.get_backend_name()}.", "set register_url to sqlite:///..."
            )
        self.path = Path(self.url.database or "")
        with _fenced():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_SECONDS}, poolclass=sa.pool.QueuePool)
        sa.event.listen(self._engine, "connect", _set_up)
        sa.event.listen(self._engine, "begin", _begin)

    def migrate(self) -> None:
        """Brings the tables up to this version's; refuses a register of a newer one."""
        with self.exclusive("migrate"), _fenced():
            found = self._version()
            if found == HEAD:
                return
            self._upgrade()

    def _version(self) -> str | None:
        with self._engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            version: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        if version is not None and version > HEAD:
            raise RegisterError("The register is of a newer version than this program.", "use the newer program")
        return version

    def _upgrade(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError:
                raise RegisterError("The register is of a version unknown to this program.", "use the program that wrote it") from None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent snapshot."""
        with _fenced(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One short transaction that other writers wait for; rolled back by any exception."""
        with _fenced(), self._engine.connect().execution_options(pas_writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def exclusive(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """A lock among all processes of this register, freed by the system when its holder dies; yields whether it was got."""
        path = self.path.with_name(f"{self.path.name}.{name}.lock")
        with _fenced():
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                got = True
            except BlockingIOError:
                got = False
            yield got
        finally:
            os.close(handle)

    def close(self) -> None:
        self._engine.dispose()


def _read_url(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except ArgumentError:
        # The URL is not repeated: it may hold a password.
        raise RegisterError("register_url is no database URL.", "set register_url to sqlite:///...") from None


def _set_up(connection: Any, _record: object) -> None:
    # The driver's own implicit transactions are off: `_begin` says when one starts and of which kind.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("pas_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _fenced() -> Iterator[None]:
    """Turns what the database or the system raises into a RegisterError of one sentence; parameters never show."""
    try:
        yield
    except IntegrityError:
        raise ClashError("Another worker wrote the same row first.", "the batch is decided again") from None
    except OperationalError as error:
        raise _tell(str(error.orig)) from None
    except DBAPIError as error:
        if "malformed" in str(error.orig) or "not a database" in str(error.orig):
            raise DamagedRegisterError(
                "The register's file is damaged.", "restore it from a backup; the log still holds what came in"
            ) from None
        raise RegisterError(f"The register failed ({type(error.orig).__name__}).", "this is a fault of the program") from None
    except OSError as error:
        raise RegisterUnavailableError(f"The register's folder cannot be used: {error.strerror}.", "see its owner, mode and disk") from None


def _tell(said: str) -> RegisterError:
    if "full" in said:
        return RegisterUnavailableError("The disk of the register is full.", "free space; nothing was half written")
    if "readonly" in said or "read-only" in said or "unable to open" in said:
        return RegisterUnavailableError("The register cannot be written: its file or folder is read-only.", "make it writable")
    if "malformed" in said or "not a database" in said:
        return DamagedRegisterError("The register's file is damaged.", "restore it from a backup; the log still holds what came in")
    return RegisterUnavailableError("The register is busy or cannot be reached.", "try again; nothing was half written")
