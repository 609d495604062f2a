"""Watching an inbox: a program of the office's own (a pager, a mail) is called for what waits, with priority and age, never content."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pas_consumers.delivery import Delivery
from pas_consumers.errors import StoreDamagedError, StoreUnavailableError, UnknownDeliveryError
from pas_consumers.inbox import Inbox
from pas_schemas.clock import Clock
from pas_schemas.errors import MisuseError
from pas_schemas.models.words import ASKING
from pas_transport.locks import try_lock

FILE: Final = "watched"
# Notices that ask something of somebody; the others can wait until the inbox is looked at.
URGING: Final = ("OVERDUE", "DECIDE", *ASKING)
# What a program finds in its environment.
TOLD: Final = ("PAS_PRIORITY", "PAS_AGE_SECONDS", "PAS_KIND", "PAS_OFFICE")
# A program that hangs must not keep the next threat from being told.
CALL_SECONDS = 30.0
# For so long calls may go on before it is looked what has come meanwhile: fifty that hang would take half an hour.
TAKE_SECONDS = 10.0
# After calls that fail, as much is waited as this at most.
MAX_PAUSE_SECONDS = 60.0
_ID_BYTES = 16


class CallError(Exception):
    """Why a call does not count; its text is a sentence for a person."""


@dataclass(frozen=True)
class Program:
    """What is called, without a shell: the words of a command line, and after them priority and age in seconds."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, line: str) -> Program:
        """Raises MisuseError where the line names no program."""
        try:
            words = shlex.split(line)
        except ValueError:
            raise MisuseError("The command of --run has a quote that is left open.", "write it as for a shell") from None
        if not words or shutil.which(words[0]) is None:
            raise MisuseError("The command of --run names no program that is here.", "give its path; see its mode")
        return cls(tuple(words))

    def call(self, delivery: Delivery, age_seconds: int) -> None:
        """Returns when it ended with 0; raises CallError. It has none of PAS's settings, and its output goes to stderr.

        A terminal's Ctrl-C does not reach it: half of a call would count as none, and somebody be paged twice. One that hangs is killed
        with all that it started and left in its group: else each repeat would leave more of them.
        """
        told = dict(zip(TOLD, (delivery.priority, str(age_seconds), name_of(delivery), delivery.office), strict=True))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PAS_")} | told
        try:
            process = subprocess.Popen(  # noqa: S603  # the office's own program, named by whoever runs this
                [*self.words, delivery.priority, str(age_seconds)], stdin=subprocess.DEVNULL, stdout=2, env=environment, process_group=0
            )
        except OSError as error:
            raise CallError(f"The program could not be started: {error.strerror}.") from None
        code = _await_end(process)
        if code != 0:
            raise CallError(f"The program ended with {code}.")


def _await_end(process: subprocess.Popen[bytes]) -> int:
    with process:
        try:
            return process.wait(CALL_SECONDS)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
    raise CallError(f"The program did not end within {CALL_SECONDS:.0f} seconds.")


def is_threat(delivery: Delivery) -> bool:
    """Whether it is about a threat to life."""
    return delivery.priority == "THREAT_TO_LIFE"


def name_of(delivery: Delivery) -> str:
    """The kind of a delivery; of a notice the word that asks for something."""
    return next((notice.word for notice in delivery.notices if notice.word in URGING), delivery.kind)


@dataclass
class Watch:
    """One office's inbox under watch; `called` are the deliveries for which the program has been called, over restarts too."""

    inbox: Inbox = field(repr=False)
    program: Program
    clock: Clock = field(repr=False)
    called: Called = field(repr=False)
    elapsed: Callable[[], float] = field(default=time.monotonic, repr=False)
    _quiet: set[bytes] = field(default_factory=set, repr=False)
    _failed: dict[bytes, tuple[int, float]] = field(default_factory=dict, repr=False)

    def look(self, fail: Callable[[str], object], stopping: Callable[[], bool], take: Callable[[], object]) -> tuple[int, int]:
        """Calls for everything that waits and was not called for, threats to life first; how many calls counted, and how many failed.

        A call that fails is told in one sentence, and made again, after a pause that grows; it keeps no other from being made.
        Where calls take long, `take` brings what has come meanwhile, and threats to life among it come next.
        """
        done = failed = 0
        waiting, known, taken_at = deque(self._due()), set[bytes](), self.elapsed()
        while waiting and not stopping():
            delivery = waiting.popleft()
            known.add(delivery.id)
            if self._call(delivery, fail):
                done += 1
            else:
                failed += 1
            if waiting and self.elapsed() - taken_at >= TAKE_SECONDS:
                take()
                taken_at = self.elapsed()
                known.update(one.id for one in waiting)
                waiting.extendleft(one for one in reversed(self._due()) if is_threat(one) and one.id not in known)
        return done, failed

    def _call(self, delivery: Delivery, fail: Callable[[str], object]) -> bool:
        try:
            self.program.call(delivery, max(int((self.clock.now() - delivery.received_at).total_seconds()), 0))
        except CallError as error:
            fail(str(error))
            times = self._failed.get(delivery.id, (0, 0.0))[0] + 1
            self._failed[delivery.id] = (times, self.elapsed() + min(2.0 ** (times - 1), MAX_PAUSE_SECONDS))
            return False
        self.called.add(delivery.id)
        return True

    def _due(self) -> Sequence[Delivery]:
        found = []
        for name in self.inbox.unread():
            if name in self._quiet or name in self.called or self._failed.get(name, (0, 0.0))[1] > self.elapsed():
                continue
            try:
                delivery = self.inbox.get(name).delivery
            except (UnknownDeliveryError, StoreDamagedError):
                # `pas inbox list` says which is damaged.
                self._quiet.add(name)
                continue
            if delivery.kind == "NOTICE" and name_of(delivery) == "NOTICE":
                self._quiet.add(name)
                continue
            found.append(delivery)
        return sorted(found, key=lambda one: (not is_threat(one), one.received_at, one.n))


class Called:
    """The deliveries a program was called for, in a file beside the inbox: each is written once its call has counted."""

    def __init__(self, file: int) -> None:
        self._file = file
        content = os.pread(file, os.fstat(file).st_size, 0)
        # A line that a power cut left half written names nothing: that call is made once more.
        self._ids = {line for line in content.split(b"\n")[:-1] if len(line) == 2 * _ID_BYTES}
        if content and not content.endswith(b"\n"):
            os.write(file, b"\n")

    def __contains__(self, delivery: bytes) -> bool:
        return delivery.hex().encode() in self._ids

    def add(self, delivery: bytes) -> None:
        line = delivery.hex().encode()
        os.write(self._file, line + b"\n")
        os.fsync(self._file)
        self._ids.add(line)


@contextmanager
def open_called(folder: Path, office: str) -> Iterator[Called]:
    """Raises StoreUnavailableError where somebody watches this inbox already, or the file cannot be used."""
    try:
        file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise StoreUnavailableError(
            f"The inbox of {office} cannot be watched: {error.strerror}.", "see its folder's owner and mode"
        ) from None
    try:
        if not try_lock(file):
            raise StoreUnavailableError(f"The inbox of {office} is watched already.", "one watch is enough: end the other first")
        yield Called(file)
    finally:
        os.close(file)
