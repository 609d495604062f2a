"""`trace`: everything that happened to a report, from what the register holds, in the shape of `explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from pas_gateway.answers import Answer, answer_accepted, answer_plain, answer_rejected
from pas_gateway.filing import Filed, read_verdicts
from pas_gateway.policy.verdicts import Outcome, Verdicts
from pas_gateway.register import Store, chains, dockets, queries
from pas_gateway.register.queries import Attempt, CaseRow, Sent
from pas_gateway.signatures import read_said
from pas_gateway.vault import open_statements
from pas_schemas.border import Finding
from pas_schemas.clock import from_ms, show_time
from pas_schemas.errors import RegisterError
from pas_schemas.models.decision import Second, Summary
from pas_schemas.models.words import SHOWN
from pas_schemas.rules import REFUSALS
from pas_schemas.sealing import StoreKey

# Cases that people answered.
_DECIDED = ("DECIDED", "ACCEPTED")


class UnknownUrnError(RegisterError):
    """Nothing under that URN ever came in."""


def trace(store: Store, key: StoreKey, urn: str, originator: str | None = None) -> Answer:
    """What became of a URN, decisions being sealed under PAS's register key.

    Raises UnknownUrnError where nothing came in under it, or more than one originator's did.
    """
    with store.reading() as register:
        attempts = queries.find_attempts(register, urn, originator)
        if not attempts:
            raise UnknownUrnError("Nothing has come in under that URN.", "see its spelling; a report is known once a gateway has run")
        named = _originator(attempts)
        attempts = [attempt for attempt in attempts if named is None or attempt.originator == named]
        found = queries.find_decision(register, urn, named) if named else None
        answer = _accepted(register, key, found) if found is not None else _never_accepted(attempts[-1], urn)
    told = [{"at": show_time(from_ms(attempt.at_ms)), "status": attempt.status} for attempt in attempts]
    return {**answer, "attempts": told}


def _originator(attempts: Sequence[Attempt]) -> str | None:
    """Whose URN it is: of several who used it the only one who was accepted, for a stranger's attempt must hide no report."""
    used = {attempt.originator for attempt in attempts if attempt.originator}
    accepted = {attempt.originator for attempt in attempts if attempt.originator and attempt.status == "ACCEPTED"}
    found = accepted or used
    if len(found) > 1:
        raise UnknownUrnError("Several originators have used that URN.", f"add --originator {min(found)}")
    return found.pop() if found else None


def _never_accepted(last: Attempt, urn: str) -> Answer:
    if last.status == "REJECTED":
        answer = answer_rejected(urn, [Finding(rule, REFUSALS[rule]) for rule in last.rules])
    else:
        answer = answer_plain(urn, last.status)
    return {**answer, "report": None, "received_at": show_time(from_ms(last.at_ms)), "rulebook": None}


def _accepted(register: sa.Connection, key: StoreKey, found: queries.Decision) -> Answer:
    filed = read_verdicts(found.verdicts, found.id, key)
    sent: dict[str, list[Sent]] = {}
    for one in queries.find_deliveries(register, [found.id]):
        sent.setdefault(one.office, []).append(one)
    shown = _with_withdrawn(filed)
    answer = answer_accepted(found.urn, shown)
    for outcome, row in zip(shown.outcomes, answer["outcomes"], strict=True):
        row.update(_story([one for one in sent.get(outcome.office, ()) if one.kind != "NOTICE"]))
    cases = {case.owner: case for case in queries.find_cases(register, [found.id])}
    for row in answer["cases"]:
        case = cases[row["owner"]]
        row.update({"case": case.id, "state": case.state, "due": show_time(from_ms(case.due_ms))})
    answer["cases"] += [_show_decided(case) for case in sorted(cases.values(), key=lambda case: case.owner) if case.state in _DECIDED]
    received = show_time(from_ms(found.received_at_ms))
    beside = {**_chain(register, found.id), **_decisions(register, key, found.id)}
    return {**answer, "report": found.id.hex(), "received_at": received, "rulebook": filed.rulebook, **beside}


def _show_decided(case: CaseRow) -> Answer:
    """A case that people answered: it waits no more, and policy names it no more."""
    until = show_time(from_ms(case.silent_until_ms)) if case.silent_until_ms is not None else None
    due = show_time(from_ms(case.due_ms))
    return {"owner": case.owner, "reasons": list(case.reasons), "case": case.id, "state": case.state, "due": due, "until": until}


def _decisions(register: sa.Connection, key: StoreKey, report: bytes) -> Answer:
    """Who signed what, in the order in which it counts; reasons and texts are shown with the case."""
    told = []
    for data in open_statements(dockets.find_statements(register, [report]).get(report, ()), key):
        said = read_said(data)
        choice = None if isinstance(said, Second | Summary) else said.choice
        told.append({"owner": said.office, "kind": said.schema_name, "choice": choice, "person": said.person, "at": show_time(said.at)})
    return {"decisions": told}


def _chain(register: sa.Connection, report: bytes) -> Answer:
    """The report it corrects and the one that corrects it, by URN; what still waits with its state and until when."""
    links = chains.find_links(register, [report])
    ends = {one.id: one for one in queries.find_accepted(register, {end for link in links for end in (link.report, link.successor)}, ())}
    found: Answer = {"supersedes": None, "superseded_by": None}
    for link in links:
        name, other = ("superseded_by", link.successor) if link.report == report else ("supersedes", link.report)
        found[name] = {"urn": ends[other].urn, "originator": ends[other].originator, "action": link.action, "state": "DONE", "until": None}
    waits = chains.find_waits(register, [report]).get(report)
    if waits is not None and waits.target is not None:
        until = show_time(from_ms(waits.until_ms))
        found["supersedes"] = {"urn": waits.target, "originator": None, "action": waits.action, "state": waits.state, "until": until}
    return found


def _with_withdrawn(filed: Filed) -> Verdicts:
    """The decision, with the offices whose standing access ended shown as they were."""
    now = {outcome.office for outcome in filed.verdicts.outcomes}
    gone = [outcome for outcome in filed.withdrawn if outcome.office not in now]
    outcomes: tuple[Outcome, ...] = tuple(sorted((*filed.verdicts.outcomes, *gone), key=lambda outcome: outcome.office))
    return Verdicts(filed.verdicts.gates, outcomes, filed.verdicts.cases)


def _story(sent: Sequence[Sent]) -> dict[str, Any]:
    """The state of an office's newest disclosure, and every delivery it was ever sent about the report."""
    disclosed = [one for one in sent if one.kind in SHOWN]
    last = disclosed[-1] if disclosed else None
    withdrawn = bool(sent) and sent[-1].kind == "WITHDRAWAL"
    confirmed = sent[-1].read_at_ms if withdrawn else None
    read = [one.read_at_ms for one in disclosed if one.read_at_ms is not None]
    return {
        "state": "WITHDRAWN" if withdrawn else (last.state if last else None),
        "deliveries": [one.id.hex() for one in sent],
        "read_by": show_time(from_ms(min(read))) if read else None,
        "deadline": show_time(from_ms(last.deadline_ms)) if last and last.deadline_ms is not None else None,
        "leaf": last.leaf.hex() if last else None,
        "confirmed": show_time(from_ms(confirmed)) if confirmed is not None else None,
    }
