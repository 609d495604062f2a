"""What a register restored from a backup learns again from the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_Id = sa.LargeBinary(16)


def upgrade() -> None:
    """Adds column and tables; a released migration is never edited."""
    op.add_column("outbox", sa.Column("note", sa.LargeBinary()))
    op.create_table(
        "relearnt",
        sa.Column("id", _Id, primary_key=True),
        sa.Column("report", _Id, nullable=False),
        sa.Column("office", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
    )
    op.create_index("relearnt_by_report", "relearnt", ["report"])
    op.create_table(
        "regained",
        sa.Column("topic", sa.String(), primary_key=True),
        sa.Column("partition", sa.Integer(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
    )
