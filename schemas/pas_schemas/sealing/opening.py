"""Opening: every check a sealed record must pass, in one order, before a byte of its plaintext is released.

1. version and shape   UnknownVersionError, MalformedRecordError
2. recipient           WrongRecipientError: addressed to this office, to a key it holds and the directory knows as its own
3. sender              UnknownSenderError: the directory knows the signing key as that sender's
4. dates of both keys  KeyExpiredError: current when the log took the record
5. signature           BadSignatureError: over the root that the record's leaf and path lead to; covers every byte
6. epoch               OutsideEpochError: the log took it between not-before and not-after
7. wrap                BadWrapError: the epoch secret opens under these names, keys and times
8. tag                 BadCiphertextError
9. padding             BadPaddingError
10. schema             WrongSchemaError: what was sealed is of the schema that the label says
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import InvalidTag

from pas_schemas import codec
from pas_schemas.clock import to_ms
from pas_schemas.directory import PublicKey
from pas_schemas.errors import DirectoryError
from pas_schemas.sealing.envelope import (
    LABEL_TAIL_BYTES,
    TIMES_BYTES,
    TREE_SIZES,
    Envelope,
    Label,
    LabelHead,
    digest,
    epoch_info,
    leaf_of,
    parse_envelope,
    parse_label,
)
from pas_schemas.sealing.failures import (
    BadCiphertextError,
    BadSignatureError,
    BadWrapError,
    KeyExpiredError,
    OutsideEpochError,
    UnknownSenderError,
    WrongRecipientError,
    WrongSchemaError,
)
from pas_schemas.sealing.keys import NONCE_BYTES, OpeningKey, VerifyKey
from pas_schemas.sealing.merkle import DIGEST_BYTES, root_from_path
from pas_schemas.sealing.pad import unpad
from pas_schemas.sealing.recent import Recent
from pas_schemas.sealing.seal import extract, record_key
from pas_schemas.sealing.sign import BATCH, accepts_batch

FindSigner = Callable[[str, str], PublicKey | None]
FindOwn = Callable[[str], PublicKey | None]

# Epochs whose secret is remembered: some 200 senders with a few processes each, and as many before a rotation.
EPOCHS_KEPT = 2048
# Batches whose signature is remembered: a batch's records lie near each other in a partition.
ROOTS_KEPT = 4096
# Parsed public keys of senders: each sender has one at a time.
SIGNERS_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves to somebody else that a sender signed a record's manifest, without the record: digests, place, signature."""

    label_digest: bytes
    wrap_digest: bytes
    nonce: bytes
    ciphertext_digest: bytes
    size: int
    index: int
    path: tuple[bytes, ...] = field(repr=False)
    signature: bytes = field(repr=False)
    key_id: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A record that passed every check; `payload` is a single-object encoding of the schema its label names."""

    sender: str
    record_id: bytes
    payload: bytes = field(repr=False)
    manifest: bytes = field(repr=False)
    evidence: Evidence = field(repr=False)


class Opener:
    """Opens what is sealed to one office, with the keys it holds and the directory it trusts."""

    def __init__(
        self, recipient: str, opening_keys: Mapping[str, OpeningKey], find_signer: FindSigner, find_own: FindOwn, *, prefix: bytes = BATCH
    ) -> None:
        """`find_signer(sender, key id)` and `find_own(key id)` ask the directory; `prefix` is the kind of signed thing expected."""
        self.recipient = recipient
        self._keys = opening_keys
        self._find_signer = find_signer
        self._find_own = find_own
        self._prefix = prefix
        self._epochs: Recent[tuple[bytes, bytes], bytes] = Recent(EPOCHS_KEPT)
        self._roots: Recent[tuple[str, str, int, bytes, bytes], bool] = Recent(ROOTS_KEPT)
        self._signers: Recent[bytes, VerifyKey] = Recent(SIGNERS_KEPT)

    def open(self, value: bytes, at: datetime) -> Opened:
        """The record, which the log took at `at`; raises the SealError of the first check that fails (see the module)."""
        envelope = parse_envelope(value)
        label = parse_label(envelope.label)
        key, own = self._own_key(label)
        verify_key, signer = self._signer(label)
        if not (signer.current(at) and own.current(at)):
            raise KeyExpiredError
        evidence = _collect(envelope, label)
        self._check_signature(evidence, envelope.manifest, label.sender, verify_key)
        not_before, not_after = envelope.times
        if not not_before <= to_ms(at) < not_after:
            raise OutsideEpochError
        root_key = self._root_key(envelope, label, evidence.wrap_digest, key)
        payload = unpad(_decrypt(envelope, label, root_key, evidence.label_digest))
        if payload[: codec.HEAD_BYTES] != codec.MARKER + label.fingerprint:
            raise WrongSchemaError
        return Opened(label.sender, label.record_id, payload, envelope.manifest, evidence)

    def _own_key(self, label: Label) -> tuple[OpeningKey, PublicKey]:
        key = self._keys.get(label.recipient_key)
        own = self._find_own(label.recipient_key)
        if label.recipient != self.recipient or key is None or own is None or own.use == "sign":
            raise WrongRecipientError
        return key, own

    def _signer(self, label: Label) -> tuple[VerifyKey, PublicKey]:
        found = self._find_signer(label.sender, label.sender_key)
        if found is None or found.use != "sign":
            raise UnknownSenderError
        key = self._signers.get(found.public)
        if key is None:
            try:
                key = VerifyKey.from_bytes(found.public)
            except DirectoryError:
                raise UnknownSenderError from None
            self._signers.put(found.public, key)
        if key.id != label.sender_key:
            raise UnknownSenderError
        return key, found

    def _check_signature(self, evidence: Evidence, manifest: bytes, sender: str, key: VerifyKey) -> None:
        root = _root(evidence, manifest)
        seen = (sender, key.id, evidence.size, root, evidence.signature)
        if self._roots.get(seen) is None:
            if not accepts_batch(key, self._prefix, sender, evidence.size, root, signature=evidence.signature):
                raise BadSignatureError
            self._roots.put(seen, True)

    def _root_key(self, envelope: Envelope, label: Label, wrap_digest: bytes, key: OpeningKey) -> bytes:
        # The head of the label and the wrap are all that the wrap is bound to: the same two, the same secret.
        seen = (envelope.label[:-LABEL_TAIL_BYTES], wrap_digest)
        root_key = self._epochs.get(seen)
        if root_key is None:
            head = LabelHead(label.sender, label.recipient, label.sender_key, label.recipient_key, label.epoch_id)
            secret = key.open(envelope.wrap[TIMES_BYTES:], epoch_info(head, envelope.wrap[:TIMES_BYTES]))
            if secret is None:
                raise BadWrapError
            root_key = extract(secret)
            self._epochs.put(seen, root_key)
        return root_key


def verify_evidence(evidence: Evidence, manifest: bytes, sender: str, key: VerifyKey, prefix: bytes = BATCH) -> None:
    """Raises BadSignatureError unless `sender` signed, with `key`, the record whose manifest this is.

    Whether the key was that sender's then is the caller's question to the directory.
    """
    if evidence.key_id != key.id or not _is_shaped(evidence):
        raise BadSignatureError
    root = _root(evidence, manifest)
    if not accepts_batch(key, prefix, sender, evidence.size, root, signature=evidence.signature):
        raise BadSignatureError


def _collect(envelope: Envelope, label: Label) -> Evidence:
    return Evidence(
        digest(envelope.label), digest(envelope.wrap), envelope.nonce, digest(envelope.ciphertext),
        envelope.size, envelope.place, envelope.path, envelope.signature, label.sender_key,
    )  # fmt: skip


def _is_shaped(evidence: Evidence) -> bool:
    digests = (evidence.label_digest, evidence.wrap_digest, evidence.ciphertext_digest, *evidence.path)
    return len(evidence.nonce) == NONCE_BYTES and evidence.size in TREE_SIZES and all(len(part) == DIGEST_BYTES for part in digests)


def _root(evidence: Evidence, manifest: bytes) -> bytes:
    leaf = leaf_of(evidence.label_digest, evidence.wrap_digest, evidence.nonce, evidence.ciphertext_digest, digest(manifest))
    root = root_from_path(leaf, evidence.index, evidence.size, evidence.path)
    if root is None:
        raise BadSignatureError
    return root


def _decrypt(envelope: Envelope, label: Label, root_key: bytes, label_digest: bytes) -> bytes:
    try:
        return record_key(root_key, label.record_id, label_digest).decrypt(envelope.nonce, envelope.ciphertext, envelope.label)
    except (InvalidTag, ValueError):
        raise BadCiphertextError from None
