"""A movement of a prisoner as the feed tells it: the only word that is believed on whereabouts."""

from __future__ import annotations

from typing import Self

from pydantic import field_validator, model_validator

from pas_schemas.identifiers import is_nomis
from pas_schemas.models.base import Model, Time
from pas_schemas.models.words import Event


class Movement(Model):
    """One row of the feed. RECEIVED names a prison; MERGED names the number that now leads to this one.

    `category` or `alerts` null keep what was last stated and its date (domain, *Whereabouts*). A correction by PAS has its reason and
    the person who made it.
    """

    noms_number: str
    event: Event
    prison: str | None = None
    at: Time
    category: str | None = None
    alerts: frozenset[str] | None = None
    removed_noms_number: str | None = None
    reason: str | None = None
    person: str | None = None

    @field_validator("alerts", mode="before")
    @classmethod
    def _are_codes(cls, value: object) -> object:
        """A JSON array of codes; anything else is for the type to refuse."""
        return frozenset(value) if isinstance(value, (list, tuple)) and all(isinstance(code, str) for code in value) else value

    @field_validator("noms_number", "removed_noms_number")
    @classmethod
    def _is_a_number(cls, value: str | None) -> str | None:
        if value is not None and not is_nomis(value):
            raise ValueError("not a NOMIS number such as A1234BC")
        return value

    @model_validator(mode="after")
    def _has_what_its_event_needs(self) -> Self:
        if self.event == "RECEIVED" and not self.prison:
            raise ValueError("RECEIVED needs a prison")
        if (self.event == "MERGED") != (self.removed_noms_number is not None):
            raise ValueError("MERGED, and no other event, names the removed number")
        return self
