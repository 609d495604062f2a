"""A made-up estate to measure in: prisoners in public prisons, and reports of two kilobytes that three offices may have each.

Every report is on a prisoner of its own drawing, as in life: 375 offices share the disclosures of 500 reports, a few each. The same
seed gives the same population.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, cast

from pas_producers import MovementFeed, Published, Publisher
from pas_producers.commands.publish import PACKERS
from pas_producers.results import Outcome
from pas_producers.workplace import find_keyrings
from pas_schemas.clock import show_time
from pas_schemas.reference import establishments
from pas_transport.estate import WITHOUT_PIO
from pas_transport.log import Log, Outgoing
from pas_transport.rules import load_rulebook
from pas_transport.workspace import Workspace

ORIGINATOR = "force:01"
RECIPIENTS = ("pio", "security", "governor")
# Packed by the publisher, a report of two items of this many characters takes two kilobytes.
ITEM_CHARACTERS = 777
_SENTENCES = (
    "A parcel will come over the wall at the weekend, thrown from the lane behind the workshops.",
    "He is said to keep a second phone with a man two cells down, and pays for it in tobacco.",
    "The debt is to be settled on the exercise yard, before the visits of the coming week.",
    "Two men on the wing speak of it openly, and a third has asked to be moved away from them.",
    "The car that waits outside on visiting days is grey and was seen three times this month.",
)
Row = dict[str, Any]


@dataclass
class Population:
    """Who is where; `prisons` are those whose three offices are each released a code 1 report that names them."""

    now: datetime
    prisoners: int
    seed: int = 5
    prisons: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        public = {code for code, prison in establishments().items() if not prison.contracted}
        self.prisons = tuple(sorted(public - WITHOUT_PIO))
        self._random = Random(self.seed)

    def prison_of(self, prisoner: int) -> str:
        return self.prisons[prisoner % len(self.prisons)]

    def find_offices(self, number: str) -> tuple[str, ...]:
        """The three offices that a report on this prisoner is released to."""
        return tuple(f"{role}:{self.prison_of(prisoner_of(number))}" for role in RECIPIENTS)

    def movements(self) -> Iterator[Row]:
        """Everybody's reception, a month ago."""
        at = show_time(self.now - timedelta(days=30))
        for prisoner in range(self.prisoners):
            prison = self.prison_of(prisoner)
            yield {"noms_number": number_of(prisoner), "event": "RECEIVED", "prison": prison, "at": at, "category": "C", "alerts": []}

    def reports(self, first: int, count: int, *, priority: str = "ROUTINE", recipients: Sequence[str] = RECIPIENTS) -> Iterator[Row]:
        """Reports `first` to `first + count`, each on a prisoner drawn by chance."""
        for serial in range(first, first + count):
            yield self._report(serial, self._random.randrange(self.prisoners), priority, recipients)

    def _report(self, serial: int, prisoner: int, priority: str, recipients: Sequence[str]) -> Row:
        subject = {
            "role": "SUBJECT", "standing": "CONVICTED", "noms_number": number_of(prisoner), "pnc_id": None,
            "family_name": "Ashdown", "given_names": "Piers", "date_of_birth": "1988-02-03",
        }  # fmt: skip
        return {
            "urn": f"01/IR/2026/{serial:07d}", "originator": ORIGINATOR, "created_at": show_time(self.now - timedelta(hours=1)),
            "protective_marking": "OFFICIAL", "priority": priority, "purpose": "PREVENTION_OF_CRIME", "legal_basis": "POLICING_PURPOSE",
            "operation": None, "subjects": [subject], "items": [self._item("B"), self._item("C")],
            "handling": {"conditions": None, "reasons": None, "internal_recipients": [], "review_by": None, "risk_assessment": None},
            "declarations": {
                "visor_derived": False, "visor_permission": None, "privileged": False, "warranted_intercept": False,
                "prison_intercept": None, "concerns_staff": [], "protected_assisting_offender": False, "terrorism": False,
                "do_not_share_with_offender": True,
            },
            "risk_tags": ["DRUGS"], "addressees": list(recipients), "mopi": {"group": 2, "review_by": "2099-01-01"}, "gist": None,
            "supersedes": None,
        }  # fmt: skip

    def _item(self, source: str) -> Row:
        said = " ".join(self._random.choices(_SENTENCES, k=12))[:ITEM_CHARACTERS]
        return {
            "text": said, "source": source, "intelligence": "2", "handling": "1", "source_reference": "ISR-1", "corroboration": None,
            "sanitises": None, "subjects": None, "addressees": None,
        }  # fmt: skip


def number_of(prisoner: int) -> str:
    """A NOMIS number for each of up to 6,760,000 prisoners."""
    letters = divmod(prisoner // 10_000, 26)
    return f"A{prisoner % 10_000:04d}{chr(65 + letters[0])}{chr(65 + letters[1])}"


def prisoner_of(number: str) -> int:
    """The prisoner that `number_of` gave this number."""
    return int(number[1:5]) + 10_000 * (26 * (ord(number[5]) - 65) + ord(number[6]) - 65)


def receive(workspace: Workspace, movements: Iterable[Row]) -> None:
    """Movements into the log."""
    with MovementFeed.of(workspace) as feed:
        assert set(feed.stream(movements)) <= {"published"}


def publish(workspace: Workspace, rows: Iterator[Row], batch_records: int = 500) -> int:
    """Reports into the log, so many in a signed batch; how many there were."""
    with workspace.log() as log:
        return _publish(workspace, log, rows, batch_records)


def publish_by_packers(workspace: Workspace, rows: Iterator[Row]) -> int:
    """Many reports into the log, packed by processes of their own; how many there were."""
    with Publisher.of(workspace, ORIGINATOR, packers=PACKERS) as publisher:
        return _count(publisher.stream(rows))


def seal(workspace: Workspace, rows: Iterator[Row]) -> list[Outgoing]:
    """The records that publishing these would append, appended nowhere."""
    kept = _Kept()
    _publish(workspace, cast("Log", kept), rows, 500)
    return kept.records


def _publish(workspace: Workspace, log: Log, rows: Iterator[Row], batch_records: int) -> int:
    snapshot = workspace.directory()
    publisher = Publisher(
        log=log, snapshot=snapshot, keyring=find_keyrings(workspace, snapshot)(ORIGINATOR),
        rulebook=load_rulebook(workspace), clock=workspace.clock, batch_records=batch_records,
    )  # fmt: skip
    with publisher:
        return _count(publisher.stream(rows))


def _count(outcomes: Iterable[Outcome]) -> int:
    published = [isinstance(one, Published) for one in outcomes]
    assert all(published)
    return len(published)


class _Kept:
    """Keeps what is appended to it."""

    identity = "kept"

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    def append(self, records: Sequence[Outgoing]) -> None:
        self.records += records
