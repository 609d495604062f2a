"""10 audit: one salted event for each transition, written in the same transaction as its effect; ids, codes and digests, never content."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256

from pas_schemas.clock import to_ms
from pas_schemas.codec import encode

SALT_BYTES = 16


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
        datum = {
            "at_ms": self.now_ms,
            "event": name,
            "subject": subject,
            "office": office,
            "rules": rules,
            "digests": digests,
            "rulebook": self.rulebook,
            "directory_version": self.directory_version,
        }
        return os.urandom(SALT_BYTES) + encode("audit_event", datum)


def leaf_of(event: bytes) -> bytes:
    """The leaf an event has in the evidence log: SHA-256 of its salt and its encoding."""
    return sha256(event).digest()
