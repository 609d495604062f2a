"""Whether the clock may be believed just now: what time alone brings waits while it has only just jumped forward."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from pas_schemas.clock import Clock

# A clock that is set right by the network moves by less; a drill, a bad battery or a machine that slept by more.
JUMP = timedelta(seconds=30)
# A clock that was set wrong is set right again within this, or it was right.
DOUBT_SECONDS = 60.0


@dataclass
class Steady:
    """The clock against the time that passed in this process."""

    elapsed: Callable[[], float] = field(default=time.monotonic, repr=False)
    _behind: timedelta | None = None
    _doubted_until: float = 0.0

    def look(self, clock: Clock) -> timedelta | None:
        """How far the clock has jumped since the last look, forward or (negative) back; None where it ran evenly."""
        passed = self.elapsed()
        behind = timedelta(seconds=passed) - timedelta(seconds=clock.now().timestamp())
        before, self._behind = self._behind, behind
        jumped = timedelta(0) if before is None else before - behind
        if abs(jumped) <= JUMP:
            return None
        # Back where it came from, or into the past: nothing is due by it that was not due before.
        self._doubted_until = passed + DOUBT_SECONDS if jumped > timedelta(0) else 0.0
        return jumped

    @property
    def believed(self) -> bool:
        """Whether what the clock brings may be done now."""
        return self.elapsed() >= self._doubted_until
