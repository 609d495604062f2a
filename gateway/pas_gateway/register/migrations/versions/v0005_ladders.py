"""Ladders: when each delivery and case is looked at next, and which rungs were climbed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_CLIMBS = sa.text("climb_ms IS NOT NULL")


def upgrade() -> None:
    """Adds columns and table, and has what waits today looked at when its time is over; a released migration is never edited."""
    for table in ("cases", "deliveries"):
        op.add_column(table, sa.Column("climb_ms", sa.BigInteger()))
        op.create_index(f"{table}_by_climb", table, ["climb_ms"], sqlite_where=_CLIMBS, postgresql_where=_CLIMBS)
    op.create_table(
        "rungs",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("rung", sa.String(), nullable=False),
        sa.Column("report", sa.LargeBinary(16), nullable=False),
        sa.Column("office", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "due_ms", "rung"),
    )
    op.create_index("rungs_by_report", "rungs", ["report"])
    op.execute("UPDATE cases SET climb_ms = due_ms WHERE state IN ('OPEN', 'PROPOSED', 'RETURNED')")
    op.execute(
        "UPDATE deliveries SET climb_ms = deadline_ms WHERE read_at_ms IS NULL AND deadline_ms IS NOT NULL"
        " AND state NOT IN ('CONDITIONS_ACCEPTED', 'WITHDRAWN', 'DECLINED')"
    )
