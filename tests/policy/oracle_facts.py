"""What the oracle knows of the world at one instant: times, directory, whereabouts and who a subject is."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

Row = dict[str, Any]

DATA = Path(__file__).parents[2] / "schemas" / "pas_schemas" / "data"
TERRITORIAL = (1, *range(3, 8), *range(10, 15), 16, 17, *range(20, 24), *range(30, 38), *range(40, 49), 50, *range(52, 56), *range(60, 64))
FORCES = [f"{number:02}" for number in TERRITORIAL]
EVENTS = {"RECEIVED", "STATUS", "ABSENT", "RELEASED", "MERGED", "UNKNOWN"}
PNC_LETTERS = "ZABCDEFGHJKLMNPQRTUVWXY"

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_NOMIS = re.compile(r"[A-Z]\d{4}[A-Z]{2}", re.ASCII)
_PNC = re.compile(r"(\d{4})/(\d{7})([A-Z])", re.ASCII)


# --- times -----------------------------------------------------------------------------------------------------------


def read_time(text: object) -> datetime | None:
    """An RFC 3339 UTC time with Z, or None."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    head, dot, fraction = text[:-1].partition(".")
    try:
        moment = datetime.fromisoformat(head + "+00:00")
    except ValueError:
        return None
    return moment.replace(microsecond=int((fraction + "000000")[:6])) if dot else moment


def read_date(text: object) -> datetime | None:
    """A date without a time ends at 00:00 UTC of that day; None if it is no date."""
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def read_end(text: object) -> datetime | None:
    """A time, or a date standing for its end."""
    return read_time(text) or read_date(text)


# --- the example directory -------------------------------------------------------------------------------------------


@cache
def establishments() -> list[dict[str, str]]:
    with (DATA / "establishments.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@cache
def prison_codes() -> set[str]:
    return {row["prison_id"] for row in establishments()}


def office_row(office: str, **other: Any) -> Row:
    """A directory row as `pas directory list --json` prints it, effective from 2000-01-01 unless told otherwise."""
    kind = office.partition(":")[0]
    contracted = bool(other.get("contracted"))
    handling_class = {
        "force": "police",
        "fib": "police",
        "pio": "police",
        "pas": "police",
        "feed": "none",
        "inspector": "none",
        "escort": "non-prosecuting",
        "probation": "non-prosecuting",
    }.get(kind, "law enforcement")
    if contracted and kind in ("security", "governor"):
        handling_class = "non-prosecuting"
    row: Row = {
        "office": office,
        "kind": kind,
        "class": handling_class,
        "force": None,
        "prison": None,
        "contracted": contracted,
        "active": True,
        "from": "2000-01-01T00:00:00Z",
        "to": None,
    }
    return {**row, **other, "contracted": contracted}


def example_estate() -> list[Row]:
    """The estate `pas init` makes."""
    rows = [office_row(name) for name in ("pas", "cat-a-team", "paso-unit", "lea:88", "lea:91", "lea:93", "feed:nomis")]
    for force in FORCES:
        rows += [office_row(f"force:{force}", force=force), office_row(f"fib:{force}", force=force)]
    for prison in establishments():
        facts = {"force": prison["force_code"], "prison": prison["prison_id"], "contracted": prison["contracted"] == "1"}
        code = prison["prison_id"]
        rows += [office_row(f"security:{code}", **facts), office_row(f"governor:{code}", **facts)]
        if code != "HVI":
            rows.append(office_row(f"pio:{code}", **facts))
    return sorted(rows, key=lambda row: str(row["office"]))


class Estate:
    """The directory as it stood at one instant."""

    def __init__(self, rows: list[Row], now: datetime) -> None:
        self._rows: dict[str, Row] = {}
        self._in_effect: set[str] = set()
        self._own: dict[str, set[str]] = {}
        for row in rows:
            office = row["office"]
            if self._covers(row, now):
                self._rows[office] = row
                self._in_effect.add(office)
            elif office not in self._in_effect:
                self._rows[office] = row  # known, but not in effect: inactive

    @staticmethod
    def _covers(row: Row, now: datetime) -> bool:
        start, end = read_end(row.get("from")), read_end(row.get("to"))
        return (start is None or start <= now) and (end is None or now < end)

    def lacks(self, office: str) -> bool:
        return office not in self._rows

    def kind(self, office: str) -> str | None:
        row = self._rows.get(office)
        return None if row is None else str(row["kind"])

    def contracted(self, office: str) -> bool:
        return bool(self._rows[office]["contracted"])

    def prison(self, office: str) -> str | None:
        return None if self.lacks(office) else self._rows[office]["prison"]

    def active(self, office: str) -> bool:
        return office in self._in_effect and bool(self._rows[office]["active"])

    def police(self, office: str) -> bool:
        return self.kind(office) in ("force", "fib", "pio", "pas", "lea")

    def own_offices(self, office: str) -> set[str]:
        """Own offices of an originator."""
        if office not in self._own:
            self._own[office] = self._own_offices(office)
        return self._own[office]

    def _own_offices(self, office: str) -> set[str]:
        kind = self.kind(office)
        if kind in ("force", "fib", "pio"):
            code = self._rows[office]["force"]
            posted = {o for o in self._rows if self.kind(o) in ("force", "fib", "pio") and self._rows[o]["force"] == code}
            return posted | {office}
        if kind in ("security", "governor"):
            prison = self._rows[office]["prison"]
            return {f"security:{prison}", f"governor:{prison}"}
        return {office}

    def originating_fib(self, office: str) -> str | None:
        """The active FIB of the originating force, where the originator is of a force."""
        if self.kind(office) not in ("force", "fib", "pio"):
            return None
        fib = f"fib:{self._rows[office]['force']}"
        return fib if self.active(fib) else None

    def area_force(self, prison: str) -> str | None:
        for office in (f"security:{prison}", f"governor:{prison}"):
            if not self.lacks(office) and self._rows[office]["force"]:
                return str(self._rows[office]["force"])
        return next((row["force_code"] for row in establishments() if row["prison_id"] == prison), None)

    def conduit(self, prison: str) -> str:
        """The active PIO of a prison, else the FIB of the force where it lies."""
        pio = f"pio:{prison}"
        return pio if self.active(pio) else f"fib:{self.area_force(prison)}"


# --- whereabouts -----------------------------------------------------------------------------------------------------


class Standing:
    """What is known of one person in custody."""

    def __init__(self) -> None:
        self.prison: str | None = None
        self.placed: tuple[datetime, int] | None = None  # the last RECEIVED, ABSENT or RELEASED
        self.category: str | None = None
        self.category_at: datetime | None = None
        self.alerts: set[str] | None = None
        self.out = False  # by a release from custody, of which the last word of his place was


Movement = tuple[datetime, int, Row]


def in_order(movements: list[Row]) -> list[Movement]:
    """The rows that have an effect, by time; ties keep their order, and a repeat is dropped."""
    seen: set[str] = set()
    rows: list[Movement] = []
    for number, row in enumerate(movements):
        moment, text = read_time(row.get("at")), json.dumps(row, sort_keys=True)
        if moment is None or text in seen or row.get("event") not in EVENTS:
            continue
        seen.add(text)
        rows.append((moment, number, row))
    return sorted(rows, key=lambda entry: entry[0])


class Whereabouts:
    """The whereabouts as they stood at one instant."""

    def __init__(self, movements: list[Movement], at: datetime) -> None:
        self._movements, self._earlier, self._at = movements, dict[datetime, Whereabouts](), at
        self._rows: dict[str, list[Movement]] = {}
        self._leads_to: dict[str, str] = {}
        self._people: dict[str, Standing] = {}
        for moment, number, row in movements:
            if moment <= at:
                self._apply(moment, number, row)

    def earlier(self, at: datetime) -> Whereabouts:
        """As they stood at another instant; many reports ask about one."""
        if at not in self._earlier:
            self._earlier[at] = Whereabouts(self._movements, at)
        return self._earlier[at]

    def root(self, number: str) -> str:
        while number in self._leads_to:
            number = self._leads_to[number]
        return number

    def find(self, number: str) -> Standing | None:
        return self._people.get(self.root(number))

    def out_since(self, number: str) -> datetime | None:
        """From when on whoever knows him by this number could know that he is out of custody; None where he is not."""
        since, rows = None, self._rows_of().get(self.root(number), [])
        for moment in sorted({moment for moment, _, _ in rows}, reverse=True):
            person = Whereabouts(rows, moment).find(number)
            if person is None or not person.out:
                break
            since = moment
        return since

    def _rows_of(self) -> dict[str, list[Movement]]:
        """Everybody's rows up to this instant."""
        if not self._rows:
            for one in self._movements:
                if one[0] <= self._at:
                    self._rows.setdefault(self.root(one[2]["noms_number"]), []).append(one)
        return self._rows

    def _person(self, number: str) -> Standing:
        return self._people.setdefault(self.root(number), Standing())

    def _apply(self, moment: datetime, number: int, row: Row) -> None:
        person, event = self._person(row["noms_number"]), row["event"]
        if event == "MERGED":
            self._merge(row["noms_number"], row.get("removed_noms_number"))
        if event in ("RECEIVED", "ABSENT", "RELEASED"):
            person.placed = (moment, number)
        if event == "RECEIVED":
            person.prison = row["prison"]
        if event in ("RELEASED", "UNKNOWN"):
            person.prison = None
        if event in ("RECEIVED", "UNKNOWN"):
            person.out = False
        if event == "RELEASED":
            person.out = True
        if row.get("category") is not None:
            person.category, person.category_at = row["category"], moment
        if row.get("alerts") is not None:
            person.alerts = set(row["alerts"])
        if event == "RELEASED":
            person.category, person.category_at = None, None

    def _merge(self, survivor: str, removed: str | None) -> None:
        if removed is None or self.root(removed) == self.root(survivor):
            return
        kept, gone = self._person(survivor), self._person(removed)
        if gone.placed is not None and (kept.placed is None or gone.placed > kept.placed):
            kept.placed, kept.prison, kept.out = gone.placed, gone.prison, gone.out
        if kept.category == gone.category:
            kept.category_at = max((t for t in (kept.category_at, gone.category_at) if t), default=None)
        else:
            kept.category, kept.category_at = None, None
        if gone.alerts is not None:
            kept.alerts = gone.alerts | (kept.alerts or set())
        self._leads_to[self.root(removed)] = self.root(survivor)


# --- who a subject is ------------------------------------------------------------------------------------------------


def pnc_passes(pnc: str) -> bool:
    parts = _PNC.fullmatch(pnc)
    if not parts:
        return False
    year, serial, letter = parts.groups()
    return PNC_LETTERS[int(year[2:] + serial) % 23] == letter


def well_formed(noms: str) -> bool:
    return bool(_NOMIS.fullmatch(noms))


class Person:
    """A subject or associate of a report, seen through the whereabouts."""

    def __init__(self, stated: Row, where: Whereabouts) -> None:
        self.role = stated["role"]
        self.noms = (stated["noms_number"] or "").strip() and stated["noms_number"]
        self.pnc = (stated["pnc_id"] or "").strip() and stated["pnc_id"]
        self.malformed = bool(self.noms) and not well_formed(self.noms)
        self.standing = where.find(self.noms) if self.noms and not self.malformed else None
        pnc_ok = bool(self.pnc) and pnc_passes(self.pnc)
        self.resolves = not self.malformed and (self.standing is not None or pnc_ok)
        self.to_verify = self.standing is not None and bool(self.pnc) and not pnc_ok
        self.prison = self.standing.prison if self.standing else None
        self.key: str | None = None  # who this is, for R-REFERRAL
        if self.noms and not self.malformed:
            self.key = where.root(self.noms)
        elif not self.noms and pnc_ok:
            self.key = self.pnc
