"""People in the directory: enrolled by fingerprint, one key to one name, their keys locked under a passphrase."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pas_schemas.directory import Snapshot
from pas_schemas.errors import DirectoryError, KeyringError, MisuseError
from pas_schemas.people import Person
from pas_schemas.sealing import REQUEST, KeyLock, SigningKey, unlock_key
from pas_transport.appointing import Post, appoint, asks_for_person, dismiss, read_person_request, write_person_request
from pas_transport.example_people import PASSPHRASE
from pas_transport.snapshot_codec import decode_snapshot, encode_snapshot
from pas_transport.statements import peek_statement, write_statement
from pas_transport.workspace import Workspace, open_workspace

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
POST = Post("pas", "reviewer", frozenset({"review"}), "sergeant", frozenset({"01", "WSI"}), frozenset({"duty"}))


@pytest.fixture(scope="module")
def snapshot(pristine: Path) -> Snapshot:
    return open_workspace(pristine, environment={}).directory()


def ask(reference: str = "a1234", post: Post = POST, key: SigningKey | None = None) -> bytes:
    return write_person_request(reference, post, key or SigningKey.generate(), T0)


def test_a_person_is_appointed_moves_and_leaves_and_is_never_forgotten(snapshot: Snapshot) -> None:
    first = appoint(snapshot, read_person_request(ask()), T0)
    moved = appoint(first, read_person_request(ask(post=Post("fib:01", "analyst", frozenset({"approve"})))), T0 + DAY)
    left = decode_snapshot(encode_snapshot(dismiss(moved, "fib:01", "a1234", T0 + 2 * DAY)))
    person = left.by_reference["a1234"]
    held = [person.appointment(T0 + days * DAY) for days in (-1, 0, 1, 2)]
    assert [one and one.office for one in held] == [None, "pas", "fib:01", None]
    assert held[1] is not None
    assert (held[1].roles, held[1].rank, held[1].recused, held[1].deputises) == (POST.roles, "sergeant", POST.recused, POST.deputises)
    keys = [person.key(T0 + days * DAY) for days in (-1, 0, 1, 2)]
    assert [key and key.id for key in keys] == [None, person.keys[0].id, person.keys[1].id, None]
    with pytest.raises(DirectoryError, match="has left already"):
        dismiss(left, "fib:01", "a1234", T0 + 3 * DAY)
    with pytest.raises(DirectoryError, match="knows no such person at pas"):
        dismiss(left, "pas", "a1234", T0 + 3 * DAY)


def test_whoever_is_to_leave_may_leave_sooner(snapshot: Snapshot) -> None:
    leaving = dismiss(appoint(snapshot, read_person_request(ask()), T0), "pas", "a1234", T0 + 9 * DAY)
    person = dismiss(leaving, "pas", "a1234", T0 + 2 * DAY, now=T0 + DAY).by_reference["a1234"]
    assert [person.appointment(T0 + days * DAY) is not None for days in (1, 2)] == [True, False]
    assert [person.key(T0 + days * DAY) is not None for days in (1, 2)] == [True, False]
    for at, now in ((T0 + 9 * DAY, T0), (T0 + DAY, T0 + 9 * DAY)):
        with pytest.raises(DirectoryError, match="has left already"):
            dismiss(leaving, "pas", "a1234", at, now=now)


def test_nobody_signs_under_two_names(snapshot: Snapshot) -> None:
    key = SigningKey.generate()
    first = appoint(snapshot, read_person_request(ask(key=key)), T0)
    with pytest.raises(DirectoryError, match="in the directory already"):
        appoint(first, read_person_request(ask("b5678", key=key)), T0)
    # A directory that says so all the same, under a root key that was taken, is refused by every reader.
    twin = replace(first.by_reference["a1234"], reference="b5678")
    with pytest.raises(DirectoryError, match="under two names"):
        decode_snapshot(encode_snapshot(replace(first, people=(*first.people, twin))))


@pytest.mark.parametrize(
    "change",
    [{"reference": "A Name"}, {"appointments": ()}, {"keys": None}],
    ids=["a name for a reference", "no post", "a key of another use"],
)
def test_what_cannot_be_of_a_person_is_refused(snapshot: Snapshot, change: dict[str, object]) -> None:
    person = appoint(snapshot, read_person_request(ask()), T0).by_reference["a1234"]
    if "keys" in change:
        change = {"keys": (replace(person.keys[0], use="open"),)}
    wrong: Person = replace(person, **change)  # type: ignore[arg-type]  # any field of it
    with pytest.raises(DirectoryError, match="cannot be of a person"):
        decode_snapshot(encode_snapshot(replace(snapshot, people=(wrong,))))


def test_a_request_that_was_changed_is_refused() -> None:
    request = ask()
    assert asks_for_person(request)
    assert not asks_for_person(b"nonsense")
    forged = write_statement(SigningKey.generate(), REQUEST, peek_statement(request))
    with pytest.raises(DirectoryError, match="not signed by the key that it asks for"):
        read_person_request(forged)
    other = read_person_request(ask(post=replace(POST, roles=frozenset({"review", "approve"}))))
    assert other.fingerprint != read_person_request(request).fingerprint
    with pytest.raises(DirectoryError, match="role that there is not"):
        read_person_request(ask(post=replace(POST, roles=frozenset({"king"}))))  # type: ignore[arg-type]  # the point


def test_a_locked_key_opens_under_its_passphrase_alone() -> None:
    key = SigningKey.generate()
    locked = KeyLock.begin("six words make a passphrase").lock(key)
    assert unlock_key(locked, "six words make a passphrase").id == key.id
    assert key.to_bytes() not in locked
    for wrong in ("six words make a passphrasf", "", "short"):
        with pytest.raises(KeyringError, match="does not open"):
            unlock_key(locked, wrong)
    for place in (20, len(locked) - 1):
        damaged = bytearray(locked)
        damaged[place] ^= 1
        with pytest.raises(KeyringError, match="does not open"):
            unlock_key(bytes(damaged), "six words make a passphrase")
    with pytest.raises(KeyringError, match="holds no person's key"):
        unlock_key(key.to_bytes(), "six words make a passphrase")
    with pytest.raises(MisuseError, match="at least 12"):
        KeyLock.begin("short")


def test_the_example_has_people_who_can_decide_and_production_refuses_them(workspace: Workspace, snapshot: Snapshot) -> None:
    now = workspace.clock.now()
    roles = {person.reference: post.roles for person in snapshot.people if (post := person.appointment(now)) and post.office == "pas"}
    assert sum("review" in held for held in roles.values()) >= 2
    assert {"example-duty", "example-head"} <= set(roles)
    for office, reference in (("pas", "example-reviewer-1"), ("pio:WSI", "example-pio-wsi-1"), ("fib:01", "example-fib-01-2")):
        key = workspace.keyring(office).person_key(reference, PASSPHRASE)
        assert key.verify_key.to_bytes() == snapshot.by_reference[reference].keys[0].public
    plain = replace(snapshot, example=False, offices=())
    with pytest.raises(DirectoryError, match="production refuses"):
        plain.refuse_examples()
