"""Where an inbox goes on reading: after retention, restored and remade logs, and a directory that came late."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from consumers.forge import Forge, copy_small, write_report
from pas_consumers import Inbox, Intake
from pas_consumers.cases import list_cases, list_questions
from pas_consumers.errors import PartitionStoppedError
from pas_consumers.requests import list_requests
from pas_schemas.codec import encode
from pas_schemas.errors import LogError
from pas_schemas.sealing import Plain
from pas_schemas.topics import REPLIES, deliveries
from pas_transport.embedded import EmbeddedLog
from pas_transport.enrolment import issue, rotate
from pas_transport.keyring import NewKeys, add_keys, add_root_key, read_root_key
from pas_transport.log import LogUnavailableError, Partition
from pas_transport.workspace import Workspace, open_workspace

PIO = "pio:WSI"
DAY_MS = 24 * 3600 * 1000


def send(forge: Forge, *numbers: int, priority: str = "ROUTINE") -> None:
    for number in numbers:
        report = write_report(f"01/IR/2015/{number}", priority=priority)
        forge.send(forge.disclose(forge.publish(report), PIO))


def take(workspace: Workspace) -> Intake:
    with Inbox.of(workspace, PIO) as inbox:
        return inbox.take()


def numbers(intake: Intake) -> list[int]:
    return [int(delivery.urn.rpartition("/")[2]) for delivery in intake.new]


def let_expire(workspace: Workspace) -> None:
    with EmbeddedLog(workspace.root / "log.db", now_ms=lambda: time.time_ns() // 10**6 + 31 * DAY_MS) as log:
        assert log.trim()


def test_goes_on_where_it_stopped(small: Workspace, forge: Forge) -> None:
    send(forge, 1, 2)
    assert numbers(take(small)) == [1, 2]
    send(forge, 3)
    assert numbers(take(small)) == [3]
    assert numbers(take(small)) == []


def test_quiet_inbox_outlives_retention(small: Workspace, forge: Forge) -> None:
    send(forge, 1, 2)
    take(small)
    let_expire(small)
    assert take(small).stopped == ()
    send(forge, 3)
    assert numbers(take(small)) == [3]


def test_what_expired_unread_is_told_and_never_skipped(small: Workspace, forge: Forge) -> None:
    send(forge, 1)
    take(small)
    send(forge, 2)
    let_expire(small)
    send(forge, 3)
    send(forge, 4, priority="THREAT_TO_LIFE")
    taken = take(small)
    assert numbers(taken) == [4]
    assert ["passed their retention" in stopped.sentence for stopped in taken.stopped] == [True]
    assert numbers(take(small)) == []


def test_log_made_anew_stops_both_partitions(small: Workspace, forge: Forge) -> None:
    send(forge, 1)
    send(forge, 2, priority="THREAT_TO_LIFE")
    take(small)
    make_log_anew(small)
    send(forge, 3)
    taken = take(small)
    assert numbers(taken) == []
    assert ["another log" in stopped.sentence for stopped in taken.stopped] == [True, True]


def make_log_anew(workspace: Workspace) -> None:
    for path in workspace.root.glob("log.db*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_a_log_made_anew_is_read_once_that_is_accepted(small: Workspace, forge: Forge) -> None:
    send(forge, 1)
    send(forge, 2, priority="THREAT_TO_LIFE")
    take(small)
    make_log_anew(small)
    send(forge, 3)
    send(forge, 4, priority="THREAT_TO_LIFE")
    with Inbox.of(small, PIO) as inbox:
        assert len(inbox.take().stopped) == 2
        assert inbox.accept_topic() == 2
        assert inbox.accept_topic() == 0
        taken = inbox.take()
        assert (numbers(taken), taken.stopped) == ([4, 3], ())
        assert len(inbox.list().held) == 4


def test_what_is_asked_is_not_told_by_half(small: Workspace, forge: Forge) -> None:
    """Who asks what waits to be answered is told that not all of it is here, whatever is."""
    send(forge, 1)
    assert list_questions(small, PIO) == []
    make_log_anew(small)
    for ask in (list_questions, list_cases, list_requests):
        with pytest.raises(PartitionStoppedError, match="another log"):
            ask(small, PIO)


def test_what_was_left_too_long_is_passed_once_that_is_accepted(small: Workspace, forge: Forge) -> None:
    """Of the partition that is stopped alone: nothing is skipped anywhere else."""
    send(forge, 1)
    take(small)
    send(forge, 2)
    let_expire(small)
    send(forge, 3)
    send(forge, 4, priority="THREAT_TO_LIFE")
    assert numbers(take(small)) == [4]
    with Inbox.of(small, PIO) as inbox:
        assert inbox.accept_topic() == 1
        assert numbers(inbox.take()) == [3]


def test_no_answer_goes_to_another_log_than_the_one_read(small: Workspace, forge: Forge) -> None:
    """Two systems are mixed up: what went there would count as sent, and PAS would wait for it."""
    send(forge, 1)
    take(small)
    other = replace(small, settings=small.settings.model_copy(update={"log_path": Path("other.db")}))
    with Inbox.of(other, PIO, person="example-0001", post="duty-officer") as inbox:
        inbox.read(inbox.list().held[0].delivery.id)
        for ask in (inbox.send, inbox.take):
            with pytest.raises(LogError, match="This is another log than the one this inbox has read"):
                ask()
    with other.log() as log:
        assert log.ends([REPLIES.name]) == {Partition(REPLIES.name, 0): 0}
    with Inbox.of(small, PIO) as inbox:
        assert inbox.send() == 1
    assert forge.receipts() == ["DELIVERED", "READ"]


def copy_log(source: Path, target: Path) -> None:
    for path in source.glob("log.db*"):
        if path.is_file():
            shutil.copy2(path, target / path.name)


@pytest.mark.parametrize("sent_after", [(), (7, 8)], ids=["nothing", "other records"])
def test_log_restored_from_an_older_copy_stops_the_partition(
    small: Workspace, forge: Forge, tmp_path: Path, sent_after: tuple[int, ...]
) -> None:
    send(forge, 1)
    backup = tmp_path / "backup"
    backup.mkdir()
    copy_log(small.root, backup)
    send(forge, 2, 3)
    assert numbers(take(small)) == [1, 2, 3]
    copy_log(backup, small.root)
    send(forge, *sent_after)
    send(forge, 9, priority="THREAT_TO_LIFE")
    taken = take(small)
    assert numbers(taken) == [9]
    assert [stopped.sentence for stopped in taken.stopped] == [
        "Nothing is taken from pas.deliveries.pio.WSI-1: the delivery taken last is no longer where it was."
    ]


def test_log_that_fails_while_replies_are_sent(small: Workspace, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    send(forge, 1)
    with Inbox.of(small, PIO) as inbox:
        with small.log() as log:
            connection = log._file._connection  # type: ignore[attr-defined]  # the embedded log's own
            connection.execute("BEGIN IMMEDIATE")
            inbox._log._file._lock_seconds = 0.01  # type: ignore[attr-defined]  # the embedded log's own
            with pytest.raises(LogUnavailableError):
                inbox.take()
            connection.execute("ROLLBACK")
        assert [held.state for held in inbox.list().held] == ["DELIVERED"]
        assert forge.receipts() == []
        assert inbox.take().new == ()
    assert forge.receipts() == ["DELIVERED"]


def test_reply_sent_twice_has_one_name(small: Workspace, forge: Forge) -> None:
    """As after a kill between the log's answer and the note of it."""
    send(forge, 1)
    take(small)
    with Inbox.of(small, PIO) as inbox:
        inbox._store._file.write(lambda db: db.execute("UPDATE replies SET sent = 0"))
        assert inbox.send() == 1
    (first, one), (second, other) = forge.replies()
    assert (first.record_id, one) == (second.record_id, other)


def test_record_under_a_key_that_the_directory_here_learns_later(small: Workspace, forge: Forge, pristine: Path, tmp_path: Path) -> None:
    at_pas = open_workspace(copy_small(pristine, tmp_path / "at-pas"), environment={})
    rotate_pas(at_pas, pristine)
    send(forge, 1)
    datum = forge.disclose(forge.publish(write_report("01/IR/2015/2")), PIO)
    values = Forge(at_pas).seal("pas", PIO, [Plain(datum["delivery_id"], encode("delivery", datum))])
    forge.append([(PIO, datum["delivery_id"], 1)], values)
    with Inbox.of(small, PIO) as inbox:
        assert [aside.reason for aside in inbox.take().aside] == ["sender"]
        assert inbox.take() == Intake((), 0, (), (), ())
        shutil.copy2(at_pas.root / "directory" / "0002.snapshot", small.root / "directory")
        assert numbers(inbox.take()) == [2]
        assert inbox.set_aside() == ()
        assert inbox.take().new == ()


def rotate_pas(workspace: Workspace, pristine: Path) -> None:
    store, now = workspace.directory_store, workspace.clock.now()
    root = read_root_key(pristine / "keys", store.roots()[-1].key.id)
    add_root_key(workspace.keys_dir, root)
    keys = NewKeys.generate("pas")
    add_keys(workspace.keys_dir, "pas", keys)
    store.add(issue(rotate(store.current(), "pas", keys, now, example=True), now, 366), root)


def test_positions_are_kept_with_what_was_taken(small: Workspace, forge: Forge) -> None:
    send(forge, 1, 2)
    take(small)
    with Inbox.of(small, PIO) as inbox, small.log() as log:
        position = inbox._store.position(1)
        assert position
        assert (position.log, position.offset) == (log.identity, 1)
        assert log.ends([deliveries(PIO).name])[Partition(deliveries(PIO).name, 1)] == 2
        assert inbox._store.position(0) is None
