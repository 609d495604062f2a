"""How many reports a second a publisher brings into the log, beside signing, sealing and appending alone.

    BENCH_SCALE=0.1 python benchmarks/publishing.py

The publisher checks each report twice over, names it, packs it, seals it, appends it and notes it in its journal; the floor seals
payloads of the same length in batches of the same size and appends them to the same log.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from floor import BATCH_RECORDS, EPOCH_LIFE, PAS
from measuring import Figure, Size, alternate, each, read_size, tell
from pas_producers import Published, Publisher
from pas_producers.commands.publish import PACKERS
from pas_schemas.codec import MARKER, fingerprint
from pas_schemas.sealing import Plain, Sealer, SealingKey, build_manifest
from pas_schemas.topics import REPORTS
from pas_transport.log import Log, Outgoing
from pas_transport.workspace import Workspace
from places import Places, find_places
from population import Population

OFFICE = "force:01"
REPORT_BYTES = 2048
AIM = 3000


def run(places: Places, size: Size) -> Iterator[Figure]:
    for kafka in (False, True):
        if kafka and not places.kafka:
            continue
        workspace, population = places.make_estate(f"publish-{kafka}", 1000, kafka=kafka)
        for packers in (0, PACKERS):
            yield measure(workspace, population, size, "Kafka" if kafka else "the embedded log", packers)


def measure(workspace: Workspace, population: Population, size: Size, where: str, packers: int) -> Figure:
    # Six batches at least, or the processes that pack would have nothing to do side by side.
    part = max(3000, size.of(100_000) // 10) if not size.tiny else 20
    batches = [_write_lines(population, packers, number, part) for number in range(size.rounds + 1)]
    before = _computing_of_children()
    with workspace.log() as log, Publisher.of(workspace, OFFICE, packers=packers) as publisher:
        floor = _Sealing(workspace, log)
        costs = alternate(
            size.rounds,
            lambda _: floor.send(part),
            lambda number: all(isinstance(one, Published) for one in publisher.stream(batches[number])),
        )
    done = part / median(subject.wall for _, subject in costs)
    ratio = median(below.wall / subject.wall for below, subject in costs)
    own = median(subject.cpu for _, subject in costs) / part
    theirs = (_computing_of_children() - before) / (part * len(batches))
    by, packing = (f"{packers} packers", f", packers {theirs * 1e6:,.0f}") if packers else ("one process", "")
    return Figure(
        f"publish to {where}, {by}", each([below for below, _ in costs], part), f"{done:,.0f} a second, CPU {own * 1e6:,.0f} us{packing}",
        f"{ratio:.2f}", f">= {AIM:,} a second" if packers else "", done >= AIM if packers else None,
    )  # fmt: skip


def _computing_of_children() -> float:
    """Seconds of all processes that were started and have ended, their start among it."""
    spent = getrusage(RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _write_lines(population: Population, packers: int, number: int, part: int) -> list[bytes]:
    """Lines as they lie in a file, none of which was published before."""
    first = (packers * 100 + number) * part
    return [json.dumps(row).encode() for row in population.reports(first, part)]


class _Sealing:
    """Seals and appends, and nothing else."""

    def __init__(self, workspace: Workspace, log: Log) -> None:
        now = workspace.clock.now()
        key = workspace.directory().key(PAS, "open", now)
        assert key is not None
        self._key = SealingKey.from_bytes(key.public)
        self._sealer = Sealer(OFFICE, workspace.keyring(OFFICE).signing(), epoch_life=EPOCH_LIFE)
        self._clock, self._log = workspace.clock, log

    def send(self, count: int) -> None:
        for start in range(0, count, BATCH_RECORDS):
            plains = [self._plain() for _ in range(min(BATCH_RECORDS, count - start))]
            values = self._sealer.seal(PAS, self._key, plains, self._clock.now())
            self._log.append([Outgoing(REPORTS.name, plain.record_id, value) for plain, value in zip(plains, values, strict=True)])

    def _plain(self) -> Plain:
        payload = MARKER + fingerprint("report") + os.urandom(REPORT_BYTES - 10)
        return Plain(os.urandom(16), payload, build_manifest([os.urandom(32), os.urandom(32)]))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        tell(run(places, read_size()))


if __name__ == "__main__":
    main()
