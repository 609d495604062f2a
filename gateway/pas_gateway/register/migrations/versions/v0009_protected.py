"""The compartment: whom it protects, the veil that PAS's gateway goes by, and which reports were handed over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_Id = sa.LargeBinary(16)
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes the tables; a released migration is never edited."""
    op.create_table("veils", sa.Column("edition", sa.BigInteger(), primary_key=True), sa.Column("sealed", sa.LargeBinary(), nullable=False))
    op.create_table("handed", sa.Column("report", _Id, primary_key=True))
    op.create_table(
        "protections",
        sa.Column("number", _Number, primary_key=True, autoincrement=True),
        sa.Column("id", _Id, nullable=False, unique=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
