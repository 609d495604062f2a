"""Dispatch where a topic is lost, or the log takes a part: what was stored is marked, and one lost topic holds up nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from kafka import KafkaAdminClient

from conftest import RunPas
from gateway.desk import OFFICES, Desk
from gateway.judging import find_journeys, judge_log
from kafka_broker import LEAVES_SOCKETS, collect_sockets
from kafka_faulty import settle
from pas_gateway.dispatch import Dispatcher
from pas_gateway.register import schema
from pas_gateway.register.outbox import count_outbox
from pas_schemas.topics import QUARANTINE, REPORTS, Topic, deliveries
from pas_transport.embedded import EmbeddedLog
from pas_transport.kafka_topics import make_configs
from pas_transport.log import AppendError, Outgoing

LOST = deliveries("security:WSI")
BOTH = ("pio:WSI", "security:WSI")


def decide(desk: Desk, *, count: int = 1) -> list[str]:
    """Reports for both offices, decided and not yet sent; their URNs."""
    reports = [desk.write() for _ in range(count)]
    desk.publish(*reports)
    desk.pipeline.commit(desk.plan_reports(desk.fresh(REPORTS.name)))
    return [report["urn"] for report in reports]


def dispatch(desk: Desk, told: list[str], *, times: int = 1) -> None:
    """By a log that makes no topic it lacks."""
    with EmbeddedLog(desk.workspace.root / desk.workspace.settings.log_path) as log:
        dispatcher = Dispatcher(desk.store, log, desk.office, told.append)
        for _ in range(times):
            dispatcher.run(lambda: None)


def states(desk: Desk) -> dict[str, set[str]]:
    with desk.store.reading() as register:
        rows = register.execute(schema.deliveries.select()).all()
    return {office: {row.state for row in rows if row.office == office} for office in {row.office for row in rows}}


def rename_topic(desk: Desk, name: str, to: str) -> None:
    with sqlite3.connect(desk.workspace.root / desk.workspace.settings.log_path) as file:
        assert file.execute("UPDATE topics SET name = ? WHERE name = ?", (to, name)).rowcount > 0
    file.close()


def test_one_lost_topic_holds_up_nobody_else_and_is_told_once(desk: Desk) -> None:
    urns = decide(desk, count=2)
    rename_topic(desk, LOST.name, "gone")
    told: list[str] = []
    dispatch(desk, told, times=3)
    assert told == [LOST.name]
    assert states(desk) == {"force:01": {"SENT"}, "pio:WSI": {"SENT"}, "security:WSI": {"SEALED"}}
    rename_topic(desk, "gone", LOST.name)
    dispatch(desk, told)
    assert told == [LOST.name]
    assert find_journeys(judge_log(desk.log, desk.workspace)) == {(office, urn): ["DISCLOSURE"] for office in BOTH for urn in urns}


class HalfLog(EmbeddedLog):
    """A log that answers for a part of an append, as Kafka does where one of its brokers is gone."""

    refused: str | None = LOST.name

    def append(self, records: Sequence[Outgoing]) -> None:
        failed = [place for place, record in enumerate(records) if record.topic == self.refused]
        super().append([record for place, record in enumerate(records) if place not in failed])
        if failed:
            raise AppendError("Some records are not known to be in the log.", "try again", failed)


@pytest.fixture
def half(desk: Desk) -> Iterator[HalfLog]:
    with HalfLog(desk.workspace.root / desk.workspace.settings.log_path) as log:
        yield log


def test_what_the_log_took_is_marked_and_not_appended_again(desk: Desk, half: HalfLog) -> None:
    [urn] = decide(desk)
    dispatcher = Dispatcher(desk.store, half, desk.office)
    for _ in range(2):
        with pytest.raises(AppendError):
            dispatcher.run(lambda: None)
        assert states(desk) == {"force:01": {"SENT"}, "pio:WSI": {"SENT"}, "security:WSI": {"SEALED"}}
    half.refused = None
    assert dispatcher.run(lambda: None) == 1
    assert find_journeys(judge_log(desk.log, desk.workspace)) == {(office, urn): ["DISCLOSURE"] for office in BOTH}
    assert [len(list(desk.log.read(part, 0, 100))) for part, end in sorted(desk.log.ends([deliveries("pio:WSI").name]).items()) if end] == [
        1
    ]
    with desk.store.reading() as register:
        assert count_outbox(register) == 0


@LEAVES_SOCKETS
def test_a_topic_that_is_deleted_at_kafka_under_a_running_gateway(kafka: str, pristine: Path, tmp_path: Path) -> None:
    workspace = settle(kafka, pristine, tmp_path / "small", OFFICES, ("kafka_wait_seconds = 3",))
    with Desk(workspace) as desk:
        desk.move()
        desk.publish(first := desk.write())
        desk.run()
        desk.publish(second := desk.write())
        topic = f"{workspace.settings.kafka_prefix}{LOST.name}"
        admin = KafkaAdminClient(bootstrap_servers=kafka)
        admin.delete_topics([topic])
        desk.worker("worker-1").run(lambda: waits_for_the_lost_alone(desk))
        admin.create_topics({topic: {"num_partitions": LOST.partitions, "replication_factor": -1, "configs": make_configs(LOST)}})
        admin.close()
        journeys = find_journeys(desk.run())
    assert journeys == {
        ("pio:WSI", first["urn"]): ["DISCLOSURE"], **{(office, second["urn"]): ["DISCLOSURE"] for office in BOTH},
    }  # fmt: skip
    collect_sockets()
    lines = [json.loads(line) for line in (workspace.root / "gateway.log").read_text().splitlines()]
    assert [line["topic"] for line in lines if line["event"] == "topic_lost"] == [LOST.name]


@LEAVES_SOCKETS
def test_a_gateway_starts_without_an_offices_topic_not_without_a_shared_one(
    kafka: str, pristine: Path, pas: RunPas, tmp_path: Path
) -> None:
    """Threats to life of all others go their way; a topic that is otherwise than declared, or one that is everybody's, stops it."""
    workspace = settle(kafka, pristine, tmp_path / "small", OFFICES, ("kafka_wait_seconds = 3",))
    prefix, run = workspace.settings.kafka_prefix, ("gateway", "run", "--until-idle", "--json")
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:

        def make(topic: Topic, partitions: int) -> None:
            settings = {"num_partitions": partitions, "replication_factor": -1, "configs": make_configs(topic)}
            admin.create_topics({f"{prefix}{topic.name}": settings})

        admin.delete_topics([f"{prefix}{LOST.name}"])
        with Desk(workspace) as desk:
            desk.move()
            answer = pas(*run, cwd=workspace.root, code=0)
            assert f"warning: Kafka has no topic {LOST.name}: what is for it waits" in answer.err
            assert json.loads(answer.out)["movements"] == 1
            desk.publish(threat := desk.write(priority="THREAT_TO_LIFE"))
            desk.worker("threats").run(lambda: waits_for_the_lost_alone(desk, sent=2))
            assert "no topic pas.deliveries.security.WSI" in pas("inbox", "list", "--as", "security:WSI", cwd=workspace.root, code=1).err
            assert threat["urn"] in pas("inbox", "list", "--as", "pio:WSI", cwd=workspace.root, code=0).out
            make(LOST, LOST.partitions + 1)
            assert "partitions" in pas(*run, cwd=workspace.root, code=1).err
            admin.delete_topics([f"{prefix}{LOST.name}"])
            make(LOST, LOST.partitions)
            assert pas(*run, cwd=workspace.root, code=0).err == ""
            assert find_journeys(judge_log(desk.log, workspace))["security:WSI", threat["urn"]] == ["DISCLOSURE"]
            admin.delete_topics([f"{prefix}{QUARANTINE.name}"])
            answer = pas(*run, cwd=workspace.root, code=1)
            assert answer.err.splitlines()[-2:] == [
                "error: Kafka has no topic pas.quarantine",
                "hint: PAS makes it with `pas topics apply`",
            ]
    collect_sockets()


def waits_for_the_lost_alone(desk: Desk, sent: int = 4) -> bool:
    with desk.store.reading() as register:
        states = dict(register.execute(sa.select(schema.outbox.c.topic, sa.func.count()).group_by(schema.outbox.c.topic)).all())
        found = register.execute(sa.select(sa.func.count()).where(schema.deliveries.c.state == "SENT")).scalar_one()
    return states.keys() == {LOST.name} and found >= sent
