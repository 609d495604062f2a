"""A bounded memory of what was last worked out: the oldest entry leaves when a new one finds it full."""

from __future__ import annotations

from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """At most `bound` entries, safe between threads; its repr tells how many and never what."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self._kept: dict[K, V] = {}
        self._lock = Lock()

    def get(self, key: K) -> V | None:
        return self._kept.get(key)

    def put(self, key: K, value: V) -> None:
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = value
            while len(self._kept) > self.bound:
                del self._kept[next(iter(self._kept))]

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return f"Recent({len(self)} of {self.bound})"
