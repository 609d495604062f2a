"""The matrix: handling code by recipient, as the rulebook has it (domain, *Matrix*)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from pas_gateway.policy.gates import ItemFacts
from pas_gateway.policy.routing import Audience, Origin
from pas_schemas.directory import Standing

_COLUMN_OF_CLASS = {"police": "police", "law enforcement": "lea", "prison": "prison", "non-prosecuting": "nonpros"}


def column_of(office: Standing, origin: Origin) -> str | None:
    """The column an office is read in, the own column first; None for those the matrix does not know."""
    if office.id in origin.own:
        return "own"
    # Of an escort contractor no cell says anything: rule 5 refuses it every item.
    return _COLUMN_OF_CLASS.get(office.handling_class) if office.kind != "escort" else None


def reached_by(facts: ItemFacts, found: Audience, internal: frozenset[str]) -> AbstractSet[str]:
    """For whom an item's cells say the word for the named; `internal` are the recipients a code 4 item may reach while its review date
    is ahead."""
    return internal if facts.code == "4" else found.named.union(found.added)
