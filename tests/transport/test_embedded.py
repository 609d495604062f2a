"""What only the embedded log promises: order over partitions, whole batches, its own clock, bounded answers, threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pas_schemas.clock import from_ms, to_ms
from pas_schemas.errors import LogError
from pas_schemas.topics import MAX_RECORD_BYTES, Topic
from pas_transport.embedded import MAX_ANSWER_BYTES, EmbeddedLog
from pas_transport.log import Outgoing, Partition

WIDE = Topic("t.wide", 4, 1000, "any", (), ())
LATEST = Topic("t.latest", 1, None, "any", (), (), cleanup="compact")
Open = Callable[..., EmbeddedLog]


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def opened(tmp_path: Path, hands: Hands) -> Iterator[Open]:
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(EmbeddedLog(tmp_path / "log.db", now_ms=hands, **options))


@pytest.fixture
def log(opened: Open) -> EmbeddedLog:
    log = opened()
    log.ensure([WIDE, LATEST])
    return log


def spread(*numbers: int) -> list[Outgoing]:
    return [Outgoing(WIDE.name, b"k", f"{n}".encode(), partition=number) for n, number in enumerate(numbers)]


def times(log: EmbeddedLog, number: int = 0) -> list[int]:
    return [to_ms(record.at) for record in log.read(Partition(WIDE.name, number), 0, 100)]


def test_partitions_are_read_in_the_order_of_appending(log: EmbeddedLog) -> None:
    log.append(spread(3, 0, 2, 0, 1, 3))
    log.append([Outgoing(WIDE.name, b"k", b"6", partition=0), Outgoing(LATEST.name, b"k", b"7")])
    with log.subscribe([WIDE.name, LATEST.name], "g", lambda _: 0) as reader:
        seen = [record.value for _ in range(3) for record in reader.poll(3, 0.0)]
    assert seen == [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"]


def test_clock_set_back_never_shows_in_the_log(log: EmbeddedLog, hands: Hands, opened: Open) -> None:
    log.append(spread(0))
    hands.ms -= 500
    log.append(spread(0))
    opened().append(spread(0))
    hands.ms += 501
    log.append(spread(0))
    assert times(log) == [1_000_000, 1_000_000, 1_000_000, 1_000_001]


def test_clock_set_back_is_remembered_when_every_record_is_gone(log: EmbeddedLog, hands: Hands) -> None:
    log.append(spread(0))
    hands.ms += 1001
    assert log.trim() == 1
    hands.ms = 0
    log.append(spread(0))
    [record] = log.read(Partition(WIDE.name, 0), 1, 1)
    assert to_ms(record.at) == 1_000_000


def test_shift_is_told_and_never_stored(log: EmbeddedLog, opened: Open) -> None:
    shifted = opened(shift_ms=-400_000)
    shifted.append(spread(0))
    assert shifted.read(Partition(WIDE.name, 0), 0, 1)[0].at == from_ms(600_000)
    assert times(log) == [1_000_000]


def test_retention_counts_from_each_record_s_append(log: EmbeddedLog, hands: Hands) -> None:
    log.append(spread(0, 1))
    hands.ms += 600
    log.append(spread(0))
    hands.ms += 401
    assert log.trim() == 2
    assert log.starts([WIDE.name]) == {
        Partition(WIDE.name, 0): 1,
        Partition(WIDE.name, 1): 1,
        Partition(WIDE.name, 2): 0,
        Partition(WIDE.name, 3): 0,
    }
    assert log.trim() == 0


def test_more_old_records_than_one_transaction_takes_all_go(log: EmbeddedLog, hands: Hands) -> None:
    log.append(spread(*[n % 4 for n in range(4500)]))
    hands.ms += 1001
    assert log.trim() == 4500
    assert log.starts([WIDE.name]) == log.ends([WIDE.name])


def test_appending_lets_old_records_go(hands: Hands, opened: Open) -> None:
    log = opened(trim_seconds=0.0)
    log.ensure([WIDE, LATEST])
    log.append([*spread(0, 1), *[Outgoing(LATEST.name, b"same", b"%d" % n) for n in range(3)]])
    hands.ms += 1001
    log.append(spread(0))
    assert log.starts([WIDE.name])[Partition(WIDE.name, 0)] == 1
    assert [record.value for record in log.read(Partition(LATEST.name, 0), 0, 10)] == [b"2"]


def test_answer_is_bounded_in_bytes_and_nothing_is_left_out(log: EmbeddedLog) -> None:
    value = bytes(MAX_RECORD_BYTES - 1)
    count = MAX_ANSWER_BYTES // len(value) + 3
    log.append([Outgoing(WIDE.name, b"k", value, partition=n % 2) for n in range(count)])
    with log.subscribe([WIDE.name], "g", lambda _: 0) as reader:
        first, second = reader.poll(1000, 0.0), reader.poll(1000, 0.0)
    assert sum(len(record.value) for record in first) <= MAX_ANSWER_BYTES
    assert len(first) + len(second) == count


def test_commit_is_seen_by_whoever_asks_how_far_a_group_is(log: EmbeddedLog, opened: Open) -> None:
    log.append(spread(0, 0, 1))
    with log.subscribe([WIDE.name], "a group", lambda _: 0) as reader:
        reader.poll(100, 0.0)
        reader.commit()
        assert opened().progress("a group") == {Partition(WIDE.name, n): place for n, place in enumerate([2, 1, 0, 0])}
    assert log.progress("nobody") == {}


def test_one_log_serves_several_threads(log: EmbeddedLog) -> None:
    """One thread waits for records while others append through the same connection."""
    seen: list[bytes] = []

    def read() -> None:
        with log.subscribe([WIDE.name], "g", lambda _: 0) as reader:
            while len(seen) < 400:
                seen.extend(record.value for record in reader.poll(50, 1.0))

    def write(number: int) -> None:
        for n in range(10):
            log.append([Outgoing(WIDE.name, b"k", b"%d.%d" % (number, 10 * n + m), partition=number) for m in range(10)])

    threads = [threading.Thread(target=read), *[threading.Thread(target=write, args=(n,)) for n in range(4)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(seen) == sorted(b"%d.%d" % (n, m) for n in range(4) for m in range(100))


def test_closed_log_and_subscription_say_so(tmp_path: Path) -> None:
    log = EmbeddedLog(tmp_path / "log.db")
    log.ensure([WIDE])
    reader = log.subscribe([WIDE.name], "g", lambda _: 0)
    reader.close()
    with pytest.raises(LogError, match="subscription has been closed"):
        reader.poll(1, 0.0)
    log.close()
    log.close()
    with pytest.raises(LogError, match="log has been closed"):
        log.append(spread(0))


def test_many_topics_are_made_in_one_go(log: EmbeddedLog) -> None:
    many = [Topic(f"t.office.{n}", 2, 1000, "any", (), ()) for n in range(500)]
    log.ensure(many)
    log.ensure(many)
    assert len(log.ends(topic.name for topic in many)) == 1000
