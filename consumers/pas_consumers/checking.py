"""Word for word: each item of a disclosure is held against what its originator signed, before anybody is shown it.

1. the record      sealed by PAS to this office, and what it says of itself is what its label says
2. the evidence    the originator's own key, current when the report reached PAS, signed the manifest
3. closed texts    opened with this office's key, as the originator closed them for it and this report
4. each item       its digest, with the subjects it concerns, stands in that manifest; a text PAS wrote is signed by PAS, and linked to one
5. each subject    concerned by some item, for no digest speaks of another
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

from pas_consumers.delivery import Delivery, DisclosedItem, Projection, load_delivery, read_delivery
from pas_consumers.errors import RefusedDeliveryError
from pas_schemas.codec import decode, encode
from pas_schemas.directory import PAS, PublicKey, Snapshot
from pas_schemas.errors import SealError
from pas_schemas.parts import closing_name
from pas_schemas.sealing import (
    SANITISED,
    Opened,
    Opener,
    OpeningKey,
    VerifyKey,
    contains,
    item_digest,
    open_text,
    sanitised_content,
    subject_digest,
    verify,
    verify_evidence,
)
from pas_schemas.sealing.manifest import SALT_BYTES
from pas_transport.log import Taken

CLOSED_CODE = "4"
CheckSanitised = Callable[[DisclosedItem, bytes], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """A delivery that passed every check; `payload` is its record with closed texts opened, for the office's own store.

    `digest` is of the record as PAS sealed it: it tells a repeat from another delivery under the same id.
    """

    delivery: Delivery
    payload: bytes = field(repr=False)
    digest: bytes = field(repr=False)


class Checker:
    """Opens and checks what the log holds for one office, under one edition of the directory."""

    def __init__(self, office: str, snapshot: Snapshot, opening_keys: Mapping[str, OpeningKey]) -> None:
        self._office = office
        self._snapshot = snapshot
        self._keys = opening_keys
        self._opener = Opener(office, opening_keys, self._find_sender, lambda key_id: snapshot.find_key(office, "open", key_id))

    def check(self, taken: Taken) -> Checked:
        """The delivery in a record of the log; raises the SealError or RefusedDeliveryError of the first check that fails."""
        opened = self._opener.open(taken.value, taken.at)
        delivery = read_delivery(opened.payload)
        self._check_address(delivery, opened)
        payload = opened.payload
        if delivery.kind == "DISCLOSURE" and delivery.body:
            self._check_evidence(delivery, delivery.body)
            payload = self._open_closed(delivery, delivery.body, payload)
            delivery = load_delivery(payload)
        if delivery.kind == "DISCLOSURE" and delivery.body and delivery.body.proof:
            _check_items(delivery.body, delivery.body.proof.manifest, lambda item, digest: self._check_sanitised(delivery, item, digest))
        return Checked(delivery, payload, sha256(opened.payload).digest())

    def _find_sender(self, sender: str, key_id: str) -> PublicKey | None:
        # Only PAS sends deliveries: a record of any other sender is one of a sender unknown here.
        return self._snapshot.find_key(PAS, "sign", key_id) if sender == PAS else None

    def _check_address(self, delivery: Delivery, opened: Opened) -> None:
        if delivery.office != self._office:
            raise RefusedDeliveryError("misaddressed", "The delivery inside a record for this office is for another.")
        if delivery.id != opened.record_id:
            raise RefusedDeliveryError("record-id", "A record does not hold the delivery that it is named after.")

    def _check_evidence(self, delivery: Delivery, body: Projection) -> None:
        if body.proof is None:
            raise RefusedDeliveryError("evidence", "The items came without their originator's signature.")
        key = self._snapshot.find_key(delivery.originator, "sign", body.proof.evidence.key_id)
        if key is None or not key.current(delivery.received_at):
            raise RefusedDeliveryError("originator", "The items are signed with a key that was not their originator's.")
        try:
            verify_evidence(body.proof.evidence, body.proof.manifest, delivery.originator, VerifyKey.from_bytes(key.public))
        except SealError:
            raise RefusedDeliveryError("evidence", "The originator did not sign what the items came with.") from None

    def _open_closed(self, delivery: Delivery, body: Projection, payload: bytes) -> bytes:
        """The record with each closed text opened: the keys that open it are destroyed one day, the office's store key is not."""
        if any(bool(item.closed) != (item.grade[2:] == CLOSED_CODE) for item in body.items):
            raise RefusedDeliveryError("closed", "A code 4 text came open, or another came closed.")
        if not any(item.closed for item in body.items):
            return payload
        _, version, datum = decode(payload, "delivery")
        for item in datum["body"]["items"]:
            if item["closed"]:
                opened = self._open_text(delivery, item["closed"])
                item.update(salt=opened[:SALT_BYTES], shared=opened[SALT_BYTES:], closed=b"")
        return encode("delivery", datum, version)

    def _check_sanitised(self, delivery: Delivery, item: DisclosedItem, digest: bytes) -> None:
        """A text that PAS wrote: signed by PAS, in the place of an item that the originator signed."""
        manifest = delivery.body.proof.manifest if delivery.body and delivery.body.proof else b""
        key = self._snapshot.find_key(PAS, "sign", item.signer)
        if key is None or not key.current(delivery.decided_at):
            raise RefusedDeliveryError("sanitised", "An item written by PAS came without PAS's own signature on it.")
        if not contains(manifest, item.in_place_of):
            raise RefusedDeliveryError("sanitised", "An item written by PAS stands in the place of none that its originator signed.")
        try:
            verify(VerifyKey.from_bytes(key.public), SANITISED, sanitised_content(manifest, digest, item.in_place_of), item.signature)
        except SealError:
            raise RefusedDeliveryError("sanitised", "An item written by PAS is not as PAS signed it.") from None

    def _open_text(self, delivery: Delivery, closed: bytes) -> bytes:
        name = closing_name(delivery.urn)
        for key in self._keys.values():
            # Which of its keys an office had when the text was closed is not written on it.
            with suppress(SealError):
                return open_text(key, closed, sender=delivery.originator, recipient=self._office, report_id=name, item_index=0)
        raise RefusedDeliveryError("closed", "A code 4 text was not closed for this office and report.", "ask its originator for it")


def _check_items(body: Projection, manifest: bytes, check_sanitised: CheckSanitised) -> None:
    digests = [subject_digest(part) for part in body.subjects]
    concerned: set[int] = set()
    for item in body.items:
        _check_item(item, digests, manifest, check_sanitised)
        concerned.update(item.subjects)
    if len(concerned) != len(digests):
        raise RefusedDeliveryError("subject", "A person is named whom no item concerns.")


def _check_item(item: DisclosedItem, digests: Sequence[bytes], manifest: bytes, check_sanitised: CheckSanitised) -> None:
    if any(not 0 <= subject < len(digests) for subject in item.subjects):
        raise RefusedDeliveryError("subject", "An item concerns a person whom the delivery does not name.")
    digest = item_digest(item.salt, item.shared, [digests[subject] for subject in dict.fromkeys(item.subjects)])
    if item.sanitised:
        check_sanitised(item, digest)
    elif not contains(manifest, digest):
        raise RefusedDeliveryError("digest", "An item is not word for word what its originator signed.")
