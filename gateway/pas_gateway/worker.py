"""One worker process: reads batches of its partitions, takes each through the pipeline, and dispatches what comes of it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import groupby

from pas_gateway import events
from pas_gateway.ahead import Ahead
from pas_gateway.dispatch import Dispatcher
from pas_gateway.journal import Journal
from pas_gateway.meters import Meter
from pas_gateway.phases import PhaseMark
from pas_gateway.pipeline import Pipeline
from pas_gateway.plan import Plan
from pas_gateway.positions import find_start
from pas_gateway.realm import Realm
from pas_gateway.recovery import note_place
from pas_gateway.register import (
    Advance,
    ClashError,
    LostPartitionError,
    RegisterUnavailableError,
    Store,
    UnfitRowError,
    chains,
    queries,
    relearning,
)
from pas_gateway.standstill import STANDS_STILL, Standstill, StandstillError
from pas_gateway.steady import Steady
from pas_gateway.verify import is_reply
from pas_schemas.errors import LogError, RegisterError
from pas_schemas.topics import MOVEMENTS, REPLIES, REPORTS, URGENT
from pas_transport.log import Log, LogUnavailableError, OffsetGoneError, Partition, Subscription, Taken

BATCH_RECORDS = 500
POLL_SECONDS = 0.2
# A batch that clashes is computed anew, then in halves; a record that clashes this often is read again from the log.
TRIES = 8
# Movements that a decision counts before the register has them: more than the estate has in a day. Opening so many takes a second, once.
MOST_AHEAD = 4_000
_RETRY_SECONDS = 0.02

Compute = Callable[[Sequence[Taken], Sequence[Advance]], Plan]
# How often a worker looks for what time alone brings.
HOUSE_SECONDS = 1.0
# How often bodies that are no longer kept are looked for.
SHRED_SECONDS = 3600.0


@dataclass
class Worker:
    """A member of the gateway's group. `urgent` workers read threats to life and nothing else."""

    name: str
    urgent: bool
    log: Log = field(repr=False)
    store: Store = field(repr=False)
    pipeline: Pipeline = field(repr=False)
    mark: PhaseMark = field(repr=False)
    meter: Meter = field(repr=False)
    journal: Journal = field(repr=False)
    renew: Callable[[Pipeline], Pipeline] = field(default=lambda pipeline: pipeline, repr=False)
    note: Callable[[int], None] = field(default=lambda urgent: None, repr=False)
    standstill: Standstill = field(default_factory=Standstill, repr=False)
    _ahead: Ahead = field(init=False, repr=False)
    _dispatcher: Dispatcher = field(init=False, repr=False)
    _steady: Steady = field(default_factory=Steady, repr=False)
    _look_again: float = 0.0
    _shred_again: float = 0.0
    _swept: bool = False
    _asked: set[str] = field(default_factory=set, repr=False)
    _away: bool = False
    _regaining: bool = False
    _due: bool = False
    _next: dict[Partition, int | None] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._ahead = Ahead(self.log, self.store, MOST_AHEAD)
        self._dispatcher = Dispatcher(
            self.store, self.log, self.pipeline.office, lambda topic: self.journal.tell(events.TopicLost(topic)), self._renew_lapsed,
            self.note,
        )  # fmt: skip

    def run(self, stopping: Callable[[], bool]) -> None:
        """Until `stopping`; then drains: the batch in hand is finished and the outbox emptied.

        A log that was there and does not answer is waited for: it is being started anew, and what was read and not written
        is read again from where the register stands.
        """
        self.journal.tell(events.WorkerStarted(self.pipeline.office.snapshot.version))
        while not stopping():
            try:
                with self.subscribe() as subscription:
                    while not stopping():
                        self.turn(subscription)
            except StandstillError:
                continue
            except LogUnavailableError as error:
                if not error.retriable:
                    raise
                self._note_absence(error)

    def subscribe(self) -> Subscription:
        """A place in the group of those who read what this worker reads."""
        self._regaining = self.store.ask(relearning.is_regaining)
        realm = self._realm
        return self.log.subscribe(realm.topics(urgent=self.urgent), f"{realm.group}{'.urgent' if self.urgent else ''}", self._start)

    def turn(self, subscription: Subscription) -> None:
        """Takes one batch if there is one, does what time alone brings, and sends what waits."""
        self.mark.set("reading")
        records = self._poll(subscription, 0.0 if self._due else POLL_SECONDS)
        if records:
            self._take(records, subscription)
            subscription.commit()
            self._away = False
        self._keep_house(subscription)
        if self._due and not (records and self._ahead.cut):
            self._follow(subscription)
        self._dispatch()
        if records or self._due:
            # SQLAlchemy's parameters are cycles that hold all keys a batch asked for. What is young now is little else: it takes no time.
            gc.collect(0)
        self.mark.set("idle")

    def _note_absence(self, error: LogUnavailableError) -> None:
        """Once for each time it goes away, however often it is asked for meanwhile."""
        if not self._away:
            self.journal.tell(events.LogUnavailable(error.sentence))
        self._away = True
        self.mark.refused()
        self.mark.set("idle")
        time.sleep(POLL_SECONDS)

    def _poll(self, subscription: Subscription, seconds: float) -> list[Taken]:
        try:
            return subscription.poll(BATCH_RECORDS, seconds)
        except OffsetGoneError as error:
            # One lost place stops one partition; the supervisor has told it, the others go on.
            self.journal.tell(events.PartitionStopped(f"{error.partition.topic} {error.partition.number}", error.sentence))
            return []

    def _keep_house(self, subscription: Subscription) -> None:
        """Once a second: a newer directory counts; ladders are climbed by whoever reads threats to life, behind nothing else; whoever has
        partitions of movements looks whether any wait to be followed, and whoever has the first one shreds. What time alone brings waits
        for a clock that jumped."""
        if time.monotonic() < self._look_again:
            return
        former, self.pipeline = self.pipeline, self.renew(self.pipeline)
        if self.pipeline.office.rulebook.digest != former.office.rulebook.digest:
            self.journal.tell(events.RulebookChanged(self.pipeline.office.rulebook.digest))
        if self.pipeline.office.snapshot.version != former.office.snapshot.version:
            self.journal.tell(events.DirectoryChanged(self.pipeline.office.snapshot.version))
        self._look_again = time.monotonic() + HOUSE_SECONDS
        self._refuse_to_be_deaf()
        self._look_ahead(())
        self._settle(frozenset())
        if not self._trusts_clock():
            return
        self._due = MOVEMENTS.name in self._realm.inputs and not self.urgent
        if self.urgent:
            self._bring(lambda: note_place(self.log, self.store))
        if self.urgent or self._realm.urgent is None:
            self._bring(self.pipeline.climb_due)
        if Partition(self._realm.first, 0) not in subscription.assigned():
            return
        if self._regaining:
            self._bring(partial(self.pipeline.regain, self.log.identity))
            self._regaining = self.store.ask(relearning.is_regaining)
        self._bring(self.pipeline.end_silences)
        self._bring(self.pipeline.chase_requests)
        self._bring(partial(self.pipeline.settle, None))
        if time.monotonic() >= self._shred_again:
            self._shred_again = time.monotonic() + SHRED_SECONDS
            self._bring(self.pipeline.end_summaries)
            self._bring(self.pipeline.shred_due)

    def _refuse_to_be_deaf(self) -> None:
        """A client that forgot to ask, or a group that gave a partition to nobody, says nothing: who hears nothing asks anew."""
        if self.standstill.lasts():
            self.mark.refused()
        with suppress(RegisterUnavailableError):
            if found := self.standstill.look(self.log, self.store, self._realm.topics(urgent=self.urgent)):
                self.journal.tell(events.RecordsWait(" ".join(found)))
                raise StandstillError(found[0], STANDS_STILL)

    def _trusts_clock(self) -> bool:
        jumped = self._steady.look(self.pipeline.office.clock)
        if jumped is not None:
            self.journal.tell(events.ClockJumped(int(jumped.total_seconds())))
            self._bring_one(self.pipeline.note_jump)
        return self._steady.believed

    def _settle(self, urns: frozenset[str]) -> None:
        """Lets corrections take effect that now can, and those that can because of them; what the register does not take now, later.

        When this begins any that wait: another worker may have been killed before it settled them.
        """
        self._asked |= urns

        newest: set[str] = set()

        def settle() -> Plan | None:
            if not self._swept:
                self._asked |= self.store.ask(chains.list_targets)
                self._swept = True
            # A long chain is gone along, link by link, and not looked through for each.
            for asked in (newest, self._asked):
                plan = self.pipeline.settle(frozenset(asked)) if asked else None
                if plan is not None:
                    self._asked |= plan.chains
                    newest.clear()
                    newest.update(plan.chains)
                    return plan
            return None

        if self._bring(settle):
            self._asked.clear()

    def _follow(self, subscription: Subscription) -> None:
        """One batch of those who moved and were not followed at once: a worker has its part of them, as of the movements' partitions."""
        mine = [partition.number for partition in subscription.assigned() if partition.topic == MOVEMENTS.name]
        ranges = [queries.range_of(number, MOVEMENTS.partitions) for number in sorted(mine)]
        self._due = bool(self._bring_one(partial(self.pipeline.follow_due, ranges)))

    def _bring(self, compute: Callable[[], Plan | None]) -> bool:
        """Writes what is to be done besides what comes in, part by part, until nothing is due; False where the register failed."""
        while brought := self._bring_one(compute):
            pass
        return brought is not None

    def _bring_one(self, compute: Callable[[], Plan | None]) -> bool | None:
        """One part of it: whether any was due; None where the register failed."""
        try:
            if (plan := compute()) is None:
                return False
            self.mark.beat()
            with suppress(ClashError):
                self.pipeline.commit(plan)
        except RegisterUnavailableError as error:
            # It is still due the next time; who was told to end does not ask for each thing that may be due.
            self.journal.tell(events.RegisterUnavailable(error.sentence))
            self.mark.refused()
            if self.store.hurried():
                raise
            return None
        return True

    def _renew_lapsed(self, topic: str, ids: Sequence[bytes]) -> None:
        self.pipeline.commit(self.pipeline.renew_lapsed(topic, ids))

    def _dispatch(self) -> None:
        began = time.perf_counter()
        try:
            if self._dispatcher.run(lambda: self.mark.set("dispatching"), only_urgent=self.urgent):
                self.meter.observe_stages({"dispatch": time.perf_counter() - began})
        except (LogError, RegisterError) as error:
            # What was not appended, or not marked as sent, stays in the outbox and is tried again after the next batch.
            self.journal.tell(events.DispatchFailed(type(error).__name__))
            self.mark.refused()
            if not error.retriable:
                raise

    def _start(self, partition: Partition) -> int:
        start, self._next[partition] = find_start(self.log, self.store, partition)
        return start

    def _take(self, records: Sequence[Taken], subscription: Subscription) -> None:
        self._look_ahead(records)
        for some, compute in self._sort(records):
            if not self._commit(some, compute, subscription):
                # Another worker went ahead: everything polled is read again from where the register stands.
                for partition in {record.partition for record in records}:
                    subscription.rewind(partition)
                return

    def _look_ahead(self, records: Sequence[Taken]) -> None:
        """Movements that the log took and the register does not hold yet, whoever reads them, count in whatever is decided now.

        Those among `records` are taken in first.
        """
        if MOVEMENTS.name not in self._realm.inputs:
            return
        office = self.pipeline.office
        deciding = any(record.partition.topic != MOVEMENTS.name for record in records)
        office.waiting[:] = self._ahead.look(office, records, deciding=deciding)
        if self._ahead.cut:
            self.journal.tell(events.MovementsBehind())

    @property
    def _realm(self) -> Realm:
        return self.pipeline.office.realm

    def _sort(self, records: Sequence[Taken]) -> Iterator[tuple[list[Taken], Compute]]:
        """Movements before reports: what is decided is decided by whereabouts the log had before.

        The compartment's topic holds reports and replies, which are taken in the order in which they lie.
        """
        if self._realm.apart:
            for answers, run in groupby(records, is_reply):
                yield list(run), self.pipeline.take_replies if answers else self.pipeline.take_reports
            return
        reports, replies = ((REPORTS.name, URGENT.name), self.pipeline.take_reports), ((REPLIES.name,), self.pipeline.take_replies)
        # What is answered again after the register was restored must be here again first.
        rest = (reports, replies) if self._regaining else (replies, reports)
        movements = (MOVEMENTS.name,), partial(self.pipeline.take_movements, read_ahead=self._ahead.at_hand, behind=self._ahead.cut)
        for topics, compute in (movements, *rest):
            some = [record for record in records if record.partition.topic in topics]
            if some:
                yield some, compute

    def _commit(self, records: Sequence[Taken], compute: Compute, subscription: Subscription) -> bool:
        """Computes and writes a batch; False where another worker was first. Raises where the register stays out of reach.

        What clashes again is taken in halves: another worker writes about as many persons meanwhile, and fewer of them are in a half.
        """
        advances = self._advances(records)
        for tried in range(TRIES):
            try:
                plan = self._attempt(records, advances, compute)
            except LostPartitionError:
                return False
            except ClashError:
                self.journal.tell(events.BatchAgain(len(records)))
                if tried and len(records) > 1:
                    half = len(records) // 2
                    return all(self._commit(some, compute, subscription) for some in (records[:half], records[half:]))
                continue
            except RegisterUnavailableError as error:
                self.journal.tell(events.RegisterUnavailable(error.sentence))
                self.mark.refused()
                if tried + 1 == TRIES or (tried and self.store.hurried()):
                    raise
                time.sleep(_RETRY_SECONDS * 2**tried)
                continue
            if plan is None:
                return all(self._commit([record], compute, subscription) for record in records)
            self.mark.set("after commit")
            self._settle(frozenset(plan.chains))
            self._next.update({Partition(advance.topic, advance.partition): advance.next for advance in advances})
            self.meter.observe_batch(len(records))
            self.meter.observe_stages(plan.laps)
            self.journal.tell(events.Batch(len(records), dict(plan.change.counts)))
            return True
        return False

    def _attempt(self, records: Sequence[Taken], advances: Sequence[Advance], compute: Compute) -> Plan | None:
        self.mark.set("deciding")
        plan = self._compute(records, advances, compute)
        if plan is not None:
            self.mark.set("before commit")
            try:
                self.pipeline.commit(plan)
            except UnfitRowError as failure:
                plan = self._spare(records, advances, failure)
                if plan is not None:
                    self.pipeline.commit(plan)
        if plan is not None:
            plan.lap("write")
        return plan

    def _compute(self, records: Sequence[Taken], advances: Sequence[Advance], compute: Compute) -> Plan | None:
        """The plan of a batch; None where one record spoils it and each must be taken alone.

        One poisoned record never stops a partition: alone, it is set aside and PAS is told.
        """
        try:
            return compute(records, advances)
        except UnfitRowError as failure:
            return self._spare(records, advances, failure)
        except (RegisterError, LogError):
            raise
        except Exception as failure:
            return self._spare(records, advances, failure)

    def _spare(self, records: Sequence[Taken], advances: Sequence[Advance], failure: Exception) -> Plan | None:
        self.journal.tell(events.BatchFailed(len(records), type(failure).__name__))
        return self.pipeline.set_aside(records[0], advances, type(failure).__name__) if len(records) == 1 else None

    def _advances(self, records: Iterable[Taken]) -> list[Advance]:
        last = {record.partition: record for record in records}
        return [
            Advance(
                self.log.identity,
                partition.topic,
                partition.number,
                self._next[partition],
                record.offset + 1,
                sha256(record.value).digest(),
            )
            for partition, record in last.items()
        ]
