"""What the register knows of what people signed: the statements on a report, and the cases they answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from pas_gateway.register import schema
from pas_gateway.register.change import find_known, find_rows

# A case in one of these waits for somebody.
WAITING: Final = ("OPEN", "PROPOSED", "RETURNED")


@dataclass(frozen=True, slots=True)
class Stored:
    """A statement as the register keeps it; `number` is its place in the order in which statements count."""

    number: int
    id: bytes
    report: bytes
    owner: str
    digest: bytes
    at_ms: int
    sealed: bytes = field(repr=False)


def _stored(row: Any) -> Stored:
    return Stored(row.number, row.id, row.report, row.owner, row.digest, row.at_ms, row.sealed)


def find_statements(connection: sa.Connection, reports: Iterable[bytes]) -> dict[bytes, list[Stored]]:
    """The statements on these reports, each report's in the order in which they count."""
    table = schema.statements
    found: dict[bytes, list[Stored]] = {}
    for row in find_rows(connection, sa.select(table).order_by(table.c.number), table.c.report, reports):
        found.setdefault(row.report, []).append(_stored(row))
    return found


def find_statement_ids(connection: sa.Connection, ids: Iterable[bytes]) -> set[bytes]:
    """Which of these statements were taken before, or refused."""
    wanted = list(ids)
    return find_known(connection, schema.statements.c.id, wanted) | find_known(connection, schema.refused.c.id, wanted)


def find_by_digest(connection: sa.Connection, digests: Iterable[bytes]) -> dict[bytes, Stored]:
    """Statements by what names them."""
    table = schema.statements
    return {row.digest: _stored(row) for row in find_rows(connection, sa.select(table), table.c.digest, digests)}


def find_summarised(connection: sa.Connection, now_ms: int, most: int) -> list[bytes]:
    """Reports that are live no more, of which somebody still has a summary."""
    said, sent, reports = schema.statements.c, schema.deliveries.c, schema.reports.c
    # From what people signed, which is little, to what was sent of it: there are some millions of deliveries.
    held = sa.exists().where(sent.report == said.id, sent.kind == "SUMMARY", sent.state != "WITHDRAWN")
    over = sa.exists().where(reports.id == said.report, reports.live_until_ms <= now_ms)
    return list(connection.execute(sa.select(said.report).distinct().where(held, over).limit(most)).scalars())


def find_subjects(connection: sa.Connection, statements: Iterable[bytes]) -> set[bytes]:
    """The reports that these statements are about."""
    table = schema.statements.c
    return {row.report for row in find_rows(connection, sa.select(table.report), table.id, statements)}


def find_silences_due(connection: sa.Connection, now_ms: int, most: int) -> list[tuple[str, bytes]]:
    """Cases whose accepted silence is over, with the reports they are about."""
    table = schema.cases
    rows = connection.execute(sa.select(table.c.id, table.c.report).where(table.c.silent_until_ms <= now_ms).limit(most))
    return [(row.id, row.report) for row in rows]


@dataclass(frozen=True, slots=True)
class CaseOn:
    """A report on a person (keyed hash) whose case an owner has answered, with its decision as it stands."""

    person: bytes
    report: bytes
    urn: str
    originator: str
    received_at_ms: int
    verdicts: bytes = field(repr=False)


def find_cases_on(connection: sa.Connection, persons: Iterable[bytes], owner: str, readers: Iterable[str]) -> list[CaseOn]:
    """Reports on these people on whose case this owner ever said something, and of which one of these readers was sent a text."""
    subjects, cases, reports = schema.subjects.c, schema.cases.c, schema.reports.c
    joined = sa.join(schema.subjects, schema.cases, subjects.report == cases.report).join(schema.reports, reports.id == cases.report)
    columns = (subjects.key, reports.id, reports.urn, reports.originator, reports.received_at_ms, reports.verdicts)
    sent = schema.deliveries.c
    read = sa.exists().where(sent.report == reports.id, sent.kind == "DISCLOSURE", sent.office.in_(sorted(readers)))
    said = sa.exists().where(schema.statements.c.report == reports.id, schema.statements.c.owner == owner)
    query = sa.select(*columns).select_from(joined).where(cases.owner == owner, said, read)
    return [CaseOn(*row) for row in find_rows(connection, query, schema.subjects.c.key, persons)]
