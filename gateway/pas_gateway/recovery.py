"""A register restored from a backup notices that it is behind, and learns again what it dispatched before it decides anything.

Each dispatch leaves a note in the log before its deliveries. The register knows up to which note it has got; what lies behind that and
is in no row of it was dispatched by a register that is lost. Those deliveries are taken in as sent: their numbers are never given again.
Of those that the log did not take, for want of their topic, a later word says so: their offices are believed to hold nothing of them.
Inputs since the backup are then taken in as ever. What an office was already sent is not sent again; when all is taken in, every report
concerned is decided once more, and what an office has and should not have is taken back (`Pipeline.regain`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Any

import sqlalchemy as sa

from pas_gateway.notes import NOTE_KEY, UNSENT_KEY, read_note, read_unsent
from pas_gateway.office import PasOffice
from pas_gateway.positions import find_start
from pas_gateway.register import Advance, Change, LostPartitionError, Store, queries, relearning, write_change
from pas_gateway.register.change import write_rows
from pas_schemas.errors import RegisterError
from pas_schemas.topics import AUDIT
from pas_transport.log import Log, Partition, Taken

NOTES_AT_ONCE = 500
PLACE = Partition(AUDIT.name, 0)


def recover(log: Log, store: Store, office: PasOffice, inputs: Iterable[str]) -> int:
    """How many deliveries this register had dispatched and did not know; they are learnt. Raises LogError or RegisterError."""
    goals = {(place.topic, place.number): end for place, end in log.ends(inputs).items()}
    learnt = 0
    with store.exclusive("recover"):
        start, known = find_start(log, store, PLACE)
        unsent = _find_unsent(log, start, office)
        for batch in _read_notes(log, start):
            rows = [row for taken in batch if taken.key == NOTE_KEY for row in read_note(taken.value, office)]
            learnt += _learn(store, rows, unsent, goals, _advance(log, known, batch[-1]))
            known = batch[-1].offset + 1
    return learnt


def _read_notes(log: Log, start: int) -> Iterator[list[Taken]]:
    end = log.ends([PLACE.topic])[PLACE]
    while start < end and (batch := log.read(PLACE, start, NOTES_AT_ONCE)):
        yield batch
        start = batch[-1].offset + 1


def _find_unsent(log: Log, start: int, office: PasOffice) -> frozenset[bytes]:
    """The deliveries of which the last word is that the log did not take them; a note after that says it was tried again."""
    unsent: set[bytes] = set()
    for taken in chain.from_iterable(_read_notes(log, start)):
        if taken.key == UNSENT_KEY:
            unsent.update(read_unsent(taken.value, office))
        elif unsent and taken.key == NOTE_KEY:
            unsent.difference_update(row["id"] for row in read_note(taken.value, office))
    return frozenset(unsent)


def _learn(
    store: Store, rows: list[dict[str, Any]], unsent: frozenset[bytes], goals: Mapping[tuple[str, int], int], advance: Advance
) -> int:
    found = 0

    def learn(register: sa.Connection) -> None:
        nonlocal found
        found = relearning.learn(register, rows, goals, unsent)
        write_rows(register, Change(advances=[advance]))

    store.write(learn)
    return found


def refuse_behind(log: Log, store: Store, office: PasOffice) -> None:
    """Raises RegisterError where something was dispatched that this register does not know, or has yet to account for.

    A gateway learns it first; whatever else gives deliveries their numbers would give some of them again.
    """
    start, _ = find_start(log, store, PLACE)
    notes = (taken for taken in chain.from_iterable(_read_notes(log, start)) if taken.key == NOTE_KEY)
    noted = (partial(relearning.knows, ids=[row["id"] for row in read_note(taken.value, office)]) for taken in notes)
    if not all(map(store.ask, noted)) or store.ask(relearning.is_regaining):
        raise RegisterError(
            "This register is older than what PAS has sent: nothing is sealed again.", "run the gateway until it is idle, and repeat"
        )


def note_place(log: Log, store: Store) -> None:
    """That everything noted so far is known here: it was written by this register, which notes what it holds and nothing else."""
    end = log.ends([PLACE.topic])[PLACE]
    found = store.ask(lambda register: queries.find_position(register, log.identity, *PLACE))
    known = found[0] if found else None
    if end <= (known or 0):
        return
    last = log.read(PLACE, end - 1, 1)
    if last:
        try:
            write_change(store, Change(advances=[_advance(log, known, last[0])]))
        except LostPartitionError:
            return  # another process has noted it


def _advance(log: Log, known: int | None, last: Taken) -> Advance:
    return Advance(log.identity, PLACE.topic, PLACE.number, known, last.offset + 1, sha256(last.value).digest())
