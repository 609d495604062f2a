"""Which record comes before which, by the records themselves: never by who read them first, or in which partition they lie."""

from __future__ import annotations

from typing import NamedTuple

# A publisher has what it seals in the log by then, tries again included; partitions take parts of one file at different moments.
APPENDING_MS = 60_000


class Place(NamedTuple):
    """A movement's place among those of one moment: as `place_of` orders records, then by its id, so that no two share one."""

    ms: int
    us: int
    id: bytes


# Of rows that came without a place: those of one moment keep the order in which they came.
UNPLACED = Place(0, 0, b"")


def place_of(order: tuple[int, int]) -> tuple[int, int]:
    """A record's place among others: its sender's stamp, as far as that lies within a minute before the log took it (ADR 0025, 0027).

    `order` is when the log took it (milliseconds) and the stamp (microseconds).
    """
    taken_ms, stamp_us = order
    return min(max(stamp_us // 1000, taken_ms - APPENDING_MS), taken_ms), stamp_us
