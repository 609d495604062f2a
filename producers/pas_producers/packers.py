"""Processes that check, pack and seal for a publisher of much, which sends what they make in the order of the reports.

They append nothing and note nothing: what they made is lost with them, and made again when the reports are published again.
"""

from __future__ import annotations

import pickle
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from subprocess import PIPE, Popen
from threading import Event, Thread
from typing import NamedTuple, Self

from pas_producers.checking import Raw
from pas_producers.dispatch import BATCH_BYTES, BATCH_RECORDS
from pas_producers.errors import PublishError
from pas_producers.results import Outcome
from pas_producers.sending import Batch
from pas_schemas.errors import PasError

_BODY = "pas_producers.packer_process"
# A chunk takes a second, and on however slow a machine no minutes.
STILL_SECONDS = 120


class Orders(NamedTuple):
    """What a process is started for: `home` is the workspace's, `log` the identity by which journals know what the log holds."""

    home: str
    office: str | None
    log: str
    again: bool


class Chunk(NamedTuple):
    """Reports of a run, and the first of the moments at which they are sealed."""

    run: bytes
    first_us: int
    reports: Sequence[Raw]


# What comes of a chunk, in this order: each batch before the outcomes that may be told once it is sent, and what ended it early.
Made = list[Batch | Outcome | PasError]


class Packers:
    """So many processes, each given a chunk in its turn; started when they are first needed."""

    def __init__(self, orders: Orders, number: int) -> None:
        self._orders = orders
        self._number = number
        self._processes: list[Popen[bytes]] = []

    def make(self, chunks: Iterable[Chunk]) -> Iterator[Made]:
        """What came of each chunk, in their order; raises `PublishError` where a process has ended.

        Until it tells of a chunk it has read as many more as there are processes.
        """
        if not self._processes:
            self._processes = [_start(self._orders) for _ in range(self._number)]
        free, busy, whole = deque(self._processes), deque[Popen[bytes]](), False
        try:
            for chunk in chunks:
                made = None
                if not free:
                    made = _read(busy[0])
                    free.append(busy.popleft())
                _write(free[0], chunk)
                busy.append(free.popleft())
                if made is not None:
                    yield made
            while busy:
                yield _read(busy.popleft())
            whole = True
        finally:
            if not whole:
                # What they still make is nobody's.
                self.close()

    def close(self) -> None:
        """Ends them."""
        for process in self._processes:
            process.kill()
            process.communicate()
        self._processes = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def cut(reports: Iterable[Raw]) -> Iterator[list[Raw]]:
    """Reports in pieces of a batch, which stay within memory."""
    piece: list[Raw] = []
    size = 0
    for raw in reports:
        piece.append(raw)
        size += len(raw) if isinstance(raw, bytes) else 0
        if len(piece) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _start(orders: Orders) -> Popen[bytes]:
    # In a group of its own, so that who interrupts the publisher does not interrupt it, and past what lies in this folder.
    command = [sys.executable, "-P", "-m", _BODY]
    packer = Popen(command, stdin=PIPE, stdout=PIPE, process_group=0)  # noqa: S603  # a module of this package
    _write(packer, orders)
    return packer


def _write(process: Popen[bytes], what: Orders | Chunk) -> None:
    assert process.stdin is not None
    try:
        with _not_for_ever(process):
            process.stdin.write(pickle.dumps(what))
            process.stdin.flush()
    except OSError:
        raise _lost() from None


def _read(process: Popen[bytes]) -> Made:
    assert process.stdout is not None
    try:
        with _not_for_ever(process):
            made: Made = pickle.load(process.stdout)  # noqa: S301  # from a process that this one started
    except (EOFError, OSError, pickle.UnpicklingError):
        raise _lost() from None
    return made


@contextmanager
def _not_for_ever(process: Popen[bytes]) -> Iterator[None]:
    """Kills it where it stands still: then what waits for it ends. The time in which this process stands still itself does not count."""
    over = Event()

    def watch() -> None:
        if not any(over.wait(1.0) for _ in range(STILL_SECONDS)):
            process.kill()

    watcher = Thread(target=watch, name="packers", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _lost() -> PublishError:
    return PublishError("A process that packs reports has ended.", "repeat: what is published is not published twice")
