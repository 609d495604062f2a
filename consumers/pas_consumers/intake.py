"""Taking what waits: one pass over an office's topic, threats to life first, each batch judged outside and stored in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from pas_consumers.checking import Checked, Checker
from pas_consumers.delivery import Delivery
from pas_consumers.errors import PartitionStoppedError, RefusedDeliveryError
from pas_consumers.records import Judged, Position, SetAside
from pas_consumers.store import Receipt, Store
from pas_schemas.errors import CodecError, SealError
from pas_schemas.sealing.framing import frame
from pas_schemas.topics import ROUTINE_PARTITION, URGENT_PARTITION
from pas_transport.log import Log, OffsetGoneError, Partition, Taken

# Small enough that a threat to life which comes meanwhile waits for one short batch and no more.
BATCH_RECORDS = 200
# Of what is set aside, as much is looked at again in each pass.
AGAIN_RECORDS = 200
STOPPED_HINT = "see log_path or bootstrap; if that is right tell PAS, and then `pas inbox accept-topic`"


@dataclass(frozen=True, slots=True)
class Gap:
    """Deliveries of one report that have not come, though later ones have."""

    urn: str = field(repr=False)
    missing: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Intake:
    """What one pass brought; `repeated` counts deliveries that were there already."""

    new: tuple[Delivery, ...]
    repeated: int
    aside: tuple[SetAside, ...]
    gaps: tuple[Gap, ...]
    stopped: tuple[PartitionStoppedError, ...]


class Taking:
    """One pass; it ends when both partitions are at their end, or stopped."""

    def __init__(self, log: Log, topic: str, store: Store, checker: Checker, receipt: Receipt) -> None:
        self._log = log
        self._topic = topic
        self._store = store
        self._checker = checker
        self._receipt = receipt
        self._next: dict[int, int] = {}
        self._before: dict[int, Position | None] = {}
        self._new: list[Delivery] = []
        self._repeated = 0
        self._aside: list[SetAside] = []
        self._stopped: list[PartitionStoppedError] = []

    def run(self, after_batch: Callable[[], object]) -> Intake:
        """Takes everything; `after_batch` runs once each batch is durable. Raises a LogError or InboxError."""
        for number in (URGENT_PARTITION, ROUTINE_PARTITION):
            self._find_place(number)
        self._try_again()
        while batch := self._read():
            self._keep(batch)
            after_batch()
        return Intake(tuple(self._new), self._repeated, tuple(self._aside), self._gaps(), tuple(self._stopped))

    def accept(self) -> int:
        """Has every partition that is stopped read from its first record; how many that are. What is here already is taken once."""
        accepted = 0
        for number in (URGENT_PARTITION, ROUTINE_PARTITION):
            self._find_place(number)
            position = self._before[number]
            if number not in self._next and position is not None:
                accepted += self._store.forget(number, position)
        return accepted

    def _read(self) -> list[Taken]:
        """The next records of the first partition that has any: the first is always asked first."""
        for number in sorted(self._next):
            try:
                batch = self._log.read(Partition(self._topic, number), self._next[number], BATCH_RECORDS)
            except OffsetGoneError:
                self._stop(number, "what follows the last delivery taken is no longer in the log")
                continue
            if batch:
                return batch
        return []

    def _keep(self, batch: list[Taken]) -> None:
        number = batch[-1].partition.number
        after = position_at(self._log.identity, batch[-1])
        judged = [self._judge(taken) for taken in batch]
        stored = self._store.keep(number, self._before[number], judged, after, self._receipt)
        if stored is None:
            # Another process of this office was faster: what it stored is here, and we go on where it stopped.
            self._find_place(number)
            return
        self._before[number], self._next[number] = after, after.offset + 1
        self._new += stored.new
        self._aside += stored.aside
        self._repeated += stored.repeated

    def _try_again(self) -> None:
        """What was set aside under an older directory, say, may pass today."""
        for number, taken in self._store.aside_again(self._topic, AGAIN_RECORDS):
            found = self._judge(taken).found
            if isinstance(found, Checked):
                readmitted = self._store.readmit(number, found, self._receipt)
                self._new += [readmitted] if readmitted else []

    def _judge(self, taken: Taken) -> Judged:
        try:
            return Judged(taken, self._checker.check(taken))
        except RefusedDeliveryError as refused:
            return Judged(taken, refused)
        except (SealError, CodecError) as failure:
            reason = getattr(failure, "reason", "schema")
            return Judged(taken, RefusedDeliveryError(reason, failure.sentence, failure.hint))

    def _find_place(self, number: int) -> None:
        """Where to go on in a partition, once the record taken last has been found again; else the partition stops."""
        position = self._store.position(number)
        self._next.pop(number, None)
        self._before[number] = position
        first = self._log.starts([self._topic])[Partition(self._topic, number)]
        if position is None:
            self._next[number] = first
        elif position.log != self._log.identity:
            self._stop(number, "this is another log than the one read before")
        elif position.offset + 1 < first:
            self._stop(number, "deliveries passed their retention before they were taken")
        elif position.offset + 1 == first or self._is_there(number, position):
            # The last record taken may itself be past its retention: what follows it is all there.
            self._next[number] = position.offset + 1
        else:
            self._stop(number, "the delivery taken last is no longer where it was")

    def _is_there(self, number: int, position: Position) -> bool:
        try:
            found = self._log.read(Partition(self._topic, number), position.offset, 1)
        except OffsetGoneError:
            return False
        return bool(found) and position_at(self._log.identity, found[0]) == position

    def _stop(self, number: int, why: str) -> None:
        self._next.pop(number, None)
        sentence = f"Nothing is taken from {self._topic}-{number}: {why}."
        self._stopped.append(PartitionStoppedError(sentence, STOPPED_HINT))

    def _gaps(self) -> tuple[Gap, ...]:
        """Among the reports of which something came: which deliveries are missing before the last one that is here."""
        gaps: list[Gap] = []
        for handle, urn in sorted({delivery.handle: delivery.urn for delivery in self._new}.items()):
            numbers = self._store.numbers(handle)
            missing = tuple(sorted(set(range(1, numbers[-1])) - set(numbers)))
            if missing:
                gaps.append(Gap(urn, missing))
        return tuple(gaps)


def position_at(log: str, taken: Taken) -> Position:
    """The position whose last record this is."""
    return Position(log, taken.offset, sha256(frame(taken.key, taken.value)).digest())
