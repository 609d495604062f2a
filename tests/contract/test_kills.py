"""Contract: SIGKILL of a reader frees its partitions, and of an appender loses and doubles nothing that was acknowledged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from contract.processes import Process
from contract.reading import PLAIN, drain, held, records, until, values
from pas_transport.log import Log, Partition

ALL = {Partition(PLAIN.name, number) for number in range(3)}
BATCH = 20


def test_killed_owner_frees_its_partitions(log: Log, started: Callable[[], Process]) -> None:
    owner = started()
    owner.ask("subscribe", topics=[PLAIN.name], group="readers")
    until(lambda: {Partition(*pair) for pair in owner.ask("poll")["assigned"]} == ALL)
    log.append(records(PLAIN.name, 9))
    with log.subscribe([PLAIN.name], "readers", lambda _: 0) as heir:
        assert heir.poll(1, 0.0) == []
        owner.kill()
        seen = drain(heir, 9)
        assert heir.assigned() == ALL
    assert sorted(values(seen)) == sorted(b"%d" % n for n in range(9))


def test_killed_member_among_several_leaves_no_partition_unread(log: Log, started: Callable[[], Process]) -> None:
    members = [started() for _ in range(3)]
    for member in members:
        member.ask("subscribe", topics=[PLAIN.name], group="readers")

    def shared() -> bool:
        mine = [{Partition(*pair) for pair in member.ask("poll")["assigned"]} for member in members]
        return all(mine) and set().union(*mine) == ALL and sum(map(len, mine)) == len(ALL)

    until(shared)
    members.pop(1).kill()
    until(shared)


def test_killed_appender_loses_and_doubles_nothing_acknowledged(log: Log, started: Callable[[], Process]) -> None:
    acknowledged: dict[str, int] = {}
    for life in range(6):
        process = started()
        process.tell("flood", topic=PLAIN.name, name=f"life{life}", batch=BATCH)
        for _ in range(1 + 3 * life):
            acknowledged[f"life{life}"] = process.answer()["acknowledged"]
        for late in process.kill():
            acknowledged[f"life{life}"] = late["acknowledged"]
    found = Counter(value.decode() for taken in held(log, PLAIN.name).values() for value in values(taken))
    assert max(found.values()) == 1
    for name, count in acknowledged.items():
        there = {value for value in found if value.startswith(f"{name}.")}
        assert {f"{name}.{n}" for n in range(count)} <= there
        assert there <= {f"{name}.{n}" for n in range(count + BATCH)}
    log.append(records(PLAIN.name, 3))


def test_answers_that_were_read_ahead_are_counted(started: Callable[[], Process]) -> None:
    """What an appender had acknowledged when it died hangs on it: several answers may have come with the first."""
    process = started()
    for _ in range(3):
        process.tell("append", topic=PLAIN.name, names=["one"])
    process.finish()
    assert [process.answer(), *process.kill()] == [{"appended": 1}] * 3


def test_offsets_stay_whole_after_kills(log: Log, started: Callable[[], Process]) -> None:
    for life in range(3):
        process = started()
        process.tell("flood", topic=PLAIN.name, name=f"life{life}", batch=BATCH)
        process.answer()
        process.kill()
    ends = log.ends([PLAIN.name])
    for partition, taken in held(log, PLAIN.name).items():
        assert [record.offset for record in taken] == list(range(ends[partition]))
