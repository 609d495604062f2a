"""Statements that were refused, so that one which is sent again changes nothing then either."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; a released migration is never edited."""
    op.create_table("refused", sa.Column("id", sa.LargeBinary(16), primary_key=True))
