"""Locks on files that the operating system frees the moment their holder is gone, each tried for a bounded time."""

from __future__ import annotations

import fcntl
import time

# Between two tries: what is waited for takes milliseconds.
RETRY_SECONDS = 0.002


def try_lock(file: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether the lock was got at once; raises OSError where the file cannot be locked at all."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_within(file: int, seconds: float) -> bool:
    """Whether the lock was got in that time; raises OSError as `try_lock` does."""
    deadline = time.monotonic() + seconds
    while not try_lock(file):
        if time.monotonic() >= deadline:
            return False
        time.sleep(RETRY_SECONDS)
    return True
