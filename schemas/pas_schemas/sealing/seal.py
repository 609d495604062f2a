"""Sealing: epochs, records and signed batches, from one sender to one recipient at a time."""

from __future__ import annotations

import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pas_schemas import codec
from pas_schemas.clock import to_ms
from pas_schemas.errors import MisuseError
from pas_schemas.sealing.envelope import (
    EPOCH_ID_BYTES,
    MAX_PAYLOAD_BYTES,
    RECORD_ID_BYTES,
    TREE_SIZES,
    Envelope,
    LabelHead,
    digest,
    epoch_info,
    leaf_of,
    record_info,
    write_envelope,
    write_label_head,
)
from pas_schemas.sealing.keys import NONCE_BYTES, SECRET_BYTES, SealingKey, SigningKey
from pas_schemas.sealing.manifest import MANIFEST_BYTES, draw_digests
from pas_schemas.sealing.merkle import Tree
from pas_schemas.sealing.pad import pad
from pas_schemas.sealing.recent import Recent
from pas_schemas.sealing.sign import BATCH, sign_batch

# One epoch for each office and key that is sealed to; the estate has some 700 offices.
EPOCHS_KEPT = 2048
# Records signed together: more are split into several batches.
BATCH_RECORDS = 512
# A record may wait this long between its sealing and the log (domain, freshness: a day), and clocks may differ this much.
LATEST = timedelta(days=1)
CLOCKS_DIFFER = timedelta(hours=1)


class Plain(NamedTuple):
    """What is to be sealed: a record id of 16 bytes, a payload in single-object encoding, and a manifest or nothing."""

    record_id: bytes
    payload: bytes
    manifest: bytes = b""

    def __repr__(self) -> str:
        return f"Plain(record_id={self.record_id!r})"


@dataclass(frozen=True, slots=True)
class _Epoch:
    """A secret shared with one recipient for a while; `label_head`, `wrap` and its digest are the same in all its records."""

    label_head: bytes
    wrap: bytes = field(repr=False)
    wrap_digest: bytes = field(repr=False)
    root_key: bytes = field(repr=False)
    start: datetime
    end: datetime


class _Sealed(NamedTuple):
    """A record before its batch is signed."""

    label: bytes
    nonce: bytes
    ciphertext: bytes
    manifest: bytes
    leaf: bytes


class Sealer:
    """Seals as one sender. Epochs live in its memory only, so each process begins new ones."""

    def __init__(self, sender: str, signing: SigningKey, *, epoch_life: timedelta, prefix: bytes = BATCH) -> None:
        """`epoch_life` is how long an epoch is sealed in; its records may be logged up to a day after that."""
        self.sender = sender
        self._signing = signing
        self._life = epoch_life
        self._prefix = prefix
        self._epochs: Recent[tuple[str, str], _Epoch] = Recent(EPOCHS_KEPT)

    @property
    def key_id(self) -> str:
        """The id of the key it signs with."""
        return self._signing.id

    def seal(self, recipient: str, recipient_key: SealingKey, records: Sequence[Plain], now: datetime) -> list[bytes]:
        """A record for the log for each plain one, in their order, signed in batches of up to 512.

        Raises MisuseError for a record id, payload or manifest that is not as it must be, and DirectoryError for a key
        that nothing can be sealed to.
        """
        for plain in records:
            _check(plain)
        epoch = self._epoch(recipient, recipient_key, now)
        values: list[bytes] = []
        for start in range(0, len(records), BATCH_RECORDS):
            values += self._seal_batch(epoch, records[start : start + BATCH_RECORDS])
        return values

    def _seal_batch(self, epoch: _Epoch, records: Sequence[Plain]) -> list[bytes]:
        sealed = [_seal_record(epoch, plain) for plain in records]
        leaves, places = _scatter([record.leaf for record in sealed])
        tree = Tree(leaves)
        signature = sign_batch(self._signing, self._prefix, self.sender, tree.size, tree.root)
        return [
            write_envelope(
                Envelope(
                    record.label, epoch.wrap, record.nonce, record.ciphertext, record.manifest,
                    tree.size, index, tuple(tree.path(index)), signature,
                )
            )
            for index, record in zip(places, sealed, strict=True)
        ]  # fmt: skip

    def _epoch(self, recipient: str, key: SealingKey, now: datetime) -> _Epoch:
        epoch = self._epochs.get((recipient, key.id))
        if epoch is None or not epoch.start <= now < epoch.end:
            epoch = self._begin(recipient, key, now)
            self._epochs.put((recipient, key.id), epoch)
        return epoch

    def _begin(self, recipient: str, key: SealingKey, now: datetime) -> _Epoch:
        head = LabelHead(self.sender, recipient, self._signing.id, key.id, os.urandom(EPOCH_ID_BYTES))
        end = now + self._life
        times = to_ms(now - CLOCKS_DIFFER).to_bytes(8, "big") + to_ms(end + LATEST).to_bytes(8, "big")
        secret = os.urandom(SECRET_BYTES)
        wrap = times + key.seal(secret, epoch_info(head, times))
        return _Epoch(write_label_head(head), wrap, digest(wrap), extract(secret), now, end)


def extract(secret: bytes) -> bytes:
    """HKDF-Extract (RFC 5869) of an epoch secret, without salt: done once an epoch."""
    return hmac.digest(bytes(32), secret, "sha256")


def record_key(root_key: bytes, record_id: bytes, label_digest: bytes) -> AESGCM:
    """HKDF-Expand (RFC 5869) to the key of one record, bound to its id and to every word of its label.

    A key is as long as one hash, so it is the first block and no other.
    """
    return AESGCM(hmac.digest(root_key, record_info(record_id, label_digest) + b"\x01", "sha256"))


def _seal_record(epoch: _Epoch, plain: Plain) -> _Sealed:
    label = epoch.label_head + plain.record_id + plain.payload[2 : codec.HEAD_BYTES]
    label_digest = digest(label)
    # Random and stored, never derived: one record id may be sealed twice, to other bytes.
    nonce = os.urandom(NONCE_BYTES)
    ciphertext = record_key(epoch.root_key, plain.record_id, label_digest).encrypt(nonce, pad(plain.payload), label)
    found = leaf_of(label_digest, epoch.wrap_digest, nonce, digest(ciphertext), digest(plain.manifest))
    return _Sealed(label, nonce, ciphertext, plain.manifest, found)


def _scatter(leaves: list[bytes]) -> tuple[list[bytes], list[int]]:
    """The leaves among random ones, and where each came to lie: a recipient that is given the proof of one must not learn from its place
    how many others there are."""
    size = next(size for size in TREE_SIZES if size >= len(leaves))
    places = sorted(range(size), key=draw_digests(size).__getitem__)[: len(leaves)]
    filled = draw_digests(size)
    for place, leaf in zip(places, leaves, strict=True):
        filled[place] = leaf
    return filled, places


def _check(plain: Plain) -> None:
    if len(plain.record_id) != RECORD_ID_BYTES:
        raise MisuseError("A record id has 16 bytes.", "this is a fault of the program")
    if plain.payload[:2] != codec.MARKER or len(plain.payload) < codec.HEAD_BYTES:
        raise MisuseError("Only a record in single-object encoding can be sealed.", "this is a fault of the program")
    if len(plain.payload) > MAX_PAYLOAD_BYTES:
        raise MisuseError("The record is too large to be sealed.", f"it may have at most {MAX_PAYLOAD_BYTES} bytes")
    if len(plain.manifest) not in (0, MANIFEST_BYTES):
        raise MisuseError("A manifest has 32 digests.", "this is a fault of the program")
