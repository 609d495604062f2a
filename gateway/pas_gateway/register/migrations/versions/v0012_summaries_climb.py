"""Ladders of escorts' summaries: those that wait to be read are looked at when their time is over."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Has what waits today climb; a released migration is never edited."""
    op.execute(
        "UPDATE deliveries SET climb_ms = deadline_ms WHERE kind = 'SUMMARY' AND read_at_ms IS NULL AND deadline_ms IS NOT NULL"
        " AND state NOT IN ('CONDITIONS_ACCEPTED', 'WITHDRAWN', 'DECLINED')"
    )
