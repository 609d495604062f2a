"""What a register holds for the compartment's sake: its people's statements on whom it protects, the veil, and what was handed over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from pas_gateway.register import schema
from pas_gateway.register.change import find_known, find_rows
from pas_gateway.register.requests import TAKEN_BACK
from pas_schemas.models.words import SHOWN


def find_veil(connection: sa.Connection) -> bytes | None:
    """The newest edition, sealed."""
    table = schema.veils
    return connection.execute(sa.select(table.c.sealed).order_by(table.c.edition.desc()).limit(1)).scalar()


def list_protections(connection: sa.Connection) -> list[Any]:
    """Every statement on whom the compartment protects, in the order in which they count."""
    return list(connection.execute(sa.select(schema.protections).order_by(schema.protections.c.number)))


def find_handed(connection: sa.Connection, reports: Iterable[bytes]) -> set[bytes]:
    """Which of these reports PAS's gateway handed over."""
    return find_known(connection, schema.handed.c.report, reports)


def find_answers(connection: sa.Connection) -> set[tuple[bytes, str, bytes]]:
    """Which office says which report answers which request; there are few."""
    table = schema.answers
    return {(row.request, row.office, row.report) for row in connection.execute(sa.select(table))}


def find_answered_by(connection: sa.Connection, reports: Iterable[bytes]) -> list[Any]:
    """The answers that one of these reports is said to be."""
    table = schema.answers
    return list(find_rows(connection, sa.select(table).order_by(table.c.request, table.c.office), table.c.report, reports))


def find_confirmed(connection: sa.Connection, most: int) -> list[Any]:
    """Answers, of offices that were asked, of which somebody, the `reader`, was disclosed something and was not told yet that they are."""
    answers, sent, reports, asks = schema.answers, schema.deliveries, schema.reports, schema.asks
    joined = answers.join(reports, reports.c.id == answers.c.report).join(sent, sent.c.report == answers.c.report)
    joined = joined.join(asks, sa.and_(asks.c.request == answers.c.request, asks.c.office == answers.c.office))
    columns = (reports.c.urn, reports.c.originator, reports.c.priority, reports.c.created_at_ms, reports.c.received_at_ms)
    query = sa.select(answers, sent.c.office.label("reader"), *columns).distinct().select_from(joined)
    return list(connection.execute(query.where(answers.c.told == 0, sent.c.kind.in_(SHOWN), sent.c.state != TAKEN_BACK).limit(most)))
