"""The directory on disk: only what the root signed is believed, and never an older edition than one seen before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pas_schemas.directory import Office, PublicKey, Snapshot, Term
from pas_schemas.errors import DirectoryError
from pas_schemas.sealing import DIRECTORY, REQUEST, OpeningKey, SigningKey
from pas_transport.snapshot_codec import decode_snapshot, encode_snapshot
from pas_transport.snapshots import DirectoryStore
from pas_transport.statements import write_statement

T0 = datetime(2012, 11, 13, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def an_office(office: str = "force:01") -> Office:
    key, opening = SigningKey.generate(), OpeningKey.generate()
    keys = (
        PublicKey(key.id, "sign", key.verify_key.to_bytes(), T0),
        PublicKey(opening.id, "open", opening.sealing_key.to_bytes(), T0, T0 + DAY, example=True),
    )
    return Office(office, "force", None, (Term(T0, T0 + DAY, "01"), Term(T0 + 2 * DAY, None, "01", True)), keys)


def an_edition(version: int, *offices: Office) -> Snapshot:
    return Snapshot(version, T0, T0 + 366 * DAY, offices or (an_office(),))


@pytest.fixture
def root() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def store(tmp_path: Path, root: SigningKey) -> DirectoryStore:
    store = DirectoryStore(tmp_path / "directory", tmp_path / "directory" / "root.pub", tmp_path / "seen")
    store.pin(root.verify_key)
    for version in (1, 2, 3):
        store.add(an_edition(version), root)
    return store


def test_a_snapshot_survives_the_wire_whole() -> None:
    snapshot = an_edition(7, an_office(), replace(an_office("force:40"), id="force:40"))
    again = decode_snapshot(encode_snapshot(snapshot))
    assert (again.version, again.issued_at, again.expires_at, again.example) == (7, T0, T0 + 366 * DAY, False)
    assert again.offices == snapshot.offices


def test_the_highest_edition_counts_and_all_are_kept(store: DirectoryStore) -> None:
    assert store.current().version == 3
    assert store.versions() == (1, 2, 3)
    assert store.read(1).version == 1


def test_an_edition_below_one_seen_is_refused(store: DirectoryStore) -> None:
    assert store.current().version == 3
    (store.folder / "0003.snapshot").unlink()
    with pytest.raises(DirectoryError, match="version 2, but 3 was in use before"):
        store.current()


def test_an_old_edition_under_a_new_number_is_refused(store: DirectoryStore) -> None:
    (store.folder / "0004.snapshot").write_bytes(store.raw(1))
    with pytest.raises(DirectoryError, match="Version 4 of the directory says it is version 1"):
        store.current()


@pytest.mark.parametrize("place", [0, 5, 12, 40, 200, 1000, -1, -30])
def test_a_flipped_bit_is_refused(store: DirectoryStore, place: int) -> None:
    path = store.folder / "0003.snapshot"
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(DirectoryError, match=r"is damaged|is not signed"):
        store.current()


@pytest.mark.parametrize("data", [b"", b"\xc3\x01", b"not a record at all"])
def test_what_is_no_snapshot_is_refused(store: DirectoryStore, data: bytes) -> None:
    (store.folder / "0003.snapshot").write_bytes(data)
    with pytest.raises(DirectoryError, match="is damaged"):
        store.current()


def test_another_signer_is_refused(store: DirectoryStore) -> None:
    forged = write_statement(SigningKey.generate(), DIRECTORY, encode_snapshot(an_edition(4)))
    (store.folder / "0004.snapshot").write_bytes(forged)
    with pytest.raises(DirectoryError, match="not signed by the directory's root key"):
        store.current()


def test_the_roots_signature_for_something_else_is_refused(store: DirectoryStore, root: SigningKey) -> None:
    (store.folder / "0004.snapshot").write_bytes(write_statement(root, REQUEST, encode_snapshot(an_edition(4))))
    with pytest.raises(DirectoryError, match="not signed by the directory's root key"):
        store.current()


def test_what_is_signed_but_is_no_snapshot_is_refused(store: DirectoryStore, root: SigningKey) -> None:
    (store.folder / "0004.snapshot").write_bytes(write_statement(root, DIRECTORY, b"\xc3\x01 nonsense"))
    with pytest.raises(DirectoryError, match="damaged"):
        store.current()


def test_only_the_next_number_and_the_current_root_may_be_added(store: DirectoryStore, root: SigningKey) -> None:
    for version in (2, 3, 5):
        with pytest.raises(DirectoryError, match="After version 3"):
            store.add(an_edition(version), root)
    with pytest.raises(DirectoryError, match="current root key"):
        store.add(an_edition(4), SigningKey.generate())
    assert store.versions() == (1, 2, 3)


def test_a_new_root_takes_over_where_the_old_one_says_so(store: DirectoryStore, root: SigningKey) -> None:
    new, newest = SigningKey.generate(), SigningKey.generate()
    store.add_root(root, new.verify_key)
    with pytest.raises(DirectoryError, match="current root key"):
        store.add(an_edition(4), root)
    store.add(an_edition(4), new)
    store.add_root(new, newest.verify_key)
    store.add(an_edition(5), newest)
    assert store.current().version == 5
    assert [store.read(version).version for version in store.versions()] == [1, 2, 3, 4, 5]
    assert [one.first_version for one in store.roots()] == [0, 4, 5]
    # A client that pinned the first root follows; whoever kept the first private key cannot speak any more.
    (store.folder / "0006.snapshot").write_bytes(write_statement(root, DIRECTORY, encode_snapshot(an_edition(6))))
    with pytest.raises(DirectoryError, match="not signed by the directory's root key"):
        store.current()


def test_a_root_that_the_old_one_did_not_name_is_refused(store: DirectoryStore, root: SigningKey) -> None:
    other = SigningKey.generate()
    with pytest.raises(DirectoryError, match="may name the next one"):
        store.add_root(other, other.verify_key)
    store.add_root(root, other.verify_key)
    named = store.folder / "0001.root"
    data = bytearray(named.read_bytes())
    data[-100] ^= 1
    named.write_bytes(data)
    with pytest.raises(DirectoryError, match=r"Root key 1 of the directory is (damaged|not signed)"):
        store.current()


def test_a_root_that_has_signed_nothing_names_no_other(store: DirectoryStore, root: SigningKey) -> None:
    new = SigningKey.generate()
    store.add_root(root, new.verify_key)
    with pytest.raises(DirectoryError, match="has not signed any version"):
        store.add_root(new, SigningKey.generate().verify_key)
    assert store.current().version == 3


def test_roots_out_of_order_are_refused(store: DirectoryStore, root: SigningKey) -> None:
    store.add_root(root, SigningKey.generate().verify_key)
    (store.folder / "0001.root").rename(store.folder / "0002.root")
    with pytest.raises(DirectoryError, match="do not follow one another"):
        store.current()


def test_a_pinned_root_is_never_replaced(store: DirectoryStore) -> None:
    with pytest.raises(DirectoryError, match="pinned here already"):
        store.pin(SigningKey.generate().verify_key)


def test_another_pinned_root_believes_nothing(store: DirectoryStore) -> None:
    store.root_path.write_text(SigningKey.generate().verify_key.to_bytes().hex())
    with pytest.raises(DirectoryError, match="not signed by the directory's root key"):
        store.current()


@pytest.mark.parametrize("text", ["", "zz", "00ff", "é"])
def test_a_damaged_pin_is_told(store: DirectoryStore, text: str) -> None:
    store.root_path.write_text(text, "utf-8")
    with pytest.raises(DirectoryError, match="The pinned root key is damaged"):
        store.current()


def test_an_empty_folder_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match="There is no directory"):
        DirectoryStore(tmp_path / "d", tmp_path / "d" / "root.pub", tmp_path / "seen").current()


@pytest.mark.parametrize(
    "office",
    [
        replace(an_office(), kind="pio"),
        replace(an_office(), terms=()),
        replace(an_office(), terms=(Term(T0), Term(T0 + DAY))),
        replace(an_office(), terms=(Term(T0, T0 + 2 * DAY), Term(T0 + DAY))),
        replace(an_office(), id="foreign:FBI"),
        replace(an_office(), id="root"),
        replace(an_office(), id="pas:1"),
        replace(an_office(), id="pio"),
        replace(an_office(), id="force:../../x"),
    ],
)
def test_what_no_directory_may_say_is_refused(office: Office) -> None:
    with pytest.raises(DirectoryError):
        decode_snapshot(encode_snapshot(an_edition(1, office)))


def test_an_office_twice_is_refused() -> None:
    with pytest.raises(DirectoryError, match="twice"):
        decode_snapshot(encode_snapshot(an_edition(1, an_office(), an_office())))
