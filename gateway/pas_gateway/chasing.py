"""9 replies, by the clock: requests whose answer has come, or has come through, and those that nobody has answered in time."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.inquiries import is_answer
from pas_gateway.office import PAS, PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import queries, requests
from pas_gateway.register.requests import ANSWERED, ASKED, DISCLOSED, PUBLISHED, Asking
from pas_gateway.requests import Ledger
from pas_schemas.clock import from_ms, to_ms

# Requests of one sort that are looked at in one transaction.
LOOKED_AT_ONCE = 100


def chase(register: sa.Connection, office: PasOffice, scribe: Scribe, plan: Plan) -> bool:
    """Adds to a plan what became of requests without anybody's word; whether there was anything."""
    due = requests.find_due(register, scribe.now_ms, LOOKED_AT_ONCE)
    ledger = Ledger(register, office, scribe, plan)
    ledger.hold(due.values())
    for asking in due.values():
        _follow_answers(asking, ledger)
        now = ledger.find(asking.id)
        if now is not None and now.look_ms is not None and now.look_ms <= scribe.now_ms:
            _remind(now, ledger)
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
            asking = ledger.move(asking, replace(ask, state=ASKED, report=None))
            ledger.tell(asking, ask.office, "REFUSED", "The report named is not this office's, or not on the prisoner asked about.")
        elif ask.state in (PUBLISHED, ANSWERED) and ask.report in shown:
            asking = ledger.move(asking, replace(ask, state=DISCLOSED))
            ledger.tell(asking, ask.office, "ACCEPTED", "The request is answered.")
            ledger.tell(asking, asking.office, "ACCEPTED", "A force has answered: its report is in this inbox.", office=ask.office)
        elif ask.state == PUBLISHED:
            asking = ledger.move(asking, replace(ask, state=ANSWERED))
            ledger.tell(asking, ask.office, "ACCEPTED", "The request is answered.")


def _remind(asking: Asking, ledger: Ledger) -> None:
    """First the forces that have not answered, then PAS; each once."""
    tell_pas_ms = to_ms(ledger.office.rulebook.tell_pas_at(from_ms(asking.due_ms)))
    if asking.look_ms == asking.due_ms:
        ledger.put(replace(asking, look_ms=tell_pas_ms), asking.state)
        ledger.note("REQUEST_OVERDUE", asking, asking.office, ["REMIND"])
        for office in asking.late:
            ledger.tell(asking, office, "OVERDUE", "The request was not answered in time: it must be answered now.")
        return
    ledger.put(replace(asking, look_ms=None), asking.state)
    ledger.note("REQUEST_OVERDUE", asking, asking.office, ["PAS"])
    for office in asking.late:
        ledger.tell(asking, PAS, "OVERDUE", "A request was not answered in time: somebody at PAS must see that it is.", office=office)
