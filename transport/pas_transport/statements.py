"""Signed statements: a record, the id of the key that signed it, and the signature under a prefix the reader knows."""

from __future__ import annotations

from typing import Final

from pas_schemas.codec import decode, encode
from pas_schemas.errors import SealError
from pas_schemas.models.decision import Consent, Decision, Second, Summary
from pas_schemas.models.protection import Protection
from pas_schemas.models.request import InformationRequest, RequestAnswer
from pas_schemas.sealing import (
    CONSENT,
    DECISION,
    ESCORT_SUMMARY,
    INFORMATION_REQUEST,
    PROTECTION,
    REQUEST_ANSWER,
    SECOND,
    SigningKey,
    VerifyKey,
    sign,
    verify,
)

# Everything a person signs, with the person's own key.
Statement = Decision | Summary | Second | Consent | InformationRequest | RequestAnswer | Protection

# Each kind of thing that people sign has a prefix of its own; what a record calls itself only says which of them is tried.
SAID_PREFIXES: Final = {
    "decision": DECISION, "escort_summary": ESCORT_SUMMARY, "second": SECOND, "consent": CONSENT,
    "information_request": INFORMATION_REQUEST, "request_answer": REQUEST_ANSWER,
    "protection": PROTECTION,
}  # fmt: skip


def sign_said(key: SigningKey, said: Statement) -> bytes:
    """What a person decides, agrees with, consents to, asks or answers, signed with the person's own key."""
    return write_statement(key, SAID_PREFIXES[said.schema_name], said.encode())


def write_statement(key: SigningKey, prefix: bytes, body: bytes) -> bytes:
    """The body with the key's signature over prefix and body."""
    return encode("signed_statement", {"signer": key.id, "body": body, "signature": sign(key, prefix, body)})


def read_statement(data: bytes, key: VerifyKey, prefix: bytes) -> bytes:
    """The body, once `key` is found to have signed it under `prefix`; raises `SealError` or `CodecError`."""
    datum = decode(data, "signed_statement").datum
    if datum["signer"] != key.id:
        raise SealError("The statement is signed with another key than the one expected.", "it is not from whom it should be")
    verify(key, prefix, datum["body"], datum["signature"])
    body: bytes = datum["body"]
    return body


def peek_statement(data: bytes) -> bytes:
    """The body before its signature was checked: only to learn which key should have signed; raises `CodecError`."""
    body: bytes = decode(data, "signed_statement").datum["body"]
    return body
