"""The broker and the independent judge give the same answers to random reports; where they differ by choice is listed here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any
from zlib import crc32

import pytest

from pas_schemas.identifiers import is_nomis, is_pnc, pnc_letter
from policy.harness import World
from policy.oracle import example_estate, judge
from policy.reports import NOW, make_estate_variants, make_world

Json = dict[str, Any]

# seed, reports, moment judged, directory: the second and third judge the same kind of world by other postings and at another time.
WORLDS = {
    "everything": (1, 2500, NOW, make_estate_variants),
    "as founded": (2, 1500, NOW, example_estate),
    "a year before": (3, 1000, "2014-11-03T00:00:00Z", make_estate_variants),
    "in the night": (4, 1500, "2015-03-01T00:00:00Z", make_estate_variants),
}


@cache
def answers(name: str) -> list[tuple[str, Json, Json]]:
    """Line, broker's answer, judge's answer."""
    seed, size, now, estate = WORLDS[name]
    movements, written = make_world(seed, size, now=now)
    lines = [tell_apart(line) for line in written]
    rows = [in_its_term(row) for row in estate()]
    return list(zip(lines, World.of(rows, movements, now).explain(lines), judge(list(lines), rows, movements, now), strict=True))


@pytest.mark.parametrize("name", WORLDS)
def test_the_broker_answers_as_the_judge_does(name: str) -> None:
    judged = [(line, ours, theirs) for line, ours, theirs in answers(name) if not has_two_readings(line)]
    assert len(judged) >= WORLDS[name][1] * 0.97
    for line, ours, theirs in judged:
        assert ours == theirs, line


def test_enough_is_compared() -> None:
    compared = [theirs for name in WORLDS for _, _, theirs in answers(name)]
    assert len(compared) >= 6000
    assert sum(theirs["status"] == "ACCEPTED" for theirs in compared) >= 4000


@pytest.mark.parametrize("name", WORLDS)
def test_where_the_text_has_two_readings_ours_is_the_one_listed(name: str) -> None:
    for line, ours, theirs in answers(name):
        reading = has_two_readings(line)
        if reading and ours != theirs:
            assert READINGS[reading](ours), line


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
