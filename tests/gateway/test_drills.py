"""Drills: each runbook's own commands, typed as they stand in docs/operations.md, and judged from log and inboxes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from conftest import RunPas
from forked_pas import PAS
from gateway.desk import Desk
from gateway.drilling import read_commands
from gateway.judging import find_journeys, judge_log, read_all, take_everything
from gateway.killing import RunningGateway, until
from gateway.test_strange_records import quarantined
from pas_consumers import Inbox
from pas_gateway.audit import Scribe
from pas_gateway.drafts import About, notice, notify
from pas_gateway.filing import read_verdicts
from pas_gateway.office import PasOffice
from pas_gateway.register import outbox, schema
from pas_gateway.route import read_outbox, route
from pas_producers import Publisher
from pas_schemas.clock import show_time, to_ms
from pas_schemas.codec import encode
from pas_schemas.sealing import Plain, read_label
from pas_schemas.topics import MOVEMENTS, REPORTS
from pas_transport.log import Outgoing
from pas_transport.rules import load_rulebook

# A drill types a handful of commands; on a busy machine each takes seconds to start.
TYPED_SECONDS = 120

Drill = Callable[..., str]


def replace_file(path: Path, text: str) -> None:
    """In one step, as `mv` does."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text)
    beside.replace(path)


@pytest.fixture
def desk(desk: Desk, pristine: Path) -> Desk:
    """With the root key, to enrol new ones."""
    shutil.copytree(pristine / "keys" / "root", desk.workspace.keys_dir / "root")
    return desk


@pytest.fixture
def drill(desk: Desk) -> Drill:
    """Types a block of a runbook in the workspace; every command must end with `code`. Gives back what was said on stderr."""

    def type_block(heading: str, block: int = 0, code: int = 0) -> str:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PAS_")}
        environment = kept | {"PATH": f"{PAS.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
        done = subprocess.run(
            ["bash", "-euc", read_commands(heading)[block]], cwd=desk.workspace.root, env=environment,
            capture_output=True, text=True, timeout=TYPED_SECONDS, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert done.returncode == code, done.stderr
        return done.stderr

    return type_block


def test_lost_office_key(desk: Desk, drill: Drill) -> None:
    """The office's folder of keys and its inbox are gone; afterwards it reads everything with the new keys alone."""
    reports = [desk.write() for _ in range(3)]
    desk.publish(*reports)
    desk.run()
    old = set(desk.workspace.keyring("security:WSI").opening())
    drill("Lost office key")
    desk.workspace._read.clear()
    folder = desk.workspace.keys_dir / "security.WSI"
    for key in old:
        (folder / f"open-{key}.key").unlink()
    with Inbox.of(desk.workspace, "security:WSI", post="duty-officer", person="example-0001") as inbox:
        intake = inbox.take()
        assert sorted(new.urn for new in intake.new if new.kind == "DISCLOSURE") == [report["urn"] for report in reports]
        # What only the lost key opens: one delivery of each report.
        assert len(intake.aside) == len(reports)
    assert {new.kind for new in take_everything(desk.workspace, ["pio:WSI"])} == {"DISCLOSURE"}


def test_register_restored_from_a_backup(desk: Desk, drill: Drill) -> None:
    """Backed up, used further, lost and restored: every office has everything once."""
    reports = [desk.write() for _ in range(4)]
    desk.publish(*reports[:2])
    desk.run()
    desk.store.close()
    del desk.__dict__["store"]
    drill("Register restored from a backup", 0)
    desk.publish(*reports[2:])
    desk.run()
    desk.move(prison="BAI", hours_ago=0.1)
    desk.run()
    desk.store.close()
    del desk.__dict__["store"]
    said = drill("Register restored from a backup", 1)
    assert "older than what PAS has sent" in said
    wanted = {f"{role}:WSI": ["DISCLOSURE", "WITHDRAWAL"] for role in ("pio", "security")}
    wanted |= {f"{role}:BAI": ["DISCLOSURE"] for role in ("pio", "security")}
    journeys = find_journeys(judge_log(desk.log, desk.workspace))
    assert journeys == {(office, report["urn"]): kinds for report in reports for office, kinds in wanted.items()}
    take_everything(desk.workspace, list(wanted))


def test_rulebook_changed(desk: Desk) -> None:
    """A running gateway goes by the new file, is not moved by one that cannot be enforced, and names the rulebook in every decision."""
    root = desk.workspace.root
    book, key = root / "rulebook.toml", desk.office.register_key
    told = lambda word="rulebook_changed": (root / "gateway.log").read_text().count(word)  # noqa: E731  # one line, used thrice
    started = told("worker_started")
    with RunningGateway(root, workers=1) as gateway:
        gateway.await_workers()
        until(lambda: told("worker_started") == started + 2, "the workers go by the old one")
        replace_file(book, "# The edition of today.\n" + book.read_text())
        until(lambda: told() == 2, "every worker goes by it")
        changed = load_rulebook(desk.workspace).digest
        with Publisher.of(desk.workspace) as publisher:
            replace_file(book, "no rulebook at all")
            publisher.publish([report := desk.write()])
        until(lambda: any(urn == report["urn"] for _, urn in find_journeys(judge_log(desk.log, desk.workspace))), "it is decided")
        until(lambda: told("rulebook_refused") == 2, "every worker has seen the next one")
        assert told() == 2
        gateway.stop()
        assert gateway.said.count("goes on by the rulebook it has") == 2
    with desk.store.reading() as register:
        row = register.execute(sa.select(schema.reports.c.verdicts, schema.reports.c.id)).one()
    assert read_verdicts(row.verdicts, row.id, key).rulebook == changed


def forge_notice(desk: Desk, thief: PasOffice, urn: str) -> None:
    """A notice to pio:WSI on a report, as PAS's keys of then sign it."""
    scribe = Scribe(desk.workspace.clock.now(), "", 1)
    matter = About(b"f" * 16, urn, "force:01", "ROUTINE", show_time(scribe.now), scribe.now_ms)
    forged = route([notify(matter, "pio:WSI", [notice("REFUSED", "Forged.")])], {}, thief, scribe).outbox
    desk.log.append([Outgoing(row["topic"], *record, row["partition"]) for row in forged for record in read_outbox(row["records"])])


def test_gateway_key_taken(desk: Desk, drill: Drill) -> None:
    """What a thief signs with the old keys after the cut is set aside; what PAS sends goes on."""
    desk.publish(desk.write())
    desk.run()
    take_everything(desk.workspace, ["pio:WSI"])
    thief = desk.office
    drill("Gateway key taken")
    desk.workspace._read.clear()
    for name in ("office", "pipeline"):
        desk.__dict__.pop(name, None)
    forge_notice(desk, thief, "01/IR/2015/000999")
    desk.publish(report := desk.write())
    desk.worker("worker-1").run(desk.is_idle)
    with Inbox.of(desk.workspace, "pio:WSI", post="pio", person="example-0001") as inbox:
        intake = inbox.take()
    assert [new.urn for new in intake.new] == [report["urn"]]
    assert [aside.reason for aside in intake.aside] == ["expired"]


def read_events(desk: Desk, name: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (desk.workspace.root / "gateway.log").read_text().splitlines()]
    return [line for line in lines if line["event"] == name]


def test_what_waits_when_the_gateways_key_is_cut_comes_again(desk: Desk, drill: Drill) -> None:
    """A running gateway could not send for a while: PAS's own word, sent too late, is set aside like a thief's, and said again."""
    with RunningGateway(desk.workspace.root, workers=1) as gateway:
        gateway.await_workers()
        with desk.store.exclusive("dispatch-0"):
            desk.publish(report := desk.write())
            until(lambda: count_waiting(desk) == 3, "it is sealed, and waits to be sent")
            began = len(read_events(desk, "directory_changed"))
            drill("Gateway key taken", 0)
            desk.workspace._read.clear()
            until(lambda: len(read_events(desk, "directory_changed")) == began + 2, "both workers go by the new edition")
        until(lambda: count_waiting(desk) == 0, "it is sent")
        with Inbox.of(desk.workspace, "pio:WSI", post="pio", person="example-0001") as inbox:
            assert (inbox.take().new, [aside.reason for aside in inbox.set_aside()]) == ((), ["expired"])
            drill("Gateway key taken", 1)
            until(lambda: bool(inbox.take().new), "it comes again")
            [held] = [held for held in inbox.list().held if held.delivery.kind == "DISCLOSURE"]
        gateway.stop()
    assert (held.delivery.urn, held.state) == (report["urn"], "DELIVERED")


def count_waiting(desk: Desk) -> int:
    with desk.store.reading() as register:
        return outbox.count_outbox(register)


def correct_place(desk: Desk, thief: PasOffice, prison: str) -> None:
    """A correction of where the prisoner is, which PAS would believe of itself; sealed to the key it has now."""
    now = desk.workspace.clock.now()
    datum = {
        "noms_number": "A1234BC", "event": "RECEIVED", "prison": prison, "at": show_time(now), "category": "C", "alerts": [],
        "removed_noms_number": None, "reason": "because", "person": None, "sealed_at_us": to_ms(now) * 1000 - 2000,
    }  # fmt: skip
    key = PasOffice.of(desk.workspace).key_of("pas", now)
    assert key is not None
    [value] = thief.sealer.seal("pas", key, [Plain(b"k" * 16, encode("movement", datum))], now)
    desk.log.append([Outgoing(MOVEMENTS.name, b"k" * 16, value)])


def test_gateway_key_taken_from_a_running_gateway(desk: Desk, drill: Drill, pas: RunPas, tmp_path: Path) -> None:
    """Each sentence of the runbook: who seals to what, what PAS itself no longer believes, what the thief reads, what trace shows."""
    root, keys = desk.workspace.root, desk.workspace.keys_dir / "pas"
    desk.publish(before := desk.write())
    desk.run()
    shutil.copytree(keys, tmp_path / "stolen")
    thief, stolen = desk.office, set(desk.workspace.keyring("pas").opening())
    forge_notice(desk, thief, before["urn"])
    began = len(read_events(desk, "directory_changed"))
    with RunningGateway(root, workers=1) as gateway:
        gateway.await_workers()
        drill("Gateway key taken")
        desk.workspace._read.clear()
        until(lambda: len(read_events(desk, "directory_changed")) == began + 2, "both workers go by the new edition")
        desk.publish(after := desk.write())
        correct_place(desk, thief, "BAI")
        until(lambda: len(quarantined(desk)) == 1, "what the thief says in PAS's name is set aside")
        until(lambda: len([urn for _, urn in find_journeys(judge_log(desk.log, desk.workspace)) if urn == after["urn"]]) == 2, "it goes on")
        gateway.stop()
    # PAS itself no longer believes what is signed with its old key: nobody was moved.
    assert [entry["reason"] for entry in quarantined(desk).values()] == ["expired"]
    assert {office for office, _ in find_journeys(judge_log(desk.log, desk.workspace))} == {"pio:WSI", "security:WSI"}
    # Publishers seal to the new key; what was sealed to the old one, the thief's copy of it opens.
    to = {read_label(taken.value).record_id: read_label(taken.value).recipient_key for taken in read_all(desk.log, REPORTS.name)}
    assert sorted(key in stolen for key in to.values()) == [False, True]
    # What the thief signed before the cut passes for PAS's own at the inbox, and trace does not know it.
    with Inbox.of(desk.workspace, "pio:WSI", post="pio", person="example-0001") as inbox:
        intake = inbox.take()
    assert intake.aside == ()
    held = {new.id.hex() for new in intake.new if new.urn == before["urn"]}
    [row] = [
        one for one in json.loads(pas("trace", before["urn"], "--json", cwd=root, code=0).out)["outcomes"] if one["office"] == "pio:WSI"
    ]
    assert len(held) == 2
    assert len(held - set(row["deliveries"])) == 1
    # The keys that were taken run no gateway by the edition of today.
    shutil.rmtree(keys)
    shutil.copytree(tmp_path / "stolen", keys)
    refused = pas("gateway", "run", "--until-idle", "--json", cwd=root, code=1)
    assert refused.out == ""
    assert "A key of pas (sign-" in refused.err
