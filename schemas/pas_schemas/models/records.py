"""Records that are about reports and hold nothing of them: refusals, quarantine entries and audit events."""

from __future__ import annotations

from typing import ClassVar

from pas_schemas.models.base import Many, Time
from pas_schemas.models.wire import WireModel


class Refusal(WireModel):
    """A report refused at the publisher: who, which URN, which rules and when, and no content."""

    schema_name: ClassVar[str] = "refusal"

    originator: str
    urn: str
    rules: Many[str]
    refused_at_us: int


class Quarantined(WireModel):
    """A record set aside: where it stood, a reason for machines, a sentence, and the sealed bytes as they came."""

    schema_name: ClassVar[str] = "quarantine"
    times: ClassVar[dict[str, str]] = {"taken_at": "taken_at_ms"}

    topic: str
    partition: int
    offset: int
    taken_at: Time
    reason: str
    sentence: str
    record: bytes


class AuditEvent(WireModel):
    """One transition: ids, codes, rule ids and digests (domain, *Accountability*)."""

    schema_name: ClassVar[str] = "audit_event"
    times: ClassVar[dict[str, str]] = {"at": "at_ms"}

    at: Time
    event: str
    subject: str
    office: str | None
    rules: Many[str]
    digests: Many[bytes]
    rulebook: str
    directory_version: int
