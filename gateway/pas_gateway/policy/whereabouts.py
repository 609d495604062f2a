"""Where a prisoner is and in which category, folded from the feed's rows up to a moment (domain, *Whereabouts*)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pas_gateway.policy.places import UNPLACED, Place


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the feed under opaque names: `number` and `removed` may be NOMIS numbers or keyed hashes of them.

    `told_at` is when the log took it, None where that is not asked; `place` orders it among rows of one moment. A row told twice is
    the same row.
    """

    number: str
    event: str
    prison: str | None
    at: datetime
    category: str | None
    alerts: frozenset[str] | None
    removed: str | None = None
    told_at: datetime | None = field(default=None, compare=False)
    place: Place = field(default=UNPLACED, compare=False)


@dataclass(frozen=True, slots=True)
class State:
    """What is believed of a prisoner: None means not stated, or for `prison` in no prison.

    `placed_by` is the number, in the order of rows, of the last RECEIVED, ABSENT or RELEASED: what a merge compares, so that of two of
    one moment the later row wins. `released_at` is, from a release from custody until the next word of the place, when that took effect
    for PAS: when it happened, or was told, whichever came later; and told of a number it is where the release was another's, by their
    merge.
    """

    prison: str | None = None
    placed_by: int = -1
    category: str | None = None
    category_at: datetime | None = None
    alerts: frozenset[str] | None = None
    released_at: datetime | None = None


NOWHERE = State()


class Whereabouts:
    """The rows of prisoner numbers, in whichever order they come; answers for any number and moment."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._groups: dict[str, _Group] = {}
        self.add(rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Further rows; those that are known already change nothing."""
        for row in rows:
            group = self._join(row.number, row.removed)
            group.add(row)

    def state(self, number: str, at: datetime) -> State | None:
        """The state of a number, through merges, as the rows up to and including `at` tell it; None if none knows it."""
        group = self._groups.get(number)
        return group.state(number, at) if group is not None else None

    def was_released(self, number: str, since: datetime, at: datetime) -> bool:
        """Whether a release from custody after `since`, and up to and including `at`, is known, wherever he is by now."""
        group = self._groups.get(number)
        return group is not None and any(row.event == "RELEASED" and since < row.at <= at for row in group.rows)

    def aliases(self, number: str) -> frozenset[str]:
        """Every number that was ever merged with this one, itself among them."""
        group = self._groups.get(number)
        return frozenset(group.numbers) if group is not None else frozenset({number})

    def _join(self, number: str, removed: str | None) -> _Group:
        group = self._groups.get(number) or _Group()
        other = self._groups.get(removed) if removed is not None else None
        if other is not None and other is not group:
            group.rows |= other.rows
            group.numbers |= other.numbers
        group.numbers |= {number} | ({removed} if removed is not None else set())
        self._groups.update(dict.fromkeys(group.numbers, group))
        return group


class _Group:
    """Numbers that merges have made one person, and their rows."""

    def __init__(self) -> None:
        self.numbers: set[str] = set()
        # A row equal in every field is a repeat and harmless: the one that has the first place counts.
        self.rows: dict[Row, Row] = {}
        self._sorted: list[Row] | None = None
        self._folds: dict[int, dict[str, State]] = {}

    def add(self, row: Row) -> None:
        if row.place < self.rows.setdefault(row, row).place:
            self.rows[row] = row
        self._sorted = None

    def state(self, number: str, at: datetime) -> State | None:
        if self._sorted is None:
            self._sorted = sorted(self.rows.values(), key=_moment)
            self._folds = {}
        told = bisect_right(self._sorted, at, key=lambda row: row.at)
        if told not in self._folds:
            self._folds[told] = _fold(self._sorted[:told])
        return self._folds[told].get(number)


def find_circles(rows: Iterable[Row]) -> frozenset[Row]:
    """The merges among these that change nothing: of two numbers that those before them have made one.

    Another merge never takes one out of them, whenever it is told.
    """
    one_with: dict[str, set[str]] = {}
    found: set[Row] = set()
    told: set[Row] = set()
    for row in sorted(rows, key=_moment):
        if row.event != "MERGED" or row.removed is None or row in told:
            continue
        told.add(row)
        kept, removed = (one_with.get(number, {number}) for number in (row.number, row.removed))
        if row.removed in kept:
            found.add(row)
        one_with.update(dict.fromkeys(kept | removed, kept | removed))
    return frozenset(found)


def _moment(row: Row) -> tuple[datetime, Place]:
    """By which rows are sorted. sorted() is stable: where they have no place, those of one moment keep the order in which they come."""
    return row.at, row.place


def _fold(rows: Iterable[Row]) -> dict[str, State]:
    """The state under every number: numbers that are one share all of it but since when a release was known under them."""
    states: dict[str, State] = {}
    one_with: dict[str, tuple[str, ...]] = {}
    for nth, row in enumerate(rows):
        mine = one_with.get(row.number, (row.number,))
        if row.event == "MERGED" and row.removed is not None and row.removed not in mine:
            others = one_with.get(row.removed, (row.removed,))
            states.update(_join(states, row, mine, others))
            mine += others
            one_with.update(dict.fromkeys(mine, mine))
        for number in mine:
            states[number] = _apply(states.get(number, NOWHERE), row, nth)
    return states


def _join(states: Mapping[str, State], row: Row, kept: Sequence[str], removed: Sequence[str]) -> Iterator[tuple[str, State]]:
    """The states that a merge leaves. Under a number by which nobody knew of a release before, it takes effect now."""
    whole, later = _merge(states.get(row.number, NOWHERE), states.get(row.removed or "", NOWHERE))
    for number in (*kept, *removed):
        known = (number in removed) == later
        since = states.get(number, NOWHERE).released_at if known else whole.released_at and max(whole.released_at, _effect(row))
        yield number, replace(whole, released_at=since)


def _merge(kept: State, removed: State) -> tuple[State, bool]:
    """The later RECEIVED, ABSENT or RELEASED wins, alerts are joined, differing categories, stated or not, are unknown; and whether
    the removed number's was the later."""
    later = removed.placed_by > kept.placed_by
    winner, same = removed if later else kept, kept.category == removed.category
    stated = None if kept.alerts is None and removed.alerts is None else (kept.alerts or frozenset()) | (removed.alerts or frozenset())
    whole = State(
        prison=winner.prison,
        placed_by=winner.placed_by,
        released_at=winner.released_at,
        category=kept.category if same else None,
        category_at=max(kept.category_at, removed.category_at, key=_time) if same else None,
        alerts=stated,
    )
    return whole, later


def _time(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else float("-inf")


def _effect(row: Row) -> datetime:
    return row.at if row.told_at is None else max(row.at, row.told_at)


def _apply(state: State, row: Row, nth: int) -> State:
    prison, placed_by, released_at = state.prison, state.placed_by, state.released_at
    category, category_at = (state.category, state.category_at) if row.category is None else (row.category, row.at)
    match row.event:
        case "RECEIVED":
            prison, placed_by, released_at = row.prison, nth, None
        case "ABSENT":
            placed_by = nth
        case "RELEASED":
            # Told once more, or corrected, it is the release it was.
            released_at = min(released_at or _effect(row), _effect(row))
            prison, placed_by, category, category_at = None, nth, None, None
        case "UNKNOWN":
            prison, released_at = None, None
        case _:  # STATUS and MERGED leave the place as it is; another word is refused at import
            pass
    return State(prison, placed_by, category, category_at, state.alerts if row.alerts is None else row.alerts, released_at)
