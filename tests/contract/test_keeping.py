"""Contract: what is kept and for how long, what a topic may be, and what becomes of positions when records or topics go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from contract.adapters import Adapter, open_log
from contract.reading import BRIEF, COMPACTED, FILLER, PLAIN, SINGLE, TOPICS, drain, read_all, records, until, values
from pas_schemas.topics import Topic
from pas_transport.log import Log, OffsetGoneError, Outgoing, Partition, Taken, TopicMismatchError

SHORT = Partition(BRIEF.name, 0)
KEYED = Partition(COMPACTED.name, 0)


def expire(adapter: Adapter, log: Log) -> None:
    """Until the engine has let every record of the brief topic go."""

    def gone() -> bool:
        adapter.clean(log)
        return log.starts([BRIEF.name])[SHORT] == log.ends([BRIEF.name])[SHORT]

    until(gone)


def test_old_records_go_and_their_offsets_are_never_used_again(adapter: Adapter, log: Log) -> None:
    log.append(records(BRIEF.name, 5))
    expire(adapter, log)
    assert read_all(log, SHORT) == []
    assert log.ends([BRIEF.name])[SHORT] == 5
    log.append(records(BRIEF.name, 1, first=5))
    assert log.ends([BRIEF.name])[SHORT] == 6


def test_what_is_kept_for_ever_stays(adapter: Adapter, log: Log) -> None:
    log.append([*records(SINGLE.name, 5), *records(BRIEF.name, 5)])
    expire(adapter, log)
    assert len(read_all(log, Partition(SINGLE.name, 0))) == 5


def test_place_in_what_went_is_refused(adapter: Adapter, log: Log) -> None:
    log.append(records(BRIEF.name, 5))
    expire(adapter, log)
    with pytest.raises(OffsetGoneError):
        log.read(SHORT, 4, 1)
    assert log.read(SHORT, 5, 1) == []
    with log.subscribe([BRIEF.name], "readers", lambda _: 2) as reader, pytest.raises(OffsetGoneError):
        until(lambda: reader.poll(1, 0.05))


def test_reader_that_lost_records_under_its_feet_is_told(adapter: Adapter, log: Log) -> None:
    log.append(records(BRIEF.name, 5))
    with log.subscribe([BRIEF.name], "readers", lambda partition: log.starts([BRIEF.name])[partition]) as reader:
        until(lambda: reader.poll(1, 0.0) or reader.assigned())
        expire(adapter, log)
        log.append(records(BRIEF.name, 5))
        expire(adapter, log)
        with pytest.raises(OffsetGoneError):
            until(lambda: reader.poll(1, 0.05))


def test_compaction_keeps_the_last_of_each_key(adapter: Adapter, log: Log) -> None:
    log.append(
        [Outgoing(COMPACTED.name, key, value) for key, value in [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", b"4"), (b"b", b"5")]]
    )

    def ours() -> list[Taken]:
        return [record for record in read_all(log, KEYED) if record.key != FILLER]

    def compacted() -> bool:
        adapter.clean(log)
        return len(ours()) == 3

    until(compacted)
    assert [(record.key, record.value, record.offset) for record in ours()] == [
        (b"a", b"3", 2),
        (b"c", b"4", 3),
        (b"b", b"5", 4),
    ]
    assert log.ends([COMPACTED.name])[KEYED] >= 5
    with log.subscribe([COMPACTED.name], "readers", lambda partition: log.starts([COMPACTED.name])[partition]) as reader:
        assert values(drain(reader, 3))[:3] == [b"3", b"4", b"5"]


def test_nothing_is_compacted_where_it_was_not_declared(adapter: Adapter, log: Log) -> None:
    log.append([Outgoing(SINGLE.name, b"same", b"%d" % n) for n in range(5)])
    adapter.clean(log)
    assert len(read_all(log, Partition(SINGLE.name, 0))) == 5


def test_ensure_again_changes_nothing(log: Log) -> None:
    log.append(records(SINGLE.name, 2))
    log.ensure(TOPICS)
    log.ensure([PLAIN, PLAIN])
    assert len(read_all(log, Partition(SINGLE.name, 0))) == 2


@pytest.mark.parametrize(
    "otherwise",
    [replace(PLAIN, partitions=4), replace(PLAIN, partitions=2), replace(PLAIN, retention_ms=1000), replace(PLAIN, cleanup="compact")],
    ids=["more-partitions", "fewer-partitions", "retention", "cleanup"],
)
def test_topic_otherwise_than_declared_is_refused_and_nothing_is_made(log: Log, otherwise: Topic) -> None:
    new = Topic("contract.new", 1, None, "any", (), ())
    with pytest.raises(TopicMismatchError, match=PLAIN.name):
        log.ensure([new, otherwise])
    assert len(log.ends([PLAIN.name])) == 3
    with pytest.raises(TopicMismatchError):
        log.ends([new.name])


@pytest.mark.parametrize(
    "bad", [replace(PLAIN, name="with space"), replace(PLAIN, name="co:lon"), replace(PLAIN, name="none", partitions=0)]
)
def test_topic_no_engine_can_hold_is_refused(log: Log, bad: Topic) -> None:
    with pytest.raises(TopicMismatchError):
        log.ensure([bad])


def test_log_made_anew_never_passes_for_the_old_one(adapter: Adapter, opened: Callable[..., Log]) -> None:
    with open_log(adapter.spec) as old:
        old.ensure(TOPICS)
        old.append(records(SINGLE.name, 5))
        [last] = old.read(Partition(SINGLE.name, 0), 4, 1)
    adapter.make_anew()
    new = opened()
    new.ensure(TOPICS)
    with pytest.raises(OffsetGoneError):
        new.read(last.partition, last.offset, 1)
    with new.subscribe([SINGLE.name], "readers", lambda _: last.offset + 1) as reader, pytest.raises(OffsetGoneError):
        until(lambda: reader.poll(1, 0.05))
    new.append(records(SINGLE.name, 6, first=100))
    assert new.read(last.partition, last.offset, 1)[0].value != last.value
