"""9 replies, in the compartment: whom its people say it protects. Two of them must say the same, and PAS's gateway is sent a new veil."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.hearing import check_fresh
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.register import join_blobs, protected
from pas_gateway.register.dockets import find_statement_ids
from pas_gateway.replies import Protecting
from pas_gateway.signatures import RefusedStatementError, verify_signer
from pas_gateway.vault import lock_statement, open_statement
from pas_gateway.veil import draw, find_veil, veil_row
from pas_schemas.clock import from_ms, to_ms
from pas_schemas.directory import PAS
from pas_schemas.models.protection import Protection
from pas_schemas.people import Appointment
from pas_schemas.sealing import BadCiphertextError, Plain
from pas_schemas.topics import REPLIES
from pas_transport.statements import peek_statement

ROLE = "compartment"


@dataclass(frozen=True, slots=True)
class Word:
    """What one person signed about somebody, in the order in which it counts."""

    said: Protection = field(repr=False)
    at: datetime


@dataclass(slots=True)
class Protected:
    """One person on the list, or once on it: `on` since `since`; `waits` are those who have said what nobody else has said yet."""

    subject: bytes = field(repr=False)
    on: bool = False
    since: datetime | None = None
    people: tuple[str, ...] = ()
    reason: str = ""
    waits: dict[str, str] = field(default_factory=dict)

    def take(self, word: Word) -> None:
        """One more person's word, in the place of that person's last: with another's who said the same it counts."""
        said = word.said
        if (said.action == "ADD") == self.on:
            # It is so already: of what they said before, that it should not be, nothing waits any more.
            self.waits.pop(said.person, None)
            return
        self.waits[said.person] = said.action
        if len(self.waits) > 1:
            self.on, self.since, self.people, self.reason = said.action == "ADD", word.at, tuple(sorted(self.waits)), said.reason
            self.waits = {}


def read_list(register: sa.Connection, office: PasOffice) -> dict[bytes, Protected]:
    """Everybody whom the statements of the register are about, each statement verified once more."""
    found: dict[bytes, Protected] = {}
    for row in protected.list_protections(register):
        said = _read(row.sealed, row.id, office)
        if said is not None:
            found.setdefault(said.subject, Protected(said.subject)).take(Word(said, from_ms(row.at_ms)))
    return found


def check_word(data: bytes, office: PasOffice) -> Protection:
    """What a statement says, once it may count; raises RefusedStatementError."""
    said = Protection.decode(peek_statement(data))
    _, who = verify_signer(data, said, office.snapshot)
    _check_role(said, who)
    return said


def _check_role(said: Protection, who: Appointment) -> None:
    if said.office != PAS or ROLE not in who.roles:
        raise RefusedStatementError("ROLE", "Only a named reader of the compartment says whom it protects.", "see `pas directory people`")


def _read(sealed: bytes, name: bytes, office: PasOffice) -> Protection | None:
    try:
        return check_word(open_statement(sealed, name, office.register_key), office)
    except (RefusedStatementError, BadCiphertextError):
        # Written by another hand than the gateway's: it counts for nothing.
        return None


def plan_protections(register: sa.Connection, came: Sequence[Protecting], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds what these statements change; where the list does, PAS's gateway is sent a new veil in the same transaction."""
    if not came:
        return
    listed = read_list(register, office)
    before = _on(listed)
    names = [sha256(one.data).digest()[:16] for one in came]
    known = {row.id for row in protected.list_protections(register)} | find_statement_ids(register, names)
    for name, one in zip(names, came, strict=True):
        plan.change.counts["replies"] += 1
        if name in known:
            continue
        said = Protection.decode(peek_statement(one.data))
        who: Appointment | None = None
        try:
            _, who = verify_signer(one.data, said, office.snapshot)
            _check_role(said, who)
            check_fresh(said, one.submitted.taken.at, office)
        except RefusedStatementError as refused:
            if who is not None:
                # Its author heard that it counts for nothing, and may want something else by when it would: whoever sends it again.
                known.add(name)
                plan.change.refused.append({"id": name})
            plan.change.events.append(scribe.event("DECISION_REFUSED", name.hex(), office=one.sender, rules=[refused.word]))
            continue
        known.add(name)
        at = one.submitted.taken.at
        sealed = lock_statement(one.data, name, office.register_key)
        plan.change.protections.append({"id": name, "at_ms": to_ms(at), "sealed": sealed})
        plan.change.events.append(
            scribe.event("PROTECTION", name.hex(), office=PAS, rules=[said.action], digests=[sha256(one.data).digest()])
        )
        listed.setdefault(said.subject, Protected(said.subject)).take(Word(said, at))
    if _on(listed) != before:
        _send_veil(register, _on(listed), office, scribe, plan)


def renew_veil(register: sa.Connection, office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Adds a new veil in the place of one that never reached PAS's gateway."""
    _send_veil(register, _on(read_list(register, office)), office, scribe, plan)


def _on(listed: dict[bytes, Protected]) -> frozenset[bytes]:
    return frozenset(subject for subject, one in listed.items() if one.on)


def _send_veil(register: sa.Connection, persons: Iterable[bytes], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """A new edition for PAS's gateway, and the same one for the compartment's own use."""
    edition = max(scribe.now_ms, find_veil(register, office.register_key).edition + 1)
    payload = draw(frozenset(persons), edition)
    key = office.key_of(PAS, scribe.now)
    if key is None:
        plan.change.events.append(scribe.event("NO_KEY", "", office=PAS))
        return
    name = sha256(payload).digest()[:16]
    [value] = office.reply_sealer.seal(PAS, key, [Plain(name, payload)], scribe.now)
    plan.change.veils.append(veil_row(payload, office.register_key))
    plan.change.outbox.append({"urgent": 0, "topic": REPLIES.name, "partition": 0, "records": join_blobs((name, value))})
    plan.change.events.append(scribe.event("VEIL_SENT", name.hex(), office=PAS))
