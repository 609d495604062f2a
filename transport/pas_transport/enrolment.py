"""Changes to the directory: an office asks with its own keys, PAS compares the fingerprint and issues the next edition."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Protocol

from pas_schemas.clock import from_ms, to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.directory import PAS, PRISON_OFFICES, KeyUse, Kind, Office, PublicKey, Snapshot, Term, kind_of, prison_of
from pas_schemas.errors import CodecError, DirectoryError, SealError
from pas_schemas.reference import establishments
from pas_schemas.sealing import REQUEST, SealingKey, VerifyKey
from pas_transport.keyring import NewKeys
from pas_transport.statements import peek_statement, read_statement, write_statement

_USES: frozenset[KeyUse] = frozenset({"sign", "open"})
# A request is an office id and three public keys.
MAX_REQUEST_BYTES = 16_384
_AGAIN = "ask the office for its request again"


@dataclass(frozen=True, slots=True)
class Request:
    """An office's wish to have these public keys in the directory, proved to be its own."""

    office: str
    made_at: datetime
    keys: tuple[tuple[KeyUse, bytes], ...]

    @property
    def fingerprint(self) -> str:
        """What is compared by another way (telephone, paper): 32 hex digits over office and keys, in groups of four."""
        digest = sha256(b"pas/v1/fingerprint")
        for part in (self.office.encode(), *(data for use, public in self.keys for data in (use.encode(), public))):
            digest.update(len(part).to_bytes(4, "big") + part)
        text = digest.hexdigest()[:32]
        return " ".join(text[place : place + 4] for place in range(0, 32, 4))


@dataclass(frozen=True, slots=True)
class Particulars:
    """What PAS knows of an office beside its keys; None is what the id and the registers say."""

    force: str | None = None
    prison: str | None = None
    contracted: bool | None = None

    @property
    def given(self) -> bool:
        return (self.force, self.prison, self.contracted) != (None, None, None)


def write_request(office: str, keys: NewKeys, made_at: datetime) -> bytes:
    """A request, signed with the signing key it asks for."""
    datum = {"office": office, "made_at": to_ms(made_at), "keys": [{"use": use, "public": public} for use, _, public in keys.public]}
    return write_statement(keys.signing, REQUEST, encode("key_request", datum))


def read_request(data: bytes) -> Request:
    """The request, once it is found signed by the key it asks for; raises `DirectoryError`."""
    if len(data) > MAX_REQUEST_BYTES:
        raise DirectoryError("The file is too large to be a request for keys.", _AGAIN)
    try:
        datum = decode(peek_statement(data), "key_request").datum
        keys: tuple[tuple[KeyUse, bytes], ...] = tuple((key["use"], key["public"]) for key in datum["keys"])
        own = dict(keys)
        _check_uses(datum["office"], [use for use, _ in keys])
        read_statement(data, VerifyKey.from_bytes(own["sign"]), REQUEST)
        return Request(datum["office"], from_ms(datum["made_at"]), keys)
    except (CodecError, OverflowError):
        raise DirectoryError("The file is no request for keys.", _AGAIN) from None
    except SealError:
        raise DirectoryError("The request is not signed by the key that it asks for.", _AGAIN) from None


class Fingerprinted(Protocol):
    """A request, of an office or of a person."""

    @property
    def fingerprint(self) -> str: ...


def compare_fingerprint(request: Fingerprinted, told: str) -> None:
    """Raises `DirectoryError` unless the fingerprint that came another way is this request's (spaces, colons and case do not count)."""
    plain = "".join(told.replace(":", " ").split()).lower()
    if not compare_digest(plain.encode(), request.fingerprint.replace(" ", "").encode()):
        raise DirectoryError(
            "The fingerprint is not that of the request.", "somebody may have changed the request on its way: ask the office"
        )


# What was sealed or signed just before a rotation still reaches the log: until then the old keys count beside the new.
OVERLAP = timedelta(hours=1)


def enrol(snapshot: Snapshot, request: Request, told: Particulars, start: datetime, overlap: timedelta = OVERLAP) -> Snapshot:
    """The offices with this one in it: new, back again, on new terms, or with new keys only, the old ones ending after the overlap.

    Raises `DirectoryError`.
    """
    kind = kind_of(request.office)
    known = snapshot.by_id.get(request.office)
    prison = _prison(request.office, told.prison)
    keys = tuple(_public(use, public, start) for use, public in request.keys)
    _refuse_taken(snapshot, keys)
    if known is None:
        return _with(snapshot, Office(request.office, kind, prison, (_term(request.office, kind, told, start),), keys))
    terms, end = known.terms, start + overlap
    if told.given or terms[-1].end is not None:
        # Who holds an office on new terms may be others: what opens for those before them ends with their term.
        terms, end = _follow(known, _term(request.office, kind, told, start)), start
    return _with(snapshot, replace(known, terms=terms, keys=(*_end_keys(known.keys, end), *keys)))


def retire(snapshot: Snapshot, office: str, at: datetime, now: datetime | None = None) -> Snapshot:
    """The office's term and keys end at `at`, or sooner than was said before; it stays in the directory for ever. Raises `DirectoryError`.

    `now` is when this is said, where that is not `at`: what has ended by then has ended.
    """
    found = find_office(snapshot, office)
    last = found.terms[-1]
    if last.end is not None and last.end <= max(at, now or at):
        raise DirectoryError(f"{office} is retired already.", "see `pas directory history`")
    if at < last.start:
        raise DirectoryError(f"{office} cannot end before it begins.", "give a later time with --at")
    return _with(snapshot, replace(found, terms=(*found.terms[:-1], replace(last, end=at)), keys=_end_keys(found.keys, at)))


def rotate(snapshot: Snapshot, office: str, keys: NewKeys, at: datetime, *, example: bool, overlap: timedelta = OVERLAP) -> Snapshot:
    """New keys are used from `at` on, and the old ones end after the overlap. Raises `DirectoryError`."""
    found = find_office(snapshot, office)
    over = found.terms[-1].end
    if over is not None and over <= at:
        raise DirectoryError(f"{office} is retired.", "enrol it again with `pas directory add`")
    new = tuple(PublicKey(key_id, use, public, at, over, example) for use, key_id, public in keys.public)
    return _with(snapshot, replace(found, keys=(*_end_keys(found.keys, at + overlap), *new)))


def issue(snapshot: Snapshot, now: datetime, valid_days: int) -> Snapshot:
    """The next edition of the directory, issued now."""
    return replace(snapshot, version=snapshot.version + 1, issued_at=now, expires_at=now + timedelta(days=valid_days))


def find_office(snapshot: Snapshot, office: str) -> Office:
    """The office with all its history; raises `DirectoryError`."""
    found = snapshot.by_id.get(office)
    if found is None:
        raise DirectoryError(f"The directory knows no {office}.", "`pas directory list` shows every office")
    return found


def _check_uses(office: str, uses: list[KeyUse]) -> None:
    wanted = _USES | ({"compartment"} if office == PAS else set())
    if sorted(uses) != sorted(wanted):
        raise DirectoryError("The request does not hold one key of each use.", _AGAIN)


def _public(use: KeyUse, public: bytes, start: datetime) -> PublicKey:
    key = VerifyKey.from_bytes(public) if use == "sign" else SealingKey.from_bytes(public)
    return PublicKey(key.id, use, public, start)


def _refuse_taken(snapshot: Snapshot, keys: tuple[PublicKey, ...]) -> None:
    """No key is ever used twice: not by two offices, and not again by the same."""
    held = {key.public for key in snapshot.every_key()}
    if any(key.public in held for key in keys):
        raise DirectoryError("A key of the request is in the directory already.", "make new keys with `pas keys new`")


def _term(office: str, kind: Kind, told: Particulars, start: datetime) -> Term:
    which = office.partition(":")[2]
    force, contracted = told.force, bool(told.contracted)
    if contracted and kind not in PRISON_OFFICES:
        raise DirectoryError(f"{office} is an office that no contractor runs.", "leave --contracted away")
    if kind in {"force", "fib"}:
        if force not in {None, which}:
            raise DirectoryError(f"{office} is of force {which} and no other.", "leave --force away")
        force = which
    elif kind in PRISON_OFFICES and (prison := establishments().get(which)):
        force = force or prison.force
        contracted = prison.contracted if told.contracted is None else told.contracted
    if kind == "pio" and force is None:
        raise DirectoryError("A PIO is posted by a force.", "name it with --force")
    return Term(start, None, force, contracted)


def _prison(office: str, told: str | None) -> str | None:
    prison = prison_of(office)
    if told not in {None, prison}:
        raise DirectoryError(
            f"{office} is not an office of that prison.", "the id of a prison's office names the prison: leave --prison away"
        )
    return prison


def _follow(known: Office, term: Term) -> tuple[Term, ...]:
    """The terms with a new one, which ends an open one where it begins."""
    last = known.terms[-1]
    if term.start <= last.start or (last.end is not None and term.start < last.end):
        raise DirectoryError(f"The new term of {known.id} begins before the last one is over.", "give a later time with --from")
    return (*known.terms[:-1], replace(last, end=last.end or term.start), term)


def _end_keys(keys: tuple[PublicKey, ...], at: datetime) -> tuple[PublicKey, ...]:
    return tuple(key if key.end is not None and key.end <= at else replace(key, end=at) for key in keys)


def _with(snapshot: Snapshot, office: Office) -> Snapshot:
    others = (other for other in snapshot.offices if other.id != office.id)
    return replace(snapshot, offices=tuple(sorted((*others, office), key=lambda one: one.id)))
