"""What lies in the offices' topics, read from the log with each office's own keys and with nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pas_consumers import Delivery, RefusedDeliveryError
from pas_consumers.checking import Checker
from pas_schemas.errors import CodecError, SealError
from pas_schemas.topics import deliveries
from pas_transport.log import Log, Partition, Taken
from pas_transport.workspace import Workspace

READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """A record of an office's topic, opened and checked word for word as that office would."""

    taken: Taken = field(repr=False)
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Post:
    """Every office's letters in the log's order; `unopened` are records that their own office could not open."""

    letters: Mapping[str, tuple[Letter, ...]]
    unopened: tuple[Taken, ...] = field(repr=False)

    @property
    def count(self) -> int:
        return sum(len(letters) for letters in self.letters.values())


def read_topic(log: Log, topics: Iterable[str]) -> Iterator[Taken]:
    """Every record that the log still holds of these topics, partition by partition."""
    names = list(topics)
    starts = log.starts(names)
    for partition, end in sorted(log.ends(names).items()):
        yield from _read_partition(log, partition, starts[partition], end)


def _read_partition(log: Log, partition: Partition, at: int, end: int) -> Iterator[Taken]:
    while at < end:
        records = log.read(partition, at, READ_AT_ONCE)
        if not records:
            return
        yield from records
        at = records[-1].offset + 1


def read_post(workspace: Workspace, log: Log) -> Post:
    """Opens every record of every office's topic with that office's own keys."""
    topics = {deliveries(office).name: office for office in workspace.held_offices()}
    records: dict[str, list[Taken]] = {}
    for taken in read_topic(log, topics):
        records.setdefault(topics[taken.partition.topic], []).append(taken)
    snapshot = workspace.directory()
    letters: dict[str, tuple[Letter, ...]] = {}
    unopened: list[Taken] = []
    for office, found in sorted(records.items()):
        checker = Checker(office, snapshot, workspace.keyring(office).opening())
        opened = [_open(checker, taken, unopened) for taken in found]
        letters[office] = tuple(letter for letter in opened if letter is not None)
    return Post(letters, tuple(unopened))


def _open(checker: Checker, taken: Taken, unopened: list[Taken]) -> Letter | None:
    try:
        return Letter(taken, checker.check(taken).delivery)
    except (SealError, CodecError, RefusedDeliveryError):
        unopened.append(taken)
        return None
