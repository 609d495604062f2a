"""A report in parts: what its originator encodes once travels as the same bytes to every recipient (architecture, *The wire*)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from pas_schemas.clock import show_time
from pas_schemas.codec import UnfitDatumError, decode, encode
from pas_schemas.errors import CodecError
from pas_schemas.models.base import Model
from pas_schemas.models.report import Item, Report, Subject, split_grade
from pas_schemas.rulebook import TEXT_GATES, Pattern, screen
from pas_schemas.sealing.closed import may_be_closed
from pas_schemas.sealing.envelope import MAX_PAYLOAD_BYTES
from pas_schemas.sealing.manifest import build_manifest, contains, item_digest, new_salt, subject_digest

# A delivery carries the parts of a report and what proves them; so much room is left for that, or what comes in could not go out.
MAX_REPORT_BYTES = MAX_PAYLOAD_BYTES - 16_384
_SUBJECT_FIELDS = ("role", "standing", "noms_number", "pnc_id", "family_name", "given_names", "date_of_birth")
_HEADER_FIELDS = (
    "urn", "originator", "created_at", "protective_marking", "priority", "purpose", "legal_basis", "operation", "handling",
    "declarations", "risk_tags", "addressees", "mopi", "gist", "supersedes",
)  # fmt: skip

# Closes the bytes of a code 4 item to one internal recipient, or says by None that the office has no key.
Close = Callable[[str, bytes], bytes | None]


class PartsError(CodecError):
    """The parts of a report do not belong together: a digest, an index or a manifest is not what it must be."""


@dataclass(frozen=True, slots=True)
class ItemPart:
    """One item as it travels: `shared` and `salt` are empty where the text is closed, `closed` is by internal recipient."""

    grade: str
    shared: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    digest: bytes
    subjects: tuple[int, ...] | None
    closed: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedReport:
    """A report taken apart: `raw` has the shape of the NDJSON, with null for a closed text."""

    raw: dict[str, Any] = field(repr=False)
    items: tuple[ItemPart, ...]
    subjects: tuple[bytes, ...] = field(repr=False)
    suspicions: tuple[tuple[int, str, int], ...]
    content_digest: bytes
    sealed_at_us: int
    directory_version: int


def canonical(report: Report) -> bytes:
    """The one spelling of a report, with its texts: what tells a repeat from another report under the same URN.

    It is JSON without spaces, in UTF-8, each object's fields by name. Raises UnfitDatumError for text that is not Unicode.
    """
    try:
        return to_json(_lay_out(report, _names_of(Report)))
    except PydanticSerializationError:
        # The cause is cut off: it may name what stands in the report.
        raise UnfitDatumError("The report holds text that is not Unicode.", "mend it and publish it again") from None


def _lay_out(model: Model, names: Iterable[str]) -> dict[str, Any]:
    """Some fields of a model as NDJSON has them, those of models within by name: pydantic's own dump keeps another order."""
    there = vars(model)
    return {name: value if type(value := there[name]) in _AS_IT_IS else _plain(value) for name in names}


_AS_IT_IS = frozenset({str, int, bool, type(None)})


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Model):
        return _lay_out(value, _names_of(type(value)))
    return show_time(value) if isinstance(value, datetime) else value


@cache
def _names_of(kind: type[Model]) -> tuple[str, ...]:
    return tuple(sorted(kind.model_fields))


def closing_name(urn: str) -> bytes:
    """What a closed text is bound to besides sender and recipient: its report, as recipient and sender both can name it."""
    return sha256(b"pas/v1/closing-name" + urn.encode("utf-8")).digest()[:16]


def pack_report(
    report: Report, *, content_digest: bytes, sealed_at_us: int, directory_version: int, close: Close, patterns: Sequence[Pattern]
) -> tuple[bytes, bytes]:
    """The encoded report and its manifest; code 4 texts are closed to their internal recipients and to nobody else."""
    subjects = [write_subject(person) for person in report.subjects]
    digests = [subject_digest(part) for part in subjects]
    items = [_pack_item(report, item, digests, close, patterns) for item in report.items]
    datum = {
        **_lay_out(report, _HEADER_FIELDS),
        "content_digest": content_digest,
        "sealed_at_us": sealed_at_us,
        "directory_version": directory_version,
        "subjects": subjects,
        "items": items,
    }
    return encode("report", datum), build_manifest([item["digest"] for item in items])


def write_subject(person: Subject) -> bytes:
    """A subject's part, under a salt of its own."""
    return encode("subject_part", {"salt": new_salt(), **{name: getattr(person, name) for name in _SUBJECT_FIELDS}})


def _pack_item(report: Report, item: Item, digests: Sequence[bytes], close: Close, patterns: Sequence[Pattern]) -> dict[str, Any]:
    shared, salt = encode("item_shared", {"text": item.text, "grade": item.grade}), new_salt()
    digest = item_digest(salt, shared, [digests[subject] for subject in report.subjects_of(item)])
    closed: list[dict[str, Any]] = []
    suspicions: list[dict[str, Any]] = []
    if item.handling == "4":
        suspicions = [{"gate": pattern.gate, "pattern": pattern.number} for pattern in screen(item.text or "", patterns)]
        sealed = ((recipient, close(recipient, salt + shared)) for recipient in sorted(set(report.handling.internal_recipients)))
        closed = [{"recipient": recipient, "sealed": text} for recipient, text in sealed if text is not None]
        shared = salt = b""
    withheld = {
        "source_reference": item.source_reference,
        "corroboration": item.corroboration,
        "sanitises": item.sanitises,
        "addressees": None if item.addressees is None else list(item.addressees),
    }
    return {
        "grade": item.grade,
        "shared": shared,
        "salt": salt,
        "digest": digest,
        "withheld": encode("item_withheld", withheld),
        "subjects": None if item.subjects is None else list(item.subjects),
        "closed": closed,
        "suspicions": suspicions,
    }


def unpack_report(payload: bytes, manifest: bytes) -> OpenedReport:
    """The report of an opened record; CodecError where it is none, PartsError where its parts do not agree with the manifest."""
    datum = decode(payload, "report").datum
    subjects: tuple[bytes, ...] = tuple(datum["subjects"])
    if len(datum["content_digest"]) != sha256().digest_size:
        raise PartsError("A report's content digest is none.", "the sender must publish it again")
    digests = [subject_digest(part) for part in subjects]
    items = tuple(_item_part(item) for item in datum["items"])
    for item in items:
        _check(item, digests, manifest)
    raw = {name: datum[name] for name in _HEADER_FIELDS}
    raw["subjects"] = [read_subject(part) for part in subjects]
    raw["items"] = [_raw_item(entry, item) for entry, item in zip(datum["items"], items, strict=True)]
    suspicions = tuple((n, s["gate"], s["pattern"]) for n, item in enumerate(datum["items"]) for s in item["suspicions"])
    if any(gate not in TEXT_GATES for _, gate, _ in suspicions):
        # A gate that is not known cannot hold anything: what its publisher saw in a closed text would go out.
        raise PartsError("A closed text is said to set off a gate that reads no text.", "the sender must publish it again")
    return OpenedReport(raw, items, subjects, suspicions, datum["content_digest"], datum["sealed_at_us"], datum["directory_version"])


def find_unclosed(report: Report, items: Sequence[ItemPart]) -> frozenset[tuple[int, str]]:
    """The items whose texts came closed, each with an internal recipient for whom its originator did not close it: it can never read it."""
    named = report.handling.internal_recipients
    closed = ((index, item) for index, item in enumerate(items) if not item.shared)
    return frozenset((n, office) for n, item in closed for office in named if not may_be_closed(item.closed.get(office, b"")))


def _item_part(entry: dict[str, Any]) -> ItemPart:
    subjects = None if entry["subjects"] is None else tuple(entry["subjects"])
    closed = {text["recipient"]: text["sealed"] for text in entry["closed"]}
    return ItemPart(entry["grade"], entry["shared"], entry["salt"], entry["digest"], subjects, closed)


def _check(item: ItemPart, digests: Sequence[bytes], manifest: bytes) -> None:
    concerned = range(len(digests)) if item.subjects is None else dict.fromkeys(item.subjects)
    if any(not 0 <= subject < len(digests) for subject in concerned):
        raise PartsError("An item concerns a subject the report does not have.", "the sender must publish it again")
    if not contains(manifest, item.digest):
        raise PartsError("An item is not in the report's manifest.", "the sender must publish it again")
    if bool(item.shared) == (item.grade[2:] == "4"):
        raise PartsError("A code 4 text is open, or another is closed.", "the sender must publish it again")
    if item.shared and item_digest(item.salt, item.shared, [digests[subject] for subject in concerned]) != item.digest:
        raise PartsError("An item is not what the report's manifest says.", "the sender must publish it again")


def read_subject(part: bytes) -> dict[str, Any]:
    """A subject's part as a person reads it."""
    datum = decode(part, "subject_part").datum
    return {name: datum[name] for name in _SUBJECT_FIELDS}


def _raw_item(entry: dict[str, Any], item: ItemPart) -> dict[str, Any]:
    withheld = decode(entry["withheld"], "item_withheld").datum
    text = None
    if item.shared:
        shared = decode(item.shared, "item_shared").datum
        if shared["grade"] != item.grade:
            raise PartsError("An item's grade differs from the one beside it.", "the sender must publish it again")
        text = shared["text"]
    return {"text": text, **split_grade(item.grade), "subjects": entry["subjects"], **withheld}
