"""The outbox: when each row was laid there, so that its age can be watched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; a released migration is never edited."""
    op.add_column("outbox", sa.Column("at_ms", sa.BigInteger(), nullable=False, server_default="0"))
