"""The register's database as the gateway uses it: a snapshot to read from, one transaction to write a batch in, locks by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from pas_schemas.errors import RegisterError

# The migration this version of the code is written for; a test holds it against the migrations themselves.
HEAD = "0018"
# Nobody waits longer than this for another's transaction, which holds what it locks for milliseconds.
BUSY_SECONDS = 30.0
# A transaction that got in another's way is made so often before its batch is decided again. The second time it is alone of
# the gateway's: whatever undoes it then is somebody else's.
WRITE_TRIES = 8
_VERSION = sa.text("SELECT version_num FROM alembic_version")
_MIGRATIONS = Path(__file__).parent / "migrations"
T = TypeVar("T")


class RegisterUnavailableError(RegisterError):
    """The register could not be reached or written just now."""

    retriable: ClassVar[bool] = True


class DamagedRegisterError(RegisterError):
    """The register's files are not a register."""


class ClashError(RegisterError):
    """Another worker wrote what this batch writes, or what it was computed from: drop the batch and decide it again."""

    retriable: ClassVar[bool] = True


class SerializationError(ClashError):
    """Two transactions got in each other's way and this one was undone; the same one may be written again as it is."""


class UnfitRowError(RegisterError):
    """Something that the database cannot hold, or be asked for: as long as it is in the batch, the batch fails."""


class Store(ABC):
    """The database behind the register. Nothing but a RegisterError leaves it; parameters and passwords stand in none."""

    # What the driver raises where it is used without SQLAlchemy.
    driver_error: ClassVar[type[Exception]]

    def __init__(self, engine: sa.Engine, hurried: Callable[[], bool] = lambda: False) -> None:
        """`hurried` says whether its process was told to end: then nothing waits for long."""
        self._engine = engine
        self.hurried = hurried

    @abstractmethod
    def exists(self) -> bool:
        """Whether a register was ever made here."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[sa.Connection]:
        """One consistent snapshot."""

    @abstractmethod
    def writing(self, *, alone: bool = False) -> AbstractContextManager[sa.Connection]:
        """One short transaction; rolled back by any exception. SerializationError where another came between.

        With `alone` no other of the gateway's is under way meanwhile.
        """

    @abstractmethod
    def exclusive(self, name: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        """A lock among all processes of this register, freed by the system when its holder dies; yields whether it was got."""

    @abstractmethod
    def tell(self, error: BaseException | None) -> RegisterError:
        """What the driver's error means to a person."""

    @abstractmethod
    def check(self, connection: sa.Connection) -> None:
        """Raises RegisterError where the database is one that a register may not be kept in."""

    def ask(self, question: Callable[[sa.Connection], T]) -> T:
        """The answer to a question, on a snapshot; asked once more where the connection broke meanwhile."""
        try:
            with self.reading() as connection:
                return question(connection)
        except RegisterUnavailableError:
            with self.reading() as connection:
                return question(connection)

    def write(self, work: Callable[[sa.Connection], None]) -> None:
        """Does `work` in one transaction, again from its start where another got in the way; SerializationError in the end.

        What `work` was computed from it must check itself, in that same transaction. Nothing is written into a register that a newer
        program brought up to its version meanwhile.
        """
        for tried in range(WRITE_TRIES):
            try:
                with self.writing(alone=tried > 0) as connection:
                    _find_version(connection)
                    work(connection)
                return
            except SerializationError:
                if tried + 1 == WRITE_TRIES:
                    raise

    def migrate(self) -> None:
        """Brings the tables up to this version's; refuses a register of a newer one."""
        with self.exclusive("migrate"), self.fenced():
            if self._version() != HEAD:
                self._upgrade()

    def _version(self) -> str | None:
        with self.connect() as connection:
            self.check(connection)
            tables = sa.inspect(connection).get_table_names()
            if "alembic_version" not in tables:
                if tables:
                    raise RegisterError("The database holds tables that are not a register's.", "give the register a database of its own")
                return None
            return _find_version(connection)

    def _upgrade(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with self.connect() as connection, connection.begin():
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError:
                raise RegisterError("The register is of a version unknown to this program.", "use the program that wrote it") from None

    def connect(self) -> sa.Connection:
        """A connection of its own; for the two backends."""
        return self._engine.connect()

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """Turns what the database or the system raises into a RegisterError of one sentence; for the two backends."""
        try:
            yield
        except DBAPIError as error:
            raise self.tell(error.orig) from None
        except self.driver_error as error:
            raise self.tell(error) from None
        except SQLAlchemyError as error:
            raise tell_fault(error) from None
        except OSError as error:
            raise RegisterUnavailableError(
                f"The register's folder cannot be used: {error.strerror}.", "see its owner, mode and disk"
            ) from None

    def close(self) -> None:
        self._engine.dispose()


def _find_version(connection: sa.Connection) -> str | None:
    """The register's version; RegisterError where it is newer than this program."""
    version: str | None = connection.execute(_VERSION).scalar()
    if version is not None and version > HEAD:
        raise RegisterError("The register is of a newer version than this program.", "use the newer program")
    return version


def tell_fault(error: BaseException | None) -> RegisterError:
    """An error that no circumstance explains."""
    return RegisterError(f"The register failed ({type(error).__name__}).", "this is a fault of the program")


def tell_same_row() -> ClashError:
    """What a unique constraint refused."""
    return ClashError("Another worker wrote the same row first.", "the batch is decided again")


def tell_full() -> RegisterUnavailableError:
    """What a full disk refused."""
    return RegisterUnavailableError("The disk of the register is full.", "free space; nothing was half written")
