"""The people of the example estate: reviewers at PAS and, at each office that may own a case, two people who can decide it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pas_schemas.directory import PRISON_OFFICES, Office, PublicKey
from pas_schemas.people import Appointment, Person, Role
from pas_schemas.sealing import KeyLock, SigningKey
from pas_transport.keyring import add_person_key

# Documented, and the same for all: production refuses every key of an example.
PASSPHRASE = "example passphrase"  # noqa: S105  # it is told in docs/walkthrough.md
SINCE = datetime(2000, 1, 1, tzinfo=UTC)
# Kinds of offices that write reports, and so may own a case or be asked for consent.
DECIDING = frozenset({"force", "fib", "pio", "lea", "security", "governor", "cat-a-team", "paso-unit"})
_ALL: frozenset[Role] = frozenset({"review", "approve", "consent"})
_AT_PAS: tuple[tuple[str, str, frozenset[Role], str], ...] = (
    ("example-reviewer-1", "reviewer", frozenset({"review", "approve"}), "sergeant"),
    ("example-reviewer-2", "reviewer", frozenset({"review", "approve"}), "sergeant"),
    ("example-duty", "duty-supervisor", frozenset({"review", "approve"}), "inspector"),
    ("example-head", "head-of-pas", frozenset({"approve"}), "superintendent"),
    ("example-apart-1", "compartment-officer", frozenset({"review", "approve", "compartment"}), "inspector"),
    ("example-apart-2", "compartment-officer", frozenset({"review", "approve", "compartment"}), "inspector"),
)


def make_people(keys_dir: Path, offices: tuple[Office, ...]) -> tuple[Person, ...]:
    """Makes everybody's locked key under `keys_dir`, and returns them in the directory's order; raises `KeyringError`."""
    # One salt for all: deriving a key for each of a thousand people would take a minute.
    lock = KeyLock.begin(PASSPHRASE)
    people = [_make(keys_dir, lock, reference, post) for office in offices for reference, post in _posts(office)]
    return tuple(sorted(people, key=lambda person: person.reference))


def _posts(office: Office) -> Iterator[tuple[str, Appointment]]:
    if office.kind == "pas":
        for reference, post, roles, rank in _AT_PAS:
            deputises = frozenset({"head-of-pas"}) if post == "duty-supervisor" else frozenset[str]()
            yield reference, Appointment(SINCE, None, office.id, post, roles, rank, frozenset(), deputises)
    elif office.kind in DECIDING:
        name = office.id.replace(":", "-").lower()
        first = "governing-governor" if office.kind in PRISON_OFFICES else "superintendent"
        for number, (post, rank) in enumerate((("first", first), ("deputy", "inspector")), start=1):
            deputises = frozenset({"first"}) if post == "deputy" else frozenset()
            yield f"example-{name}-{number}", Appointment(SINCE, None, office.id, post, _ALL, rank, frozenset(), deputises)


def _make(keys_dir: Path, lock: KeyLock, reference: str, post: Appointment) -> Person:
    key = SigningKey.generate()
    add_person_key(keys_dir, post.office, reference, lock.lock(key), durable=False)
    return Person(reference, (post,), (PublicKey(key.id, "sign", key.verify_key.to_bytes(), SINCE, None, example=True),))
