"""The broker and the independent judge give the same answers to accepted reports that are decided again, whatever people have said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from pas_gateway.policy import decide
from policy.axes import CODES, NAMING, ORIGINATORS
from policy.differ import Comparison
from policy.differ_again import CROSSED, EXPECTED, SAID, SINCE, SPECIALS, WHOLE, compare_again, compare_every
from policy.reports import make_estate_variants

ESTATE = make_estate_variants()
HANDS, WORLDS_IN_HAND = 2, 5
GOES_HOME = (
    "released since", "released and at court", "released before under another number, and merged",
    "released since under another number, and merged",
)  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("hand", range(HANDS))
def test_random_reports_are_decided_again_as_the_judge_decides_them(hand: int) -> None:
    """Each hand holds 4,000 accepted reports and more, and strikes ten times everything that words, acceptances and time can do."""
    whole = Comparison()
    for place in range(WORLDS_IN_HAND):
        whole.take(compare_again(hand * WORLDS_IN_HAND + place))
        assert whole.wrong == []
    assert whole.reports > 4_000
    assert {name: whole.struck[name] for name in EXPECTED if whole.struck[name] < 10} == {}


@pytest.mark.parametrize("since", SINCE)
def test_every_combination_is_decided_again_as_the_judge_decides_it(since: str) -> None:
    whole = compare_every(since, ESTATE)
    assert whole.wrong == []
    each = len(CROSSED) * len(SAID) + (len(SPECIALS) - len(CROSSED)) * 2 if since in WHOLE else 2
    assert whole.reports == len(ORIGINATORS) * len(CODES) * len(NAMING) * each
    assert (whole.struck["went home"] > 0) == (since in GOES_HOME)
    struck = ("code 4 is over", "gate G-PIN", "accepted text in its place", "ended G-PASO")
    assert since not in WHOLE or all(whole.struck[name] > 50 for name in struck)


# --- a wrong broker is noticed -------------------------------------------------------------------------------------------

_word_of, _owner_of, _paso_case = decide.word_of, decide.owner_of, decide.paso_case
_holds_everybody, _person_facts = decide.holds_everybody, decide.person_facts


def _owner_consents(answers: Any, rule: str, owner: str, originator: str) -> Any:
    return answers.get((owner, rule)) or _word_of(answers, rule, owner, originator)


def _anybody_counts(answers: Any, rule: str, owner: str, originator: str) -> Any:
    return next((word for (_, said), word in answers.items() if said == rule), None)


def _refusals_unheard(answers: Any, rule: str, owner: str, originator: str) -> Any:
    found = _word_of(answers, rule, owner, originator)
    return None if found == "refuse" else found


def _unseen_counts(answers: Any, rule: str, owner: str, originator: str) -> Any:
    return _word_of(answers, rule, owner, originator) or next((word for (who, _), word in answers.items() if who == owner), None)


def _without_pin(*given: Any) -> tuple[str, ...]:
    return tuple(gate for gate in _holds_everybody(*given) if gate != "G-PIN")


def _any_word_ends_it(situation: Any, judged: Any) -> Any:
    return tuple(case for case in _paso_case(situation, judged) if case.held or not situation.rulings)


def _nobody_goes_home(person: Any, situation: Any, book: Any) -> Any:
    return _person_facts(person, situation, book)._replace(released_since=False)


MISTAKES: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "PAS consents for the originator": (decide, "word_of", _owner_consents),
    "anybody's word counts": (decide, "word_of", _anybody_counts),
    "a refusal is unheard": (decide, "word_of", _refusals_unheard),
    "a rule nobody saw is answered": (decide, "word_of", _unseen_counts),
    "an intercept's authorisation never runs out": (decide, "holds_everybody", _without_pin),
    "any word ends the compartment's case": (decide, "paso_case", _any_word_ends_it),
    "nobody goes home": (decide, "person_facts", _nobody_goes_home),
    "everybody's evaluation is PAS's": (decide, "owner_of", lambda rule, secret, has, origin: _owner_of(rule, secret, False, origin)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_noticed(name: str) -> None:
    holder, function, wrong = MISTAKES[name]
    with patch.object(holder, function, wrong):
        assert any(compare_again(seed, 200).wrong for seed in range(1, 12))
