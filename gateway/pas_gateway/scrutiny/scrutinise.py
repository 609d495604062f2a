"""The order of a scrutiny: what cannot be loaded, then what contradicts, is missing or says nothing, then the text rules."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from pas_gateway.scrutiny import sense, shape, texts
from pas_gateway.scrutiny.findings import Finding
from pas_schemas.errors import RulebookError
from pas_schemas.reference import read_data
from pas_schemas.rulebook import FaultyRulebookError, Rulebook, read_rulebook

Tree = dict[str, Any]
NO_TEXT_RULES = b"gate,pattern,note\n"


def scrutinise(book: bytes, text_rules: bytes) -> list[Finding]:
    """Every finding on a rulebook and its text rules, each once; none where nothing is wrong.

    What makes sense together can be told of values that can be loaded alone: of a book that is refused, only what refuses it
    and what its text shows.
    """
    return list(dict.fromkeys((*_of_book(book), *_of_text_rules(text_rules))))


def _of_book(book: bytes) -> Iterator[Finding]:
    tree = _parse(book)
    found = list(shape.in_tree(tree)) if tree is not None else []
    yield from found
    loaded = _load(book, found)
    if isinstance(loaded, Rulebook):
        yield from sense.in_values(loaded)
    else:
        yield from loaded


def _parse(book: bytes) -> Tree | None:
    try:
        return tomllib.loads(book.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None


def _load(book: bytes, found: list[Finding]) -> Rulebook | list[Finding]:
    """The rulebook by itself, or what refused it; nothing more where the tree showed that already."""
    try:
        return read_rulebook(book, NO_TEXT_RULES)
    except FaultyRulebookError as refused:
        return [shape.of_fault(fault) for fault in refused.faults]
    except RulebookError as refused:
        if any(finding.kind in shape.REFUSED for finding in found):
            return []
        return [Finding("UNREADABLE" if _parse(book) is None else "BAD_VALUE", "rulebook.toml", refused.sentence)]


def _of_text_rules(text_rules: bytes) -> Iterator[Finding]:
    try:
        patterns = read_rulebook(read_data("rulebook.toml"), text_rules).patterns
    except RulebookError as refused:
        kind = "BAD_VALUE" if refused.sentence.startswith("Text rule") else "UNREADABLE"
        yield Finding(kind, "text_rules.csv", refused.sentence)
    else:
        yield from texts.in_patterns(patterns)
