"""Every combination of the finite axes: who writes, under which code, to whom and how, about whom, and which one thing is special."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

from policy.table import PLAIN, RISK, movement

Row = dict[str, Any]

ORIGINATORS = (
    "force:01", "fib:01", "pio:WSI", "pas", "lea:91", "security:WSI", "governor:WSI", "security:DGI", "governor:DGI", "cat-a-team",
    "paso-unit",
)  # fmt: skip
OWN = {
    "force:01": ["force:01", "fib:01", "pio:WSI"], "fib:01": ["fib:01", "pio:WSI"], "pio:WSI": ["pio:WSI", "fib:01"],
    "security:WSI": ["governor:WSI"], "security:DGI": ["security:DGI", "governor:DGI"],
}  # fmt: skip
CODES = "12345"
# One office of each kind, and of each way in which it can be near to the originator or to the prisoner, or not be there at all.
OFFICES = (
    "force:01", "force:06", "fib:01", "fib:06", "pio:WSI", "pio:LEI", "pio:DGI", "pas", "lea:91", "lea:88", "lea:67", "security:WSI",
    "governor:WSI", "security:DGI", "governor:DGI", "security:LEI", "governor:LEI", "security:HVI", "cat-a-team", "paso-unit", "escort:gfs",
    "escort:old", "probation:london", "probation:old", "inspector:hmip", "feed:nomis", "lea:12", "governor:QQI",
)  # fmt: skip
NAMING: dict[str, list[str]] = {"by id": list(OFFICES), "by role": ["pio", "security", "governor"], "nobody": []}
# Where the prisoner is: with a PIO, without one, contracted, where conduit and FIB are inactive, in no prison.
PLACES = ("WSI", "HVI", "DGI", "VEI", None)
CATEGORIES = ("C", "A", "stale", "unstated", "alerts unstated", "alert", "unlisted")
# What is special about a report, at most one thing: a path and what stands there.
SPECIAL: dict[str, dict[str, Any]] = {
    "plain": {},
    "confidential": {"protective_marking": "CONFIDENTIAL"},
    "warrant": {"items.0.text": "The product of lawful interception."},
    "privilege": {"items.0.text": "An envelope under Rule 39 was opened."},
    "source": {"items.0.text": "Our informant saw the parcel."},
    "visor": {"declarations.visor_derived": True},
    "visor with leave": {"declarations.visor_derived": True, "declarations.visor_permission": "VP-1"},
    "no subject": {"subjects": []},
    "malformed number": {"subjects.0.noms_number": "a1234bc"},
    "wrong letter": {"subjects.0.pnc_id": "2001/0171310S"},
    "compartment": {"declarations.protected_assisting_offender": True},
    "terrorism": {"declarations.terrorism": True},
    "extremism": {"risk_tags": ["EXTREMISM"]},
    "staff here": {"declarations.concerns_staff": ["WSI"]},
    "staff somewhere": {"declarations.concerns_staff": ["UNKNOWN"]},
    "corruption": {"risk_tags": ["CORRUPTION"]},
    "escape": {"risk_tags": ["ESCAPE"]},
    "firearms": {"risk_tags": ["FIREARMS"]},
    "threat": {"priority": "THREAT_TO_LIFE"},
    "written before he came": {"created_at": "2015-11-01T09:30:00Z"},
}


def every_world() -> Iterator[tuple[str | None, str, list[str]]]:
    """Place, category and what is special: all of it for three places, each place and category once."""
    for place in PLACES:
        yield place, "C", list(SPECIAL) if place in ("WSI", "HVI", "DGI") else ["plain", "escape"]
    for category in CATEGORIES[1:]:
        yield "WSI", category, ["plain", "escape"]


def every_report(place: str | None, category: str, special: list[str], originator: str) -> tuple[list[Row], list[str]]:
    """The movements and the reports of one originator, each on a prisoner of its own, so that none adds up with another."""
    movements: list[Row] = []
    lines: list[str] = []
    for serial, (code, naming, name) in enumerate(product(CODES, NAMING, special)):
        number = f"A{serial:04}BC"
        movements += whereabouts(number, place, category)
        report = write(originator, serial, number, code, NAMING[naming])
        for path, value in SPECIAL[name].items():
            put(report, path, value)
        lines.append(json.dumps(report))
    return movements, lines


def whereabouts(number: str, place: str | None, category: str) -> list[Row]:
    """In LEI first, from November 10 in `place`."""
    stated = "2012-01-05T16:00:00Z" if category == "stale" else "2015-01-05T16:00:00Z"
    word = {"stale": "C", "unstated": None, "alerts unstated": "C", "alert": "C", "unlisted": "Z"}.get(category, category)
    alerts = None if category == "alerts unstated" else ["XEL"] if category == "alert" else []
    rows = [movement(number, "RECEIVED", stated, "LEI", word, alerts)]
    came = "UNKNOWN" if place is None else "RECEIVED"
    return [*rows, movement(number, came, "2015-11-10T09:00:00Z", place)]


def write(originator: str, serial: int, number: str, code: str, addressees: list[str]) -> Row:
    prefix = (originator.partition(":")[2] or originator).upper()
    return {
        "urn": f"{prefix}/IR/2015/{serial:06}", "originator": originator, "created_at": "2015-11-13T09:30:00Z",
        "protective_marking": "RESTRICTED", "priority": "ROUTINE", "purpose": "PREVENTION_OF_CRIME", "legal_basis": "POLICING_PURPOSE",
        "operation": None,
        "subjects": [{
            "role": "SUBJECT", "standing": "CONVICTED", "noms_number": number, "pnc_id": None, "family_name": "Doe", "given_names": "J",
            "date_of_birth": "1988-02-03",
        }],
        "items": [{
            "text": PLAIN, "source": "B", "intelligence": "2", "handling": code, "source_reference": "ISR-1", "corroboration": None,
            "sanitises": None, "subjects": None, "addressees": None,
        }],
        "handling": {
            "conditions": "Not on the wing.", "reasons": "Live.", "internal_recipients": OWN.get(originator, [originator]),
            "review_by": "2099-01-01", "risk_assessment": RISK,
        },
        "declarations": {
            "visor_derived": False, "visor_permission": None, "privileged": False, "warranted_intercept": False, "prison_intercept": None,
            "concerns_staff": [], "protected_assisting_offender": False, "terrorism": False, "do_not_share_with_offender": True,
        },
        "risk_tags": [], "addressees": addressees, "mopi": {"group": 1, "review_by": "2016-11-13"}, "gist": None, "supersedes": None,
    }  # fmt: skip


def put(report: Row, path: str, value: Any) -> None:
    *steps, last = path.split(".")
    holder: Any = report
    for step in steps:
        holder = holder[int(step)] if step.isdigit() else holder[step]
    holder[last] = value
