"""What the gateway would refuse to load, all of it at once, and what shows in the file as it was written alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pas_gateway.scrutiny.findings import Finding
from pas_schemas.rulebook import Fault
from pas_schemas.rules import CODES, COLUMNS

Tree = dict[str, Any]
# Where one of these was found, it is known why the gateway refuses the book.
REFUSED: Final = frozenset({"MISSING", "UNREACHABLE_CELL", "UNENFORCEABLE", "MARKING_REFUSED"})
_KINDS: Final = {
    "missing": "MISSING",
    "extra_forbidden": "UNKNOWN_KEY",
    "literal_error": "UNKNOWN_WORD",
    "unknown word": "UNKNOWN_WORD",
    "a high category": "HIGH_UNKNOWN",
    "a deadline is needed": "MISSING",
    "a ladder is needed": "MISSING",
    "a rule is needed": "MISSING",
}


def of_fault(fault: Fault) -> Finding:
    """A fault of the file as the gateway told it."""
    kind = next((kind for sign, kind in _KINDS.items() if fault.type == sign or fault.said.startswith(sign)), "BAD_VALUE")
    return Finding(kind, fault.place, fault.said)


def in_tree(tree: Tree) -> Iterator[Finding]:
    """Findings on the values as they are written, whether or not the gateway would load them."""
    matrix = tree.get("matrix")
    if isinstance(matrix, dict):
        yield from _cells(matrix)
    accepted = _words(tree, "markings", "accepted")
    for table, name in (("markings", "held"), ("four_eyes", "markings")):
        yield from (Finding("MARKING_REFUSED", f"{table}.{name}", word) for word in _words(tree, table, name) if word not in accepted)
    yield from _lists(tree, "")


def _words(tree: Tree, table: str, name: str) -> list[str]:
    found = tree.get(table)
    values = found.get(name) if isinstance(found, dict) else None
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _cells(matrix: Tree) -> Iterator[Finding]:
    for code in CODES:
        row = matrix.get(code, {})
        if isinstance(row, dict):
            yield from (Finding("MISSING", f"matrix.{code}", f"{column}: no word") for column in COLUMNS if column not in row)
    for code, row in matrix.items():
        for column, cell in row.items() if isinstance(row, dict) else ():
            place = f"matrix.{code}.{column}"
            if code not in CODES or column not in COLUMNS:
                yield Finding("UNREACHABLE_CELL", place, "no report or no office leads here")
            elif not _can_be_kept(code, column, cell):
                yield Finding("UNENFORCEABLE", place, f"H{code}-{column.upper()}")


def _can_be_kept(code: str, column: str, cell: object) -> bool:
    """As the gateway has it: code 4 leaves no agency, and whoever was not named gets neither 4 nor 5."""
    named, other = (cell.get("named"), cell.get("other")) if isinstance(cell, dict) else (cell, cell)
    if code == "4" and column != "own":
        return named == other == "refuse"
    return code not in "45" or other == "refuse"


def _lists(tree: Tree, above: str) -> Iterator[Finding]:
    for name, value in tree.items():
        place = f"{above}{name}"
        if isinstance(value, dict):
            yield from _lists(value, f"{place}.")
        elif isinstance(value, list):
            told = [str(one) for one in value]
            yield from (Finding("LISTED_TWICE", place, one) for n, one in enumerate(told) if one in told[:n])
            yield from _spellings(place, dict.fromkeys(told))


def _spellings(place: str, words: dict[str, None]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for word in words:
        plain = " ".join(word.replace("-", " ").replace("_", " ").split()).casefold()
        if plain in seen:
            yield Finding("TWO_SPELLINGS", place, f"{seen[plain]!r} and {word!r}")
        seen.setdefault(plain, word)
