"""A year of the estate's movements over live items: what one costs beside the floor of a report, and how long the year would take.

    BENCH_SCALE=0.01 python benchmarks/movements.py

At full size 860,000 transfers and 180,000 receptions over 100,000 prisoners, on whom 100,000 reports of two items each are live. One
worker's process takes them in, since their topic has one partition; what it holds in memory is told after the first and the last part.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median

from floor import Floor
from measuring import Figure, Size, alternate, each, read_size, tell
from memory import read_resident_mb
from pas_producers import MovementFeed
from pas_schemas.clock import show_time
from pas_schemas.topics import MOVEMENTS, REPORTS
from places import Places, find_places, open_gateway
from population import Population, Row, number_of, publish
from whole import read_reports

PRISONERS, REPORTS_LIVE, TRANSFERS, RECEPTIONS = 100_000, 100_000, 860_000, 180_000
YEAR = TRANSFERS + RECEPTIONS
GOAL_SECONDS = 600
MOST_GROWTH = 1.1


def run(places: Places, size: Size) -> Iterator[Figure]:
    prisoners, live, year = (size.of(full) for full in (PRISONERS, REPORTS_LIVE, YEAR))
    workspace, population = places.make_world("movements", prisoners)
    publish(workspace, population.reports(0, live, recipients=("pio", "security")))
    part, held = year // (size.rounds + 1), []
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
    seconds = median(subject.wall for _, subject in costs) / part * YEAR
    growth = held[-1] / held[1]
    yield Figure(
        f"a movement of {year:,}, beside the floor of a report; the year in {seconds:,.0f} s, {held[1]:.0f} to {held[-1]:.0f} MB",
        each([floor for floor, _ in costs], len(waiting)), each([subject for _, subject in costs], part),
        f"CPU {ratio:.2f}", f"the year in {GOAL_SECONDS} s, memory <= {MOST_GROWTH}", seconds <= GOAL_SECONDS and growth <= MOST_GROWTH,
    )  # fmt: skip


def make_year(population: Population, count: int) -> Iterator[Row]:
    """So many movements in their order over a year, of which few are receptions: these state a category, a transfer does not."""
    random, begin, step = Random(population.seed), population.now - timedelta(days=29), timedelta(days=28) / count
    for place in range(count):
        reception = random.random() * YEAR < RECEPTIONS
        yield {
            "noms_number": number_of(random.randrange(population.prisoners)), "event": "RECEIVED",
            "prison": random.choice(population.prisons), "at": show_time(begin + step * place),
            "category": "C" if reception else None, "alerts": [] if reception else None,
        }  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
