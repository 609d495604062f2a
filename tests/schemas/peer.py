"""A reader of sealed records with nothing of the project but its Avro files: written from docs/wire.md, which it proves to be enough."""

from __future__ import annotations

import hmac
import io
import json
from collections.abc import Callable
from hashlib import sha3_256, sha256
from pathlib import Path
from typing import Any

import fastavro
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

AVRO = Path(__file__).parents[2] / "schemas" / "pas_schemas" / "avro"
PATHS = {1: 0, 8: 3, 64: 6, 512: 9, 4096: 12}
SUITE = b"HPKE\x64\x7a\x00\x01\x00\x02"
Key = dict[str, Any]


class RefusedError(Exception):
    """The one class of failure, by the name that the golden vectors have for it."""


def frame(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def digest(data: bytes) -> bytes:
    return sha256(data).digest()


def key_id(use: bytes, public: bytes) -> str:
    return digest(b"pas/v1/key/" + use + public)[:8].hex()


class Opening:
    """A private opening key: ML-KEM-768 and X25519 side by side."""

    def __init__(self, raw: bytes) -> None:
        self.kem, self.curve = MLKEM768PrivateKey.from_seed_bytes(raw[:64]), X25519PrivateKey.from_private_bytes(raw[64:])
        self.point = self.curve.public_key().public_bytes_raw()
        self.id = key_id(b"open", self.kem.public_key().public_bytes_raw() + self.point)

    def open(self, sealed: bytes, info: bytes) -> bytes | None:
        """HPKE in base mode, spelt out from RFC 9180 and X-Wing; None where it does not open."""
        try:
            there = sealed[1088:1120]
            shared = self.kem.decapsulate(sealed[:1088]) + self.curve.exchange(X25519PublicKey.from_public_bytes(there))
            secret = _extract(sha3_256(shared + there + self.point + b"\\.//^\\").digest(), b"secret", b"")
            context = b"\x00" + _extract(b"", b"psk_id_hash", b"") + _extract(b"", b"info_hash", info)
            nonce = _expand(secret, b"base_nonce", context, 12)
            return AESGCM(_expand(secret, b"key", context, 32)).decrypt(nonce, sealed[1120:], b"")
        except (InvalidTag, ValueError):
            return None


def _extract(salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + SUITE + label + material, "sha256")


def _expand(secret: bytes, label: bytes, info: bytes, size: int) -> bytes:
    return hmac.digest(secret, size.to_bytes(2, "big") + b"HPKE-v1" + SUITE + label + info + b"\x01", "sha256")[:size]


def _read(name: str, data: bytes) -> Any:
    schema: Any = fastavro.parse_schema(json.loads((AVRO / name).read_text("utf-8")))
    source, again = io.BytesIO(data), io.BytesIO()
    try:
        datum = fastavro.schemaless_reader(source, schema, None)
        fastavro.schemaless_writer(again, schema, datum, strict=True)
    except Exception:
        raise RefusedError("MalformedRecordError") from None
    return datum, again.getvalue() == data


def take_apart(value: bytes) -> tuple[Any, Any]:
    """Envelope and label, their shape checked."""
    if value[:1] not in (b"", b"\x01"):
        raise RefusedError("UnknownVersionError")
    envelope, plain = _read("sealed_envelope.v1.avsc", value[1:])
    fits = plain and len(value) <= 1_000_000 and len(envelope["wrap"]) == 1184 and len(envelope["manifest"]) in (0, 1024)
    fits = fits and PATHS.get(envelope["size"]) == len(envelope["path"]) and 0 <= envelope["index"] < envelope["size"]
    if not fits or len(envelope["label"]) > 512:
        raise RefusedError("MalformedRecordError")
    label, plain = _read("seal_label.v1.avsc", envelope["label"])
    if label["wire_version"] != 1:
        raise RefusedError("UnknownVersionError")
    if not plain:
        raise RefusedError("MalformedRecordError")
    return envelope, label


def root_of(leaf: bytes, place: int, path: list[bytes]) -> bytes:
    for beside in path:
        leaf = digest(b"\x01" + (beside + leaf if place & 1 else leaf + beside))
        place >>= 1
    return leaf


def unpad(padded: bytes) -> bytes:
    length = int.from_bytes(padded[:4], "big")
    least = max(length + 4, 1024)
    bits = least.bit_length() - 1
    step = 1 << (bits - bits.bit_length())
    if len(padded) != -(-least // step) * step or any(padded[length + 4 :]):
        raise RefusedError("BadPaddingError")
    return padded[4 : length + 4]


def open_record(
    value: bytes, office: str, holds: dict[str, Opening], find: Callable[[str, str], Key | None], at_ms: int, prefix: bytes
) -> tuple[Any, bytes, bytes]:
    """Label, payload and manifest; `find(office, key id)` is what the directory says."""
    envelope, label = take_apart(value)
    mine, sender = label["recipient_key"].hex(), label["sender"]
    own, signer = find(office, mine), find(sender, label["sender_key"].hex())
    if label["recipient"] != office or mine not in holds or own is None or own["use"] == "sign":
        raise RefusedError("WrongRecipientError")
    if signer is None or signer["use"] != "sign" or key_id(b"sign", signer["public"]) != label["sender_key"].hex():
        raise RefusedError("UnknownSenderError")
    if not all(key["start"] <= at_ms and (key["end"] is None or at_ms < key["end"]) for key in (own, signer)):
        raise RefusedError("KeyExpiredError")
    label_digest, wrap = digest(envelope["label"]), envelope["wrap"]
    ends = digest(envelope["ciphertext"]) + digest(envelope["manifest"])
    leaf = digest(b"\x00" + label_digest + digest(wrap) + envelope["nonce"] + ends)
    signed = frame(prefix, sender.encode(), envelope["size"].to_bytes(4, "big"), root_of(leaf, envelope["index"], envelope["path"]))
    try:
        Ed25519PublicKey.from_public_bytes(signer["public"]).verify(envelope["signature"], signed)
    except InvalidSignature:
        raise RefusedError("BadSignatureError") from None
    if not int.from_bytes(wrap[:8], "big") <= at_ms < int.from_bytes(wrap[8:16], "big"):
        raise RefusedError("OutsideEpochError")
    names = (sender.encode(), office.encode(), label["sender_key"], label["recipient_key"], label["epoch_id"], wrap[:8], wrap[8:16])
    secret = holds[mine].open(wrap[16:], frame(b"pas/v1/epoch", *names))
    if secret is None:
        raise RefusedError("BadWrapError")
    info = frame(b"pas/v1/record", label["record_id"], label_digest)
    key = hmac.digest(hmac.digest(bytes(32), secret, "sha256"), info + b"\x01", "sha256")
    try:
        padded = AESGCM(key).decrypt(envelope["nonce"], envelope["ciphertext"], envelope["label"])
    except InvalidTag:
        raise RefusedError("BadCiphertextError") from None
    payload = unpad(padded)
    if payload[:10] != b"\xc3\x01" + label["fingerprint"]:
        raise RefusedError("WrongSchemaError")
    return label, payload, envelope["manifest"]
