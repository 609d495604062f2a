"""The whole pass of the gateway beside its floor: poll, verify, decide, seal, one transaction with audit, outbox, dispatch.

    python benchmarks/whole.py [--kafka HOST:PORT] [--register URL]

One worker's pipeline in this process, on the embedded log with SQLite unless told otherwise; reports of two kilobytes, three offices
each, published in batches of 500, of 10 and of 1. Floor and gateway take the same reports in alternation.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from floor import BATCH_RECORDS, Floor
from measuring import Cost, Figure, alternate, middle, read_scale
from pas_gateway.journal import open_journal
from pas_gateway.office import PasOffice
from pas_gateway.phases import PhaseMark, phase_file
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import Store, open_store, queries
from pas_gateway.worker import Worker
from pas_schemas.topics import MOVEMENTS, REPORTS
from pas_transport.founding import found_workspace
from pas_transport.log import Log, Taken
from pas_transport.workspace import Workspace, open_workspace
from population import Population, publish, receive

PUBLISHED_AT_ONCE = (500, 10, 1)
ROUNDS, PART = 7, 1000
AIM = 0.5


@dataclass
class Gateway:
    """One worker in this process, told how far to go."""

    log: Log
    store: Store
    worker: Worker = field(repr=False)

    def run_to(self, topic: str, count: int) -> None:
        """Until so many records of a topic were taken in since the log began, and everything that came of them was sent."""

        def done() -> bool:
            with self.store.reading() as register:
                positions = queries.list_positions(register, self.log.identity)
                return sum(next for (name, _), next in positions.items() if name == topic) >= count and not queries.count_outbox(register)

        self.worker.run(done)


@contextmanager
def open_gateway(workspace: Workspace, name: str = "bench") -> Iterator[Gateway]:
    """As `pas gateway run` opens a worker."""
    store = open_store(workspace.register_url)
    store.migrate()
    with workspace.log() as log, open_journal(workspace.root / "gateway.log", worker=name) as journal:
        mark = PhaseMark(phase_file(workspace.root, name))
        yield Gateway(log, store, Worker(name, False, log, store, Pipeline(PasOffice.of(workspace), store), mark, journal))
    store.close()


def read_reports(log: Log, skip: int = 0) -> list[Taken]:
    """All reports of the log but the first `skip`, in the order in which it took them."""
    found: list[Taken] = []
    for partition, end in log.ends([REPORTS.name]).items():
        at = 0
        while at < end:
            some = log.read(partition, at, BATCH_RECORDS)
            found += some
            at = some[-1].offset + 1
    return sorted(found, key=lambda taken: (taken.at, taken.partition, taken.offset))[skip:]


def make_world(folder: Path, prisoners: int) -> tuple[Workspace, Population]:
    """An estate on the embedded log whose register knows where its prisoners are."""
    found_workspace(folder, "embedded", None, {})
    workspace = open_workspace(folder, lambda *_: None, {})
    population = Population(workspace.clock.now(), prisoners)
    receive(workspace, population)
    with open_gateway(workspace) as gateway:
        gateway.run_to(MOVEMENTS.name, prisoners)
    return workspace, population


def measure(workspace: Workspace, population: Population, rounds: int, part: int, at_once: int, first: int) -> list[tuple[Cost, Cost]]:
    """Costs of floor and gateway, round by round; `first` reports are in the register already."""
    publish(workspace, population.reports(first, (rounds + 1) * part), at_once)
    with open_gateway(workspace) as gateway:
        waiting = read_reports(gateway.log, first)
        floor = Floor(workspace, population.find_offices)

        def take(number: int) -> None:
            for start in range(number * part, (number + 1) * part, BATCH_RECORDS):
                floor.take(waiting[start : min(start + BATCH_RECORDS, (number + 1) * part)])

        return alternate(rounds, take, lambda number: gateway.run_to(REPORTS.name, first + (number + 1) * part))


def compare(costs: list[tuple[Cost, Cost]], part: int, what: str, aim: float, *, cpu: bool = False) -> Figure:
    """The table's line: the middle of the rounds' ratios, by the clock or by computing."""
    floor, subject = ([pair[side] for pair in costs] for side in (0, 1))
    wall, computing = middle([f.wall / s.wall for f, s in costs]), middle([f.cpu / s.cpu for f, s in costs])
    each = [
        f"{middle([one.wall for one in some]) / part * 1e6:.0f} us, CPU {middle([one.cpu for one in some]) / part * 1e6:.0f}"
        for some in (floor, subject)
    ]
    note = f"ratio by clock {wall:.2f}, by CPU {computing:.2f}"
    return Figure(what, each[0], each[1], round(computing if cpu else wall, 3), aim, note=note)


def run(folder: Path, scale: float) -> Iterator[Figure]:
    prisoners = max(200, int(20_000 * min(1.0, scale * 10)))
    rounds, part = (ROUNDS, PART) if scale >= 0.01 else (1, BATCH_RECORDS)
    workspace, population = make_world(folder / "whole", prisoners)
    first = 0
    for at_once in PUBLISHED_AT_ONCE:
        costs = measure(workspace, population, rounds, part, at_once, first)
        first += (rounds + 1) * part
        yield compare(costs, part, f"whole pass, published {at_once} at once", AIM)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder:
        for figure in run(Path(folder), read_scale()):
            print(
                json.dumps(
                    {"what": figure.what, "floor": figure.floor, "whole": figure.subject, "ratio": figure.ratio, "note": figure.note}
                )
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
