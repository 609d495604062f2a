"""Contract: what is appended is there, in order, once, as it was given, or the caller is told which records are not."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from contract.adapters import Adapter
from contract.processes import Process
from contract.reading import PLAIN, SINGLE, held, key, read_all, records, values
from pas_schemas.topics import MAX_RECORD_BYTES
from pas_transport.log import AppendError, Log, OffsetGoneError, Outgoing, Partition, RecordRefusedError, TopicMismatchError

ONE = Partition(SINGLE.name, 0)


def test_offsets_follow_the_order_of_appending(log: Log) -> None:
    log.append(records(SINGLE.name, 3))
    log.append(records(SINGLE.name, 2, first=3))
    taken = read_all(log, ONE)
    assert [record.offset for record in taken] == [0, 1, 2, 3, 4]
    assert values(taken) == [b"0", b"1", b"2", b"3", b"4"]


def test_key_chooses_the_partition(log: Log) -> None:
    log.append(records(PLAIN.name, 7))
    assert {p.number: values(taken) for p, taken in held(log, PLAIN.name).items()} == {
        0: [b"0", b"3", b"6"],
        1: [b"1", b"4"],
        2: [b"2", b"5"],
    }


def test_partition_given_overrides_the_key(log: Log) -> None:
    log.append([Outgoing(PLAIN.name, key(0), b"here", partition=2)])
    assert values(log.read(Partition(PLAIN.name, 2), 0, 10)) == [b"here"]


def test_short_and_empty_keys_have_a_partition(log: Log) -> None:
    log.append([Outgoing(PLAIN.name, b"", b"a"), Outgoing(PLAIN.name, b"\x05", b"b")])
    assert {p.number: values(taken) for p, taken in held(log, PLAIN.name).items()} == {0: [b"a"], 1: [], 2: [b"b"]}


def test_bytes_come_back_as_they_went(log: Log) -> None:
    chance = random.Random(3)
    sent = [(chance.randbytes(chance.randrange(40)), chance.randbytes(chance.randrange(3000))) for _ in range(200)]
    log.append([Outgoing(SINGLE.name, key, value) for key, value in sent])
    assert [(record.key, record.value) for record in read_all(log, ONE)] == sent


def test_records_of_several_topics_go_in_one_call(log: Log) -> None:
    log.append([Outgoing(PLAIN.name, key(1), b"a"), Outgoing(SINGLE.name, key(1), b"b")])
    assert log.ends([PLAIN.name, SINGLE.name])[Partition(PLAIN.name, 1)] == 1
    assert values(read_all(log, ONE)) == [b"b"]


def test_nothing_to_append_is_nothing_done(log: Log) -> None:
    log.append([])
    assert set(log.ends([PLAIN.name]).values()) == {0}


def test_time_is_the_logs_own_and_never_goes_back(log: Log) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    for n in range(20):
        log.append(records(SINGLE.name, 1, first=n))
    times = [record.at for record in read_all(log, ONE)]
    assert times == sorted(times)
    assert before <= times[0]
    assert times[-1] <= datetime.now(UTC)


def test_shift_moves_every_time_told(log: Log, opened: Callable[..., Log]) -> None:
    log.append(records(SINGLE.name, 1))
    [there] = read_all(log, ONE)
    [shifted] = read_all(opened(shift_ms=-86_400_000), ONE)
    assert there.at - shifted.at == timedelta(days=1)


def test_too_large_a_record_is_named_and_nothing_of_the_call_is_stored(log: Log) -> None:
    large = Outgoing(SINGLE.name, b"k", bytes(MAX_RECORD_BYTES))
    with pytest.raises(RecordRefusedError) as refused:
        log.append([*records(SINGLE.name, 2), large, *records(SINGLE.name, 1), large])
    assert refused.value.failed == (2, 4)
    assert isinstance(refused.value, AppendError)
    assert not refused.value.retriable
    assert read_all(log, ONE) == []


def test_largest_record_that_is_allowed_comes_back(log: Log) -> None:
    log.append([Outgoing(SINGLE.name, b"k", bytes(MAX_RECORD_BYTES - 1))] * 3)
    assert [len(record.value) for record in read_all(log, ONE)] == [MAX_RECORD_BYTES - 1] * 3


@pytest.mark.parametrize("number", [-1, PLAIN.partitions])
def test_partition_there_is_not_is_named_and_nothing_is_stored(log: Log, number: int) -> None:
    with pytest.raises(RecordRefusedError) as refused:
        log.append([*records(PLAIN.name, 1), Outgoing(PLAIN.name, key(0), b"lost", partition=number)])
    assert refused.value.failed == (1,)
    assert set(log.ends([PLAIN.name]).values()) == {0}


def test_undeclared_topic_is_refused_everywhere(log: Log) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: log.append([*records(SINGLE.name, 1), *records("contract.unknown", 1)]),
        lambda: log.subscribe(["contract.unknown"], "readers", lambda _: 0),
        lambda: log.ends(["contract.unknown"]),
        lambda: log.starts(["contract.unknown"]),
        lambda: log.read(Partition("contract.unknown", 0), 0, 1),
        lambda: log.read(Partition(SINGLE.name, 1), 0, 1),
    ]
    for attempt in attempts:
        with pytest.raises(TopicMismatchError):
            attempt()
    assert read_all(log, ONE) == []


def test_reading_is_bounded_and_goes_on_where_it_stopped(log: Log) -> None:
    log.append(records(SINGLE.name, 5))
    assert values(log.read(ONE, 1, 2)) == [b"1", b"2"]
    assert values(log.read(ONE, 3, 10)) == [b"3", b"4"]
    assert log.read(ONE, 5, 10) == []


@pytest.mark.parametrize("offset", [-1, 6, 2**70])
def test_reading_where_nothing_ever_was_is_refused(log: Log, offset: int) -> None:
    log.append(records(SINGLE.name, 5))
    with pytest.raises(OffsetGoneError) as gone:
        log.read(ONE, offset, 1)
    assert gone.value.partition == ONE


def test_ends_and_starts_name_every_partition(log: Log) -> None:
    log.append(records(PLAIN.name, 4))
    assert {p.number: end for p, end in log.ends([PLAIN.name]).items()} == {0: 2, 1: 1, 2: 1}
    assert {p.number: first for p, first in log.starts([PLAIN.name]).items()} == {0: 0, 1: 0, 2: 0}


def test_no_value_shows_in_a_repr(log: Log) -> None:
    sent = Outgoing(SINGLE.name, b"k", b"canary")
    log.append([sent])
    assert "canary" not in repr(sent) + repr(read_all(log, ONE))


def test_several_processes_append_and_nothing_is_lost_or_doubled(log: Log, started: Callable[[], Process]) -> None:
    names = ["a", "b", "c", "d"]
    appenders = [started() for _ in names]
    for name, process in zip(names, appenders, strict=True):
        process.tell("append-many", topic=PLAIN.name, name=name, count=300, batch=10)
    assert [process.answer() for process in appenders] == [{"appended": 300}] * 4
    there = held(log, PLAIN.name)
    for taken in there.values():
        assert [record.offset for record in taken] == list(range(len(taken)))
        for name in names:
            numbers = [int(value.split(b".")[1]) for value in values(taken) if value.startswith(name.encode())]
            assert numbers == sorted(numbers)
    everything = [value.decode() for taken in there.values() for value in values(taken)]
    assert sorted(everything) == sorted(f"{name}.{n}" for name in names for n in range(300))


def test_identity_is_the_logs_and_no_others(adapter: Adapter, log: Log, opened: Callable[..., Log], started: Callable[[], Process]) -> None:
    assert log.identity
    assert opened().identity == log.identity
    assert started().ask("identity") == {"identity": log.identity}
