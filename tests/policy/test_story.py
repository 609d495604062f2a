"""The story that ships with the demonstration comes out as its own expected answers say, by the broker and by the judge."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from policy.harness import World
from policy.oracle import example_estate, judge

AT = "2015-11-18T12:00:00Z"


def read(name: str) -> list[Any]:
    return [json.loads(line) for line in (files("pas_gateway.demo") / "story" / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("who", ["broker", "judge"])
def test_the_story(who: str) -> None:
    lines, movements, estate = read("reports.ndjson"), read("movements.ndjson"), example_estate()
    told = World.of(estate, movements, AT).explain(lines) if who == "broker" else judge(lines, estate, movements, AT)
    assert told == read("expected.ndjson")
    assert len(told) == 13


def test_the_transfer() -> None:
    """What is told after the transfer: the new prison's offices get theirs, the old one's have no part any more."""
    (before,) = World.of(example_estate(), read("movements.ndjson"), AT).explain(read("reports.ndjson")[:1])
    moved = [*read("movements.ndjson"), *read("transfer.ndjson")]
    (after,) = World.of(example_estate(), moved, "2015-12-01T00:00:00Z").explain(read("reports.ndjson")[:1])
    words = {outcome["office"]: [pair["verdict"] for pair in outcome["items"]] for outcome in after["outcomes"]}
    assert (words["pio:BAI"][0], words["security:BAI"][0], words["governor:BAI"]) == ("release", "release", ["hold"])
    assert "security:WSI" in {outcome["office"] for outcome in before["outcomes"]}
    assert "security:WSI" not in words
