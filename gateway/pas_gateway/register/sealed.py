"""Deliveries by the key they were sealed to: what an office that lost its key can no longer open."""

from __future__ import annotations

import sqlalchemy as sa

from pas_gateway.register import schema


def find_sealed_to_others(connection: sa.Connection, office: str, key: str, since_ms: int, live_after_ms: int) -> list[bytes]:
    """Live reports, PAS having had them at `since_ms` or later, of which an office holds what was sealed to another key than this; by
    their times, threats to life first."""
    deliveries, reports = schema.deliveries.c, schema.reports.c
    stands = sa.and_(
        deliveries.office == office,
        deliveries.kind.in_(("DISCLOSURE", "CONDITIONS")),
        deliveries.state != "WITHDRAWN",
        sa.or_(deliveries.sealed_to.is_(None), deliveries.sealed_to != key),
    )
    wanted = sa.and_(stands, reports.received_at_ms >= since_ms, reports.live_until_ms > live_after_ms)
    first = sa.case((reports.priority == "THREAT_TO_LIFE", 0), else_=1)
    joined = sa.join(schema.deliveries, schema.reports, deliveries.report == reports.id)
    query = sa.select(reports.id, first, reports.received_at_ms).select_from(joined).where(wanted).distinct()
    rows = connection.execute(query.order_by(first, reports.received_at_ms, reports.id))
    return [row.id for row in rows]
