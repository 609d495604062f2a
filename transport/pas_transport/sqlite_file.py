"""What the SQLite files of log, inboxes and journals have in common: whole transactions, and SQLite's own word for an error."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def transaction(db: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """The body in one transaction: durable when this ends, and rolled back by any exception."""
    db.execute(begin)
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def primary_code(error: BaseException) -> int:
    """SQLite's primary result code: the low byte of the extended one; 0 for an error that is none of SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def file_at(path: Path) -> tuple[int, int] | None:
    """Which file lies there: one that was removed or replaced SQLite goes on with, unseen by whoever opens the path now."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
