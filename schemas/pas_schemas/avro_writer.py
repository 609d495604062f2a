"""Writes Avro: a schema becomes one function that lays a datum's bytes, so that nothing of the schema is looked at again.

It knows the types that our schemas are made of: record, array, fixed, string, bytes, int, long, boolean, and any of these or null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Lay = Callable[[bytes], None]
Write = Callable[[Lay, Any], None]


class UnfitError(ValueError):
    """A datum that does not fit its schema; so do TypeError, LookupError, AttributeError and UnicodeError say."""


class UnknownTypeError(ValueError):
    """A type that no schema of ours has."""


def write_body(write: Write, datum: Any, head: bytes = b"") -> bytes:
    """The bytes of a datum, after `head`."""
    pieces = [head]
    write(pieces.append, datum)
    return b"".join(pieces)


def build_writer(schema: Any, named: Mapping[str, Any]) -> Write:
    """The function that writes a schema as fastavro parsed it; `named` holds its named types."""
    if isinstance(schema, list):
        return _build_maybe(schema, named)
    if isinstance(schema, str):
        return _PLAIN[schema] if schema in _PLAIN else build_writer(_look_up(schema, named), named)
    # A logical type is another value to whoever reads it.
    kind = schema["type"] if "logicalType" not in schema else None
    if kind == "record":
        return build_fields(schema["fields"], named)
    if kind == "array":
        return _build_array(build_writer(schema["items"], named))
    if kind == "fixed":
        return _build_fixed(schema["size"])
    raise UnknownTypeError(kind)


def build_fields(fields: Iterable[Mapping[str, Any]], named: Mapping[str, Any]) -> Write:
    """The function that writes a mapping of exactly these fields, one after another."""
    parts = [(part["name"], build_writer(part["type"], named)) for part in fields]
    count = len(parts)

    def write(lay: Lay, datum: Any) -> None:
        if len(datum) != count:
            raise UnfitError
        for name, write_part in parts:
            write_part(lay, datum[name])

    return write


def spell(number: int) -> bytes:
    """A number as Avro writes it: zigzag, seven bits a byte, the lowest first."""
    left = number << 1 if number >= 0 else ~(number << 1)
    spelt = bytearray()
    while left > 0x7F:
        spelt.append(left & 0x7F | 0x80)
        left >>= 7
    spelt.append(left)
    return bytes(spelt)


# Nearly every length, count and number is one of these.
_SMALL_NUMBERS = 4096
_SMALL = tuple(spell(number) for number in range(_SMALL_NUMBERS))
_NONE, _SOME, _END = spell(0), spell(1), spell(0)


def _write_string(lay: Lay, text: Any) -> None:
    data = str.encode(text)
    length = len(data)
    lay(_SMALL[length] if length < _SMALL_NUMBERS else spell(length))
    lay(data)


def _write_bytes(lay: Lay, data: Any) -> None:
    length = len(data)
    lay(_SMALL[length] if length < _SMALL_NUMBERS else spell(length))
    lay(data)


def _write_boolean(lay: Lay, value: Any) -> None:
    if value is not True and value is not False:
        raise UnfitError
    lay(b"\x01" if value else b"\x00")


def _build_number(bits: int) -> Write:
    most = 1 << (bits - 1)

    def write(lay: Lay, number: Any) -> None:
        if type(number) is not int or not -most <= number < most:
            raise UnfitError
        lay(_SMALL[number] if 0 <= number < _SMALL_NUMBERS else spell(number))

    return write


def _build_maybe(branches: list[Any], named: Mapping[str, Any]) -> Write:
    if len(branches) != 2 or branches[0] != "null":
        raise UnknownTypeError
    write_some = build_writer(branches[1], named)

    def write(lay: Lay, datum: Any) -> None:
        if datum is None:
            lay(_NONE)
        else:
            lay(_SOME)
            write_some(lay, datum)

    return write


def _build_array(write_one: Write) -> Write:
    def write(lay: Lay, data: Any) -> None:
        if not isinstance(data, (list, tuple)):
            raise UnfitError
        if data:
            lay(spell(len(data)))
            for datum in data:
                write_one(lay, datum)
        lay(_END)

    return write


def _build_fixed(size: int) -> Write:
    def write(lay: Lay, data: Any) -> None:
        if len(data) != size:
            raise UnfitError
        lay(data)

    return write


_PLAIN: Mapping[str, Write] = {
    "string": _write_string, "bytes": _write_bytes, "boolean": _write_boolean, "int": _build_number(32), "long": _build_number(64),
}  # fmt: skip


def _look_up(name: str, named: Mapping[str, Any]) -> Any:
    if name not in named:
        raise UnknownTypeError(name)
    return named[name]
