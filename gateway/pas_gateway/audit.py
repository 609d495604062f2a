"""10 audit: one salted event for each transition, written in the same transaction as its effect; ids, codes and digests, never content."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from hashlib import sha256

from pas_schemas.clock import to_ms
from pas_schemas.codec import Cut, cut

SALT_BYTES = 16
# The parts of an event: when, what, and by which rulebook and directory.
WHEN, SAID, UNDER = range(3)


@dataclass(frozen=True)
class Scribe:
    """Writes the events of one batch under its rulebook and directory."""

    now: datetime
    rulebook: str
    directory_version: int

    @cached_property
    def now_ms(self) -> int:
        return to_ms(self.now)

    def event(
        self, name: str, subject: str, *, office: str | None = None, rules: Sequence[str] = (), digests: Sequence[bytes] = ()
    ) -> bytes:
        """An event as the register keeps it: its salt, then its encoding. `subject` is an id in hex, or a record's place."""
        said = {"event": name, "subject": subject, "office": office, "rules": rules, "digests": digests}
        written, (when, under) = _event_parts(), self._same
        return os.urandom(SALT_BYTES) + written.join(when, written.encode(SAID, said), under)

    @cached_property
    def _same(self) -> tuple[bytes, bytes]:
        """What all events of a batch begin with, and what they end with."""
        written = _event_parts()
        under = {"rulebook": self.rulebook, "directory_version": self.directory_version}
        return written.encode(WHEN, {"at_ms": self.now_ms}), written.encode(UNDER, under)


@cache
def _event_parts() -> Cut:
    return cut("audit_event", "event", "rulebook")


def leaf_of(event: bytes) -> bytes:
    """The leaf an event has in the evidence log: SHA-256 of its salt and its encoding."""
    return sha256(event).digest()
