"""Every topic: who writes it, who reads it, its key, its partitions and how long it is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

DAY_MS = 24 * 3600 * 1000
INPUT_PARTITIONS = 3
# One, two, three, four, six or twelve workers have equal shares of the movements, which a whole estate may bring at once (ADR 0027).
MOVEMENT_PARTITIONS = 12
# Office ids match this and nothing else (architecture, *Transport*).
OFFICE_ID = re.compile(r"[a-z-]+(:[A-Za-z0-9-]{1,40})?")
# A record larger than this is refused by every log and quarantined by every reader; brokers take 1 MiB by default.
MAX_RECORD_BYTES = 1_000_000

# More than an estate has; who opens a log asks for every office's.
TOPICS_KEPT = 2048
URGENT_PARTITION = 0
ROUTINE_PARTITION = 1


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as declared: `retention_ms` None means for ever; cleanup by `compact` keeps the last record of each key."""

    name: str
    partitions: int
    retention_ms: int | None
    key: str
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    cleanup: Literal["delete", "compact"] = "delete"


REPORTS = Topic("pas.reports", INPUT_PARTITIONS, 30 * DAY_MS, "report id", ("originators",), ("gateway",))
URGENT = Topic("pas.reports.urgent", 1, 30 * DAY_MS, "report id", ("originators",), ("gateway",))
MOVEMENTS = Topic("pas.movements", MOVEMENT_PARTITIONS, 30 * DAY_MS, "keyed hash of the prisoner number", ("feed", "pas"), ("gateway",))
REPLIES = Topic("pas.replies", 1, 30 * DAY_MS, "delivery id", ("every office",), ("gateway",))
COMPARTMENT = Topic("pas.compartment", 1, 30 * DAY_MS, "report id", ("originators",), ("compartment",))
DIRECTORY = Topic("pas.directory", 1, None, "snapshot", ("pas",), ("every office",), cleanup="compact")
AUDIT = Topic("pas.audit", 1, None, "none", ("gateway",), ("pas", "inspector"))
QUARANTINE = Topic("pas.quarantine", 1, 90 * DAY_MS, "topic-partition-offset", ("gateway",), ("pas",))

SHARED_TOPICS = (REPORTS, URGENT, MOVEMENTS, REPLIES, COMPARTMENT, DIRECTORY, AUDIT, QUARANTINE)


@lru_cache(maxsize=TOPICS_KEPT)
def deliveries(office: str) -> Topic:
    """An office's own topic: partition 0 for threats to life and notices about them, 1 for the rest."""
    name = "pas.deliveries." + office.replace(":", ".")
    return Topic(name, 2, 30 * DAY_MS, "delivery id", ("gateway",), (office,))
