"""A year of the estate's movements replayed over live items: publishes, decides, then times the gateway alone on the movements.

    BENCH_SCALE=0.01 python benchmarks/movements.py [FOLDER]

At scale 1: 100,000 prisoners, 100,000 live reports of two items each, 860,000 transfers and 180,000 receptions; the goal is 10
minutes on 2 cores. Prints one JSON object; `year_seconds` is what the whole year would take at the pace that was seen, `peak_mb`
the largest resident size of any process. BENCH_WORKERS (2) is given to the gateway, BENCH_PROFILE=1 runs one worker here under cProfile.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from pas_gateway.journal import open_journal
from pas_gateway.meters import Meter, meter_file
from pas_gateway.office import PasOffice
from pas_gateway.phases import PhaseMark, phase_file
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import open_store, queries
from pas_gateway.worker import Worker
from pas_producers import MovementFeed, Publisher
from pas_schemas.clock import show_time
from pas_schemas.topics import MOVEMENTS, REPLIES, REPORTS
from pas_transport.founding import found_workspace
from pas_transport.workspace import Workspace, declared_topics, open_workspace

PRISONERS, REPORTS_LIVE, TRANSFERS, RECEPTIONS = 100_000, 100_000, 860_000, 180_000
GOAL_SECONDS = 600
Row = dict[str, Any]


def number_of(prisoner: int) -> str:
    """A NOMIS number for each of up to 6,760,000 prisoners."""
    letters = divmod(prisoner // 10_000, 26)
    return f"A{prisoner % 10_000:04d}{chr(65 + letters[0])}{chr(65 + letters[1])}"


class Year:
    """The estate of a year, smaller by `scale`, the same for the same seed."""

    def __init__(self, scale: float, prisons: list[str], now: datetime) -> None:
        self.prisoners, self.reports = max(1, int(PRISONERS * scale)), max(1, int(REPORTS_LIVE * scale))
        self.transfers, self.receptions = int(TRANSFERS * scale), int(RECEPTIONS * scale)
        self._prisons, self._now, self._random = prisons, now, Random(5)

    def first(self) -> Iterator[Row]:
        """Where everybody was when the year began."""
        begin = self._now - timedelta(days=366)
        for prisoner in range(self.prisoners):
            yield self._received(prisoner, begin, category="C")

    def movements(self) -> Iterator[Row]:
        """The year, in its order: a reception states a category, a transfer does not."""
        kinds = [True] * self.receptions + [False] * self.transfers
        self._random.shuffle(kinds)
        begin, step = self._now - timedelta(days=365), timedelta(days=365) / max(1, len(kinds))
        for place, reception in enumerate(kinds):
            yield self._received(self._random.randrange(self.prisoners), begin + step * place, category="C" if reception else None)

    def written(self) -> Iterator[Row]:
        return (self._report(serial) for serial in range(self.reports))

    def _received(self, prisoner: int, at: datetime, category: str | None) -> Row:
        prison = self._random.choice(self._prisons)
        return {
            "noms_number": number_of(prisoner), "event": "RECEIVED", "prison": prison, "at": show_time(at), "category": category,
            "alerts": [] if category else None,
        }  # fmt: skip

    def _report(self, serial: int) -> Row:
        subject = {
            "role": "SUBJECT", "standing": "CONVICTED", "noms_number": number_of(serial % self.prisoners), "pnc_id": None,
            "family_name": "Ashdown", "given_names": "Piers", "date_of_birth": "1988-02-03",
        }  # fmt: skip
        item = {
            "text": "A parcel will come over the wall at the weekend, thrown from the lane behind the workshops. " * 4, "source": "B",
            "intelligence": "2", "handling": "1", "source_reference": "ISR-1", "corroboration": None, "sanitises": None,
            "subjects": None, "addressees": None,
        }  # fmt: skip
        return {
            "urn": f"01/IR/2026/{serial:07d}", "originator": "force:01", "created_at": show_time(self._now - timedelta(hours=1)),
            "protective_marking": "OFFICIAL", "priority": "ROUTINE", "purpose": "PREVENTION_OF_CRIME", "legal_basis": "POLICING_PURPOSE",
            "operation": None, "subjects": [subject], "items": [item, item | {"text": "Of other things.", "source": "C"}],
            "handling": {"conditions": None, "reasons": None, "internal_recipients": [], "review_by": None, "risk_assessment": None},
            "declarations": {
                "visor_derived": False, "visor_permission": None, "privileged": False, "warranted_intercept": False,
                "prison_intercept": None, "concerns_staff": [], "protected_assisting_offender": False, "terrorism": False,
                "do_not_share_with_offender": True,
            },
            "risk_tags": ["DRUGS"], "addressees": ["pio", "security"], "mopi": {"group": 2, "review_by": "2099-01-01"}, "gist": None,
            "supersedes": None,
        }  # fmt: skip


def feed(workspace: Workspace, rows: Iterator[Row]) -> float:
    """The seconds that sealing and appending movements took."""
    started = time.monotonic()
    with MovementFeed.of(workspace) as sender:
        assert all(told == "published" or told == "repeated" for told in sender.stream(rows))
    return time.monotonic() - started


def run_gateway(workspace: Workspace, workers: int) -> Row:
    """`pas gateway run --until-idle`, as an operator starts it."""
    command = [
        str(Path(sys.executable).with_name("pas")), "--workspace", str(workspace.root), "gateway", "run", "--until-idle", "--workers",
        str(workers), "--json",
    ]  # fmt: skip
    found: Row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def run_here(workspace: Workspace) -> None:
    """One worker in this process, under the profiler."""
    log, store = workspace.log(), open_store(workspace.register_url)
    office = PasOffice.of(workspace)

    def idle() -> bool:
        with store.reading() as register:
            positions = queries.list_positions(register, log.identity)
            waiting = queries.count_outbox(register)
        ends = log.ends([MOVEMENTS.name, REPORTS.name, REPLIES.name])
        return not waiting and all(positions.get((part.topic, part.number), 0) == end for part, end in ends.items())

    with open_journal(workspace.root / "gateway.log", worker="bench") as journal:
        mark, meter = PhaseMark(phase_file(workspace.root, "bench")), Meter(meter_file(workspace.root, "bench"))
        worker = Worker("bench", False, log, store, Pipeline(office, store), mark, meter, journal)
        profile = cProfile.Profile()
        profile.runcall(worker.run, idle)
    pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(60)


def main() -> None:
    scale, workers = float(os.environ.get("BENCH_SCALE", "0.005")), int(os.environ.get("BENCH_WORKERS", "2"))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="pas-bench-"))
    snapshot = found_workspace(folder / "estate", "embedded", None, {})
    workspace = open_workspace(folder / "estate", lambda *_: None, {})
    now = workspace.clock.now()
    year = Year(scale, sorted(snapshot.at(now).prisons), now)
    with workspace.log() as log:
        log.ensure(declared_topics(snapshot))
    feed(workspace, year.first())
    with Publisher.of(workspace, "force:01") as publisher:
        assert all(type(one).__name__ == "Published" for one in publisher.stream(year.written()))
    began = run_gateway(workspace, workers)
    fed = feed(workspace, year.movements())
    started = time.monotonic()
    if os.environ.get("BENCH_PROFILE"):
        run_here(workspace)
        replayed = year.transfers + year.receptions
    else:
        replayed = run_gateway(workspace, workers)["movements"]
    seconds = time.monotonic() - started
    whole = seconds * (TRANSFERS + RECEPTIONS) / max(1, replayed)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)) / 1024
    print(json.dumps({
        "scale": scale, "prisoners": year.prisoners, "live_items": 2 * began["accepted"], "movements": replayed,
        "decided_seconds": began["seconds"], "fed_seconds": round(fed, 2), "seconds": round(seconds, 2),
        "movements_a_second": round(replayed / seconds), "year_seconds": round(whole), "goal_seconds": GOAL_SECONDS, "peak_mb": round(peak),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
