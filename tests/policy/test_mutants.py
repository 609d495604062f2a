"""A wrong broker is noticed: each cell, gate, rule, obligation and case reason turned, and functions with a mistake in them."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import product
from typing import Any
from unittest.mock import patch

import pytest

from pas_schemas.rulebook import Rulebook
from pas_schemas.rules import CODES, COLUMNS, GATES, LAST, OBLIGATIONS, ROUTING
from policy.differ import make_comparable
from policy.harness import RULEBOOK, World
from policy.mutants import MUTANTS, answering, turning, with_cell, without_gate, without_obligation, without_reason
from policy.oracle import judge
from policy.reports import NOW, count

# What its tests share is made once: in one process.
pytestmark = pytest.mark.xdist_group("mutants")

Json = dict[str, Any]
# A mutant is noticed within so many reports that strike what it changes; one that no single thing tells of within a whole world.
WITHIN, WORLD = 100, 3000
# Whoever is considered under these was named, and whoever is an internal recipient is an own office (README.md, 67): nothing reaches them.
UNREACHED = {(code, column, "other") for code in "123" for column in ("lea", "prison", "nonpros")}
UNREACHED |= {("5", "prison", "other"), ("5", "nonpros", "other")} | {("4", column, "named") for column in COLUMNS if column != "own"}


@cache
def world() -> tuple[list[Json], list[Json], list[str], list[Json]]:
    rows, movements, lines = make_comparable(77, WORLD)
    return rows, movements, lines, judge(list(lines), rows, movements, NOW)


@cache
def counted() -> list[tuple[str, Counter[str]]]:
    """Each report with what its answer strikes."""
    _, _, lines, answers = world()
    return [(line, count([answer])) for line, answer in zip(lines, answers, strict=True)]


@cache
def telling(struck: str) -> tuple[str, ...]:
    """The first reports whose answer strikes it; of nothing, all."""
    found = [line for line, strikes in counted() if not struck or strikes[struck]]
    return tuple(found[:WITHIN] if struck else found)


@cache
def judged(lines: tuple[str, ...]) -> list[Json]:
    rows, movements, every, answers = world()
    return answers if lines == tuple(every) else judge(list(lines), rows, movements, NOW)


def differs(lines: tuple[str, ...], book: Rulebook = RULEBOOK) -> bool:
    """Whether the broker, as it is now, answers any of these otherwise than the judge."""
    rows, movements, _, _ = world()
    ours = World.of(rows, movements, NOW, book).answers(lines)
    return any(one != other for one, other in zip(ours, judged(lines), strict=True))


def test_the_broker_as_it_is_differs_nowhere() -> None:
    assert not differs(telling(""))
    assert not any(map(differs, {telling(mutant.strikes) for mutant in MUTANTS.values()}))


@pytest.mark.parametrize(("code", "column", "place"), list(product(CODES, COLUMNS, ("named", "other"))))
def test_a_turned_word_of_a_cell_is_noticed(code: str, column: str, place: str) -> None:
    word = getattr(RULEBOOK.matrix[code][column], place)
    lines = telling(f"H{code}-{column.upper()} {word}") or telling("status ACCEPTED")
    assert differs(lines, with_cell(code, column, place)) != ((code, column, place) in UNREACHED)


@pytest.mark.parametrize("rule", [*(gate for gate in GATES if gate != "G-PIN"), *ROUTING, LAST])
def test_a_turned_word_of_a_rule_is_noticed(rule: str) -> None:
    with answering(turning(rule)):
        assert differs(telling(f"{rule} hold") or telling(f"{rule} refuse"))


@pytest.mark.parametrize("gate", [gate for gate in GATES if gate != "G-PIN"])
def test_a_gate_that_is_not_told_is_noticed(gate: str) -> None:
    with answering(without_gate(gate)):
        assert differs(telling(f"gate {gate}"))


REASONS = ["G-PASO", "R-CATA", "R-SENIORITY", "R-ESCORT", "R-WHEREABOUTS", "R-FOLLOW", "R-EVALUATE", "R-REFERRAL", "R-NOBODY", "H1-NONPROS"]


@pytest.mark.parametrize("reason", REASONS)
def test_a_case_reason_that_is_not_told_is_noticed(reason: str) -> None:
    with answering(without_reason(reason)):
        # What adds up adds up in the whole world alone.
        assert differs(telling("" if reason == "R-REFERRAL" else f"case {reason}"))


@pytest.mark.parametrize("word", OBLIGATIONS)
def test_an_obligation_that_is_not_told_is_noticed(word: str) -> None:
    with answering(without_obligation(word)):
        assert differs(telling(f"obligation {word}"))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_in_the_policy_is_noticed(name: str) -> None:
    mutant = MUTANTS[name]
    with patch.object(mutant.holder, mutant.name, mutant.wrong):
        assert differs(telling(mutant.strikes))
