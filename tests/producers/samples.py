"""Reports and movements as a force or the feed would write them, for the tests of publishing."""

from __future__ import annotations

import json
from typing import Any

WRITTEN = "2015-11-17T09:30:00Z"
NOW = "2015-11-18T12:00:00Z"

Row = dict[str, Any]


def make_report(number: int = 1, originator: str = "force:01", **changes: Any) -> Row:
    """A routine report of two items, code 1, that passes every rule; `changes` replace whole fields."""
    code = originator.partition(":")[2].upper() or originator.upper()
    report: Row = {
        "urn": f"{code}/IR/2015/{number:06d}",
        "originator": originator,
        "created_at": WRITTEN,
        "protective_marking": "RESTRICTED",
        "priority": "ROUTINE",
        "purpose": "PREVENTION_OF_CRIME",
        "legal_basis": "POLICING_PURPOSE",
        "operation": None,
        "subjects": [make_subject()],
        "items": [make_item(), make_item(text="A second line, of other things.", source="C")],
        "handling": make_handling(),
        "declarations": make_declarations(),
        "risk_tags": ["DRUGS"],
        "addressees": ["pio", "security"],
        "mopi": {"group": 2, "review_by": "2021-11-13"},
        "gist": None,
        "supersedes": None,
    }
    return report | changes


def make_subject(**changes: Any) -> Row:
    subject = {
        "role": "SUBJECT", "standing": "CONVICTED", "noms_number": "A1234BC", "pnc_id": "2000/0000223R",
        "family_name": "Ashdown", "given_names": "Piers", "date_of_birth": "1988-02-03",
    }  # fmt: skip
    return subject | changes


def make_item(**changes: Any) -> Row:
    item = {
        "text": "A parcel will come over the wall at the weekend.", "source": "B", "intelligence": "2", "handling": "1",
        "source_reference": "ISR-1", "corroboration": None, "sanitises": None, "subjects": None, "addressees": None,
    }  # fmt: skip
    return item | changes


def make_handling(**changes: Any) -> Row:
    return {"conditions": None, "reasons": None, "internal_recipients": [], "review_by": None, "risk_assessment": None} | changes


def make_declarations(**changes: Any) -> Row:
    declared = {
        "visor_derived": False, "visor_permission": None, "privileged": False, "warranted_intercept": False,
        "prison_intercept": None, "concerns_staff": [], "protected_assisting_offender": False, "terrorism": False,
        "do_not_share_with_offender": True,
    }  # fmt: skip
    return declared | changes


def make_code4(number: int = 1, originator: str = "force:01", recipients: tuple[str, ...] = ("fib:01",), **changes: Any) -> Row:
    """A report whose second item stays within the originating agency."""
    handling = make_handling(reasons="Operation under way.", internal_recipients=list(recipients), review_by="2016-06-01")
    items = [make_item(), make_item(text="Kept at home.", handling="4")]
    return make_report(number, originator, items=items, handling=handling) | changes


def make_movement(**changes: Any) -> Row:
    row = {"noms_number": "A1234BC", "event": "RECEIVED", "prison": "WSI", "at": "2015-10-02T18:00:00Z", "category": "B", "alerts": []}
    return row | changes


def write_lines(rows: list[Any]) -> bytes:
    """The rows as NDJSON; a row that is bytes stands as it is."""
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)
