"""The broker and the independent judge give the same answers: to every combination of the finite axes, and to 100,000 random reports."""

from __future__ import annotations

import pytest

from policy.axes import CODES, NAMING, ORIGINATORS, every_report, every_world
from policy.differ import WORLD_SIZE, Comparison, compare, compare_world
from policy.reports import make_estate_variants, missing

# Each hand is one test, so that two processes share them.
HANDS, WORLDS_IN_HAND = 5, 10
WORLDS = list(every_world())
ESTATE = make_estate_variants()


@pytest.mark.long
@pytest.mark.parametrize("hand", range(HANDS))
def test_random_reports_are_answered_as_the_judge_answers(hand: int) -> None:
    """100,000 of them; what a hand holds strikes every gate, rule, cell, case reason and obligation fifty times."""
    whole = Comparison()
    for place in range(WORLDS_IN_HAND):
        whole.take(compare_world(hand * WORLDS_IN_HAND + place))
        assert whole.wrong == []
    assert whole.reports == WORLDS_IN_HAND * WORLD_SIZE
    assert missing(whole.struck) == {}


@pytest.mark.parametrize("seed", [1001, 1002])
def test_of_two_readings_the_broker_takes_the_one_that_is_written_down(seed: int) -> None:
    """Reports spoilt in the ways on which README.md records a choice."""
    found = compare_world(seed, murky=True)
    assert found.wrong == []
    assert found.reports == WORLD_SIZE


def test_the_hands_hold_a_hundred_thousand() -> None:
    assert HANDS * WORLDS_IN_HAND * WORLD_SIZE == 100_000


@pytest.mark.parametrize("number", range(len(WORLDS)), ids=[f"{place}-{category}" for place, category, _ in WORLDS])
def test_every_combination_is_answered_as_the_judge_answers(number: int) -> None:
    place, category, special = WORLDS[number]
    whole = Comparison()
    for originator in ORIGINATORS:
        movements, lines = every_report(place, category, special, originator)
        whole.take(compare(lines, ESTATE, movements))
        assert whole.wrong == []
    assert whole.reports == len(ORIGINATORS) * len(CODES) * len(NAMING) * len(special)
    assert whole.pairs >= 9 * whole.reports
    assert whole.struck["status ACCEPTED"] >= 0.9 * whole.reports


def test_the_axes_are_crossed() -> None:
    assert sum(len(special) for _, _, special in WORLDS) * len(ORIGINATORS) * len(CODES) * len(NAMING) == 12_540
