"""Random people and their movements: transfers, absences, releases, merges, stale and unstated categories, high alerts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from policy.oracle_facts import PNC_LETTERS, establishments

Row = dict[str, Any]

NOW = "2015-11-18T12:00:00Z"
SPAN_DAYS = 420  # how long before the time judged the reports begin
FAVOURED = [
    "WSI",
    "BAI",
    "LEI",
    "HVI",
    "HVI",
    "DGI",
    "ACI",
    "DNI",
    "TSI",
    "BZI",
    "PRI",
    "RHI",
    "MRI",
    "LPI",
    "VEI",
    "EXI",
    "LWI",
    "WDI",
    "ONI",
]
LOW = "CCCCBBBDDUUIJKLRST"
HIGH = "AEHPQV"
ALERTS = ["CA", "XEL", "XELH", "XTACT"]
IDLE_ALERTS = ["SA", "HA", "CSIP", "AS", "XC"]


def write_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def now_moment(now: str) -> datetime:
    return datetime.fromisoformat(now[:-1]).replace(tzinfo=UTC)


def pnc_id(rng: Random, passes: bool = True) -> str:
    year, serial = rng.randint(1975, 2015), rng.randint(1, 999_999)
    letter = PNC_LETTERS[(year % 100 * 10_000_000 + serial) % 23]
    if not passes:
        letter = rng.choice([other for other in PNC_LETTERS if other != letter])
    return f"{year}/{serial:07}{letter}"


@dataclass
class Face:
    """A person as the writers of reports know him."""

    noms: str
    pnc: str
    prison: str
    others: list[str] = field(default_factory=list)  # numbers that lead here

    def written_number(self, rng: Random) -> str:
        return rng.choice([self.noms, *self.others])


class Prisons:
    """Rows for a crowd, in the order in which a feed might send them."""

    def __init__(self, rng: Random, now: str, size: int) -> None:
        self.rng, self.now = rng, now_moment(now)
        self.all_codes = [row["prison_id"] for row in establishments()]
        self.rows: list[Row] = []
        self._numbers: set[str] = set()
        self.crowd = [self._person() for _ in range(size)]
        self._repeat_some()
        if rng.random() < 0.5:
            rng.shuffle(self.rows) if rng.random() < 0.2 else self.rows.sort(key=lambda row: str(row["at"]))

    def any_prison(self) -> str:
        return self.rng.choice(FAVOURED) if self.rng.random() < 0.75 else self.rng.choice(self.all_codes)

    def number(self) -> str:
        while True:
            letters = "".join(self.rng.choice("ABCDEFGHJKLMNPRSTVWXYZ") for _ in range(3))
            number = f"{letters[0]}{self.rng.randint(0, 9999):04}{letters[1:]}"
            if number not in self._numbers:
                self._numbers.add(number)
                return number

    def days_ago(self, low: float, high: float) -> str:
        return write_time(self.now - timedelta(seconds=round(self.rng.uniform(low, high) * 86400)))

    def add(
        self,
        noms: str,
        event: str,
        at: str,
        prison: str | None = None,
        category: str | None = None,
        alerts: list[str] | None = None,
        **more: str,
    ) -> None:
        row = {"noms_number": noms, "event": event, "prison": prison, "at": at, "category": category, "alerts": alerts, **more}
        self.rows.append(row)

    def category(self) -> str | None:
        luck = self.rng.random()
        if luck < 0.85:
            return self.rng.choice(LOW)
        return self.rng.choice(HIGH) if luck < 0.95 else self.rng.choice([None, "Z", "a", "F", ""])

    def alerts(self) -> list[str] | None:
        luck = self.rng.random()
        if luck < 0.88:
            return self.rng.sample(IDLE_ALERTS, self.rng.randint(0, 2))
        return [self.rng.choice(ALERTS), *self.rng.sample(IDLE_ALERTS, 1)] if luck < 0.95 else None

    def _person(self) -> Face:
        rng, noms, prison = self.rng, self.number(), self.any_prison()
        face = Face(noms, pnc_id(rng), prison)
        fate = rng.choices(
            ["stays", "moves", "absent", "released", "lost", "merged", "stale", "boundary", "tie", "unheard", "later", "restated"],
            [40, 20, 5, 4, 3, 9, 4, 4, 2, 4, 3, 3],
        )[0]
        if fate != "unheard":
            started = self.days_ago(425, 700) if fate != "stale" else self.days_ago(731, 1500)
            self.add(noms, "RECEIVED", started, prison, self.category(), self.alerts())
            if fate == "merged":
                self.rows[-1]["alerts"] = self.alerts() or []
            getattr(self, f"_{fate}", lambda face: None)(face)
        return face

    def _moves(self, face: Face) -> None:
        days = sorted((self.rng.uniform(0, 200) for _ in range(self.rng.randint(1, 2))), reverse=True)
        for ago in days:
            face.prison = self.any_prison()
            category = self.category() if self.rng.random() < 0.3 else None
            self.add(face.noms, "RECEIVED", self.days_ago(ago, ago), face.prison, category)

    def _absent(self, face: Face) -> None:
        self.add(face.noms, "ABSENT", self.days_ago(0, 30), face.prison)

    def _released(self, face: Face) -> None:
        self.add(face.noms, "RELEASED", self.days_ago(0, 200))
        if self.rng.random() < 0.3:
            self.add(face.noms, "RECEIVED", write_time(self.now), face.prison, "C", [])

    def _lost(self, face: Face) -> None:
        self.add(face.noms, "UNKNOWN", self.days_ago(0, 200))

    def _merged(self, face: Face) -> None:
        """Two numbers, three at times; the place and the category of either may be the one that stands."""
        for _ in range(self.rng.choice([1, 1, 2])):
            other, prison = self.number(), self.any_prison()
            same = self.rng.random() < 0.6
            category = next((row["category"] for row in self.rows if row["noms_number"] == face.noms), None) if same else self.category()
            self.add(other, "RECEIVED", self.days_ago(205, 720), prison, category, self.alerts() or [])
            if self.rng.random() < 0.3:
                self.add(other, "ABSENT", self.days_ago(150, 204), prison)
            merged_at = self.days_ago(0, 149)
            if self.rng.random() < 0.5:
                self.add(face.noms, "MERGED", merged_at, removed_noms_number=other)
                face.others.append(other)
            else:
                self.add(other, "MERGED", merged_at, removed_noms_number=face.noms)
                face.noms, face.others = other, [*face.others, face.noms]
        if self.rng.random() < 0.4:
            self.add(face.written_number(self.rng), "RECEIVED", write_time(self.now), face.prison, None, None)

    def _boundary(self, face: Face) -> None:
        """A category stated exactly as long ago as may be, or a second longer."""
        self.rows.pop()
        at = self.now - timedelta(days=730, seconds=self.rng.choice([0, 1]))
        self.add(face.noms, "RECEIVED", write_time(at), face.prison, self.rng.choice("BCD"), [])
        if self.rng.random() < 0.3:
            self.add(face.noms, "STATUS", self.days_ago(0, 400), None, None, self.alerts())

    def _tie(self, face: Face) -> None:
        at, face.prison = self.days_ago(0, 200), self.any_prison()
        self.add(face.noms, "RECEIVED", at, self.any_prison(), "C", [])
        self.add(face.noms, "RECEIVED", at, face.prison, "D", [])

    def _later(self, face: Face) -> None:
        """A movement after the time judged, which must not count."""
        self.add(face.noms, "RECEIVED", write_time(self.now + timedelta(seconds=1)), self.any_prison(), "A", ["XEL"])

    def _restated(self, face: Face) -> None:
        self.add(face.noms, "STATUS", self.days_ago(0, 300), None, self.category(), self.alerts())

    def _repeat_some(self) -> None:
        for row in self.rng.sample(self.rows, len(self.rows) // 50):
            self.rows.append(dict(row))
