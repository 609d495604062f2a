"""Where a benchmark runs: a folder, and a real Kafka and a real PostgreSQL where this machine has them; started as the tests start them."""

from __future__ import annotations

import json
import multiprocessing
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import pytest
import sqlalchemy as sa
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from pas_gateway.journal import open_journal
from pas_gateway.meters import Meter, meter_file
from pas_gateway.nursery import spare_collector
from pas_gateway.office import PasOffice
from pas_gateway.phases import PhaseMark, phase_file
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import Store, open_store, outbox, queries
from pas_gateway.worker import BATCH_RECORDS, Worker
from pas_schemas.clock import to_ms
from pas_schemas.topics import MOVEMENTS
from pas_transport.files import write_whole
from pas_transport.founding import found_workspace
from pas_transport.log import Log, Subscription
from pas_transport.settings import FILE
from pas_transport.workspace import Workspace, open_workspace
from population import Population, receive

ROOT = Path(__file__).parents[1]
for folder in (ROOT / "tests", ROOT / "deploy" / "kafka"):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))

from copying import copy_workspace  # noqa: E402  # found by the path above
from gateway.postgres import PASSWORD, PrivatePostgres, run_postgres  # noqa: E402  # as that
from kafka_broker import find_broker  # noqa: E402  # as that

# What two processes and whoever measures them say to each other.
READY, GO, TAKEN = "ready", "go", "taken"
T = TypeVar("T")


def make_progress() -> Progress:
    """Bars for who watches, on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}/{task.total:,.0f}"), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


@dataclass
class Places:
    """What there is to run on; `missing` says in a sentence each what there is not."""

    folder: Path
    kafka: str | None = None
    postgres: PrivatePostgres | None = None
    missing: list[str] = field(default_factory=list)
    progress: Progress = field(default_factory=make_progress)

    @contextmanager
    def bar(self, label: str, total: int) -> Iterator[Callable[[float], None]]:
        """A bar of its own for long work, and a line when it is over; yields what is told how much of it is done."""
        started, task = time.perf_counter(), self.progress.add_task(label, total=total)
        try:
            yield lambda done: self.progress.update(task, completed=done)
        finally:
            self.progress.remove_task(task)
            self.progress.console.print(f"{label}: {total:,} in {time.perf_counter() - started:.0f} s", highlight=False)

    def watch(self, label: str, rows: Iterable[T], total: int) -> Iterator[T]:
        """The rows, and a bar that shows how many of them were asked for."""
        with self.bar(label, total) as tell:
            for place, row in enumerate(rows):
                if not place % BATCH_RECORDS:
                    tell(place)
                yield row

    def make_world(self, name: str, prisoners: int, *, kafka: bool = False, postgres: bool = False) -> tuple[Workspace, Population]:
        """An estate whose register knows where its prisoners are; on the embedded log and SQLite unless told otherwise."""
        workspace, population = self.make_estate(name, prisoners, kafka=kafka, postgres=postgres)
        receive(workspace, population.movements())
        with open_gateway(workspace) as gateway:
            gateway.run_to(MOVEMENTS.name, prisoners)
        return workspace, population

    def make_estate(self, name: str, prisoners: int, *, kafka: bool = False, postgres: bool = False) -> tuple[Workspace, Population]:
        """The same before anything was said in it."""
        first, root = self.folder / "estate", self.folder / name
        if not first.exists():
            found_workspace(first, "embedded", None, {})
        copy_workspace(first, root)
        if kafka:
            prefix = f"b{secrets.token_hex(4)}."
            _set(root, transport="kafka", bootstrap=self.kafka, kafka_prefix=prefix)
        if postgres:
            assert self.postgres is not None
            write_whole(root / "register.password", PASSWORD.encode(), 0o600)
            url = self.postgres.url(self.postgres.make_database(), password=None)
            _set(root, register_url=url, register_password_path="register.password")
        workspace = open_workspace(root, lambda *_: None, {})
        if kafka:
            _make_topics(workspace)
        return workspace, Population(workspace.clock.now(), prisoners)


@dataclass
class Gateway:
    """One worker in this process, told how far to go; in between it keeps its place in the group, as one that runs on does."""

    log: Log
    store: Store
    worker: Worker = field(repr=False)
    closing: ExitStack = field(repr=False)
    _subscription: Subscription | None = field(default=None, repr=False)

    def run_to(self, topic: str, count: int, after_each: Callable[[], None] = lambda: None) -> None:
        """Until so many records of a topic were taken in since the log began, and everything that came of them was sent.

        A batch at a time, and `after_each` one something else.
        """
        if self._subscription is None:
            self._subscription = self.closing.enter_context(self.worker.subscribe())
        while not self.has_taken(topic, count):
            self.worker.turn(self._subscription)
            after_each()

    def has_taken(self, topic: str, count: int) -> bool:
        now_ms = to_ms(self.worker.pipeline.office.clock.now())
        with self.store.reading() as register:
            taken = self.count_taken(register, topic) >= count
            return taken and not outbox.count_outbox(register) and not queries.find_due_prisoners(register, now_ms, 1)

    def count_taken(self, register: sa.Connection, topic: str) -> int:
        """How many records of a topic were taken in since the log began."""
        positions = queries.list_positions(register, self.log.identity)
        return sum(next for (name, _), next in positions.items() if name == topic)


@contextmanager
def open_gateway(workspace: Workspace, name: str = "bench", log: Log | None = None) -> Iterator[Gateway]:
    """As `pas gateway run` opens a worker."""
    store = open_store(workspace.register_url)
    store.migrate()
    with ExitStack() as closing:
        closing.callback(store.close)
        there = log or closing.enter_context(workspace.log())
        journal = closing.enter_context(open_journal(workspace.root / "gateway.log", worker=name))
        mark, meter = PhaseMark(phase_file(workspace.root, name)), Meter(meter_file(workspace.root, name))
        spare_collector()
        worker = Worker(name, False, there, store, Pipeline(PasOffice.of(workspace), store), mark, meter, journal)
        yield Gateway(there, store, worker, closing)


@contextmanager
def two_processes(work: Callable[..., None], workspace: Workspace, given: object) -> Iterator[list[Connection]]:
    """Two that do `work(pipe, workspace's folder, worker's name, given)`: the pipes to them, with which they end."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for number in (1, 2):
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, str(workspace.root), f"worker-{number}", given))
        process.start()
        pipes.append(ours)
        processes.append(process)
    try:
        yield pipes
    finally:
        for pipe, process in zip(pipes, processes, strict=True):
            pipe.close()
            process.join(10)
            if process.is_alive():
                process.kill()


def time_all(pipes: Sequence[Connection], begin: Callable[[], object]) -> float:
    """Seconds from `begin`, which waits until all at the other ends have said that they are ready, until all have taken what came."""
    for pipe in pipes:
        assert pipe.recv() == READY
    started = time.perf_counter()
    begin()
    for pipe in pipes:
        assert pipe.recv() == TAKEN
    return time.perf_counter() - started


def let_go(pipes: Sequence[Connection]) -> None:
    """Those who wait for a word begin."""
    for pipe in pipes:
        pipe.send(GO)


@contextmanager
def find_places(folder: Path) -> Iterator[Places]:
    """Starts what is there to be started; what is not is said, and left out."""
    places = Places(folder)
    with ExitStack() as closing:
        try:
            places.kafka = closing.enter_context(find_broker(folder))
        except pytest.skip.Exception as missing:
            places.missing.append(f"Left out what needs Kafka: {missing}.")
        try:
            places.postgres = closing.enter_context(run_postgres())
        except pytest.skip.Exception as missing:
            places.missing.append(f"Left out what needs PostgreSQL: {missing}.")
        closing.enter_context(places.progress)
        yield places


def _set(root: Path, **settings: str | None) -> None:
    """Settings of a workspace, in place of those it has."""
    file = root / FILE
    kept = [line for line in file.read_text().splitlines() if line.partition(" = ")[0] not in settings]
    file.write_text("\n".join([*kept, *(f"{name} = {json.dumps(value)}" for name, value in settings.items())]) + "\n")


def _make_topics(workspace: Workspace) -> None:
    from pas_transport.kafka_apply import ClusterAdmin
    from pas_transport.kafka_plan import make_plan

    prefix = workspace.settings.kafka_prefix or ""
    with ClusterAdmin(workspace.kafka_access(), prefix) as cluster:
        plan = make_plan(workspace.directory(), workspace.clock.now(), prefix)
        cluster.apply(plan, cluster.compare(plan), workspace.root / "kafka-users")
