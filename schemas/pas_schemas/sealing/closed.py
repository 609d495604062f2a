"""Code 4 texts: sealed by the originator to one internal recipient, and carried closed by PAS."""

from __future__ import annotations

from pas_schemas.sealing.failures import BadCiphertextError, UnknownVersionError
from pas_schemas.sealing.framing import frame
from pas_schemas.sealing.keys import SEALING_BYTES, OpeningKey, SealingKey
from pas_schemas.sealing.pad import LEAST_BYTES, pad, unpad

CLOSED = b"pas/v1/closed"
VERSION = b"\x01"
_LEAST_BYTES = len(VERSION) + SEALING_BYTES + LEAST_BYTES


def close_text(key: SealingKey, *, sender: str, recipient: str, report_id: bytes, item_index: int, plaintext: bytes) -> bytes:
    """A version byte and the padded text, sealed by HPKE to one key for one item of one report.

    It says nothing of who wrote it: the digest in the originator's signed manifest does.
    """
    return VERSION + key.seal(pad(plaintext), _info(key.id, sender, recipient, report_id, item_index))


def may_be_closed(closed: bytes) -> bool:
    """Whether it may be a closed text, as far as that can be seen without its key: of the version that is read, and no shorter than one."""
    return closed[:1] == VERSION and len(closed) >= _LEAST_BYTES


def open_text(key: OpeningKey, closed: bytes, *, sender: str, recipient: str, report_id: bytes, item_index: int) -> bytes:
    """The text again; raises UnknownVersionError, BadCiphertextError (any of these is another) or BadPaddingError."""
    if closed[:1] != VERSION:
        raise UnknownVersionError
    padded = key.open(closed[1:], _info(key.id, sender, recipient, report_id, item_index))
    if padded is None:
        raise BadCiphertextError("The text was not closed for this office, item and report.", "the originator must close it again")
    return unpad(padded)


def _info(key_id: str, sender: str, recipient: str, report_id: bytes, item_index: int) -> bytes:
    return frame(CLOSED, sender.encode(), recipient.encode(), bytes.fromhex(key_id), report_id, item_index.to_bytes(4, "big"))
