"""Grades of other scales as 5x5x5: declared one-way maps that keep the original and mark the result converted (domain, *5x5x5*)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from pas_schemas.errors import GradingError
from pas_schemas.reference import read_data
from pas_schemas.rules import CODES

Scale = Literal["3x5x2", "4x4", "6x6"]
_PARTS = ("source", "intelligence", "handling")


@dataclass(frozen=True, slots=True)
class HandlingChoice:
    """The 5x5x5 handling code that a person gives an item; `person` is an opaque staff reference."""

    code: str
    person: str


@dataclass(frozen=True, slots=True)
class ConvertedGrade:
    """A 5x5x5 grade that was another scale's; `original` is as it was written, and there is no way back to it from `grade`.

    `choice` is the person's where the handling code was one.
    """

    grade: str
    original: str
    scale: Scale
    choice: HandlingChoice | None = field(default=None)
    converted: Literal[True] = True


def convert(scale: Scale, written: str, choice: HandlingChoice | None = None) -> ConvertedGrade:
    """The 5x5x5 grade of one written on another scale, such as 3x5x2 `1AP`, Europol 4x4 `B2H1` or Admiralty 6x6 `C3`.

    Where the scale has no handling code that means one of ours (3x5x2 `P` and `C`, Admiralty) a person must have chosen one.
    Raises GradingError for anything the declared map does not name. What V-GRADE refuses of a 5x5x5 grade it refuses of this one.
    """
    table = grading_scales()
    if scale not in table:
        raise GradingError("That grading scale has no declared map to 5x5x5.", f"the scales are {', '.join(table)}")
    source, intelligence = (_look_up(scale, part, written[place : place + 1]) for place, part in enumerate(_PARTS[:2]))
    handling = _handling(scale, written[2:], choice)
    return ConvertedGrade(source + intelligence + handling, written, scale, choice)


@cache
def grading_scales() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """By scale, part of the grade and what is written there: the 5x5x5 code, empty where a person chooses it."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in csv.DictReader(read_data("grading_scales.csv").decode("utf-8").splitlines()):
        found.setdefault(row["scale"], {}).setdefault(row["part"], {})[row["written"]] = row["converted"]
    return found


def _handling(scale: Scale, written: str, choice: HandlingChoice | None) -> str:
    mapped = _look_up(scale, "handling", written) if "handling" in grading_scales()[scale] else _nothing(written)
    if mapped and choice is not None:
        raise GradingError("The handling code of that scale has a declared map.", "convert it without a choice, then regrade it")
    if mapped:
        return mapped
    if choice is None or not choice.person.strip():
        raise GradingError("The handling code of that scale is a person's decision.", "say which 5x5x5 code, and who chose it")
    if choice.code not in CODES:
        raise GradingError("The chosen handling code is none of 5x5x5.", f"choose one of {', '.join(CODES)}")
    return choice.code


def _look_up(scale: Scale, part: str, written: str) -> str:
    found = grading_scales()[scale][part].get(written)
    if found is None:
        raise GradingError(f"The {part} grade is none of {scale}.", f"it must be one of {', '.join(grading_scales()[scale][part])}")
    return found


def _nothing(written: str) -> str:
    if written:
        raise GradingError("That scale has no handling code.", "write source and intelligence alone")
    return ""
