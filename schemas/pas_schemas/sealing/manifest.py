"""Selective disclosure: salted digests by which a recipient checks its items and learns nothing of the others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256
from operator import lt
from struct import iter_unpack

from pas_schemas.errors import MisuseError
from pas_schemas.sealing.framing import frame

# A report has at most 32 items (domain), and its manifest always as many digests, so that none can count them.
MANIFEST_DIGESTS = 32
MANIFEST_BYTES = 32 * MANIFEST_DIGESTS
SALT_BYTES = 16


def new_salt() -> bytes:
    """What keeps one item's digest from being guessed: as secret as the item, and given with it."""
    return os.urandom(SALT_BYTES)


def subject_digest(part: bytes) -> bytes:
    """The digest of one subject's part, as its originator encoded it."""
    return sha256(frame(b"pas/v1/subject", part)).digest()


def item_digest(salt: bytes, shared: bytes, subject_digests: Sequence[bytes]) -> bytes:
    """The digest of an item's shared part and of the subjects it concerns, in whatever order."""
    return sha256(frame(b"pas/v1/item", salt, shared, *sorted(subject_digests))).digest()


def sanitised_content(manifest: bytes, digest: bytes, fuller: bytes) -> bytes:
    """What PAS signs of a text that it wrote itself: of which report, which text, and in the place of which item."""
    return frame(manifest, digest, fuller)


def withheld_digest(salt: bytes, withheld: bytes) -> bytes:
    """The digest of an item's withheld part, under the item's salt."""
    return sha256(frame(b"pas/v1/withheld", salt, withheld)).digest()


def build_manifest(item_digests: Sequence[bytes]) -> bytes:
    """1,024 bytes: the digests and random ones, 32 in all, sorted by value; raises MisuseError for more than 32."""
    if len(item_digests) > MANIFEST_DIGESTS or any(len(digest) != 32 for digest in item_digests):
        raise MisuseError(f"A manifest holds at most {MANIFEST_DIGESTS} digests of 32 bytes.", "split the report")
    fill = draw_digests(MANIFEST_DIGESTS - len(item_digests))
    return b"".join(sorted([*item_digests, *fill]))


def draw_digests(count: int) -> list[bytes]:
    """Random bytes that nobody can tell from digests, drawn at once."""
    return [piece for (piece,) in iter_unpack("32s", os.urandom(32 * count))]


def in_order(manifest: bytes) -> bool:
    """Whether it is as `build_manifest` makes them: in another order a reader could tell the digests from what fills it up."""
    pieces = [piece for (piece,) in iter_unpack("32s", manifest)] if len(manifest) == MANIFEST_BYTES else []
    return bool(pieces) and all(map(lt, pieces, pieces[1:]))


def contains(manifest: bytes, digest: bytes) -> bool:
    """Whether a manifest holds a digest."""
    if len(manifest) != MANIFEST_BYTES or len(digest) != 32:
        return False
    at = manifest.find(digest)
    while at >= 0 and at % 32:  # what lies across two digests is none
        at = manifest.find(digest, at + 1)
    return at >= 0
