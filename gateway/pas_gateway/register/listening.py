"""A connection to PostgreSQL that gives up a server which stands still: its system keeps the connection up, and libpq waits for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")
# Who was told to end waits no longer than this for a word, and as long for another connection: the run has half a minute for all of it.
HURRIED_SECONDS = 3


@dataclass(frozen=True)
class Bounds:
    """How long a connection waits for a word of its server; shorter from the moment on in which its process was told to end."""

    silence_seconds: float
    hurried: Callable[[], bool] = lambda: False

    def silence(self) -> float:
        return min(self.silence_seconds, HURRIED_SECONDS) if self.hurried() else self.silence_seconds

    def connecting(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a new connection is given."""
        return {**given, "connect_timeout": HURRIED_SECONDS} if self.hurried() else dict(given)


class Listening(psycopg.Connection[Any]):
    """As psycopg's own; after a silence without a byte of its server it looks whether that still takes connections.

    A statement may take as long as it takes. Where the server takes no other connection either within `connect_timeout`, this one is
    ended by an `OperationalError`: what it was about to do is in doubt, as with any connection that breaks.
    """

    bounds: Bounds
    _given: tuple[tuple[Any, ...], dict[str, Any]]

    @classmethod
    def open(cls, bounds: Bounds, *args: Any, **given: Any) -> Self:
        """As `connect`."""
        made = cls.connect(*args, **bounds.connecting(given))
        made.bounds, made._given = bounds, (args, given)
        return made

    def wait(self, gen: PQGen[T], *args: Any, **more: Any) -> T:
        """All that this connection asks or is told goes through here."""
        return super().wait(self._listen(gen), *args, **more)

    def _listen(self, gen: PQGen[T]) -> Generator[Any, Any, T]:
        """Hands on what both sides say; the library comes by ten times a second with nothing while it waits."""
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard >= self.bounds.silence():
                    self._look_for_server()
                    heard = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as ended:
            return ended.value  # type: ignore[no-any-return]  # what the generator returns

    def _look_for_server(self) -> None:
        args, given = self._given
        try:
            psycopg.connect(*args, **self.bounds.connecting(given)).close()
        except psycopg.Error:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server stands still") from None
