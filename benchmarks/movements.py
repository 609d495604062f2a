"""A year of the estate's movements, replayed over live items: what one costs beside the floor of a report, and how long the year takes.

    BENCH_SCALE=0.01 python benchmarks/movements.py

At full size 860,000 transfers and 180,000 receptions over 100,000 prisoners, on whom 100,000 reports of two items each are live, and
that year is replayed whole, by two workers that share the partitions; at a smaller size fewer prisoners, each of whom moves as often, and
how long the year would take is reckoned. All of a year lies in the log before it is replayed. It is over when every item is with those
who may have it where its prisoner is at last, and all of it is sent. What a worker holds in memory is told after each tenth of that time.

What a movement costs is told of one worker and of few prisoners at any size: it replays one year after the other.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

from floor import Floor
from measuring import Cost, Figure, Size, alternate, each, read_size, tell
from memory import MOST_GROWTH, read_resident_mb
from pas_schemas.clock import show_time
from pas_schemas.topics import MOVEMENTS, REPORTS
from pas_transport.workspace import Workspace, open_workspace
from places import READY, TAKEN, Places, find_places, open_gateway, two_processes
from population import Population, Row, number_of, publish, publish_by_packers, receive
from whole import read_reports

PRISONERS, REPORTS_LIVE, TRANSFERS, RECEPTIONS = 100_000, 100_000, 860_000, 180_000
YEAR = TRANSFERS + RECEPTIONS
# With fewer, the movements that no crowd waits behind, and that are followed one by one, would be more than a tenth of a year.
FEWEST = 3_000
YEARS = 3
GOAL_SECONDS = 600
TENTHS = 10
HALVES = ((0,), (1,))
# Those whom a report goes to follow the prisoner.
FOLLOWING = ("pio", "security")


def run(places: Places, size: Size) -> Iterator[Figure]:
    few = size.of(0) if size.tiny else FEWEST
    costs = measure(places, few, min(size.rounds, YEARS))
    waiting, year = min(few, size.part), count_year(few)
    ratio = median(floor.cpu / waiting / (subject.cpu / year) for floor, subject in costs)
    yield Figure(
        f"a movement of {year:,}, beside the floor of a report",
        each([floor for floor, _ in costs], waiting), each([subject for _, subject in costs], year), f"CPU {ratio:.2f}",
    )  # fmt: skip
    prisoners = max(few, size.of(PRISONERS))
    yield show(count_year(prisoners), replay(places, prisoners))


def count_year(prisoners: int) -> int:
    """Movements of so many in a year."""
    return prisoners * YEAR // PRISONERS


def measure(places: Places, prisoners: int, years: int) -> list[tuple[Cost, Cost]]:
    """What the floor takes for reports, as many as a part has, and one worker for a year of movements, year by year."""
    workspace, population = places.make_world("movements", prisoners)
    publish(workspace, population.reports(0, prisoners, recipients=FOLLOWING))
    calendar = Calendar(population, count_year(prisoners), years + 1)
    with open_gateway(workspace) as gateway:
        gateway.run_to(REPORTS.name, prisoners)
        waiting, floor = read_reports(gateway.log)[: Size(1).part], Floor(workspace, population.find_offices)
        return alternate(
            years,
            lambda _: floor.take_all(waiting),
            lambda number: gateway.run_to(MOVEMENTS.name, prisoners + (number + 1) * calendar.year),
            before=lambda number: receive(workspace, calendar.make(number)),
        )


class Note(NamedTuple):
    """What a worker says before its first batch and after each: what all of them have taken in; of itself, its memory and computing."""

    taken: int
    held_mb: float
    cpu: float


class Heard(NamedTuple):
    """A worker's word on its memory, so many seconds after all began."""

    when: float
    worker: int
    held_mb: float


class Drive(NamedTuple):
    """What two workers took for some way: seconds by the clock and of their computing, and what they held after each tenth, in MB."""

    wall: float
    cpu: float
    held: list[float]


def replay(places: Places, prisoners: int) -> Drive:
    """A year of so many prisoners, replayed by two workers."""
    workspace, population = places.make_estate("year", prisoners)
    live, calendar = prisoners * REPORTS_LIVE // PRISONERS, Calendar(population, count_year(prisoners), 1)
    receive(workspace, places.watch("receptions into the log", population.movements(), prisoners))
    reports = population.reports(0, live, recipients=FOLLOWING)
    with two_processes(_serve, workspace, None) as crew:
        for pipe in crew:
            assert pipe.recv() == READY
        drive(places, crew, MOVEMENTS.name, prisoners)
        publish_by_packers(workspace, places.watch("reports into the log", reports, live))
        drive(places, crew, REPORTS.name, live)
        feed_by_two(places, workspace, calendar)
        return drive(places, crew, MOVEMENTS.name, prisoners + calendar.year)


def feed_by_two(places: Places, workspace: Workspace, calendar: Calendar) -> None:
    """A year into the log, half of the prisoners by this process and half by another; who watches sees the one."""
    rows = places.watch("half a year into the log, and half by another process", calendar.make(0, HALVES[0]), calendar.year // 2)
    other = multiprocessing.get_context("spawn").Process(target=_feed, args=(str(workspace.root), calendar))
    other.start()
    receive(workspace, rows)
    other.join()
    assert other.exitcode == 0


def _feed(root: str, calendar: Calendar) -> None:
    receive(open_workspace(Path(root), lambda *_: None, {}), calendar.make(0, HALVES[1]))


def drive(places: Places, crew: Sequence[Connection], topic: str, goal: int) -> Drive:
    """Until so many records of a topic were taken in since the log began, and all that came of them was sent."""
    heard: list[Heard] = []
    computed: dict[int, list[float]] = {worker: [] for worker in range(len(crew))}
    started = time.perf_counter()
    for pipe in crew:
        pipe.send((topic, goal))
    busy = list(crew)
    with places.bar(f"two workers take {topic}", goal) as progress:
        while busy:
            speaking = wait(busy)
            for pipe in [one for one in busy if one in speaking]:
                said, worker = pipe.recv(), crew.index(pipe)
                if said == TAKEN:
                    busy.remove(pipe)
                    continue
                heard.append(Heard(time.perf_counter() - started, worker, said.held_mb))
                computed[worker].append(said.cpu)
                progress(said.taken)
    wall = time.perf_counter() - started
    return Drive(wall, sum(spent[-1] - spent[0] for spent in computed.values()), cut_in_tenths(heard, wall))


def cut_in_tenths(heard: Sequence[Heard], seconds: float) -> list[float]:
    """What the fullest worker held last in each tenth of the time; of one that said nothing in a tenth, what it said before.

    What each says before its first batch holds from the beginning, however late it is heard.
    """
    last = {one.worker: one.held_mb for one in reversed(heard)}
    told: list[float] = []
    for tenth in range(TENTHS):
        last |= {one.worker: one.held_mb for one in heard if tenth <= one.when / seconds * TENTHS <= tenth + 1}
        told.append(max(last.values()))
    return told


def show(year: int, drive: Drive) -> Figure:
    """The year's figure; what a smaller one would have taken at full size is reckoned, and said to be.

    A crowd is taken in first and followed then, which holds more: memory is flat where the end holds what the middle did.
    """
    wall, cpu, growth = drive.wall / year * YEAR, drive.cpu / year * YEAR, drive.held[-1] / drive.held[TENTHS // 2]
    of = f"{YEAR:,} movements" if year == YEAR else f"{YEAR:,} movements, reckoned from {year:,}"
    return Figure(
        f"a year of {of}, two workers, embedded and SQLite",
        "", f"{wall:,.0f} s, CPU {cpu:,.0f}; {', '.join(f'{mb:.0f}' for mb in drive.held)} MB", f"{growth:.2f}",
        f"{GOAL_SECONDS} s, memory <= {MOST_GROWTH}", wall <= GOAL_SECONDS and growth <= MOST_GROWTH,
    )  # fmt: skip


def _serve(pipe: Connection, root: str, name: str, _: None) -> None:
    """A worker that goes as far as it is told, and says after each batch what has become of it."""
    with open_gateway(open_workspace(Path(root), lambda *_: None, {}), name) as gateway:
        pipe.send(READY)
        while True:
            try:
                topic, goal = pipe.recv()
            except EOFError:
                return

            def tell_note(topic: str = topic) -> None:
                taken = gateway.store.ask(lambda register: gateway.count_taken(register, topic))
                pipe.send(Note(taken, read_resident_mb(), time.process_time()))

            tell_note()
            gateway.run_to(topic, goal, tell_note)
            pipe.send(TAKEN)


@dataclass
class Calendar:
    """So many years of so many movements each, one after the other in the month before now."""

    population: Population
    year: int
    years: int

    def make(self, number: int, turns_of: Sequence[int] = (0, 1)) -> Iterator[Row]:
        """One year's movements in their order, of which few are receptions: these state a category, a transfer does not.

        Of the prisoners whose turn is even (0), odd (1) or both.
        """
        random, span = Random(self.population.seed + number), timedelta(days=28) / self.years
        begin, step = self.population.now - timedelta(days=29) + span * number, span / self.year
        turns = random.sample(range(self.population.prisoners), self.population.prisoners)
        for place in range(self.year):
            turn, reception, prison = place % len(turns), random.random() * YEAR < RECEPTIONS, random.choice(self.population.prisons)
            if turn % 2 not in turns_of:
                continue
            yield {
                "noms_number": number_of(turns[turn]), "event": "RECEIVED", "prison": prison, "at": show_time(begin + step * place),
                "category": "C" if reception else None, "alerts": [] if reception else None,
            }  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
