"""How much memory one worker's process holds after ever more reports in one life.

    BENCH_SCALE=0.1 python benchmarks/memory.py

At full size after 10,000, 100,000 and 300,000 reports; a worker that keeps growing would show it. Also at a small size the first is told
of after 10,000: until then what has a bound (the pages of the register among it) is still filling.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from measuring import Figure, Size, read_size, tell
from pas_schemas.topics import REPORTS
from pas_transport.workspace import open_workspace
from places import Places, find_places, open_gateway
from population import publish

MARKS = (10_000, 100_000, 300_000)
MOST_MB, MOST_GROWTH = 250, 1.1


def run(places: Places, size: Size) -> Iterator[Figure]:
    filled = 0 if size.tiny else MARKS[0]
    marks = [filled + size.of(mark - filled) + place for place, mark in enumerate(MARKS)]
    for postgres in (False, True):
        if postgres and not (places.postgres and places.kafka):
            continue
        workspace, population = places.make_world(f"memory-{postgres}", size.prisoners, kafka=postgres, postgres=postgres)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        worker = context.Process(target=_serve, args=(theirs, str(workspace.root)))
        worker.start()
        held, done = [], 0
        for mark in marks:
            done += publish(workspace, population.reports(done, mark - done))
            ours.send(done)
            held.append(ours.recv())
        ours.close()
        worker.join()
        growth = held[-1] / held[0]
        counts, where = ", ".join(f"{mark:,}" for mark in marks), "Kafka and PostgreSQL" if postgres else "embedded and SQLite"
        yield Figure(
            f"memory of a worker after {counts} reports, {where}",
            "",
            f"{', '.join(f'{one:.0f}' for one in held)} MB",
            f"{growth:.2f}",
            f"< {MOST_MB} MB, <= {MOST_GROWTH}",
            max(held) < MOST_MB and growth <= MOST_GROWTH,
        )


def _serve(pipe: Connection, root: str) -> None:
    """A worker that goes as far as it is told, and says what it holds then."""
    with open_gateway(open_workspace(Path(root), lambda *_: None, {})) as gateway:
        while True:
            try:
                target = pipe.recv()
            except EOFError:
                return
            gateway.run_to(REPORTS.name, target)
            pipe.send(read_resident_mb())


def read_resident_mb() -> float:
    """What this process holds in memory, in MB."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
