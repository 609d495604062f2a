"""Movements: when each was sealed, so that those of one moment have an order whoever takes them in first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; those that are there keep the order in which they were taken in. A released migration is never edited."""
    op.add_column("movements", sa.Column("sealed_at_us", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE movements SET sealed_at_us = number")
