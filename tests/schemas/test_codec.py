"""The codec: single-object encoding, fingerprints that never change, and errors of our own for anything else."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastavro.schema import fingerprint as fingerprint_of
from hypothesis import given, settings
from hypothesis import strategies as st

from pas_schemas import codec
from pas_schemas.codec import (
    DamagedRecordError,
    Registry,
    TrailingBytesError,
    TruncatedRecordError,
    UnexpectedSchemaError,
    UnfitDatumError,
    UnknownFingerprintError,
    UnknownSchemaError,
    WrongMarkerError,
)
from pas_schemas.errors import CodecError

LABEL: dict[str, Any] = {
    "wire_version": 1, "sender": "force:01", "recipient": "pas", "sender_key": bytes(8), "recipient_key": b"\1" * 8,
    "epoch_id": bytes(16), "record_id": bytes(range(16)), "fingerprint": b"schema 1",
}  # fmt: skip
BODY = "0210666f7263653a303106706173" + "00" * 8 + "01" * 8 + "00" * 16 + "000102030405060708090a0b0c0d0e0f" + b"schema 1".hex()

EVERY_TYPE = {
    "type": "record", "name": "Everything", "fields": [
        {"name": "flag", "type": "boolean"}, {"name": "small", "type": "int"}, {"name": "large", "type": "long"},
        {"name": "ratio", "type": "double"}, {"name": "share", "type": "float"}, {"name": "text", "type": "string"},
        {"name": "raw", "type": "bytes"}, {"name": "maybe", "type": ["null", "string", {"type": "fixed", "name": "Four", "size": 4}]},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "when", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "sum", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "list", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [{"name": "n", "type": "int"}]}}},
        {"name": "pairs", "type": {"type": "map", "values": "Item"}},
    ],
}  # fmt: skip


EVERY_VALUE = {
    "flag": True, "small": -7, "large": 2**62, "ratio": 0.5, "share": 0.25, "text": "two words", "raw": bytes(3),
    "maybe": "yes", "kind": "B",
    "when": datetime(2015, 11, 18, tzinfo=UTC), "day": date(2015, 11, 18), "sum": Decimal("1.25"), "id": UUID(int=7),
    "list": [{"n": 1}, {"n": 2}], "pairs": {"a": {"n": 3}},
}  # fmt: skip


def make_schema(raw: dict[str, Any], name: str = "thing.v1.avsc") -> codec.Schema:
    return Registry([(name, json.dumps(raw))]).find(name.split(".", maxsplit=1)[0])


def record(*types: Any) -> dict[str, Any]:
    return {"type": "record", "name": "Thing", "fields": [{"name": f"f{n}", "type": kind} for n, kind in enumerate(types)]}


def test_a_record_is_marker_fingerprint_and_body() -> None:
    data = codec.encode("seal_label", LABEL)
    assert data.hex() == "c301" + "d93165c9d000bde9" + BODY
    assert codec.decode(data, "sealed_envelope", "seal_label") == ("seal_label", 1, LABEL)
    assert codec.decode(data).datum == LABEL
    assert codec.encode("seal_label", LABEL, 1) == data
    assert codec.fingerprint("seal_label") == codec.fingerprint("seal_label", 1) == data[2:10]


def test_fingerprints_are_crc_64_avro_little_endian() -> None:
    # From the Avro specification's own tests: the fingerprint of "int" is 0x7275d51a3f395c8f.
    assert bytes.fromhex(fingerprint_of('"int"', "CRC-64-AVRO")) == (0x7275D51A3F395C8F).to_bytes(8, "little")


def test_released_schemas_are_never_edited() -> None:
    """What was once written must stay readable: a fingerprint here stands in records on disk."""
    pinned = json.loads((Path(__file__).parent.parent / "vectors" / "fingerprints.json").read_text())
    for name, expected in pinned.items():
        found, version = name.rsplit(".v", 1)
        assert codec.fingerprint(found, int(version)).hex() == expected, name


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda d: b"", WrongMarkerError),
        (lambda d: d[:9], WrongMarkerError),
        (lambda d: b"\xc3\x02" + d[2:], WrongMarkerError),
        (lambda d: b"{" + d, WrongMarkerError),
        (lambda d: d[:2] + b"\0" + d[3:], UnknownFingerprintError),
        (lambda d: d[:10], TruncatedRecordError),
        (lambda d: d[:-1], TruncatedRecordError),
        (lambda d: d + b"\0", TrailingBytesError),
        (lambda d: d[:11] + b"\x10\xff\xfe" + d[14:], DamagedRecordError),
        (lambda d: d[:11] + b"\xff" * 9 + b"\x01" + d[12:], CodecError),
    ],
)
def test_bytes_that_are_no_record_have_their_own_errors(change: Any, error: type[CodecError]) -> None:
    with pytest.raises(error) as caught:
        codec.decode(change(codec.encode("seal_label", LABEL)), "seal_label")
    assert "force" not in str(caught.value)


def test_a_record_of_another_schema_is_refused_before_it_is_read() -> None:
    data = codec.encode("seal_label", LABEL)
    with pytest.raises(UnexpectedSchemaError):
        codec.decode(data + b"rubbish", "sealed_envelope")


@pytest.mark.parametrize(
    "datum",
    [
        {}, LABEL | {"more": 1}, {k: v for k, v in LABEL.items() if k != "sender"}, LABEL | {"sender": 5}, LABEL | {"epoch_id": b"short"},
        LABEL | {"wire_version": "A1234BC"}, LABEL | {"wire_version": 2**80}, LABEL | {"sender": "\ud800"}, LABEL | {"record_id": None},
        None, 5, [],
    ],
)  # fmt: skip
def test_what_does_not_fit_is_not_written_and_not_shown(datum: Any) -> None:
    with pytest.raises(UnfitDatumError) as caught:
        codec.encode("seal_label", datum)
    assert "A1234BC" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_schema_that_is_not_shipped_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(UnknownSchemaError):
        codec.encode("nothing", {})
    with pytest.raises(UnknownSchemaError):
        codec.encode("seal_label", LABEL, 99)
    with pytest.raises(UnknownSchemaError):
        codec.fingerprint("nothing")


def test_every_version_stays_readable_and_the_newest_is_written() -> None:
    first, second = record("int"), record("int", "string")
    registry = Registry([("thing.v1.avsc", json.dumps(first)), ("thing.v2.avsc", json.dumps(second))])
    old = registry.find("thing", 1).encode({"f0": 7})
    assert registry.find("thing").version == 2
    assert registry.recognise(old).version == 1
    assert registry.recognise(old).read(old, 10) == {"f0": 7}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("thing.avsc", json.dumps(record("int"))),
        ("thing.v0.avsc", json.dumps(record("int"))),
        ("thing.v1.avsc", "{"),
        ("thing.v1.avsc", "[]"),
        ("thing.v1.avsc", '"int"'),
        ("thing.v1.avsc", json.dumps(record("no such type"))),
        ("thing.v1.avsc", json.dumps({"type": "array", "items": "int"})),
        ("thing.v1.avsc", json.dumps(record({"type": "array", "items": "null"}))),
        ("thing.v1.avsc", json.dumps(record({"type": "array", "items": {"type": "record", "name": "Empty", "fields": []}}))),
        ("thing.v1.avsc", json.dumps(record(["null", "Thing"]))),
        ("thing.v1.avsc", json.dumps(record({"type": "map", "values": "Thing"}))),
    ],
)
def test_a_schema_file_that_could_not_be_read_safely_is_refused(file: str, text: str) -> None:
    with pytest.raises(UnknownSchemaError):
        Registry([(file, text)])


def test_two_schemas_of_one_fingerprint_are_refused() -> None:
    text = json.dumps(record("int"))
    with pytest.raises(UnknownSchemaError):
        Registry([("thing.v1.avsc", text), ("thing.v2.avsc", text)])


def test_a_record_of_every_type_comes_back() -> None:
    assert EVERYTHING.read(EVERYTHING.write(EVERY_VALUE)) == EVERY_VALUE


@given(st.binary(max_size=120))
@settings(max_examples=1500, deadline=None)
def test_any_bytes_as_any_type_give_a_datum_or_a_codec_error(data: bytes) -> None:
    with suppress(CodecError):
        assert set(EVERYTHING.read(data)) == set(EVERY_VALUE)


@given(st.integers(0, 120), st.binary(min_size=1, max_size=10))
@settings(max_examples=2000, deadline=None)
def test_a_record_of_every_type_with_one_place_changed_gives_a_datum_or_a_codec_error(at: int, put: bytes) -> None:
    whole = EVERYTHING.write(EVERY_VALUE)
    with suppress(CodecError):
        assert set(EVERYTHING.read(whole[:at] + put + whole[at + len(put) :])) == set(EVERY_VALUE)


@pytest.mark.parametrize("body", ["fe" * 9 + "01", "ff" * 9 + "01", "ff" * 40, "80" * 200, "01", "03" + "fe" * 9 + "01"])
def test_lengths_that_cannot_be_are_errors_and_not_memory(body: str) -> None:
    for kind in (
        "bytes",
        "string",
        {"type": "array", "items": "int"},
        {"type": "map", "values": "int"},
        {"type": "array", "items": "string"},
    ):
        schema = make_schema(record(kind, "int"))
        with pytest.raises(CodecError):
            schema.read(bytes.fromhex(body))


EVERYTHING = make_schema(EVERY_TYPE, "everything.v1.avsc")
