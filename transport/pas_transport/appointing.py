"""People in the directory: a person asks with a key of their own, PAS compares the fingerprint and appoints them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from pas_schemas.clock import from_ms, to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.directory import PublicKey, Snapshot
from pas_schemas.errors import CodecError, DirectoryError, SealError
from pas_schemas.identifiers import is_reference
from pas_schemas.people import Appointment, Person, Role
from pas_schemas.sealing import REQUEST, SigningKey, VerifyKey
from pas_schemas.sealing.framing import frame
from pas_transport.enrolment import MAX_REQUEST_BYTES, find_office
from pas_transport.people_codec import read_roles
from pas_transport.statements import peek_statement, read_statement, write_statement

_AGAIN = "ask the person for the request again"


@dataclass(frozen=True, slots=True)
class Post:
    """What a person asks to be: where, as what, with which roles, and from where."""

    office: str
    post: str
    roles: frozenset[Role]
    rank: str | None = None
    recused: frozenset[str] = frozenset()
    deputises: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PersonRequest:
    """A person's wish to stand in the directory, proved to be of who holds the key."""

    reference: str
    wanted: Post
    made_at: datetime
    public: bytes
    body: bytes

    @property
    def fingerprint(self) -> str:
        """What is compared by another way: 32 hex digits over all that is asked, in groups of four."""
        text = sha256(frame(b"pas/v1/person-fingerprint", self.body)).hexdigest()[:32]
        return " ".join(text[place : place + 4] for place in range(0, 32, 4))


def write_person_request(reference: str, wanted: Post, key: SigningKey, made_at: datetime) -> bytes:
    """A request, signed with the key it asks for."""
    datum = {
        "reference": reference,
        "office": wanted.office,
        "post": wanted.post,
        "roles": sorted(wanted.roles),
        "rank": wanted.rank,
        "recused": sorted(wanted.recused),
        "deputises": sorted(wanted.deputises),
        "made_at": to_ms(made_at),
        "public": key.verify_key.to_bytes(),
    }
    return write_statement(key, REQUEST, encode("person_request", datum))


def asks_for_person(data: bytes) -> bool:
    """Whether a request is a person's; False for an office's and for what is neither."""
    try:
        return len(data) <= MAX_REQUEST_BYTES and decode(peek_statement(data), "person_request", "key_request").name == "person_request"
    except CodecError:
        return False


def read_person_request(data: bytes) -> PersonRequest:
    """The request, once it is found signed by the key it asks for; raises `DirectoryError`."""
    try:
        body = peek_statement(data)
        datum = decode(body, "person_request").datum
        read_statement(data, VerifyKey.from_bytes(datum["public"]), REQUEST)
        wanted = Post(
            datum["office"], datum["post"], read_roles(datum["roles"]), datum["rank"],
            frozenset(datum["recused"]), frozenset(datum["deputises"]),
        )  # fmt: skip
        return PersonRequest(datum["reference"], wanted, from_ms(datum["made_at"]), datum["public"], body)
    except (CodecError, OverflowError):
        raise DirectoryError("The file is no request of a person.", _AGAIN) from None
    except SealError:
        raise DirectoryError("The request is not signed by the key that it asks for.", _AGAIN) from None


def appoint(snapshot: Snapshot, request: PersonRequest, start: datetime) -> Snapshot:
    """The people with this one among them, new or in another post, who signs with the new key from `start`. Raises `DirectoryError`."""
    wanted = request.wanted
    find_office(snapshot, wanted.office)
    if not (is_reference(request.reference) and is_reference(wanted.post)):
        raise DirectoryError("Person and post are references such as a1234 and duty-reviewer.", "lower case, digits and dashes, no name")
    key = VerifyKey.from_bytes(request.public)
    if any(held.public == request.public for held in snapshot.every_key()):
        raise DirectoryError("The key of the request is in the directory already.", "nobody signs under two names: make a new one")
    post = Appointment(start, None, wanted.office, wanted.post, wanted.roles, wanted.rank, wanted.recused, wanted.deputises)
    known = snapshot.by_reference.get(request.reference)
    earlier = () if known is None else _end(known.appointments, start)
    keys = () if known is None else tuple(replace(one, end=start) if one.end is None else one for one in known.keys)
    return _with(snapshot, Person(request.reference, (*earlier, post), (*keys, PublicKey(key.id, "sign", request.public, start))))


def dismiss(snapshot: Snapshot, office: str, reference: str, at: datetime, now: datetime | None = None) -> Snapshot:
    """The person's appointment and key end at `at`, or sooner than was said before; the person stays in the directory for ever.

    `now` is when this is said, where that is not `at`: what has ended by then has ended. Raises `DirectoryError`.
    """
    found = snapshot.by_reference.get(reference)
    if found is None or found.appointments[-1].office != office:
        raise DirectoryError(f"The directory knows no such person at {office}.", "`pas directory people` shows everybody")
    last = found.appointments[-1]
    if last.end is not None and last.end <= max(at, now or at):
        raise DirectoryError("That person has left already.", "`pas directory people` shows everybody")
    keys = tuple(replace(key, end=at) if key.end in {None, last.end} else key for key in found.keys)
    return _with(snapshot, Person(reference, _end((*found.appointments[:-1], replace(last, end=None)), at), keys))


def _end(appointments: tuple[Appointment, ...], at: datetime) -> tuple[Appointment, ...]:
    """With the last one ended at `at`, unless it has ended before."""
    last = appointments[-1]
    if at <= last.start or (last.end is not None and at < last.end):
        raise DirectoryError("A post cannot end before it begins, nor the next begin before it ends.", "give a later time")
    return (*appointments[:-1], replace(last, end=last.end or at))


def _with(snapshot: Snapshot, person: Person) -> Snapshot:
    others = (other for other in snapshot.people if other.reference != person.reference)
    return replace(snapshot, people=tuple(sorted((*others, person), key=lambda one: one.reference)))
