"""People in the real prisons, with fictional names, and the movements that say where each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from pas_schemas.clock import show_time
from pas_schemas.directory import Estate
from pas_schemas.identifiers import pnc_letter
from pas_schemas.reference import establishments

Row = dict[str, Any]

_FAMILY = (
    "Abara", "Ashdown", "Brannigan", "Calloway", "Castell", "Devlin", "Drummond", "Eastaugh", "Ferreira", "Gault", "Haldane", "Ibekwe",
    "Jessop", "Kavanagh", "Kowalczyk", "Lattimer", "Mahmood", "Mercer", "Nettles", "Okafor", "Penhale", "Quill", "Rahman", "Sandford",
    "Szabo", "Tamworth", "Underhill", "Vickers", "Wexford", "Yardley", "Zielinski",
)  # fmt: skip
_GIVEN = (
    "Aaron", "Ben", "Callum", "Darren", "Elijah", "Farid", "Gareth", "Hassan", "Ivan", "Jermaine", "Keiran", "Liam", "Marcus", "Nathan",
    "Owen", "Patrick", "Reece", "Samir", "Tobias", "Wesley",
)  # fmt: skip
# Letters that NOMIS numbers are made of here; none that reads as a digit.
_LETTERS = "ABCDEFGHJKLMNPRTVWXYZ"
_CATEGORIES = "CCCCCCBBBDDUI"
_HIGH = "AEH"
_ALERTS = ("SA", "HA", "XVL", "XRF", "CSIP", "XCU")
_HIGH_ALERTS = ("XEL", "CA")
# So many prisons, and the special ones besides, so that several reports meet in one office.
PRISONS = 48
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Prisoner:
    """A person as the writers of reports know him; `prison` is None for one who is free or was never heard of."""

    number: str | None
    pnc: str | None
    family: str = field(repr=False)
    given: str = field(repr=False)
    born: str = field(repr=False)
    prison: str | None


class Population:
    """A crowd and its movements, all of them before `now`."""

    def __init__(self, rng: Random, now: datetime, estate: Estate, size: int) -> None:
        self._rng = rng
        self._now = now
        self._numbers: set[str] = set()
        self._rows: list[Row] = []
        self.prisons = self._choose_prisons(estate)
        self.people: Sequence[Prisoner] = [self._make() for _ in range(size)]
        self._beside: dict[str | None, list[Prisoner]] = {}
        for person in self.people:
            self._beside.setdefault(person.prison, []).append(person)

    @property
    def movements(self) -> tuple[Row, ...]:
        """In the order in which they happened."""
        return tuple(sorted(self._rows, key=lambda row: str(row["at"])))

    def choose(self, most: int = 1) -> list[Prisoner]:
        """Up to so many people who are in the same prison, the first of them anybody."""
        first = self._rng.choice(self.people)
        if most == 1:
            return [first]
        beside = [person for person in self._beside[first.prison] if person is not first]
        return [first, *self._rng.sample(beside, min(len(beside), most - 1))]

    def _choose_prisons(self, estate: Estate) -> list[str]:
        """A mixed handful of the estate, always with a contracted one and one without a PIO."""
        known = [prison for prison in establishments().values() if prison.code in estate.prisons]
        chosen = {prison.code for prison in self._rng.sample(known, min(PRISONS, len(known)))}
        chosen |= {code for code in estate.prisons if f"pio:{code}" not in estate.offices}
        chosen |= {prison.code for prison in known if prison.contracted or prison.high_security}
        return sorted(chosen)

    def _make(self) -> Prisoner:
        rng = self._rng
        fate = rng.choices(("stays", "moves", "absent", "released", "stale", "unheard", "unknown"), (62, 18, 6, 4, 4, 3, 3))[0]
        number: str | None = self._number()
        prison: str | None = rng.choice(self.prisons)
        if fate == "unheard":
            # Nobody but the PNC knows this one: a police report on somebody at liberty.
            number, prison = (None if rng.random() < 0.5 else number), None
        else:
            self._receive(number, prison, rng.uniform(800, 1200) if fate == "stale" else rng.uniform(30, 600))
        if fate == "moves":
            prison = rng.choice(self.prisons)
            self._add(number, "RECEIVED", rng.uniform(1, 25), prison)
        elif fate == "absent":
            self._add(number, "ABSENT", rng.uniform(0.1, 3), None)
        elif fate == "released":
            self._add(number, "RELEASED", rng.uniform(0.5, 20), None)
            prison = None
        elif fate == "unknown":
            self._add(number, "UNKNOWN", rng.uniform(0.1, 5), None)
            prison = None
        born = (self._now - rng.uniform(19, 58) * 365 * DAY).date().isoformat()
        return Prisoner(number, self._pnc(), rng.choice(_FAMILY), rng.choice(_GIVEN), born, prison)

    def _receive(self, number: str | None, prison: str | None, days_ago: float) -> None:
        rng = self._rng
        high = rng.random() < 0.07
        alerts = rng.sample(_ALERTS, rng.choice((0, 0, 1, 2))) + ([rng.choice(_HIGH_ALERTS)] if rng.random() < 0.04 else [])
        self._add(number, "RECEIVED", days_ago, prison, rng.choice(_HIGH if high else _CATEGORIES), alerts)

    def _add(
        self,
        number: str | None,
        event: str,
        days_ago: float,
        prison: str | None,
        category: str | None = None,
        alerts: list[str] | None = None,
    ) -> None:
        at = show_time((self._now - days_ago * DAY).replace(microsecond=0))
        self._rows.append({"noms_number": number, "event": event, "prison": prison, "at": at, "category": category, "alerts": alerts})

    def _number(self) -> str:
        while True:
            rng = self._rng
            number = f"{rng.choice('AB')}{rng.randint(0, 9999):04}{rng.choice(_LETTERS)}{rng.choice(_LETTERS)}"
            if number not in self._numbers:
                self._numbers.add(number)
                return number

    def _pnc(self) -> str | None:
        rng = self._rng
        year, serial = rng.randint(1985, self._now.year - 1), rng.randint(1, 999_999)
        letter = pnc_letter(year, serial)
        luck = rng.random()
        if luck < 0.04:
            letter = "Z" if letter != "Z" else "A"
        return None if 0.04 <= luck < 0.12 else f"{year}/{serial:07}{letter}"
