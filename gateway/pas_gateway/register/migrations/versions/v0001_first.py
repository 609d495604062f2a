"""The register's first shape."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_Id = sa.LargeBinary(16)
_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Makes every table; a released migration is never edited."""
    op.create_table(
        "positions",
        sa.Column("log", sa.String(), primary_key=True),
        sa.Column("topic", sa.String(), primary_key=True),
        sa.Column("partition", sa.Integer(), primary_key=True),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "reports",
        sa.Column("id", _Id, primary_key=True),
        sa.Column("originator", sa.String(), nullable=False),
        sa.Column("urn", sa.String(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("tags", sa.String(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("decided_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("live_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verdicts", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("data_key", sa.LargeBinary()),
        sa.UniqueConstraint("originator", "urn"),
    )
    op.create_index("reports_by_end", "reports", ["live_until_ms"])
    op.create_table(
        "attempts",
        sa.Column("number", _Number, primary_key=True, autoincrement=True),
        sa.Column("originator", sa.String()),
        sa.Column("urn", sa.String()),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False, unique=True),
    )
    op.create_index("attempts_by_urn", "attempts", ["urn"])
    op.create_table(
        "subjects",
        sa.Column("key", _Id, primary_key=True),
        sa.Column("report", _Id, primary_key=True),
    )
    op.create_index("subjects_by_report", "subjects", ["report"])
    op.create_table(
        "versions",
        sa.Column("key", _Id, primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "movements",
        sa.Column("number", _Number, primary_key=True, autoincrement=True),
        sa.Column("id", _Id, nullable=False, unique=True),
        sa.Column("prisoner", _Id, nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("prison", sa.String()),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("category", sa.String()),
        sa.Column("alerts", sa.String()),
        sa.Column("removed", _Id),
        sa.Column("followed", sa.Integer(), nullable=False),
    )
    op.create_index("movements_by_prisoner", "movements", ["prisoner"])
    op.create_index("movements_by_removed", "movements", ["removed"])
    op.create_index("movements_to_follow", "movements", ["followed", "at_ms"])
    op.create_table(
        "cases",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("report", _Id, nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.UniqueConstraint("report", "owner"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", _Id, primary_key=True),
        sa.Column("report", _Id, nullable=False),
        sa.Column("office", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("items", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("deadline_ms", sa.BigInteger()),
        sa.Column("read_at_ms", sa.BigInteger()),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("report", "office", "n"),
    )
    op.create_table(
        "outbox",
        sa.Column("number", _Number, primary_key=True, autoincrement=True),
        sa.Column("urgent", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
    )
    op.create_index("outbox_by_urgency", "outbox", ["urgent", "number"])
    op.create_table(
        "replies",
        sa.Column("id", _Id, primary_key=True),
        sa.Column("delivery", _Id, nullable=False),
        sa.Column("receipt", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_index("replies_by_delivery", "replies", ["delivery"])
    op.create_table(
        "acceptances",
        sa.Column("report", _Id, primary_key=True),
        sa.Column("office", sa.String(), primary_key=True),
    )
    op.create_table(
        "leaves",
        sa.Column("number", _Number, primary_key=True, autoincrement=True),
        sa.Column("events", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
