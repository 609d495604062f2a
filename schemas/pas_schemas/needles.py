"""Words that a text must hold for a regular expression to match: what lets most texts pass without running it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from re import _constants as sre  # type: ignore[attr-defined]  # typeshed does not know the parser's own names
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import Any

# A shorter word stands in too many texts to be worth looking for.
SHORTEST = 3
# Each letter that may be missing makes a word two: more than so many are not worth looking for either.
MOST_SPELLINGS = 8


def needles_of(pattern: re.Pattern[str]) -> frozenset[str] | None:
    """Lower-case words of which every match of `pattern` in an ASCII text holds at least one; None where that cannot be told."""
    words = _best(parser.parse(pattern.pattern, pattern.flags))
    if not words or not all(word.isascii() for word in words):
        return None
    lower = {word.lower() for word in words}
    return frozenset(word for word in lower if not any(other in word for other in lower - {word}))


def _best(sequence: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
    """Of the parts that must all match, the one whose shortest word is longest."""
    found: list[frozenset[str]] = []
    runs = frozenset({""})
    for operation, argument in [*sequence, (None, None)]:
        if operation is sre.LITERAL:
            runs = frozenset(run + chr(argument) for run in runs)
            continue
        maybe = _maybe_letter(operation, argument)
        if maybe and 2 * len(runs) <= MOST_SPELLINGS:
            runs |= {run + maybe for run in runs}
            continue
        if min(map(len, runs)) >= SHORTEST:
            found.append(runs)
        runs = frozenset({""})
        part = _of_part(operation, argument)
        if part is not None:
            found.append(part)
    return max(found, key=lambda words: min(map(len, words)), default=None)


def _of_part(operation: Any, argument: Any) -> frozenset[str] | None:
    if operation is sre.SUBPATTERN:
        return _best(argument[-1])
    if operation is sre.BRANCH:
        branches = [_best(branch) for branch in argument[1]]
        return frozenset().union(*(words for words in branches if words)) if all(branches) else None
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT) and argument[0] >= 1:
        return _best(argument[2])
    return None


def _maybe_letter(operation: Any, argument: Any) -> str | None:
    """A letter that is there once or not at all, as in `cell ?mate`."""
    if operation not in (sre.MAX_REPEAT, sre.MIN_REPEAT) or argument[:2] != (0, 1) or len(argument[2]) != 1:
        return None
    [(inner, letter)] = argument[2]
    return chr(letter) if inner is sre.LITERAL else None
