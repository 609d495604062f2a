"""The least that any gateway must do with a report, and nothing else: what every other figure here is held against.

For each record of the log: signature, epoch, open, decode; three projections encoded and sealed; one signed tree for each office of
a batch. No decision, no register, no check of what the report says. It imports nothing of the gateway and uses the product's own
codec and sealing, with everything that can be remembered remembered: keys parsed once, epochs and roots kept.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pas_schemas.clock import to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.sealing import Opened, Opener, Plain, Sealer, SealingKey
from pas_transport.log import Taken
from pas_transport.workspace import Workspace

PAS = "pas"
BATCH_RECORDS = 500
# As long as one process of the gateway seals in one epoch.
EPOCH_LIFE = timedelta(hours=12)
# The offices that are given a report on this prisoner.
FindOffices = Callable[[str], Sequence[str]]


class Floor:
    """One process's floor: `take` does for a batch what must be done, and gives back what would go into the log."""

    def __init__(self, workspace: Workspace, find_offices: FindOffices) -> None:
        snapshot, keyring = workspace.directory(), workspace.keyring(PAS)
        now = workspace.clock.now()
        signers = {(office.id, key.id): key for office in snapshot.offices for key in office.keys if key.use == "sign"}
        own = {key.id: key for key in snapshot.keys(PAS, "open")}
        self._opener = Opener(PAS, keyring.opening(), lambda sender, key: signers.get((sender, key)), own.get)
        self._sealer = Sealer(PAS, keyring.signing(), epoch_life=EPOCH_LIFE)
        found = {office.id: snapshot.key(office.id, "open", now) for office in snapshot.offices}
        self._keys = {office: SealingKey.from_bytes(key.public) for office, key in found.items() if key is not None}
        self._find_offices = find_offices
        self._clock = workspace.clock

    def take(self, records: Sequence[Taken]) -> dict[str, list[bytes]]:
        """The sealed records for each office, of reports that all of their three offices may have."""
        now = self._clock.now()
        by_office: dict[str, list[Plain]] = {}
        for taken in records:
            opened = self._opener.open(taken.value, taken.at)
            report, people, items = _read(opened)
            for office in self._find_offices(people[0]["noms_number"]):
                record_id = os.urandom(16)
                datum = _project(report, items, opened, office, record_id, taken, now)
                by_office.setdefault(office, []).append(Plain(record_id, encode("delivery", datum)))
        return {office: self._sealer.seal(office, self._keys[office], plains, now) for office, plains in by_office.items()}

    def take_all(self, records: Sequence[Taken]) -> None:
        """All of these, a batch at a time."""
        for start in range(0, len(records), BATCH_RECORDS):
            self.take(records[start : start + BATCH_RECORDS])


def _read(opened: Opened) -> tuple[Any, list[Any], list[Any]]:
    """The report, its subjects and its items, each part decoded once: without them nobody could decide."""
    report = decode(opened.payload, "report").datum
    people = [decode(part, "subject_part").datum for part in report["subjects"]]
    items = [(decode(item["shared"], "item_shared").datum, decode(item["withheld"], "item_withheld").datum) for item in report["items"]]
    return report, people, items


def _project(report: Any, items: Sequence[Any], opened: Opened, office: str, record_id: bytes, taken: Taken, now: datetime) -> Any:
    proof = opened.evidence
    people = list(range(len(report["subjects"])))
    return {
        "delivery_id": record_id, "handle": record_id, "n": 1, "kind": "DISCLOSURE", "office": office, "urn": report["urn"],
        "originator": report["originator"], "priority": report["priority"], "created_at": report["created_at"],
        "received_at_ms": to_ms(taken.at), "decided_at_ms": to_ms(now), "deadline_ms": to_ms(taken.at),
        "body": {
            "protective_marking": report["protective_marking"], "purpose": report["purpose"], "legal_basis": report["legal_basis"],
            "handling": "1", "gist": report["gist"],
            "do_not_share_with_offender": report["declarations"]["do_not_share_with_offender"], "obligations": [], "conditions": None,
            "reasons": None, "internal_recipients": [], "review_by": None, "operation": None, "risk_tags": report["risk_tags"],
            "items": [
                {
                    "grade": item["grade"], "shared": item["shared"], "salt": item["salt"], "subjects": people, "closed": b"",
                    "source_reference": withheld["source_reference"], "corroboration": None, "sanitised": False,
                    "regraded": None, "in_place_of": b"", "signature": b"", "signer": "",
                }
                for item, (_, withheld) in zip(report["items"], items, strict=True)
            ],
            "subjects": report["subjects"],
            "evidence": {
                "label_digest": proof.label_digest, "wrap_digest": proof.wrap_digest, "nonce": proof.nonce,
                "ciphertext_digest": proof.ciphertext_digest, "size": proof.size, "index": proof.index, "path": proof.path,
                "signature": proof.signature, "key_id": proof.key_id, "manifest": opened.manifest,
            },
        },
        "notices": [],
        "apart": False, "request": None,
    }  # fmt: skip
