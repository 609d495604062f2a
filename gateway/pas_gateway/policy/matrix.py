"""The matrix: handling code by recipient, as the rulebook has it (domain, *Matrix*)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from pas_gateway.policy.gates import ItemFacts
from pas_gateway.policy.routing import Audience, Origin
from pas_schemas.directory import PRISON_OFFICES, Standing

_COLUMN_OF_KIND = {
    "force": "police", "fib": "police", "pio": "police", "pas": "police",
    "lea": "lea", "paso-unit": "lea",
    "security": "prison", "governor": "prison", "cat-a-team": "prison",
    "probation": "nonpros",
}  # fmt: skip


def column_of(office: Standing, origin: Origin) -> str | None:
    """The column an office is read in, the own column first; None for kinds the matrix does not know."""
    if office.id in origin.own:
        return "own"
    if office.contracted and office.kind in PRISON_OFFICES:
        return "nonpros"
    return _COLUMN_OF_KIND.get(office.kind)


def reached_by(facts: ItemFacts, found: Audience, internal: frozenset[str]) -> AbstractSet[str]:
    """For whom an item's cells say the word for the named; `internal` are the recipients a code 4 item may reach while its review date
    is ahead."""
    return internal if facts.code == "4" else found.named.union(found.added)
