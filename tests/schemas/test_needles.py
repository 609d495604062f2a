"""The words looked for before a regular expression is run: a text that it matches always holds one of them."""

from __future__ import annotations

import re

import pytest

from pas_gateway.scrutiny.witness import texts_of
from pas_schemas.needles import needles_of
from pas_schemas.rulebook import Pattern, screen, shipped_rulebook

PATTERNS = [
    *(pattern.regex.pattern for pattern in shipped_rulebook().patterns),
    r"\bcell ?mates?\b", r"a?b?c?d?letter", r"(?:in)?form(?:er|ant)s?", r"x*told+", r"wing(?: ?man)?", r"(?:tap|wire)(?:ped)?",
    r"[Tt]apped? ?phones?", r"line(?:s|d)?? 4",
]  # fmt: skip


@pytest.mark.parametrize("expression", PATTERNS)
def test_what_matches_is_never_passed_over(expression: str) -> None:
    regex = re.compile(expression, re.IGNORECASE)
    pattern = Pattern("G-SOURCE", 1, regex, needles_of(regex))
    texts = [text for text in texts_of(regex) if text.isascii()]
    assert texts
    for text in texts:
        assert screen(text, [pattern]) == screen(text.upper(), [pattern]) == screen(text.swapcase(), [pattern]) == [pattern]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (r"\b(?:cell ?mate|listener)\b", {"cell mate", "cellmate", "listener"}),
        # A word that holds another is not looked for besides it.
        (r"informers?", {"informer"}),
        (r"(?:told|said) by", {"told", "said"}),
        # Sixteen spellings are too many: what must be there in any case is looked for.
        (r"a?b?c?d?tap", {"tap"}),
        (r"(?:tap|x)", None),
        (r"caf\xe9", None),
    ],
)
def test_the_words_are_those_of_which_every_match_holds_one(expression: str, words: set[str] | None) -> None:
    found = needles_of(re.compile(expression, re.IGNORECASE))
    assert found == (frozenset(words) if words is not None else None)
