"""Whether every input partition gets on: what waits may be another gateway's to take in, which stands still, or nobody's by mistake."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from pas_gateway.positions import find_start, measure_lag
from pas_gateway.register import Store, queries
from pas_schemas.errors import LogError
from pas_transport.log import Log, OffsetGoneError, Partition

# Between two looks: each asks log and register.
LOOK_SECONDS = 5.0
_GOES_ON = (0, 0.0, False)
STANDS_STILL = "another gateway of this register may have the partition and stand still: once it is ended, this one goes on"


class StandstillError(LogError):
    """Records wait that this reader should have been given: it asks anew."""


@dataclass
class Standstill:
    """`seconds` in which records of a partition wait and none of them is taken in, and it stands still; each time is found once."""

    seconds: float = math.inf
    # Where each partition stood in which records wait, since when, and whether that was found.
    _since: dict[Partition, tuple[int, float, bool]] = field(default_factory=dict)
    _still: set[Partition] = field(default_factory=set)
    _look_again: float = 0.0

    def look(self, log: Log, store: Store, topics: Iterable[str]) -> list[str]:
        """A sentence for each found now; none for such as have stopped, which is told already. Raises a LogError or RegisterError."""
        now = time.monotonic()
        if now < self._look_again:
            return []
        self._look_again = now + min(LOOK_SECONDS, self.seconds / 2)
        former, self._since = self._since, {}
        found = []
        for partition, position in _find_behind(log, store, topics).items():
            stood, since, told = former.get(partition, (None, now, False))
            if stood != position:
                since, told = now, False
            elif not told and now - since >= self.seconds:
                told = True
                found.append(partition)
            self._since[partition] = position, since, told
        fresh = [partition for partition in found if not _has_stopped(log, store, partition)]
        self._still = {partition for partition in self._still if self._since.get(partition, _GOES_ON)[2]}.union(fresh)
        return [self._tell(partition) for partition in fresh]

    def lasts(self) -> bool:
        """Whether any that was found had not got on at the last look."""
        return bool(self._still)

    def _tell(self, partition: Partition) -> str:
        return f"Records wait in {partition.topic} partition {partition.number}, and for {self.seconds:.0f} seconds none was taken in."


def _find_behind(log: Log, store: Store, topics: Iterable[str]) -> dict[Partition, int]:
    """The partitions in which records wait, and where each stands."""
    ends, starts = log.ends(topics), log.starts(topics)
    positions = store.ask(lambda register: queries.list_positions(register, log.identity))
    return {partition: positions.get(partition, 0) for partition, behind in measure_lag(ends, starts, positions).items() if behind}


def _has_stopped(log: Log, store: Store, partition: Partition) -> bool:
    try:
        find_start(log, store, partition)
    except OffsetGoneError:
        return True
    return False
