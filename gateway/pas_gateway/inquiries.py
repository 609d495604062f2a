"""9 replies: what people ask of forces, and what the forces say to it. Each statement is verified, heard and kept, or refused.

An answer is a report like any other, published by the force and decided by policy; what is signed here only says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.drafts import about_matter, notice, notify
from pas_gateway.hearing import check_fresh
from pas_gateway.knowledge import Names
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import chains, dockets, queries, requests
from pas_gateway.register.requests import ANSWERED, ASKED, OPEN, PUBLISHED, REFUSED, Ask, Asking
from pas_gateway.replies import Inquired
from pas_gateway.requests import Ledger
from pas_gateway.signatures import RefusedStatementError, verify_signer
from pas_gateway.vault import lock_statement
from pas_schemas.clock import to_ms
from pas_schemas.directory import PAS, Snapshot
from pas_schemas.identifiers import is_nomis, is_pnc
from pas_schemas.models.report import Subject
from pas_schemas.models.request import InformationRequest, RequestAnswer
from pas_schemas.people import Appointment
from pas_schemas.rulebook import Rulebook

# Of protected prisoners the register holds not even a keyed hash.
PROTECTED = "PASO"
NOT_ASKED = RefusedStatementError("NOT_ASKED", "There is no such request that this office was asked.", "see `pas request list`")
STANDS_NO_LONGER = RefusedStatementError("REPORT", "That report stands no longer: it was corrected or withdrawn.", "name another")


def plan_inquiries(register: sa.Connection, inquired: Sequence[Inquired], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds what these statements change."""
    if not inquired:
        return
    desk = _Desk(Ledger(register, office, scribe, plan))
    statements = [sha256(one.data).digest()[:16] for one in inquired]
    desk.known = set(requests.find_requests(register, statements)) | dockets.find_statement_ids(register, statements)
    for one in inquired:
        desk.take(one)


def check_inquiry(register: sa.Connection, data: bytes, said: RequestAnswer, office: PasOffice, scribe: Scribe) -> None:
    """Asks what the gateway will ask of PAS's own word, so that the person hears at once; raises RefusedStatementError."""
    _, who = verify_signer(data, said, office.snapshot)
    _Desk(Ledger(register, office, scribe, Plan())).hear_answer(said, who)


@dataclass
class _Desk:
    """One batch of statements, in the log's order; `known` are the requests that were taken before, and what was refused."""

    ledger: Ledger
    known: set[bytes] = field(default_factory=set)

    @property
    def office(self) -> PasOffice:
        return self.ledger.office

    def take(self, inquired: Inquired) -> None:
        statement, said = sha256(inquired.data).digest()[:16], inquired.said
        if statement in self.known or (isinstance(said, RequestAnswer) and self._is_repeat(said, statement)):
            return
        who: Appointment | None = None
        try:
            _, who = verify_signer(inquired.data, said, self.office.snapshot)
            check_fresh(said, inquired.submitted.taken.at, self.office)
            if isinstance(said, InformationRequest):
                self._open(said, who, statement, inquired)
            else:
                self._answer(said, who, statement, inquired)
        except RefusedStatementError as refused:
            if who is not None:
                self.known.add(statement)
                self.ledger.plan.change.refused.append({"id": statement})
            self._refuse(inquired, refused, said.request if isinstance(said, RequestAnswer) else statement)
            return
        self.known.add(statement)
        self.ledger.plan.change.counts["replies"] += 1

    def _is_repeat(self, said: RequestAnswer, statement: bytes) -> bool:
        asking = self.ledger.find(said.request)
        return asking is not None and any(ask.statement == statement for ask in asking.asks.values())

    def _open(self, said: InformationRequest, who: Appointment, statement: bytes, inquired: Inquired) -> None:
        persons = hear_request(said, who, self.office)
        at = inquired.submitted.taken.at
        due_ms = to_ms(self.office.rulebook.request_due(said.kind, at))
        sealed = lock_statement(inquired.data, statement, self.office.register_key)
        person = persons[0] if said.kind != PROTECTED else None
        asks = {office: Ask(office, ASKED) for office in sorted(said.asked)}
        self.ledger.open(Asking(statement, said.kind, said.office, person, to_ms(at), due_ms, OPEN, due_ms, sealed, asks), said)

    def _answer(self, said: RequestAnswer, who: Appointment, statement: bytes, inquired: Inquired) -> None:
        asking, here = self.hear_answer(said, who)
        sealed = lock_statement(inquired.data, statement, self.office.register_key)
        refused = said.choice == "REFUSE"
        # What is answered about a protected prisoner comes to the compartment: here nobody sees it come.
        state = REFUSED if refused else ANSWERED if here or asking.kind == PROTECTED else PUBLISHED
        mine = [said.office] if said.office != PAS else [ask.office for ask in asking.asks.values() if ask.state in (ASKED, PUBLISHED)]
        for office in mine:
            asking = self.ledger.move(asking, Ask(office, state, said.report, statement, sealed))
            self.ledger.note("REQUEST_DECLINED" if refused else "REQUEST_ANSWERED", asking, said.office, statement=statement)
            self.ledger.tell(asking, office, "ACCEPTED", "PAS has refused the request." if said.office == PAS else "PAS has this answer.")
        if refused:
            self.ledger.tell(asking, asking.office, "REFUSED", "The request was refused; the reason stands beside.", office=said.office)

    def hear_answer(self, said: RequestAnswer, who: Appointment) -> tuple[Asking, bool]:
        """Raises RefusedStatementError unless this person may say this; the request, and whether the answering report is here."""
        asking = self.ledger.find(said.request)
        if asking is None or (said.office not in asking.asks and said.office != PAS):
            raise NOT_ASKED
        check_answerer(said.office, who, self.office.rulebook)
        answers = said.report is not None and said.urn is not None and said.reason is None and said.legal_basis is None
        refuses = said.report is None and said.urn is None and said.reason is not None and said.legal_basis is not None
        if not (answers and said.office != PAS if said.choice == "ANSWER" else refuses):
            raise RefusedStatementError(
                "SHAPE", "An answer names a report, and a refusal a reason and a legal basis.", "say one of the two"
            )
        # What becomes of such a report is nothing PAS hears: withdrawn there, it is answered by another (ADR 0019).
        again = asking.kind == PROTECTED and answers and asking.asks[said.office].state == ANSWERED
        if asking.state != OPEN and not again:
            raise RefusedStatementError("CLOSED", "That request is closed.", "see `pas request list --all`")
        if said.office != PAS and asking.asks[said.office].state not in (ASKED, PUBLISHED) and not again:
            raise RefusedStatementError("TWICE", "That office has answered already.", "what is new goes as a report of its own")
        return asking, said.report is not None and self._is_here(asking, said.office, said.report)

    def _is_here(self, asking: Asking, office: str, report: bytes) -> bool:
        """Whether the report was accepted; raises RefusedStatementError where it is another office's, or on somebody else."""
        found = queries.find_accepted(self.ledger.register, [report], ())
        if found and not is_answer(self.ledger.register, asking, office, report, self.ledger.office.names):
            raise RefusedStatementError("REPORT", "The report is not this office's, or not on the prisoner asked about.", "name another")
        if any(link.report == report for link in chains.find_links(self.ledger.register, [report])):
            raise STANDS_NO_LONGER
        return bool(found)

    def _refuse(self, inquired: Inquired, refused: RefusedStatementError, request: bytes) -> None:
        """One event and one sentence to who sent it, under the id by which it knows the request; nothing else changes."""
        plan, at = self.ledger.plan, inquired.submitted.taken.at
        event = self.ledger.scribe.event("REQUEST_REFUSED", inquired.id.hex(), office=inquired.sender, rules=[refused.word])
        plan.change.events.append(event)
        plan.change.counts["replies"] += 1
        said = about_matter(inquired.id, inquired.sender, at)
        plan.drafts.append(notify(said, inquired.sender, [notice("REFUSED", refused.sentence, case=request.hex())]))


def hear_request(said: InformationRequest, who: Appointment, office: PasOffice) -> tuple[bytes, ...]:
    """Raises as `check_request` does; the keyed hashes of whom it is about."""
    check_request(said, who, office.snapshot, office.rulebook)
    return office.names.person(subject_of(said))


def subject_of(said: InformationRequest) -> Subject:
    """Whom a request is about, as a report would name the person."""
    return Subject(role="SUBJECT", standing="OTHER", **said.subject.model_dump())


def check_request(said: InformationRequest, who: Appointment, snapshot: Snapshot, rulebook: Rulebook) -> None:
    """Raises RefusedStatementError unless this person may ask this of these, about somebody who can be known."""
    book = rulebook.requests
    rule, estate = book.kinds[said.kind], snapshot.at(said.at)
    asker = estate.get(said.office)
    if asker is None or asker.kind not in rule.asked_by:
        raise RefusedStatementError("ASKER", f"That office may not ask for {said.kind}.", "see requests in rulebook.toml")
    _check_role(who, book.ask)
    if not (is_nomis(said.subject.noms_number or "") or is_pnc(said.subject.pnc_id or "")):
        raise RefusedStatementError(
            "SUBJECT", "A request names the prisoner by a NOMIS number, or a PNC ID whose letter is right.", "see --subject"
        )
    asked = [estate.get(one) for one in said.asked]
    known = all(one is not None and one.active and one.kind in rule.answered_by for one in asked)
    if not known or len(set(said.asked)) != len(said.asked):
        raise RefusedStatementError(
            "ASKED", f"An office is named that cannot be asked for {said.kind}, or twice.", "see requests in rulebook.toml"
        )


def check_answerer(office: str, who: Appointment, rulebook: Rulebook) -> None:
    """Raises RefusedStatementError unless this person may speak for this office: at PAS, whoever may decide."""
    _check_role(who, rulebook.deciding.decide if office == PAS else rulebook.requests.answer)


def is_answer(register: sa.Connection, asking: Asking, office: str, report: bytes, names: Names) -> bool:
    """Whether an accepted report is this office's own, and on the prisoner asked about, under whatever number."""
    [found] = queries.find_accepted(register, [report], ())
    if found.originator != office:
        return False
    if asking.person is None:
        return True
    asked = queries.find_merged(register, [asking.person])
    return requests.is_on(register, report, {*asked, *map(names.hidden, asked)})


def _check_role(who: Appointment, roles: frozenset[str]) -> None:
    if roles.isdisjoint(who.roles):
        raise RefusedStatementError("ROLE", "That person does not have the role for this.", "`pas directory people` shows who has")
