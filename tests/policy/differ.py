"""The broker beside the independent judge: random worlds and every combination of the finite axes, and where the two differ."""

from __future__ import annotations

import gc
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from pas_schemas.identifiers import is_nomis, is_pnc, pnc_letter
from policy.harness import World
from policy.oracle import example_estate, judge
from policy.reports import NOW, count, make_estate_variants, make_world

Json = dict[str, Any]
WORLD_SIZE = 2000
# The moment judged and the directory; of five worlds in turn two are of another kind, by other postings or at another time.
KINDS: Sequence[tuple[str, Callable[[], list[Json]]]] = (
    (NOW, make_estate_variants), (NOW, make_estate_variants), (NOW, make_estate_variants),
    ("2015-03-01T00:00:00Z", make_estate_variants), (NOW, example_estate),
)  # fmt: skip


@dataclass
class Comparison:
    """How many reports were compared, what the judge's answers struck, and each on which the broker differs."""

    reports: int = 0
    pairs: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, Json, Json]] = field(default_factory=list)

    def take(self, other: Comparison) -> None:
        self.reports += other.reports
        self.pairs += other.pairs
        self.struck += other.struck
        self.wrong += other.wrong


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made here stays until it is compared: nobody need look in it for what may go."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def compare(lines: Sequence[str], rows: list[Json], movements: list[Json], now: str = NOW) -> Comparison:
    """The broker's answers to these lines, judged one after another, beside the judge's."""
    with uncollected():
        ours = World.of(rows, movements, now).explain(lines)
        theirs = judge(list(lines), rows, movements, now)
    wrong = [
        (line, one, other)
        for line, one, other in zip(lines, ours, theirs, strict=True)
        if one != other and not ((reading := has_two_readings(line)) and READINGS[reading](one))
    ]
    pairs = sum(len(outcome["items"]) for answer in theirs for outcome in answer["outcomes"])
    return Comparison(len(lines), pairs, count(theirs), wrong)


def compare_world(seed: int, *, murky: bool = False) -> Comparison:
    """One random world; `murky` with reports on which the text has two readings, of which one is written down."""
    now, estate = KINDS[seed % len(KINDS)]
    rows, movements, lines = make_told_apart(seed, WORLD_SIZE, now, estate, murky=murky)
    return compare(lines, rows, movements, now)


def make_told_apart(
    seed: int, size: int, now: str = NOW, estate: Callable[[], list[Json]] = make_estate_variants, *, murky: bool = False
) -> tuple[list[Json], list[Json], list[str]]:
    """Directory, movements and lines of a world in which broker and judge take one reading, but for those of READINGS."""
    movements, written = make_world(seed, size, now=now, murky=murky)
    return [in_its_term(row) for row in estate()], movements, [tell_apart(line) for line in written]


def in_its_term(row: Json) -> Json:
    """A directory row for any moment: one that says when it begins and ends is active in between."""
    return {**row, "active": row["active"] or row["to"] is not None or row["from"] > NOW}


# --- where the text has two readings (tests/policy/README.md has the judge's) ------------------------------------------


def shows_unknown(answer: Json) -> bool:
    """An id that names no office is no `security` of any prison: R-UNKNOWN, where the judge shows G-STAFF."""
    strangers = [pair for outcome in answer["outcomes"] if outcome["office"] == "security:ZZZ" for pair in outcome["items"]]
    return bool(strangers) and {pair["rule"] for pair in strangers} == {"R-UNKNOWN"}


READINGS = {"unknown security": shows_unknown}


def has_two_readings(line: str) -> str | None:
    try:
        raw = json.loads(line)
    except ValueError:
        return None
    if not isinstance(raw, dict):
        return None
    staff = re.search(r'"CORRUPTION"|"UNKNOWN"', line)
    return "unknown security" if staff and "security:ZZZ" in line else None


def tell_apart(line: str) -> str:
    """The line with persons of a malformed number under PNC IDs of their own.

    Whether reports on such a person add up has two readings: the broker tells them by their PNC ID (ADR 0008), the judge by nothing.
    """
    try:
        raw = json.loads(line)
    except ValueError:
        return line
    malformed = [
        subject for subject in persons(raw) if isinstance(subject.get("noms_number"), str) and not is_nomis(subject["noms_number"])
    ]
    for subject in malformed:
        if isinstance(subject.get("pnc_id"), str) and is_pnc(subject["pnc_id"]):
            serial = 2_000_000 + crc32(f"{raw.get('urn')}/{subject['noms_number']}".encode()) % 7_000_000
            subject["pnc_id"] = f"2015/{serial:07}{pnc_letter(2015, serial)}"
    return json.dumps(raw) if malformed else line


def persons(raw: object) -> Iterator[Json]:
    subjects = raw.get("subjects") if isinstance(raw, dict) else None
    found: Iterable[Any] = subjects if isinstance(subjects, list) else ()
    return (subject for subject in found if isinstance(subject, dict))
