"""The JSON of `pas explain` and `pas trace`: one shape, one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pas_gateway.policy.verdicts import Verdicts
from pas_schemas.border import Finding

Answer = dict[str, Any]


def answer_accepted(urn: str, verdicts: Verdicts) -> Answer:
    """A decision: gates in table order, outcomes by office, cases by owner."""
    return {
        "urn": urn,
        "status": "ACCEPTED",
        "gates": [{"gate": gate.gate, "effect": gate.effect, "why": gate.why} for gate in verdicts.gates],
        "outcomes": [
            {
                "office": outcome.office,
                "items": [{"item": v.item, "verdict": v.word, "rule": v.rule, "why": v.why} for v in outcome.verdicts],
                "obligations": list(outcome.obligations),
                "state": None,
                "read_by": None,
            }
            for outcome in verdicts.outcomes
        ],
        "cases": [{"owner": case.owner, "reasons": list(case.reasons)} for case in verdicts.cases],
    }


def answer_rejected(urn: str | None, findings: Sequence[Finding], line: int | None = None) -> Answer:
    """A refusal by named rules; `line` stands where the line has no URN to be known by."""
    place = {"line": line} if line is not None else {}
    gates = [{"gate": finding.rule, "effect": "reject", "why": finding.why} for finding in findings]
    return {**place, "urn": urn, "status": "REJECTED", "gates": gates, "outcomes": [], "cases": []}


def answer_plain(urn: str | None, status: str) -> Answer:
    """A DUPLICATE or a QUARANTINED record: nothing is decided."""
    return {"urn": urn, "status": status, "gates": [], "outcomes": [], "cases": []}
