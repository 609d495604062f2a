"""The application log: one JSON line for each batch or trouble, to a file of the workspace; ids, counts and words, never content."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog


@contextmanager
def open_journal(path: Path, **bound: Any) -> Iterator[structlog.typing.FilteringBoundLogger]:
    """A logger that appends to `path`; every line names what it is bound to. Silent below INFO."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", buffering=1) as file:
        logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.WriteLogger(file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
            cache_logger_on_first_use=True,
        )
        yield logger.bind(**bound)
