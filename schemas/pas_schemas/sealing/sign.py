"""Signatures, each under a prefix of its own that the caller gives and no record can choose."""

from __future__ import annotations

from pas_schemas.sealing.failures import BadSignatureError
from pas_schemas.sealing.framing import frame
from pas_schemas.sealing.keys import SigningKey, VerifyKey

BATCH = b"pas/v1/batch"
DIRECTORY = b"pas/v1/directory"
ROOT = b"pas/v1/root"
REQUEST = b"pas/v1/request"
REPLY = b"pas/v1/reply"
DECISION = b"pas/v1/decision"
SECOND = b"pas/v1/second"
CONSENT = b"pas/v1/consent"
ESCORT_SUMMARY = b"pas/v1/escort-summary"
INFORMATION_REQUEST = b"pas/v1/information-request"
REQUEST_ANSWER = b"pas/v1/request-answer"
SANITISED = b"pas/v1/sanitised"
PROTECTION = b"pas/v1/protection"


def sign(key: SigningKey, prefix: bytes, content: bytes) -> bytes:
    """64 bytes over a prefix and a content."""
    return key.sign(frame(prefix, content))


def verify(key: VerifyKey, prefix: bytes, content: bytes, signature: bytes) -> None:
    """Raises BadSignatureError unless `key` signed that content under that prefix."""
    if not key.accepts(signature, frame(prefix, content)):
        raise BadSignatureError("The signature is not that key's over these bytes.", "what was signed must be fetched or signed again")


def sign_batch(key: SigningKey, prefix: bytes, sender: str, size: int, root: bytes) -> bytes:
    """64 bytes over the root of a batch of one sender to one recipient; `size` counts its leaves, random ones among them."""
    return key.sign(_batch(prefix, sender, size, root))


def accepts_batch(key: VerifyKey, prefix: bytes, sender: str, size: int, root: bytes, *, signature: bytes) -> bool:
    """Whether `key` signed that root, as that sender, under that prefix."""
    return key.accepts(signature, _batch(prefix, sender, size, root))


def _batch(prefix: bytes, sender: str, size: int, root: bytes) -> bytes:
    return frame(prefix, sender.encode(), size.to_bytes(4, "big"), root)
