"""An office lost its keys: what stands released to it today is taken back and sealed again, to the key it has now.

Each report is decided again as it is for a movement; nothing that today's rules hold or refuse is sealed. It is done batch by batch,
and what was done is known by the key it was sealed to: repeat it, whatever interrupted it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from pas_gateway.office import PasOffice
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import ClashError, Store, sealed
from pas_schemas.clock import to_ms
from pas_schemas.errors import DirectoryError, RegisterError

REPORTS_AT_ONCE = 100
# A running gateway may write about the same reports: a batch that clashes so often meets a fault.
TRIES = 20
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Resealed:
    """What came of it: `closed` are reports with a code 4 text, `left` those of which today's rules let nothing be sealed again."""

    reports: int = 0
    deliveries: int = 0
    closed: int = 0
    left: int = 0

    def __add__(self, other: Resealed) -> Resealed:
        return Resealed(
            self.reports + other.reports, self.deliveries + other.deliveries, self.closed + other.closed, self.left + other.left
        )


def find_due(store: Store, office: PasOffice, recipient: str, since: datetime | None = None) -> list[bytes]:
    """The reports of which the office holds what was sealed to a former key of it; raises DirectoryError where it has none today."""
    now = office.clock.now()
    key = office.key_of(recipient, now)
    if key is None:
        raise DirectoryError(f"{recipient} has no key today to which anything could be sealed.", "enrol a new one: `pas directory add`")
    with store.reading() as register:
        return sealed.find_sealed_to_others(register, recipient, key.id, to_ms(since or BEGINNING), to_ms(now))


def reseal(store: Store, office: PasOffice, recipient: str, due: Sequence[bytes], person: str, tell: Callable[[int], object]) -> Resealed:
    """Does it for these reports in a person's name; `tell` hears of each batch how many reports it held. Raises RegisterError."""
    pipeline, asked_by, done = Pipeline(office, store), sha256(person.encode()).digest(), Resealed()
    for start in range(0, len(due), REPORTS_AT_ONCE):
        some = due[start : start + REPORTS_AT_ONCE]
        done += _commit(pipeline, recipient, some, asked_by)
        tell(len(some))
    return done


def _commit(pipeline: Pipeline, recipient: str, reports: Sequence[bytes], asked_by: bytes) -> Resealed:
    for _ in range(TRIES):
        plan, closed = pipeline.reseal(recipient, reports, asked_by)
        try:
            pipeline.commit(plan)
        except ClashError:
            continue
        mine = [row for row in plan.change.deliveries if row["office"] == recipient]
        renewed = {row["report"] for row in mine if row["kind"] == "WITHDRAWAL"}
        sent = sum(row["kind"] in ("DISCLOSURE", "CONDITIONS") for row in mine)
        return Resealed(len(renewed), sent, len(closed), len(reports) - len(renewed))
    raise RegisterError("The register was written to too often to seal anything again.", "repeat it; what was done stays done")
