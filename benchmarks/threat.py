"""How long a threat to life takes to its inbox while a backlog of routine reports is worked off, beside how long it takes when idle.

    BENCH_SCALE=0.1 python benchmarks/threat.py

A real `pas gateway run` with one worker and the one for threats. The clock runs from when publishing returned until the PIO's inbox
holds the delivery. The backlog is 100,000 reports at full size.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from measuring import Figure, Size, read_size, tell
from pas_consumers import Inbox
from pas_gateway.register import open_store, queries
from pas_producers import Publisher
from pas_schemas.topics import REPORTS
from pas_transport.workspace import Workspace
from places import Places, find_places
from population import Population, publish

AIM = 1.5
THREATS = 15
BACKLOG = 100_000
# Where threats are numbered from, far beyond the routine reports.
FIRST_THREAT = 5_000_000
_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.002
_BETWEEN_SECONDS = 0.25


def run(places: Places, size: Size) -> Iterator[Figure]:
    for kafka in (False, True):
        if kafka and not (places.kafka and places.postgres):
            continue
        workspace, population = places.make_world(f"threat-{kafka}", size.prisoners, kafka=kafka, postgres=kafka)
        yield measure(workspace, population, size, "Kafka and PostgreSQL" if kafka else "embedded and SQLite")


def measure(workspace: Workspace, population: Population, size: Size, where: str) -> Figure:
    threats, backlog = 2 if size.tiny else THREATS, size.of(BACKLOG)
    with running_gateway(workspace), Publisher.of(workspace, "force:01") as publisher:
        desk = Desk(workspace, population, publisher)
        desk.send(3)
        idle = desk.send(threats)
        publish(workspace, population.reports(0, backlog))
        busy = desk.send(threats)
        left = backlog - _taken(workspace)
    ratio = median(busy) / median(idle)
    met = ratio <= AIM if left > 0 else None
    return Figure(
        f"threat to life behind {backlog:,}, {where}",
        f"{median(idle) * 1000:.0f} ms idle",
        f"{median(busy) * 1000:.0f} ms, {left:,} still waiting",
        f"{ratio:.2f}",
        f"<= {AIM}",
        met,
    )


class Desk:
    """Publishes threats one by one, and waits for each in the inbox it is for."""

    def __init__(self, workspace: Workspace, population: Population, publisher: Publisher) -> None:
        self._workspace, self._population, self._publisher = workspace, population, publisher
        self._next = FIRST_THREAT

    def send(self, count: int) -> list[float]:
        """Seconds that each took."""
        return [self._send_one() for _ in range(count)]

    def _send_one(self) -> float:
        [report] = self._population.reports(self._next, 1, priority="THREAT_TO_LIFE")
        self._next += 1
        pio = self._population.find_offices(report["subjects"][0]["noms_number"])[0]
        with Inbox.of(self._workspace, pio) as inbox:
            inbox.take()
            self._publisher.publish([report])
            started = time.perf_counter()
            while not any(one.urn == report["urn"] and one.kind == "DISCLOSURE" for one in inbox.take().new):
                assert time.perf_counter() - started < _PATIENCE_SECONDS, "the threat did not come"
                time.sleep(_LOOK_SECONDS)
            seconds = time.perf_counter() - started
        time.sleep(_BETWEEN_SECONDS)
        return seconds


@contextmanager
def running_gateway(workspace: Workspace) -> Iterator[None]:
    """`pas gateway run`, as an operator starts it."""
    command = [str(Path(sys.executable).with_name("pas")), "--workspace", str(workspace.root), "gateway", "run"]
    gateway = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        gateway.send_signal(signal.SIGTERM)
        gateway.wait(_PATIENCE_SECONDS)


def _taken(workspace: Workspace) -> int:
    store = open_store(workspace.register_url)
    with workspace.log() as log:
        positions = store.ask(lambda register: queries.list_positions(register, log.identity))
    store.close()
    return sum(following for (topic, _), following in positions.items() if topic == REPORTS.name)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
