"""Reports whose outcome is known beforehand: prisoners in known prisons, and what each office must be sent about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gateway.judging import Journeys
from pas_schemas.clock import show_time
from pas_schemas.codec import decode
from pas_transport.workspace import Workspace
from producers.samples import make_handling, make_item, make_movement, make_report, make_subject

# Public prisons with a PIO, in the example estate.
PRISONS = ("WSI", "BAI", "LEI", "MRI", "WDI", "BXI")
PRISONERS = 30
# Of these, so many are moved in the end; then nothing more is written about them.
MOVED = 12
ORIGINATORS = ("force:01", "force:06", "force:10")
ROLES = ("pio", "security", "governor")
ASSESSED = {"summary": "Disclosure weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}
OTHER = "Other words under the same name."

Row = dict[str, Any]


def number_of(prisoner: int) -> str:
    return f"A{1000 + prisoner}BC"


def prison_of(prisoner: int) -> str:
    return PRISONS[prisoner % len(PRISONS)]


@dataclass
class Story:
    """Writes reports of every fate, a few of them on each prisoner, and keeps what must come of them."""

    workspace: Workspace
    journeys: Journeys = field(default_factory=dict)
    words: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _serial: int = 0
    _staying: bool = False
    _on: dict[int, list[str]] = field(default_factory=dict)

    def movements(self) -> list[Row]:
        """Where everybody is to begin with."""
        return [self._movement(prisoner, prison_of(prisoner), days=40) for prisoner in range(PRISONERS)]

    def _movement(self, prisoner: int, prison: str, days: float) -> Row:
        at = self.workspace.clock.now() - timedelta(days=days)
        return make_movement(noms_number=number_of(prisoner), prison=prison, at=show_time(at), category="C")

    def reports(self, count: int) -> list[Row]:
        return [report for _ in range(count) for report in self._next()]

    def _next(self) -> Iterator[Row]:
        self._serial += 1
        serial = self._serial
        match serial % 12:
            case 3:
                yield self._plain(serial, priority="THREAT_TO_LIFE")
            case 5:
                yield self._conditional(serial)
            case 7:
                yield from self._taken(serial)
            case 9:
                yield self._refused(serial)
            case _:
                yield self._plain(serial)

    def _subject(self, serial: int) -> int:
        return MOVED + serial % (PRISONERS - MOVED) if self._staying else serial % PRISONERS

    def _base(self, serial: int, **changes: Any) -> Row:
        now = self.workspace.clock.now()
        prisoner = self._subject(serial)
        fields: Row = {
            "created_at": show_time(now - timedelta(hours=1)),
            "subjects": [make_subject(noms_number=number_of(prisoner), pnc_id=None)],
            "addressees": list(ROLES),
            "mopi": {"group": 2, "review_by": "2099-01-01"},
        }
        return make_report(serial, ORIGINATORS[serial % len(ORIGINATORS)], **(fields | changes))

    def _plain(self, serial: int, **changes: Any) -> Row:
        report = self._base(serial, **changes)
        self._expect_word(report, "ACCEPTED")
        prisoner = self._subject(serial)
        self._on.setdefault(prisoner, []).append(report["urn"])
        for role in ROLES:
            self.journeys[f"{role}:{prison_of(prisoner)}", report["urn"]] = ["DISCLOSURE"]
        return report

    def _conditional(self, serial: int) -> Row:
        """Of a prisoner beyond those who are ever moved: code 5, to be accepted first by each who is named."""
        prisoner = PRISONERS - 1 - serial % 6
        offices = [f"pio:{prison_of(prisoner)}", f"security:{prison_of(prisoner)}"]
        report = self._base(
            serial,
            subjects=[make_subject(noms_number=number_of(prisoner), pnc_id=None)],
            items=[make_item(handling="5")],
            addressees=offices,
            handling=make_handling(conditions="Not to be spoken of on the wing.", risk_assessment=ASSESSED),
        )
        self._expect_word(report, "ACCEPTED")
        for office in offices:
            self.journeys[office, report["urn"]] = ["CONDITIONS"]
        return report

    def _taken(self, serial: int) -> Iterator[Row]:
        """A report, the same once more (which the publisher holds back), and other content under its URN."""
        report = self._plain(serial)
        yield report
        yield report
        yield report | {"items": [make_item(text=OTHER)]}
        self._expect_word(report, "REJECTED")

    def _refused(self, serial: int) -> Row:
        report = self._base(serial, items=[make_item(intelligence="9")])
        self._expect_word(report, "REJECTED")
        return report

    def _expect_word(self, report: Row, word: str) -> None:
        self.words[report["originator"], report["urn"], word] += 1

    def expect_again(self, payload: bytes) -> None:
        """What a record's originator hears where it comes a second time: of an accepted report nothing."""
        found = decode(payload, "report", "refusal")
        if found.name == "refusal" or OTHER.encode() in payload:
            self._expect_word(found.datum, "REJECTED")

    def transfers(self) -> list[Row]:
        """Some go to the next prison: its offices are sent what stands on them, the old one's access ends. Call it once all was sent."""
        self._staying = True
        rows = []
        for prisoner in range(MOVED):
            old, new = prison_of(prisoner), prison_of(prisoner + 1)
            rows.append(self._movement(prisoner, new, days=0.01))
            for urn in self._on.get(prisoner, ()):
                for role in ROLES:
                    self.journeys[f"{role}:{old}", urn].append("WITHDRAWAL")
                    self.journeys[f"{role}:{new}", urn] = ["DISCLOSURE"]
        return rows

    def accept(self, office: str, urn: str) -> None:
        """An office accepts a report's conditions: its text follows."""
        self.journeys[office, urn].append("DISCLOSURE")
