"""The demo's story: shipped whole, shifted whole, and the same outcomes whenever it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pas_gateway.demo.shift import days_until, shift
from pas_gateway.demo.story import STORY_NOW, tell_story
from pas_schemas.clock import parse_time
from policy.harness import World
from policy.oracle_facts import example_estate

HOUR = timedelta(hours=1)
# A leap day, a year's end, the change to summer time and a century's end lie near these.
TOLD_AT = [
    parse_time(text)
    for text in ("2015-11-18T15:00:00Z", "2016-02-29T09:00:00Z", "2026-12-31T23:59:59Z", "2027-03-28T01:30:00Z", "2099-12-31T12:00:00Z")
]


def test_every_date_is_shifted_and_no_text() -> None:
    told = {
        "at": "2015-12-31T23:59:59.125Z",
        "day": "2016-02-28",
        "text": "On 2015-11-18 he left.",
        "urn": "01/IR/2015/004711",
        "n": [1, None, "2015-11-18"],
    }
    assert shift(told, 2) == {
        "at": "2016-01-02T23:59:59.125Z", "day": "2016-03-01", "text": told["text"], "urn": told["urn"], "n": [1, None, "2015-11-20"],
    }  # fmt: skip
    assert shift(shift(told, 4023), -4023) == told


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(seconds=1), timedelta(hours=23, minutes=59, seconds=59), -timedelta(seconds=1)])
def test_a_shifted_story_is_less_than_a_day_old(behind: timedelta) -> None:
    latest = datetime(2015, 11, 18, 15, tzinfo=UTC)
    now = latest + timedelta(days=4000) + behind
    age = now - (latest + timedelta(days=days_until(latest, now)))
    assert timedelta(0) <= age < timedelta(days=1)


@pytest.mark.parametrize("now", TOLD_AT, ids=str)
def test_nothing_in_the_story_is_ahead(now: datetime) -> None:
    story = tell_story(now)
    moments = [parse_time(row["at"]) for row in (*story.movements, *story.transfer)]
    moments += [parse_time(report["created_at"]) for report in story.reports]
    assert max(moments) == parse_time(story.transfer[0]["at"]) <= now < max(moments) + timedelta(days=1)
    assert STORY_NOW + timedelta(days=story.days) <= now
    assert len(story.reports) == len(story.expected) == 13
    assert len(story.urns) == 12
    assert story.report(story.urns[0])["items"][1]["handling"] == "4"


@pytest.mark.parametrize("now", TOLD_AT, ids=str)
def test_the_story_comes_out_the_same_whenever_it_is_told(now: datetime) -> None:
    """Up to a day after its own noon, for that is how far behind the shifted story may lie."""
    estate = example_estate()
    for late in (0, 1, 12, 23):
        moment = now + late * HOUR
        story = tell_story(moment)
        world = World.of(estate, story.movements, moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
        assert world.explain(list(story.reports)) == list(story.expected), moment
