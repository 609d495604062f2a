"""What an event only points at, and the small port that fetches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Details(Protocol):
    """Resolves what stands behind an event's `detailUrl`: the prisoner's status, as a mapping, or None where it is not to be had."""

    def resolve(self, event: Mapping[str, object]) -> Mapping[str, object] | None: ...


class InlinedDetails:
    """For files: the detail stands in the event itself, as `detail`."""

    def resolve(self, event: Mapping[str, object]) -> Mapping[str, object] | None:
        """The inlined detail, or None."""
        found = event.get("detail")
        return found if isinstance(found, dict) else None
