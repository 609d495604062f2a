"""Word for word: whatever is changed between originator and recipient, the item is set aside and nobody is shown it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from consumers.forge import Datum, Forge, Published, prove, write_item, write_report
from pas_consumers import Inbox
from pas_schemas.clock import to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.parts import closing_name
from pas_schemas.sealing import SealingKey, build_manifest, close_text, new_salt
from pas_transport.workspace import Workspace

PIO, FIB = "pio:WSI", "fib:01"


@pytest.fixture
def inbox(small: Workspace) -> Iterator[Inbox]:
    with Inbox.of(small, PIO) as box:
        yield box


def first(datum: Datum) -> Any:
    return datum["body"]["items"][0]


def change_text(datum: Datum) -> None:
    shared = decode(first(datum)["shared"], "item_shared").datum
    first(datum)["shared"] = encode("item_shared", {**shared, "text": shared["text"].replace("escape", "Escape")})


def flip_text(datum: Datum) -> None:
    shared = bytearray(first(datum)["shared"])
    shared[20] ^= 1
    first(datum)["shared"] = bytes(shared)


def change_grade(datum: Datum) -> None:
    first(datum)["grade"] = "A11"


def change_both_grades(datum: Datum) -> None:
    shared = decode(first(datum)["shared"], "item_shared").datum
    first(datum)["grade"] = "A11"
    first(datum)["shared"] = encode("item_shared", {**shared, "grade": "A11"})


def change_salt(datum: Datum) -> None:
    first(datum)["salt"] = new_salt()


def change_subject(datum: Datum) -> None:
    person = decode(datum["body"]["subjects"][0], "subject_part").datum
    datum["body"]["subjects"][0] = encode("subject_part", {**person, "noms_number": "C9999XX"})


def swap_subjects(datum: Datum) -> None:
    first(datum)["subjects"] = [1]
    datum["body"]["items"].append({**first(datum), "subjects": [0]})


def leave_subject_out(datum: Datum) -> None:
    del datum["body"]["subjects"][1]
    first(datum)["subjects"] = [0]


def add_subject(datum: Datum) -> None:
    datum["body"]["subjects"].append(datum["body"]["subjects"][0])


def name_nobody(datum: Datum) -> None:
    first(datum)["subjects"] = [0, 7]


def drop_digest(datum: Datum) -> None:
    datum["body"]["evidence"]["manifest"] = build_manifest([])


def shorten_manifest(datum: Datum) -> None:
    evidence = datum["body"]["evidence"]
    evidence["manifest"] = evidence["manifest"][:-32]


def drop_evidence(datum: Datum) -> None:
    datum["body"]["evidence"] = None


def change_place(datum: Datum) -> None:
    datum["body"]["evidence"]["index"] = 1


def change_size(datum: Datum) -> None:
    datum["body"]["evidence"]["size"] = 7


def change_originator(datum: Datum) -> None:
    datum["originator"] = "force:06"


def name_no_originator(datum: Datum) -> None:
    datum["originator"] = "force:99"


def date_before_the_key(datum: Datum) -> None:
    datum["received_at_ms"] = to_ms(decode_time("1999-12-31T00:00:00Z"))


def decode_time(text: str) -> Any:
    from pas_schemas.clock import parse_time

    return parse_time(text)


HELLO = {
    "word": "HELLO", "office": None, "item": None, "rule": None, "why": "", "case": None, "due_ms": None, "ref": b"", "view": b"",
}  # fmt: skip


def claim_sanitised(datum: Datum) -> None:
    first(datum)["sanitised"] = True


def claim_code_4(datum: Datum) -> None:
    first(datum)["closed"] = b"anything"
    first(datum)["shared"] = first(datum)["salt"] = b""


def say_both(datum: Datum) -> None:
    first(datum)["closed"] = b"anything"


def empty_text(datum: Datum) -> None:
    first(datum)["shared"] = first(datum)["salt"] = b""


def drop_items(datum: Datum) -> None:
    datum["body"]["items"] = []


def spoil_shared(datum: Datum) -> None:
    first(datum)["shared"] = b"\xc3\x01 no record"


def spoil_person(datum: Datum) -> None:
    datum["body"]["subjects"][0] = b"\xc3\x01 no record"


def flip(name: str) -> Callable[[Datum], None]:
    def spoil(datum: Datum) -> None:
        value = bytearray(datum["body"]["evidence"][name])
        value[-1] ^= 1
        datum["body"]["evidence"][name] = bytes(value)

    spoil.__name__ = f"flip {name}"
    return spoil


SPOILS: list[tuple[Callable[[Datum], None], str]] = [
    (change_text, "digest"),
    (flip_text, "digest"),
    (change_grade, "grade"),
    (change_both_grades, "digest"),
    (change_salt, "digest"),
    (change_subject, "digest"),
    (swap_subjects, "digest"),
    (leave_subject_out, "digest"),
    (add_subject, "subject"),
    (name_nobody, "subject"),
    (drop_digest, "evidence"),
    (shorten_manifest, "evidence"),
    (drop_evidence, "evidence"),
    (change_place, "evidence"),
    (change_size, "evidence"),
    (change_originator, "originator"),
    (name_no_originator, "originator"),
    (date_before_the_key, "originator"),
    (claim_sanitised, "sanitised"),
    (claim_code_4, "closed"),
    (say_both, "shape"),
    (empty_text, "shape"),
    (drop_items, "shape"),
    (spoil_shared, "schema"),
    (spoil_person, "schema"),
    *((flip(name), "evidence") for name in ("label_digest", "wrap_digest", "nonce", "ciphertext_digest", "signature", "manifest")),
]


@pytest.mark.parametrize(("spoil", "reason"), SPOILS, ids=[spoil.__name__.replace("_", " ") for spoil, _ in SPOILS])
def test_changed_item_is_set_aside(inbox: Inbox, forge: Forge, spoil: Callable[[Datum], None], reason: str) -> None:
    good, bad = forge.publish(write_report("01/IR/2015/1")), forge.publish(write_report("01/IR/2015/2"))
    datum = forge.disclose(bad, PIO)
    spoil(datum)
    record = forge.send(datum)[0]
    forge.send(forge.disclose(good, PIO))
    taken = inbox.take()
    assert [aside.reason for aside in taken.aside] == [reason]
    assert [held.delivery.urn for held in inbox.list().held] == ["01/IR/2015/1"]
    assert taken.aside[0].sentence
    assert "escape" not in repr(taken)
    kept = inbox._store._file.read(lambda db: db.execute("SELECT record FROM aside").fetchall())
    assert kept == [(record,)]
    assert inbox.take().new == ()


def test_evidence_of_another_report_of_the_same_originator(inbox: Inbox, forge: Forge) -> None:
    one, other = forge.publish(write_report("01/IR/2015/1")), forge.publish(write_report("01/IR/2015/2"))
    datum = forge.disclose(one, PIO)
    datum["body"]["evidence"] = prove(other.opened)
    forge.send(datum)
    assert [aside.reason for aside in inbox.take().aside] == ["digest"]


def test_item_of_another_report_beside_the_right_one(inbox: Inbox, forge: Forge) -> None:
    one, other = forge.publish(write_report("01/IR/2015/1")), forge.publish(write_report("01/IR/2015/2"))
    datum = forge.disclose(one, PIO)
    datum["body"]["items"].append(first(forge.disclose(other, PIO)))
    forge.send(datum)
    assert [aside.reason for aside in inbox.take().aside] == ["digest"]


def close_to(forge: Forge, published: Published, office: str, text: str, name: bytes | None = None) -> bytes:
    """Somebody closes a text of their own to an office: sealing needs no secret, only the digest tells."""
    snapshot, now = forge.workspace.directory(), forge.workspace.clock.now()
    key = snapshot.key(office, "open", now)
    assert key
    shared = encode("item_shared", {"text": text, "grade": "B24"})
    return close_text(
        SealingKey.from_bytes(key.public),
        sender="force:01",
        recipient=office,
        report_id=name or closing_name(published.report.urn),
        item_index=0,
        plaintext=new_salt() + shared,
    )


@pytest.fixture
def secret(forge: Forge) -> Published:
    return forge.publish(write_report(items=[write_item("The informant is in the kitchen.", "4")]))


def spoil_closed(forge: Forge, published: Published, how: str) -> Datum:
    datum = forge.disclose(published, FIB)
    item = first(datum)
    match how:
        case "written by another":
            item["closed"] = close_to(forge, published, FIB, "No informant at all.")
        case "of another report":
            other = forge.publish(write_report("01/IR/2015/2", items=[write_item("The informant is in the kitchen.", "4")]))
            item["closed"] = other.parts.items[0].closed[FIB]
        case "for another office":
            item["closed"] = close_to(forge, published, PIO, "The informant is in the kitchen.")
        case "no seal":
            item["closed"] = b"\x01" + bytes(64)
        case "open beside":
            item["shared"] = encode("item_shared", {"text": "x", "grade": "B24"})
        case "sent open":
            item.update(shared=encode("item_shared", {"text": "x", "grade": "B24"}), salt=new_salt(), closed=b"")
        case "another grade":
            item["grade"] = "A14"
    return datum


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("written by another", "digest"),
        ("of another report", "closed"),
        ("for another office", "closed"),
        ("no seal", "closed"),
        ("open beside", "shape"),
        ("sent open", "closed"),
        ("another grade", "grade"),
    ],
)
def test_closed_text_is_checked_as_every_other(small: Workspace, forge: Forge, secret: Published, how: str, reason: str) -> None:
    forge.send(spoil_closed(forge, secret, how))
    with Inbox.of(small, FIB) as inbox:
        assert [aside.reason for aside in inbox.take().aside] == [reason]
        assert inbox.list().held == ()


@pytest.mark.parametrize("part", ["shared", "salt", "closed", "subjects", "people", "no conditions"])
def test_conditions_that_tell_more_are_set_aside(inbox: Inbox, forge: Forge, part: str) -> None:
    published = forge.publish(write_report(items=[write_item("Known to one person only.", "5")]))
    datum, whole = forge.conditions(published, PIO), forge.disclose(published, PIO)
    match part:
        case "shared":
            first(datum)["shared"] = first(whole)["shared"]
        case "salt":
            first(datum)["salt"] = first(whole)["salt"]
        case "closed":
            first(datum)["closed"] = b"x"
        case "subjects":
            first(datum)["subjects"] = [0]
        case "people":
            datum["body"]["subjects"] = whole["body"]["subjects"]
        case _:
            datum["body"]["conditions"] = None
    forge.send(datum)
    assert [aside.reason for aside in inbox.take().aside] == ["shape"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"office": "security:WSI"}, "misaddressed"),
        ({"kind": "LETTER"}, "word"),
        ({"priority": "SOON"}, "word"),
        ({"n": 0}, "header"),
        ({"handle": b""}, "header"),
        ({"kind": "NOTICE"}, "shape"),
        ({"kind": "WITHDRAWAL"}, "shape"),
        ({"received_at_ms": 2**62}, "schema"),
        ({"deadline_ms": -(2**62)}, "schema"),
        ({"body": None}, "shape"),
        ({"notices": [HELLO]}, "word"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_delivery_that_is_none(inbox: Inbox, forge: Forge, change: Datum, reason: str) -> None:
    datum = {**forge.disclose(forge.publish(), PIO), **change}
    value = forge.seal("pas", PIO, [plain(datum)])[0]
    forge.append([(PIO, datum["delivery_id"], 1)], [value])
    assert [aside.reason for aside in inbox.take().aside] == [reason]


def plain(datum: Datum) -> Any:
    from pas_schemas.sealing import Plain

    return Plain(datum["delivery_id"], encode("delivery", datum))


def test_delivery_under_another_name(inbox: Inbox, forge: Forge) -> None:
    forge.send(forge.disclose(forge.publish(), PIO), record_id=bytes(16))
    assert [aside.reason for aside in inbox.take().aside] == ["record-id"]


def test_only_pas_sends_deliveries(inbox: Inbox, forge: Forge) -> None:
    datum = forge.disclose(forge.publish(), PIO)
    forge.send(datum, sender="force:01")
    assert [aside.reason for aside in inbox.take().aside] == ["sender"]


def test_record_for_another_office(inbox: Inbox, forge: Forge) -> None:
    datum = {**forge.disclose(forge.publish(), PIO), "office": "security:WSI"}
    value = forge.seal("pas", "security:WSI", [plain(datum)])[0]
    forge.append([(PIO, datum["delivery_id"], 1)], [value])
    assert [aside.reason for aside in inbox.take().aside] == ["recipient"]


@pytest.mark.parametrize(
    ("value", "reason"), [(b"", "malformed"), (b"\x07abc", "version"), (b"\x01" + bytes(500), "malformed"), (b"\xff" * 900_000, "version")]
)
def test_bytes_that_are_no_record(inbox: Inbox, forge: Forge, value: bytes, reason: str) -> None:
    forge.append([(PIO, b"key", 1)], [value])
    forge.send(forge.disclose(forge.publish(), PIO))
    taken = inbox.take()
    assert [aside.reason for aside in taken.aside] == [reason]
    assert len(taken.new) == 1


def test_another_record_than_a_delivery(inbox: Inbox, forge: Forge) -> None:
    from pas_schemas.sealing import Plain

    payload = encode("item_shared", {"text": "x", "grade": "B21"})
    forge.append([(PIO, bytes(16), 1)], forge.seal("pas", PIO, [Plain(bytes(16), payload)]))
    assert [aside.reason for aside in inbox.take().aside] == ["schema"]


def test_record_sealed_long_before_the_log_took_it(small: Workspace, forge: Forge) -> None:
    """The log's time counts, not the reader's: an epoch of two days ago does not come back."""
    datum = forge.disclose(forge.publish(), PIO)
    sealer_clock = small.clock.now() - timedelta(days=2)
    from pas_schemas.sealing import Sealer

    old = Sealer("pas", small.keyring("pas").signing(), epoch_life=timedelta(hours=1))
    key = small.directory().key(PIO, "open", small.clock.now())
    assert key
    forge.append([(PIO, datum["delivery_id"], 1)], old.seal(PIO, SealingKey.from_bytes(key.public), [plain(datum)], sealer_clock))
    with Inbox.of(small, PIO) as inbox:
        assert [aside.reason for aside in inbox.take().aside] == ["epoch"]
