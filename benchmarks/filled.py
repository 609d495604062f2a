"""What a report costs when a million lie in the register, beside what it costs when ten thousand do.

    BENCH_SCALE=0.1 python benchmarks/filled.py

Two registers are filled by the product's own writing with rows that it made itself: one batch is decided for real, and its rows are
written again and again under other ids, URNs and persons. Then two workers, one at each register, take the same reports in turn.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from measuring import Cost, Figure, Size, alternate, each, read_size, tell
from pas_gateway.office import PasOffice
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import Change, open_store, write_change
from pas_schemas.topics import REPORTS
from pas_transport.workspace import Workspace
from places import Places, find_places, open_gateway
from population import Population, number_of, publish
from whole import read_reports

FEW, MANY = 10_000, 1_000_000
AIM = 1.2
TEMPLATE_RECORDS = 500
Row = dict[str, Any]


def run(places: Places, size: Size) -> Iterator[Figure]:
    few, many = size.of(FEW), size.of(MANY)
    for postgres in (False, True):
        if postgres and not places.postgres:
            continue
        name = "PostgreSQL" if postgres else "SQLite"
        worlds = [places.make_world(f"filled-{name}-{which}", size.prisoners, postgres=postgres) for which in ("few", "many")]
        for (workspace, population), count in zip(worlds, (few, many), strict=True):
            fill(workspace, population, count)
        costs = measure(worlds, min(few, TEMPLATE_RECORDS), size)
        yield _show(costs, size.part, f"report among {many:,} beside {few:,}, {name}")


def measure(worlds: list[tuple[Workspace, Population]], first: int, size: Size) -> list[tuple[Cost, Cost]]:
    for workspace, population in worlds:
        publish(workspace, population.reports(first, (size.rounds + 1) * size.part))
    with ExitStack() as closing:
        few, many = (closing.enter_context(open_gateway(workspace)) for workspace, _ in worlds)
        return alternate(
            size.rounds,
            lambda number: few.run_to(REPORTS.name, first + (number + 1) * size.part),
            lambda number: many.run_to(REPORTS.name, first + (number + 1) * size.part),
        )


def _show(costs: list[tuple[Cost, Cost]], part: int, what: str) -> Figure:
    wall, cpu = median(many.wall / few.wall for few, many in costs), median(many.cpu / few.cpu for few, many in costs)
    return Figure(
        what,
        each([few for few, _ in costs], part),
        each([many for _, many in costs], part),
        f"{wall:.2f}, CPU {cpu:.2f}",
        f"<= {AIM}",
        wall <= AIM,
    )


def fill(workspace: Workspace, population: Population, count: int) -> None:
    """Writes so many accepted reports: those of one real batch, under ids of their own."""
    written = publish(workspace, population.reports(0, min(count, TEMPLATE_RECORDS)))
    office, random = PasOffice.of(workspace), Random(7)
    with open_gateway(workspace) as gateway:
        template = Pipeline(office, gateway.store).take_reports(read_reports(gateway.log), []).change
        gateway.run_to(REPORTS.name, written)
    store = open_store(workspace.register_url)
    prisoners = [office.names.prisoner(number_of(prisoner)) for prisoner in range(population.prisoners)]
    while written < count:
        write_change(store, _copy(template, written, prisoners, random))
        written += len(template.reports)
    store.close()


def _copy(template: Change, start: int, prisoners: list[bytes], random: Random) -> Change:
    """The template's rows as those of other reports, all of whose deliveries were sent."""
    ids = {row["id"]: os.urandom(16) for row in template.reports}
    change = Change()
    change.reports = [{**row, "id": ids[row["id"]], "urn": f"01/IR/2020/{start + place:07d}"} for place, row in enumerate(template.reports)]
    change.attempts = [
        {**row, "urn": f"01/IR/2020/{start + place:07d}", "place": f"filled-{start + place}"} for place, row in enumerate(template.attempts)
    ]
    change.subjects = [
        {"key": random.choice(prisoners), "report": row["id"], "created_at_ms": row["created_at_ms"], "tags": row["tags"]}
        for row in change.reports
    ]
    change.deliveries = [{**row, "id": os.urandom(16), "report": ids[row["report"]], "state": "SENT"} for row in template.deliveries]
    change.touched = {row["key"] for row in change.subjects}
    change.events = template.events
    change.counts = template.counts
    return change


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
