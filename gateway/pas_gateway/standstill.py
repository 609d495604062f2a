"""Whether a run that is to end gets on: what waits may be another gateway's to take in, which stands still."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass

from pas_gateway.positions import measure_lag
from pas_gateway.realm import Realm
from pas_gateway.register import Store, queries
from pas_transport.log import Log, Partition

# Between two looks: each asks log and register.
LOOK_SECONDS = 1.0


@dataclass
class Standstill:
    """`seconds` in which records wait and none of them is taken in, and it is a standstill; it is found once."""

    seconds: float
    _behind: frozenset[tuple[Partition, int]] = frozenset()
    _since: float = 0.0
    _look_again: float = 0.0

    def look(self, log: Log, store: Store, realm: Realm, stopped: Collection[Partition]) -> bool:
        """Whether it has been found now; partitions that are known to have stopped do not count. Raises a LogError or RegisterError."""
        now = time.monotonic()
        if now < self._look_again:
            return False
        self._look_again = now + LOOK_SECONDS
        behind = _find_behind(log, store, realm, stopped)
        if not behind or behind != self._behind:
            self._behind, self._since = behind, now
            return False
        if now - self._since < self.seconds:
            return False
        self._look_again = math.inf
        return True


def _find_behind(log: Log, store: Store, realm: Realm, stopped: Collection[Partition]) -> frozenset[tuple[Partition, int]]:
    """The partitions in which records wait, and where each stands."""
    ends, starts = log.ends(realm.inputs), log.starts(realm.inputs)
    positions = store.ask(lambda register: queries.list_positions(register, log.identity))
    lag = measure_lag(ends, starts, positions)
    return frozenset((partition, positions.get(partition, 0)) for partition, behind in lag.items() if behind and partition not in stopped)
