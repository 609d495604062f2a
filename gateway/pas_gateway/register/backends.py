"""Opens the register behind a URL: SQLite for one host, PostgreSQL for several."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from pas_gateway.register.sqlite import SqliteStore
from pas_gateway.register.store import Store
from pas_schemas.errors import RegisterError

_HINT = "set register_url to sqlite:///FILE or postgresql://USER@HOST:PORT/DATABASE"


def open_store(url: str, *, patience_seconds: float = 0, hurried: Callable[[], bool] = lambda: False) -> Store:
    """The register's store; RegisterError where the URL names no database of the two kinds.

    A PostgreSQL server that does not answer is waited for up to `patience_seconds`: one that was there before is being
    started anew. The default is to say at once that it is not there, and so does who was `hurried`, told to end.
    """
    try:
        read = sa.make_url(url)
        if read.drivername in ("sqlite", "sqlite+pysqlite"):
            return SqliteStore(read)
        if read.drivername in ("postgresql", "postgresql+psycopg"):
            from pas_gateway.register.postgres import PostgresStore

            return PostgresStore(read, patience_seconds, hurried=hurried)
    except (ArgumentError, ValueError):
        # The URL is not repeated: it may hold a password.
        raise RegisterError("register_url is no database URL.", _HINT) from None
    except SQLAlchemyError:
        raise RegisterError("register_url cannot be used.", _HINT) from None
    raise RegisterError("register_url names a database of another kind than SQLite and PostgreSQL.", _HINT)
