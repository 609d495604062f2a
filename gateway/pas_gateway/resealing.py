"""An office cannot read what it was sent: what stands released to it today is taken back and sealed again, to the key it has now.

Either it lost its keys, or PAS's own signing key ended before the log had it. Each report is decided again as it is for a movement; nothing
that today's rules hold or refuse is sealed. It is done batch by batch, and what was done is known by the keys it was sealed to and signed
with: repeat it, whatever interrupted it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256

from pas_gateway.office import PasOffice
from pas_gateway.pipeline import Pipeline
from pas_gateway.plan import Plan
from pas_gateway.register import ClashError, Store, sealed
from pas_schemas.clock import to_ms
from pas_schemas.errors import DirectoryError, RegisterError
from pas_schemas.models.words import SHOWN

REPORTS_AT_ONCE = 100
# A running gateway may write about the same reports: a batch that clashes so often meets a fault.
TRIES = 20
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """Reports of which an office cannot read what it was sent, or that it was taken back; matters of which it cannot read a notice."""

    reports: tuple[bytes, ...] = ()
    unheard: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.reports) + len(self.unheard)


@dataclass(frozen=True, slots=True)
class Resealed:
    """What came of it: `closed` are reports with a code 4 text, `left` those of which today's rules let nothing be sealed again,
    `unheard` the matters of which the office is told that words were lost."""

    reports: int = 0
    deliveries: int = 0
    closed: int = 0
    left: int = 0
    unheard: int = 0

    def __add__(self, other: Resealed) -> Resealed:
        return Resealed(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def find_cut(store: Store, office: PasOffice, since: datetime | None = None) -> dict[str, Due]:
    """By office, what it cannot read because a key of PAS had ended that signed it."""
    with store.reading() as register:
        late = sealed.list_late_offices(register, office.list_cut(office.clock.now()))
    return {one: due for one in late if (due := find_due(store, office, one, since, cut_only=True))}


def find_due(store: Store, office: PasOffice, recipient: str, since: datetime | None = None, *, cut_only: bool = False) -> Due:
    """What the office cannot read: signed with a key of PAS that had ended, and, unless `cut_only`, sealed to a former key of its own.

    Raises DirectoryError where it has no key today to which that could be sealed again.
    """
    now = office.clock.now()
    key = office.key_of(recipient, now)
    if key is None and not cut_only:
        raise DirectoryError(f"{recipient} has no key today to which anything could be sealed.", "enrol a new one: `pas directory add`")
    cut, since_ms = office.list_cut(now), to_ms(since or BEGINNING)
    with store.reading() as register:
        return Due(
            tuple(sealed.find_unreadable(register, recipient, None if cut_only or key is None else key.id, cut, since_ms, to_ms(now))),
            tuple(sealed.find_unheard(register, recipient, cut, since_ms)),
        )


def reseal(store: Store, office: PasOffice, recipient: str, due: Due, person: str, tell: Callable[[int], object]) -> Resealed:
    """Does it for these reports in a person's name; `tell` hears of each batch how many reports it held. Raises RegisterError."""
    pipeline, asked_by, done = Pipeline(office, store), sha256(person.encode()).digest(), Resealed()
    for some in _parts(due.reports):
        done += _seal_again(pipeline, recipient, some, asked_by)
        tell(len(some))
    for some in _parts(due.unheard):
        _commit(pipeline, partial(pipeline.say_again, recipient, some))
        done += Resealed(unheard=len(some))
        tell(len(some))
    return done


def _parts(reports: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(reports), REPORTS_AT_ONCE):
        yield reports[start : start + REPORTS_AT_ONCE]


def _seal_again(pipeline: Pipeline, recipient: str, reports: Sequence[bytes], asked_by: bytes) -> Resealed:
    closed: frozenset[bytes] = frozenset()

    def compute() -> Plan:
        nonlocal closed
        plan, closed = pipeline.reseal(recipient, reports, asked_by)
        return plan

    mine = [row for row in _commit(pipeline, compute).change.deliveries if row["office"] == recipient]
    renewed = {row["report"] for row in mine if row["kind"] == "WITHDRAWAL"}
    sent = sum(row["kind"] in SHOWN for row in mine)
    return Resealed(len(renewed), sent, len(closed), len(reports) - len(renewed))


def _commit(pipeline: Pipeline, compute: Callable[[], Plan]) -> Plan:
    for _ in range(TRIES):
        plan = compute()
        try:
            pipeline.commit(plan)
        except ClashError:
            continue
        return plan
    raise RegisterError("The register was written to too often to seal anything again.", "repeat it; what was done stays done")
