"""What the gateway asks of the register, each question answered for a whole batch at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from pas_gateway.policy.places import Place, place_of
from pas_gateway.policy.whereabouts import Row
from pas_gateway.register import schema
from pas_gateway.register.change import COUNTER_MARK, among_pairs, chunks, find_known, find_rows
from pas_gateway.register.dockets import WAITING
from pas_gateway.register.ladders import Unread, find_unread
from pas_schemas.clock import from_ms
from pas_schemas.identifiers import MAX_URN
from pas_schemas.models.words import Priority

# Numbers merged into one person: more rounds than this would be a feed gone wrong, and the rest stays unknown.
MAX_MERGE_ROUNDS = 16


@dataclass(frozen=True, slots=True)
class Accepted:
    """An accepted report as the register knows it; `order` is when the log took it, then when it was sealed, `place` what comes of that."""

    id: bytes
    originator: str
    urn: str
    content_digest: bytes
    created_at_ms: int
    order: tuple[int, int]
    place: tuple[int, int]
    tags: frozenset[str]
    priority: Priority
    version: int
    live_until_ms: int


_SUMMARY = (
    schema.reports.c.id, schema.reports.c.originator, schema.reports.c.urn, schema.reports.c.content_digest,
    schema.reports.c.created_at_ms, schema.reports.c.received_at_ms, schema.reports.c.sealed_at_us, schema.reports.c.tags,
    schema.reports.c.priority, schema.reports.c.version, schema.reports.c.live_until_ms,
)  # fmt: skip


def _summary(row: Any) -> Accepted:
    tags = frozenset(row.tags.split(",")) if row.tags else frozenset()
    order = (row.received_at_ms, row.sealed_at_us)
    return Accepted(
        row.id, row.originator, row.urn, row.content_digest, row.created_at_ms, order, place_of(order), tags, row.priority, row.version,
        row.live_until_ms,
    )  # fmt: skip


# Built once: a worker that begins asks for each of its partitions, and who waits until it is idle asks again and again.
_PLACES = schema.positions.c
_IN_LOG = _PLACES.log == sa.bindparam("log")
_POSITION = sa.select(_PLACES.next, _PLACES.digest).where(
    _IN_LOG, _PLACES.topic == sa.bindparam("topic"), _PLACES.partition == sa.bindparam("partition")
)
_POSITIONS = sa.select(_PLACES.topic, _PLACES.partition, _PLACES.next).where(_IN_LOG)


def find_position(connection: sa.Connection, log: str, topic: str, partition: int) -> tuple[int, bytes] | None:
    """The next offset of a partition and the digest of its last record; None if it was never read."""
    row = connection.execute(_POSITION, {"log": log, "topic": topic, "partition": partition}).first()
    return (row.next, row.digest) if row else None


def list_positions(connection: sa.Connection, log: str) -> dict[tuple[str, int], int]:
    rows = connection.execute(_POSITIONS, {"log": log})
    return {(row.topic, row.partition): row.next for row in rows}


def logs_known(connection: sa.Connection) -> frozenset[str]:
    """The identities of the logs this register has read from."""
    return frozenset(connection.execute(sa.select(schema.positions.c.log).distinct()).scalars())


def find_accepted(connection: sa.Connection, ids: Iterable[bytes], names: Iterable[tuple[str, str]]) -> list[Accepted]:
    """Accepted reports with one of these ids, or one of these (originator, URN)."""
    query = sa.select(*_SUMMARY)
    found = {row.id: _summary(row) for row in find_rows(connection, query, schema.reports.c.id, ids)}
    columns = (schema.reports.c.originator, schema.reports.c.urn)
    for pairs in chunks(sorted(set(names))):
        found.update({row.id: _summary(row) for row in connection.execute(query.where(among_pairs(connection, columns, pairs)))})
    return list(found.values())


def find_versions(connection: sa.Connection, keys: Iterable[bytes]) -> dict[bytes, int]:
    """How often something was written about each person; 0 for one nothing was ever written about."""
    wanted = sorted(set(keys))
    rows = find_rows(connection, sa.select(schema.versions), schema.versions.c.key, wanted)
    return dict.fromkeys(wanted, 0) | dict(rows)


_MOVES = schema.movements.c
_TOLD = ("number", "prisoner", "removed", "id", "event", "prison", "at_ms", "category", "alerts", "taken_at_ms", "sealed_at_us")
_MOVEMENT = sa.select(*(_MOVES[name] for name in _TOLD))


def find_movements(connection: sa.Connection, prisoners: Iterable[bytes], known_by_ms: int | None = None) -> list[Row]:
    """The rows of these prisoners and of all numbers merged with theirs; with a time, those the log had by then."""
    query = _MOVEMENT if known_by_ms is None else _MOVEMENT.where(_MOVES.taken_at_ms <= known_by_ms)
    seen, wanted = set[bytes](), set(prisoners)
    rows: dict[int, Row] = {}
    for _ in range(MAX_MERGE_ROUNDS):
        wanted -= seen
        if not wanted:
            break
        seen |= wanted
        found = [row for column in (_MOVES.prisoner, _MOVES.removed) for row in find_rows(connection, query, column, wanted)]
        rows.update({row[0]: _movement(row) for row in found})
        wanted = {key for row in found for key in row[1:3] if key is not None}
    return list(rows.values())


def _movement(row: Any) -> Row:
    # By place: each by its name would take ten times as long.
    _, prisoner, removed, name, event, prison, at_ms, category, alerts, taken_at_ms, sealed_at_us = row
    active, gone = None if alerts is None else frozenset(filter(None, alerts.split(","))), removed.hex() if removed else None
    at, told_at, place = from_ms(at_ms), from_ms(taken_at_ms), Place(*place_of((taken_at_ms, sealed_at_us)), name)
    return Row(prisoner.hex(), event, prison, at, category, active, gone, told_at, place)


def find_merged(connection: sa.Connection, prisoners: Iterable[bytes]) -> set[bytes]:
    """These numbers, and those that merges have made one with any of them."""
    table = schema.movements
    merges = sa.select(table.c.prisoner, table.c.removed).where(table.c.removed.is_not(None))
    seen: set[bytes] = set()
    wanted = set(prisoners)
    for _ in range(MAX_MERGE_ROUNDS):
        wanted -= seen
        if not wanted:
            break
        seen |= wanted
        columns = (table.c.prisoner, table.c.removed)
        wanted = {key for column in columns for row in find_rows(connection, merges, column, wanted) for key in row}
    return seen


# A range of keyed hashes, the second not among them.
Range = tuple[bytes, bytes]


def range_of(number: int, count: int) -> Range:
    """Of all prisoners the `number`th of `count` equal parts, from 0 on."""
    low, high = (place * 65536 // count for place in (number, number + 1))
    return low.to_bytes(2, "big"), high.to_bytes(2, "big") if high < 65536 else b"\xff" * 17


def find_due_prisoners(connection: sa.Connection, now_ms: int, most: int, ranges: Sequence[Range] | None = None) -> set[bytes]:
    """Whom movements are about that nobody has followed: of `most` told ahead whose time has come, or taken in behind a crowd.

    With `ranges` those in these alone.
    """
    table = schema.movements
    due = schema.to_follow(now_ms)
    if ranges is not None:
        due = sa.and_(due, sa.or_(sa.false(), *(sa.and_(table.c.prisoner >= low, table.c.prisoner < high) for low, high in ranges)))
    rows = connection.execute(sa.select(table.c.prisoner, table.c.removed).where(due).order_by(table.c.at_ms).limit(most))
    return {key for row in rows for key in row if key is not None}


def find_movement_ids(connection: sa.Connection, ids: Sequence[bytes]) -> set[bytes]:
    """Which of these rows of the feed were taken in before."""
    return find_known(connection, schema.movements.c.id, ids)


def find_reports_on(
    connection: sa.Connection, keys: Iterable[bytes], written: tuple[int, int] | None = None, tags: Iterable[str] | None = None
) -> list[tuple[bytes, Accepted]]:
    """Pairs of a person's key and an accepted report on that person; of those `written` between two moments (milliseconds), with one of
    these tags, where that is asked."""
    subjects = schema.subjects.c
    joined = sa.join(schema.subjects, schema.reports, subjects.report == schema.reports.c.id)
    query = sa.select(subjects.key, *_SUMMARY).select_from(joined)
    if written is not None:
        query = query.where(subjects.created_at_ms.between(*written))
    if tags is not None:
        query = query.where(sa.or_(sa.false(), *(subjects.tags.contains(tag, autoescape=True) for tag in sorted(tags))))
    return [(row.key, _summary(row)) for row in find_rows(connection, query, subjects.key, keys)]


@dataclass(frozen=True, slots=True)
class Kept:
    """An accepted report with what is needed to decide it again."""

    id: bytes
    body: bytes = field(repr=False)
    data_key: bytes = field(repr=False)
    verdicts: bytes = field(repr=False)
    order: tuple[int, int]
    version: int
    acceptances: frozenset[str]
    waits: str | None = None
    superseded: bool = False
    unread: tuple[Unread, ...] = ()


def find_kept(connection: sa.Connection, ids: Iterable[bytes]) -> list[Kept]:
    """Sealed bodies, verdicts, acceptances and the standing in their chains, of those of these reports whose body is not gone."""
    wanted = sorted(set(ids))
    kept: list[Kept] = []
    for part in chunks(wanted):
        accepted: dict[bytes, set[str]] = {}
        for row in connection.execute(sa.select(schema.acceptances).where(schema.acceptances.c.report.in_(part))):
            accepted.setdefault(row.report, set()).add(row.office)
        waiting = schema.waiting.c
        rows = connection.execute(sa.select(waiting.report, waiting.state).where(waiting.report.in_(part)))
        waits = {row.report: row.state for row in rows}
        gone = set(connection.execute(sa.select(schema.corrections.c.report).where(schema.corrections.c.report.in_(part))).scalars())
        unread, table = find_unread(connection, part), schema.reports.c
        columns = (table.id, table.body, table.data_key, table.verdicts, table.received_at_ms, table.sealed_at_us, table.version)
        for row in connection.execute(sa.select(*columns).where(table.id.in_(part), table.body.is_not(None))):
            order = (row.received_at_ms, row.sealed_at_us)
            offices = frozenset(accepted.get(row.id, ()))
            kept.append(
                Kept(
                    row.id, row.body, row.data_key, row.verdicts, order, row.version, offices, waits.get(row.id), row.id in gone,
                    unread.get(row.id, ()),
                )
            )  # fmt: skip
    return kept


@dataclass(frozen=True, slots=True)
class Sent:
    """One numbered delivery as the register knows it."""

    id: bytes
    report: bytes
    office: str
    n: int
    kind: str
    items: tuple[int, ...]
    state: str
    deadline_ms: int | None
    read_at_ms: int | None
    leaf: bytes


def find_last_leaf(connection: sa.Connection) -> int:
    """The number of the last row of the audit, which every batch with an effect adds to; 0 for a new register."""
    return int(connection.execute(sa.select(sa.func.max(schema.leaves.c.number))).scalar() or 0)


def find_bodies_due(connection: sa.Connection, live_before_ms: int, most: int) -> list[bytes]:
    """Reports whose last item ceased to be live before a moment, and whose body is still there."""
    table = schema.reports
    due = sa.and_(table.c.live_until_ms < live_before_ms, table.c.body.is_not(None))
    return list(connection.execute(sa.select(table.c.id).where(due).limit(most)).scalars())


def sample_data_keys(connection: sa.Connection, most: int) -> list[tuple[bytes, bytes]]:
    """Some reports whose body is still there, each with its wrapped data key."""
    table = schema.reports
    query = sa.select(table.c.id, table.c.data_key).where(table.c.data_key.is_not(None)).limit(most)
    return [(row.id, row.data_key) for row in connection.execute(query)]


def sample_deliveries(connection: sa.Connection, most: int) -> list[Sent]:
    """Some deliveries, whichever they are."""
    return [_sent(row) for row in connection.execute(sa.select(schema.deliveries).limit(most))]


def find_deliveries(connection: sa.Connection, reports: Iterable[bytes]) -> list[Sent]:
    """Every delivery about these reports, by report, office and number."""
    table = schema.deliveries
    query = sa.select(table).order_by(table.c.report, table.c.office, table.c.n)
    return [_sent(row) for row in find_rows(connection, query, table.c.report, reports)]


def find_held_deliveries(connection: sa.Connection, reports: Iterable[bytes]) -> list[Sent]:
    """Of `find_deliveries` those after each office's last withdrawal: a prisoner who moves a lot leaves many behind that count no more."""
    table, former = schema.deliveries, schema.deliveries.alias("former")
    same = sa.and_(former.c.report == table.c.report, former.c.office == table.c.office, former.c.kind == "WITHDRAWAL")
    ended = sa.exists().where(same, former.c.n >= table.c.n).correlate(table)
    query = sa.select(table).where(~ended).order_by(table.c.report, table.c.office, table.c.n)
    return [_sent(row) for row in find_rows(connection, query, table.c.report, reports)]


def find_last_numbers(connection: sa.Connection, reports: Iterable[bytes]) -> dict[tuple[bytes, str], int]:
    """The number of each office's last delivery about each of these reports."""
    table = schema.deliveries
    last = sa.select(table.c.report, table.c.office, sa.func.max(table.c.n)).group_by(table.c.report, table.c.office)
    return {(report, office): n for report, office, n in find_rows(connection, last, table.c.report, reports)}


def find_deliveries_by_id(connection: sa.Connection, ids: Iterable[bytes]) -> Mapping[bytes, Sent]:
    return {row.id: _sent(row) for row in find_rows(connection, sa.select(schema.deliveries), schema.deliveries.c.id, ids)}


def _sent(row: Any) -> Sent:
    items = tuple(int(item) for item in row.items.split(",")) if row.items else ()
    return Sent(row.id, row.report, row.office, row.n, row.kind, items, row.state, row.deadline_ms, row.read_at_ms, row.leaf)


def find_reply_ids(connection: sa.Connection, ids: Iterable[bytes]) -> set[bytes]:
    """Which of these replies were taken before."""
    return find_known(connection, schema.replies.c.id, ids)


def read_counters(connection: sa.Connection) -> dict[str, int]:
    """The running totals, each put together from its rows."""
    totals: Counter[str] = Counter()
    for row in connection.execute(sa.select(schema.counters)):
        totals[row.name.partition(COUNTER_MARK)[0]] += row.value
    return dict(totals)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One record that came in as a report under a URN, and what became of it."""

    originator: str | None
    at_ms: int
    status: str
    rules: tuple[str, ...]


def find_attempts(connection: sa.Connection, urn: str, originator: str | None) -> list[Attempt]:
    """In the order in which they came; of a URN that is too long its beginning is kept."""
    table = schema.attempts
    query = sa.select(table).where(table.c.urn == urn[:MAX_URN]).order_by(table.c.at_ms, table.c.number)
    if originator is not None:
        query = query.where(table.c.originator == originator)
    rows = connection.execute(query)
    return [Attempt(row.originator, row.at_ms, row.status, tuple(filter(None, row.rules.split(",")))) for row in rows]


@dataclass(frozen=True, slots=True)
class Decision:
    """An accepted report's decision as it stands."""

    id: bytes
    urn: str
    received_at_ms: int
    verdicts: bytes = field(repr=False)


_DECISION = sa.select(schema.reports.c.id, schema.reports.c.urn, schema.reports.c.received_at_ms, schema.reports.c.verdicts)


def find_decision(connection: sa.Connection, urn: str, originator: str) -> Decision | None:
    table = schema.reports
    row = connection.execute(_DECISION.where(table.c.urn == urn, table.c.originator == originator)).first()
    return Decision(*row) if row else None


def find_decisions(connection: sa.Connection, ids: Iterable[bytes]) -> dict[bytes, Decision]:
    return {row.id: Decision(*row) for row in find_rows(connection, _DECISION, schema.reports.c.id, ids)}


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as the register keeps it."""

    id: str
    report: bytes
    owner: str
    reasons: tuple[str, ...]
    priority: Priority
    opened_at_ms: int
    due_ms: int
    state: str
    silent_until_ms: int | None = None


def find_cases(connection: sa.Connection, reports: Iterable[bytes]) -> list[CaseRow]:
    """The cases of these reports."""
    return [_case(row) for row in find_rows(connection, sa.select(schema.cases), schema.cases.c.report, reports)]


def find_cases_by_id(connection: sa.Connection, ids: Iterable[str]) -> list[CaseRow]:
    """The cases of exactly these ids."""
    return [_case(row) for row in find_rows(connection, sa.select(schema.cases), schema.cases.c.id, ids)]


def list_cases(connection: sa.Connection, *, only_open: bool) -> list[CaseRow]:
    """Every case, those due first coming first."""
    table = schema.cases
    query = sa.select(table).order_by(table.c.due_ms, table.c.id)
    return [_case(row) for row in connection.execute(query.where(table.c.state.in_(WAITING)) if only_open else query)]


def find_case(connection: sa.Connection, case: str) -> list[CaseRow]:
    """The cases whose id begins so, in whichever case it is typed: left to itself SQLite does not mind, and PostgreSQL does."""
    table = schema.cases
    begins = table.c.id.startswith(case.lower(), autoescape=True)
    return [_case(row) for row in connection.execute(sa.select(table).where(begins).limit(2))]


def _case(row: Any) -> CaseRow:
    reasons = tuple(row.reasons.split(","))
    return CaseRow(row.id, row.report, row.owner, reasons, row.priority, row.opened_at_ms, row.due_ms, row.state, row.silent_until_ms)
