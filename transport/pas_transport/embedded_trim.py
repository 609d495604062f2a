"""What the embedded log lets go: records past their retention, and superseded ones of compacted topics."""

from __future__ import annotations

import sqlite3

# A transaction holds everybody's lock: at 4 KiB a record this many go in about 20 ms.
MAX_TRIMMED = 2000

_DELETE_REPLACED = """
DELETE FROM records WHERE partition = :partition
    AND sequence NOT IN (SELECT max(sequence) FROM records WHERE partition = :partition GROUP BY key)
"""
_OLDEST_FIRST = "SELECT sequence, offset, at FROM records WHERE partition = ? ORDER BY offset"


def expire(db: sqlite3.Connection, now_ms: int) -> int:
    """Delete records older than their topic's retention, at most `MAX_TRIMMED`; how many went."""
    kept = db.execute("SELECT p.id, t.retention_ms FROM partitions p JOIN topics t ON t.id = p.topic WHERE t.retention_ms IS NOT NULL")
    gone = 0
    for partition, retention_ms in kept.fetchall():
        gone += _expire_partition(db, partition, now_ms - retention_ms, MAX_TRIMMED - gone)
        if gone >= MAX_TRIMMED:
            break
    return gone


def compact(db: sqlite3.Connection) -> int:
    """Delete every record of a compacted topic that a later one of its key and partition replaces; how many went."""
    compacted = db.execute("SELECT p.id FROM partitions p JOIN topics t ON t.id = p.topic WHERE t.cleanup = 'compact'")
    return sum(db.execute(_DELETE_REPLACED, {"partition": partition}).rowcount for (partition,) in compacted.fetchall())


def _expire_partition(db: sqlite3.Connection, partition: int, before_ms: int, at_most: int) -> int:
    """`at` never goes backwards along a partition, so the first record young enough ends the search."""
    old: list[tuple[int]] = []
    first = 0
    for sequence, offset, at in db.execute(_OLDEST_FIRST, (partition,)):
        if at >= before_ms or len(old) >= at_most:
            break
        old.append((sequence,))
        first = offset + 1
    if old:
        db.executemany("DELETE FROM records WHERE sequence = ?", old)
        db.execute("UPDATE partitions SET first = ? WHERE id = ?", (first, partition))
    return len(old)
