"""Deliveries that their office cannot read: sealed to a key it lost, or signed with one of PAS's that ended before the log had them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from pas_gateway.register import schema
from pas_gateway.register.change import find_rows
from pas_schemas.models.words import SHOWN

# PAS's signing keys that have ended, each with the time (ms) before which what the log had counts.
Cut = Mapping[str, int]

# An office answers what it has, and sets aside in silence what came too late.
_UNANSWERED = ("SEALED", "SENT")


def find_unreadable(connection: sa.Connection, office: str, key: str | None, cut: Cut, since_ms: int, live_after_ms: int) -> list[bytes]:
    """Reports, PAS having had them at `since_ms` or later, whose deliveries an office cannot read: live ones of which it holds what was
    sealed to another key than this (where one is given) or came late, and those that were taken back from it too late."""
    deliveries, late = schema.deliveries.c, _came_late(cut)
    lost = late if key is None else sa.or_(deliveries.sealed_to.is_(None), deliveries.sealed_to != key, late)
    held = sa.and_(deliveries.kind.in_(SHOWN), deliveries.state != "WITHDRAWN", lost)
    live = schema.reports.c.live_until_ms > live_after_ms
    return _find_reports(connection, office, sa.or_(sa.and_(held, live), sa.and_(deliveries.kind == "WITHDRAWAL", late)), since_ms)


def find_unheard(connection: sa.Connection, office: str, cut: Cut, since_ms: int) -> list[bytes]:
    """What an office was told about, where a notice came late: reports, and whatever else notices are about."""
    return _find_reports(connection, office, sa.and_(schema.deliveries.c.kind == "NOTICE", _came_late(cut)), since_ms)


def find_late(connection: sa.Connection, office: str, kind: str, reports: Iterable[bytes], cut: Cut) -> list[Any]:
    """Id and report of an office's deliveries of that kind about these reports that came late."""
    table = schema.deliveries
    late = sa.select(table.c.id, table.c.report).where(table.c.office == office, table.c.kind == kind, _came_late(cut))
    return list(find_rows(connection, late.order_by(table.c.report, table.c.n), table.c.report, reports))


def list_late_offices(connection: sa.Connection, cut: Cut) -> list[str]:
    """Every office to which something came late that can be said again; a summary is written anew, by a person whom its ladder tells."""
    office, kind = schema.deliveries.c.office, schema.deliveries.c.kind
    query = sa.select(office).where(_came_late(cut), kind != "SUMMARY").distinct().order_by(office)
    return list(connection.execute(query).scalars())


def _came_late(cut: Cut) -> sa.ColumnElement[bool]:
    """Whether a delivery may have reached the log when the key that signed it had ended. Of one whose key is not known it is believed."""
    deliveries = schema.deliveries.c
    late = [
        sa.and_(deliveries.signed_by == key, sa.or_(deliveries.sent_at_ms.is_(None), deliveries.sent_at_ms >= until))
        for key, until in cut.items()
    ]
    return sa.and_(deliveries.state.in_(_UNANSWERED), sa.or_(deliveries.signed_by.is_(None), *late)) if late else sa.false()


def _find_reports(connection: sa.Connection, office: str, which: sa.ColumnElement[bool], since_ms: int) -> list[bytes]:
    """By their times, threats to life first."""
    deliveries, reports = schema.deliveries.c, schema.reports.c
    first, came = sa.case((reports.priority == "THREAT_TO_LIFE", 0), else_=1), sa.func.coalesce(reports.received_at_ms, since_ms)
    joined = sa.outerjoin(schema.deliveries, schema.reports, deliveries.report == reports.id)
    query = sa.select(deliveries.report, first, came).select_from(joined).where(deliveries.office == office, which, came >= since_ms)
    return [row.report for row in connection.execute(query.distinct().order_by(first, came, deliveries.report))]
