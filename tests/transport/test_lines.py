"""Files of records: however a person lays them out, each record is found with the line that it begins on."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from collections.abc import Iterator
from random import Random
from typing import BinaryIO, cast

import pytest

from pas_schemas.border import MAX_LINE_BYTES
from pas_transport.lines import Line, read_lines


def read(text: bytes) -> list[tuple[int, bytes]]:
    lines = list(read_lines(io.BytesIO(text)))
    assert all(line.fault is None for line in lines)
    return [(line.number, line.data) for line in lines]


def faults(text: bytes) -> list[tuple[int, str]]:
    return [(line.number, line.fault) for line in read_lines(io.BytesIO(text)) if line.fault]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"\n \r\n\t\n", []),
        (b'{"a":1}', [(1, b'{"a":1}')]),
        (b'{"a":1}\n\n{"b":2}\r\n', [(1, b'{"a":1}'), (3, b'{"b":2}')]),
        (b'\xef\xbb\xbf{"a":1}\nnonsense\n{"b":2}\n', [(1, b'{"a":1}'), (2, b"nonsense"), (3, b'{"b":2}')]),
        (b'{"a": [1,\n{"b":2}\n', [(1, b'{"a": [1,'), (2, b'{"b":2}')]),
        (b'{"a": "never closed\n{"b":2}\n', [(1, b'{"a": "never closed'), (2, b'{"b":2}')]),
        (b"[]", []),
        (b" [ ]\n", []),
        (b'\xef\xbb\xbf\n[{"a":"],}\\""},\n\n {"b":[1,{}]}\n]\n', [(2, b'{"a":"],}\\""}'), (4, b'{"b":[1,{}]}')]),
        (b'[{"a":1},]', [(1, b'{"a":1}'), (1, b"")]),
        (b'[{"a":1}]\n{"b":2}\nmore\n', [(1, b'[{"a":1}]'), (2, b'{"b":2}'), (3, b"more")]),
        (b'{\n "a": {"b": "}"}\n}\n', [(1, b'{\n "a": {"b": "}"}\n}')]),
        (b'{"a": 1,\n "b": 2}\n{"c": 3}\n', [(1, b'{"a": 1,\n "b": 2}'), (3, b'{"c": 3}')]),
        (b'{"a": [\n1, {"b": 2}\n]}', [(1, b'{"a": [\n1, {"b": 2}\n]}')]),
        (b'{\n"a": 1\n', [(1, b'{\n"a": 1')]),
    ],
)
def test_records_and_their_lines(text: bytes, expected: list[tuple[int, bytes]]) -> None:
    assert read(text) == expected


def test_a_file_that_ends_in_its_array_is_told() -> None:
    assert faults(b'[{"a":1},\n{"b":2}\n') == [(2, "The file ends in the middle of its array.")]


@pytest.mark.parametrize("layout", ["lines", "array", "indented array", "indented"])
def test_any_layout_of_any_values(layout: str) -> None:
    rng = Random(7)
    rows = [{"text": "".join(rng.choices('ab"\\{}[],:\n é', k=rng.randrange(200_000 if n == 3 else 40))), "n": n} for n in range(12)]
    text = {
        "lines": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
        "array": json.dumps(rows),
        "indented array": json.dumps(rows, indent=2, ensure_ascii=False),
        "indented": "\n".join(json.dumps(row, indent=2) for row in rows),
    }[layout]
    assert [json.loads(data) for _, data in read(text.encode())] == rows


@pytest.mark.parametrize(("before", "after"), [(b"", b"\n"), (b"[", b","), (b"[\n", b",\n")])
def test_a_line_too_long_costs_only_itself(before: bytes, after: bytes) -> None:
    text = before + b'{"a":"' + b"x" * MAX_LINE_BYTES + b'"}' + after + b'{"b":2}' + (b"]" if before else b"")
    first, second = read_lines(io.BytesIO(text))
    assert first.fault == f"The line is {MAX_LINE_BYTES + 8:,} bytes long; a report may have {MAX_LINE_BYTES:,}."
    assert first.number == 1 + before.count(b"\n")
    assert second.data == b'{"b":2}'
    with pytest.raises(ValueError, match="bytes long"):
        first.parse()
    assert second.parse() == {"b": 2}


class Endless:
    """A file of one line of so many bytes, which is never held."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readline(self, limit: int) -> bytes:
        size = min(limit, self._left)
        self._left -= size
        return b"x" * size


def test_memory_is_bounded() -> None:
    tracemalloc.start()
    try:
        (line,) = read_lines(cast(BinaryIO, Endless(50_000_000)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert line.fault == f"The line is 50,000,000 bytes long; a report may have {MAX_LINE_BYTES:,}."
    assert peak < 4 * MAX_LINE_BYTES


def test_records_come_as_they_are_read() -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"a":1}\n'
        yield b'{"b":2}\n'
        raise AssertionError("read further than it must")

    class Slow:
        def __init__(self) -> None:
            self._pieces = pieces()

        def readline(self, limit: int) -> bytes:
            return next(self._pieces)

    lines = read_lines(cast(BinaryIO, Slow()))
    assert next(lines).data == b'{"a":1}'
    assert next(lines).data == b'{"b":2}'


def test_first_record_does_not_wait_for_the_second() -> None:
    """A pipe may stay open for days, and the first line hold a threat to life."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as end:
        end.write(b'\n{"a":1}\n')
        lines = read_lines(stream)
        assert next(lines) == Line(2, b'{"a":1}')
        end.write(b"[not json\n")
        assert next(lines) == Line(3, b"[not json")


@pytest.mark.parametrize("first", [b"[1]", b"[]", b"[{}]", b'["', b"[not json", b'{"urn": {', b'{"urn": [', b'{"urn":', b'{"urn": "x",'])
def test_a_bad_first_line_never_costs_its_neighbours(first: bytes) -> None:
    lines = list(read_lines(io.BytesIO(first + b'\n{"urn": "a"}\n{"urn": "b"}\n')))
    assert [(line.number, line.data) for line in lines] == [(1, first), (2, b'{"urn": "a"}'), (3, b'{"urn": "b"}')]


@pytest.mark.parametrize(
    "text", [b'[\n{"urn": "a"},\n{"urn": "b"}\n]\n', b'[{"urn": "a"},\n{"urn": "b"}]', b'[\n{"urn": "a"}\n,{"urn": "b"}\n]']
)
def test_arrays_over_several_lines_stay_arrays(text: bytes) -> None:
    assert [line.data for line in read_lines(io.BytesIO(text))] == [b'{"urn": "a"}', b'{"urn": "b"}']
