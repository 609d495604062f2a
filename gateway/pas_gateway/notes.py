"""What was dispatched, sealed for PAS alone: it lies in the log before the deliveries themselves, for a register that is restored.

Where the log then did not take them, a second word says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from pydantic_core import to_json

from pas_gateway.drafts import Draft
from pas_gateway.office import PasOffice
from pas_schemas.errors import RegisterError, SealError

# The key under which notes lie in PAS's audit topic, beside whatever else does.
NOTE_KEY: Final = b"pas/v1/note"
UNSENT_KEY: Final = b"pas/v1/unsent"
_PLACE = b"pas/v1/note"
_UNSENT_PLACE = b"pas/v1/unsent"
_BYTES = ("id", "report", "leaf", "words")
_PLAIN = ("office", "n", "kind", "items", "deadline_ms", "climb_ms", "sealed_to")


# Most deliveries of a batch say the same few words, or none.
WORDS_KEPT = 1024


def words_of(draft: Draft) -> bytes:
    """What a notice says, without times and names for one occasion: the same words on the same matter are the same."""
    return _digest(draft.kind, tuple((word["word"], word["office"], word["item"], word["rule"], word["case"]) for word in draft.notices))


@lru_cache(maxsize=WORDS_KEPT)
def _digest(kind: str, told: tuple[tuple[Any, ...], ...]) -> bytes:
    return sha256(json.dumps([kind, told]).encode()).digest()[:16]


def write_note(rows: Iterable[tuple[Mapping[str, Any], bytes]], office: PasOffice) -> bytes:
    """These rows of the register's deliveries, each with what `words_of` it says."""
    said = [[row["id"].hex(), row["report"].hex(), row["leaf"].hex(), words.hex(), *[row[name] for name in _PLAIN]] for row, words in rows]
    return office.register_key.seal(to_json(said), _PLACE)


def read_note(sealed: bytes, office: PasOffice) -> list[dict[str, Any]]:
    """The rows of a note, as sent; RegisterError where it was altered: what was dispatched is then not certain."""
    said = _open(sealed, _PLACE, office)
    split = len(_BYTES)
    return [
        {**dict(zip(_BYTES, map(bytes.fromhex, row[:split]), strict=True)), **dict(zip(_PLAIN, row[split:], strict=True)),
         "state": "SENT"}
        for row in said
    ]  # fmt: skip


def write_unsent(ids: Iterable[bytes], office: PasOffice) -> bytes:
    """That these deliveries, noted before, are not in the log: the topic they were for is not there."""
    return office.register_key.seal(json.dumps([one.hex() for one in ids]).encode(), _UNSENT_PLACE)


def read_unsent(sealed: bytes, office: PasOffice) -> list[bytes]:
    """The ids of deliveries that were noted and not sent; RegisterError where the word was altered."""
    return [bytes.fromhex(one) for one in _open(sealed, _UNSENT_PLACE, office)]


def _open(sealed: bytes, place: bytes, office: PasOffice) -> Any:
    try:
        return json.loads(office.register_key.open(sealed, place))
    except SealError:
        raise RegisterError(
            "A note of what PAS dispatched was altered in the log.", "see the runbook *register restored from a backup*"
        ) from None
