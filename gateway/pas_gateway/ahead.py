"""Movements that the log holds and the register does not yet: what is decided now counts them already (ADR 0025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pas_gateway.feed import Believed, Moved
from pas_gateway.office import PasOffice
from pas_gateway.policy.whereabouts import Row
from pas_gateway.register import Store, queries
from pas_gateway.stages import Submitted
from pas_gateway.verify import verify_movement
from pas_schemas.topics import MOVEMENTS
from pas_transport.log import Log, Partition, Taken

_READ_AT_ONCE = 1000


@dataclass
class _Part:
    """What was read of a partition: what is believed from `since` on, by its offsets, up to `next`."""

    since: int = 0
    next: int = 0
    found: dict[int, Believed] = field(default_factory=dict, repr=False)

    def go_on(self, since: int, end: int) -> None:
        """Forgets what lies before `since`; everything, where the register or the topic went back."""
        if since < self.since or self.next > end:
            self.found, self.next = {}, since
        self.found = {offset: one for offset, one in self.found.items() if offset >= since}
        self.since, self.next = since, max(since, self.next)


@dataclass
class Ahead:
    """Reads on from where the register stands, each record once.

    `most` bounds what is read ahead: a whole estate brought in anew must not keep a threat to life waiting. Where the log holds more,
    `cut` is true, and what is decided too early is decided again when the movement is taken in. Without a `store` the register is empty.
    """

    log: Log = field(repr=False)
    store: Store | None = field(repr=False)
    most: int | None = None
    cut: bool = False
    at_hand: dict[tuple[Partition, int], Believed] = field(default_factory=dict, repr=False)
    _parts: dict[Partition, _Part] = field(default_factory=dict, repr=False)
    _verified_by: tuple[int, str] = (0, "")

    def look(self, office: PasOffice, records: Sequence[Taken] = (), *, deciding: bool = True) -> list[Row]:
        """The rows that wait, in whichever order, those in `records` left out: what was read of them is `at_hand` until the next look.

        Where nothing is about to be decided that cannot wait (`deciding`), and the log holds more than `most`, nothing more is read.
        Raises LogError and RegisterError.
        """
        # The positions first: what the register takes in meanwhile is told twice then, which makes one row.
        positions: Mapping[tuple[str, int], int] = {}
        if self.store is not None:
            positions = self.store.ask(lambda register: queries.list_positions(register, self.log.identity))
        taken = {record.partition: record.offset + 1 for record in records}
        self.cut = False
        self._forget_where_changed(office)
        places = [(record.partition, record.offset) for record in records if record.partition in self._parts]
        self.at_hand = {place: one for place in places if (one := self._parts[place[0]].found.get(place[1])) is not None}
        ends = self.log.ends([MOVEMENTS.name])
        for partition, end in ends.items():
            part = self._parts.setdefault(partition, _Part())
            part.go_on(max(positions.get((partition.topic, partition.number), 0), taken.get(partition, 0)), end)
        share = self._share(ends)
        for partition, until in share.items() if deciding or not self.cut else ():
            self._read(partition, self._parts[partition], until, office)
        return [one.moved.row for partition in ends for one in self._parts[partition].found.values()]

    def _forget_where_changed(self, office: PasOffice) -> None:
        """What was verified by another edition of the directory, or another rulebook, is verified anew."""
        by = (office.snapshot.version, office.rulebook.digest)
        if by != self._verified_by:
            self._parts.clear()
        self._verified_by = by

    def _share(self, ends: Mapping[Partition, int]) -> dict[Partition, int]:
        """Until where each partition is read: of `most` in all each has an equal share, and what one does not need the others have."""
        if self.most is None:
            return dict(ends)
        until: dict[Partition, int] = {}
        left = self.most
        by_size = sorted(ends, key=lambda partition: ends[partition] - self._parts[partition].since)
        for place, partition in enumerate(by_size):
            since = self._parts[partition].since
            until[partition] = min(ends[partition], since + left // (len(by_size) - place))
            left -= max(until[partition] - since, 0)
            self.cut |= until[partition] < ends[partition]
        return until

    def _read(self, partition: Partition, part: _Part, until: int, office: PasOffice) -> None:
        if part.next >= until:
            return
        part.next = max(part.next, self.log.starts([partition.topic])[partition])
        while part.next < until and (records := self.log.read(partition, part.next, min(_READ_AT_ONCE, until - part.next))):
            for taken in records:
                one = verify_movement(Submitted(taken), office)
                if isinstance(one, Moved):
                    part.found[taken.offset] = Believed.of(taken, one)
            part.next = records[-1].offset + 1
