"""Corrections: reports that wait for the one they correct, and which report stands in whose place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_Id = sa.LargeBinary(16)


def upgrade() -> None:
    """Makes the two tables; a released migration is never edited."""
    op.create_table(
        "waiting",
        sa.Column("report", _Id, primary_key=True),
        sa.Column("target", sa.String()),
        sa.Column("action", sa.String()),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
    )
    op.create_index("waiting_by_target", "waiting", ["target"])
    op.create_index("waiting_by_end", "waiting", ["state", "until_ms"])
    op.create_table(
        "corrections",
        sa.Column("report", _Id, primary_key=True),
        sa.Column("successor", _Id, nullable=False, unique=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
    )
