"""Ladders: which rung comes when, and for which post, where nobody has read or decided in time (domain, *Certainty of receipt*)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final, Literal, NamedTuple, get_args

from pas_gateway.register.ladders import Late
from pas_schemas.clock import from_ms, to_ms
from pas_schemas.directory import PAS, Snapshot, kind_of
from pas_schemas.people import Appointment
from pas_schemas.rulebook import Rulebook

Rung = Literal["REMIND", "DEPUTY", "CASE", "OWNER", "DUTY", "HEAD"]
RUNGS: Final[tuple[Rung, ...]] = get_args(Rung)


class Step(NamedTuple):
    """A rung, and when its time comes (ms)."""

    rung: Rung
    at_ms: int


def steps_of(late: Late, rulebook: Rulebook) -> tuple[Step, ...]:
    """The rungs of what is late, in the order in which they come.

    An inbox confirms a withdrawal by itself: where it does not, it would not tell a reminder to anybody either.
    """
    steps = _steps(rulebook.rungs("case" if late.kind == "CASE" else "disclosure", late.priority, from_ms(late.due_ms)))
    return tuple(step for step in steps if late.kind != "WITHDRAWAL" or step.rung == "CASE")


def steps_of_request(due_ms: int, rulebook: Rulebook) -> tuple[Step, ...]:
    """The rungs of a request, which is a routine case of those who have not answered (domain, *Requests*)."""
    return _steps(rulebook.rungs("case", "ROUTINE", from_ms(due_ms)))


def _steps(found: Iterable[tuple[str, datetime]]) -> tuple[Step, ...]:
    return tuple(Step(rung, to_ms(at)) for name, at in found for rung in RUNGS if rung == name)


@dataclass(frozen=True)
class Posts:
    """Who is to be asked for at a moment, by post: somebody who has left counts no more."""

    snapshot: Snapshot = field(repr=False)
    rulebook: Rulebook = field(repr=False)
    at: datetime

    def on(self, rung: Rung, office: str) -> tuple[str, ...]:
        """The posts a rung names: of an office its deputies, else the one that is there out of hours; of PAS's whoever stands in."""
        posts = self.rulebook.ladders.posts
        match rung:
            case "DEPUTY":
                deputies = {held.post for held in self._held(office) if held.deputises}
                return tuple(sorted(deputies)) or (posts.governor if kind_of(office) == "governor" else posts.others,)
            case "DUTY":
                return self._standing_in(posts.duty)
            case "HEAD":
                return self._standing_in(posts.head)
            case _:
                return ()

    def _standing_in(self, post: str) -> tuple[str, ...]:
        held = list(self._held(PAS))
        deputies = sorted({one.post for one in held if post in one.deputises})
        return (post,) if not deputies or any(one.post == post for one in held) else tuple(deputies)

    def _held(self, office: str) -> Iterable[Appointment]:
        return self._by_office.get(office, ())

    @cached_property
    def _by_office(self) -> dict[str, list[Appointment]]:
        found: dict[str, list[Appointment]] = {}
        for person in self.snapshot.people:
            held = person.appointment(self.at)
            if held is not None:
                found.setdefault(held.office, []).append(held)
        return found
