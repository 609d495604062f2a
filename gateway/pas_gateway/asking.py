"""Requests as PAS lists them, and PAS's own refusal of one, asked first whether it may count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from pas_gateway.inquiries import PROTECTED, check_inquiry
from pas_gateway.office import PasOffice
from pas_gateway.register import Store, requests
from pas_gateway.register.change import append_events
from pas_gateway.register.requests import Ask, Asking
from pas_gateway.requests import name_answer, name_answers, read_answer, read_request
from pas_schemas.clock import from_ms, show_time
from pas_schemas.directory import PAS
from pas_schemas.models.request import AskedAbout, RequestAnswer


def list_all(store: Store, office: PasOffice, *, only_open: bool = True) -> list[dict[str, Any]]:
    """Every request, those due first coming first; of one about a protected prisoner not whom it is about, nor what is asked."""
    with store.reading() as register:
        found = requests.list_requests(register, only_open=only_open)
        names = name_answers(register, found)
    return [_show(one, names, office) for one in found]


def note_consulted(store: Store, office: PasOffice, shown: Iterable[dict[str, Any]], person: str) -> None:
    """Puts a person on record for each of these requests that tells whom it is about; raises RegisterError."""
    scribe = office.scribe()
    digests = [sha256(person.encode()).digest()]
    told = [row["request"] for row in shown if any(row["subject"].values())]
    events = [scribe.event("CONSULTED", request, office=PAS, digests=digests) for request in told]
    if events:
        store.write(lambda register: append_events(register, events))


def check(store: Store, office: PasOffice, data: bytes, said: RequestAnswer) -> None:
    """Asks what the gateway will ask, so that the person hears at once; raises RefusedStatementError."""
    with store.reading() as register:
        check_inquiry(register, data, said, office, office.scribe())


def _show(asking: Asking, names: Mapping[bytes, str], office: PasOffice) -> dict[str, Any]:
    said = read_request(asking, office)
    shown = said is not None and asking.kind != PROTECTED
    return {
        "request": asking.id.hex(), "kind": asking.kind, "office": asking.office,
        "subject": said.subject.model_dump() if said is not None and shown else dict.fromkeys(AskedAbout.model_fields),
        "purpose": said.purpose if said is not None else None, "legal_basis": said.legal_basis if said is not None else None,
        "questions": list(said.questions) if said is not None and shown else [], "opened_at": show_time(from_ms(asking.at_ms)),
        "due": show_time(from_ms(asking.due_ms)), "state": asking.state,
        "asked": [_show_ask(ask, names, office) for ask in asking.asks.values()],
    }  # fmt: skip


def _show_ask(ask: Ask, names: Mapping[bytes, str], office: PasOffice) -> dict[str, Any]:
    said = read_answer(ask, office)
    return {
        "office": ask.office, "state": ask.state, "urn": name_answer(ask, said, names), "reason": said.reason if said else None,
        "legal_basis": said.legal_basis if said else None,
    }  # fmt: skip
