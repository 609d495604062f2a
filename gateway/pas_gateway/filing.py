"""How the register files a decision: the report's row with its verdicts in one blob, its persons and its cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pas_gateway.judge import live_until_ms
from pas_gateway.office import PasOffice
from pas_gateway.policy.verdicts import Case, Gate, Held, Outcome, Verdict, Verdicts
from pas_gateway.stages import Decided, Waits
from pas_gateway.vault import lock_body
from pas_schemas.clock import from_ms, to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.models.report import Report
from pas_schemas.models.words import Priority
from pas_schemas.sealing import StoreKey

# Decisions kept as they are written: of many reports the same words fall on the same offices. What goes to more offices than a few is
# hardly ever said again, and may be long.
DECISIONS_KEPT, FEW_OFFICES = 1024, 8
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filed:
    """A decision as the register has it; `withdrawn` is what offices had been released whose standing access has ended."""

    verdicts: Verdicts
    withdrawn: tuple[Outcome, ...]
    rulebook: str
    directory_version: int = 0


def write_verdicts(verdicts: Verdicts, office: PasOffice, report_id: bytes, withdrawn: Iterable[Outcome] = ()) -> bytes:
    """A decision as one Avro record, sealed: an addressee that is no office is whatever somebody typed."""
    gone = tuple(withdrawn)
    write = _write_once if len(verdicts.outcomes) + len(gone) <= FEW_OFFICES else _write
    return office.register_key.seal(write(verdicts, gone, office.rulebook.digest, office.snapshot.version), _place(report_id))


def _write(verdicts: Verdicts, withdrawn: tuple[Outcome, ...], rulebook: str, directory_version: int) -> bytes:
    return encode("verdicts", {
        "rulebook": rulebook,
        "directory_version": directory_version,
        "gates": [gate._asdict() for gate in verdicts.gates],
        "outcomes": [_write_outcome(outcome) for outcome in verdicts.outcomes],
        "withdrawn": [_write_outcome(outcome) for outcome in withdrawn],
        "cases": [
            {"owner": case.owner, "reasons": case.reasons, "held": [pair._asdict() for pair in case.held]} for case in verdicts.cases
        ],
    })  # fmt: skip


_write_once = lru_cache(DECISIONS_KEPT)(_write)


def _place(report_id: bytes) -> bytes:
    """What a sealed decision is bound to, so that no row's can stand in for another's, nor for a data key."""
    return b"pas/v1/verdicts" + report_id


def _write_outcome(outcome: Outcome) -> Row:
    return {
        "office": outcome.office,
        "by_id": outcome.by_id,
        "obligations": outcome.obligations,
        "verdicts": [verdict._asdict() for verdict in outcome.verdicts],
    }


def read_verdicts(sealed: bytes, report_id: bytes, key: StoreKey) -> Filed:
    """The decision of a register's row; BadCiphertextError where the row was tampered with."""
    datum = decode(key.open(sealed, _place(report_id)), "verdicts").datum
    gates = tuple(Gate(gate["gate"], gate["effect"]) for gate in datum["gates"])
    cases = tuple(Case(case["owner"], tuple(case["reasons"]), tuple(Held(**pair) for pair in case["held"])) for case in datum["cases"])
    verdicts = Verdicts(gates, tuple(_read_outcome(row) for row in datum["outcomes"]), cases)
    return Filed(verdicts, tuple(_read_outcome(row) for row in datum["withdrawn"]), datum["rulebook"], datum["directory_version"])


def _read_outcome(row: Row) -> Outcome:
    # Version 1 knew of no decisions.
    verdicts = tuple(Verdict(v["item"], v["word"], v["rule"], tuple(v["holds"]), tuple(v.get("answered", ()))) for v in row["verdicts"])
    return Outcome(row["office"], verdicts, tuple(row["obligations"]), row["by_id"])


def report_row(decided: Decided, office: PasOffice, decided_at_ms: int) -> Row:
    """The row of an accepted report; its names and dates of birth stand only in the sealed body."""
    verified = decided.verified
    report = verified.report
    body, data_key = lock_body(verified.body, verified.id, office.register_key)
    return {
        "id": verified.id,
        "originator": report.originator,
        "urn": report.urn,
        "content_digest": verified.opened.content_digest,
        "priority": report.priority,
        "tags": ",".join(sorted(set(report.risk_tags))),
        "created_at_ms": to_ms(report.created_at),
        "received_at_ms": verified.order[0],
        "sealed_at_us": verified.order[1],
        "decided_at_ms": decided_at_ms,
        # Live from acceptance on, however old its review date: PAS keeps the body long enough for what waits to be decided.
        "live_until_ms": max(live_until_ms(report), decided_at_ms),
        "version": 0,
        "verdicts": write_verdicts(decided.verdicts, office, verified.id),
        "body": body,
        "data_key": data_key,
    }


def waiting_row(report: Report, report_id: bytes, received_at_ms: int, waits: Waits, office: PasOffice) -> Row:
    """The row of a report that waits: what it corrects must come within the time that a case has."""
    until = office.rulebook.case_due(report.priority, from_ms(received_at_ms))
    return {"report": report_id, "target": waits.target, "action": waits.action, "until_ms": to_ms(until), "state": "WAITING"}


def case_id(office: PasOffice, report_id: bytes, owner: str) -> str:
    """A case's name: hex, and of no meaning outside the register."""
    return office.register_id_key.digest(b"pas/v1/case", report_id, owner.encode())[:8].hex()


def case_row(office: PasOffice, report_id: bytes, case: Case, priority: Priority, opened_at_ms: int, received_at_ms: int) -> Row:
    """A case with its clock, which counts from when the report reached PAS or the case was opened, whichever is later."""
    due_ms = to_ms(office.rulebook.case_due(priority, from_ms(max(opened_at_ms, received_at_ms))))
    return {
        "id": case_id(office, report_id, case.owner),
        "report": report_id,
        "owner": case.owner,
        "reasons": ",".join(case.reasons),
        "priority": priority,
        "opened_at_ms": opened_at_ms,
        "due_ms": due_ms,
        "state": "OPEN",
        "climb_ms": due_ms,
    }
