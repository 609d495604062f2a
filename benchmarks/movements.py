"""A year of the estate's movements over live items: what one costs beside the floor of a report, and how long the year would take.

    BENCH_SCALE=0.01 python benchmarks/movements.py

At full size 860,000 transfers and 180,000 receptions over 100,000 prisoners, on whom 100,000 reports of two items each are live. What one
costs is told of one worker, and what that holds in memory after the first and the last part; how long the year would take, of two workers
that share the partitions. Everybody moves once before anybody moves again: were few prisoners to move a lot, the log would hold where they
go next, and what is decided would be the same again and again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from statistics import median

from floor import Floor
from measuring import Figure, Size, alternate, each, read_size, tell
from memory import read_resident_mb
from pas_producers import MovementFeed
from pas_schemas.clock import show_time
from pas_schemas.topics import MOVEMENTS, REPORTS
from pas_transport.workspace import Workspace, open_workspace
from places import GO, READY, TAKEN, Places, find_places, let_go, open_gateway, time_all, two_processes
from population import Population, Row, number_of, publish
from whole import read_reports

PRISONERS, REPORTS_LIVE, TRANSFERS, RECEPTIONS = 100_000, 100_000, 860_000, 180_000
YEAR = TRANSFERS + RECEPTIONS
# What a worker reads ahead, and a batch: with fewer prisoners somebody would move again within it.
FEWEST = 5_000
GOAL_SECONDS = 600
MOST_GROWTH = 1.1


def run(places: Places, size: Size) -> Iterator[Figure]:
    prisoners, live, year = (size.of(full) for full in (PRISONERS, REPORTS_LIVE, YEAR))
    if not size.tiny:
        prisoners, live = max(prisoners, FEWEST), max(live, FEWEST)
    workspace, population = places.make_world("movements", prisoners)
    publish(workspace, population.reports(0, live, recipients=("pio", "security")))
    # One worker takes as many parts as there are rounds and one to warm up, two take the two that are left.
    part, held = year // (size.rounds + 3), []
    with open_gateway(workspace) as gateway:
        gateway.run_to(REPORTS.name, live)
        with MovementFeed.of(workspace) as feed:
            assert set(feed.stream(make_year(population, year))) <= {"published"}
        waiting, floor = read_reports(gateway.log)[: size.part], Floor(workspace, population.find_offices)

        def move(number: int) -> None:
            gateway.run_to(MOVEMENTS.name, prisoners + (number + 1) * part)
            held.append(read_resident_mb())

        costs = alternate(size.rounds, lambda _: floor.take_all(waiting), move)
    ratio = median(floor.cpu / len(waiting) / (subject.cpu / part) for floor, subject in costs)
    done = prisoners + (size.rounds + 1) * part
    seconds = time_two(workspace, prisoners + year) / (prisoners + year - done) * YEAR
    growth = held[-1] / held[1]
    yield Figure(
        f"a movement of {year:,}, beside the floor of a report; the year in {seconds:,.0f} s, {held[1]:.0f} to {held[-1]:.0f} MB",
        each([floor for floor, _ in costs], len(waiting)), each([subject for _, subject in costs], part),
        f"CPU {ratio:.2f}", f"the year in {GOAL_SECONDS} s, memory <= {MOST_GROWTH}", seconds <= GOAL_SECONDS and growth <= MOST_GROWTH,
    )  # fmt: skip


def time_two(workspace: Workspace, goal: int) -> float:
    """Seconds in which two workers take the rest of the movements, up to `goal`."""
    with two_processes(_take, workspace, goal) as workers:
        return time_all(workers, lambda: let_go(workers))


def _take(pipe: Connection, root: str, name: str, goal: int) -> None:
    with open_gateway(open_workspace(Path(root), lambda *_: None, {}), name) as gateway:
        pipe.send(READY)
        assert pipe.recv() == GO
        gateway.run_to(MOVEMENTS.name, goal)
        pipe.send(TAKEN)


def make_year(population: Population, count: int) -> Iterator[Row]:
    """So many movements in their order over a year, of which few are receptions: these state a category, a transfer does not."""
    random, begin, step = Random(population.seed), population.now - timedelta(days=29), timedelta(days=28) / count
    turns = random.sample(range(population.prisoners), population.prisoners)
    for place in range(count):
        reception = random.random() * YEAR < RECEPTIONS
        yield {
            "noms_number": number_of(turns[place % len(turns)]), "event": "RECEIVED",
            "prison": random.choice(population.prisons), "at": show_time(begin + step * place),
            "category": "C" if reception else None, "alerts": [] if reception else None,
        }  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
