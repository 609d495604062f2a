"""The register's tables; what stands in clear is URNs, office ids, codes, tags and times, nothing else."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint, and_, text

metadata = MetaData()
_Id = LargeBinary(16)
# SQLite numbers rows only in a column declared INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")

# Most rows climb no more: an index of those alone that do.
_CLIMBS = text("climb_ms IS NOT NULL")

# How far each input partition has been taken in; `digest` is of the last record, which is read again at each assignment.
positions = Table(
    "positions", metadata,
    Column("log", String, primary_key=True),
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)  # fmt: skip

# Accepted reports. `body` is sealed under `data_key`, which is wrapped by a key that is not in the database.
reports = Table(
    "reports", metadata,
    Column("id", _Id, primary_key=True),
    Column("originator", String, nullable=False),
    Column("urn", String, nullable=False),
    Column("content_digest", LargeBinary, nullable=False),
    Column("priority", String, nullable=False),
    Column("tags", String, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("sealed_at_us", BigInteger, nullable=False),
    Column("decided_at_ms", BigInteger, nullable=False),
    Column("live_until_ms", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("verdicts", LargeBinary, nullable=False),
    Column("body", LargeBinary),
    Column("data_key", LargeBinary),
    UniqueConstraint("originator", "urn"),
    Index("reports_by_end", "live_until_ms"),
)  # fmt: skip

# Every record that came in as a report, whatever became of it.
attempts = Table(
    "attempts", metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("originator", String),
    Column("urn", String),
    Column("at_ms", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("rules", String, nullable=False),
    Column("place", String, nullable=False, unique=True),
    Index("attempts_by_urn", "urn"),
)  # fmt: skip

# Which accepted reports name a person, under keyed hashes of the NOMIS number and of the PNC ID. When each was written and its tags stand
# here too, and the rows of one person side by side: what may add up is found without a look at every report there ever was on a prisoner.
subjects = Table(
    "subjects", metadata,
    Column("key", _Id, primary_key=True),
    Column("report", _Id, primary_key=True),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("tags", String, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

# How often something was written about a person: a batch that used an older version is decided again.
versions = Table("versions", metadata, Column("key", _Id, primary_key=True), Column("version", Integer, nullable=False))

# The movements feed, under keyed hashes of the prisoner numbers.
movements = Table(
    "movements", metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", _Id, nullable=False, unique=True),
    Column("prisoner", _Id, nullable=False),
    Column("event", String, nullable=False),
    Column("prison", String),
    Column("at_ms", BigInteger, nullable=False),
    Column("category", String),
    Column("alerts", String),
    Column("removed", _Id),
    # 0 while its time is still to come: live reports are decided again when it has.
    Column("followed", Integer, nullable=False),
    # When the log took it: what a decision before that could not know. Older versions wrote when PAS took it in, or 0.
    Column("taken_at_ms", BigInteger, nullable=False, server_default="0"),
    # Its sender's stamp, which orders those of one moment. Older versions took them in one by one: of theirs it is the number.
    Column("sealed_at_us", BigInteger, nullable=False, server_default="0"),
    Index("movements_by_prisoner", "prisoner"),
    Index("movements_to_follow", "followed", "at_ms"),
    Index("movements_by_removed", "removed"),
)  # fmt: skip

cases = Table(
    "cases", metadata,
    Column("id", String, primary_key=True),
    Column("report", _Id, nullable=False),
    Column("owner", String, nullable=False),
    Column("reasons", String, nullable=False),
    Column("priority", String, nullable=False),
    Column("opened_at_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    # Where silence was accepted: when the case opens again.
    Column("silent_until_ms", BigInteger),
    # When its ladder is looked at next; null where nothing more comes of it.
    Column("climb_ms", BigInteger),
    UniqueConstraint("report", "owner"),
    Index("cases_by_silence", "silent_until_ms"),
    Index("cases_by_climb", "climb_ms", sqlite_where=_CLIMBS, postgresql_where=_CLIMBS),
)  # fmt: skip

# What people signed about a report, sealed, in the order in which it counts: decisions, agreements and consents.
statements = Table(
    "statements", metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", _Id, nullable=False, unique=True),
    Column("report", _Id, nullable=False),
    Column("owner", String, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("statements_by_report", "report"),
    Index("statements_by_digest", "digest"),
)  # fmt: skip

# Statements that their authors signed and that were refused: what is sent again is no other word, and counts for nothing either.
refused = Table("refused", metadata, Column("id", _Id, primary_key=True))

# One row for each numbered message to one office about one report.
deliveries = Table(
    "deliveries", metadata,
    Column("id", _Id, primary_key=True),
    Column("report", _Id, nullable=False),
    Column("office", String, nullable=False),
    Column("n", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("items", String, nullable=False),
    Column("state", String, nullable=False),
    Column("deadline_ms", BigInteger),
    Column("read_at_ms", BigInteger),
    Column("leaf", LargeBinary, nullable=False),
    # When its ladder is looked at next; null where it is read, or nothing more comes of it.
    Column("climb_ms", BigInteger),
    # The id of the key it was sealed to; null where an older version sealed it.
    Column("sealed_to", String),
    # The id of PAS's key that signed it, and when PAS knew it to be in the log; null where an older version did, or a restored register
    # learnt of it.
    Column("signed_by", String),
    Column("sent_at_ms", BigInteger),
    UniqueConstraint("report", "office", "n"),
    Index("deliveries_by_climb", "climb_ms", sqlite_where=_CLIMBS, postgresql_where=_CLIMBS),
)  # fmt: skip

# What was climbed of a ladder: each rung once for a delivery, or for a case under one due time.
rungs = Table(
    "rungs", metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("due_ms", BigInteger, primary_key=True),
    Column("rung", String, primary_key=True),
    Column("report", _Id, nullable=False),
    Column("office", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    # 1 while PAS has a case because of it.
    Column("open", Integer, nullable=False),
    Index("rungs_by_report", "report"),
)  # fmt: skip

# Sealed deliveries on their way: one row a batch, office and partition, until the log has them.
outbox = Table(
    "outbox", metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("urgent", Integer, nullable=False),
    Column("topic", String, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("records", LargeBinary, nullable=False),
    # When it was laid there; 0 where an older version did.
    Column("at_ms", BigInteger, nullable=False, server_default="0"),
    # What these deliveries are, sealed: it goes into the log before them, for a register that is restored from a backup.
    Column("note", LargeBinary),
    Index("outbox_by_urgency", "urgent", "number"),
)  # fmt: skip

# Deliveries that the log holds and a restored register did not know, until what came since its backup is taken in again.
relearnt = Table(
    "relearnt", metadata,
    Column("id", _Id, primary_key=True),
    Column("report", _Id, nullable=False),
    Column("office", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("words", LargeBinary, nullable=False),
    Index("relearnt_by_report", "report"),
)  # fmt: skip

# Up to where inputs must have been taken in again until a restored register knows what it knew.
regained = Table(
    "regained", metadata,
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("until", BigInteger, nullable=False),
)  # fmt: skip

# Receipts; what a person wrote in one is sealed.
replies = Table(
    "replies", metadata,
    Column("id", _Id, primary_key=True),
    Column("delivery", _Id, nullable=False),
    Column("receipt", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("replies_by_delivery", "delivery"),
)  # fmt: skip

# Offices that accepted the conditions of a report.
acceptances = Table("acceptances", metadata, Column("report", _Id, primary_key=True), Column("office", String, primary_key=True))

# Accepted reports of which nothing is disclosed yet: corrections whose target has not come (its URN is `target`), and reports
# held back because a correction of theirs came first (no target).
waiting = Table(
    "waiting", metadata,
    Column("report", _Id, primary_key=True),
    Column("target", String),
    Column("action", String),
    Column("until_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Index("waiting_by_target", "target"),
    Index("waiting_by_end", "state", "until_ms"),
)  # fmt: skip

# Which report stands in the place of which: a chain, for a report has one successor and one predecessor at most.
corrections = Table(
    "corrections", metadata,
    Column("report", _Id, primary_key=True),
    Column("successor", _Id, nullable=False, unique=True),
    Column("action", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)  # fmt: skip

# Requests for information. `person` is the keyed hash of the prisoner, absent for those about protected ones; what is asked is sealed.
requests = Table(
    "requests", metadata,
    Column("id", _Id, primary_key=True),
    Column("kind", String, nullable=False),
    Column("office", String, nullable=False),
    Column("person", _Id),
    Column("at_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    # When time alone brings something: the forces are reminded, PAS is told.
    Column("look_ms", BigInteger),
    Column("sealed", LargeBinary, nullable=False),
    Index("requests_by_look", "look_ms"),
    Index("requests_by_person", "person"),
)  # fmt: skip

# Each office that was asked, and how far it is; `report` is the report that it says answers, `sealed` what it said last.
asks = Table(
    "asks", metadata,
    Column("request", _Id, primary_key=True),
    Column("office", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("report", _Id),
    Column("statement", _Id),
    Column("sealed", LargeBinary),
    Index("asks_by_state", "state", "report"),
)  # fmt: skip

# What PAS's gateway is told of those whom the compartment protects, sealed: one edition. The compartment keeps the one it sent.
veils = Table("veils", metadata, Column("edition", BigInteger, primary_key=True), Column("sealed", LargeBinary, nullable=False))

# In the compartment: what its people signed about whom it protects, sealed, and the reports that PAS's gateway handed over.
protections = Table(
    "protections", metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", _Id, nullable=False, unique=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)  # fmt: skip
handed = Table("handed", metadata, Column("report", _Id, primary_key=True))
# In the compartment too: which report an office says answers which request; `told` is 1 once who asked was told.
answers = Table(
    "answers", metadata,
    Column("request", _Id, primary_key=True),
    Column("office", String, primary_key=True),
    Column("report", _Id, primary_key=True),
    Column("told", Integer, nullable=False),
)  # fmt: skip

# Audit events with their salts, one row a batch; the evidence log numbers them.
leaves = Table(
    "leaves", metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("events", LargeBinary, nullable=False),
)  # fmt: skip

# Running totals, so that nobody has to count rows.
counters = Table("counters", metadata, Column("name", String, primary_key=True), Column("value", BigInteger, nullable=False))


def to_follow(now_ms: int) -> ColumnElement[bool]:
    """Movements that were taken in and are due, after which live reports on their prisoners have yet to be decided again."""
    return and_(movements.c.followed == 0, movements.c.at_ms <= now_ms)
