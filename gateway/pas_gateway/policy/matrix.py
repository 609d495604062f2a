"""The matrix: handling code by recipient, as the rulebook has it (domain, *Matrix*)."""

from __future__ import annotations

from pas_gateway.policy.gates import ItemFacts
from pas_gateway.policy.routing import Audience, Origin
from pas_schemas.directory import PRISON_OFFICES, Standing
from pas_schemas.rulebook import Rulebook
from pas_schemas.rules import CODES, COLUMNS, Word

_COLUMN_OF_KIND = {
    "force": "police", "fib": "police", "pio": "police", "pas": "police",
    "lea": "lea", "paso-unit": "lea",
    "security": "prison", "governor": "prison", "cat-a-team": "prison",
    "probation": "nonpros",
}  # fmt: skip
_CELL_ID = {(code, column): f"H{code}-{column.upper()}" for code in CODES for column in COLUMNS}


def column_of(office: Standing, origin: Origin) -> str | None:
    """The column an office is read in, the own column first; None for kinds the matrix does not know."""
    if office.id in origin.own:
        return "own"
    if office.contracted and office.kind in PRISON_OFFICES:
        return "nonpros"
    return _COLUMN_OF_KIND.get(office.kind)


def matrix_word(
    office: str, column: str, facts: ItemFacts, found: Audience, internal: frozenset[str], rulebook: Rulebook
) -> tuple[str, Word]:
    """The cell's id and word; `internal` are the recipients a code 4 item may reach while its review date is ahead."""
    cell = rulebook.matrix[facts.code][column]
    named = office in internal if facts.code == "4" else office in found.named or office in found.added
    return _CELL_ID[facts.code, column], cell.named if named else cell.other
