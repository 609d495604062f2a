"""Requests for information as PAS keeps them: each step of one is written, and shown to those it concerns, in one place.

The office that asks sees who was asked, who refused and why, and an answer once it holds something of it: that there is an
answer which it may not have is not told (domain, *Deciding*). A force sees its own part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.drafts import about_accepted, about_matter, notice, notify
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import ladders, protected, queries, requests
from pas_gateway.register.requests import ANSWERED, ASKED, CLOSED, DISCLOSED, OPEN, PUBLISHED, REFUSED, WAITING, Ask, Asking
from pas_gateway.vault import open_statement
from pas_schemas.clock import from_ms
from pas_schemas.directory import PAS
from pas_schemas.errors import CodecError, SealError
from pas_schemas.models.request import InformationRequest, RequestAnswer
from pas_schemas.models.words import SHOWN, NoticeWord
from pas_transport.statements import peek_statement

# The rung after which a request's ladder has no other.
LAST_RUNG = "HEAD"
# What who asked hears of an answer once it holds something of it.
HERE = "A force has answered: its report is in this inbox."
_WITHDRAWN = "The report that answered was withdrawn: the force is asked again."
_CORRECTED = "The report that answered was corrected: the force has answered when its correction is in this inbox."
_LATE_AGAIN = (
    "A late request is open again, for the report that answered was corrected or withdrawn: somebody at PAS must see that it is answered."
)
_ANSWER_AGAIN = "The report that answered was withdrawn: answer with another."
_STANDS_NO_LONGER = "The report that answered was corrected or withdrawn: the force is to answer anew."


@dataclass
class Ledger:
    """The requests of one transaction: what the register holds, and what this batch has made of it."""

    register: sa.Connection = field(repr=False)
    office: PasOffice = field(repr=False)
    scribe: Scribe
    plan: Plan
    _held: dict[bytes, Asking] = field(default_factory=dict)

    def hold(self, found: Iterable[Asking]) -> None:
        self._held.update({one.id: one for one in found})

    def find(self, request: bytes) -> Asking | None:
        if request not in self._held:
            self.hold(requests.find_requests(self.register, [request]).values())
        return self._held.get(request)

    def open(self, asking: Asking, said: InformationRequest) -> None:
        """A new one: the forces are asked, and the office that asks hears that they are."""
        change = self.plan.change
        self._held[asking.id] = asking
        change.requests.append(requests.request_row(asking))
        change.asks += [requests.ask_row(asking.id, ask) for ask in asking.asks.values()]
        self.note("REQUEST_OPENED", asking, asking.office, [said.kind])
        self.tell(asking, asking.office, "ACCEPTED", "The request was accepted, and the forces were asked.")
        for office in asking.asks:
            self.tell(asking, office, "DECIDE", "This office is asked for information: answer it, or refuse with a reason.")

    def move(self, asking: Asking, ask: Ask) -> Asking:
        """One of those who were asked is further; the request is closed when none of them is waited for any more, and open where one is."""
        was = asking.asks[ask.office]
        self.plan.change.ask_moves.append({**requests.ask_row(asking.id, ask), "was": was.state})
        moved = asking.with_ask(ask)
        waits = any(one.state in WAITING for one in moved.asks.values())
        look_ms = asking.look_ms if asking.state == OPEN else asking.due_ms
        moved = replace(moved, state=OPEN if waits else CLOSED, look_ms=look_ms if waits else None)
        if moved.state != asking.state:
            self.put(moved, asking.state)
            self.note("REQUEST_REOPENED" if waits else "REQUEST_CLOSED", moved, asking.office)
        self._held[asking.id] = moved
        return moved

    def put(self, asking: Asking, was: str) -> None:
        """The request's own state, and when it is looked at next."""
        self._held[asking.id] = asking
        self.plan.change.request_moves.append({"id": asking.id, "was": was, "state": asking.state, "look_ms": asking.look_ms})

    def note(self, event: str, asking: Asking, office: str, rules: Sequence[str] = (), statement: bytes | None = None) -> None:
        """An event in the audit; `statement` names what a person signed, where the request's own id does not."""
        digests = [statement] if statement is not None else []
        self.plan.change.events.append(self.scribe.event(event, asking.id.hex(), office=office, rules=rules, digests=digests))

    def tell(self, asking: Asking, to: str, word: NoticeWord, why: str, *, office: str | None = None) -> None:
        """A word about a request, with all of it that its reader may know; `office` is whom the word is about."""
        said = about_matter(asking.id, asking.office, from_ms(asking.at_ms))
        told = notice(word, why, office=office, case=asking.id.hex(), due_ms=asking.due_ms)
        shown = show_to(asking, to, name_answers(self.register, [asking]), self.office) if to != PAS else None
        self.plan.drafts.append(notify(said, to, [told])._replace(request=shown))


def reopen_answered(replaced: Mapping[bytes, bytes | None], ledger: Ledger) -> None:
    """An answer that stands no longer answers nothing: its successor is looked at in its place, and without one the force is asked again.

    `replaced` are the reports that stand no longer, with their successors; None where one was withdrawn.
    """
    for asking in requests.find_answered_by(ledger.register, replaced).values():
        now = ledger.find(asking.id) or asking
        for ask in [ask for ask in now.asks.values() if ask.report in replaced and ask.state in (PUBLISHED, ANSWERED, DISCLOSED)]:
            successor = replaced[ask.report] if ask.report is not None else None
            now = ledger.move(now, replace(ask, state=ASKED if successor is None else PUBLISHED, report=successor))
            if ask.state == DISCLOSED:
                ledger.tell(now, now.office, "REFUSED", _WITHDRAWN if successor is None else _CORRECTED, office=ask.office)
            if successor is not None:
                continue
            ledger.tell(now, ask.office, "DECIDE", "The report that answered was withdrawn: answer with another, or refuse with a reason.")
            tell_late_again(now, ask.office, ledger)


def tell_late_again(asking: Asking, office: str, ledger: Ledger) -> None:
    """Word to PAS of a request that waits for this office again, where the last rung of its ladder was climbed before."""
    if LAST_RUNG in ladders.find_rungs(ledger.register, [asking.id]).get((asking.id, asking.due_ms), {}):
        # No rung is climbed twice, and none is left that could bring it to mind.
        ledger.tell(asking, PAS, "OVERDUE", _LATE_AGAIN, office=office)


def reopen_confirmed(replaced: Mapping[bytes, bytes | None], ledger: Ledger) -> None:
    """The same in the compartment, which knows an answer and not its request: the successor is looked at, or the force is to answer anew.

    Who asked hears so of an answer that it was told of, and of no other.
    """
    register, change = ledger.register, ledger.plan.change
    answered = protected.find_answered_by(register, replaced)
    known = protected.find_answers(register) if answered else set()
    found = {one.id: one for one in queries.find_accepted(register, {row.report for row in answered}, ())}
    for row in answered:
        said, successor, matter = about_accepted(found[row.report]), replaced[row.report], row.request.hex()
        if said.originator != row.office:
            continue
        if successor is None:
            ledger.plan.drafts.append(notify(said, row.office, [notice("REFUSED", _ANSWER_AGAIN, office=row.office, case=matter)]))
        elif (row.request, row.office, successor) not in known:
            change.answers.append({"request": row.request, "office": row.office, "report": successor})
        if row.told:
            told = notice("REFUSED", _STANDS_NO_LONGER, office=row.office, case=matter)
            readers = {one.office for one in queries.find_deliveries(register, [row.report]) if one.kind in SHOWN}
            ledger.plan.drafts += [notify(said, reader, [told]) for reader in sorted(readers)]
            change.events.append(ledger.scribe.event("REQUEST_REOPENED", matter, office=row.office))


def read_request(asking: Asking, office: PasOffice) -> InformationRequest | None:
    """What was asked; None where the row was tampered with."""
    try:
        return InformationRequest.decode(peek_statement(open_statement(asking.sealed, asking.id, office.register_key)))
    except (CodecError, SealError):
        return None


def read_answer(ask: Ask, office: PasOffice) -> RequestAnswer | None:
    """What one of those who were asked said last; None for nothing, or where the row was tampered with."""
    if ask.sealed is None or ask.statement is None:
        return None
    try:
        return RequestAnswer.decode(peek_statement(open_statement(ask.sealed, ask.statement, office.register_key)))
    except (CodecError, SealError):
        return None


def name_answers(register: sa.Connection, found: Iterable[Asking]) -> dict[bytes, str]:
    """The URNs of the reports that answer, as far as they are here: who answers may write another, and a correction has its own."""
    named = {ask.report for asking in found for ask in asking.asks.values() if ask.report is not None}
    return {one.id: one.urn for one in queries.find_accepted(register, named, ())}


def show_to(asking: Asking, reader: str, names: Mapping[bytes, str], office: PasOffice) -> dict[str, Any] | None:
    """A request as the office that asks, or one that was asked, may know it; `names` are the URNs of what answers it."""
    said = read_request(asking, office)
    if said is None:
        return None
    mine = reader == asking.office
    asked = [_show_ask(ask, names, office, mine=mine) for ask in asking.asks.values() if mine or ask.office == reader]
    waits = any(one["state"] in WAITING for one in asked)
    return {
        "id": asking.id, "kind": asking.kind, "office": asking.office, "purpose": said.purpose, "legal_basis": said.legal_basis,
        **said.subject.model_dump(), "questions": list(said.questions), "opened_ms": asking.at_ms, "due_ms": asking.due_ms,
        "state": OPEN if waits else CLOSED, "asked": asked,
    }  # fmt: skip


def name_answer(ask: Ask, said: RequestAnswer | None, names: Mapping[bytes, str]) -> str | None:
    """The URN of the report that answers: of one that has not come, as its force wrote it. None where nothing may be `said` of it."""
    if said is None or ask.report is None:
        return None
    return names.get(ask.report, said.urn)


def _show_ask(ask: Ask, names: Mapping[bytes, str], office: PasOffice, *, mine: bool) -> dict[str, Any]:
    seen = {DISCLOSED: ANSWERED, REFUSED: REFUSED}
    state = seen.get(ask.state, ASKED if mine else ask.state)
    said = read_answer(ask, office) if state != ASKED else None
    refused = said if state == REFUSED else None
    return {
        "office": ask.office, "state": state, "urn": name_answer(ask, said, names), "reason": refused.reason if refused else None,
        "legal_basis": refused.legal_basis if refused else None,
    }  # fmt: skip
