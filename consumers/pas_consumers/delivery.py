"""A delivery as its recipient holds it: read from the wire into frozen records, its shape checked, silent about its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from pas_consumers.errors import RefusedDeliveryError
from pas_schemas.clock import from_ms
from pas_schemas.codec import decode, encode
from pas_schemas.errors import CodecError
from pas_schemas.models.words import PRIORITIES, DeliveryKind, NoticeWord
from pas_schemas.parts import read_subject
from pas_schemas.sealing import Evidence

State = Literal["DELIVERED", "CONDITIONS_ACCEPTED", "READ", "ACTIONED", "DECLINED", "WITHDRAWN"]

ID_BYTES = 16
STATES: Final[tuple[State, ...]] = get_args(State)
KINDS: Final[tuple[DeliveryKind, ...]] = get_args(DeliveryKind)
NOTICE_WORDS: Final[tuple[NoticeWord, ...]] = get_args(NoticeWord)
# By which values a request names the prisoner.
ABOUT: Final = ("noms_number", "pnc_id", "family_name", "given_names", "date_of_birth")
_LISTS = frozenset({"obligations", "internal_recipients", "risk_tags", "subjects"})


@dataclass(frozen=True, slots=True)
class DisclosedItem:
    """One item released to this office.

    `shared` holds the bytes its originator encoded; it is empty before conditions are accepted and while `closed` is.
    `subjects` are indices into the delivery's subjects. `regraded` is a grade given later than the originator's own; of a text
    `sanitised`, PAS's signature and the digest of the item whose place it takes.
    """

    grade: str
    text: str | None = field(repr=False)
    shared: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    subjects: tuple[int, ...] = field(repr=False)
    closed: bytes = field(repr=False)
    source_reference: str | None = field(repr=False)
    corroboration: str | None = field(repr=False)
    sanitised: bool
    regraded: str | None = None
    in_place_of: bytes = field(default=b"", repr=False)
    signature: bytes = field(default=b"", repr=False)
    signer: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A word PAS has for this office, about an item or an office where it names one; `due` is when an answer is expected.

    An answer about the item names `ref`, a decision on the case its `view`.
    """

    word: NoticeWord
    office: str | None
    item: int | None
    rule: str | None
    why: str = field(repr=False)
    case: str | None
    due: datetime | None
    ref: bytes = field(default=b"", repr=False)
    view: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class RequestAsked:
    """An office that was asked, and how far it is; `urn` is the report that answers, where this office may know it."""

    office: str
    state: str
    urn: str | None
    reason: str | None = field(repr=False)
    legal_basis: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """A request for information, as this office may know it; `office` asks, `subject` is the prisoner by the names of his values."""

    id: bytes
    kind: str
    office: str
    purpose: str
    legal_basis: str
    subject: Mapping[str, str | None] = field(repr=False)
    questions: tuple[str, ...] = field(repr=False)
    opened: datetime
    due: datetime
    state: str
    asked: tuple[RequestAsked, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """The originator's signature over the manifest that names each of its items."""

    evidence: Evidence = field(repr=False)
    manifest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Projection:
    """What this office is given of a report (architecture, *Projection*)."""

    protective_marking: str
    purpose: str
    legal_basis: str
    handling: str
    gist: str | None = field(repr=False)
    do_not_share_with_offender: bool
    obligations: tuple[str, ...]
    conditions: str | None = field(repr=False)
    reasons: str | None = field(repr=False)
    internal_recipients: tuple[str, ...]
    review_by: str | None
    operation: str | None = field(repr=False)
    risk_tags: tuple[str, ...]
    items: tuple[DisclosedItem, ...]
    subjects: tuple[bytes, ...] = field(repr=False)
    proof: Proof | None

    def people(self) -> list[dict[str, Any]]:
        """The subjects as a person reads them."""
        return [read_subject(part) for part in self.subjects]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One numbered message to one office about one report; `n` counts within `handle`, `received_at` is when the report reached PAS.

    What its office answers goes to PAS's compartment where it is `apart`, else to PAS's gateway.
    """

    id: bytes
    handle: bytes = field(repr=False)
    n: int
    kind: DeliveryKind
    office: str
    urn: str = field(repr=False)
    originator: str
    priority: str
    created_at: str = field(repr=False)
    received_at: datetime
    decided_at: datetime
    deadline: datetime | None
    body: Projection | None = field(repr=False)
    notices: tuple[Notice, ...] = field(repr=False)
    apart: bool = False
    request: Request | None = field(default=None, repr=False)


def read_delivery(payload: bytes) -> Delivery:
    """The delivery in an opened record; raises RefusedDeliveryError where it is none, or not shaped as its kind must be."""
    delivery = load_delivery(payload)
    _check_header(delivery)
    _check_kind(delivery)
    return delivery


def load_delivery(payload: bytes) -> Delivery:
    """A delivery that was checked before it was stored; raises RefusedDeliveryError where the bytes are none."""
    try:
        return _build(decode(payload, "delivery").datum)
    except (CodecError, OverflowError):
        raise RefusedDeliveryError("schema", "What PAS sealed is no delivery.") from None


def strip_content(payload: bytes) -> bytes:
    """The same delivery with its header alone: all that is kept of what was withdrawn."""
    _, version, datum = decode(payload, "delivery")
    empty: dict[str, Any] = {"body": None, "notices": [], "request": None}
    return encode("delivery", {**datum, **{name: value for name, value in empty.items() if name in datum}}, version)


def _build(datum: Mapping[str, Any]) -> Delivery:
    deadline, body = datum["deadline_ms"], datum["body"]
    return Delivery(
        datum["delivery_id"],
        datum["handle"],
        datum["n"],
        datum["kind"],
        datum["office"],
        datum["urn"],
        datum["originator"],
        datum["priority"],
        datum["created_at"],
        from_ms(datum["received_at_ms"]),
        from_ms(datum["decided_at_ms"]),
        None if deadline is None else from_ms(deadline),
        None if body is None else _build_body(body),
        tuple(_build_notice(notice) for notice in datum["notices"]),
        # Earlier versions knew of PAS's gateway alone, and of no requests.
        datum.get("apart", False),
        _build_request(datum["request"]) if datum.get("request") is not None else None,
    )


def _build_body(body: Mapping[str, Any]) -> Projection:
    named: dict[str, Any] = {name: tuple(value) if name in _LISTS else value for name, value in body.items()}
    evidence = named.pop("evidence")
    named["items"] = tuple(_build_item(item) for item in body["items"])
    built = Projection(**named, proof=None if evidence is None else _build_proof(evidence))
    built.people()
    return built


def _build_item(item: Mapping[str, Any]) -> DisclosedItem:
    text = None
    if item["shared"]:
        shared = decode(item["shared"], "item_shared").datum
        text = shared["text"]
        if shared["grade"] != item["grade"]:
            raise RefusedDeliveryError("grade", "An item's grade differs from the one its originator gave it.")
    return DisclosedItem(**{**item, "subjects": tuple(item["subjects"])}, text=text)


def _build_proof(evidence: Mapping[str, Any]) -> Proof:
    named = {name: value for name, value in evidence.items() if name not in ("manifest", "path")}
    return Proof(Evidence(**named, path=tuple(evidence["path"])), evidence["manifest"])


def _build_notice(notice: Mapping[str, Any]) -> Notice:
    if notice["word"] not in NOTICE_WORDS:
        raise RefusedDeliveryError("word", "A notice says a word that this version does not know.", "a newer version may know it")
    due = notice["due_ms"]
    return Notice(
        notice["word"],
        notice["office"],
        notice["item"],
        notice["rule"],
        notice["why"],
        notice["case"],
        None if due is None else from_ms(due),
        # Version 1 named neither.
        notice.get("ref", b""),
        notice.get("view", b""),
    )


def _build_request(shown: Mapping[str, Any]) -> Request:
    return Request(
        shown["id"],
        shown["kind"],
        shown["office"],
        shown["purpose"],
        shown["legal_basis"],
        {name: shown[name] for name in ABOUT},
        tuple(shown["questions"]),
        from_ms(shown["opened_ms"]),
        from_ms(shown["due_ms"]),
        shown["state"],
        tuple(RequestAsked(**one) for one in shown["asked"]),
    )


def _check_header(delivery: Delivery) -> None:
    known = delivery.kind in KINDS and delivery.priority in PRIORITIES
    if not known:
        raise RefusedDeliveryError("word", "A delivery says a word that this version does not know.", "a newer version may know it")
    if len(delivery.id) != ID_BYTES or not delivery.handle or delivery.n < 1:
        raise RefusedDeliveryError("header", "A delivery's header is not as it must be.")


def _check_kind(delivery: Delivery) -> None:
    body = delivery.body
    match delivery.kind:
        case "DISCLOSURE":
            fits = body is not None and bool(body.items) and all(_is_full(item) for item in body.items)
        case "CONDITIONS":
            fits = body is not None and bool(body.items) and bool(body.conditions) and _is_empty(body)
        case "SUMMARY":
            fits = body is not None and not body.items and len(body.subjects) == 1
        case "WITHDRAWAL":
            fits = body is None
        case "NOTICE":
            fits = body is None and bool(delivery.notices)
    if not fits or (delivery.request is not None and delivery.kind != "NOTICE"):
        raise RefusedDeliveryError("shape", f"A {delivery.kind} holds more or less than such a delivery may.")


def _is_full(item: DisclosedItem) -> bool:
    return bool(item.shared) != bool(item.closed)


def _is_empty(body: Projection) -> bool:
    """Before acceptance an office is told conditions and grades, and nothing else."""
    return not body.subjects and not any(item.shared or item.salt or item.closed or item.subjects for item in body.items)
