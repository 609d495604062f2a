"""Statements that people signed: each is verified against the directory, when it arrives and whenever it is used again.

RefusedStatementError  a statement that counts for nothing: `word` is for machines and the audit
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, Protocol

from pas_schemas.clock import to_ms
from pas_schemas.codec import is_record, name_of
from pas_schemas.directory import Snapshot
from pas_schemas.errors import CodecError, PasError, SealError
from pas_schemas.models.decision import Consent, Decision, Second, Summary
from pas_schemas.models.request import InformationRequest, RequestAnswer
from pas_schemas.people import Appointment, Person
from pas_schemas.sealing import VerifyKey
from pas_transport.statements import SAID_PREFIXES, peek_statement, read_statement

Said = Decision | Summary | Second | Consent
_KINDS: Final[dict[str, type[Decision] | type[Summary] | type[Second] | type[Consent]]] = {
    "decision": Decision, "escort_summary": Summary, "second": Second, "consent": Consent,
}  # fmt: skip
# Statements whose signature is remembered: those of the cases of a busy day.
SIGNATURES_KEPT = 4096


class Spoken(Protocol):
    """What every statement says of itself."""

    @property
    def office(self) -> str: ...

    @property
    def person(self) -> str: ...

    @property
    def post(self) -> str: ...

    @property
    def at(self) -> datetime: ...


class RefusedStatementError(PasError):
    """A statement that counts for nothing, with the sentence its author is told."""

    def __init__(self, word: str, sentence: str, hint: str = "") -> None:
        super().__init__(sentence, hint)
        self.word = word


@dataclass(frozen=True, slots=True)
class Signed:
    """What a person of the directory signed: `digest` names the statement, `who` is the post the person held when signing.

    `taken_ms` is when the log took it; None of one that no log has yet.
    """

    digest: bytes
    data: bytes = field(repr=False)
    said: Said = field(repr=False)
    person: Person = field(repr=False)
    who: Appointment = field(repr=False)
    taken_ms: int | None = field(default=None, compare=False)

    @property
    def at_ms(self) -> int:
        """When it was signed: its author's own word, but not after the log had it."""
        said_ms = to_ms(self.said.at)
        return said_ms if self.taken_ms is None else min(said_ms, self.taken_ms)

    @property
    def id(self) -> bytes:
        """The record id under which it travels, and by which a repeat is known."""
        return self.digest[:16]


def read_said(data: bytes) -> Said:
    """What a statement says, before anybody is believed to have said it; raises CodecError."""
    body = peek_statement(data)
    return _KINDS[name_of(body, *_KINDS)].decode(body)


def read_inquiry(data: bytes) -> InformationRequest | RequestAnswer | None:
    """What a statement asks or answers, before anybody is believed to have said it; None for another kind. Raises CodecError."""
    body = peek_statement(data)
    if is_record(body, "information_request"):
        return InformationRequest.decode(body)
    return RequestAnswer.decode(body) if is_record(body, "request_answer") else None


def verify_signed(data: bytes, snapshot: Snapshot) -> Signed:
    """The statement, once it is found signed by the person it names, who then held that post; raises RefusedStatementError."""
    try:
        said = read_said(data)
    except CodecError:
        raise RefusedStatementError("SHAPE", "The statement is not of the agreed shape.", "a newer version of pas may be needed") from None
    person, who = verify_signer(data, said, snapshot)
    return Signed(sha256(data).digest(), data, said, person, who)


def verify_signer(data: bytes, said: Spoken, snapshot: Snapshot) -> tuple[Person, Appointment]:
    """Who signed, in which post, once it is found to be whom the statement names; raises RefusedStatementError."""
    person = snapshot.by_reference.get(said.person)
    who = person.appointment(said.at) if person is not None else None
    key = person.key(said.at) if person is not None else None
    if person is None or who is None or key is None or who.office != said.office:
        raise RefusedStatementError(
            "PERSON", "The directory has nobody of that reference at that office now.", "see `pas directory people`"
        )
    if not _is_signed(data, key.public):
        raise RefusedStatementError("SIGNATURE", "The statement is not signed with that person's key.", "it is not from whom it should be")
    if said.post != who.post and said.post not in who.deputises:
        raise RefusedStatementError("POST", "That person neither holds that post nor stands in for it.", "see `pas directory people`")
    return person, who


@lru_cache(maxsize=SIGNATURES_KEPT)
def _is_signed(data: bytes, public: bytes) -> bool:
    kind = name_of(peek_statement(data), *SAID_PREFIXES)
    try:
        read_statement(data, VerifyKey.from_bytes(public), SAID_PREFIXES[kind])
    except SealError:
        return False
    return True
