"""`gateway run`: a process for each worker and one for threats to life; starts them, replaces the fallen, and drains them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import FrameType

import sqlalchemy as sa

from pas_gateway import events
from pas_gateway.journal import Journal, open_journal
from pas_gateway.marks import Marks
from pas_gateway.meters import Meter, meter_file
from pas_gateway.nursery import STOPS, Child, IsOrphan, Nursery, spare_collector
from pas_gateway.office import PasOffice
from pas_gateway.phases import PhaseMark, phase_file
from pas_gateway.pipeline import Pipeline
from pas_gateway.positions import find_start, measure_lag, refuse_other_keys, refuse_other_log
from pas_gateway.realm import Realm, realm_of
from pas_gateway.recovery import recover
from pas_gateway.register import Store, chains, dockets, ladders, open_store, queries, relearning, requests
from pas_gateway.register.outbox import count_outbox
from pas_gateway.standstill import STANDS_STILL, Standstill
from pas_gateway.vitals import SUPERVISOR, Vitals
from pas_gateway.worker import Worker
from pas_schemas.clock import to_ms
from pas_schemas.errors import PasError, RegisterError, RulebookError
from pas_schemas.rulebook import Rulebook
from pas_transport.console import Console
from pas_transport.log import Log, LogUnavailableError, OffsetGoneError, Partition
from pas_transport.rules import digest_rulebook, load_rulebook
from pas_transport.workspace import Workspace, open_workspace

# Idle means: every input at its end and the outbox empty, seen twice this far apart (architecture, *Commands*).
IDLE_STEP_SECONDS = 0.2
# A worker that could not go on says why and exits with this; it is not started again.
REFUSED = 3
# Workers that fall one after another without any progress: after so many in so short a time the run gives up.
MAX_FALLS = 20
FALLS_SECONDS = 60.0
# Falls without progress are followed by a pause that grows: a disk that is full is not emptied by trying.
FALLS_AT_ONCE = 3
MAX_PAUSE_SECONDS = 2.0
DRAIN_SECONDS = 30.0
# A database that was there when the run began and then is not is waited for so long: it is being started anew.
RESTART_SECONDS = 60.0
_STEP_SECONDS = 0.05
_LOST_SINCE = "This register is older than what PAS has sent, and the log no longer holds all that came since: nothing is decided."


@dataclass
class Supervisor:
    """One run of the gateway on one host."""

    workspace: Workspace
    nursery: Nursery
    workers: int
    until_idle: bool
    stopped: frozenset[Partition] = frozenset()
    _processes: dict[str, Child] = field(default_factory=dict)
    _stopping: bool = False
    _falls: int = 0
    _first_fall: float = 0.0
    _begin_at: float = 0.0
    _progress: int = -1

    def run(self) -> dict[str, int | float]:
        """Runs until idle, or until told to stop; what was done meanwhile, by the register's own count."""
        # Whatever refuses to start refuses here, before a process is made: keys, rulebook, directory, register.
        office = PasOffice.of(self.workspace)
        started = time.monotonic()
        # The log before the register: where it is not there or not ours, no register is made for it.
        with (
            self.workspace.log() as log,
            closing(self._open_register()) as store,
            _open_journal(self.workspace) as journal,
            _signals(self._stop),
        ):
            refuse_other_log(log, store)
            refuse_other_keys(store, office.keyring, office.realm)
            journal.tell(events.GatewayStarted(self.workers, office.snapshot.version, office.rulebook.digest))
            self._recover(log, store, office)
            self.stopped = self._find_stopped(log, store)
            regaining: bool = store.ask(relearning.is_regaining)
            if self.stopped and regaining:
                raise RegisterError(_LOST_SINCE, "see the runbook *register restored from a backup*")
            before = _counters(store)
            threats = ["threats"] if self._realm.urgent else []
            names = [*threats, *(f"worker-{number}" for number in range(1, self.workers + 1))]
            seconds = self.workspace.settings.hang_seconds
            try:
                with Vitals.watching(self.workspace.root, names, seconds) as vitals, self._answer(vitals, office.rulebook.digest):
                    self._watch(names, log, store, journal, vitals)
            finally:
                self._drain()
                journal.tell(events.GatewayEnded())
            after = _counters(store)
        counted = ("accepted", "rejected", "quarantined", "duplicate", "movements", "replies", "sent", "held")
        done: dict[str, int | float] = {name: after.get(name, 0) - before.get(name, 0) for name in counted}
        return {**done, "seconds": round(time.monotonic() - started, 3)}

    def _open_register(self) -> Store:
        with closing(open_store(self.workspace.register_url)) as register:
            register.migrate()
        return open_store(self.workspace.register_url, patience_seconds=RESTART_SECONDS, hurried=lambda: self._stopping)

    def _recover(self, log: Log, store: Store, office: PasOffice) -> None:
        """Before anything is decided: a register from a backup learns what was dispatched since."""
        if self._realm.apart:
            Marks(self.workspace.root, store).check()
            return
        learnt = recover(log, store, office, self._realm.inputs)
        if learnt:
            self.workspace.warn(
                f"This register is older than what PAS has sent: {learnt} deliveries were learnt again from the log.",
                "what came since its backup is taken in again; see the runbook *register restored from a backup*",
            )

    @property
    def _realm(self) -> Realm:
        return realm_of(self.workspace)

    @property
    def told_to_stop(self) -> bool:
        """Whether a signal ended the run."""
        return self._stopping

    def _stop(self) -> None:
        self._stopping = True

    def _find_stopped(self, log: Log, store: Store) -> frozenset[Partition]:
        """Partitions the register cannot go on in: told here, once, while the others go on."""
        stopped = set()
        for partition in log.ends(self._realm.inputs):
            try:
                find_start(log, store, partition)
            except OffsetGoneError as error:
                self.workspace.warn(error.sentence, error.hint)
                stopped.add(partition)
        return frozenset(stopped)

    @contextmanager
    def _answer(self, vitals: Vitals, rulebook: str) -> Iterator[None]:
        """Metrics, health and readiness where the settings want them."""
        address = self.workspace.settings.metrics_address
        if address is None:
            yield
            return
        from pas_gateway.endpoint import serve
        from pas_gateway.monitor import Monitor

        with Monitor.of(self.workspace, vitals, rulebook) as monitor, serve(address, monitor):
            yield

    def _watch(self, names: Sequence[str], log: Log, store: Store, journal: Journal, vitals: Vitals) -> None:
        idle_since, standstill = None, Standstill(vitals.hang_seconds)
        vitals.begin(SUPERVISOR)
        while not self._stopping:
            vitals.beat()
            self._give_up(vitals, journal)
            fallen = [name for name in names if self._has_fallen(name)]
            for name in fallen:
                journal.tell(events.WorkerFell(name, self._processes[name].exitcode or 0))
                vitals.fall(name)
            if fallen:
                self._count_falls(fallen, _count_progress(log, store))
            if time.monotonic() >= self._begin_at:
                for name in names:
                    if name not in self._processes:
                        vitals.begin(name)
                        self._begin(name)
            if self.until_idle:
                idle = _is_idle(log, store, self._realm, self.stopped, self.workspace.clock.now())
                now = time.monotonic()
                idle_since = (idle_since or now) if idle else None
                if idle_since is not None and now - idle_since >= IDLE_STEP_SECONDS:
                    return
                for sentence in standstill.look(log, store, self._realm.inputs):
                    self.workspace.warn(sentence, STANDS_STILL)
            time.sleep(_STEP_SECONDS)

    def _give_up(self, vitals: Vitals, journal: Journal) -> None:
        """A worker that stands still holds partitions and a lock on what it sends: killed, it frees them, and its heir goes on."""
        for name in vitals.list_given_up():
            process = self._processes.get(name)
            if process is not None and process.is_alive():
                journal.tell(events.WorkerGivenUp(name))
                process.send(signal.SIGKILL)
                # Its partitions are free when it is gone, and it is given up once.
                process.join(DRAIN_SECONDS)

    def _has_fallen(self, name: str) -> bool:
        process = self._processes.get(name)
        if process is None or process.is_alive():
            return False
        if process.exitcode == REFUSED:
            raise RegisterError(f"The worker {name} cannot go on.", "it has said why")
        return True

    def _count_falls(self, fallen: list[str], progress: int) -> None:
        """A gateway outlives any number of falls as long as something gets done between them."""
        now = time.monotonic()
        if progress != self._progress or now - self._first_fall > FALLS_SECONDS:
            self._falls, self._first_fall, self._progress = 0, now, progress
        self._falls += len(fallen)
        if self._falls > MAX_FALLS:
            raise RegisterError("Workers fall again and again without getting anything done.", "see what they said, and the runbook")
        if self._falls > FALLS_AT_ONCE:
            self._begin_at = now + min(_STEP_SECONDS * 2 ** (self._falls - FALLS_AT_ONCE), MAX_PAUSE_SECONDS)
        for name in fallen:
            del self._processes[name]

    def _begin(self, name: str) -> None:
        self._processes[name] = self.nursery.fork(
            run_worker, str(self.workspace.home), self._realm.apart, name, self._falls > FALLS_AT_ONCE
        )

    def _drain(self) -> None:
        for process in self._processes.values():
            process.send(signal.SIGTERM)
        deadline = time.monotonic() + DRAIN_SECONDS
        for process in self._processes.values():
            if not process.join(deadline - time.monotonic()):
                process.send(signal.SIGKILL)
                process.join(DRAIN_SECONDS)


def open_nursery(workspace: Workspace) -> Nursery:
    """Where a run's workers are forked; what each of them would read first, directory and rulebook, is read there once."""
    workspace.directory()
    load_rulebook(workspace)
    return Nursery()


def run_worker(is_orphan: IsOrphan, root: str, apart: bool, name: str, repeating: bool) -> None:
    """The body of one worker process; `repeating` where others have just said why they fell, and it may be said once too often."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stopped = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    console = Console()
    try:
        is_over = lambda: stopped or is_orphan()  # noqa: E731  # one line, used twice
        with _worker(Path(root), apart, name, console, is_over) as worker:
            spare_collector()
            worker.run(is_over)
    except PasError as error:
        if not (repeating and error.retriable):
            console.fail(error.sentence, error.hint)
        os._exit(1 if error.retriable else REFUSED)
    except OSError as error:
        if not repeating:
            console.fail(f"The worker {name} cannot use the workspace: {error.strerror}.", "see its disk, owner and mode")
        os._exit(1)
    except Exception as failure:
        console.fail(f"The worker {name} fell over a failure of type {type(failure).__name__}.", "it is started again; please report it")
        os._exit(1)


@contextmanager
def _worker(root: Path, apart: bool, name: str, console: Console, is_over: Callable[[], bool]) -> Iterator[Worker]:
    found = open_workspace(root, console.warn)
    workspace = found.compartment() if apart else found
    office = PasOffice.of(workspace)
    store = open_store(workspace.register_url, patience_seconds=RESTART_SECONDS, hurried=is_over)
    mark, meter = PhaseMark(phase_file(workspace.root, name)), Meter(meter_file(workspace.root, name))
    with _open_journal(workspace, name) as journal, _await_log(workspace, mark, journal, is_over) as log:
        renewal, note = _Renewal(workspace, journal), Marks(workspace.root, store).note if apart else lambda urgent: None
        standstill = Standstill(workspace.settings.hang_seconds)
        yield Worker(name, name == "threats", log, store, Pipeline(office, store), mark, meter, journal, renewal, note, standstill)
    store.close()


def _open_journal(workspace: Workspace, name: str = "supervisor") -> AbstractContextManager[Journal]:
    return open_journal(workspace.root / "gateway.log", name)


def _await_log(workspace: Workspace, mark: PhaseMark, journal: Journal, is_over: Callable[[], bool]) -> Log:
    """The log, which was there when the run began: one that does not answer is being started anew."""
    told = False
    while True:
        try:
            return workspace.log()
        except LogUnavailableError as error:
            if not error.retriable or is_over():
                raise
            if not told:
                journal.tell(events.LogUnavailable(error.sentence))
            told = True
        mark.beat()
        time.sleep(_STEP_SECONDS)


@dataclass
class _Renewal:
    """Looks whether there is a newer directory or another rulebook; one that cannot be enforced is told once, and the old one kept."""

    workspace: Workspace
    journal: Journal
    _refused: str = ""

    def __call__(self, pipeline: Pipeline) -> Pipeline:
        """The same, or one that goes by what is there now, and by the keys that are current in it."""
        office = pipeline.office
        rulebook = self._look(office.rulebook)
        if self.workspace.directory_store.versions()[-1] != office.snapshot.version:
            return Pipeline(PasOffice.of(self.workspace, rulebook), pipeline.store)
        if rulebook.digest != office.rulebook.digest:
            return Pipeline(replace(office, rulebook=rulebook), pipeline.store)
        return pipeline

    def _look(self, former: Rulebook) -> Rulebook:
        try:
            found = former if digest_rulebook(self.workspace) == former.digest else load_rulebook(self.workspace)
        except RulebookError as error:
            if error.sentence != self._refused:
                self._refused = error.sentence
                self.journal.tell(events.RulebookRefused(error.sentence))
                self.workspace.warn(f"{error.sentence} The gateway goes on by the rulebook it has.", error.hint)
            return former
        self._refused = ""
        return found


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT drain instead of ending at once."""

    def told(_number: int, _frame: FrameType | None) -> None:
        stop()

    former = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            with suppress(TypeError):
                signal.signal(number, handler)


def _counters(store: Store) -> dict[str, int]:
    return store.ask(queries.read_counters)


def _is_idle(log: Log, store: Store, realm: Realm, stopped: frozenset[Partition], now: datetime) -> bool:
    """Whether everything was taken in and sent; what costs little to see is looked at first."""
    ends, starts, now_ms = log.ends(realm.inputs), log.starts(realm.inputs), to_ms(now)

    def look(register: sa.Connection) -> bool:
        lag = measure_lag(ends, starts, queries.list_positions(register, log.identity))
        if any(behind for partition, behind in lag.items() if partition not in stopped) or count_outbox(register):
            return False
        due = queries.find_due_prisoners(register, now_ms, 1) or dockets.find_silences_due(register, now_ms, 1)
        by_clock = due or ladders.has_due(register, now_ms) or chains.has_due(register, now_ms) or requests.has_due(register, now_ms)
        return not by_clock and not relearning.is_regaining(register)

    return store.ask(look)


def _count_progress(log: Log, store: Store) -> int:
    """A number that changes with every progress."""
    return store.ask(lambda register: sum(queries.list_positions(register, log.identity).values()) - count_outbox(register))
