"""Keyrings: private keys on disk, who may read them, and what stays when they are changed."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pas_schemas.errors import KeyringError
from pas_schemas.sealing import SigningKey
from pas_transport.keyring import Keyring, NewKeys, add_keys, add_root_key, has_keys, list_offices, read_root_key


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    made = NewKeys.generate("pio:WSI")
    add_keys(tmp_path / "keys", "pio:WSI", made)
    ring = Keyring.open(tmp_path / "keys", "pio:WSI")
    assert ring.signing().to_bytes() == made.signing.to_bytes()
    assert {key: opening.to_bytes() for key, opening in ring.opening().items()} == {made.opening.id: made.opening.to_bytes()}
    assert ring.store_key().id != ring.id_key().id
    assert not ring.compartment()
    assert not ring.example


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    add_keys(tmp_path / "keys", "pas", NewKeys.generate("pas"))
    folder = tmp_path / "keys" / "pas"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_new_keys_lie_beside_the_old_and_the_lasting_ones_stay(tmp_path: Path) -> None:
    old, new = NewKeys.generate("pas"), NewKeys.generate("pas")
    before = add_keys(tmp_path, "pas", old)
    lasting = (before.id_key().id, before.store_key().id, before.register_key().id, before.register_id_key().id)
    ring = add_keys(tmp_path, "pas", new)
    assert set(ring.opening()) == {old.opening.id, new.opening.id}
    assert old.compartment is not None
    assert new.compartment is not None
    assert set(ring.compartment()) == {old.compartment.id, new.compartment.id}
    assert (ring.id_key().id, ring.store_key().id, ring.register_key().id, ring.register_id_key().id) == lasting


def test_the_directory_says_which_signing_key_counts(tmp_path: Path) -> None:
    old, new = NewKeys.generate("lea:91"), NewKeys.generate("lea:91")
    add_keys(tmp_path, "lea:91", old)
    add_keys(tmp_path, "lea:91", new)
    assert Keyring.open(tmp_path, "lea:91", old.signing.id).signing().id == old.signing.id
    assert Keyring.open(tmp_path, "lea:91", new.signing.id).signing().id == new.signing.id
    with pytest.raises(KeyringError, match="cannot be told which"):
        Keyring.open(tmp_path, "lea:91").signing()
    with pytest.raises(KeyringError, match="is not in this workspace"):
        Keyring.open(tmp_path, "lea:91", "0" * 16).signing()


@pytest.mark.parametrize("office", ["pio:WSI", "pas", "root"])
def test_no_keys_no_ring(tmp_path: Path, office: str) -> None:
    with pytest.raises(KeyringError) as caught:
        Keyring.open(tmp_path, office)
    assert caught.value.sentence == f"There are no keys of {office} in this workspace."


@pytest.mark.parametrize("office", ["../pas", "pio:../x", "", "PIO:WSI", "pio.WSI"])
def test_what_is_no_office_id_reaches_no_file(tmp_path: Path, office: str) -> None:
    with pytest.raises(KeyringError, match="no office id"):
        Keyring.open(tmp_path, office)


def test_a_key_open_to_others_is_refused(tmp_path: Path) -> None:
    add_keys(tmp_path, "lea:91", NewKeys.generate("lea:91"))
    path = tmp_path / "lea.91" / "store.key"
    path.chmod(0o640)
    with pytest.raises(KeyringError, match="open to other users") as caught:
        Keyring.open(tmp_path, "lea:91").store_key()
    assert caught.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize("data", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_told_without_showing_it(tmp_path: Path, data: bytes) -> None:
    made = NewKeys.generate("lea:91")
    add_keys(tmp_path, "lea:91", made)
    (tmp_path / "lea.91" / f"sign-{made.signing.id}.key").write_bytes(data)
    (tmp_path / "lea.91" / f"open-{made.opening.id}.key").write_bytes(data)
    ring = Keyring.open(tmp_path, "lea:91")
    for read, name in ((ring.signing, f"sign-{made.signing.id}"), (ring.opening, f"open-{made.opening.id}")):
        with pytest.raises(KeyringError) as caught:
            read()
        assert (caught.value.sentence, caught.value.hint) == (f"A key of lea:91 ({name}) is damaged.", "restore it from a backup")


def test_only_pas_has_a_register_key(tmp_path: Path) -> None:
    ring = add_keys(tmp_path, "force:01", NewKeys.generate("force:01"))
    with pytest.raises(KeyringError, match=r"A key of force:01 \(register\) is not in this workspace"):
        ring.register_key()


def test_keys_do_not_show(tmp_path: Path) -> None:
    made = NewKeys.generate("pas")
    ring = add_keys(tmp_path, "pas", made)
    shown = repr(made) + repr(ring)
    for secret in (made.signing.to_bytes(), made.opening.to_bytes()):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    assert str(tmp_path) not in repr(ring)


def test_the_root_is_no_office(tmp_path: Path) -> None:
    key = SigningKey.generate()
    with pytest.raises(KeyringError, match="root key is not in this workspace"):
        read_root_key(tmp_path / "keys", key.id)
    add_root_key(tmp_path / "keys", key)
    assert read_root_key(tmp_path / "keys", key.id).to_bytes() == key.to_bytes()
    add_keys(tmp_path / "keys", "pio:WSI", NewKeys.generate("pio:WSI"))
    assert list_offices(tmp_path / "keys") == ("pio:WSI",)
    assert has_keys(tmp_path / "keys", "pio:WSI")
    assert not has_keys(tmp_path / "keys", "pio:LII")


def test_production_refuses_example_keys(tmp_path: Path) -> None:
    ring = add_keys(tmp_path, "pas", NewKeys.generate("pas"), example=True)
    with pytest.raises(KeyringError, match="example keys"):
        ring.refuse_example()
    add_keys(tmp_path, "lea:91", NewKeys.generate("lea:91")).refuse_example()
