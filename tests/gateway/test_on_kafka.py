"""The whole way on a real Kafka, by the commands a person types: the story comes out as it does on the embedded log."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from conftest import RunPas
from gateway.apart import ONE, TWO, Both, dump, protect
from gateway.desk import OFFICES, Desk
from gateway.drilling import read_commands
from gateway.fuzzing import Forge, encode_report, open_report
from gateway.judging import find_journeys, take_everything
from gateway.killing import until
from gateway.terminal import Terminal
from gateway.test_requests import SAID, ask, asked, person, shown, write_answer
from gateway.test_strange_records import check_all_accounted
from kafka_faulty import place, settle
from pas_consumers import Inbox
from pas_gateway.demo.outcomes import compare, trace_all
from pas_gateway.demo.story import Story, tell_story
from pas_gateway.register import open_store
from pas_producers import MovementFeed
from pas_schemas.clock import show_time
from pas_schemas.topics import COMPARTMENT, MOVEMENTS, REPLIES, REPORTS, URGENT, deliveries
from pas_transport.kafka_client import KafkaAccess
from pas_transport.kafka_log import KafkaLog
from pas_transport.log import TopicMismatchError
from pas_transport.workspace import Workspace, open_workspace
from producers.samples import make_item, make_movement

ROUTINE, REFUSED = 0, 1


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def offices_of(story: Story) -> set[str]:
    """Whoever writes in it or is considered. The thousand partitions of a whole estate are made in tests/deploy/test_compose.py."""
    considered = {outcome["office"] for row in story.expected for outcome in row["outcomes"]}
    return {"pas", "feed:nomis", *considered, *(report["originator"] for report in story.reports)}


@pytest.mark.long
def test_story_comes_out_on_kafka_as_it_is_written(pas: RunPas, kafka: str, pristine: Path, tmp_path: Path) -> None:
    root = tmp_path / "ws"
    env = {"PAS_KAFKA_PREFIX": f"e{secrets.token_hex(4)}."}
    story = tell_story(datetime.now(UTC))
    place(kafka, pristine, root, offices_of(story))
    workspace = open_workspace(root, environment=env)
    reports = write_lines(tmp_path / "reports.ndjson", list(story.reports))
    movements = write_lines(tmp_path / "movements.ndjson", list(story.movements))

    before = pas("publish", reports, cwd=root, env=env, code=REFUSED)
    assert before.out == ""
    assert before.err.splitlines()[-2:] == ["error: Kafka has no topic pas.reports", "hint: PAS makes it with `pas topics apply`"]

    shown = json.loads(pas("topics", "apply", "--dry-run", "--json", cwd=root, env=env, code=ROUTINE).out)
    made = json.loads(pas("topics", "apply", "--json", cwd=root, env=env, code=ROUTINE).out)
    assert {**shown, "dry_run": False} == made
    assert len(made["topics"]) == 8 + len(workspace.directory().offices)
    assert json.loads(pas("topics", "apply", "--json", cwd=root, env=env, code=ROUTINE).out)["topics"] == []

    pas("movements", "import", movements, cwd=root, env=env, code=ROUTINE)
    told = json.loads(pas("publish", reports, "--json", cwd=root, env=env).out)
    repeated = json.loads(pas("publish", reports, "--json", cwd=root, env=env).out)
    assert (repeated["published"], repeated["repeated"]) == (0, told["published"])

    ran = json.loads(pas("gateway", "run", "--workers", "2", "--until-idle", "--json", cwd=root, env=env, code=ROUTINE).out)
    assert (ran["movements"], ran["quarantined"]) == (len(story.movements), 0)
    traces = trace_all(open_store(workspace.register_url), workspace.keyring("pas").register_key(), story.reports)
    assert compare(story.reports, story.expected, (), traces) == []

    [first, *_] = [
        json.loads(line) for line in pas("inbox", "list", "--as", "pio:WSI", "--json", cwd=root, env=env, code=ROUTINE).out.splitlines()
    ]
    assert first["state"] == "DELIVERED"
    took = json.loads(pas("gateway", "run", "--until-idle", "--json", cwd=root, env=env, code=ROUTINE).out)
    assert took["replies"] > 0


def test_whatever_a_writer_of_its_own_makes_of_kafka_comes_to_one_end(
    kafka: str, pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches in codecs that we have no library for, keys and values that are null, headers, times that are none."""
    with Desk(settle(kafka, pristine, tmp_path / "small", OFFICES)) as desk:
        prefix = desk.workspace.settings.kafka_prefix
        desk.move()
        desk.publish(report := desk.write())
        [taken] = desk.fresh(REPORTS.name)
        datum, manifest = open_report(desk.workspace, taken)
        payload, manifest = encode_report(datum | {"urn": "01/IR/2015/2"}, manifest)
        own = Forge(desk.workspace, "force:01").seal(b"n" * 16, payload, manifest)
        for codec in ("snappy", "gzip"):
            with monkeypatch.context() as patch:
                pretend_snappy(patch)
                with closing(KafkaProducer(bootstrap_servers=kafka, compression_type=codec, linger_ms=100)) as writer:
                    sent = [writer.send(prefix + REPORTS.name, value, b"n" * 16, partition=0) for value in (own, b"x" * 50_000)]
                    writer.flush()
                    assert all(one.succeeded() for one in sent)
        with closing(KafkaProducer(bootstrap_servers=kafka)) as writer:
            for topic in (REPORTS, URGENT, MOVEMENTS, REPLIES):
                for key, value in ((None, own), (b"n" * 16, None), (b"", b""), (b"k" * 2000, own)):
                    for at in (0, 2**62):
                        writer.send(prefix + topic.name, value, key, [("a", b""), ("b", own)], partition=0, timestamp_ms=at)
            writer.flush()
        desk.publish(after := desk.write())
        journeys = find_journeys(desk.run())
        assert {urn for _, urn in journeys} == {report["urn"], "01/IR/2015/2", after["urn"]}
        assert check_all_accounted(desk, [REPORTS.name, URGENT.name, MOVEMENTS.name, REPLIES.name]) == {
            "ACCEPTED": 3, "DUPLICATE": 1, "QUARANTINED": 2 + 4 * 8
        }  # fmt: skip
        with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, prefix + REPORTS.name, {"compression.type": "producer"})])
        with pytest.raises(TopicMismatchError, match="in its writers' codecs"):
            desk.log.ensure([REPORTS])


def pretend_snappy(patch: pytest.MonkeyPatch) -> None:
    """kafka-python writes Snappy, without a library of it."""
    _, code = KafkaProducer._COMPRESSORS["snappy"]
    patch.setitem(KafkaProducer._COMPRESSORS, "snappy", (lambda: True, code))
    patch.setattr("kafka.codec.has_snappy", lambda: True)
    patch.setattr("kafka.record.default_records.snappy_encode", encode_snappy)


def encode_snappy(data: bytes) -> bytes:
    """Each byte, and how often it is repeated."""
    length = len(data)
    out = bytearray()
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    out.append(length)
    for byte, run in groupby(data):
        out += bytes((0, byte))
        again = len(list(run)) - 1
        while again:
            part = min(again, 64)
            out += bytes(((part - 1) << 2 | 2, 1, 0))
            again -= part
    return bytes(out)


def test_movements_of_an_earlier_edition_are_replaced(pas: RunPas, kafka: str, pristine: Path, tmp_path: Path) -> None:
    """One partition becomes twelve by the runbook's own commands: whereabouts stay known, and what is told from then on counts."""
    root = tmp_path / "small"
    with Desk(settle(kafka, pristine, root, OFFICES)) as desk, earlier_log(kafka, desk.workspace) as log:
        desk.__dict__["log"] = log
        keys, clock = desk.workspace.keyring("feed:nomis"), desk.workspace.clock
        with MovementFeed(log=log, snapshot=desk.snapshot, keyring=keys, clock=clock) as feed:
            came = make_movement(at=show_time(clock.now() - timedelta(hours=24)), category="C")
            assert list(feed.stream([came])) == ["published"]
        desk.worker("worker-1").run(desk.is_idle)
    refused = pas("gateway", "run", "--until-idle", cwd=root, code=REFUSED)
    assert "pas.movements exists with 1 partitions" in refused.err
    delete_topic(kafka, desk.workspace, MOVEMENTS.name)
    for line in read_commands("Topic lost")[1].splitlines():
        pas(*line.split()[1:], cwd=root, code=ROUTINE)
    with Desk(open_workspace(root, environment={})) as desk:
        desk.publish(report := desk.write())
        desk.run()
        desk.move(prison="BAI", hours_ago=0.1)
        journeys = find_journeys(desk.run())
        assert len(desk.log.ends([MOVEMENTS.name])) == MOVEMENTS.partitions
        kinds = {"WSI": ["DISCLOSURE", "WITHDRAWAL"], "BAI": ["DISCLOSURE"]}
        assert journeys == {(f"{role}:{prison}", report["urn"]): kinds[prison] for prison in kinds for role in ("pio", "security")}
        assert len(take_everything(desk.workspace, [office for office, _ in journeys])) == 6


def test_an_inbox_reads_on_once_its_topic_that_was_made_anew_is_accepted(pas: RunPas, kafka: str, pristine: Path, tmp_path: Path) -> None:
    root = tmp_path / "small"
    with Desk(settle(kafka, pristine, root, OFFICES)) as desk:
        desk.move()
        desk.publish(desk.write())
        desk.run()
        assert len(take_everything(desk.workspace, ["pio:WSI"])) == 1
        delete_topic(kafka, desk.workspace, deliveries("pio:WSI").name)
    pas("topics", "apply", cwd=root, code=ROUTINE)
    with Desk(open_workspace(root, environment={})) as desk:
        desk.publish(report := desk.write(urn="01/IR/2015/000999"))
        desk.run()
        with Inbox.of(desk.workspace, "pio:WSI", post="duty-officer", person="example-0001") as inbox:
            assert ["the delivery taken last is no longer where it was" in one.sentence for one in inbox.take().stopped] == [True]
        (command,) = read_commands("Topic lost")[2].splitlines()
        pas(*command.split()[1:], cwd=root, code=ROUTINE)
        assert [new.urn for new in take_everything(desk.workspace, ["pio:WSI"])] == [report["urn"]]


@contextmanager
def earlier_log(bootstrap: str, workspace: Workspace) -> Iterator[KafkaLog]:
    """As an edition before ours had it: all movements in one partition."""
    delete_topic(bootstrap, workspace, MOVEMENTS.name)
    with KafkaLog(KafkaAccess(bootstrap), create=True, prefix=workspace.settings.kafka_prefix or "") as log:
        log.ensure([replace(MOVEMENTS, partitions=1)])
        yield log


def delete_topic(bootstrap: str, workspace: Workspace, topic: str) -> None:
    """Returns when it is gone, which takes a moment."""
    name = f"{workspace.settings.kafka_prefix}{topic}"
    with KafkaAdminClient(bootstrap_servers=bootstrap) as admin:
        admin.delete_topics([name])
        until(lambda: name not in admin.list_topics(), "the topic is gone")


def test_the_compartment_is_whole_on_kafka(pas: RunPas, kafka: str, pristine: Path, tmp_path: Path) -> None:
    """A flagged report, and one on somebody whom its readers protect: two gateways over one log, the compartment's by its command."""
    with Desk(settle(kafka, pristine, tmp_path / "small", (*OFFICES, "paso-unit"))) as main:
        main.move()
        main.run()
        before, both = dump(main), Both(main)
        with both.apart:
            flagged = both.flagged(items=[make_item(text="He will give evidence.")])
            main.publish(flagged)
            main.run()
            ran = pas("gateway", "run", "--compartment", "--until-idle", "--json", cwd=main.workspace.root, code=ROUTINE)
            assert json.loads(ran.out)["accepted"] == 1
            release(both, flagged["urn"])
            assert both.take("paso-unit") == ["DISCLOSURE"]
            both.apart.run()
            main.run()
            assert dump(main) == before, "PAS's own register saw nothing of it"

            protect(both)
            assert both.is_protected("A1234BC") == (True, None)
            main.publish(report := main.write())
            main.run()
            assert [both.take(office) for office in ("pio:WSI", "security:WSI")] == [[], []]
            both.apart.run()
            release(both, report["urn"])
            assert both.take("paso-unit") == ["DISCLOSURE"]
            shown = json.loads(pas("status", "--compartment", "--json", cwd=main.workspace.root, code=ROUTINE).out)
            assert (shown["lag"], shown["counts"]["quarantined"]) == ({COMPARTMENT.name: 2}, 0), "the unit's DELIVERED and READ"


def release(both: Both, urn: str) -> None:
    """Two named readers, one after the other."""
    digest = both.bench.send(both.bench.decision(urn, person=ONE))
    both.bench.send(both.bench.agree(digest, TWO))
    both.apart.run()


def test_a_request_is_asked_answered_and_closed_on_kafka(
    kafka: str, pristine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the three of them type it: the prison, the forces it asks, PAS between them."""
    with Desk(settle(kafka, pristine, tmp_path / "small", OFFICES)) as desk:
        pas = Terminal(desk, capsys)
        desk.move()
        desk.run()
        name = ask(pas, "force:01", "force:06")
        assert asked(pas, "security:WSI", state="OPEN") == asked(pas, state="OPEN") == [("force:01", "ASKED"), ("force:06", "ASKED")]
        [mine] = pas.json("request", "list", "--as", "force:01")
        assert (mine["request"], [one["office"] for one in mine["asked"]]) == (name, ["force:01"])

        path, report = write_answer(pas)
        pas(*pas.sign("request", "answer", name, path, "--as", "force:01", person=person("force:01")))
        pas(*pas.sign("request", "refuse", name, "--as", "force:06", *SAID, person=person("force:06")))
        desk.run()
        # That the report came, and was disclosed, is looked for once a second: a run that ends when idle may be over by then.
        while (plan := desk.pipeline.chase_requests()) is not None:
            desk.pipeline.commit(plan)
        desk.run()
        assert asked(pas, state="CLOSED") == [("force:01", "DISCLOSED"), ("force:06", "REFUSED")]
        assert asked(pas, "security:WSI", state="CLOSED") == [("force:01", "ANSWERED"), ("force:06", "REFUSED")]
        assert [row["urn"] for row in shown(pas, "security:WSI") if row["kind"] == "DISCLOSURE"] == [report["urn"]]
        assert pas.json("request", "list", "--as", "force:01") == pas.json("request", "list") == []
