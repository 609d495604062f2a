"""The sealed record as bytes: version byte, label, and everything that a reader needs to check it.

    0x01, Avro(label, wrap, nonce, ciphertext, manifest, size, index, path, signature)

A wire version is for ever. To add one, add its byte, its files in `avro/` and its reader; never edit these.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from pas_schemas import codec
from pas_schemas.errors import CodecError, MisuseError
from pas_schemas.sealing.failures import MalformedRecordError, UnknownVersionError
from pas_schemas.sealing.framing import frame
from pas_schemas.sealing.keys import SEALING_BYTES, SECRET_BYTES
from pas_schemas.sealing.manifest import MANIFEST_BYTES
from pas_schemas.sealing.merkle import hash_leaf, path_length
from pas_schemas.sealing.recent import Recent
from pas_schemas.topics import MAX_RECORD_BYTES

WIRE_VERSION = 1
VERSION_BYTE = bytes([WIRE_VERSION])
RECORD_ID_BYTES = 16
EPOCH_ID_BYTES = 16
FINGERPRINT_BYTES = 8
# Record id and fingerprint end the label: its head is the same for all records of an epoch and is worked out once.
LABEL_TAIL_BYTES = RECORD_ID_BYTES + FINGERPRINT_BYTES
TIMES_BYTES = 16
WRAP_BYTES = TIMES_BYTES + SEALING_BYTES + SECRET_BYTES
# Two office ids and the fixed fields take at most 200 bytes; remembered label heads must stay small.
MAX_LABEL_BYTES = 512
# Trees have a power of eight leaves, so that a path's length tells little of how much was sent at once.
TREE_SIZES = (1, 8, 64, 512, 4096)
# Heads of labels remembered: one for each epoch in use.
LABELS_KEPT = 4096
# What may be sealed so that the record still goes into the log, with label, wrap, manifest, path and padding around it.
MAX_PAYLOAD_BYTES = 980_000


class Label(NamedTuple):
    """What a sealed record says in clear. Until the record was opened it is only what somebody claims.

    `sender_key` and `recipient_key` are key ids; `fingerprint` is the schema's of what is sealed.
    """

    sender: str
    recipient: str
    sender_key: str
    recipient_key: str
    epoch_id: bytes
    record_id: bytes
    fingerprint: bytes


class Envelope(NamedTuple):
    """A sealed record taken apart, its shape checked and nothing else; `place` is its leaf's in a tree of `size` leaves."""

    label: bytes
    wrap: bytes
    nonce: bytes
    ciphertext: bytes
    manifest: bytes
    size: int
    place: int
    path: tuple[bytes, ...]
    signature: bytes

    def __repr__(self) -> str:
        return f"Envelope(label={self.label!r}, size={self.size}, place={self.place})"

    @property
    def times(self) -> tuple[int, int]:
        """Not-before and not-after of the epoch, in milliseconds since 1970."""
        return int.from_bytes(self.wrap[:8], "big"), int.from_bytes(self.wrap[8:16], "big")


@dataclass(frozen=True, slots=True)
class LabelHead:
    """The part of a label that all records of an epoch share."""

    sender: str
    recipient: str
    sender_key: str
    recipient_key: str
    epoch_id: bytes


def write_label_head(head: LabelHead) -> bytes:
    """A label without its last two fields: append a record id and a fingerprint, and it is one."""
    return _write_head(head)[:-LABEL_TAIL_BYTES]


def parse_label(label: bytes) -> Label:
    """The label's fields; raises UnknownVersionError or MalformedRecordError (also for other spellings of the same fields)."""
    head = parse_head(label)
    return Label(
        head.sender, head.recipient, head.sender_key, head.recipient_key, head.epoch_id,
        label[-LABEL_TAIL_BYTES:-FINGERPRINT_BYTES], label[-FINGERPRINT_BYTES:],
    )  # fmt: skip


_heads: Recent[bytes, LabelHead] = Recent(LABELS_KEPT)


def parse_head(label: bytes) -> LabelHead:
    """The fields of a label that its epoch's records share; raises as `parse_label` does."""
    start = label[:-LABEL_TAIL_BYTES]
    head = _heads.get(start)
    if head is None:
        head = _read_head(start)
        _heads.put(start, head)
    return head


def write_envelope(envelope: Envelope) -> bytes:
    """The record for the log; raises MisuseError where it would be larger than a record may be."""
    value = VERSION_BYTE + _schema("sealed_envelope").write({
        "label": envelope.label, "wrap": envelope.wrap, "nonce": envelope.nonce, "ciphertext": envelope.ciphertext,
        "manifest": envelope.manifest, "size": envelope.size, "index": envelope.place, "path": envelope.path,
        "signature": envelope.signature,
    })  # fmt: skip
    if len(value) > MAX_RECORD_BYTES:
        raise MisuseError("The sealed record is larger than a record may be.", f"seal at most {MAX_PAYLOAD_BYTES} bytes")
    return value


def parse_envelope(value: bytes) -> Envelope:
    """A record taken apart; raises UnknownVersionError or MalformedRecordError.

    One record has one spelling: bytes that a lenient Avro reader would take for the same record are malformed.
    """
    if value[:1] != VERSION_BYTE:
        raise UnknownVersionError if value else MalformedRecordError
    if len(value) > MAX_RECORD_BYTES:
        raise MalformedRecordError("The record is larger than a record may be.")
    schema = _schema("sealed_envelope")
    try:
        datum = schema.read(value, 1)
        spelt = schema.write(datum)
    except CodecError:
        raise MalformedRecordError from None
    if spelt != value[1:]:
        raise MalformedRecordError
    envelope = Envelope(
        datum["label"], datum["wrap"], datum["nonce"], datum["ciphertext"], datum["manifest"],
        datum["size"], datum["index"], tuple(datum["path"]), datum["signature"],
    )  # fmt: skip
    _check_shape(envelope)
    return envelope


def read_label(value: bytes) -> Label:
    """What a sealed record claims in clear, for quarantine and routing; raises UnknownVersionError or MalformedRecordError."""
    return parse_label(parse_envelope(value).label)


def leaf_of(label_digest: bytes, wrap_digest: bytes, nonce: bytes, ciphertext_digest: bytes, manifest_digest: bytes) -> bytes:
    """The record's leaf in its batch: made of digests, so that who holds only those can rebuild it."""
    return hash_leaf(label_digest + wrap_digest + nonce + ciphertext_digest + manifest_digest)


def leaf(envelope: Envelope) -> bytes:
    """The leaf of a record that is at hand."""
    return leaf_of(
        digest(envelope.label), digest(envelope.wrap), envelope.nonce, digest(envelope.ciphertext), digest(envelope.manifest)
    )  # fmt: skip


def digest(data: bytes) -> bytes:
    return sha256(data).digest()


def epoch_info(head: LabelHead, times: bytes) -> bytes:
    """What the wrap of an epoch secret is bound to: who, to whom, under which keys, which epoch, and from when to when."""
    return frame(
        b"pas/v1/epoch", head.sender.encode(), head.recipient.encode(), bytes.fromhex(head.sender_key), bytes.fromhex(head.recipient_key),
        head.epoch_id, times[:8], times[8:16],
    )  # fmt: skip


def record_info(record_id: bytes, label_digest: bytes) -> bytes:
    """What a record's key is derived for, from its epoch's secret."""
    return frame(b"pas/v1/record", record_id, label_digest)


def _check_shape(envelope: Envelope) -> None:
    shaped = (
        len(envelope.label) <= MAX_LABEL_BYTES
        and len(envelope.wrap) == WRAP_BYTES
        and len(envelope.manifest) in (0, MANIFEST_BYTES)
        and envelope.size in TREE_SIZES
        and 0 <= envelope.place < envelope.size
        and len(envelope.path) == path_length(envelope.place, envelope.size)
    )
    if not shaped:
        raise MalformedRecordError


def _write_head(head: LabelHead) -> bytes:
    return _schema("seal_label").write({
        "wire_version": WIRE_VERSION, "sender": head.sender, "recipient": head.recipient,
        "sender_key": bytes.fromhex(head.sender_key), "recipient_key": bytes.fromhex(head.recipient_key),
        "epoch_id": head.epoch_id, "record_id": bytes(RECORD_ID_BYTES), "fingerprint": bytes(FINGERPRINT_BYTES),
    })  # fmt: skip


def _read_head(start: bytes) -> LabelHead:
    whole = start + bytes(LABEL_TAIL_BYTES)
    try:
        datum = _schema("seal_label").read(whole)
    except CodecError:
        raise MalformedRecordError from None
    if datum["wire_version"] != WIRE_VERSION:
        raise UnknownVersionError
    head = LabelHead(datum["sender"], datum["recipient"], datum["sender_key"].hex(), datum["recipient_key"].hex(), datum["epoch_id"])
    if _write_head(head) != whole:
        raise MalformedRecordError
    return head


@cache
def _schema(name: str) -> codec.Schema:
    return codec.registry().find(name, WIRE_VERSION)
