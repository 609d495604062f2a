"""Which key of PAS signed a delivery, and when it was in the log: what a key signed that had ended by then is read by nobody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; of the deliveries that are there it is not known. A released migration is never edited."""
    op.add_column("deliveries", sa.Column("signed_by", sa.String()))
    op.add_column("deliveries", sa.Column("sent_at_ms", sa.BigInteger()))
