"""How long one `decide` takes for 3 items and 8 offices: microseconds, and as many times a fixed piece of Python as ran beside it.

Run `python benchmarks/decide.py`. Machines differ and other work disturbs them; the ratio says more than the time: both are the
fastest of many short turns, taken in alternation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import process_time

from pas_gateway.policy.decide import decide
from pas_gateway.policy.situation import Situation
from pas_gateway.policy.whereabouts import State
from pas_schemas.directory import Office, Snapshot, kind_of
from pas_schemas.models.report import Report
from pas_schemas.rulebook import shipped_rulebook
from pas_transport.estate import list_terms

NOW = datetime(2015, 11, 18, 12, tzinfo=UTC)
TURNS, ROUNDS = 100, 60
ADDRESSEES = ("pio", "security", "governor", "cat-a-team", "lea:91")


def main() -> None:
    report, situation, rulebook = make_report(), make_situation(), shipped_rulebook()
    outcomes = decide(report, situation, rulebook).outcomes
    decided, fixed = race(lambda: decide(report, situation, rulebook), yardstick)
    told = {
        "items": len(report.items), "offices": len(outcomes), "decide_us": round(decided * 1e6, 1), "yardstick_us": round(fixed * 1e6, 1),
        "ratio": round(decided / fixed, 2),
    }  # fmt: skip
    print(json.dumps(told) if "--json" in sys.argv else "\n".join(f"{name:<13}{value:>8}" for name, value in told.items()))


def race(first: Callable[[], object], second: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """Seconds of this process that a call of each takes: the fastest of the rounds."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for place, call in enumerate((first, second)):
            start = process_time()
            for _ in range(TURNS):
                call()
            best[place] = min(best[place], (process_time() - start) / TURNS)
    return best[0], best[1]


def yardstick() -> int:
    """A fixed piece of Python of about a tenth of a millisecond: dictionaries, tuples, sets and calls. Never to be changed."""
    seen: dict[tuple[int, str], int] = {}
    for number in range(200):
        key = (number % 17, "ab"[number % 2])
        seen[key] = seen.get(key, 0) + len(frozenset((number, number + 1)))
    return sum(sorted(seen.values()))


def make_situation() -> Situation:
    """The example estate; one subject in Wormwood Scrubs, one in Belmarsh, neither of a high category."""
    offices = tuple(
        Office(office, kind_of(office), office.partition(":")[2] if kind_of(office) in {"pio", "security", "governor"} else None, (term,))
        for office, term in list_terms()
    )
    snapshot = Snapshot(1, NOW, NOW + timedelta(days=1), offices)
    states = {
        number: State(prison, 1, "C", NOW - timedelta(days=30), frozenset({"SA"}))
        for number, prison in (("A1234BC", "WSI"), ("A2345CD", "BAI"))
    }
    return Situation(NOW, snapshot.at(NOW), states, {number: state.prison for number, state in states.items()}, NOW)


def make_report() -> Report:
    people = [
        {"role": "SUBJECT", "standing": "CONVICTED", "noms_number": number, "pnc_id": pnc, "date_of_birth": None}
        for number, pnc in (("A1234BC", "2000/0000223R"), ("A2345CD", "1981/0000034U"))
    ]
    items = [
        {
            "text": "Text.", "source": "B", "intelligence": "2", "handling": code, "source_reference": "ISR-1", "sanitises": link,
            "subjects": subjects,
        }
        for code, link, subjects in (("1", None, None), ("2", 0, None), ("3", None, [0]))
    ]  # fmt: skip
    return Report.model_validate({
        "urn": "01/IR/2015/000001", "originator": "force:01", "created_at": "2015-11-17T10:00:00Z", "protective_marking": "RESTRICTED",
        "priority": "URGENT", "purpose": "PRISON_SECURITY", "legal_basis": "POLICING_PURPOSE", "subjects": people, "items": items,
        "handling": {
            "conditions": None, "reasons": None, "internal_recipients": [], "review_by": None,
            "risk_assessment": {"summary": "S", "authorised_by": "X", "authorised_at": "2015-11-16T10:00:00Z"},
        },
        "declarations": {
            "visor_derived": False, "visor_permission": None, "privileged": False, "warranted_intercept": False, "prison_intercept": None,
            "concerns_staff": [], "protected_assisting_offender": False, "terrorism": False, "do_not_share_with_offender": True,
        },
        "risk_tags": ["ESCAPE"], "addressees": list(ADDRESSEES), "mopi": {"group": 1, "review_by": "2016-11-13"},
    })  # fmt: skip


if __name__ == "__main__":
    main()
