"""Texts that a regular expression might match, made from its own parts: to see whether it matches anything, and what else does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from re import _constants as sre  # type: ignore[attr-defined]  # typeshed does not know the parser's own names
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import Any, Final

# Of more alternatives than this a pattern is not tried out: ten heads by ten tails with a gap between are a few hundred.
MOST_TEXTS = 4096
# One of each kind of character that a set may hold.
_SAMPLES: Final = "x X7_.,- '\n\N{LATIN SMALL LETTER E WITH ACUTE}"
_CLASSES: Final = {
    sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_NOT_DIGIT: r"\D", sre.CATEGORY_SPACE: r"\s", sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w", sre.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
# What a set gives: a few members, which stand for all.
_OF_A_SET = 3


class CannotTellError(Exception):
    """The pattern has a part that no text can be made of (a look-around, a reference back), or too many alternatives."""


def texts_of(pattern: re.Pattern[str]) -> list[str]:
    """Texts that set the pattern off, each alternative of it among them; none where it matches none. Raises CannotTellError."""
    found = list(dict.fromkeys(_texts(parser.parse(pattern.pattern, pattern.flags))))
    return [text for plain in found for text in (plain, f" {plain} ", f"x{plain}x") if pattern.search(text)]


def _texts(sequence: Iterable[tuple[Any, Any]]) -> list[str]:
    parts = [_part(operation, argument) for operation, argument in sequence]
    found = ["".join(pieces) for pieces in islice(product(*parts), MOST_TEXTS + 1)]
    if len(found) > MOST_TEXTS:
        raise CannotTellError
    return found


def _part(operation: Any, argument: Any) -> Sequence[str]:
    if operation is sre.LITERAL:
        return [chr(argument)]
    if operation in (sre.NOT_LITERAL, sre.ANY, sre.IN):
        return _members(operation, argument)
    if operation is sre.AT:
        return [""]
    if operation is sre.BRANCH:
        return [text for branch in argument[1] for text in _texts(branch)]
    if operation is sre.SUBPATTERN:
        return _texts(argument[-1])
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least, most, body = argument
        return list(dict.fromkeys(text * times for times in (least, min(least + 1, most)) for text in _texts(body)))
    if operation is sre.FAILURE or (operation is sre.ASSERT_NOT and not argument[1]):
        return []
    raise CannotTellError


def _members(operation: Any, argument: Any) -> list[str]:
    if operation is sre.ANY:
        return [" ", "x"]
    if operation is sre.NOT_LITERAL:
        return [char for char in _SAMPLES if ord(char) != argument][:_OF_A_SET]
    negated = argument[0][0] is sre.NEGATE
    candidates = dict.fromkeys((*_SAMPLES, *_named(argument)))
    return [char for char in candidates if _is_in(char, argument) != negated][: _OF_A_SET if negated else MOST_TEXTS]


def _named(parts: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    """The characters that a set names itself."""
    for operation, argument in parts:
        if operation is sre.LITERAL:
            yield chr(argument)
        elif operation is sre.RANGE:
            yield chr(argument[0])


def _is_in(char: str, parts: Iterable[tuple[Any, Any]]) -> bool:
    for operation, argument in parts:
        if operation is sre.LITERAL and ord(char) == argument:
            return True
        if operation is sre.RANGE and argument[0] <= ord(char) <= argument[1]:
            return True
        if operation is sre.CATEGORY and argument in _CLASSES and re.match(_CLASSES[argument], char):
            return True
    return False
