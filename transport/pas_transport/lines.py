"""Files of records as people keep them, NDJSON, a JSON array or whole JSON values, read with bounded memory and true line numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain
from typing import Protocol

from pas_schemas.border import MAX_LINE_BYTES, parse_line

# How much of a file is looked at in one step: a line of any length costs no more than this and MAX_LINE_BYTES.
PIECE_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_OUTSIDE = re.compile(rb'["{}\[\],]')
_INSIDE = re.compile(rb'["\\]')


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a file and the line it begins on; `fault` says why it could not be held."""

    number: int
    data: bytes = field(repr=False)
    fault: str | None = None

    def parse(self) -> object:
        """Its JSON value; ValueError with a sentence (never quoting the line) where it is none."""
        if self.fault:
            raise ValueError(self.fault)
        return parse_line(self.data)


class LineSource(Protocol):
    """What lines are read from, as from a binary stream."""

    def readline(self, limit: int, /) -> bytes: ...


def read_lines(stream: LineSource) -> Iterator[Line]:
    """The records of a file in their order; blank lines are none. Raises OSError as the stream does.

    A file is an array where it begins with `[`; whole values where its first line leaves an object open for the next
    one; else, and whenever its second line is an object by itself, NDJSON, where a bad line never costs its neighbours.
    """
    pieces = _numbered(stream)
    head = list(_head(pieces))
    if not head:
        return iter(())
    everything = chain(head, pieces)
    if head[0][1].lstrip()[:1] == b"[" and not _stands_alone(head):
        return _Splitter(depth=1).split(everything)
    return _Splitter(depth=0).split(everything) if _goes_on(head) else _split_lines(everything)


def _numbered(stream: LineSource) -> Iterator[tuple[int, bytes]]:
    """Pieces of the file, each of one line alone, with that line's number."""
    number, first = 1, True
    while piece := stream.readline(PIECE_BYTES):
        yield number, piece.removeprefix(_BOM) if first else piece
        first = False
        number += piece.endswith(b"\n")


def _head(pieces: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The first two pieces that are not blank: what tells how the file is written.

    The first alone where that is a whole object: the second may be long in coming, and can say no more.
    """
    found = 0
    for number, piece in pieces:
        if piece.strip():
            found += 1
            yield number, piece
        if found == 2 or (found == 1 and piece.endswith(b"\n") and _is_object(piece.strip())):
            return


def _goes_on(head: list[tuple[int, bytes]]) -> bool:
    """Whether the first line leaves a value open that the second one continues, as no line of NDJSON does."""
    if len(head) < 2 or not head[0][1].endswith(b"\n"):
        return False
    first, second = head[0][1].strip(), head[1][1].strip()
    if _is_object(second):
        return False
    return first[-1:] in (b"{", b"[", b":") or (first[-1:] == b"," and second[:1] != b"{")


def _stands_alone(head: list[tuple[int, bytes]]) -> bool:
    """Whether a first line that begins with `[` is a line of NDJSON: whole, or no array's beginning, with another behind it."""
    if len(head) < 2 or not head[0][1].endswith(b"\n"):
        return False
    first, second = head[0][1].strip(), head[1][1].strip()
    try:
        parse_line(first)
    except ValueError:
        return _is_object(second) and first != b"[" and not first.endswith(b",")
    return True


def _is_object(line: bytes) -> bool:
    return line[:1] == b"{" and line[-1:] == b"}"


def _split_lines(pieces: Iterable[tuple[int, bytes]]) -> Iterator[Line]:
    held = _Held()
    for number, piece in pieces:
        held.add(number, piece.rstrip(b"\r\n"))
        if piece.endswith(b"\n"):
            yield from held.give()
    yield from held.give()


class _Held:
    """The bytes of one record so far; beyond the bound they are counted and dropped."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._length = 0
        self._number = 0

    def add(self, number: int, data: bytes) -> None:
        if not self._length:
            data = data.lstrip()
            self._number = number
        self._length += len(data)
        if len(self._data) <= MAX_LINE_BYTES:
            self._data += data

    def give(self, *, blank: bool = False) -> Iterator[Line]:
        """The record, if there is one (`blank`: even if there is none); after it a new one begins."""
        data, length = bytes(self._data).strip(), self._length
        self._data, self._length = bytearray(), 0
        if len(data) > MAX_LINE_BYTES:
            yield Line(self._number, b"", f"The line is {length:,} bytes long; a report may have {MAX_LINE_BYTES:,}.")
        elif data or blank:
            yield Line(self._number, data)


class _Cut(Enum):
    """What a mark does to the record it stands in."""

    NOTHING = auto()
    VALUE = auto()
    OPEN = auto()
    COMMA = auto()
    CLOSE = auto()


# These marks belong to the array and to no record.
_BETWEEN = frozenset({_Cut.OPEN, _Cut.COMMA, _Cut.CLOSE})


class _Splitter:
    """Cuts a JSON text into the values that stand at one depth: in its array (1), or one after another (0)."""

    def __init__(self, depth: int) -> None:
        self._base = depth
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._any = False
        self._held = _Held()

    def split(self, pieces: Iterable[tuple[int, bytes]]) -> Iterator[Line]:
        number = 1
        for number, piece in pieces:
            at = 0
            while at < len(piece):
                end, cut = self._step(piece, at)
                self._held.add(number, piece[at : end - (cut in _BETWEEN)])
                yield from self._give(cut)
                at = end
        yield from self._held.give()
        if self._base == self._depth == 1:
            yield Line(number, b"", "The file ends in the middle of its array.")

    def _step(self, piece: bytes, at: int) -> tuple[int, _Cut]:
        """Behind the next mark, and what that does."""
        if self._escaped:
            self._escaped = False
            return at + 1, _Cut.NOTHING
        found = (_INSIDE if self._quoted else _OUTSIDE).search(piece, at)
        return (found.end(), self._mark(found.group())) if found else (len(piece), _Cut.NOTHING)

    def _mark(self, mark: bytes) -> _Cut:
        if mark == b'"':
            self._quoted = not self._quoted
        elif mark == b"\\":
            self._escaped = True
        elif mark == b",":
            return _Cut.COMMA if self._depth == self._base == 1 else _Cut.NOTHING
        elif mark in b"{[":
            self._depth += 1
            return _Cut.OPEN if self._depth == self._base == 1 else _Cut.NOTHING
        elif self._depth:
            self._depth -= 1
            return _Cut.NOTHING if self._depth else (_Cut.CLOSE if self._base else _Cut.VALUE)
        return _Cut.NOTHING

    def _give(self, cut: _Cut) -> Iterator[Line]:
        if cut is _Cut.COMMA:
            self._any = True
            yield from self._held.give(blank=True)
        elif cut is _Cut.CLOSE:
            yield from self._held.give(blank=self._any)
            # What follows an array stands in none: each value there is a record, and anything else is found to be none.
            self._base = 0
        elif cut is _Cut.VALUE:
            yield from self._held.give()
