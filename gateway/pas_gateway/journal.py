"""The application log: one JSON line for each event of the closed list, appended to a file of the workspace."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from pas_gateway.events import Event


class Journal:
    """Takes what pas_gateway.events lists and nothing else."""

    def __init__(self, logger: structlog.typing.FilteringBoundLogger) -> None:
        self._logger = logger

    def tell(self, event: Event) -> None:
        """One line: the event's name, level, time and fields, and who says it."""
        self._logger.log(logging.getLevelNamesMapping()[event.level.upper()], event.name(), **event.values())


class _Lines:
    """Appends whole lines. What a full disk does not take is lost: the work goes on without it."""

    def __init__(self, file: int) -> None:
        self._file = file

    def info(self, line: str) -> None:
        with suppress(OSError):
            os.write(self._file, line.encode() + b"\n")

    warning = error = info


@contextmanager
def open_journal(path: Path, worker: str) -> Iterator[Journal]:
    """A journal that appends to `path`; every line names the worker. OSError where it cannot be opened."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            _Lines(file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            cache_logger_on_first_use=True,
        )
        yield Journal(logger.bind(worker=worker))
    finally:
        os.close(file)
