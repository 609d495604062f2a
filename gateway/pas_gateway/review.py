"""5 review: the cases that wait for a person, as PAS sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pas_gateway.filing import read_verdicts
from pas_gateway.register import Store, queries
from pas_gateway.register.queries import CaseRow, Decision
from pas_schemas.clock import from_ms, show_time
from pas_schemas.errors import RegisterError
from pas_schemas.rules import explain_reason
from pas_schemas.sealing import StoreKey


def list_cases(store: Store, key: StoreKey, *, only_open: bool = True) -> list[dict[str, Any]]:
    """Cases with what each holds, those due first coming first."""
    with store.reading() as register:
        found = queries.list_cases(register, only_open=only_open)
        decisions = queries.find_decisions(register, {case.report for case in found})
    return [show_case(case, decisions[case.report], key) for case in found]


def find_case(store: Store, key: StoreKey, case_id: str) -> dict[str, Any]:
    """One case by its id or the beginning of it, each reason with its sentence; RegisterError where that names none or several."""
    with store.reading() as register:
        found = queries.find_case(register, case_id)
        if len(found) != 1:
            raise RegisterError("No case has that id." if not found else "Several cases begin with that id.", "see `pas cases list`")
        decision = queries.find_decisions(register, [found[0].report])[found[0].report]
    shown = show_case(found[0], decision, key)
    holding = {pair["rule"] for pair in shown["held"]}
    return {**shown, "why": {reason: explain_reason(reason, holds=reason in holding) for reason in shown["reasons"]}}


def show_case(case: CaseRow, decision: Decision, key: StoreKey) -> dict[str, Any]:
    """The JSON of a case: ids, rules and times; the text it is about is not in it."""
    owned: Iterable[Any] = (one for one in read_verdicts(decision.verdicts, decision.id, key).verdicts.cases if one.owner == case.owner)
    return {
        "case": case.id,
        "urn": decision.urn,
        "owner": case.owner,
        "reasons": list(case.reasons),
        "priority": case.priority,
        "opened_at": show_time(from_ms(case.opened_at_ms)),
        "due": show_time(from_ms(case.due_ms)),
        "state": case.state,
        "held": [pair._asdict() for one in owned for pair in one.held],
    }
