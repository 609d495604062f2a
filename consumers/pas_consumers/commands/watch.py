"""`pas inbox watch`: calls a program when something waits to be read or decided."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from pas_consumers.errors import PartitionStoppedError, StoreDamagedError
from pas_consumers.inbox import Inbox
from pas_consumers.watching import Program, Watch, open_called
from pas_schemas.errors import LogError
from pas_transport.session import Session, as_option, pass_session

REFUSED = 1
_STEP_SECONDS = 0.05


@click.command()
@as_option()
@click.option("--run", "line", metavar="CMD", required=True, help="The program to call; priority and age in seconds come after its words.")
@click.option("--every", metavar="SECONDS", type=click.FloatRange(0.1, 3600), default=2.0, show_default=True, help="How often to look.")
@click.option("--once", is_flag=True, help="Look once, call for what waits, and end.")
@click.option("--post", metavar="REF", default=None, help="The post that DELIVERED names (else as in pas.toml).")
@click.option("--person", metavar="REF", default=None, help="The staff reference that DELIVERED names (else as in pas.toml).")
@pass_session
def watch(session: Session, office: str, line: str, every: float, once: bool, post: str | None, person: str | None) -> None:
    """Take what comes, and call a program for it, such as a pager.

    It is called once for each delivery that waits to be read, and for each notice that asks something, threats to life first; with
    priority and age, never content. It finds them in PAS_PRIORITY, PAS_AGE_SECONDS, PAS_KIND and PAS_OFFICE too. A call that
    fails is told and made again; one whose end a crash kept from being noted is made twice. Ends on SIGTERM and SIGINT.
    """
    program, workspace = Program.of(line), session.workspace
    with (
        Inbox.of(workspace, office, post=post, person=person) as box,
        open_called(workspace.inbox_dir(office), office) as called,
        _until_told() as told,
    ):
        watcher, counted = _Watcher(session, box, every, told), Watch(box, program, workspace.clock, called)
        done, failed = watcher.run(counted, once=once)
    session.console.emit({"called": done, "failed": failed})
    session.console.say(f"{done} calls, {failed} that failed.", "quiet")
    if once and (failed or watcher.away):
        raise click.exceptions.Exit(REFUSED)


class _Watcher:
    """Looks, calls, waits, and looks again."""

    def __init__(self, session: Session, box: Inbox, every: float, told: Callable[[], bool]) -> None:
        self._session, self._box, self._every, self._told = session, box, every, told
        self.away = False

    def run(self, watch: Watch, *, once: bool) -> tuple[int, int]:
        done = failed = 0
        while not self._told():
            self._take()
            some, wrong = watch.look(self._tell_failure, self._told, self._take)
            done, failed = done + some, failed + wrong
            if once:
                break
            self._wait()
        return done, failed

    def _tell_failure(self, why: str) -> None:
        self._session.console.fail(why, "it is called again; see what it says")

    def _take(self) -> None:
        """What comes; of a log that is away for a while it is said once."""
        try:
            intake = self._box.take()
        except (LogError, StoreDamagedError) as failure:
            self._complain(failure)
            return
        for stopped in intake.stopped:
            self._complain(stopped)
        for aside in intake.aside:
            self._session.console.fail(f"A delivery was set aside ({aside.reason}): {aside.sentence}", "tell PAS; it is kept sealed")
        if not intake.stopped:
            self.away = False

    def _complain(self, failure: LogError | StoreDamagedError | PartitionStoppedError) -> None:
        if not self.away:
            self._session.console.fail(failure.sentence, failure.hint)
        self.away = True

    def _wait(self) -> None:
        until = time.monotonic() + self._every
        while not self._told() and time.monotonic() < until:
            time.sleep(_STEP_SECONDS)


@contextmanager
def _until_told() -> Iterator[Callable[[], bool]]:
    """Whether SIGTERM or SIGINT came."""
    came = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        came = True

    former = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: came
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
