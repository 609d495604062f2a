"""What a decision may look at besides the report: the moment, the estate, the whereabouts and what came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from pas_gateway.policy.rulings import Rulings
from pas_gateway.policy.whereabouts import State
from pas_schemas.directory import Estate

NOBODY_RULED = Rulings()


class Suspicion(NamedTuple):
    """A text rule that an item's text set off."""

    item: int
    gate: str
    pattern: int


class Earlier(Protocol):
    """An accepted report that came before this one and is on one of its subjects."""

    @property
    def id(self) -> bytes: ...
    @property
    def created_at_ms(self) -> int: ...
    @property
    def tags(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Situation:
    """The world as it stood at the time of the decision.

    `whereabouts` has a state for each well-formed NOMIS number of the report that is known now, through merges; `written` the prison
    that held each such number, as written, when the report was written. `accepted` names the offices that have accepted the report's
    conditions. `came_at` is when the log took it; `earlier` has those that came before it on each of its subjects, by their place in
    the report. `again` is true when an accepted report is decided anew; `unmatched` when it corrects one that has not come in time, or
    is not the last of its chain. `unread` are offices that did not read what they were sent, for so long that PAS must see to it.
    `rulings` are what people decided on it, their signatures verified. `doubted` are identifiers that resolve to nobody, whatever they
    look like. `unclosed` are items of code 4 with internal recipients for whom the originator did not close the text. `by_pas` are
    items that PAS wrote in the place of the one they sanitise, addressed to those they were written for. `apart` in the compartment,
    where every report is one on a protected assisting offender.
    """

    now: datetime
    estate: Estate = field(repr=False)
    whereabouts: Mapping[str, State] = field(repr=False)
    written: Mapping[str, str | None] = field(repr=False)
    came_at: datetime
    earlier: Mapping[int, Sequence[Earlier]] = field(default_factory=dict, repr=False)
    suspicions: frozenset[Suspicion] = frozenset()
    accepted: frozenset[str] = frozenset()
    again: bool = False
    unmatched: bool = False
    unread: frozenset[str] = frozenset()
    rulings: Rulings = NOBODY_RULED
    doubted: frozenset[str] = field(default=frozenset(), repr=False)
    unclosed: frozenset[tuple[int, str]] = frozenset()
    by_pas: frozenset[int] = frozenset()
    apart: bool = False
