"""Who reads which partition: the shares every member works out alone, and the locks that hold them to it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pas_schemas.errors import LogError
from pas_schemas.topics import Topic
from pas_transport.embedded import EmbeddedLog
from pas_transport.log import Outgoing, Partition
from pas_transport.ownership import Ownership, share

TOPICS = {"a": 3, "b": 1, "c": 2}
ALL = {Partition(topic, number) for topic, count in TOPICS.items() for number in range(count)}
MEMBERS = st.lists(st.sets(st.sampled_from(sorted(TOPICS)), min_size=1), min_size=1, max_size=7)


@given(MEMBERS, st.randoms())
def test_every_partition_somebody_reads_has_one_owner_who_reads_it(wishes: list[set[str]], chance: object) -> None:
    members = [(f"m{n}", {topic: TOPICS[topic] for topic in topics}) for n, topics in enumerate(wishes)]
    owners = share(members)
    assert set(owners) == {partition for partition in ALL if any(partition.topic in topics for topics in wishes)}
    assert all(partition.topic in dict(members)[owner] for partition, owner in owners.items())
    assert share(members[::-1]) == owners


@given(st.integers(1, 9))
def test_like_members_differ_by_one_at_most(count: int) -> None:
    load = Counter(share([(f"m{n}", TOPICS) for n in range(count)]).values())
    loads = [load[f"m{n}"] for n in range(count)]
    assert max(loads) - min(loads) <= 1
    assert sum(loads) == len(ALL)


def settle(*members: Ownership) -> list[int]:
    for _ in range(3):
        for member in members:
            member.balance()
    return [len(member.held) for member in members]


def test_members_share_within_three_rounds_and_take_over_at_once(tmp_path: Path) -> None:
    one, two, three = (Ownership(tmp_path, "g", TOPICS) for _ in range(3))
    assert settle(one) == [6]
    assert settle(one, two) == [3, 3]
    assert settle(one, two, three) == [2, 2, 2]
    assert one.held | two.held | three.held == ALL
    two.leave()
    assert settle(one, three) == [3, 3]
    one.leave()
    assert three.balance() == ALL
    three.leave()
    assert os.listdir(tmp_path / "group-g" / "members") == []


def test_groups_with_awkward_names_stay_apart(tmp_path: Path) -> None:
    members = [Ownership(tmp_path, group, TOPICS) for group in ("..", ".", "a/b", "members", "opening", "")]
    assert [len(member.balance()) for member in members] == [6] * 6
    assert all(path.is_relative_to(tmp_path) for path in tmp_path.rglob("*"))
    for member in members:
        member.leave()


def test_member_nobody_refers_to_any_more_frees_its_share(tmp_path: Path) -> None:
    lost = Ownership(tmp_path, "g", TOPICS)
    lost.balance()
    heir = Ownership(tmp_path, "g", TOPICS)
    assert len(heir.balance()) == 0
    del lost
    assert heir.balance() == ALL
    assert len(os.listdir(tmp_path / "group-g" / "members")) == 1
    heir.leave()


def test_lock_file_that_was_removed_protects_nobody(tmp_path: Path) -> None:
    member = Ownership(tmp_path, "g", {"a": 1})
    member.balance()
    (tmp_path / "group-g" / "a.0").unlink()
    assert member.balance() == {Partition("a", 0)}
    assert (tmp_path / "group-g" / "a.0").exists()
    member.leave()


def test_foreign_files_among_the_members_are_not_members(tmp_path: Path) -> None:
    folder = tmp_path / "group-g" / "members"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("hello")
    (folder / f".00000001-{'0' * 16}").touch()
    (folder / f"00000007-{'0' * 16}").touch()
    member = Ownership(tmp_path, "g", TOPICS)
    assert member.balance() == ALL
    assert (folder / "notes.txt").exists()
    assert not (folder / f"00000007-{'0' * 16}").exists()
    member.leave()


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
def test_forked_child_neither_uses_the_log_nor_keeps_its_parent_s_locks(tmp_path: Path) -> None:
    one = Topic("t.one", 1, None, "any", (), ())
    log = EmbeddedLog(tmp_path / "log.db")
    log.ensure([one])
    reader = log.subscribe([one.name], "g", lambda _: 0)
    assert reader.poll(1, 0.0) == []
    parent_goes_first, child_may_end = os.pipe()
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            log.append([Outgoing(one.name, b"k", b"v")])
        except LogError as error:
            os.write(tell, error.sentence.encode())
        os.read(parent_goes_first, 1)
        os._exit(0)
    assert b"before a fork" in os.read(told, 1000)
    assert reader.assigned() == {Partition(one.name, 0)}
    reader.close()
    with log.subscribe([one.name], "g", lambda _: 0) as heir:
        heir.poll(1, 0.0)
        assert heir.assigned() == {Partition(one.name, 0)}
    os.write(child_may_end, b".")
    assert os.waitpid(child, 0)[1] == 0
    for fd in (parent_goes_first, child_may_end, told, tell):
        os.close(fd)
    log.close()
