"""A log that is not the one the register has read: what is lost is told and never skipped, and what is whole goes on."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from conftest import Answer, RunPas
from copying import copy_workspace, spoil
from gateway.desk import Desk
from gateway.drilling import read_commands
from gateway.judging import find_journeys, judge_log
from pas_gateway.positions import find_start, refuse_other_log
from pas_gateway.register import queries
from pas_schemas.errors import RegisterError
from pas_schemas.topics import REPORTS
from pas_transport.log import OffsetGoneError, Partition
from pas_transport.workspace import open_workspace


def log_file(desk: Desk) -> Path:
    return desk.workspace.root / desk.workspace.settings.log_path


def copy_log(source: Path, target: Path) -> None:
    """As a backup would: one file, with what its write-ahead log held."""
    with sqlite3.connect(source) as db, sqlite3.connect(target) as copy:
        db.backup(copy)
    db.close()
    copy.close()


def restore(desk: Desk, backup: Path) -> Desk:
    """The desk again, with another log under the same register."""
    desk.log.close()
    for name in ("", "-wal", "-shm"):
        log_file(desk).with_name(log_file(desk).name + name).unlink(missing_ok=True)
    shutil.copy2(backup, log_file(desk))
    del desk.__dict__["log"]
    return desk


def read_place(desk: Desk) -> Partition:
    """The partition that holds the one report."""
    [place] = [partition for partition, end in desk.log.ends([REPORTS.name]).items() if end]
    return place


def set_back(desk: Desk, tmp_path: Path) -> Partition:
    """Puts the log back as it was before one report came in and was taken in; returns the partition that held it."""
    copy_log(log_file(desk), tmp_path / "backup.db")
    desk.publish(desk.write())
    desk.run()
    lost = read_place(desk)
    restore(desk, tmp_path / "backup.db")
    return lost


def test_restored_log_stops_its_partition_and_no_other(desk: Desk, tmp_path: Path, pas: RunPas) -> None:
    """A backup from before the report came in: what the register has read is not there any more."""
    lost = set_back(desk, tmp_path)
    while len({partition for partition, end in desk.log.ends([REPORTS.name]).items() if end}) < 2:
        desk.publish(desk.write(), again=True)
    came = sum(desk.log.ends([REPORTS.name]).values())
    answer = pas("gateway", "run", "--until-idle", "--json", cwd=desk.workspace.root, code=1)
    assert f"{lost.topic} partition {lost.number} is not the one this register has read" in answer.err
    assert "hint:" in answer.err
    beside = {office for office, _ in find_journeys(judge_log(desk.log, desk.workspace))}
    assert beside == {"pio:WSI", "security:WSI"}
    with desk.store.reading() as register:
        positions = queries.list_positions(register, desk.log.identity)
    taken = sum(end for (topic, number), end in positions.items() if topic == REPORTS.name and number != lost.number)
    assert taken == came - desk.log.ends([REPORTS.name])[lost]
    assert positions[lost] == 1


def test_what_waits_in_a_restored_log_is_all_it_holds(desk: Desk, tmp_path: Path, pas: RunPas) -> None:
    """The register stands behind the end of the restored partition: that is no lag below nothing, which would hide another's."""
    lost = set_back(desk, tmp_path)
    told = json.loads(pas("status", "--json", cwd=desk.workspace.root, code=0).out)
    assert told["stopped"] == [f"{lost.topic} {lost.number}"]
    assert set(told["lag"].values()) == {0}
    while not desk.log.ends([REPORTS.name])[lost]:
        desk.publish(desk.write(), again=True)
    waiting = sum(desk.log.ends([REPORTS.name]).values())
    told = json.loads(pas("status", "--json", cwd=desk.workspace.root, code=0).out)
    assert told["lag"][REPORTS.name] == waiting


def test_last_record_that_is_another_one_stops_its_partition(desk: Desk) -> None:
    desk.publish(desk.write())
    desk.run()
    place = read_place(desk)
    assert find_start(desk.log, desk.store, place) == (1, 1)
    desk.log.close()
    with sqlite3.connect(log_file(desk)) as db:
        rows = "SELECT p.id FROM partitions p JOIN topics t ON t.id = p.topic WHERE t.name = ? AND p.number = ?"
        assert db.execute(f"UPDATE records SET value = x'00' WHERE partition = ({rows})", place).rowcount == 1
    db.close()
    del desk.__dict__["log"]
    with pytest.raises(OffsetGoneError, match="not the one") as stopped:
        find_start(desk.log, desk.store, place)
    assert stopped.value.partition == place
    assert stopped.value.hint


@pytest.mark.parametrize("kept", [0, 1])
def test_records_that_left_before_they_were_read_are_missed(desk: Desk, kept: int) -> None:
    """Retention that overtook the gateway; where it took only what was read, nothing is missing."""
    desk.publish(desk.write())
    desk.run()
    place = read_place(desk)
    desk.log.close()
    with sqlite3.connect(log_file(desk)) as db:
        rows = "SELECT p.id FROM partitions p JOIN topics t ON t.id = p.topic WHERE t.name = ? AND p.number = ?"
        db.execute(f"DELETE FROM records WHERE partition = ({rows})", place)
        db.execute(f"UPDATE partitions SET first = ?, next = 9 WHERE id = ({rows})", (2 - kept, *place))
    db.close()
    del desk.__dict__["log"]
    if kept:
        assert find_start(desk.log, desk.store, place) == (1, 1)
        return
    with pytest.raises(OffsetGoneError, match="left the log before"):
        find_start(desk.log, desk.store, place)


def test_two_logs_mixed_up_are_refused_before_anything_starts(desk: Desk, pristine: Path, tmp_path: Path, pas: RunPas) -> None:
    desk.publish(desk.write())
    desk.run()
    other = tmp_path / "other"
    copy_workspace(pristine, other)
    with open_workspace(other, environment={}).log():
        pass
    copy_log(other / "log.db", tmp_path / "other.db")
    restore(desk, tmp_path / "other.db")
    with pytest.raises(RegisterError, match="another log"):
        refuse_other_log(desk.log, desk.store)
    (reports := desk.workspace.root / "reports.ndjson").write_text("{}\n")
    for command in (
        ("gateway", "run", "--until-idle"),
        ("status",),
        ("gateway", "accept-topic", "pas.reports", "0"),
        ("explain", str(reports)),
    ):
        answer = pas(*command, "--json", cwd=desk.workspace.root, code=1)
        assert answer.out == ""
        assert "fed from another log" in answer.err


def test_never_read_partition_begins_at_its_first_record(desk: Desk) -> None:
    assert {find_start(desk.log, desk.store, Partition(REPORTS.name, number)) for number in range(3)} == {(0, None)}


def check_refused(answer: Answer, word: str) -> None:
    assert (answer.code, answer.out) == (1, "")
    assert word in answer.err
    assert "hint:" in answer.err


@pytest.mark.parametrize("file", ["register.db", "log.db", "rulebook.toml", "text_rules.csv"])
def test_damaged_file_is_one_sentence_and_a_hint(desk: Desk, pas: RunPas, file: str) -> None:
    desk.store.close()
    desk.log.close()
    path = desk.workspace.root / file
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    path.write_bytes(b"canary: this is no such file " * 300)
    answer = pas("gateway", "run", "--until-idle", "--json", cwd=desk.workspace.root)
    check_refused(answer, "error:")
    assert "canary" not in answer.err
    assert len(answer.err.splitlines()) == 2


def test_gateway_without_its_keys_does_not_start(desk: Desk, pas: RunPas) -> None:
    shutil.rmtree(desk.workspace.root / "keys" / "pas")
    check_refused(pas("gateway", "run", "--until-idle", "--json", cwd=desk.workspace.root), "pas")


@pytest.mark.parametrize("file", ["register.key", "register-id.key"])
def test_gateway_with_the_keys_of_another_register_changes_nothing(desk: Desk, pas: RunPas, file: str) -> None:
    """A key restored from another backup: live reports could not be opened, and a movement would be passed over for good."""
    desk.publish(desk.write())
    desk.run()
    key = desk.workspace.root / "keys" / "pas" / file
    own = key.read_bytes()
    spoil(key, bytes(reversed(own)))
    before = dump(desk)
    (reports := desk.workspace.root / "reports.ndjson").write_text("{}\n")
    # By the key of another register `explain` would know no prisoner, and foretell what is not decided.
    for command in (("gateway", "run", "--until-idle"), ("status",), ("cases", "list"), ("explain", str(reports))):
        check_refused(pas(*command, "--json", cwd=desk.workspace.root), f"not made under the key {file}")
    assert dump(desk) == before
    spoil(key, own)
    pas("gateway", "run", "--until-idle", "--json", cwd=desk.workspace.root, code=0)


def test_a_register_that_was_emptied_is_not_made_anew_by_asking(desk: Desk, pas: RunPas) -> None:
    """Else what it held would be said to have never come."""
    desk.publish(report := desk.write())
    desk.run()
    desk.store.close()
    for name in ("register.db-wal", "register.db-shm"):
        (desk.workspace.root / name).unlink(missing_ok=True)
    (file := desk.workspace.root / "register.db").write_bytes(b"")
    for command in (("trace", report["urn"]), ("status",)):
        check_refused(pas(*command, "--json", cwd=desk.workspace.root), "There is no register yet.")
    assert file.read_bytes() == b""


def dump(desk: Desk) -> list[str]:
    with sqlite3.connect(desk.workspace.root / "register.db") as db:
        found = list(db.iterdump())
    db.close()
    return found


def test_a_damaged_row_does_not_make_the_keys_other_ones(desk: Desk, pas: RunPas) -> None:
    desk.publish(*(desk.write() for _ in range(3)))
    desk.run()
    with sqlite3.connect(desk.workspace.root / "register.db") as db:
        db.execute("UPDATE reports SET data_key = zeroblob(60) WHERE id = (SELECT id FROM reports LIMIT 1)")
        db.execute("UPDATE deliveries SET n = n + 70 WHERE id = (SELECT id FROM deliveries LIMIT 1)")
    db.close()
    pas("gateway", "run", "--until-idle", "--json", cwd=desk.workspace.root, code=0)


def test_a_person_may_accept_what_stopped_and_nothing_else(desk: Desk, tmp_path: Path, pas: RunPas) -> None:
    """Drill of the runbook *topic lost*, by its own commands: the same offsets hold other records, and are taken in as such."""
    lost = set_back(desk, tmp_path)
    came: list[dict[str, object]] = []
    while not desk.log.ends([REPORTS.name])[lost]:
        came.append(desk.write())
        desk.publish(came[-1], again=True)
    root = desk.workspace.root
    pas("gateway", "run", "--until-idle", "--json", cwd=root, code=1)
    accept, again = read_commands("Topic lost")[0].splitlines()
    typed = accept.replace(" pas.reports 0", f" {lost.topic} {lost.number}").split()[1:]
    pas(*typed, cwd=root, code=0)
    pas(*again.split()[1:], cwd=root, code=0)
    told = {urn for _, urn in find_journeys(judge_log(desk.log, desk.workspace))}
    assert told == {report["urn"] for report in came}
    check_refused(pas(*typed, cwd=root, code=1), "is the one this register has read")
    check_refused(pas("gateway", "accept-topic", "pas.audit", "7", cwd=root, code=1), "no partition")
