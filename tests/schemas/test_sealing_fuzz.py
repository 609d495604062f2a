"""Mutated records and random bytes: each either opens to the very record, or fails with one of our own errors."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pas_schemas import codec
from pas_schemas.clock import parse_time
from pas_schemas.directory import PublicKey
from pas_schemas.errors import CodecError, SealError
from pas_schemas.sealing import (
    KeyExpiredError,
    Opened,
    Opener,
    OpeningKey,
    OutsideEpochError,
    failures,
    open_text,
    read_label,
)
from pas_schemas.sealing.failures import MalformedRecordError

VECTORS = Path(__file__).parent.parent / "vectors"
KEYS = json.loads((VECTORS / "keys.json").read_text())
DIRECTORY = {
    entry["name"]: PublicKey(entry["id"], entry["use"], b64decode(entry["public"]), parse_time(entry["start"]))
    for entry in KEYS["directory"]
}  # fmt: skip
PAS = OpeningKey.from_bytes(b64decode(next(key["private"] for key in KEYS["opening_keys"] if key["name"] == "pas/open")))
OPENER = Opener(
    "pas",
    {PAS.id: PAS},
    lambda sender, key: next((found for name, found in DIRECTORY.items() if name == f"{sender}/sign" and found.id == key), None),
    lambda key: DIRECTORY["pas/open"] if key == PAS.id else None,
)
AT = parse_time("2015-11-18T12:00:05Z")
NAMES = ["single", "empty-body", "with-manifest", *(f"batch-of-five-{n}" for n in (0, 1, 3, 4))]
VALUES = [b64decode(json.loads((VECTORS / "sealed" / f"{name}.json").read_text())["value"]) for name in NAMES]
FAILURES = {found for name, found in vars(failures).items() if name.endswith("Error") and hasattr(found, "reason")}
FIELDS = ["label", "wrap", "nonce", "ciphertext", "manifest", "size", "index", "path", "signature"]

QUICK = settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid record with one mutation, or (one in ten) bytes at random."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([b"", b"\x01", b"\xc3\x01"])) + draw(st.binary(max_size=400))
    value = draw(st.sampled_from(VALUES))
    # Half of the mutations strike the first bytes, where the lengths and the label are.
    at = draw(st.one_of(st.integers(0, 80), st.integers(0, len(value) - 1)))
    way = draw(st.sampled_from(["flip", "set", "cut", "drop", "insert", "double", "splice"]))
    match way:
        case "flip":
            return value[:at] + bytes([value[at] ^ (1 << draw(st.integers(0, 7)))]) + value[at + 1 :]
        case "set":
            return value[:at] + draw(st.binary(min_size=1, max_size=9)) + value[at + 1 :]
        case "cut":
            return value[:at]
        case "drop":
            return value[:at] + value[at + draw(st.integers(1, 64)) :]
        case "insert":
            return value[:at] + draw(st.binary(min_size=1, max_size=64)) + value[at:]
        case "double":
            return value[:at] + value
        case _:
            return value[:at] + draw(st.sampled_from(VALUES))[at:]


def attempt(value: bytes, at: datetime = AT) -> Opened | SealError:
    try:
        return OPENER.open(value, at)
    except SealError as error:
        return error


def check(value: bytes) -> None:
    outcome = attempt(value)
    if isinstance(outcome, Opened):
        assert value in VALUES
        assert outcome.payload.startswith(codec.MARKER)
    else:
        assert outcome.sentence
        assert type(outcome) in FAILURES


@given(mutated())
@QUICK
def test_a_mutated_record_opens_never_and_fails_in_one_of_our_ways(value: bytes) -> None:
    check(value)
    with suppress(SealError):
        assert len(read_label(value).record_id) == 16


@pytest.mark.parametrize("name", FIELDS)
def test_any_value_in_any_field_fails_in_one_of_our_ways(name: str) -> None:
    schema = codec.registry().find("sealed_envelope", 1)
    whole = schema.read(VALUES[2], 1)
    named: dict[str, list[Any]] = {
        "size": [-1, 0, 2, 7, 64, 512, 4096, 2**31 - 1, -(2**31), 2**63 - 1],
        "index": [-1, 8, 4096, 2**31 - 1, -(2**63)],
        "path": [[], [bytes(32)], [bytes(32)] * 3, [bytes(32)] * 13, [bytes(32)] * 5000],
        "nonce": [bytes(12), b"\xff" * 12],
        "signature": [bytes(64), b"\xff" * 64],
    }
    blobs = [b"", b"\0", bytes(24), b"\xff" * 40, bytes(1023), bytes(1024), bytes(1184), b"\xff" * 500_000, whole["wrap"], whole["label"]]
    for odd in named.get(name, blobs):
        if odd != whole[name]:
            check(b"\x01" + schema.write(whole | {name: odd}))


@given(st.integers(-400_000, 400_000), st.integers(0, len(VALUES) - 1))
@QUICK
def test_any_time_gives_the_record_or_one_of_our_errors(hours: int, which: int) -> None:
    outcome = attempt(VALUES[which], AT + timedelta(hours=hours))
    if not isinstance(outcome, Opened):
        assert hours != 0
        assert isinstance(outcome, OutsideEpochError | KeyExpiredError)


@given(st.binary(max_size=1500))
@QUICK
def test_random_bytes_are_no_closed_text(data: bytes) -> None:
    for closed in (data, b"\x01" + data):
        with pytest.raises(SealError):
            open_text(PAS, closed, sender="force:01", recipient="pas", report_id=bytes(16), item_index=0)


def test_a_record_too_large_for_the_log_is_not_even_taken_apart() -> None:
    with pytest.raises(MalformedRecordError, match="larger"):
        OPENER.open(b"\x01" + bytes(1_000_000), AT)


@given(mutated())
@QUICK
def test_decoding_gives_a_record_or_a_codec_error(value: bytes) -> None:
    for schema in ("sealed_envelope", "seal_label"):
        head = codec.registry().find(schema).head
        for data in (value, head + value, head + value[1:], head + value[5:]):
            with suppress(CodecError):
                assert codec.decode(data).name == schema
