"""What the register knows of ladders: what is to be looked at now, what was climbed, and what is overdue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pas_gateway.register import schema
from pas_gateway.register.change import NOT_AWAITED, find_rows
from pas_gateway.register.dockets import WAITING
from pas_schemas.models.words import TO_READ, Priority

# What somebody must read (domain, *Certainty of receipt*), and what an inbox must confirm.
AWAITED = (*TO_READ, "WITHDRAWAL")


@dataclass(frozen=True, slots=True)
class Unread:
    """An office that did not read what it was sent, so that PAS was given a case, and when (ms)."""

    delivery: bytes
    office: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Late:
    """A delivery that nobody has read, or a case that nobody has decided; `kind` is the delivery's, or CASE.

    `owner` is the office that must read or decide; `waits` is False where nothing is awaited of it any more. `climb_ms` is when it is
    looked at next. An escort's summary, and the end of one, has its id as `summary`, and its own times; `report` and `urn` are those
    of the report it was written on, which its reader may not know of.
    """

    kind: str
    id: bytes
    report: bytes
    urn: str
    originator: str
    owner: str
    priority: Priority
    created_at_ms: int
    received_at_ms: int
    due_ms: int
    state: str
    waits: bool
    climb_ms: int | None
    summary: bytes | None = None


_REPORTS = schema.reports.c
_DELIVERIES = schema.deliveries.c
_CASES = schema.cases.c
_STATEMENTS = schema.statements.c
_OF_REPORT = (_REPORTS.urn, _REPORTS.originator, _REPORTS.priority, _REPORTS.created_at_ms, _REPORTS.received_at_ms)
_FIRST = sa.case((_REPORTS.priority == "THREAT_TO_LIFE", 0), else_=1)
_WAITS = sa.and_(_DELIVERIES.read_at_ms.is_(None), _DELIVERIES.state.not_in(NOT_AWAITED))
_UNREAD = sa.and_(_WAITS, _DELIVERIES.kind.in_(AWAITED))


def _join_reports() -> sa.Join:
    """A summary is a delivery about the statement that wrote it; whose report it is, that statement tells."""
    mine = sa.outerjoin(schema.deliveries, schema.statements, _DELIVERIES.report == _STATEMENTS.id)
    return sa.join(mine, schema.reports, _REPORTS.id == sa.func.coalesce(_STATEMENTS.report, _DELIVERIES.report))


def _ask_deliveries() -> sa.Select[Any]:
    of_summary = (_STATEMENTS.report.label("summarised"), _STATEMENTS.at_ms.label("written_at_ms"))
    query = sa.select(schema.deliveries, *_OF_REPORT, *of_summary)
    return query.select_from(_join_reports()).order_by(_FIRST, _DELIVERIES.deadline_ms, _DELIVERIES.id)


def _ask_cases() -> sa.Select[Any]:
    columns = (_CASES.id, _CASES.report, _CASES.owner, _CASES.due_ms, _CASES.state, _CASES.climb_ms)
    joined = sa.join(schema.cases, schema.reports, _CASES.report == _REPORTS.id)
    return sa.select(*columns, *_OF_REPORT).select_from(joined).order_by(_FIRST, _CASES.due_ms, _CASES.id)


def find_due(connection: sa.Connection, now_ms: int, most: int) -> list[Late]:
    """What is to be looked at now, threats to life first; at most so many deliveries, and so many cases."""
    deliveries = connection.execute(_ask_deliveries().where(_DELIVERIES.climb_ms <= now_ms).limit(most))
    cases = connection.execute(_ask_cases().where(_CASES.climb_ms <= now_ms).limit(most))
    return [*map(_delivery, deliveries), *map(_case, cases)]


def has_due(connection: sa.Connection, now_ms: int) -> bool:
    """Whether time alone brings anything."""
    return bool(find_due(connection, now_ms, 1))


def list_overdue(connection: sa.Connection, now_ms: int) -> list[Late]:
    """Everything whose time is over, threats to life first, then what has waited longest."""
    deliveries = connection.execute(_ask_deliveries().where(_UNREAD, _DELIVERIES.deadline_ms <= now_ms))
    cases = connection.execute(_ask_cases().where(_CASES.state.in_(WAITING), _CASES.due_ms <= now_ms))
    found = [*map(_delivery, deliveries), *map(_case, cases)]
    return sorted(found, key=lambda late: (late.priority != "THREAT_TO_LIFE", late.due_ms, late.kind, late.id))


def find_oldest_unread(connection: sa.Connection) -> int | None:
    """The deadline that passes first, or passed first, of what was disclosed and not read, or withdrawn and not confirmed (ms)."""
    return connection.execute(sa.select(sa.func.min(_DELIVERIES.deadline_ms)).where(_UNREAD)).scalar()


def count_unread(connection: sa.Connection) -> Iterator[tuple[str, int, int]]:
    """By priority: how much must be read and is not, and when the oldest such report reached PAS, or such summary was written (ms).

    This looks at every delivery that nobody has read: whoever asks often asks for much.
    """
    came = sa.func.coalesce(_STATEMENTS.at_ms, _REPORTS.received_at_ms)
    query = sa.select(_REPORTS.priority, sa.func.count(), sa.func.min(came)).select_from(_join_reports())
    for row in connection.execute(query.where(_WAITS, _DELIVERIES.kind.in_(TO_READ)).group_by(_REPORTS.priority)):
        yield row[0], row[1], row[2]


def find_rungs(connection: sa.Connection, subjects: Iterable[bytes]) -> dict[tuple[bytes, int], dict[str, int]]:
    """What was climbed of these deliveries and cases (ids as bytes), by due time: each rung and when (ms)."""
    table = schema.rungs
    found: dict[tuple[bytes, int], dict[str, int]] = {}
    for row in find_rows(connection, sa.select(table), table.c.subject, subjects):
        found.setdefault((row.subject, row.due_ms), {})[row.rung] = row.at_ms
    return found


def find_unread(connection: sa.Connection, reports: Iterable[bytes]) -> dict[bytes, tuple[Unread, ...]]:
    """Because of whom PAS has a case, by report."""
    table = schema.rungs
    found: dict[bytes, list[Unread]] = {}
    query = sa.select(table).where(table.c.open == 1).order_by(table.c.subject)
    for row in find_rows(connection, query, table.c.report, reports):
        found.setdefault(row.report, []).append(Unread(row.subject, row.office, row.at_ms))
    return {report: tuple(unread) for report, unread in found.items()}


def _delivery(row: Any) -> Late:
    waits = row.read_at_ms is None and row.state not in NOT_AWAITED and row.kind in AWAITED
    report, summary, times = row.report, None, (row.created_at_ms, row.received_at_ms)
    if row.summarised is not None:
        report, summary, times = row.summarised, row.report, (row.written_at_ms, row.written_at_ms)
    return Late(
        row.kind, row.id, report, row.urn, row.originator, row.office, row.priority, *times, row.deadline_ms, row.state, waits,
        row.climb_ms, summary,
    )  # fmt: skip


def _case(row: Any) -> Late:
    return Late(
        "CASE", bytes.fromhex(row.id), row.report, row.urn, row.originator, row.owner, row.priority, row.created_at_ms,
        row.received_at_ms, row.due_ms, row.state, row.state in WAITING, row.climb_ms,
    )  # fmt: skip
