"""One member of a consumer group on the embedded log: which partitions it reads, and from where."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self

from pas_schemas.errors import LogError
from pas_transport.log import OffsetGoneError, Partition, StartAt, Taken
from pas_transport.ownership import Ownership

# While it waits, a member looks for new members and freed partitions this often, and for new records at the other pace.
BALANCE_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 0.001
LONGEST_PAUSE_SECONDS = 0.020


class Source(Protocol):
    """What a subscription needs of the log it reads."""

    def take_from(self, places: Sequence[tuple[Partition, int]], max_records: int) -> tuple[list[Taken], int]: ...
    def sequence(self) -> int: ...


class EmbeddedSubscription:
    """See `Subscription`; a member joins its group with its first `poll`."""

    def __init__(self, log: Source, locks: Path, group: str, topics: Mapping[str, int], start: StartAt) -> None:
        self._log = log
        self._ownership = Ownership(locks, group, topics)
        self._start = start
        self._places: dict[Partition, int] = {}
        self._stopped: set[Partition] = set()
        self._closed = False

    def poll(self, max_records: int, timeout: float) -> list[Taken]:
        deadline = time.monotonic() + timeout
        while True:
            self._settle()
            taken, sequence = self._take(max_records)
            if taken or time.monotonic() >= deadline:
                return taken
            self._await_append(sequence, deadline)

    def assigned(self) -> frozenset[Partition]:
        return self._ownership.held

    def rewind(self, partition: Partition) -> None:
        self._places.pop(partition, None)
        self._stopped.discard(partition)

    def commit(self) -> None:
        for partition, offset in self._places.items():
            self._ownership.note(partition, offset)

    def close(self) -> None:
        self._closed = True
        self._places.clear()
        self._ownership.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _settle(self) -> None:
        """Take and give back partitions; a partition that went and came back is a new assignment."""
        if self._closed:
            raise LogError("The subscription has been closed", "subscribe again")
        held = self._ownership.balance()
        self._places = {partition: offset for partition, offset in self._places.items() if partition in held}
        self._stopped &= held
        for partition in sorted(held - self._places.keys() - self._stopped):
            with self._stopping():
                self._places[partition] = self._start(partition)

    def _take(self, max_records: int) -> tuple[list[Taken], int]:
        with self._stopping():
            taken, sequence = self._log.take_from(sorted(self._places.items()), max_records)
        for record in taken:
            self._places[record.partition] = record.offset + 1
        return taken, sequence

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """A partition whose place is gone is told of once; the others go on."""
        try:
            yield
        except OffsetGoneError as error:
            self._places.pop(error.partition, None)
            self._stopped.add(error.partition)
            raise

    def _await_append(self, sequence: int, deadline: float) -> None:
        """Until something was appended, the deadline, or it is time to balance; asking costs about 10 microseconds."""
        until = min(deadline, time.monotonic() + BALANCE_SECONDS)
        pause = FIRST_PAUSE_SECONDS
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            if self._log.sequence() != sequence:
                return
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
