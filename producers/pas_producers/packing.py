"""From a report or a refusal that passed the border to what is sealed: ids, digest, closed texts, topic and key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pas_producers.desk import Desk
from pas_producers.results import Refused
from pas_schemas.clock import Clock, to_ms
from pas_schemas.directory import PAS, KeyUse, Snapshot
from pas_schemas.errors import CodecError, DirectoryError, PasError
from pas_schemas.models.records import Refusal
from pas_schemas.models.report import Report
from pas_schemas.naming import refusal_id
from pas_schemas.parts import MAX_REPORT_BYTES, closing_name, pack_report
from pas_schemas.rulebook import Rulebook
from pas_schemas.sealing import Plain, SealingKey, close_text
from pas_schemas.topics import COMPARTMENT, REPORTS, URGENT, Topic


@dataclass(frozen=True, slots=True)
class Parcel:
    """A record ready to be sealed by `desk` to PAS's key of `use`, for `topic` under `key`."""

    desk: Desk
    use: KeyUse
    topic: str
    key: bytes
    plain: Plain
    digest: bytes
    urn: str | None = None
    urgent: bool = False


class UnpackableError(PasError):
    """A report that passed the border and still cannot be sealed; a refusal is made of it, so it never leaves this package."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(why)
        self.rule = rule


class Ticker:
    """The moments at which records are sealed, in microseconds since 1970 and never twice the same."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next_us(self) -> int:
        """A moment later than all before."""
        return self.reserve(1)

    def reserve(self, count: int) -> int:
        """The first of so many moments, later than all before, and than no time that the log can tell of their records.

        The log tells whole milliseconds, rounded down, and what seems sealed later than taken is quarantined: so they
        begin one millisecond back, which leaves room for a thousand records in each.
        """
        first = max(self._last + 1, (to_ms(self._clock.now()) - 1) * 1000)
        self._last = first + count - 1
        return first


@dataclass(frozen=True, slots=True)
class Packer:
    """Packs what one run sends."""

    snapshot: Snapshot
    rulebook: Rulebook
    clock: Clock

    def pack(self, report: Report, desk: Desk, record_id: bytes, digest: bytes, at_us: int) -> Parcel:
        """The parcel of a report that is sealed at that moment; raises `UnpackableError` with a rule and a sentence."""
        now = self.clock.now()
        topic, use = _route(report)
        if self.snapshot.key(PAS, use, now) is None:
            raise UnpackableError("G-PASO" if use == "compartment" else "V-SCHEMA", "The directory has no current key of PAS for it.")
        try:
            payload, manifest = pack_report(
                report,
                content_digest=digest,
                sealed_at_us=at_us,
                directory_version=self.snapshot.version,
                close=lambda recipient, text: self._close(report, recipient, text, now),
                patterns=self.rulebook.patterns,
            )
        except CodecError:
            raise UnpackableError("V-SCHEMA", "The report holds a value that no record can carry.") from None
        if len(payload) > MAX_REPORT_BYTES:
            raise UnpackableError("V-SCHEMA", f"The report takes {len(payload):,} bytes; a report may have {MAX_REPORT_BYTES:,}.")
        return Parcel(desk, use, topic.name, record_id, Plain(record_id, payload, manifest), digest, report.urn, _is_urgent(report))

    def pack_refusal(self, refused: Refused, originator: Desk, at_us: int) -> Parcel:
        """The parcel of a refusal: who, which URN, which rules and when, and nothing else."""
        urn = refused.urn or ""
        record_id = refusal_id(originator.id_key, urn, refused.rules)
        refusal = Refusal(originator=originator.office, urn=urn, rules=refused.rules, refused_at_us=at_us)
        plain = Plain(record_id, refusal.encode())
        return Parcel(originator, "open", REPORTS.name, record_id, plain, b"")

    def _close(self, report: Report, recipient: str, text: bytes, now: datetime) -> bytes | None:
        """A code 4 text for one internal recipient; None for an office that is not active, which policy will refuse."""
        office = self.snapshot.at(now).get(recipient)
        if office is None or not office.active:
            return None
        found = self.snapshot.key(recipient, "open", now)
        if found is None:
            raise UnpackableError("V-CODE4", f"The directory has no current key of {recipient}, so no code 4 text can be closed to it.")
        try:
            key = SealingKey.from_bytes(found.public)
            name = closing_name(report.urn)
            return close_text(key, sender=report.originator, recipient=recipient, report_id=name, item_index=0, plaintext=text)
        except DirectoryError:
            raise UnpackableError("V-CODE4", f"The key of {recipient} in the directory is of no use.") from None


def _route(report: Report) -> tuple[Topic, KeyUse]:
    if report.declarations.protected_assisting_offender:
        return COMPARTMENT, "compartment"
    return (URGENT if _is_urgent(report) else REPORTS), "open"


def _is_urgent(report: Report) -> bool:
    return report.priority == "THREAT_TO_LIFE"
