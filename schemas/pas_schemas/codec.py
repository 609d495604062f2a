"""The one way records become bytes and back: Avro single-object encoding over the schemas shipped in `avro/`.

A record is `C3 01`, the schema's CRC-64-AVRO fingerprint (little-endian), then the Avro body. Each file
`avro/NAME.vN.avsc` is one record at one version and is never edited after release; all of them stay readable.

    CodecError
    |- WrongMarkerError         the bytes do not begin as a single-object encoding does
    |- UnknownFingerprintError  no schema shipped here has that fingerprint
    |- UnexpectedSchemaError    a record of another schema than the caller can use
    |- TruncatedRecordError     the bytes end before the record does
    |- TrailingBytesError       bytes are left after the record
    |- DamagedRecordError       the body is not what its schema says
    |- UnfitDatumError          what is to be written does not fit the schema
    `- UnknownSchemaError       no schema of that name and version is shipped
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from io import BytesIO
from itertools import pairwise
from typing import Any, NamedTuple

import fastavro
from fastavro.schema import SchemaParseException, to_parsing_canonical_form
from fastavro.schema import fingerprint as fingerprint_of
from fastavro.validation import ValidationError

from pas_schemas.errors import CodecError

MARKER = b"\xc3\x01"
HEAD_BYTES = 10

_FILE = re.compile(r"([a-z][a-z0-9_]*)\.v([1-9][0-9]*)\.avsc")
# What fastavro lets out for input that does not fit: it promises no exception of its own.
_FOREIGN = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, RecursionError, TypeError,
    ValueError, struct.error, ValidationError, SchemaParseException,
)  # fmt: skip


class WrongMarkerError(CodecError):
    """The bytes do not begin with `C3 01` and a fingerprint."""


class UnknownFingerprintError(CodecError):
    """A record of a schema that this version does not ship."""


class UnexpectedSchemaError(CodecError):
    """A record of a known schema that is not one the caller can use."""


class TruncatedRecordError(CodecError):
    """The bytes end before the record does."""


class TrailingBytesError(CodecError):
    """Bytes are left after the record."""


class DamagedRecordError(CodecError):
    """The body is not what its schema says."""


class UnfitDatumError(CodecError):
    """What is to be written does not fit its schema."""


class UnknownSchemaError(CodecError):
    """No schema of that name and version is shipped: a mistake in the call."""


class Decoded(NamedTuple):
    """A record as it was written: which schema, which version of it, and the datum."""

    name: str
    version: int
    datum: Any


@dataclass(frozen=True, slots=True)
class Schema:
    """One shipped schema: `parsed` is fastavro's own form, `head` the ten bytes each of its records begins with."""

    name: str
    version: int
    parsed: Any = field(repr=False)
    head: bytes = field(repr=False)

    def write(self, datum: Any) -> bytes:
        """The Avro body alone, without marker and fingerprint; raises UnfitDatumError."""
        return self._write(BytesIO(), datum)

    def encode(self, datum: Any) -> bytes:
        """The single-object encoding; raises UnfitDatumError."""
        out = BytesIO()
        out.write(self.head)
        return self._write(out, datum)

    def _write(self, out: BytesIO, datum: Any) -> bytes:
        try:
            fastavro.schemaless_writer(out, self.parsed, datum, strict=True)
        except _FOREIGN:
            # The cause is cut off: fastavro puts the datum, which may be a report, into its messages.
            raise UnfitDatumError(
                f"What was to be written does not fit the schema {self.name}.", "this is a fault of the program"
            ) from None
        return out.getvalue()

    def read(self, body: bytes, start: int = 0) -> Any:
        """The datum whose Avro body is all of `body` from `start` on; raises Truncated-, Damaged- or TrailingBytesError."""
        source = BytesIO(body)
        source.seek(start)
        try:
            datum = fastavro.schemaless_reader(source, self.parsed, None)
        except EOFError:
            raise TruncatedRecordError(f"A {self.name} record ends too early.", "the sender must send it again") from None
        except _FOREIGN:
            raise DamagedRecordError(f"The body is not a {self.name} record.", "the sender must send it again") from None
        if source.tell() != len(body):
            raise TrailingBytesError(f"Bytes are left after a {self.name} record.", "the sender must send it again")
        return datum


class Cut:
    """A record schema cut into parts, each a run of its fields: what is the same in several records is encoded once.

    Avro writes a record's fields one after another, so the parts, joined, are the bytes that `Schema.encode` makes.
    """

    def __init__(self, schema: Schema, before: Sequence[str]) -> None:
        """`before` names the fields that begin a part, in their order; the first part begins with the first field."""
        fields = schema.parsed["fields"]
        names = [part["name"] for part in fields]
        places = [0, *map(names.index, before), len(fields)]
        self._parts = [self._part(schema, fields[start:end]) for start, end in pairwise(places)]
        self._head = schema.head

    @staticmethod
    def _part(schema: Schema, fields: Any) -> Schema:
        part = {"type": "record", "name": schema.name, "fields": fields}
        return Schema(schema.name, schema.version, fastavro.parse_schema(_bare(part)), b"")

    def encode(self, part: int, datum: Any) -> bytes:
        """One part, counted from 0; raises UnfitDatumError."""
        return self._parts[part].write(datum)

    def join(self, *parts: bytes) -> bytes:
        """The record's single-object encoding of all its parts."""
        return b"".join((self._head, *parts))


def is_text(word: str) -> bool:
    """Whether a record can hold it: half of a surrogate pair is no Unicode text."""
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _bare(parsed: Any) -> Any:
    """A parsed schema as it could stand in a file: without fastavro's own marks."""
    if isinstance(parsed, dict):
        return {key: _bare(value) for key, value in parsed.items() if not key.startswith("__")}
    return [_bare(part) for part in parsed] if isinstance(parsed, list) else parsed


class Registry:
    """Every schema shipped, by name and version and by fingerprint; refuses files that could not be read safely."""

    def __init__(self, sources: Iterable[tuple[str, str]]) -> None:
        """`sources` are pairs of file name and JSON text; raises UnknownSchemaError for a file that may not ship."""
        self.by_head: dict[bytes, Schema] = {}
        self.versions: dict[str, dict[int, Schema]] = {}
        for file, text in sources:
            self._add(_load(file, text))
        self.newest = {name: versions[max(versions)] for name, versions in self.versions.items()}

    def _add(self, schema: Schema) -> None:
        clash = self.by_head.setdefault(schema.head, schema)
        if clash is not schema:
            raise UnknownSchemaError(
                f"{schema.name} v{schema.version} and {clash.name} v{clash.version} have one fingerprint.", "rename one"
            )
        self.versions.setdefault(schema.name, {})[schema.version] = schema

    def find(self, name: str, version: int | None = None) -> Schema:
        """The schema of a name, the newest version unless one is given; raises UnknownSchemaError."""
        found = self.newest.get(name) if version is None else self.versions.get(name, {}).get(version)
        if found is None:
            wanted = name if version is None else f"{name} v{version}"
            raise UnknownSchemaError(f"No schema {wanted} is shipped.", "this is a fault of the program")
        return found

    def recognise(self, data: bytes) -> Schema:
        """The schema a single-object encoding names; raises WrongMarkerError or UnknownFingerprintError."""
        if len(data) < HEAD_BYTES or data[:2] != MARKER:
            raise WrongMarkerError("The bytes are not a record in single-object encoding.", "something else was sent")
        found = self.by_head.get(data[:HEAD_BYTES])
        if found is None:
            raise UnknownFingerprintError("The record is of a schema that this version does not know.", "a newer version may know it")
        return found


def is_record(data: bytes, name: str) -> bool:
    """Whether the bytes begin as a record of that schema, of whatever version."""
    found = registry().by_head.get(data[:HEAD_BYTES])
    return found is not None and found.name == name


def encode(name: str, datum: Any, version: int | None = None) -> bytes:
    """The single-object encoding of a datum, in the newest version of a schema unless another is given.

    Raises UnfitDatumError where the datum has other fields than the schema or values that do not fit.
    """
    return registry().find(name, version).encode(datum)


@cache
def cut(name: str, *before: str) -> Cut:
    """The newest version of a schema, cut before some of its fields."""
    return Cut(registry().find(name), before)


def decode(data: bytes, *names: str) -> Decoded:
    """The one record that `data` is, which must be of one of the schemas named (of any, where none is named).

    Raises a CodecError: see the module's tree. Nothing is known of who wrote it.
    """
    schema = _recognise(data, names)
    return Decoded(schema.name, schema.version, schema.read(data, HEAD_BYTES))


def name_of(data: bytes, *names: str) -> str:
    """The schema that `data` says it is a record of, which must be one of those named; its body is not looked at.

    Raises WrongMarkerError, UnknownFingerprintError or UnexpectedSchemaError.
    """
    return _recognise(data, names).name


def _recognise(data: bytes, names: Sequence[str]) -> Schema:
    schema = registry().recognise(data)
    if names and schema.name not in names:
        raise UnexpectedSchemaError(f"A {schema.name} record came where it has no business.", "it was sent to the wrong place")
    return schema


def fingerprint(name: str, version: int | None = None) -> bytes:
    """The eight bytes by which a schema is known on the wire: CRC-64-AVRO of its canonical form, little-endian."""
    return registry().find(name, version).head[2:]


@cache
def registry() -> Registry:
    """The schemas of the package's own `avro/` folder, read and parsed once a process."""
    folder = files("pas_schemas") / "avro"
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".avsc")), key=lambda file: file.name)
    return Registry((file.name, file.read_text("utf-8")) for file in found)


def _load(file: str, text: str) -> Schema:
    match = _FILE.fullmatch(file)
    if match is None:
        raise UnknownSchemaError(f"The schema file {file} is not named NAME.vN.avsc.", "rename it")
    try:
        raw = json.loads(text)
        parsed: Any = fastavro.parse_schema(raw)
        mark = bytes.fromhex(fingerprint_of(to_parsing_canonical_form(raw), "CRC-64-AVRO"))
    except _FOREIGN as error:
        raise UnknownSchemaError(f"The schema file {file} is not an Avro schema.", str(error)) from error
    if not isinstance(raw, dict) or raw["type"] != "record":
        raise UnknownSchemaError(f"The schema file {file} does not hold a record.", "wrap it in one")
    _least_bytes(parsed, parsed["__named_schemas"], file, ())
    return Schema(match[1], int(match[2]), parsed, MARKER + mark)


_LEAST = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1, "enum": 1}


def _least_bytes(schema: Any, named: Mapping[str, Any], file: str, inside: tuple[str, ...]) -> int:
    """The fewest bytes a value takes; refuses what a few bytes of input could turn into endless work.

    That is a type within itself (the reader recurses on the C stack) and a list of items that take no bytes.
    """
    if isinstance(schema, list):
        return 1 + min(_least_bytes(branch, named, file, inside) for branch in schema)
    if isinstance(schema, str):
        return _LEAST[schema] if schema in _LEAST else _least_bytes(named[schema], named, file, inside)
    kind = schema["type"]
    if kind == "record":
        if schema["name"] in inside:
            raise UnknownSchemaError(f"A type in the schema file {file} holds itself.", "such records cannot be read safely")
        return sum(_least_bytes(part["type"], named, file, (*inside, schema["name"])) for part in schema["fields"])
    if kind == "array":
        if _least_bytes(schema["items"], named, file, inside) == 0:
            raise UnknownSchemaError(
                f"A list in the schema file {file} has items that take no bytes.", "such records cannot be read safely"
            )
        return 1
    if kind == "map":
        _least_bytes(schema["values"], named, file, inside)
        return 1
    return int(schema["size"]) if kind == "fixed" else _LEAST[kind]
