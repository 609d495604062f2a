"""PAS's own cases as a person at PAS decides on them, asked first whether the decision may count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from pas_gateway.docket import Docket, open_dockets
from pas_gateway.hearing import hear
from pas_gateway.office import PasOffice
from pas_gateway.register import Store, queries
from pas_gateway.register.change import append_events
from pas_gateway.register.dockets import WAITING
from pas_gateway.signatures import Signed, verify_signed
from pas_schemas.clock import show_time
from pas_schemas.directory import PAS
from pas_schemas.errors import RegisterError
from pas_schemas.models.decision import Consent, Decision, Second, Summary
from pas_transport.open_cases import OpenCase, OpenPair


@dataclass(frozen=True, slots=True)
class Summarised:
    """A case for an escort's summary: whom it may be about, and the flags that the report's tags suggest."""

    case: str
    view: bytes = field(repr=False)
    numbers: tuple[str, ...] = field(repr=False)
    flags: tuple[str, ...]


def find_open(store: Store, office: PasOffice, case_id: str) -> OpenCase:
    """A case of PAS's that waits, by its id or the beginning of it; raises RegisterError."""
    with store.reading() as register:
        docket, case = _docket(register, office, case_id)
    waiting = docket.case(PAS)
    if waiting is None or docket.state(PAS) not in WAITING:
        raise RegisterError("That case waits for no decision any more.", "see `pas cases list --all`")
    refs = {index: ref for ref, index in docket.items(PAS, office).items()}
    held: dict[tuple[int, str], list[str]] = {}
    for pair in waiting.held:
        held.setdefault((pair.item, pair.office), []).append(pair.rule)
    pairs = tuple(OpenPair(item, to, refs[item], tuple(rules)) for (item, to), rules in held.items())
    bare = tuple(reason for reason in waiting.reasons if reason not in {pair.rule for pair in waiting.held})
    view = docket.view(PAS, office)
    silent = tuple(OpenPair(item, to, refs[item], ("R-SENIORITY",)) for item, to in sorted(docket.left_out(PAS, office)))
    return OpenCase(case, PAS, view or b"", pairs, bare, silent)


def find_pending(store: Store, office: PasOffice, case_id: str) -> list[Signed]:
    """Decisions on a case that wait for a second person, the newest last."""
    with store.reading() as register:
        docket, case = _docket(register, office, case_id)
    complete = docket.judged.approved.complete
    return [one for one in docket.signed if isinstance(one.said, Decision) and one.said.case == case and one.digest not in complete]


def read_texts(store: Store, office: PasOffice, case_id: str, person: str) -> list[dict[str, Any]]:
    """The texts that wait in a case of PAS's, for a person at PAS who is on record for it before a word is shown; raises RegisterError.

    PAS never sees a code 4 text; of what may be warranted or privileged it sees which pattern fired, and not the text.
    """
    found = office.snapshot.by_reference.get(person)
    held = found.appointment(office.clock.now()) if found is not None else None
    if held is None or held.office != PAS or (office.realm.apart and "compartment" not in held.roles):
        raise RegisterError("PAS has nobody of that reference now.", "name the person with --person; see `pas directory people`")
    with store.reading() as register:
        docket, case = _docket(register, office, case_id)
    if {"G-WARRANT", "G-PRIVILEGE"} & {gate.gate for gate in docket.verdicts.gates}:
        raise RegisterError("The report may be warranted or privileged: only its originator reads it.", "see the gates in `pas trace`")
    waiting = docket.case(PAS)
    asked = {pair.item for pair in waiting.held} if waiting is not None else set()
    items = list(enumerate(docket.judged.one.report.items))
    chosen = [(index, item) for index, item in items if item.text is not None and (index in asked or not asked)]
    event = office.scribe().event("CONSULTED", case, office=PAS, digests=[sha256(person.encode()).digest(), docket.id])
    store.write(lambda register: append_events(register, [event]))
    return [{"item": index, "grade": item.grade, "text": item.text} for index, item in chosen]


def find_summarised(store: Store, office: PasOffice, case_id: str) -> Summarised:
    """What a summary on the report of one of PAS's cases may say, waiting or not; raises RegisterError."""
    with store.reading() as register:
        docket, case = _docket(register, office, case_id)
    report = docket.judged.one.report
    numbers = tuple(one.noms_number for one in report.whom_it_is_on() if one.noms_number is not None)
    flags = tuple(tag for tag in dict.fromkeys(report.risk_tags) if tag in office.rulebook.summary.flags)
    return Summarised(case, docket.view(PAS, office) or b"", numbers, flags)


def check(store: Store, office: PasOffice, case_id: str, data: bytes) -> None:
    """Asks what the gateway will ask, so that the person hears at once; raises RefusedStatementError."""
    now = office.clock.now()
    with store.reading() as register:
        docket, _ = _docket(register, office, case_id)
    hear(verify_signed(data, office.snapshot), docket, now, office)


def note_refused(store: Store, office: PasOffice, case: str, person: str | None, word: str) -> None:
    """The audit event of a decision that PAS's own command refused, so that nothing was sent: who tried is on record all the same."""
    digests = [sha256(person.encode()).digest()] if person is not None else []
    event = office.scribe().event("DECISION_REFUSED", case, office=PAS, rules=[word], digests=digests)
    store.write(lambda register: append_events(register, [event]))


def find_deliberation(store: Store, office: PasOffice, case_id: str) -> dict[str, Any]:
    """What people said and may say of a case, both empty where the report's body is no longer kept.

    `decisions` is everything they signed, in the order in which it counts, about PAS's own cases also what the originator answered;
    `left_out` the code 5 items and Governors of whom a bare `R-SENIORITY` asks whether they are to know.
    """
    with store.reading() as register:
        found = queries.find_case(register, case_id)
        dockets = open_dockets(register, [row.report for row in found], office.know(), office, office.scribe())
    rows = [(row.owner, dockets[row.report]) for row in found if row.report in dockets]
    return {
        "decisions": [_describe(one, docket, office) for owner, docket in rows for one in _signed_on(owner, docket.signed)],
        "left_out": [
            {"item": item, "office": governor} for owner, docket in rows for item, governor in sorted(docket.left_out(owner, office))
        ],
    }


def _signed_on(owner: str, signed: tuple[Signed, ...]) -> Iterator[Signed]:
    consents = {one.digest for one in signed if isinstance(one.said, Consent)}
    for one in signed:
        agrees = isinstance(one.said, Second) and one.said.statement in consents
        if one.said.office == owner or (owner == PAS and (agrees or one.digest in consents)):
            yield one


def _describe(one: Signed, docket: Docket, office: PasOffice) -> dict[str, Any]:
    said = one.said
    told: dict[str, Any] = {"statement": one.digest.hex(), "kind": type(said).__name__.upper(), "person": said.person, "post": said.post}
    told |= {"at": show_time(said.at), "reason": said.reason}
    match said:
        case Decision():
            told |= {"choice": said.choice, "legal_basis": said.legal_basis, "counts": one.digest in docket.judged.approved.complete}
        case Summary():
            told |= {"legal_basis": said.legal_basis, "flags": list(said.flags), "escorts": list(said.escorts), "custodian": said.custodian}
        case Second():
            told |= {"agrees_with": said.statement.hex()}
        case Consent():
            told |= {"choice": said.choice, "item": docket.items(said.office, office).get(said.item), "office": said.recipient}
            told |= {"grade": said.grade, "legal_basis": said.legal_basis, "counts": one.digest in docket.judged.approved.complete}
    return told


def _docket(register: sa.Connection, office: PasOffice, case_id: str) -> tuple[Docket, str]:
    found = [row for row in queries.find_case(register, case_id) if row.owner == PAS]
    if len(found) != 1:
        raise RegisterError("PAS owns no case of that id." if not found else "Several cases begin with that id.", "see `pas cases list`")
    docket = open_dockets(register, [found[0].report], office.know(), office, office.scribe()).get(found[0].report)
    if docket is None:
        raise RegisterError("PAS no longer keeps the report of that case.", "nothing can be decided on it")
    return docket, found[0].id
