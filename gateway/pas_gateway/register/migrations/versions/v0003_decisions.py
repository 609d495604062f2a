"""Decisions: what people signed about a report, and until when silence was accepted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_Id = sa.LargeBinary(16)
# SQLite numbers rows only in a column declared INTEGER.
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the table and the column; a released migration is never edited."""
    op.create_table(
        "statements",
        sa.Column("number", _Number, primary_key=True, autoincrement=True),
        sa.Column("id", _Id, nullable=False, unique=True),
        sa.Column("report", _Id, nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("statements_by_report", "statements", ["report"])
    op.create_index("statements_by_digest", "statements", ["digest"])
    op.add_column("cases", sa.Column("silent_until_ms", sa.BigInteger()))
    op.create_index("cases_by_silence", "cases", ["silent_until_ms"])
