"""Movements: when each was taken in, so that a decision can be made again by what was known when it was made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; a released migration is never edited."""
    op.add_column("movements", sa.Column("taken_at_ms", sa.BigInteger(), nullable=False, server_default="0"))
