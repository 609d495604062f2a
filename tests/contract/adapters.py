"""What the contract suite needs of each adapter: to open its log here and in another process, to clean it, to make it anew."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pas_transport.embedded import EmbeddedLog
from pas_transport.log import Log


class Adapter(Protocol):
    """One engine under test, with one log of its own for one test."""

    @property
    def spec(self) -> str:
        """What `open_log` opens in any process: `<adapter>:<where>`."""

    def clean(self, log: Log) -> None:
        """Ask the engine to let go what retention and compaction allow; it may take its time."""

    def make_anew(self) -> None:
        """Take the log's topics away and leave none, as an operator who deletes and starts over; every log is closed."""


class Embedded:
    """The log in one SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.db"

    @property
    def spec(self) -> str:
        return f"embedded:{self._path}"

    def clean(self, log: Log) -> None:
        assert isinstance(log, EmbeddedLog)
        log.trim()

    def make_anew(self) -> None:
        for path in self._path.parent.glob("log.db*"):
            if path.is_file():
                path.unlink()


def open_log(spec: str, shift_ms: int = 0) -> Log:
    """The log that a spec names."""
    kind, _, where = spec.partition(":")
    assert kind == "embedded"
    return EmbeddedLog(Path(where), shift_ms=shift_ms)
