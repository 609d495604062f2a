"""The veil: what PAS's gateway is told of those whom the compartment protects, enough to know one when it meets one.

It holds salted digests of the keyed hashes by which the register knows persons, filled up with random ones: neither who is on
the list nor how many can be read off it. Whoever has PAS's own keys can ask it about one number after the other (ADR 0022).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import sqlalchemy as sa

from pas_gateway.register import protected
from pas_schemas.codec import decode, encode
from pas_schemas.sealing import IdKey, StoreKey

DIGEST_BYTES = 16
# The shortest list: beneath it nobody learns whether one is protected, or sixty.
LEAST = 64
_USE, _PLACE = b"pas/v1/veil", b"pas/v1/veil-row"
# The one in effect, and that of a batch that still goes by the last.
VEILS_KEPT = 4


@dataclass(frozen=True, slots=True)
class Veil:
    """One edition."""

    edition: int
    salt: IdKey = field(repr=False)
    digests: frozenset[bytes] = field(repr=False)

    def covers(self, persons: Iterable[bytes]) -> bool:
        """Whether one of these, which are one person's keyed hashes, is on the list."""
        return any(_digest(self.salt, person) in self.digests for person in persons)


NONE = Veil(0, IdKey.generate(), frozenset())


def draw(persons: Collection[bytes], edition: int) -> bytes:
    """A new edition as it travels: another salt, and as many digests as the next power of two."""
    salt = IdKey.generate()
    size = LEAST
    while size < len(persons):
        size *= 2
    digests = [_digest(salt, person) for person in persons] + [os.urandom(DIGEST_BYTES) for _ in range(size - len(persons))]
    return encode("veil", {"edition": edition, "salt": salt.to_bytes(), "digests": sorted(digests)})


def veil_row(payload: bytes, key: StoreKey) -> dict[str, object]:
    """The row under which a register keeps an edition; raises CodecError."""
    return {"edition": read_veil(payload).edition, "sealed": key.seal(payload, _PLACE)}


@lru_cache(maxsize=VEILS_KEPT)
def read_veil(payload: bytes) -> Veil:
    """Raises CodecError where it is none."""
    datum = decode(payload, "veil").datum
    return Veil(datum["edition"], IdKey.from_bytes(datum["salt"]), frozenset(datum["digests"]))


def find_veil(register: sa.Connection, key: StoreKey) -> Veil:
    """The edition in effect; `NONE` where there never was one. Raises BadCiphertextError for a row that was tampered with."""
    sealed = protected.find_veil(register)
    return NONE if sealed is None else _open(sealed, key)


@lru_cache(maxsize=VEILS_KEPT)
def _open(sealed: bytes, key: StoreKey) -> Veil:
    return read_veil(key.open(sealed, _PLACE))


def _digest(salt: IdKey, person: bytes) -> bytes:
    return salt.digest(_USE, person)[:DIGEST_BYTES]
