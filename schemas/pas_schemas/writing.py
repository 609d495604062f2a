"""Avro written by functions made once of a schema, for the small records of which a report takes a dozen.

They write what fastavro writes, byte for byte, which a test holds them to for every schema shipped. For such records a library that
looks at its schema anew with each of them takes several times as long as the writing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from pas_schemas.errors import CodecError

Write = Callable[[Any], bytes]
# `itemgetter` or `attrgetter`.
Get = Callable[..., Callable[[Any], Any]]

# The first numbers as they are written: lengths, counts and places are seldom larger.
_FEW: Final = 2048
_BOOLEANS: Final = {False: b"\0", True: b"\1"}
_NULL: Final = b"\0"


class UnwritableError(CodecError):
    """The schema has a type that nothing here writes: a mistake in the call."""

    def __init__(self, kind: object) -> None:
        super().__init__(f"Nothing here writes the Avro type {kind}.", "this is a fault of the program")


def make_writer(schema: Any, named: Mapping[str, Any], get: Get) -> Write:
    """Writes a datum of this type; `named` are the types that it may name. What does not fit raises one of Python's own errors.

    Records are dictionaries where `get` is `itemgetter`, and objects with the fields for attributes where it is `attrgetter`.
    """
    if isinstance(schema, list):
        return _make_optional(schema, named, get)
    if isinstance(schema, str):
        return _PLAIN.get(schema) or make_writer(named[schema], named, get)
    match schema["type"]:
        case "record":
            return _make_record(schema["fields"], named, get)
        case "array":
            return _make_array(make_writer(schema["items"], named, get))
        case "fixed":
            return _make_fixed(schema["size"])
        case kind:
            raise UnwritableError(kind)


# Typed, or a fraction that equals a number would be written as it.
@lru_cache(maxsize=_FEW, typed=True)
def _long(number: int) -> bytes:
    """Zigzag, then seven bits a byte, the lowest first."""
    if not -(1 << 63) <= number < 1 << 63:
        raise OverflowError
    left, made = (number << 1) ^ (number >> 63), bytearray()
    while left > 0x7F:
        made.append(left & 0x7F | 0x80)
        left >>= 7
    made.append(left)
    return bytes(made)


_WRITTEN: Final = [_long(number) for number in range(_FEW)]


def _write_long(number: int) -> bytes:
    return _WRITTEN[number] if 0 <= number < _FEW else _long(number)


def _write_int(number: int) -> bytes:
    if 0 <= number < _FEW:
        return _WRITTEN[number]
    if not -(1 << 31) <= number < 1 << 31:
        raise OverflowError
    return _long(number)


def _write_bytes(value: bytes) -> bytes:
    return _write_long(len(value)) + value


def _write_string(text: str) -> bytes:
    value = text.encode()
    return _write_long(len(value)) + value


_PLAIN: Final[dict[str, Write]] = {
    "null": lambda value: _refuse() if value is not None else b"", "boolean": _BOOLEANS.__getitem__, "int": _write_int,
    "long": _write_long, "bytes": _write_bytes, "string": _write_string,
}  # fmt: skip


def _refuse() -> bytes:
    raise ValueError


def _make_record(fields: Iterable[Mapping[str, Any]], named: Mapping[str, Any], get: Get) -> Write:
    names = [one["name"] for one in fields]
    writers = [make_writer(one["type"], named, get) for one in fields]
    values = get(*names) if len(names) > 1 else _get_one(get(*names))
    count = len(names) if get is itemgetter else None

    def write(datum: Any) -> bytes:
        if count is not None and len(datum) != count:
            raise ValueError
        return b"".join([write_field(value) for write_field, value in zip(writers, values(datum), strict=True)])

    return write


def _get_one(get: Callable[[Any], Any]) -> Callable[[Any], tuple[Any]]:
    return lambda datum: (get(datum),)


def _make_array(write_item: Write) -> Write:
    def write(items: list[Any]) -> bytes:
        # One block of all, and the end; of none the end alone.
        return b"".join([_write_long(len(items)), *[write_item(item) for item in items], _NULL]) if items else _NULL

    return write


def _make_fixed(size: int) -> Write:
    def write(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError
        return b"".join((value,))

    return write


def _make_optional(branches: list[Any], named: Mapping[str, Any], get: Get) -> Write:
    """Null or one other type: no schema here has another choice."""
    if len(branches) != 2 or branches[0] != "null":
        raise UnwritableError(branches)
    write_there = make_writer(branches[1], named, get)

    def write(value: Any) -> bytes:
        return _NULL if value is None else b"\2" + write_there(value)

    return write
