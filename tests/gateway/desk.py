"""The gateway in one process, for tests that look at one step: a small workspace, its log and register, publishers and a pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from copying import copy_offices
from gateway.judging import Sent, judge_log, read_all
from pas_gateway.journal import open_journal
from pas_gateway.meters import Meter, meter_file
from pas_gateway.office import PasOffice
from pas_gateway.phases import PhaseMark, phase_file
from pas_gateway.pipeline import Pipeline
from pas_gateway.plan import Plan
from pas_gateway.register import Advance, Store, open_store, outbox, queries
from pas_gateway.worker import Worker
from pas_producers import MovementFeed, Publisher
from pas_schemas.clock import show_time
from pas_schemas.directory import Snapshot
from pas_schemas.topics import MOVEMENTS, REPLIES, REPORTS, URGENT
from pas_transport.log import Log, Partition, Taken
from pas_transport.workspace import CLOCK_FILE, Workspace, open_workspace
from producers.samples import make_movement, make_report, make_subject

OFFICES = (
    "pas", "feed:nomis", "cat-a-team", "force:01", "force:06", "fib:01", "pio:WSI", "security:WSI", "governor:WSI",
    "pio:BAI", "security:BAI", "governor:BAI",
)  # fmt: skip
INPUTS = (REPORTS.name, URGENT.name, MOVEMENTS.name, REPLIES.name)

Row = dict[str, Any]


@dataclass
class Desk:
    """PAS's side of a workspace; `log` and `store` are opened when first asked for, and closed with it."""

    workspace: Workspace
    _serial: int = 0
    _taken: dict[Partition, int] = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.close()
        self.log.close()
        self.store.close()

    @cached_property
    def log(self) -> Log:
        return self.workspace.log()

    @cached_property
    def store(self) -> Store:
        path = self.workspace.root / "register.db"
        if self.workspace.register_url == f"sqlite:///{path}" and not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(_make_register())
        store = open_store(self.workspace.register_url)
        store.migrate()
        return store

    @cached_property
    def office(self) -> PasOffice:
        return PasOffice.of(self.workspace)

    @cached_property
    def pipeline(self) -> Pipeline:
        return Pipeline(self.office, self.store)

    @property
    def snapshot(self) -> Snapshot:
        return self.workspace.directory()

    def turn(self, **later: float) -> None:
        """Everybody's clock goes on (or back) by so much; who has it open opens it anew."""
        now = self.workspace.clock.now()
        note = {"clock": show_time(now + timedelta(**later)), "real": show_time(now - self.workspace.clock.shift)}
        (self.workspace.root / CLOCK_FILE).write_text(json.dumps(note))
        self.open_anew(open_workspace(self.workspace.root, environment={}))

    def open_anew(self, workspace: Workspace) -> None:
        """What was open of it is closed; it is opened again when it is asked for."""
        for name in ("log", "store"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        for name in ("office", "pipeline"):
            self.__dict__.pop(name, None)
        self.workspace = workspace

    def climb(self) -> list[Row]:
        """What time alone brings is done and sent; the words that this sends, each with its office as `to` and its `urn`."""
        known = {one.datum["delivery_id"] for one in judge_log(self.log, self.workspace)}
        while (plan := self.pipeline.climb_due()) is not None:
            self.pipeline.commit(plan)
        new = [one for one in self.run() if one.datum["delivery_id"] not in known]
        return [{"to": one.office, "urn": one.datum["urn"]} | word for one in new for word in one.datum["notices"]]

    def write(self, *, hours_ago: float = 1, **changes: Any) -> Row:
        """A report on a prisoner in WSI, addressed to its PIO and security; each call another URN."""
        self._serial += 1
        base: Row = {
            "created_at": show_time(self.workspace.clock.now() - timedelta(hours=hours_ago)),
            "subjects": [make_subject(pnc_id=None)],
            "mopi": {"group": 2, "review_by": "2099-01-01"},
        }
        return make_report(self._serial, **(base | changes))

    def publish(self, *reports: Row, again: bool = False) -> None:
        """Through the border, sealed, into the log; every one of them."""
        with Publisher.of(self.workspace, again=again) as publisher:
            for one in publisher.publish(reports).outcomes:
                assert type(one).__name__ == "Published", one

    def move(self, *, hours_ago: float = 24, **changes: Any) -> None:
        """One movement of the prisoner of `write`, category C unless told otherwise."""
        at = show_time(self.workspace.clock.now() - timedelta(hours=hours_ago))
        with MovementFeed.of(self.workspace) as feed:
            assert list(feed.stream([make_movement(**({"at": at, "category": "C"} | changes))])) == ["published"]

    def fresh(self, topic: str) -> list[Taken]:
        """The records of a topic that this has not given yet."""
        records = [taken for taken in read_all(self.log, topic) if taken.offset >= self._taken.get(taken.partition, 0)]
        self._taken |= {taken.partition: taken.offset + 1 for taken in records}
        return records

    def advances(self, records: Sequence[Taken]) -> list[Advance]:
        """What a worker would move for these records, from where the register stands."""
        last = {record.partition: record for record in records}
        with self.store.reading() as register:
            stands = {partition: queries.find_position(register, self.log.identity, *partition) for partition in last}
        found = {partition: at[0] if at else None for partition, at in stands.items()}
        return [
            Advance(self.log.identity, *partition, found[partition], record.offset + 1, sha256(record.value).digest())
            for partition, record in last.items()
        ]

    def plan_reports(self, records: Sequence[Taken]) -> Plan:
        return self.pipeline.take_reports(records, self.advances(records))

    def plan_movements(self, records: Sequence[Taken], *, behind: bool = False) -> Plan:
        return self.pipeline.take_movements(records, self.advances(records), behind=behind)

    def worker(self, name: str, *, log: Log | None = None, store: Store | None = None) -> Worker:
        journal = self._closing.enter_context(open_journal(self.workspace.root / "gateway.log", worker=name))
        mark = PhaseMark(phase_file(self.workspace.root, name))
        meter = Meter(meter_file(self.workspace.root, name))
        store = store or self.store
        return Worker(name, name == "threats", log or self.log, store, Pipeline(self.office, store), mark, meter, journal)

    def is_idle(self, topics: Iterable[str] = INPUTS) -> bool:
        """Everything in these topics was taken in, and nothing waits to be sent."""
        with self.store.reading() as register:
            waiting = outbox.count_outbox(register)
        return not waiting and self._is_read(topics)

    def _is_read(self, topics: Iterable[str]) -> bool:
        with self.store.reading() as register:
            positions = queries.list_positions(register, self.log.identity)
        return all(positions.get((part.topic, part.number), 0) == end for part, end in self.log.ends(topics).items())

    def run(self) -> list[Sent]:
        """Everything is taken in and sent, threats last; what the offices' topics then hold."""
        self.worker("worker-1").run(lambda: self.is_idle((REPORTS.name, MOVEMENTS.name, REPLIES.name)))
        self.worker("threats").run(lambda: self._is_read((URGENT.name,)))
        self.worker("worker-1").run(self.is_idle)
        return judge_log(self.log, self.workspace)


@lru_cache
def _make_register() -> bytes:
    """A SQLite register without a row: the migrations take longer than most tests, so a process runs them once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "register.db"
        with closing(open_store(f"sqlite:///{path}")) as store:
            store.migrate()
        return path.read_bytes()


def copy_estate(pristine: Path, root: Path, offices: Iterable[str] = OFFICES) -> Workspace:
    """A copy of the example workspace with the keys of some offices."""
    return open_workspace(copy_offices(pristine, root, offices), environment={})
