"""Contract: a group's partitions are each read by one live member, from where its reader says, and groups know nothing of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from contract.processes import Process
from contract.reading import PLAIN, SINGLE, drain, records, until, values
from pas_schemas.errors import RegisterError
from pas_transport.log import Log, OffsetGoneError, Partition, Subscription

ALL = {Partition(PLAIN.name, number) for number in range(3)}
ONE = Partition(SINGLE.name, 0)


class Places:
    """A reader's own positions, and whom it was asked about."""

    def __init__(self) -> None:
        self.next: dict[Partition, int] = {}
        self.asked: list[Partition] = []

    def start(self, partition: Partition) -> int:
        self.asked.append(partition)
        return self.next.get(partition, 0)


def settle(*members: Subscription) -> list[frozenset[Partition]]:
    """Poll the members in turn until every partition has its one reader and each member some."""

    def shared() -> bool:
        for member in members:
            member.poll(1, 0.0)
        mine = [member.assigned() for member in members]
        return all(mine) and sum(map(len, mine)) == len(ALL) and frozenset().union(*mine) == ALL

    until(shared)
    return [member.assigned() for member in members]


def test_every_group_gets_everything(log: Log) -> None:
    log.append(records(PLAIN.name, 30))
    with log.subscribe([PLAIN.name], "one", lambda _: 0) as one, log.subscribe([PLAIN.name], "two", lambda _: 0) as two:
        assert sorted(values(drain(one, 30))) == sorted(values(drain(two, 30))) == sorted(b"%d" % n for n in range(30))


def test_each_partition_comes_in_offset_order_without_gaps(log: Log) -> None:
    log.append(records(PLAIN.name, 100))
    with log.subscribe([PLAIN.name], "readers", lambda _: 0) as reader:
        taken = drain(reader, 100)
    for partition in ALL:
        offsets = [record.offset for record in taken if record.partition == partition]
        assert offsets == list(range(len(offsets)))


def test_poll_gives_no_more_than_asked(log: Log) -> None:
    log.append(records(PLAIN.name, 10))
    sizes: list[int] = []

    def read() -> bool:
        sizes.append(len(reader.poll(3, 0.05)))
        return sum(sizes) == 10

    with log.subscribe([PLAIN.name], "readers", lambda _: 0) as reader:
        until(read)
    assert max(sizes) == 3


def test_poll_without_records_ends_at_its_timeout(log: Log) -> None:
    with log.subscribe([PLAIN.name], "readers", lambda _: 0) as reader:
        assert reader.poll(10, 0.02) == []


def test_poll_wakes_for_what_another_process_appends(log: Log, started: Callable[[], Process]) -> None:
    process = started()
    process.ask("identity")
    with log.subscribe([SINGLE.name], "readers", lambda _: 0) as reader:
        until(lambda: reader.poll(1, 0.0) or reader.assigned())
        process.tell("append", topic=SINGLE.name, names=["news"])
        assert values(reader.poll(10, 60.0)) == [b"news"]
        assert process.answer() == {"appended": 1}


def test_reader_goes_on_where_start_says(log: Log) -> None:
    log.append(records(SINGLE.name, 10))
    with log.subscribe([SINGLE.name], "readers", lambda _: 7) as reader:
        assert values(drain(reader, 3)) == [b"7", b"8", b"9"]


def test_start_is_asked_once_for_each_assignment(log: Log) -> None:
    places = Places()
    log.append(records(PLAIN.name, 6))
    with log.subscribe([PLAIN.name], "readers", places.start) as reader:
        drain(reader, 6)
        reader.poll(1, 0.0)
        assert Counter(places.asked) == Counter(ALL)
    with log.subscribe([PLAIN.name], "readers", places.start) as reader:
        drain(reader, 6)
    assert Counter(places.asked) == Counter([*ALL, *ALL])


def test_rewind_asks_again_and_reads_again(log: Log) -> None:
    places = Places()
    log.append(records(SINGLE.name, 4))
    with log.subscribe([SINGLE.name], "readers", places.start) as reader:
        assert values(drain(reader, 4)) == [b"0", b"1", b"2", b"3"]
        places.next[ONE] = 2
        reader.rewind(ONE)
        assert values(drain(reader, 2)) == [b"2", b"3"]
        assert places.asked == [ONE, ONE]
        reader.rewind(Partition(PLAIN.name, 0))
        assert reader.poll(1, 0.0) == []


def test_error_of_start_reaches_the_reader_and_is_asked_again(log: Log) -> None:
    log.append(records(SINGLE.name, 1))
    answers = iter([RegisterError("the register is away"), RegisterError("still away")])

    def start(_: Partition) -> int:
        for failure in answers:
            raise failure
        return 0

    with log.subscribe([SINGLE.name], "readers", start) as reader:
        for sentence in ("the register is away", "still away"):
            with pytest.raises(RegisterError, match=sentence):
                until(lambda: reader.poll(1, 0.05))
        assert values(drain(reader, 1)) == [b"0"]


@pytest.mark.parametrize("offset", [-1, 5])
def test_place_that_is_not_there_is_never_skipped(log: Log, offset: int) -> None:
    log.append(records(SINGLE.name, 4))
    places = Places()
    places.next[ONE] = offset
    with log.subscribe([SINGLE.name], "readers", places.start) as reader:
        with pytest.raises(OffsetGoneError) as gone:
            until(lambda: reader.poll(1, 0.05))
        assert gone.value.partition == ONE
        places.next[ONE] = 3
        reader.rewind(ONE)
        assert values(drain(reader, 1)) == [b"3"]


@pytest.mark.parametrize("teller", ["engine", "start"])
def test_stopped_partition_is_told_once_and_the_others_go_on(log: Log, teller: str) -> None:
    log.append(records(PLAIN.name, 9))
    stopped = Partition(PLAIN.name, 1)
    told: list[Partition] = []
    seen: list[bytes] = []

    def start(partition: Partition) -> int:
        if partition == stopped and teller == "start":
            raise OffsetGoneError("another record is there", "", partition)
        return 99 if partition == stopped else 0

    def read() -> bool:
        try:
            seen.extend(values(reader.poll(4, 0.02)))
        except OffsetGoneError as gone:
            told.append(gone.partition)
        return len(seen) == 6 and bool(told)

    with log.subscribe([PLAIN.name], "readers", start) as reader:
        until(read)
        read()
        assert told == [stopped]
        assert sorted(seen) == [b"0", b"2", b"3", b"5", b"6", b"8"]
        reader.rewind(stopped)
        until(lambda: read() and len(told) == 2)


def test_commit_moves_no_position(log: Log) -> None:
    log.append(records(SINGLE.name, 3))
    with log.subscribe([SINGLE.name], "readers", lambda _: 0) as reader:
        drain(reader, 3)
        reader.commit()
    with log.subscribe([SINGLE.name], "readers", lambda _: 0) as reader:
        assert values(drain(reader, 3)) == [b"0", b"1", b"2"]


def test_members_share_and_never_overlap(log: Log, opened: Callable[..., Log]) -> None:
    with log.subscribe([PLAIN.name], "readers", lambda _: 0) as one:
        until(lambda: one.poll(1, 0.0) or one.assigned() == ALL)
        with opened().subscribe([PLAIN.name], "readers", lambda _: 0) as two:
            assert sorted(len(mine) for mine in settle(one, two)) == [1, 2]


def test_one_partition_has_one_reader(log: Log) -> None:
    """Two members, and whoever of them is given the partition after the other goes on behind it."""
    log.append(records(SINGLE.name, 1))
    places = Places()
    with log.subscribe([SINGLE.name], "readers", places.start) as one, log.subscribe([SINGLE.name], "readers", places.start) as two:
        seen: list[bytes] = []

        def read() -> int:
            for record in (*one.poll(1, 0.01), *two.poll(1, 0.01)):
                places.next[record.partition] = record.offset + 1
                seen.append(record.value)
            assert not one.assigned() & two.assigned()
            return len(seen)

        until(read)
        for _ in range(5):
            read()
        assert seen == [b"0"]


def test_close_gives_back(log: Log) -> None:
    one = log.subscribe([PLAIN.name], "readers", lambda _: 0)
    with log.subscribe([PLAIN.name], "readers", lambda _: 0) as two:
        settle(one, two)
        one.close()
        one.close()
        until(lambda: two.poll(1, 0.0) or two.assigned() == ALL)
        assert one.assigned() == frozenset()


def test_members_of_two_processes_share(log: Log, started: Callable[[], Process]) -> None:
    other = started()
    other.ask("subscribe", topics=[PLAIN.name], group="readers")
    log.append(records(PLAIN.name, 60))
    theirs: set[Partition] = set()

    def shared() -> bool:
        theirs.clear()
        theirs.update(Partition(*pair) for pair in other.ask("poll")["assigned"])
        mine.poll(1, 0.0)
        return bool(theirs) and bool(mine.assigned()) and not theirs & mine.assigned() and theirs | mine.assigned() == ALL

    with log.subscribe([PLAIN.name], "readers", lambda _: 0) as mine:
        until(shared)


def test_records_are_read_once_while_members_come_and_go(log: Log) -> None:
    """Positions are the readers' own; who holds a partition reads on where the last holder stopped."""
    places = Places()
    log.append(records(PLAIN.name, 300))
    seen: list[bytes] = []

    def read(member: Subscription) -> None:
        for record in member.poll(7, 0.0):
            assert record.offset == places.next.get(record.partition, 0)
            places.next[record.partition] = record.offset + 1
            seen.append(record.value)

    members = [log.subscribe([PLAIN.name], "readers", places.start)]
    turn = 0

    def finished() -> bool:
        nonlocal turn
        # Who leaves a group that is still being made has to wait for the others, and here one thread is all of them.
        if frozenset().union(*(member.assigned() for member in members)) == ALL:
            turn += 1
            if turn % 3 == 0 and len(members) < 4:
                members.append(log.subscribe([PLAIN.name], "readers", places.start))
            elif turn % 4 == 0 and len(members) > 1:
                members.pop(0).close()
        for member in members:
            read(member)
        return len(seen) >= 300

    until(finished)
    for member in members:
        read(member)
        member.close()
    assert sorted(seen) == sorted(b"%d" % n for n in range(300))
    assert len(places.asked) > len(ALL)
