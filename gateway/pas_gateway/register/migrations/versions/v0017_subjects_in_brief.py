"""When a report on a person was written and its tags beside that person, so that what may add up is found without the reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Lays the table out anew, the rows of one person side by side where the database can. A released migration is never edited."""
    op.rename_table("subjects", "subjects_before")
    op.create_table(
        "subjects",
        sa.Column("key", sa.LargeBinary(16), primary_key=True),
        sa.Column("report", sa.LargeBinary(16), primary_key=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("tags", sa.String(), nullable=False),
        sqlite_with_rowid=False,
    )
    # In the order of the new table: to put a million rows in here and there takes many times as long.
    op.execute(
        "INSERT INTO subjects (key, report, created_at_ms, tags) SELECT s.key, s.report, r.created_at_ms, r.tags"
        " FROM subjects_before s JOIN reports r ON r.id = s.report ORDER BY s.key, s.report"
    )
    op.drop_table("subjects_before")
