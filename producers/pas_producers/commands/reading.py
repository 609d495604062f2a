"""The files of a command, read line by line one after another; a file that cannot be read costs only itself."""

from __future__ import annotations

import os
import select
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from pas_producers.checking import Raw, Unreadable
from pas_transport.console import Console
from pas_transport.lines import PIECE_BYTES, Line, LineSource, read_lines

STDIN = "-"
# After so long without anything new, what came from a pipe waits for no more: as long as others write faster, batches are full.
PAUSE_MS = 100


class Files:
    """Gives the records of its files, and for each the place it came from, in the same order.

    `on_pause` is called whenever nothing more comes from a pipe for the moment; it is set before the first record is asked for.
    """

    def __init__(self, names: Sequence[str], console: Console) -> None:
        self._names = names
        self._console = console
        self._places: deque[tuple[str, int]] = deque()
        self.failed = False
        self.on_pause: Callable[[], None] = lambda: None

    def records(self) -> Iterator[Raw]:
        """Every record of every file; `failed` is set where one could not be read, or not to its end."""
        for name in self._names:
            try:
                for line in self._open_lines(name):
                    self._places.append((name, line.number))
                    yield Unreadable(line.fault) if line.fault else line.data
            except OSError as error:
                self.failed = True
                self._console.fail(f"{name} cannot be read: {error.strerror}.", "see its path, owner and mode; the other files go on")

    def _open_lines(self, name: str) -> Iterator[Line]:
        if name == STDIN:
            yield from read_lines(self._listen(sys.stdin.buffer))
            return
        with open(name, "rb") as stream:
            yield from read_lines(self._listen(stream))

    def _listen(self, stream: BinaryIO) -> LineSource:
        try:
            file = stream.fileno()
        except OSError:
            return stream
        return stream if S_ISREG(os.fstat(file).st_mode) else _Pipe(file, self.on_pause)

    def next_place(self) -> tuple[str, int]:
        """File and line of the next record whose outcome is told."""
        return self._places.popleft()

    def weigh(self) -> int:
        """How many bytes there are to read, as far as that can be told: those of ordinary files."""
        return sum(_weigh(name) or 0 for name in self._names)

    def count(self) -> int | None:
        """About how many records there are, where somebody watches and it can be told: the lines of ordinary files."""
        if not sys.stderr.isatty() or any(_weigh(name) is None for name in self._names):
            return None
        try:
            return sum(_count_lines(name) for name in self._names)
        except OSError:
            return None


class _Pipe:
    """What somebody else writes into when they like: a pipe, a terminal."""

    def __init__(self, file: int, tell_pause: Callable[[], None]) -> None:
        self._file = file
        self._tell_pause = tell_pause
        self._held = bytearray()
        self._coming = select.poll()
        self._coming.register(file, select.POLLIN)

    def readline(self, limit: int, /) -> bytes:
        """To a line's end, to the end, or so many bytes."""
        while not (size := self._held.find(b"\n", 0, limit) + 1) and len(self._held) < limit:
            if not (piece := self._read()):
                break
            self._held += piece
        line = bytes(self._held[: size or limit])
        del self._held[: len(line)]
        return line

    def _read(self) -> bytes:
        if not self._coming.poll(PAUSE_MS):
            self._tell_pause()
            self._coming.poll()
        return os.read(self._file, PIECE_BYTES)


def _weigh(name: str) -> int | None:
    """The bytes of an ordinary file; None for anything else: what is wrong with it is told when it is opened."""
    try:
        found = Path(name).stat()
    except OSError:
        return None
    return found.st_size if S_ISREG(found.st_mode) else None


def _count_lines(name: str) -> int:
    with open(name, "rb") as stream:
        return sum(piece.count(b"\n") for piece in _pieces(stream))


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    while piece := stream.read(PIECE_BYTES):
        yield piece
