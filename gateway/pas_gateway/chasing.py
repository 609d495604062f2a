"""9 replies, by the clock: requests whose answer has come, or has come through, and those that nobody has answered in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.inquiries import is_answer
from pas_gateway.ladder import Posts, Rung, steps_of_request
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import ladders, queries, requests
from pas_gateway.register.requests import ANSWERED, ASKED, DISCLOSED, PUBLISHED, Ask, Asking
from pas_gateway.requests import HERE, Ledger, read_answer, tell_late_again
from pas_schemas.directory import PAS

# Requests of one sort that are looked at in one transaction.
LOOKED_AT_ONCE = 100

_ANSWERS_NO_MORE = (
    "The report that answered was corrected by one that is not this office's, or not on the prisoner asked about: answer with another, or"
    " refuse with a reason."
)


def chase(register: sa.Connection, office: PasOffice, scribe: Scribe, plan: Plan) -> bool:
    """Adds to a plan what became of requests without anybody's word; whether there was anything."""
    due = requests.find_due(register, scribe.now_ms, LOOKED_AT_ONCE)
    ledger = Ledger(register, office, scribe, plan)
    climbed = ladders.find_rungs(register, due)
    ledger.hold(due.values())
    for asking in due.values():
        _follow_answers(asking, ledger)
        now = ledger.find(asking.id)
        if now is not None and now.look_ms is not None and now.look_ms <= scribe.now_ms:
            _climb(now, climbed.get((now.id, now.due_ms), {}), ledger)
    return bool(due)


def _follow_answers(asking: Asking, ledger: Ledger) -> None:
    """An answer counts when its report was accepted; who asked hears of it when policy has let something of it through."""
    named = {ask.report for ask in asking.asks.values() if ask.report is not None}
    came = {found.id for found in queries.find_accepted(ledger.register, named, ())}
    shown = requests.find_disclosed(ledger.register, asking.office, named)
    for ask in list(asking.asks.values()):
        if ask.report is None or ask.report not in came | shown:
            continue
        if ask.state == PUBLISHED and not is_answer(ledger.register, asking, ask.office, ask.report, ledger.office.names):
            asking = _ask_again(asking, ask, ledger)
        elif ask.state in (PUBLISHED, ANSWERED) and ask.report in shown:
            asking = ledger.move(asking, replace(ask, state=DISCLOSED))
            ledger.tell(asking, ask.office, "ACCEPTED", "The request is answered.")
            ledger.tell(asking, asking.office, "ACCEPTED", HERE, office=ask.office)
        elif ask.state == PUBLISHED:
            asking = ledger.move(asking, replace(ask, state=ANSWERED))
            ledger.tell(asking, ask.office, "ACCEPTED", "The request is answered.")


def _ask_again(asking: Asking, ask: Ask, ledger: Ledger) -> Asking:
    """What came answers nothing: it is another office's, or on somebody else. It is what was named, or the correction of that."""
    said = read_answer(ask, ledger.office)
    now = ledger.move(asking, replace(ask, state=ASKED, report=None))
    if said is None or said.report == ask.report:
        ledger.tell(now, ask.office, "REFUSED", "The report named is not this office's, or not on the prisoner asked about.")
    else:
        ledger.tell(now, ask.office, "DECIDE", _ANSWERS_NO_MORE)
        tell_late_again(now, ask.office, ledger)
    return now


def _climb(asking: Asking, climbed: Mapping[str, int], ledger: Ledger) -> None:
    """First the forces that have not answered, then posts at PAS; each rung once, by its row."""
    later: list[int] = []
    for step in steps_of_request(asking.due_ms, ledger.office.rulebook):
        if step.rung in climbed:
            continue
        if step.at_ms <= ledger.scribe.now_ms:
            _take(step.rung, asking, ledger)
        else:
            later.append(step.at_ms)
    ledger.put(replace(asking, look_ms=min(later, default=None)), asking.state)


def _take(rung: Rung, asking: Asking, ledger: Ledger) -> None:
    change, scribe = ledger.plan.change, ledger.scribe
    change.rungs.append({
        "subject": asking.id, "due_ms": asking.due_ms, "rung": rung, "report": asking.id, "office": asking.office,
        "at_ms": scribe.now_ms, "open": 0,
    })  # fmt: skip
    change.counts["escalated"] += 1
    ledger.note("REQUEST_OVERDUE", asking, asking.office, [rung])
    posts = ", ".join(Posts(ledger.office.snapshot, ledger.office.rulebook, scribe.now).on(rung, PAS))
    for office in asking.late:
        if rung == "OWNER":
            ledger.tell(asking, office, "OVERDUE", "The request was not answered in time: it must be answered now.")
        else:
            ledger.tell(asking, PAS, "OVERDUE", f"A request was not answered in time: this is for the post {posts}.", office=office)
