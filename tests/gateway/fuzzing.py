"""Mutations of what offices send: each field in turn, inside the seal, so that it comes with a sender's good signature."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from gateway.judging import make_opener
from pas_schemas.codec import decode, encode
from pas_schemas.errors import CodecError
from pas_schemas.sealing import BATCH, Plain, Sealer, SealingKey, build_manifest, item_digest, subject_digest
from pas_transport.log import Taken
from pas_transport.workspace import Workspace

Datum = dict[str, Any]
Path = tuple[str | int, ...]

STRINGS = (
    "", " ", "\x00", "x" * 3000, "💥\u202e", "pas", "force:06", "SECRET", "E", "5", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z",
    "2015-02-30", "-1", "A0000AA", "2001/0171310S",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))
BYTES = (b"", b"\x00", b"\xc3\x01" + bytes(20), bytes(16), bytes(3000))
# Fields that hold a record of their own, encoded.
PARTS = {"shared": "item_shared", "withheld": "item_withheld", "subjects": "subject_part"}


@dataclass(frozen=True)
class Forge:
    """Seals as an office what it never wrote; `own` is whose signing key is used."""

    workspace: Workspace
    office: str
    own: str | None = None
    prefix: bytes = BATCH
    ahead: timedelta = timedelta()

    def seal(self, record_id: bytes, payload: bytes, manifest: bytes = b"", to: str = "pas") -> bytes:
        now = self.workspace.clock.now() + self.ahead
        key = self.workspace.directory().key(to, "open", self.workspace.clock.now())
        assert key is not None
        signing = self.workspace.keyring(self.own or self.office).signing()
        sealer = Sealer(self.office, signing, epoch_life=timedelta(hours=1), prefix=self.prefix)
        return sealer.seal(to, SealingKey.from_bytes(key.public), [Plain(record_id, payload, manifest)], now)[0]


def open_report(workspace: Workspace, taken: Taken) -> tuple[Datum, bytes]:
    """The datum of a published report with its parts decoded, and its manifest."""
    opened = make_opener(workspace, "pas").open(taken.value, taken.at)
    datum = decode(opened.payload, "report").datum
    datum["subjects"] = [decode(part, "subject_part").datum for part in datum["subjects"]]
    for item in datum["items"]:
        item["withheld"] = decode(item["withheld"], "item_withheld").datum
        item["shared"] = decode(item["shared"], "item_shared").datum if item["shared"] else b""
    return datum, opened.manifest


def encode_report(datum: Datum, manifest: bytes | None) -> tuple[bytes, bytes]:
    """The payload again, and its manifest; without one given, digests and manifest are made anew, as a forger would."""
    datum = deepcopy(datum)
    datum["subjects"] = [_encode(part, "subject_part") for part in datum["subjects"]]
    digests = [subject_digest(part) for part in datum["subjects"]]
    for item in datum["items"]:
        item["withheld"] = _encode(item["withheld"], "item_withheld")
        item["shared"] = _encode(item["shared"], "item_shared")
        if manifest is None and item["shared"]:
            concerned = range(len(digests)) if item["subjects"] is None else dict.fromkeys(item["subjects"])
            item["digest"] = item_digest(item["salt"], item["shared"], [digests[one] for one in concerned if 0 <= one < len(digests)])
    if manifest is None:
        manifest = build_manifest([item["digest"] for item in datum["items"]][:32])
    return encode("report", datum), manifest


def _encode(part: object, schema: str) -> bytes:
    return part if isinstance(part, bytes) else encode(schema, part)  # type: ignore[arg-type]  # a datum of that schema


def mutate(datum: Datum) -> Iterator[tuple[Path, Datum]]:
    """The datum again and again, each time with one field changed; what its schema cannot carry is for `carried` to drop."""
    for path in walk(datum):
        for value in _others(_get(datum, path)):
            changed = deepcopy(datum)
            _set(changed, path, value)
            yield path, changed


def walk(node: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every field."""
    if path:
        yield path
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in inside:
        yield from walk(child, (*path, name))


def _others(value: Any) -> Iterator[Any]:
    yield from () if value is None else (None,)
    match value:
        case bool():
            yield not value
        case int():
            yield from NUMBERS
        case str():
            yield from STRINGS
        case bytes():
            yield from (*BYTES, value[:-1], value + b"\x00")
        case list():
            yield from ([], value * 2, value * 40)
        case None:
            yield from ("", "x", 0, True, b"", [])


def _get(node: Any, path: Path) -> Any:
    for name in path:
        node = node[name]
    return node


def _set(node: Any, path: Path, value: Any) -> None:
    _get(node, path[:-1])[path[-1]] = value


def carried(schema: str, datum: Datum) -> bytes | None:
    """The encoding, or None for what no record of that schema can carry."""
    try:
        return encode(schema, datum)
    except CodecError:
        return None


def flip(rng: Random, value: bytes) -> bytes:
    """Some bytes with one bit, or a stretch, or the length changed."""
    at = rng.randrange(len(value))
    match rng.randrange(4):
        case 0:
            return value[:at] + bytes([value[at] ^ 1 << rng.randrange(8)]) + value[at + 1 :]
        case 1:
            return value[:at] + rng.randbytes(8) + value[at + 8 :]
        case 2:
            return value[:at]
        case _:
            return value + rng.randbytes(at % 64 + 1)
