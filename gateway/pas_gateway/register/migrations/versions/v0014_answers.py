"""In the compartment: which reports answer requests, until who asked was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; a released migration is never edited."""
    op.create_table(
        "answers",
        sa.Column("request", sa.LargeBinary(16), primary_key=True),
        sa.Column("office", sa.String(), primary_key=True),
        sa.Column("report", sa.LargeBinary(16), primary_key=True),
        sa.Column("told", sa.Integer(), nullable=False),
    )
