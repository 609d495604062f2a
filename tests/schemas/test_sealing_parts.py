"""The parts seals are made of: trees, padding, manifests, keys and signatures under prefixes."""

from __future__ import annotations

import copy
import hmac
import os
import pickle
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from pas_schemas.errors import DirectoryError, KeyringError, MisuseError
from pas_schemas.sealing import (
    BATCH,
    DIRECTORY,
    REPLY,
    REQUEST,
    ROOT,
    BadCiphertextError,
    BadPaddingError,
    BadSignatureError,
    IdKey,
    OpeningKey,
    SealingKey,
    SigningKey,
    StoreKey,
    VerifyKey,
    build_manifest,
    contains,
    item_digest,
    merkle,
    new_salt,
    sign,
    subject_digest,
    verify,
    withheld_digest,
)
from pas_schemas.sealing.framing import frame
from pas_schemas.sealing.pad import pad, padded_length, unpad
from pas_schemas.sealing.recent import Recent
from pas_schemas.sealing.seal import extract
from pas_schemas.sealing.sign import accepts_batch, sign_batch

# The tree of certificate-transparency's own tests (RFC 6962): eight inputs, and the roots over the first n of them.
INPUTS = [bytes.fromhex(x) for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_of_rfc_6962(size: int) -> None:
    assert merkle.root([merkle.hash_leaf(data) for data in INPUTS[:size]]).hex() == ROOTS[size]


@given(st.integers(1, 70))
def test_each_path_leads_to_the_root_from_its_own_place_alone(size: int) -> None:
    leaves = [merkle.hash_leaf(bytes([n])) for n in range(size)]
    tree = merkle.Tree(leaves)
    for index, leaf in enumerate(leaves):
        path = tree.path(index)
        assert path == merkle.path(leaves, index)
        assert len(path) == merkle.path_length(index, size)
        assert merkle.root_from_path(leaf, index, size, path) == tree.root
        others = [n for n in (0, index - 1, index + 1, size - 1) if 0 <= n < size and n != index]
        assert all(merkle.root_from_path(leaf, other, size, path) != tree.root for other in others)
        assert merkle.root_from_path(leaf, index, size, [*path, leaf]) is None
        assert all(merkle.root_from_path(leaf, bad, size, path) is None for bad in (-1, size))
    with pytest.raises(IndexError):
        tree.path(size)


def test_a_leaf_is_never_taken_for_an_inner_node() -> None:
    left, right = merkle.hash_leaf(b"a"), merkle.hash_leaf(b"b")
    assert merkle.hash_leaf(left + right) != merkle.hash_pair(left, right)


@given(st.binary(max_size=3000))
def test_padding_comes_off_as_it_went_on(content: bytes) -> None:
    padded = pad(content)
    assert unpad(padded) == content
    assert len(padded) == padded_length(len(content)) >= 1024
    for bad in (padded + b"\0", padded[:-1], padded[:-1] + b"\1" if len(padded) > len(content) + 4 else b""):
        with pytest.raises(BadPaddingError):
            unpad(bad)


@given(st.integers(0, 1_000_000))
def test_padding_is_padme(length: int) -> None:
    total = padded_length(length)
    assert length + 4 <= total <= max(1024, (length + 4) * 1.12)
    exponent = total.bit_length() - 1
    assert total % (1 << (exponent - exponent.bit_length())) == 0
    assert padded_length(total - 4) == total


def test_a_manifest_hides_how_many_and_which() -> None:
    salts = [new_salt() for _ in range(3)]
    digests = [item_digest(salt, b"the same words", [subject_digest(b"one"), subject_digest(b"two")]) for salt in salts]
    manifest = build_manifest(digests)
    assert len(manifest) == len(build_manifest([])) == 1024
    parts = [manifest[at : at + 32] for at in range(0, 1024, 32)]
    assert parts == sorted(parts)
    assert len(set(parts)) == 32
    assert all(contains(manifest, digest) for digest in digests)
    assert not contains(manifest, item_digest(new_salt(), b"the same words", []))
    assert not contains(manifest, manifest[16:48])
    assert not contains(manifest + bytes(32), bytes(32))
    assert build_manifest(digests) != manifest
    for bad in ([os.urandom(32)] * 33, [b"short"]):
        with pytest.raises(MisuseError):
            build_manifest(bad)


def test_an_item_digest_depends_on_salt_words_and_subjects_but_not_on_their_order() -> None:
    one, two, salt = subject_digest(b"one"), subject_digest(b"two"), bytes(16)
    digest = item_digest(salt, b"words", [one, two])
    assert digest == item_digest(salt, b"words", [two, one]) == sha256(frame(b"pas/v1/item", salt, b"words", *sorted([one, two]))).digest()
    others = [
        item_digest(b"\1" * 16, b"words", [one, two]), item_digest(salt, b"word", [one, two]), item_digest(salt, b"words", [one]),
        item_digest(salt, b"words", [one, one, two]), withheld_digest(salt, b"words"), item_digest(salt + b"w", b"ords", [one, two]),
    ]  # fmt: skip
    assert digest not in others


@given(st.lists(st.binary(max_size=5)), st.lists(st.binary(max_size=5)))
def test_no_two_lists_are_framed_alike(one: list[bytes], other: list[bytes]) -> None:
    assert (frame(*one) == frame(*other)) == (one == other)


def test_keys_come_back_from_their_bytes_with_the_id_of_their_public_half() -> None:
    signing, opening, ids, store = SigningKey.generate(), OpeningKey.generate(), IdKey.generate(), StoreKey.generate()
    assert signing.id == signing.verify_key.id == SigningKey.from_bytes(signing.to_bytes()).id
    assert signing.id == VerifyKey.from_bytes(signing.verify_key.to_bytes()).id
    assert signing.id == sha256(b"pas/v1/key/sign" + signing.verify_key.to_bytes()).hexdigest()[:16]
    assert opening.id == opening.sealing_key.id == OpeningKey.from_bytes(opening.to_bytes()).id
    assert opening.id == SealingKey.from_bytes(opening.sealing_key.to_bytes()).id
    assert (len(opening.to_bytes()), len(opening.sealing_key.to_bytes())) == (96, 1216)
    again = OpeningKey.from_bytes(opening.to_bytes())
    assert again.open(opening.sealing_key.seal(b"secret", b"info"), b"info") == b"secret"
    assert IdKey.from_bytes(ids.to_bytes()).digest(b"a", b"b") == ids.digest(b"a", b"b") != ids.digest(b"ab", b"")
    assert StoreKey.from_bytes(store.to_bytes()).open(store.seal(b"row", b"place"), b"place") == b"row"


def test_no_key_shows_its_bytes_or_can_be_copied_away() -> None:
    for key in (SigningKey.generate(), OpeningKey.generate(), IdKey.generate(), StoreKey.generate()):
        assert repr(key) == f"{type(key).__name__}({key.id})" == str(key)
        assert key.to_bytes().hex()[:16] not in repr(key)
        for way in (pickle.dumps, copy.deepcopy):
            with pytest.raises(MisuseError):
                way(key)


@pytest.mark.parametrize("data", [b"", b"short", bytes(31), bytes(33), bytes(97), b"\xff" * 1216, b"\xff" * 2000])
def test_bytes_that_are_no_key_are_refused(data: bytes) -> None:
    for private in (SigningKey, OpeningKey, IdKey, StoreKey):
        with pytest.raises(KeyringError):
            private.from_bytes(data)
    for public in (VerifyKey, SealingKey):
        with pytest.raises(DirectoryError):
            public.from_bytes(data)


def test_the_store_refuses_what_was_changed_or_moved() -> None:
    key = StoreKey.generate()
    sealed = key.seal(b"row", b"place")
    assert sealed != key.seal(b"row", b"place")
    for bad, place in [
        (sealed, b"other"),
        (sealed[:-1], b"place"),
        (sealed[:5], b"place"),
        (b"", b"place"),
        (b"\0" + sealed[1:], b"place"),
    ]:
        with pytest.raises(BadCiphertextError):
            key.open(bad, place)
    with pytest.raises(BadCiphertextError):
        StoreKey.generate().open(sealed, b"place")


def test_a_signature_counts_under_its_own_prefix_and_key_alone() -> None:
    key, prefixes = SigningKey.generate(), (BATCH, DIRECTORY, ROOT, REQUEST, REPLY)
    assert len(set(prefixes)) == 5
    for prefix in prefixes:
        signature = sign(key, prefix, b"content")
        verify(key.verify_key, prefix, b"content", signature)
        for other in set(prefixes) - {prefix}:
            with pytest.raises(BadSignatureError):
                verify(key.verify_key, other, b"content", signature)
        for by, content, given_signature in [
            (SigningKey.generate(), b"content", signature), (key, b"contents", signature), (key, b"content", signature[:-1]),
            (key, b"content", b""),
        ]:  # fmt: skip
            with pytest.raises(BadSignatureError):
                verify(by.verify_key, prefix, content, given_signature)


def test_a_batch_signature_binds_sender_size_and_root() -> None:
    key, root = SigningKey.generate(), bytes(32)
    signature = sign_batch(key, BATCH, "force:01", 8, root)
    assert accepts_batch(key.verify_key, BATCH, "force:01", 8, root, signature=signature)
    for prefix, sender, size, other in [
        (REPLY, "force:01", 8, root), (BATCH, "force:02", 8, root), (BATCH, "force:01", 64, root), (BATCH, "force:01", 8, b"\1" * 32),
    ]:  # fmt: skip
        assert not accepts_batch(key.verify_key, prefix, sender, size, other, signature=signature)
    # The same bytes as a detached content are another thing.
    with pytest.raises(BadSignatureError):
        verify(key.verify_key, BATCH, frame(b"force:01", (8).to_bytes(4, "big"), root), signature)


def test_extract_and_expand_are_hkdf() -> None:
    secret = os.urandom(32)
    assert HKDFExpand(SHA256(), 32, b"info").derive(extract(secret)) == HKDF(SHA256(), 32, None, b"info").derive(secret)


def test_a_memory_keeps_no_more_than_its_bound() -> None:
    memory: Recent[int, int] = Recent(3)
    for n in (1, 2, 3, 1, 4):
        memory.put(n, n * n)
    assert [memory.get(n) for n in (1, 2, 3, 4)] == [1, None, 9, 16]
    assert repr(memory) == "Recent(3 of 3)"


@given(raw=st.binary(min_size=32, max_size=32), parts=st.lists(st.binary(max_size=200), max_size=4))
def test_a_name_is_an_hmac_over_its_parts(raw: bytes, parts: list[bytes]) -> None:
    key = IdKey.from_bytes(raw)
    assert [key.digest(*parts) for _ in range(2)] == [hmac.digest(raw, frame(*parts), "sha256")] * 2
