"""A year of the estate's movements, replayed over live items: what one costs beside the floor of a report, and how long the year takes.

    BENCH_SCALE=0.01 python benchmarks/movements.py

At full size 860,000 transfers and 180,000 receptions over 100,000 prisoners, on whom 100,000 reports of two items each are live; at a
smaller size fewer prisoners, each of whom moves as often. All of a year lies in the log before it is replayed. What a movement costs is
told of one worker that replays one year after the other, and what that holds in memory after the first and the last; how long a year
takes, of two workers that share the partitions. A year is over when every item is with those who may have it where its prisoner is at
last, and all of it is sent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
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
# With fewer, the movements that no crowd waits behind, and that are followed one by one, would be more than a tenth of a year.
FEWEST = 3_000
YEARS = 3
GOAL_SECONDS = 600
MOST_GROWTH = 1.1


def run(places: Places, size: Size) -> Iterator[Figure]:
    prisoners, live = (size.of(full) if size.tiny else max(size.of(full), FEWEST) for full in (PRISONERS, REPORTS_LIVE))
    year, years = prisoners * YEAR // PRISONERS, min(size.rounds, YEARS)
    workspace, population = places.make_world("movements", prisoners)
    publish(workspace, population.reports(0, live, recipients=("pio", "security")))
    calendar, held = Calendar(population, year, years + 2), []
    with open_gateway(workspace) as gateway:
        gateway.run_to(REPORTS.name, live)
        waiting, floor = read_reports(gateway.log)[: size.part], Floor(workspace, population.find_offices)

        def move(number: int) -> None:
            gateway.run_to(MOVEMENTS.name, prisoners + (number + 1) * year)
            held.append(read_resident_mb())

        costs = alternate(years, lambda _: floor.take_all(waiting), move, before=lambda number: calendar.publish(workspace, number))
    ratio = median(floor.cpu / len(waiting) / (subject.cpu / year) for floor, subject in costs)
    calendar.publish(workspace, years + 1)
    seconds = time_two(workspace, prisoners + (years + 2) * year) / year * YEAR
    growth = held[-1] / held[1]
    yield Figure(
        f"a movement of {year:,}, beside the floor of a report; the year in {seconds:,.0f} s, {held[1]:.0f} to {held[-1]:.0f} MB",
        each([floor for floor, _ in costs], len(waiting)), each([subject for _, subject in costs], year),
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


@dataclass
class Calendar:
    """So many years of so many movements each, one after the other in the month before now."""

    population: Population
    year: int
    years: int

    def publish(self, workspace: Workspace, number: int) -> None:
        """One year into the log."""
        with MovementFeed.of(workspace) as feed:
            assert set(feed.stream(self._make(number))) <= {"published"}

    def _make(self, number: int) -> Iterator[Row]:
        """Its movements in their order, of which few are receptions: these state a category, a transfer does not."""
        random, span = Random(self.population.seed + number), timedelta(days=28) / self.years
        begin, step = self.population.now - timedelta(days=29) + span * number, span / self.year
        turns = random.sample(range(self.population.prisoners), self.population.prisoners)
        for place in range(self.year):
            reception = random.random() * YEAR < RECEPTIONS
            yield {
                "noms_number": number_of(turns[place % len(turns)]), "event": "RECEIVED",
                "prison": random.choice(self.population.prisons), "at": show_time(begin + step * place),
                "category": "C" if reception else None, "alerts": [] if reception else None,
            }  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
