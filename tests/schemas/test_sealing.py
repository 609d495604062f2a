"""Sealing and opening: what a record shows, who can open it, what epochs and batches do."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pas_schemas import codec
from pas_schemas.directory import PublicKey
from pas_schemas.errors import DirectoryError, MisuseError
from pas_schemas.sealing import (
    BATCH,
    REPLY,
    BadCiphertextError,
    BadSignatureError,
    BadWrapError,
    KeyExpiredError,
    MalformedRecordError,
    Opener,
    OpeningKey,
    OutsideEpochError,
    Plain,
    Sealer,
    SealingKey,
    SigningKey,
    WrongRecipientError,
    build_manifest,
    close_text,
    open_text,
    read_label,
    verify_evidence,
)
from pas_schemas.sealing.envelope import MAX_PAYLOAD_BYTES, TREE_SIZES, leaf, parse_envelope, write_envelope
from pas_schemas.sealing.merkle import Tree
from pas_schemas.sealing.pad import padded_length
from pas_schemas.sealing.sign import sign_batch
from pas_schemas.topics import MAX_RECORD_BYTES

NOW = datetime(2015, 11, 18, 12, tzinfo=UTC)
HEAD = codec.MARKER + b"schema 1"


@dataclass
class Office:
    """An office with its keys, and what its directory knows of everybody."""

    name: str
    signing: SigningKey = field(default_factory=SigningKey.generate)
    opening: OpeningKey = field(default_factory=OpeningKey.generate)

    def sealer(self, life: timedelta = timedelta(hours=1)) -> Sealer:
        return Sealer(self.name, self.signing, epoch_life=life)

    def opener(self, senders: list[Office], keys: list[OpeningKey] | None = None) -> Opener:
        known = {(office.name, office.signing.id): public(office.signing) for office in senders}
        own = public(self.opening)
        held = {key.id: key for key in keys or [self.opening]}
        return Opener(self.name, held, lambda name, key: known.get((name, key)), lambda key: own if key == own.id else None)


def public(key: SigningKey | OpeningKey) -> PublicKey:
    start = NOW - timedelta(days=30)
    if isinstance(key, SigningKey):
        return PublicKey(key.id, "sign", key.verify_key.to_bytes(), start)
    return PublicKey(key.id, "open", key.sealing_key.to_bytes(), start)


def plain(text: bytes = b"", manifest: bytes = b"") -> Plain:
    return Plain(os.urandom(16), HEAD + text, manifest)


FORCE = Office("force:01")
PAS = Office("pas")


@pytest.mark.parametrize("count", [1, 2, 8, 9, 64, 65, 513])
def test_a_batch_of_any_size_opens_record_by_record(count: int) -> None:
    records = [plain(b"report %d" % n, build_manifest([os.urandom(32)]) if n % 3 == 0 else b"") for n in range(count)]
    opener = PAS.opener([FORCE])
    values = FORCE.sealer().seal("pas", PAS.opening.sealing_key, records, NOW)
    assert len(values) == count
    for record, value in zip(records, values, strict=True):
        opened = opener.open(value, NOW)
        assert (opened.sender, opened.record_id, opened.payload, opened.manifest) == (
            "force:01", record.record_id, record.payload, record.manifest,
        )  # fmt: skip
        verify_evidence(opened.evidence, opened.manifest, "force:01", FORCE.signing.verify_key)
        assert opened.evidence.size in TREE_SIZES


def test_batches_are_padded_to_a_power_of_eight_and_split_at_512() -> None:
    values = FORCE.sealer().seal("pas", PAS.opening.sealing_key, [plain() for _ in range(515)], NOW)
    sizes = [parse_envelope(value).size for value in values]
    assert sizes == [512] * 512 + [8] * 3
    assert FORCE.sealer().seal("pas", PAS.opening.sealing_key, [], NOW) == []


def test_a_place_in_a_batch_does_not_tell_how_many_lie_there() -> None:
    """Whoever is given one item is given its report's place, too: the first places would be taken first."""
    sealer, lowest = FORCE.sealer(), 0
    for _ in range(20):
        values = sealer.seal("pas", PAS.opening.sealing_key, [plain(), plain()], NOW)
        places = [parse_envelope(value).place for value in values]
        assert len(set(places)) == 2
        lowest += sorted(places) == [0, 1]
        for value in values:
            PAS.opener([FORCE]).open(value, NOW)
    assert lowest < 20


def test_no_other_office_opens_a_record_whatever_it_claims_to_be() -> None:
    value = FORCE.sealer().seal("pas", PAS.opening.sealing_key, [plain(b"a secret")], NOW)[0]
    for name in ("pio:WSI", "security:WSI", "governor:WSI", "lea:88", "cat-a-team"):
        other = Office(name)
        with pytest.raises(WrongRecipientError):
            other.opener([FORCE]).open(value, NOW)
        # Even one that answers to the name pas, and to the id of its key.
        forged = Opener("pas", {PAS.opening.id: other.opening}, lambda *_: public(FORCE.signing), lambda _: public(PAS.opening))
        with pytest.raises(BadWrapError):
            forged.open(value, NOW)


def test_sealing_twice_repeats_nothing_that_must_not_be_repeated() -> None:
    record, sealer = plain(b"twice"), FORCE.sealer()
    first, second = (parse_envelope(sealer.seal("pas", PAS.opening.sealing_key, [record], NOW)[0]) for _ in range(2))
    assert first.label == second.label
    assert first.wrap == second.wrap
    assert first.nonce != second.nonce
    assert first.ciphertext[:-16] != second.ciphertext[:-16]


def test_the_label_is_all_that_shows() -> None:
    record = plain(b"PROTECT RESTRICTED A1234BC", b"")
    value = FORCE.sealer().seal("pas", PAS.opening.sealing_key, [record], NOW)[0]
    label = read_label(value)
    assert (label.sender, label.recipient, label.record_id, label.fingerprint) == ("force:01", "pas", record.record_id, b"schema 1")
    assert (label.sender_key, label.recipient_key) == (FORCE.signing.id, PAS.opening.id)
    assert b"A1234BC" not in value
    opened = PAS.opener([FORCE]).open(value, NOW)
    for shown in (repr(opened), repr(record), repr(parse_envelope(value)), repr(FORCE.sealer()), repr(label)):
        assert "A1234BC" not in shown
        assert "RESTRICTED" not in shown


def test_epochs_last_as_long_as_they_are_told_and_each_process_has_its_own() -> None:
    sealer, key = FORCE.sealer(timedelta(hours=1)), PAS.opening.sealing_key

    def epoch(at: datetime, by: Sealer = sealer) -> bytes:
        return read_label(by.seal("pas", key, [plain()], at)[0]).epoch_id

    first = epoch(NOW)
    assert epoch(NOW + timedelta(minutes=59)) == first
    assert epoch(NOW + timedelta(minutes=59), FORCE.sealer()) != first
    second = epoch(NOW + timedelta(hours=1))
    assert second != first
    assert epoch(NOW) != second  # a clock set back begins a new epoch, too


def test_a_record_is_refused_before_and_after_its_epoch() -> None:
    value = FORCE.sealer(timedelta(hours=1)).seal("pas", PAS.opening.sealing_key, [plain()], NOW)[0]
    opener = PAS.opener([FORCE])
    opener.open(value, NOW + timedelta(hours=24))
    for at in (NOW - timedelta(minutes=61), NOW + timedelta(hours=26)):
        with pytest.raises(OutsideEpochError):
            opener.open(value, at)


def test_a_remembered_sender_is_still_asked_for_its_dates() -> None:
    value = FORCE.sealer().seal("pas", PAS.opening.sealing_key, [plain()], NOW)[0]
    current, own = public(FORCE.signing), public(PAS.opening)
    directory = [current]
    opener = Opener("pas", {PAS.opening.id: PAS.opening}, lambda *_: directory[0], lambda _: own)
    opener.open(value, NOW)
    directory[0] = replace(current, end=NOW)
    with pytest.raises(KeyExpiredError):
        opener.open(value, NOW)


def test_evidence_is_refused_when_anything_about_it_is_another() -> None:
    value = FORCE.sealer().seal("pas", PAS.opening.sealing_key, [plain(manifest=build_manifest([])) for _ in range(3)], NOW)[1]
    opened = PAS.opener([FORCE]).open(value, NOW)
    good, key = opened.evidence, FORCE.signing.verify_key
    verify_evidence(good, opened.manifest, "force:01", key)
    changes = [
        replace(good, label_digest=bytes(32)), replace(good, wrap_digest=bytes(32)), replace(good, nonce=bytes(12)),
        replace(good, ciphertext_digest=bytes(32)), replace(good, size=1), replace(good, size=9),
        replace(good, index=good.index ^ 1), replace(good, index=-1),
        replace(good, path=good.path[::-1]), replace(good, path=()), replace(good, signature=bytes(64)), replace(good, signature=b""),
        replace(good, label_digest=good.label_digest + good.wrap_digest[:1], wrap_digest=good.wrap_digest[1:]),
        replace(good, key_id=PAS.signing.id), replace(good, nonce=good.nonce + b"\0"), replace(good, label_digest=good.label_digest[1:]),
    ]  # fmt: skip
    for bad in changes:
        with pytest.raises(BadSignatureError):
            verify_evidence(bad, opened.manifest, "force:01", key)
    for manifest, sender, by, prefix in [
        (build_manifest([]), "force:01", key, b"pas/v1/batch"),
        (opened.manifest, "force:02", key, b"pas/v1/batch"),
        (opened.manifest, "force:01", PAS.signing.verify_key, b"pas/v1/batch"),
        (opened.manifest, "force:01", key, REPLY),
    ]:
        with pytest.raises(BadSignatureError):
            verify_evidence(good, manifest, sender, by, prefix)


def test_a_tree_of_another_size_is_refused_even_if_it_is_signed() -> None:
    one = parse_envelope(FORCE.sealer().seal("pas", PAS.opening.sealing_key, [plain()], NOW)[0])
    tree = Tree([leaf(one), bytes(32)])
    signature = sign_batch(FORCE.signing, BATCH, "force:01", 2, tree.root)
    value = write_envelope(one._replace(size=2, path=tuple(tree.path(0)), signature=signature))
    with pytest.raises(MalformedRecordError):
        PAS.opener([FORCE]).open(value, NOW)


def test_a_label_that_no_office_could_have_is_refused() -> None:
    longwinded = Office("force:" + "1" * 600)
    value = longwinded.sealer().seal("pas", PAS.opening.sealing_key, [plain()], NOW)[0]
    with pytest.raises(MalformedRecordError):
        PAS.opener([longwinded]).open(value, NOW)


@given(st.integers(0, 5000), st.integers(0, 5000))
@settings(max_examples=60, deadline=None)
def test_payloads_of_one_bucket_give_records_of_one_length(one: int, other: int) -> None:
    sealer, key = FORCE.sealer(), PAS.opening.sealing_key
    sizes = [len(sealer.seal("pas", key, [Plain(bytes(16), HEAD + bytes(length))], NOW)[0]) for length in (one, other)]
    assert (sizes[0] == sizes[1]) == (padded_length(one + 10) == padded_length(other + 10))


def test_the_largest_payload_fits_a_record_and_one_more_byte_is_refused() -> None:
    long = Plain(bytes(16), HEAD + bytes(MAX_PAYLOAD_BYTES - len(HEAD)), build_manifest([]))
    values = FORCE.sealer().seal("pas", PAS.opening.sealing_key, [long, plain()], NOW)
    assert MAX_RECORD_BYTES - 20_000 < len(values[0]) <= MAX_RECORD_BYTES
    assert PAS.opener([FORCE]).open(values[0], NOW).payload == long.payload
    with pytest.raises(MisuseError):
        FORCE.sealer().seal("pas", PAS.opening.sealing_key, [long._replace(payload=long.payload + b"\0")], NOW)


@pytest.mark.parametrize(
    "bad",
    [Plain(b"short", HEAD), Plain(bytes(16), b"\xc3\x01short"), Plain(bytes(16), b"{}" + bytes(20)), Plain(bytes(16), HEAD, bytes(32))],
)
def test_what_cannot_be_a_record_is_refused_before_it_is_sealed(bad: Plain) -> None:
    with pytest.raises(MisuseError):
        FORCE.sealer().seal("pas", PAS.opening.sealing_key, [plain(), bad], NOW)


def test_a_public_key_of_no_use_is_refused() -> None:
    key = SealingKey.from_bytes(PAS.opening.sealing_key.to_bytes()[:1184] + bytes(32))
    with pytest.raises(DirectoryError):
        FORCE.sealer().seal("pas", key, [plain()], NOW)


def test_a_closed_text_is_padded_and_opens_for_its_item_alone() -> None:
    def close(text: bytes) -> bytes:
        return close_text(PAS.opening.sealing_key, sender="force:01", recipient="pas", report_id=bytes(16), item_index=0, plaintext=text)

    assert len(close(b"")) == len(close(bytes(900)))
    assert close(b"x") != close(b"x")

    def reopen(item_index: int) -> bytes:
        return open_text(PAS.opening, close(b"who"), sender="force:01", recipient="pas", report_id=bytes(16), item_index=item_index)

    assert reopen(0) == b"who"
    with pytest.raises(BadCiphertextError):
        reopen(1)
