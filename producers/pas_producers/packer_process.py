"""One process that packs for a publisher: chunks of reports come in, what is made of them goes out, until the publisher ends."""

from __future__ import annotations

import os
import pickle
import sys
from itertools import count
from pathlib import Path
from typing import IO

from pas_producers.journal import Journals
from pas_producers.packers import Chunk, Made, Orders
from pas_producers.preparing import Preparer
from pas_producers.workplace import find_keyrings, journals_folder
from pas_schemas.errors import PasError
from pas_transport.rules import load_rulebook
from pas_transport.workspace import open_workspace


def main() -> None:
    """Reads orders and chunks from standard input, and writes what comes of each to standard output."""
    try:
        _work(sys.stdin.buffer, sys.stdout.buffer)
    except (EOFError, OSError):
        # The publisher is gone. Not by the interpreter's own end, which would write to it once more.
        os._exit(0)


def _work(source: IO[bytes], target: IO[bytes]) -> None:
    made: Made = []
    try:
        preparer = _open(pickle.load(source), made)  # noqa: S301  # from the process that started this one
    except PasError as failure:
        _answer(target, [failure])
        return
    while True:
        chunk: Chunk = pickle.load(source)  # noqa: S301  # the same
        _answer(target, _make(preparer, chunk, made))


def _open(orders: Orders, made: Made) -> Preparer:
    """As `Publisher.of` opens a publisher, but for the log: the workspace and its keys are read by each process itself."""
    workspace = open_workspace(Path(orders.home))
    snapshot = workspace.directory()
    journals = Journals(journals_folder(workspace), orders.log, workspace.clock, again=orders.again)
    return Preparer(
        made.append, snapshot, find_keyrings(workspace, snapshot), load_rulebook(workspace), workspace.clock, journals,
        office=orders.office, again=orders.again,
    )  # fmt: skip


def _make(preparer: Preparer, chunk: Chunk, made: Made) -> Made:
    made.clear()
    try:
        made.extend(preparer.stream(chunk.reports, chunk.run, count(chunk.first_us).__next__))
    except PasError as failure:
        made.append(failure)
    return made


def _answer(target: IO[bytes], made: Made) -> None:
    target.write(pickle.dumps(made))
    target.flush()


if __name__ == "__main__":
    main()
