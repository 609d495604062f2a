"""What a second worker gains, beside what it gains the same two processes that do the floor's work and have no register.

    BENCH_SCALE=0.1 python benchmarks/pair.py

The gateway's workers share one register, in PostgreSQL and, to be told beside it, in SQLite. Each round: one worker and then two take
as many reports; so does the control, process by process on the partitions that the workers hold. The clock starts when both are
members of their group and the reports come, sealed beforehand.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from floor import Floor
from measuring import Figure, Size, read_size, tell
from pas_schemas.topics import REPORTS
from pas_transport.log import Log, Outgoing, StartAt, Subscription, Taken
from pas_transport.workspace import Workspace, open_workspace
from places import GO, READY, TAKEN, Places, find_places, let_go, open_gateway, time_all, two_processes
from population import Population, seal

# Three partitions, two readers: what each holds.
SHARES = {1: ((0, 1, 2),), 2: ((0, 1), (2,))}
AIM = 0.8


def run(places: Places, size: Size) -> Iterator[Figure]:
    for name, postgres in (("PostgreSQL", True), ("SQLite", False)):
        if postgres and not places.postgres:
            continue
        workspace, population = places.make_world(f"pair-{name}", size.prisoners, postgres=postgres)
        gains = measure(workspace, population, size.rounds, size.part * (1 if size.tiny else 2))
        control, workers = (median(gain[side] for gain in gains) for side in (0, 1))
        share = median(gain[1] / gain[0] for gain in gains)
        aim = (f">= {AIM}", share >= AIM) if postgres else ("", None)
        yield Figure(f"gain of a second worker, {name}", f"x {control:.2f}", f"x {workers:.2f}", f"{share:.2f}", *aim)


def measure(workspace: Workspace, population: Population, rounds: int, part: int) -> list[tuple[float, float]]:
    """For each round the gain of the control and of the workers; the first round warms up."""
    gains, done = [], 0
    with two_processes(_serve, workspace, population) as pair, workspace.log() as log:
        for _ in range(rounds + 1):
            seconds = {}
            for count in (1, 2):
                records = seal(workspace, population.reports(done, part))
                done += part
                seconds["workers", count] = _run_workers(pair[:count], log, records, done)
                seconds["control", count] = _run_control(pair[:count], log, records)
            gains.append(tuple(seconds[kind, 1] / seconds[kind, 2] for kind in ("control", "workers")))
    return gains[1:]  # type: ignore[return-value]  # of two kinds, two gains


def _run_workers(pair: Sequence[Connection], log: Log, records: Sequence[Outgoing], target: int) -> float:
    """Seconds from when the reports come until all of them are decided and sent."""
    for member in pair:
        member.send(("gateway", len(pair) == 1, target))
    return time_all(pair, lambda: log.append(records))


def _run_control(pair: Sequence[Connection], log: Log, records: Sequence[Outgoing]) -> float:
    """Seconds that the floor of the same reports takes, each process with the partitions that a worker would hold."""
    ids = {record.key for record in records}
    for member, share in zip(pair, SHARES[len(pair)], strict=True):
        member.send(("floor", share, ids))
    return time_all(pair, lambda: let_go(pair))


def _serve(pipe: Connection, root: str, name: str, population: Population) -> None:
    workspace = open_workspace(Path(root), lambda *_: None, {})
    floor = Floor(workspace, population.find_offices)
    with workspace.log() as log, open_gateway(workspace, name, Watched(log)) as gateway:
        while True:
            try:
                kind, share, what = pipe.recv()
            except EOFError:
                return
            if kind == "floor":
                records = [taken for number in share for taken in _read(log, number) if taken.key in what]
                pipe.send(READY)
                assert pipe.recv() == GO
                floor.take_all(records)
            else:
                gateway.worker.run(_until(gateway.log, share, pipe, partial(gateway.has_taken, REPORTS.name, what)))
            pipe.send(TAKEN)


def _until(log: Any, alone: bool, pipe: Connection, done: Callable[[], bool]) -> Callable[[], bool]:
    """Says once that this member holds its share of the reports' partitions, all or all but the other's, and then when all was taken."""
    told = False

    def stopping() -> bool:
        nonlocal told
        held = len([part for part in log.assigned() if part.topic == REPORTS.name])
        if not told and (held == REPORTS.partitions if alone else 0 < held < REPORTS.partitions):
            told = True
            pipe.send(READY)
        return told and done()

    return stopping


class Watched:
    """A log that shows which partitions its one subscription holds."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._subscription: Subscription | None = None

    def subscribe(self, topics: Iterable[str], group: str, start: StartAt) -> Subscription:
        self._subscription = self._log.subscribe(topics, group, start)
        return self._subscription

    def assigned(self) -> frozenset[Any]:
        return self._subscription.assigned() if self._subscription else frozenset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def _read(log: Log, number: int) -> list[Taken]:
    from whole import read_partition

    return read_partition(log, number)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
