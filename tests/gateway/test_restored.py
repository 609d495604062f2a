"""A register restored from a backup: it notices, learns what it had sent, takes in what came since, and neither loses nor doubles."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from conftest import Answer, RunPas
from gateway.desk import OFFICES, Desk, Row
from gateway.drilling import read_commands
from gateway.judging import Sent, count_notices, find_journeys, judge_log, list_addressed, read_sent, take_everything
from gateway.postgres import PrivatePostgres
from gateway.test_dispatch import LOST, decide, dispatch, rename_topic
from gateway.test_on_postgres import settle as settle_on_postgres
from gateway.test_positions import log_file
from kafka_faulty import settle as settle_on_kafka
from pas_consumers import Delivery, Inbox
from pas_gateway.notes import NOTE_KEY
from pas_gateway.recovery import note_place, recover
from pas_gateway.register import relearning, schema
from pas_gateway.trace import trace
from pas_schemas.topics import AUDIT, MOVEMENTS, REPORTS, deliveries
from pas_transport.embedded import EmbeddedLog, real_ms
from pas_transport.log import Outgoing
from producers.samples import make_handling, make_item, make_subject

ASSESSED = {"summary": "Weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}


def back_up(desk: Desk, to: Path) -> None:
    """As the runbook says: a copy of the register's file by the database's own means."""
    with sqlite3.connect(desk.workspace.root / "register.db") as source, sqlite3.connect(to) as copy:
        source.backup(copy)
    source.close()
    copy.close()


def lose_register(desk: Desk) -> None:
    desk.store.close()
    for name in ("store", "pipeline"):
        desk.__dict__.pop(name, None)
    for tail in ("", "-wal", "-shm"):
        (desk.workspace.root / f"register.db{tail}").unlink(missing_ok=True)


def restore(desk: Desk, backup: Path) -> None:
    lose_register(desk)
    shutil.copy2(backup, desk.workspace.root / "register.db")


def run(desk: Desk, pas: RunPas, code: int = 0) -> Answer:
    return pas("gateway", "run", "--until-idle", "--json", cwd=desk.workspace.root, code=code)


def take(desk: Desk) -> list[Delivery]:
    """Every inbox takes what it was sent: nothing is set aside, and there is no gap."""
    held = [office for office in list_addressed(desk.log, desk.workspace) if office in desk.workspace.held_offices()]
    return take_everything(desk.workspace, held)


def read(desk: Desk, office: str, urn: str) -> None:
    with Inbox.of(desk.workspace, office, post="duty-officer", person="example-0001") as inbox:
        for held in inbox.list().held:
            if held.delivery.urn == urn and held.state == "DELIVERED":
                inbox.read(held.delivery.id)
        inbox.send()


def tell(desk: Desk, report: Row) -> dict[str, str | None]:
    found = trace(desk.store, desk.office.register_key, report["urn"], report["originator"])
    return {outcome["office"]: outcome["state"] for outcome in found["outcomes"]}


def test_what_was_sent_since_the_backup_is_neither_lost_nor_doubled(desk: Desk, pas: RunPas, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    lose(desk, pas, lambda: back_up(desk, backup), lambda: restore(desk, backup))


def test_on_kafka_and_postgresql_neither(kafka: str, postgres: PrivatePostgres, pristine: Path, pas: RunPas, tmp_path: Path) -> None:
    """By the commands of the runbook, as they stand there."""
    database = postgres.make_database()
    folder = settle_on_kafka(kafka, pristine, tmp_path / "small", OFFICES).root
    dump, load = read_commands("Register restored from a backup")[2:]
    restored, _, then = load.partition("\n")
    assert then == "pas gateway run --until-idle"

    def type_it(command: str) -> None:
        environment = os.environ | {"REGISTER": postgres.conninfo(database)}
        subprocess.run(["bash", "-euc", command], cwd=folder, env=environment, check=True, timeout=300)

    with Desk(settle_on_postgres(folder, postgres.url(database, password=None))) as desk:
        desk.move()
        desk.run()
        lose(desk, pas, lambda: type_it(dump), lambda: type_it(restored))


def lose(desk: Desk, pas: RunPas, back_up: Callable[[], None], restore: Callable[[], None]) -> None:
    """Reports, a refused one, receipts, an acceptance and a transfer lie between the backup and the loss; one report comes after it."""
    moves, conditional = desk.write(), desk.write(
        subjects=[make_subject(noms_number="A4821DK", pnc_id=None)], items=[make_item(handling="5")], addressees=["pio:WSI"],
        handling=make_handling(conditions="Not on the wing.", risk_assessment=ASSESSED),
    )  # fmt: skip
    desk.move(noms_number="A4821DK")
    desk.publish(moves)
    desk.run()
    back_up()
    since = desk.write()
    desk.publish(since, conditional)
    run(desk, pas)
    take(desk)
    read(desk, "security:WSI", since["urn"])
    with Inbox.of(desk.workspace, "pio:WSI", post="pio", person="example-0001") as inbox:
        (waiting,) = [held.delivery for held in inbox.list().held if held.delivery.kind == "CONDITIONS"]
        inbox.accept(waiting.id)
        inbox.send()
    run(desk, pas)
    desk.move(prison="BAI", hours_ago=0.1)
    run(desk, pas)
    take(desk)
    before = judge_log(desk.log, desk.workspace)
    restore()
    late = desk.write(subjects=[make_subject(noms_number="A4821DK", pnc_id=None)])
    desk.publish(late)

    answer = run(desk, pas)
    assert "older than what PAS has sent" in answer.err
    after = judge_log(desk.log, desk.workspace)
    new = {office: kinds for (office, urn), kinds in find_journeys(after).items() if urn == late["urn"]}
    assert new == {"pio:WSI": ["DISCLOSURE"], "security:WSI": ["DISCLOSURE"]}
    old = {place: kinds for place, kinds in find_journeys(after).items() if place[1] != late["urn"]}
    assert old == find_journeys(before)
    words = count_notices(after, "ACCEPTED", "REJECTED", "REFUSED", "READ", "DECIDE")
    assert words - count_notices(before, "ACCEPTED", "REJECTED", "REFUSED", "READ", "DECIDE") == {("force:01", late["urn"], "ACCEPTED"): 1}
    assert max(words.values()) == 1
    take(desk)
    assert tell(desk, since)["security:BAI"] == "DELIVERED"
    assert tell(desk, conditional)["pio:WSI"] == "DELIVERED"
    with desk.store.reading() as register:
        assert not relearning.is_regaining(register)
        rows = register.execute(schema.deliveries.select().where(schema.deliveries.c.office == "security:WSI")).all()
    # What was read before it was taken back is still known to have been.
    assert [row.kind for row in rows if row.state == "WITHDRAWN" and row.read_at_ms is not None] == ["DISCLOSURE"]
    assert "older" not in run(desk, pas).err


def test_what_an_office_has_and_should_not_have_is_taken_back(desk: Desk, pas: RunPas, tmp_path: Path) -> None:
    """The prisoner had gone before the report came, so that WSI's offices had nothing yet: the backup is older than his return."""
    desk.move(prison="BAI", hours_ago=3)
    desk.run()
    back_up(desk, tmp_path / "backup.db")
    desk.move(prison="WSI", hours_ago=2)
    desk.publish(report := desk.write())
    run(desk, pas)
    take(desk)
    assert {office for office, urn in find_journeys(judge_log(desk.log, desk.workspace))} == {"pio:WSI", "security:WSI"}
    restore(desk, tmp_path / "backup.db")
    desk.move(prison="BAI", hours_ago=1)
    run(desk, pas)
    after = find_journeys(judge_log(desk.log, desk.workspace))
    assert after == {
        ("pio:WSI", report["urn"]): ["DISCLOSURE", "WITHDRAWAL"], ("security:WSI", report["urn"]): ["DISCLOSURE", "WITHDRAWAL"],
        ("pio:BAI", report["urn"]): ["DISCLOSURE"], ("security:BAI", report["urn"]): ["DISCLOSURE"],
    }  # fmt: skip
    take(desk)


def test_what_was_taken_back_since_the_backup_keeps_no_case_open(desk: Desk, pas: RunPas, tmp_path: Path) -> None:
    """PAS has a case because nobody reads; the prisoner moves, and it is over. A backup from between knows that again."""
    desk.publish(desk.write(priority="THREAT_TO_LIFE", addressees=[], items=[make_item()], risk_tags=[]))
    desk.run()
    desk.turn(minutes=26)
    desk.climb()
    assert unread(desk) == ["pio:WSI"]
    back_up(desk, tmp_path / "backup.db")
    desk.move(prison="BAI", hours_ago=0)
    desk.run()
    desk.climb()
    assert unread(desk) == []
    restore(desk, tmp_path / "backup.db")
    run(desk, pas)
    desk.climb()
    assert unread(desk) == []


def unread(desk: Desk) -> list[str]:
    """Because of whom PAS has a case."""
    with desk.store.reading() as register:
        return list(register.execute(sa.select(schema.rungs.c.office).where(schema.rungs.c.open == 1)).scalars())


def test_without_what_came_since_nothing_is_decided(desk: Desk, pas: RunPas, tmp_path: Path) -> None:
    """The log no longer holds the records since the backup: it says so, and sends nothing."""
    back_up(desk, tmp_path / "backup.db")
    desk.publish(*(desk.write() for _ in range(8)))
    run(desk, pas)
    before = judge_log(desk.log, desk.workspace)
    restore(desk, tmp_path / "backup.db")
    with desk.store.writing() as register:
        place = next(partition for partition, end in desk.log.ends([REPORTS.name]).items() if end)
        row = {"log": desk.log.identity, "topic": place.topic, "partition": place.number, "next": 1, "digest": b"another"}
        register.execute(schema.positions.insert(), row)
    desk.publish(desk.write())
    answer = run(desk, pas, code=1)
    assert answer.out == ""
    assert "nothing is decided" in answer.err
    assert len(judge_log(desk.log, desk.workspace)) == len(before)


@pytest.mark.parametrize("came_back", [False, True], ids=["never sent", "sent in the end"])
def test_what_a_lost_topic_never_took_is_sent_after_a_restore(desk: Desk, pas: RunPas, tmp_path: Path, came_back: bool) -> None:
    """Its note lies in the log, and the delivery nowhere. Sent in the end, it is noted again, and does not come twice."""
    back_up(desk, tmp_path / "backup.db")
    [urn] = decide(desk)
    rename_topic(desk, LOST.name, "gone")
    told: list[str] = []
    for _ in range(2):  # two processes, one after the other: each tries it once
        dispatch(desk, told, times=2)
    assert told == [LOST.name] * 2
    rename_topic(desk, "gone", LOST.name)
    if came_back:
        dispatch(desk, told)
    restore(desk, tmp_path / "backup.db")
    assert f"{2 + came_back} deliveries were learnt" in run(desk, pas).err
    journeys = find_journeys(judge_log_with_gaps(desk))
    assert journeys == {(office, urn): ["DISCLOSURE"] for office in ("pio:WSI", "security:WSI")}
    numbers = [one.datum["n"] for one in judge_log_with_gaps(desk) if one.office == "security:WSI" and one.datum["urn"] == urn]
    assert numbers == ([1] if came_back else [2])
    take_everything(desk.workspace, ["pio:WSI", *(["security:WSI"] if came_back else [])])
    assert tell(desk, {"urn": urn, "originator": "force:01"})["security:WSI"] == "SENT"


def judge_log_with_gaps(desk: Desk) -> list[Sent]:
    """A number that was used up for what was never sent is missing for ever: an inbox says so."""
    return [one for office in list_addressed(desk.log, desk.workspace) for one in read_sent(desk.log, desk.workspace, office)]


def empty(desk: Desk, how: str) -> None:
    """The register's file has not a byte left, or is gone: the database makes a new one of either without a word."""
    lose_register(desk)
    if how == "emptied":
        (desk.workspace.root / "register.db").touch()


@pytest.mark.parametrize("how", ["emptied", "gone"])
def test_an_emptied_register_learns_all_that_was_sent_while_the_log_holds_it(desk: Desk, pas: RunPas, how: str) -> None:
    reports = [desk.write() for _ in range(3)]
    desk.publish(*reports)
    run(desk, pas)
    before = judge_log(desk.log, desk.workspace)
    empty(desk, how)
    desk.publish(late := desk.write())
    assert "older than what PAS has sent" in run(desk, pas).err
    after = judge_log(desk.log, desk.workspace)
    new = [one for one in after if one.datum["urn"] == late["urn"]]
    assert {one.office for one in new} == {"force:01", "pio:WSI", "security:WSI"}
    assert len(after) == len(before) + len(new)
    take(desk)
    assert tell(desk, reports[0])["security:WSI"] == "SENT"
    assert "older" not in run(desk, pas).err


@pytest.mark.parametrize("how", ["emptied", "gone"])
def test_an_emptied_register_does_not_start_anew_where_the_log_forgot(desk: Desk, pas: RunPas, how: str) -> None:
    """What came in is past its retention, the notes of what was sent are not: nothing is decided until a person accepts the loss."""
    desk.publish(desk.write())
    run(desk, pas)
    with EmbeddedLog(log_file(desk), now_ms=lambda: real_ms() + 31 * 24 * 3_600_000) as later:
        assert later.trim()
    empty(desk, how)
    desk.publish(desk.write())
    held = sum(desk.log.ends([deliveries("security:WSI").name]).values())
    lost = [place for place, first in desk.log.starts([REPORTS.name, MOVEMENTS.name]).items() if first]
    for _ in range(2):
        answer = run(desk, pas, code=1)
        assert answer.out == ""
        assert "nothing is decided" in answer.err
        assert all(f"Records of {place.topic} partition {place.number} left the log" in answer.err for place in lost)
    assert sum(desk.log.ends([deliveries("security:WSI").name]).values()) == held
    for place in lost:
        pas("gateway", "accept-topic", place.topic, str(place.number), cwd=desk.workspace.root, code=0)
    assert '"accepted": 1' in run(desk, pas).out


def test_a_register_that_is_not_behind_learns_nothing(desk: Desk) -> None:
    desk.publish(desk.write())
    desk.run()
    assert recover(desk.log, desk.store, desk.office, ()) == 0
    note_place(desk.log, desk.store)
    with desk.store.reading() as register:
        found = register.execute(sa.select(schema.positions.c.next).where(schema.positions.c.topic == AUDIT.name)).scalar_one()
    assert found == sum(desk.log.ends([AUDIT.name]).values()) > 0


def test_an_altered_note_stops_the_gateway(desk: Desk, pas: RunPas) -> None:
    desk.publish(desk.write())
    desk.run()
    with desk.workspace.log() as log:
        log.append([Outgoing(AUDIT.name, NOTE_KEY, b"no note of PAS's" * 4, 0)])
    with desk.store.writing() as register:
        register.execute(schema.positions.delete().where(schema.positions.c.topic == AUDIT.name))
    assert "altered" in run(desk, pas, code=1).err


def test_what_nothing_here_explains_is_told_to_pas(desk: Desk) -> None:
    row = {
        "id": b"i" * 16, "report": b"r" * 16, "office": "pio:WSI", "n": 1, "kind": "DISCLOSURE", "items": "0", "state": "SENT",
        "deadline_ms": None,
        "read_at_ms": None, "leaf": b"l" * 32, "climb_ms": None, "sealed_to": None, "words": b"w" * 16,
    }  # fmt: skip
    with desk.store.writing() as register:
        assert relearning.learn(register, [row], {}, frozenset()) == 1
    plan = desk.pipeline.regain(desk.log.identity)
    assert plan is not None
    desk.pipeline.commit(plan)
    assert desk.pipeline.regain(desk.log.identity) is None
    assert any("does not have" in word["why"] for one in desk.run() if one.office == "pas" for word in one.datum["notices"])
