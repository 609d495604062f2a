"""Which key a delivery was sealed to, so that what was sealed to a lost one can be found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; a released migration is never edited."""
    op.add_column("deliveries", sa.Column("sealed_to", sa.String()))
