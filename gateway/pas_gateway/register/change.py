"""Everything one batch writes, and the one transaction that checks what it was computed from and writes it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from pas_gateway.register import schema
from pas_gateway.register.store import ClashError, Store

Row = dict[str, Any]
T = TypeVar("T")
# A running total is kept in so many rows at most, `accepted#17` being one.
COUNTER_SLOTS, COUNTER_MARK = 64, "#"
# SQLite takes at most 32,766 parameters in a statement.
CHUNK = 500


class LostPartitionError(ClashError):
    """Another worker has taken in this partition further than this one believed: it gives way."""


@dataclass(frozen=True, slots=True)
class Advance:
    """A position that moves from `expected` (None: never read) to `next`."""

    log: str
    topic: str
    partition: int
    expected: int | None
    next: int
    digest: bytes


@dataclass(slots=True)
class Change:
    """What a batch writes, at a time. `used` holds the version of each person it was computed from; all of `touched` are raised."""

    at_ms: int = 0
    advances: list[Advance] = field(default_factory=list)
    used: dict[bytes, int] = field(default_factory=dict)
    touched: set[bytes] = field(default_factory=set)
    reports: list[Row] = field(default_factory=list)
    redecided: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    subjects: list[Row] = field(default_factory=list)
    movements: list[Row] = field(default_factory=list)
    followed: set[bytes] = field(default_factory=set)
    shredded: list[bytes] = field(default_factory=list)
    cases: list[Row] = field(default_factory=list)
    closed_cases: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)
    replies: list[Row] = field(default_factory=list)
    states: list[Row] = field(default_factory=list)
    acceptances: list[Row] = field(default_factory=list)
    statements: list[Row] = field(default_factory=list)
    refused: list[Row] = field(default_factory=list)
    case_states: list[Row] = field(default_factory=list)
    rested: dict[bytes, int] = field(default_factory=dict)
    waiting: list[Row] = field(default_factory=list)
    waits: list[Row] = field(default_factory=list)
    settled: list[bytes] = field(default_factory=list)
    corrections: list[Row] = field(default_factory=list)
    superseded: list[Row] = field(default_factory=list)
    climbs: list[Row] = field(default_factory=list)
    rungs: list[Row] = field(default_factory=list)
    relieved: list[bytes] = field(default_factory=list)
    recalled: list[bytes] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    asks: list[Row] = field(default_factory=list)
    request_moves: list[Row] = field(default_factory=list)
    ask_moves: list[Row] = field(default_factory=list)
    protections: list[Row] = field(default_factory=list)
    handed: list[Row] = field(default_factory=list)
    answers: list[Row] = field(default_factory=list)
    confirmed: list[tuple[bytes, str, bytes]] = field(default_factory=list)
    veils: list[Row] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def write_change(store: Store, change: Change) -> None:
    """All of it or nothing; ClashError where a position or a person's version is not what the batch was computed from."""
    store.write(lambda connection: write_rows(connection, change))


def write_rows(connection: sa.Connection, change: Change) -> None:
    """The same, inside the caller's transaction."""
    for advance in change.advances:
        _advance(connection, advance)
    _use_versions(connection, change.used, change.touched)
    laid = [{"note": None} | row | {"at_ms": change.at_ms} for row in change.outbox]
    for table, rows in (
        (schema.reports, change.reports), (schema.attempts, change.attempts), (schema.subjects, change.subjects),
        (schema.movements, change.movements), (schema.deliveries, change.deliveries), (schema.outbox, laid),
        (schema.replies, change.replies), (schema.acceptances, change.acceptances), (schema.waiting, change.waiting),
        (schema.corrections, change.corrections), (schema.statements, change.statements), (schema.rungs, change.rungs),
        (schema.requests, change.requests), (schema.asks, change.asks), (schema.protections, change.protections),
        (schema.refused, change.refused), (schema.handed, change.handed), (schema.answers, [row | {"told": 0} for row in change.answers]),
    ):  # fmt: skip
        _insert_rows(connection, table, rows)
    _renew_veil(connection, change.veils)
    _climb(connection, change)
    _recall(connection, change.recalled)
    _follow(connection, change.followed, change.at_ms)
    _shred(connection, change.shredded)
    _settle(connection, change)
    _move_requests(connection, change)
    _confirm(connection, change.confirmed)
    _redecide(connection, change)
    _move_states(connection, change.states)
    append_events(connection, change.events)
    add_counts(connection, change.counts)


def _renew_veil(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """A later edition stands in the place of the earlier; an earlier one that comes again changes nothing."""
    table = schema.veils
    for row in rows:
        if connection.execute(sa.select(table.c.edition).where(table.c.edition >= row["edition"])).first() is None:
            connection.execute(table.delete())
            connection.execute(table.insert(), row)


def append_events(connection: sa.Connection, events: Sequence[bytes]) -> None:
    """Audit events of one transaction, in one row."""
    if events:
        connection.execute(schema.leaves.insert(), {"events": join_blobs(events)})


def _insert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """New rows by the driver's bulk form: COPY on PostgreSQL, executemany on SQLite."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        from pas_gateway.register.postgres import copy_rows

        copy_rows(connection, table, rows)
    else:
        statement, names = _insertion(table, frozenset(rows[0]))
        connection.exec_driver_sql(statement, [tuple(map(row.__getitem__, names)) for row in rows])


@cache
def _insertion(table: sa.Table, names: frozenset[str]) -> tuple[str, list[str]]:
    """A statement and the order of its places: numbers, texts and bytes go to the driver as they are, without translation."""
    made = table.insert().compile(dialect=sqlite.dialect(), column_keys=sorted(names))
    return str(made), made.positiontup or []


def _advance(connection: sa.Connection, advance: Advance) -> None:
    """Compare and set: of two workers that believe they own a partition one gives way."""
    table = schema.positions
    place = {"log": advance.log, "topic": advance.topic, "partition": advance.partition}
    if advance.expected is None:
        try:
            connection.execute(table.insert(), {**place, "next": advance.next, "digest": advance.digest})
        except IntegrityError:
            raise _lost() from None
        return
    mine = sa.and_(*(table.c[name] == value for name, value in place.items()), table.c.next == advance.expected)
    done = connection.execute(table.update().where(mine).values(next=advance.next, digest=advance.digest))
    if done.rowcount != 1:
        raise _lost()


def _lost() -> LostPartitionError:
    return LostPartitionError("Another worker has taken this partition further.", "the batch is dropped and read again")


_RAISE_EACH = sa.text("INSERT INTO versions (key, version) VALUES (:key, 1) ON CONFLICT (key) DO UPDATE SET version = versions.version + 1")
_RAISE_MANY = sa.text(
    "INSERT INTO versions (key, version) SELECT key, 1 FROM unnest(CAST(:keys AS bytea[])) AS key"
    " ON CONFLICT (key) DO UPDATE SET version = versions.version + 1 RETURNING key, version"
)


def _use_versions(connection: sa.Connection, used: dict[bytes, int], touched: set[bytes]) -> None:
    """Checks the versions of `used`, and raises those of `touched`."""
    postgres = connection.dialect.name == "postgresql"
    # PostgreSQL would take what is read here for read by all who write about anybody: what is raised tells its version itself.
    keys = used.keys() - touched if postgres else used
    found = dict(find_rows(connection, sa.select(schema.versions), schema.versions.c.key, keys))
    if postgres:
        found |= {key: version - 1 for key, version in connection.execute(_RAISE_MANY, {"keys": sorted(touched)})}
    elif touched:
        connection.execute(_RAISE_EACH, [{"key": key} for key in sorted(touched)])
    if any(found.get(key, 0) != version for key, version in used.items()):
        raise ClashError("Something was written about a person of this batch meanwhile.", "the batch is decided again")


def _climb(connection: sa.Connection, change: Change) -> None:
    """What climbs next when. Compare and set: what was read, decided or climbed by another meanwhile is looked at anew."""
    for row in change.climbs:
        table = schema.cases if row["table"] == "cases" else schema.deliveries
        mine = sa.and_(table.c.id == row["id"], table.c.climb_ms == row["was"])
        if connection.execute(table.update().where(mine).values(climb_ms=row["next"])).rowcount != 1:
            raise ClashError("What was about to escalate has moved on meanwhile.", "it is looked at again")
    table = schema.rungs
    for subjects in chunks(change.relieved):
        connection.execute(table.update().where(table.c.subject.in_(subjects)).values(open=0))


def _recall(connection: sa.Connection, deliveries: Sequence[bytes]) -> None:
    """Deliveries that a restored register has accounted for, each once."""
    for ids in chunks(deliveries):
        done = connection.execute(schema.relearnt.delete().where(schema.relearnt.c.id.in_(ids)))
        if done.rowcount != len(ids):
            raise ClashError("What was sent before has been accounted for meanwhile.", "the batch is decided again")


def _follow(connection: sa.Connection, prisoners: set[bytes], now_ms: int) -> None:
    """Every movement of these prisoners that is due has been followed: they were decided on by all of them."""
    table = schema.movements
    for keys in chunks(sorted(prisoners)):
        due = sa.and_(among(connection, table.c.prisoner, keys), schema.to_follow(now_ms))
        connection.execute(table.update().where(due).values(followed=1))


def _shred(connection: sa.Connection, reports: Sequence[bytes]) -> None:
    """Without its data key a body is gone, wherever its pages were copied."""
    table = schema.reports
    for ids in chunks(reports):
        connection.execute(table.update().where(table.c.id.in_(ids)).values(body=None, data_key=None))


def _settle(connection: sa.Connection, change: Change) -> None:
    """What becomes of reports that waited, and the end of those that others now stand in the place of."""
    table = schema.waiting
    for row in change.waits:
        connection.execute(table.update().where(table.c.report == row["report"]).values(target=row["target"], state=row["state"]))
    for ids in chunks(change.settled):
        connection.execute(table.delete().where(table.c.report.in_(ids)))
    _raise_reports(connection, change.superseded, "live_until_ms")


def _raise_reports(connection: sa.Connection, rows: Sequence[Row], *columns: str) -> None:
    """Writes these columns of reports that stood already, and raises their versions: all of those that were read, or ClashError."""
    if not rows:
        return
    table = schema.reports
    mine = sa.and_(table.c.id == sa.bindparam("its_id"), table.c.version == sa.bindparam("its_version"))
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in columns}
    done = connection.execute(
        table.update().where(mine).values(version=table.c.version + 1, **values),
        [{"its_id": row["id"], "its_version": row["version"], **{f"new_{name}": row[name] for name in columns}} for row in rows],
    )
    if done.rowcount != len(rows):
        raise ClashError("A report of this batch was decided again meanwhile.", "the batch is decided again")


def _move_requests(connection: sa.Connection, change: Change) -> None:
    """How far requests and who was asked are; each move from where the batch saw it, `was`."""
    requests, asks = schema.requests, schema.asks
    for row in change.request_moves:
        mine = sa.and_(requests.c.id == row["id"], requests.c.state == row["was"])
        _move_one(connection, requests.update().where(mine).values(state=row["state"], look_ms=row["look_ms"]))
    for row in change.ask_moves:
        mine = sa.and_(asks.c.request == row["request"], asks.c.office == row["office"], asks.c.state == row["was"])
        values = {name: row[name] for name in ("state", "report", "statement", "sealed")}
        _move_one(connection, asks.update().where(mine).values(**values))


def _confirm(connection: sa.Connection, answers: Sequence[tuple[bytes, str, bytes]]) -> None:
    table = schema.answers
    for request, office, report in answers:
        mine = sa.and_(table.c.request == request, table.c.office == office, table.c.report == report, table.c.told == 0)
        _move_one(connection, table.update().where(mine).values(told=1))


def _move_one(connection: sa.Connection, update: sa.Update) -> None:
    if connection.execute(update).rowcount != 1:
        raise ClashError("A request of this batch was answered or looked at meanwhile.", "the batch is done again")


def _redecide(connection: sa.Connection, change: Change) -> None:
    """New verdicts of reports that stood already, and what became of their cases."""
    again = {row["id"] for row in change.redecided}
    rested = [{"id": report, "version": version} for report, version in change.rested.items() if report not in again]
    _raise_reports(connection, rested)
    _raise_reports(connection, change.redecided, "verdicts", "decided_at_ms")
    statement = sa.text(
        "INSERT INTO cases (id, report, owner, reasons, priority, opened_at_ms, due_ms, state, climb_ms)"
        " VALUES (:id, :report, :owner, :reasons, :priority, :opened_at_ms, :due_ms, :state, :climb_ms)"
        " ON CONFLICT (report, owner) DO UPDATE SET reasons = excluded.reasons, state = excluded.state,"
        " opened_at_ms = CASE WHEN cases.state IN ('OPEN', 'PROPOSED', 'RETURNED') THEN cases.opened_at_ms ELSE excluded.opened_at_ms END,"
        " due_ms = CASE WHEN cases.state IN ('OPEN', 'PROPOSED', 'RETURNED') THEN cases.due_ms ELSE excluded.due_ms END,"
        " climb_ms = CASE WHEN cases.state IN ('OPEN', 'PROPOSED', 'RETURNED') THEN cases.climb_ms ELSE excluded.climb_ms END"
    )
    if change.cases:
        connection.execute(statement, change.cases)
    for row in change.closed_cases:
        connection.execute(schema.cases.update().where(schema.cases.c.id == row["id"]).values(state="CLOSED"))
    for row in change.case_states:
        values = {name: value for name, value in row.items() if name != "id"}
        connection.execute(schema.cases.update().where(schema.cases.c.id == row["id"]).values(**values))


# A delivery's state only ever moves to the right.
STATES = ("SEALED", "SENT", "DELIVERED", "CONDITIONS_ACCEPTED", "READ", "ACTIONED", "DECLINED", "WITHDRAWN")
# Of accepted conditions the text is awaited, which is another delivery.
NOT_AWAITED = ("CONDITIONS_ACCEPTED", "WITHDRAWN", "DECLINED")
# What is no longer awaited climbs no more; where PAS has a case because of it, it is looked at once more.
LOOK_ONCE = sa.case(
    (sa.exists().where(schema.rungs.c.subject == schema.deliveries.c.id, schema.rungs.c.open == 1), 0), else_=sa.null()
)  # fmt: skip


def _move_states(connection: sa.Connection, rows: Sequence[Row]) -> None:
    table = schema.deliveries
    by_state: dict[str, list[bytes]] = {}
    for row in rows:
        by_state.setdefault(row["state"], []).append(row["id"])
    for state, moved in by_state.items():
        earlier = STATES[: STATES.index(state)]
        ends = {"climb_ms": LOOK_ONCE} if state in NOT_AWAITED else {}
        for ids in chunks(moved):
            connection.execute(table.update().where(table.c.id.in_(ids), table.c.state.in_(earlier)).values(state=state, **ends))
    read = [{"its_id": row["id"], "at_ms": row["read_at_ms"]} for row in rows if row.get("read_at_ms") is not None]
    if read:
        unread = sa.and_(table.c.id == sa.bindparam("its_id"), table.c.read_at_ms.is_(None))
        connection.execute(table.update().where(unread).values(read_at_ms=sa.bindparam("at_ms"), climb_ms=LOOK_ONCE), read)


def add_counts(connection: sa.Connection, counts: Counter[str]) -> None:
    """Adds to the running totals, inside the caller's transaction."""
    statement = sa.text(
        "INSERT INTO counters (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value"
    )
    # Each process adds to a row of its own, so that none waits for another's transaction; who reads adds them up.
    slot = os.getpid() % COUNTER_SLOTS
    rows = [{"name": f"{name}{COUNTER_MARK}{slot}", "value": value} for name, value in sorted(counts.items()) if value]
    if rows:
        connection.execute(statement, rows)


def join_blobs(blobs: Iterable[bytes]) -> bytes:
    """Several byte strings as one, each after its length (4 bytes, big-endian)."""
    return b"".join([piece for blob in blobs for piece in (len(blob).to_bytes(4, "big"), blob)])


def split_blobs(joined: bytes) -> Iterator[bytes]:
    """What `join_blobs` joined."""
    at = 0
    while at < len(joined):
        end = at + 4 + int.from_bytes(joined[at : at + 4], "big")
        yield joined[at + 4 : end]
        at = end


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Slices small enough for one statement."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


_KEYS_IN_HEX = sa.text("SELECT unhex(value) FROM json_each(:keys)")
_PAIRS_IN_JSON = sa.text("SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:pairs)")


def among(connection: sa.Connection, column: sa.Column[Any], keys: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Whether a column holds one of these. They go as one value: to lay out a statement of 500 places takes longer than to answer it."""
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.bindparam(None, keys, sa.ARRAY(column.type)))
    if isinstance(column.type, sa.LargeBinary):
        return column.in_(_KEYS_IN_HEX.bindparams(sa.bindparam("keys", json.dumps([key.hex() for key in keys]), unique=True)))
    return column.in_(keys)


def find_rows(connection: sa.Connection, query: sa.Select[Any], column: sa.Column[Any], keys: Iterable[Any]) -> Iterator[Any]:
    """The rows of a query in which a column holds one of these, however many there are; in the query's order within each chunk of keys."""
    for part in chunks(sorted(set(keys))):
        yield from connection.execute(query.where(among(connection, column, part)))


def find_known(connection: sa.Connection, column: sa.Column[Any], keys: Iterable[bytes]) -> set[bytes]:
    """Which of these a column holds."""
    return {found for (found,) in find_rows(connection, sa.select(column), column, keys)}


def among_pairs(
    connection: sa.Connection, columns: tuple[sa.Column[Any], sa.Column[Any]], pairs: Sequence[tuple[Any, Any]]
) -> sa.ColumnElement[bool]:
    """Whether two columns hold one of these pairs. They go as one value, or two arrays: SQLite looks through the whole table for a list."""
    both = sa.tuple_(*columns)
    if connection.dialect.name == "postgresql":
        lists = zip(columns, zip(*pairs, strict=True), strict=True)
        arrays = (sa.bindparam(None, list(values), sa.ARRAY(column.type)) for column, values in lists)
        return both.in_(sa.select(sa.text("*")).select_from(sa.func.unnest(*arrays)))
    return both.in_(_PAIRS_IN_JSON.bindparams(sa.bindparam("pairs", json.dumps(pairs), unique=True)))
