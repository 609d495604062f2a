"""What the gateway would send, made with the workspace's real keys: a report published by its originator, and deliveries of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from copying import copy_offices
from pas_schemas.clock import show_time, to_ms
from pas_schemas.codec import encode
from pas_schemas.models.reply import Reply
from pas_schemas.models.report import Report
from pas_schemas.parts import OpenedReport, closing_name, pack_report, unpack_report
from pas_schemas.rulebook import shipped_rulebook
from pas_schemas.sealing import REPLY, Opened, Opener, Plain, Sealer, SealingKey, close_text
from pas_schemas.topics import REPLIES, URGENT_PARTITION, deliveries
from pas_transport.log import Log, Outgoing, Partition
from pas_transport.workspace import Workspace

OFFICES = ("pas", "force:01", "force:06", "fib:01", "pio:WSI", "security:WSI")
Datum = dict[str, Any]
LIFE = timedelta(hours=1)


def copy_small(pristine: Path, root: Path) -> Path:
    """A copy of the example workspace with the keys of six offices: small enough to be made for every test."""
    return copy_offices(pristine, root, OFFICES)


def write_report(urn: str = "01/IR/2015/004711", mark: str = "", items: Sequence[Datum] | None = None, **changes: Any) -> Datum:
    """A report as its originator writes it; `mark` goes into every free field."""
    person = {
        "role": "SUBJECT",
        "standing": "SUSPECT",
        "noms_number": "A4821DK",
        "pnc_id": "2008/0120455A",
        "family_name": f"Marchetti{mark}",
        "given_names": f"Dean{mark}",
        "date_of_birth": "1988-02-03",
    }
    other = {**person, "role": "ASSOCIATE", "noms_number": "B7730HM", "family_name": f"Oyelaran{mark}"}
    return {
        "urn": urn,
        "originator": "force:01",
        "created_at": "2015-11-13T09:30:00Z",
        "protective_marking": "RESTRICTED",
        "priority": "URGENT",
        "purpose": "PREVENTION_OF_CRIME",
        "legal_basis": "POLICING_PURPOSE",
        "operation": f"FALCON{mark}",
        "subjects": [person, other],
        "items": items or [write_item("The subject plans to escape on the way to court." + mark, mark=mark)],
        "handling": {
            "conditions": f"Not to be discussed on the wing.{mark}",
            "reasons": f"Live operation.{mark}",
            "internal_recipients": ["fib:01"],
            "review_by": "2099-12-12",
            "risk_assessment": None,
        },
        "declarations": {
            "visor_derived": False,
            "visor_permission": None,
            "privileged": False,
            "warranted_intercept": False,
            "prison_intercept": None,
            "concerns_staff": [],
            "protected_assisting_offender": False,
            "terrorism": False,
            "do_not_share_with_offender": True,
        },
        "risk_tags": ["ESCAPE"],
        "addressees": ["pio"],
        "mopi": {"group": 1, "review_by": "2016-11-13"},
        "gist": f"Security concerns.{mark}",
        "supersedes": None,
        **changes,
    }


def write_item(text: str, code: str = "1", mark: str = "", subjects: list[int] | None = None) -> Datum:
    """An item of grade B2 and a handling code."""
    return {
        "text": text,
        "source": "B",
        "intelligence": "2",
        "handling": code,
        "source_reference": f"ISR-0101{mark}",
        "corroboration": f"CCTV{mark}",
        "sanitises": None,
        "subjects": subjects,
        "addressees": None,
    }


@dataclass(frozen=True)
class Published:
    """A report as PAS holds it once it was opened."""

    report: Report
    opened: Opened
    parts: OpenedReport
    received_ms: int


@dataclass
class Forge:
    """Publishes as originators do, and sends as the gateway does."""

    workspace: Workspace
    sealers: dict[str, Sealer] = field(default_factory=dict)
    # One that is kept open, where opening it takes a while.
    log: Log | None = None

    def publish(self, raw: Datum | None = None) -> Published:
        """The report, sealed to PAS by its originator and opened by PAS."""
        report = Report.model_validate(raw or write_report())
        now, snapshot = self.workspace.clock.now(), self.workspace.directory()
        rulebook = shipped_rulebook()

        def close(recipient: str, text: bytes) -> bytes | None:
            key = snapshot.key(recipient, "open", now)
            name = closing_name(report.urn)
            return key and close_text(
                SealingKey.from_bytes(key.public),
                sender=report.originator,
                recipient=recipient,
                report_id=name,
                item_index=0,
                plaintext=text,
            )

        payload, manifest = pack_report(
            report, content_digest=bytes(32), sealed_at_us=to_ms(now) * 1000, directory_version=1, close=close, patterns=rulebook.patterns
        )
        plain = Plain(sha256(report.urn.encode()).digest()[:16], payload, manifest)
        value = self.seal(report.originator, "pas", [plain])[0]
        opened = self.opener("pas").open(value, now)
        return Published(report, opened, unpack_report(opened.payload, opened.manifest), to_ms(now))

    def seal(self, sender: str, recipient: str, plain: Sequence[Plain]) -> list[bytes]:
        now = self.workspace.clock.now()
        if sender not in self.sealers:
            self.sealers[sender] = Sealer(sender, self.workspace.keyring(sender).signing(), epoch_life=LIFE)
        key = self.workspace.directory().key(recipient, "open", now)
        assert key
        return self.sealers[sender].seal(recipient, SealingKey.from_bytes(key.public), plain, now)

    def opener(self, office: str, prefix: bytes | None = None) -> Opener:
        snapshot = self.workspace.directory()
        find = lambda sender, key_id: next((key for key in snapshot.keys(sender, "sign") if key.id == key_id), None)  # noqa: E731  # one line
        own = lambda key_id: next((key for key in snapshot.keys(office, "open") if key.id == key_id), None)  # noqa: E731  # one line
        keys = self.workspace.keyring(office).opening()
        return Opener(office, keys, find, own, **({"prefix": prefix} if prefix else {}))

    def header(self, published: Published, office: str, n: int, kind: str, **changes: Any) -> Datum:
        report, said = published.report, published.report.urn.encode() + office.encode()
        return {
            "delivery_id": sha256(said + bytes([n])).digest()[:16],
            "handle": sha256(said).digest()[:16],
            "n": n,
            "kind": kind,
            "office": office,
            "urn": report.urn,
            "originator": report.originator,
            "priority": report.priority,
            "created_at": show_time(report.created_at),
            "received_at_ms": published.received_ms,
            "decided_at_ms": published.received_ms,
            "deadline_ms": published.received_ms + 8 * 3600 * 1000,
            "body": None,
            "notices": [],
            "apart": False,
            "request": None,
            **changes,
        }

    def disclose(self, published: Published, office: str, items: Sequence[int] = (0,), n: int = 1, **changes: Any) -> Datum:
        """A DISCLOSURE of these items as the gateway would write it."""
        report, parts = published.report, published.parts
        people = sorted({subject for index in items for subject in report.subjects_of(report.items[index])})
        body = {
            **self._label(published, [report.items[index].handling for index in items]),
            "items": [self._item(published, office, index, people) for index in items],
            "subjects": [parts.subjects[subject] for subject in people],
            "evidence": prove(published.opened),
        }
        return self.header(published, office, n, "DISCLOSURE", body=body, **changes)

    def conditions(self, published: Published, office: str, items: Sequence[int] = (0,), n: int = 1, **changes: Any) -> Datum:
        """A CONDITIONS delivery: grades, and no text."""
        body = {
            **self._label(published, ["5"]),
            "obligations": ["ACCEPT_CONDITIONS", "REFER_TO_ORIGINATOR"],
            "items": [
                {**self._item(published, office, index, []), "shared": b"", "salt": b"", "subjects": [], "closed": b""}
                | {"source_reference": None, "corroboration": None}
                for index in items
            ],
            "subjects": [],
            "evidence": None,
        }
        return self.header(published, office, n, "CONDITIONS", body=body, **changes)

    def withdraw(self, published: Published, office: str, n: int, **changes: Any) -> Datum:
        return self.header(published, office, n, "WITHDRAWAL", deadline_ms=None, **changes)

    def notify(self, published: Published, office: str, n: int = 1, **changes: Any) -> Datum:
        notice = {"word": "REFUSED", "office": "lea:91", "item": 0, "rule": "H4-LEA", "why": "Code 4.", "case": None, "due_ms": None}
        notice |= {"ref": b"", "view": b""}
        return self.header(published, office, n, "NOTICE", **{"deadline_ms": None, "notices": [notice], **changes})

    def send(self, *data: Datum, sender: str = "pas", partition: int | None = None, record_id: bytes | None = None) -> list[bytes]:
        """Seals each delivery to its office and appends it where the gateway would; returns the records."""
        values = []
        for datum in data:
            plain = Plain(record_id or datum["delivery_id"], encode("delivery", datum))
            values += self.seal(sender, datum["office"], [plain])
        self.append([(datum["office"], datum["delivery_id"], _place(datum, partition)) for datum in data], values)
        return values

    def plain(self, datum: Datum) -> Plain:
        """A delivery before it is sealed."""
        return Plain(datum["delivery_id"], encode("delivery", datum))

    def append(self, places: Sequence[tuple[str, bytes, int]], values: Sequence[bytes]) -> None:
        with self._opened() as log:
            log.ensure([deliveries(office) for office, _, _ in places])
            log.append(
                [
                    Outgoing(deliveries(office).name, key, value, partition)
                    for (office, key, partition), value in zip(places, values, strict=True)
                ]
            )

    def replies(self) -> list[tuple[Opened, Reply]]:
        """Every reply in the log, opened as the gateway opens it."""
        opener, found = self.opener("pas", REPLY), []
        with self._opened() as log:
            log.ensure([REPLIES])
            offset, partition = 0, Partition(REPLIES.name, 0)
            while taken := log.read(partition, offset, 500):
                for record in taken:
                    opened = opener.open(record.value, record.at)
                    reply = Reply.decode(opened.payload)
                    assert record.key == reply.delivery_id
                    assert reply.office == opened.sender
                    found.append((opened, reply))
                offset = taken[-1].offset + 1
        return found

    @contextmanager
    def _opened(self) -> Iterator[Log]:
        if self.log is not None:
            yield self.log
            return
        with self.workspace.log() as log:
            yield log

    def receipts(self) -> list[str]:
        """What was replied, each reply counted once however often it was sent."""
        return [reply.receipt for reply in {opened.record_id: reply for opened, reply in self.replies()}.values()]

    def _label(self, published: Published, codes: Sequence[str]) -> Datum:
        report = published.report
        return {
            "protective_marking": report.protective_marking,
            "purpose": report.purpose,
            "legal_basis": report.legal_basis,
            "handling": min(codes, key="45132".index),
            "gist": report.gist,
            "do_not_share_with_offender": report.declarations.do_not_share_with_offender,
            "obligations": [],
            "conditions": report.handling.conditions if "5" in codes else None,
            "reasons": report.handling.reasons if "4" in codes else None,
            "internal_recipients": list(report.handling.internal_recipients) if "4" in codes else [],
            "review_by": report.handling.review_by if "4" in codes else None,
            "operation": report.operation,
            "risk_tags": list(report.risk_tags),
        }

    def _item(self, published: Published, office: str, index: int, people: Sequence[int]) -> Datum:
        part, item = published.parts.items[index], published.report.items[index]
        return {
            "grade": part.grade,
            "shared": part.shared,
            "salt": part.salt,
            "subjects": [people.index(subject) for subject in published.report.subjects_of(item) if people],
            "closed": part.closed.get(office, b""),
            "source_reference": item.source_reference,
            "corroboration": item.corroboration,
            "sanitised": False,
            "regraded": None,
            "in_place_of": b"",
            "signature": b"",
            "signer": "",
        }


def prove(opened: Opened) -> Datum:
    """The originator's signature parts as they stand in a disclosure."""
    names = ("label_digest", "wrap_digest", "nonce", "ciphertext_digest", "size", "index", "signature", "key_id")
    return {
        **{name: getattr(opened.evidence, name) for name in names},
        "path": list(opened.evidence.path),
        "manifest": opened.manifest,
    }


def _place(datum: Datum, partition: int | None) -> int:
    if partition is not None:
        return partition
    return URGENT_PARTITION if datum["priority"] == "THREAT_TO_LIFE" else 1
