"""3 verify: a submitted record is opened, its sender proved, its freshness, shape, border and validation checked again."""

from __future__ import annotations

from datetime import datetime, timedelta

from pas_gateway.feed import NOTHING_READ, Moved, ReadAhead, read_movement
from pas_gateway.judge import screen_report
from pas_gateway.office import PasOffice
from pas_gateway.stages import Body, Rejected, Submitted, Unprovable, Verified, unflatten
from pas_schemas.border import Finding, Rejection, examine
from pas_schemas.clock import EPOCH, to_ms
from pas_schemas.codec import HEAD_BYTES, MARKER, decode, name_of, registry
from pas_schemas.directory import PAS
from pas_schemas.errors import CodecError, SealError
from pas_schemas.models.records import Refusal
from pas_schemas.models.report import Report
from pas_schemas.parts import MAX_REPORT_BYTES, OpenedReport, PartsError, find_unclosed, unpack_report
from pas_schemas.rules import REFUSALS
from pas_schemas.sealing import Opened, VerifyKey, read_label, verify_evidence
from pas_schemas.sealing.manifest import in_order
from pas_schemas.topics import MAX_RECORD_BYTES
from pas_transport.log import Taken

_REPLIES = {"reply", "signed_statement"}
_STALE = "The record was sealed long before the log took it: where the sender's clock is wrong, set it and send it with --again."
_AHEAD = "The record was sealed after the log took it: set the sender's clock, and send it with --again."
_UNCLOSED = "A code 4 text is not closed for each internal recipient it names, so it could never be read: publish it again, closed for all."
_ANSWERS = frozenset(head[len(MARKER) : HEAD_BYTES] for head, schema in registry().by_head.items() if schema.name in _REPLIES)


def open_record(submitted: Submitted, office: PasOffice, *, reply: bool = False) -> Opened | Unprovable:
    """The opened record, or why it must be set aside."""
    taken = submitted.taken
    if len(taken.value) > MAX_RECORD_BYTES:
        return Unprovable(submitted, "TOO_LARGE", f"The record has {len(taken.value):,} bytes; {MAX_RECORD_BYTES:,} are allowed.")
    opener = office.reply_opener if reply else office.opener
    try:
        opened = opener.open(taken.value, taken.at)
    except (SealError, CodecError) as error:
        return Unprovable(submitted, _reason(error), error.sentence)
    return opened


def is_reply(taken: Taken) -> bool:
    """Whether a record claims to be an answer, or what a person signed: where such lie among reports, by which door it is opened."""
    try:
        return read_label(taken.value).fingerprint in _ANSWERS
    except SealError:
        return False


def check_freshness(
    opened: Opened, submitted: Submitted, sealed_at_us: int, office: PasOffice, urn: str | None = None
) -> Unprovable | None:
    """Sealing against the log's own time, never against now: a weekend's backlog is not stale."""
    border = office.rulebook.border
    try:
        age = submitted.taken.at - (EPOCH + timedelta(microseconds=sealed_at_us))
    except OverflowError:
        age = timedelta.max if sealed_at_us < 0 else timedelta.min
    if age > timedelta(hours=border.fresh_hours):
        return Unprovable(submitted, "STALE", _STALE, opened.record_id, opened.sender, urn)
    # Clocks differ by as much as the rulebook grants a report's own date (ADR 0006).
    if -age > office.rulebook.clock_skew:
        return Unprovable(submitted, "FROM_THE_FUTURE", _AHEAD, opened.record_id, opened.sender, urn)
    return None


def verify_movement(submitted: Submitted, office: PasOffice, read_ahead: ReadAhead = NOTHING_READ) -> Moved | Unprovable:
    """A movement that is believed, or why it must be set aside. One that this office has `read_ahead` is not opened again."""
    taken = submitted.taken
    known = read_ahead.get((taken.partition, taken.offset))
    if known is not None and known.is_of(taken):
        return known.moved
    opened = open_record(submitted, office)
    if isinstance(opened, Unprovable):
        return opened
    try:
        moved = read_movement(opened, taken.at, office.names)
    except CodecError as error:
        return Unprovable(submitted, "NOT_BELIEVED", error.sentence, opened.record_id, opened.sender)
    return check_freshness(opened, submitted, moved.order[1], office) or moved


def verify(submitted: Submitted, office: PasOffice, now: datetime) -> Verified | Rejected | Unprovable:
    """A report ready to be decided, a refusal, or a record for quarantine."""
    opened = open_record(submitted, office)
    if isinstance(opened, Unprovable):
        return opened
    if opened.record_id != submitted.taken.key:
        return Unprovable(submitted, "WRONG_KEY", "The record lies under another key than its own.", opened.record_id, opened.sender)
    try:
        name = name_of(opened.payload, "report", "refusal", *(["handover"] if office.realm.apart else []))
        if name == "refusal":
            return _read_refusal(submitted, opened, office)
        if name == "handover":
            return _read_handover(submitted, opened, office)
        return _read_report(submitted, opened, office, now)
    except CodecError as error:
        return Unprovable(submitted, _reason(error), error.sentence, opened.record_id, opened.sender)


def _read_refusal(submitted: Submitted, opened: Opened, office: PasOffice) -> Rejected | Unprovable:
    refusal = Refusal.decode(opened.payload)
    if refusal.originator != opened.sender:
        return Unprovable(submitted, "WRONG_SENDER", "A refusal names another originator than its sender.", opened.record_id, opened.sender)
    stale = check_freshness(opened, submitted, refusal.refused_at_us, office, refusal.urn)
    if stale is not None:
        return stale
    findings = tuple(Finding(rule, REFUSALS[rule]) for rule in dict.fromkeys(refusal.rules) if rule in REFUSALS)
    return Rejected(submitted, opened.record_id, opened.sender, refusal.urn, findings, here=False)


def _read_report(submitted: Submitted, opened: Opened, office: PasOffice, now: datetime) -> Verified | Rejected | Unprovable:
    if len(opened.payload) > MAX_REPORT_BYTES:
        sentence = f"The report takes {len(opened.payload):,} bytes; a report may have {MAX_REPORT_BYTES:,}, or it could not be delivered."
        return Unprovable(submitted, "TOO_LARGE", sentence, opened.record_id, opened.sender)
    parts = unpack_report(opened.payload, opened.manifest)
    if not in_order(opened.manifest):
        raise PartsError("A report's manifest is not in order.", "the sender must publish it again")
    urn = parts.raw["urn"]
    if parts.raw["originator"] != opened.sender:
        return Unprovable(submitted, "WRONG_SENDER", "A report names another originator than its sender.", opened.record_id, opened.sender)
    stale = check_freshness(opened, submitted, parts.sealed_at_us, office, urn)
    if stale is not None:
        return stale
    report = examine(parts.raw, estate=office.snapshot.at(now), now=now, rulebook=office.rulebook, closed=True)
    if isinstance(report, Rejection):
        return Rejected(submitted, opened.record_id, opened.sender, urn, report.findings, here=True)
    if report.declarations.protected_assisting_offender and not office.realm.apart:
        # Such a report is sealed to the compartment; one that is not must not be read further here.
        sentence = "A report for the compartment was not sealed to it."
        return Unprovable(submitted, "NOT_IN_COMPARTMENT", sentence, opened.record_id, opened.sender, urn)
    if not _is_closed(report, parts, office):
        return Rejected(submitted, opened.record_id, opened.sender, urn, (Finding("V-CODE4", _UNCLOSED),), here=True)
    order = (to_ms(submitted.taken.at), parts.sealed_at_us)
    suspicions = screen_report(report, office.rulebook, parts.suspicions)
    body = Body(opened.payload, opened.manifest, opened.evidence)
    return Verified(submitted, opened.record_id, report, parts, body, order, suspicions)


def _is_closed(report: Report, parts: OpenedReport, office: PasOffice) -> bool:
    """Whether each code 4 text is closed for every internal recipient that was active when it was sealed.

    For nobody else can it be opened: of a report that lacks one its originator must hear at once, while it can publish it again.
    PAS sees that a text is closed for an office, not what was closed.
    """
    lacking = {recipient for _, recipient in find_unclosed(report, parts.items)}
    if not lacking:
        return True
    then = office.snapshot.at(EPOCH + timedelta(microseconds=parts.sealed_at_us))
    return not any(map(then.is_active, lacking))


def _read_handover(submitted: Submitted, opened: Opened, office: PasOffice) -> Verified | Unprovable:
    """A report that PAS's gateway accepted: its originator's signature is looked at once more, its time and place in the log are PAS's."""
    datum = decode(opened.payload, "handover").datum
    try:
        body = unflatten(datum["body"])
        key = office.find_signer(datum["originator"], body.evidence.key_id)
        if opened.sender != PAS or key is None:
            raise ValueError
        verify_evidence(body.evidence, body.manifest, datum["originator"], VerifyKey.from_bytes(key.public))
        parts = unpack_report(body.payload, body.manifest)
        report = Report.model_validate(parts.raw)
        if report.originator != datum["originator"]:
            raise ValueError
    except (SealError, ValueError):
        return Unprovable(submitted, "NOT_HANDED_OVER", "What was handed over is not what its originator signed.", opened.record_id)
    order = (datum["received_at_ms"], datum["sealed_at_us"])
    suspicions = screen_report(report, office.rulebook, parts.suspicions)
    return Verified(submitted, opened.record_id, report, parts, body, order, suspicions, frozenset(datum["persons"]))


def _reason(error: SealError | CodecError) -> str:
    """A machine-readable word: the seal's own where it has one, else the error's class."""
    return str(getattr(error, "reason", None) or type(error).__name__.removesuffix("Error"))
