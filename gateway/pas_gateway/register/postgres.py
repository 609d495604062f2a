"""The register in PostgreSQL: shared by any number of hosts, written in SERIALIZABLE transactions and by COPY."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.types.array import ListBinaryDumper
from psycopg.types.string import StrBinaryDumper, StrDumperUnknown

from pas_gateway.register.listening import Bounds, Listening
from pas_gateway.register.refusals import tell_postgres
from pas_gateway.register.store import BUSY_SECONDS, RegisterUnavailableError, Store, UnfitRowError
from pas_schemas.errors import RegisterError

# It warns of what is raised anyway, and names host and user.
logging.getLogger("psycopg").setLevel(logging.ERROR)
# Waits have bounds. A host that vanished is noticed within a minute and its locks are freed; so are those of a process that
# stands still in the middle of a transaction.
_WAITS = {
    "lock_timeout": int(BUSY_SECONDS * 1000),
    "idle_in_transaction_session_timeout": 60_000,
    "tcp_keepalives_idle": 30,
    "tcp_keepalives_interval": 10,
    "tcp_keepalives_count": 3,
}
_CONNECTING = {
    "application_name": "pas-gateway",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# Writers go side by side; who was undone waits until all others have ended, and keeps new ones out. LOCK takes no snapshot
# yet. This table is never vacuumed, and who migrates waits for its writers. Where a small table is read as a whole,
# SERIALIZABLE takes every two batches for a collision: only what an index finds counts as read.
_TOGETHER = "LOCK TABLE alembic_version IN ROW EXCLUSIVE MODE; SET LOCAL enable_seqscan = off"
_ALONE = "LOCK TABLE alembic_version IN SHARE ROW EXCLUSIVE MODE; SET LOCAL enable_seqscan = off"
# The oldest that is tested is 15; what is used here came with 12.
_OLDEST = 12
# Between two looks for a server that is being started.
_LOOK_SECONDS = 0.2
# Rows of COPY are given to the server in their own binary form.
_COPIED = {sa.LargeBinary: "bytea", sa.String: "text", sa.BigInteger: "int8", sa.Integer: "int4"}


class PostgresStore(Store):
    """One database of its own. Connections that broke are noticed before they are used."""

    driver_error = psycopg.Error

    def __init__(
        self, url: sa.URL, patience_seconds: float, silence_seconds: float = BUSY_SECONDS, hurried: Callable[[], bool] = lambda: False
    ) -> None:
        self._patience = patience_seconds
        self._place = f"{url.host or 'the local socket'}{f':{url.port}' if url.port else ''}"
        options = [str(url.query.get("options", "")), *(f"-c {name}={value}" for name, value in _WAITS.items())]
        given = {name: value for name, value in _CONNECTING.items() if name not in url.query}
        super().__init__(
            sa.create_engine(
                url.set(drivername="postgresql+psycopg"),
                connect_args={**given, "options": " ".join(filter(None, options))},
                pool_pre_ping=True,
                use_native_hstore=False,
            ),
            hurried,
        )
        bounds = Bounds(silence_seconds, hurried)
        sa.event.listen(self._engine, "do_connect", lambda *asked: Listening.open(bounds, *asked[2], **asked[3]))
        sa.event.listen(self._engine, "connect", _set_up)

    def exists(self) -> bool:
        with self.reading() as connection:
            return sa.inspect(connection).has_table("alembic_version")

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self.fenced(), self.connect() as connection:
            yield connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[sa.Connection]:
        """As Store says; by a lock that is taken before the snapshot is."""
        with self.fenced(), self.connect().execution_options(isolation_level="SERIALIZABLE") as connection, connection.begin():
            connection.exec_driver_sql(_ALONE if alone else _TOGETHER)
            yield connection

    @contextmanager
    def exclusive(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """As Store says; by an advisory lock of a session of its own. A server that is started anew has freed it."""
        with self.fenced():
            connection = self.connect().execution_options(isolation_level="AUTOCOMMIT")
        got = True
        try:
            with self.fenced():
                got = _lock(connection, name, wait=wait)
            yield got
        finally:
            if got:
                self._unlock(connection, name)
            else:
                connection.close()

    def _unlock(self, connection: sa.Connection, name: str) -> None:
        """Back to the pool without the lock; a session that cannot be asked is ended, and its locks with it."""
        try:
            with self.fenced():
                connection.execute(sa.select(sa.func.pg_advisory_unlock(_key(name))))
        except RegisterError:
            connection.invalidate()
        finally:
            connection.close()

    def connect(self) -> sa.Connection:
        until = time.monotonic() + self._patience
        while True:
            try:
                with self.fenced():
                    return super().connect()
            except RegisterUnavailableError:
                if time.monotonic() >= until or self.hurried():
                    raise
            time.sleep(_LOOK_SECONDS)

    def check(self, connection: sa.Connection) -> None:
        """Refuses a database that is too old, that may forget what it confirmed, or that cannot hold every text."""
        found = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("server_version_num", "server_encoding")}
        if int(found["server_version_num"]) < _OLDEST * 10_000:
            raise RegisterError("The PostgreSQL server is too old for a register.", f"use version {_OLDEST} or later; 15 is tested")
        if found["server_encoding"] != "UTF8":
            raise RegisterError(
                "The register's database is not of encoding UTF8.", "make it anew: createdb --encoding=UTF8 --template=template0"
            )
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            if connection.exec_driver_sql(f"SHOW {name}").scalar_one() == "off":
                raise RegisterError(f"The PostgreSQL server may lose what it has confirmed: {name} is off.", "turn it on")

    def tell(self, error: BaseException | None) -> RegisterError:
        return tell_postgres(error, self._place)


class _Text(StrDumperUnknown):
    """PostgreSQL has no NUL in a text. What offices write, to be kept or looked for, may hold one: it must not stop a partition."""

    def dump(self, obj: str) -> Any:
        return super().dump(_without_nul(obj))


class _TextInArrays(StrBinaryDumper):
    """The same in arrays, and in rows of COPY."""

    def dump(self, obj: str) -> Any:
        return super().dump(_without_nul(obj))


def _without_nul(text: str) -> str:
    return text.replace("\0", "\ufffd")


def _set_up(driver: psycopg.Connection, _: object) -> None:
    """Arrays of keys go in the server's own binary form: as text, the driver would look at each of 500 keys for what must be quoted."""
    driver.adapters.register_dumper(list, ListBinaryDumper)
    # What is registered last is what a text by itself goes by.
    driver.adapters.register_dumper(str, _TextInArrays)
    driver.adapters.register_dumper(str, _Text)


def _lock(connection: sa.Connection, name: str, *, wait: bool) -> bool:
    if not wait:
        return bool(connection.execute(sa.select(sa.func.pg_try_advisory_lock(_key(name)))).scalar_one())
    connection.execute(sa.select(sa.func.pg_advisory_lock(_key(name))))
    return True


def _key(name: str) -> int:
    # Advisory locks are a database's own, and a database holds one register: its locks differ by name alone.
    return int.from_bytes(sha256(b"pas/register/" + name.encode()).digest()[:8], "big", signed=True)


def copy_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of the same columns into a table, by COPY: two to three times as fast as `executemany`."""
    names = list(rows[0])
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in names)
    kinds = [next(name for kind, name in _COPIED.items() if isinstance(table.c[column].type, kind)) for column in names]
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {quote(table.name)} ({columns}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
            copy.set_types(kinds)
            for row in rows:
                copy.write_row([row[name] for name in names])
    except (TypeError, ValueError, OverflowError, AttributeError, KeyError):
        raise UnfitRowError("A row does not fit its table.", "this is a fault of the program") from None
