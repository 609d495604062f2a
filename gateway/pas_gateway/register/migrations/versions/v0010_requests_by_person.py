"""Requests, found by the person they are about."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the index; a released migration is never edited."""
    op.create_index("requests_by_person", "requests", ["person"])
