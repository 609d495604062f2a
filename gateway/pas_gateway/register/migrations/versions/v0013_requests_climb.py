"""Ladders of requests: what forces and PAS were told by an older version counts as climbed."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_CLIMBED = (
    "INSERT INTO rungs (subject, due_ms, rung, report, office, at_ms, open)"
    " SELECT id, due_ms, '{}', id, office, due_ms, 0 FROM requests WHERE state = 'OPEN' AND ({})"
)


def upgrade() -> None:
    """Has each open request looked at once its time is over; a released migration is never edited."""
    op.execute(_CLIMBED.format("OWNER", "look_ms IS NULL OR look_ms > due_ms"))
    op.execute(_CLIMBED.format("DUTY", "look_ms IS NULL"))
    op.execute("UPDATE requests SET look_ms = due_ms WHERE state = 'OPEN'")
