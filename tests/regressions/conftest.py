"""A desk for regressions of the gateway: the same small workspace that its own tests have."""

from __future__ import annotations

from gateway.conftest import desk, settled

__all__ = ["desk", "settled"]
