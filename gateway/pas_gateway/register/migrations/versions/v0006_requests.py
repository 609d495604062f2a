"""Requests: what was asked of whom about a prisoner, and how far each force is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_Id = sa.LargeBinary(16)


def upgrade() -> None:
    """Makes the tables; a released migration is never edited."""
    op.create_table(
        "requests",
        sa.Column("id", _Id, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("office", sa.String(), nullable=False),
        sa.Column("person", _Id),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("look_ms", sa.BigInteger()),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("requests_by_look", "requests", ["look_ms"])
    op.create_table(
        "asks",
        sa.Column("request", _Id, primary_key=True),
        sa.Column("office", sa.String(), primary_key=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("report", _Id),
        sa.Column("statement", _Id),
        sa.Column("sealed", sa.LargeBinary()),
    )
    op.create_index("asks_by_state", "asks", ["state", "report"])
