"""The escape plot: thirteen reports, five whereabouts, a transfer, and what must come of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any

from pas_gateway.demo.shift import days_until, shift
from pas_schemas.clock import parse_time

Row = dict[str, Any]

# When the story is judged, by its own calendar.
STORY_NOW = parse_time("2015-11-18T12:00:00Z")


@dataclass(frozen=True, slots=True)
class Story:
    """The story with its dates shifted by `days`; `expected` holds one answer for each line of `reports`, and `later` comes after all."""

    days: int
    movements: tuple[Row, ...] = field(repr=False)
    reports: tuple[Row, ...] = field(repr=False)
    expected: tuple[Row, ...] = field(repr=False)
    transfer: tuple[Row, ...] = field(repr=False)
    later: tuple[Row, ...] = field(repr=False)

    @property
    def urns(self) -> tuple[str, ...]:
        """Each URN once, in the order told."""
        return tuple(dict.fromkeys(str(report["urn"]) for report in self.reports))

    def report(self, urn: str) -> Row:
        """The first line with that URN."""
        return next(report for report in self.reports if report["urn"] == urn)


def tell_story(now: datetime) -> Story:
    """The story as it ships, shifted so that all of it, the transfer included, has happened within the day before `now`."""
    told = {name: _read(name) for name in ("movements", "reports", "expected", "transfer", "later")}
    latest = max(STORY_NOW, *(parse_time(row["at"]) for row in told["transfer"]))
    days = days_until(latest, now)
    shifted = {name: tuple(shift(row, days) for row in rows) for name, rows in told.items() if name != "expected"}
    return Story(days, expected=told["expected"], **shifted)


def _read(name: str) -> tuple[Row, ...]:
    text = (files("pas_gateway.demo") / "story" / f"{name}.ndjson").read_text("utf-8")
    return tuple(json.loads(line) for line in text.splitlines() if line.strip())
