"""The whole pass of the gateway beside its floor: poll, verify, decide, seal, one transaction with audit, outbox, dispatch.

    BENCH_SCALE=0.1 python benchmarks/whole.py

One worker's pipeline in this process; reports of two kilobytes, three offices each. On the embedded log with SQLite, published in
batches of 500, of 10 and of 1; on Kafka with PostgreSQL, where the input lies in the topic and the worker's computing counts.
Floor and gateway take the same reports in alternation.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from floor import BATCH_RECORDS, Floor
from measuring import Cost, Figure, Size, alternate, compare, read_size, tell
from pas_schemas.topics import REPORTS
from pas_transport.log import Log, Partition, Taken
from pas_transport.workspace import Workspace
from places import Places, find_places, open_gateway
from population import Population, publish

PUBLISHED_AT_ONCE = (500, 10, 1)


def run(places: Places, size: Size) -> Iterator[Figure]:
    part = size.part
    workspace, population = places.make_world("whole", size.prisoners)
    first = 0
    for at_once in PUBLISHED_AT_ONCE:
        costs = measure(workspace, population, size.rounds, part, at_once, first)
        first += (size.rounds + 1) * part
        yield compare(costs, part, f"whole pass, embedded and SQLite, published {at_once} at once", 0.5)
    if places.kafka and places.postgres:
        workspace, population = places.make_world("shared", size.prisoners, kafka=True, postgres=True)
        costs = measure(workspace, population, size.rounds, part, 500, 0)
        yield compare(costs, part, "whole pass, Kafka and PostgreSQL", 0.3, of_cpu=True)


def measure(workspace: Workspace, population: Population, rounds: int, part: int, at_once: int, first: int) -> list[tuple[Cost, Cost]]:
    """Costs of floor and gateway, round by round; `first` reports are in the register already."""
    publish(workspace, population.reports(first, (rounds + 1) * part), at_once)
    with open_gateway(workspace) as gateway:
        waiting = read_reports(gateway.log)[first:]
        floor = Floor(workspace, population.find_offices)
        return alternate(
            rounds,
            lambda number: floor.take_all(waiting[number * part : (number + 1) * part]),
            lambda number: gateway.run_to(REPORTS.name, first + (number + 1) * part),
        )


def read_reports(log: Log) -> list[Taken]:
    """All reports of the log, in the order in which it took them."""
    found = [taken for partition in log.ends([REPORTS.name]) for taken in read_partition(log, partition.number)]
    return sorted(found, key=lambda taken: (taken.at, taken.partition, taken.offset))


def read_partition(log: Log, number: int) -> list[Taken]:
    """All reports of one of its partitions."""
    partition = Partition(REPORTS.name, number)
    found: list[Taken] = []
    while len(found) < log.ends([REPORTS.name])[partition]:
        found += log.read(partition, len(found), BATCH_RECORDS)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
