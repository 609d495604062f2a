"""The people who decide: who holds which post with which roles, since when, and the key each signs with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from pas_schemas.directory import PublicKey

# What a person may do with a case: propose a decision on it; be the second of two; write a consent for an originator; and, besides,
# do so in the compartment, whose cases nobody else may even read.
Role = Literal["review", "approve", "consent", "compartment"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Appointment:
    """A period in which a person held a post.

    `rank` counts for whoever answers for silence; `recused` are the force and prison codes the person comes from;
    `deputises` the posts of the same office that the person stands in for.
    """

    start: datetime
    end: datetime | None
    office: str
    post: str
    roles: frozenset[Role]
    rank: str | None = None
    recused: frozenset[str] = frozenset()
    deputises: frozenset[str] = frozenset()

    def holds(self, at: datetime) -> bool:
        """Whether it had begun and was not over."""
        return self.start <= at and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Person:
    """A person under an opaque reference, with every appointment and key there ever was, oldest first."""

    reference: str
    appointments: tuple[Appointment, ...]
    keys: tuple[PublicKey, ...]

    def appointment(self, at: datetime) -> Appointment | None:
        """The one appointment that holds at a moment; None for who has not come yet or has left."""
        return next((one for one in reversed(self.appointments) if one.holds(at)), None)

    def key(self, at: datetime) -> PublicKey | None:
        """The key that is current at a moment, the newest should two overlap."""
        return next((key for key in reversed(self.keys) if key.current(at)), None)
