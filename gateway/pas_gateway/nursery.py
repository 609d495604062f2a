"""Where workers are forked: off a process that has all they need imported and nothing opened, so nothing is shared or imported twice."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, NoReturn, Self

from pas_schemas.errors import RegisterError

_LOOK_SECONDS = 0.005
# Forking takes milliseconds: a nursery that has not answered for so long stands still.
ANSWER_SECONDS = 30.0
# Ctrl-C reaches every process of a run: the first one drains the others.
STOPS = (signal.SIGINT, signal.SIGTERM)

# Objects made beyond those freed before the collector looks at the young ones, and how often it then looks at older ones.
COLLECT_AFTER = (200_000, 20, 50)
IsOrphan = Callable[[], bool]


def spare_collector() -> None:
    """Has the cycle collector look less often: a batch makes some hundred thousand objects that all go without it.

    What was made so far, modules and tables, stays for the process's life and is not looked at again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


@dataclass(eq=False)
class Child:
    """A process that was forked."""

    pid: int
    _nursery: Nursery = field(repr=False)

    @property
    def exitcode(self) -> int | None:
        """None while it lives; minus the signal's number where one ended it."""
        return self._nursery.find_code(self.pid)

    def is_alive(self) -> bool:
        return self.exitcode is None

    def send(self, number: signal.Signals) -> None:
        """A signal, where it still lives."""
        if self.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def join(self, seconds: float) -> bool:
        """Whether it has ended, after so long at most."""
        deadline = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        return not self.is_alive()


class Nursery:
    """To be opened before anything that no two processes may share: a database, a lock, a thread; closed when its children have ended."""

    def __init__(self) -> None:
        self._codes: dict[int, int] = {}
        self._wire, theirs = Pipe()
        _flush()
        self.pid = os.fork()
        if self.pid == 0:
            _tend(theirs)
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._wire.close()
        deadline = time.monotonic() + ANSWER_SECONDS
        while not os.waitpid(self.pid, os.WNOHANG)[0]:
            if time.monotonic() >= deadline:
                self._kill()
            time.sleep(_LOOK_SECONDS)

    def fork(self, body: Callable[..., None], *arguments: object) -> Child:
        """A process that does this and ends; the body's first argument says whether nobody looks after it any more.

        SIGINT and SIGTERM wait until it lets them come. Both body and arguments must be such that they can be pickled.
        """
        return Child(self._ask((body, arguments)), self)

    def find_code(self, pid: int) -> int | None:
        """How a child ended; None where it has not."""
        if pid not in self._codes:
            self._codes |= self._ask(None)
        return self._codes.get(pid)

    def _ask(self, asked: object) -> Any:
        try:
            self._wire.send(asked)
            if self._wire.poll(ANSWER_SECONDS):
                return self._wire.recv()
            # Its children notice, and end.
            self._kill()
        except (OSError, EOFError):
            pass
        raise RegisterError("The process that workers are forked from is gone.", "start the gateway again: nothing is lost")

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def _tend(wire: Connection) -> NoReturn:
    """Forks as it is asked to, and says how those that ended did, until whoever asks is gone."""
    try:
        _leave_behind(wire.fileno())
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        # In pages that all of them share, and nothing a child's collector looks at.
        gc.freeze()
        with suppress(EOFError):
            while True:
                asked = wire.recv()
                wire.send(_reap() if asked is None else _fork(wire, *asked))
    finally:
        os._exit(0)


def _leave_behind(wire: int) -> None:
    """Closes what its parent has open, the terminal too: a lock would be held, a pipe's end not come, as long as this process lives."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for file in map(int, os.listdir("/dev/fd")):
        if file > 2 and file != wire:
            with suppress(OSError):
                os.close(file)


def _fork(wire: Connection, body: Callable[..., None], arguments: tuple[object, ...]) -> int:
    mine = os.getpid()
    _flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            wire.close()
            body(lambda: os.getppid() != mine, *arguments)
            code = 0
        finally:
            _flush()
            os._exit(code)
    return child


def _reap() -> dict[int, int]:
    ended = {}
    with suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    return ended


def _flush() -> None:
    """What is not yet written would be written by both."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
