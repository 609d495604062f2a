"""9 replies, in the compartment: an answer to a request about a protected prisoner, of which who asked hears once it holds the report.

PAS's gateway cannot see that report, and is told nothing of what becomes of it; so who asks says to the compartment too what it asks of
whom, and the force which report answers. Whichever of the two comes first, a force that was not asked answers nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.drafts import About, about_matter, notice, notify
from pas_gateway.hearing import check_fresh
from pas_gateway.inquiries import NOT_ASKED, PROTECTED, STANDS_NO_LONGER, check_answerer, hear_request, subject_of
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import chains, protected, queries, requests
from pas_gateway.register.requests import ASKED, CLOSED, Ask, Asking
from pas_gateway.replies import Inquired
from pas_gateway.requests import HERE, read_request
from pas_gateway.signatures import RefusedStatementError, verify_signer
from pas_gateway.vault import lock_statement, read_body, unlock_body
from pas_schemas.clock import from_ms, show_time, to_ms
from pas_schemas.errors import PasError
from pas_schemas.models.request import InformationRequest, RequestAnswer

# Answers confirmed in one transaction.
CONFIRMED_AT_ONCE = 100
_ON_ANOTHER = "The report that a force named as its answer names nobody by a number of the prisoner asked about: it is to name another."
_UNREADABLE = "The report that a force named as its answer can no longer be held against the request: name another, or ask anew."
# Request, office and report of an answer.
Place = tuple[bytes, str, bytes]


def keep_inquiries(register: sa.Connection, inquired: Sequence[Inquired], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds who was asked what, and which reports answer; of what else is wrong with a word PAS's gateway tells who said it."""
    if not inquired:
        return
    desk = _Desk(register, office, scribe, plan, protected.find_answers(register))
    # Of one batch what was asked comes first, whoever's record the log has first.
    for one in sorted(inquired, key=lambda each: isinstance(each.said, RequestAnswer)):
        desk.take(one)


@dataclass
class _Desk:
    """One batch of statements; `answers` are those that were taken, `asked` who was asked by the requests that came in this batch."""

    register: sa.Connection = field(repr=False)
    office: PasOffice = field(repr=False)
    scribe: Scribe
    plan: Plan
    answers: set[Place]
    asked: dict[bytes, frozenset[str]] = field(default_factory=dict)

    def take(self, inquired: Inquired) -> None:
        self.plan.change.counts["replies"] += 1
        said = inquired.said
        try:
            self._keep_request(inquired, said) if isinstance(said, InformationRequest) else self._keep_answer(inquired, said)
        except RefusedStatementError as refused:
            self._refuse(inquired.id, inquired.sender, refused)

    def _keep_request(self, inquired: Inquired, said: InformationRequest) -> None:
        """Kept as closed: PAS's gateway alone chases it."""
        name, at = sha256(inquired.data).digest()[:16], inquired.submitted.taken.at
        if name in self.asked or requests.find_requests(self.register, [name]):
            return
        _, who = verify_signer(inquired.data, said, self.office.snapshot)
        check_fresh(said, at, self.office)
        if said.kind != PROTECTED:
            raise RefusedStatementError("SHAPE", f"The compartment hears of {PROTECTED} requests alone.", "others go to PAS")
        hear_request(said, who, self.office)
        asks = {one: Ask(one, ASKED) for one in said.asked}
        due_ms = to_ms(self.office.rulebook.request_due(said.kind, at))
        sealed = lock_statement(inquired.data, name, self.office.register_key)
        kept = Asking(name, said.kind, said.office, None, to_ms(at), due_ms, CLOSED, None, sealed, asks)
        change = self.plan.change
        change.requests.append(requests.request_row(kept))
        change.asks += [requests.ask_row(name, one) for one in asks.values()]
        change.events.append(self.scribe.event("REQUEST_OPENED", name.hex(), office=said.office, rules=[said.kind]))
        self.asked[name] = frozenset(said.asked)
        for office in sorted({office for request, office, _ in self.answers if request == name} - self.asked[name]):
            self._refuse(name, office, NOT_ASKED)

    def _keep_answer(self, inquired: Inquired, said: RequestAnswer) -> None:
        if said.choice != "ANSWER" or said.report is None:
            raise RefusedStatementError("SHAPE", "The compartment hears of answers alone.", "refusals go to PAS")
        _, who = verify_signer(inquired.data, said, self.office.snapshot)
        check_fresh(said, inquired.submitted.taken.at, self.office)
        check_answerer(said.office, who, self.office.rulebook)
        asked = self._find_asked(said.request)
        if asked is not None and said.office not in asked:
            raise NOT_ASKED
        place = (said.request, said.office, said.report)
        if place in self.answers:
            return
        if any(link.report == said.report for link in chains.find_links(self.register, [said.report])):
            raise STANDS_NO_LONGER
        self.answers.add(place)
        self.plan.change.answers.append(dict(zip(("request", "office", "report"), place, strict=True)))
        self.plan.change.events.append(self.scribe.event("REQUEST_ANSWERED", said.request.hex(), office=said.office))

    def _find_asked(self, request: bytes) -> frozenset[str] | None:
        """None of a request that has not come, or that nobody made: what is said to answer it waits."""
        if request not in self.asked:
            found = requests.find_requests(self.register, [request]).get(request)
            if found is None:
                return None
            self.asked[request] = frozenset(found.asks)
        return self.asked[request]

    def _refuse(self, matter: bytes, office: str, refused: RefusedStatementError) -> None:
        """An event; and where PAS's gateway cannot know it, or need not have been asked, one sentence."""
        self.plan.change.events.append(self.scribe.event("REQUEST_REFUSED", matter.hex(), office=office, rules=[refused.word]))
        if refused in (NOT_ASKED, STANDS_NO_LONGER):
            said = about_matter(matter, office, self.scribe.now)
            self.plan.drafts.append(notify(said, office, [notice("REFUSED", refused.sentence)]))


def confirm(register: sa.Connection, office: PasOffice, scribe: Scribe, plan: Plan) -> bool:
    """Adds word to who asked, of answers of which it was disclosed something; whether there were any.

    Another office's report answers nothing, nor does that of an office which was not asked, nor one on somebody else, nor one of which
    that can be told no more: of the last two who asked and the force hear so, since nobody at PAS sees it.
    """
    due = protected.find_confirmed(register, CONFIRMED_AT_ONCE)
    asked, named = _read_asked(register, due, office), _read_named(register, due, office)
    for row in due:
        plan.change.confirmed.append((row.request, row.office, row.report))
        mine = row.originator == row.office
        wrong = _find_wrong(asked.get(row.request), named.get(row.report))
        matter = row.request.hex()
        plan.change.events.append(
            scribe.event("REQUEST_DISCLOSED", matter, office=row.reader)
            if mine and wrong is None
            else scribe.event("REQUEST_REFUSED", matter, office=row.office, rules=["REPORT"])
        )
        if mine:
            said = About(row.report, row.urn, row.originator, row.priority, show_time(from_ms(row.created_at_ms)), row.received_at_ms)
            told = notice("REFUSED" if wrong else "ACCEPTED", wrong or HERE, office=row.office, case=matter)
            plan.drafts += [notify(said, one, [told]) for one in ((row.reader, row.office) if wrong else (row.reader,))]
    return bool(due)


def _find_wrong(asked: frozenset[bytes] | None, named: frozenset[bytes] | None) -> str | None:
    """Why a report answers nothing, by whom the request and the report name; None where it does."""
    if asked is None or named is None:
        return _UNREADABLE
    return _ON_ANOTHER if asked.isdisjoint(named) else None


def _read_asked(register: sa.Connection, due: Sequence[Any], office: PasOffice) -> dict[bytes, frozenset[bytes]]:
    """Of each request the keyed hashes of all numbers it names; none of a row that was tampered with."""
    found = requests.find_requests(register, {row.request for row in due})
    said = {name: read_request(asking, office) for name, asking in found.items()}
    return {name: frozenset(office.names.every(subject_of(one))) for name, one in said.items() if one is not None}


def _read_named(register: sa.Connection, due: Sequence[Any], office: PasOffice) -> dict[bytes, frozenset[bytes]]:
    """Of each report those of all whom it is on; none of one whose body is gone or damaged. No metadata of the compartment's holds them."""
    named = {}
    for kept in queries.find_kept(register, {row.report for row in due}):
        with suppress(PasError, ValueError, TypeError):
            report, _, _ = read_body(unlock_body(kept.body, kept.data_key, kept.id, office.register_key))
            named[kept.id] = frozenset(key for one in report.whom_it_is_on() for key in office.names.every(one))
    return named
