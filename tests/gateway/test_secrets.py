"""Content lies nowhere but sealed: a word in every field of reports of every fate, looked for wherever PAS, forces and offices write."""

from __future__ import annotations

import gc
import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.canaries import HIGH_NUMBER, NUMBER, WORD, find_words, scan_files, write_all, write_canaries, write_line, write_person
from gateway.desk import Desk
from gateway.fuzzing import Forge, encode_report, open_report, walk
from gateway.judging import make_opener, read_all, take_everything
from pas_consumers import Inbox
from pas_gateway.again import find_standing
from pas_gateway.knowledge import Knowledge
from pas_gateway.plan import Plan
from pas_gateway.register import outbox, schema
from pas_gateway.route import read_outbox
from pas_gateway.trace import trace
from pas_gateway.vault import unlock_body
from pas_producers import Published, Publisher
from pas_schemas.errors import PasError
from pas_schemas.sealing import REPLY, Opener
from pas_schemas.topics import COMPARTMENT, MOVEMENTS, QUARANTINE, REPLIES, REPORTS, URGENT, deliveries
from pas_transport.log import Outgoing
from pas_transport.workspace import open_workspace

FATES = ("released", "threat", "conditional", "closed", "held", "confidential", "suspected", "compartment", "taken")
CONTENT_FREE = ("keys",)
# What holds content, or holds what holds it, and is alive when objects are looked at.
SILENT = {
    "Report", "Subject", "Item", "Handling", "Declarations", "Plan", "Draft", "Standing", "Source", "OpenedReport", "ItemPart", "Kept",
    "Held", "Delivery", "Projection", "DisclosedItem", "Notice", "Taken",
}  # fmt: skip


@pytest.fixture
def told(desk: Desk) -> dict[str, dict[str, Any]]:
    """Every fate in the log, and nothing of it taken in yet."""
    desk.move(noms_number=NUMBER)
    desk.move(noms_number=HIGH_NUMBER, category="A")
    desk.run()
    reports = write_all(desk)
    assert set(reports) == set(FATES)
    desk.publish(*reports.values())
    with Publisher.of(desk.workspace) as publisher:
        refused = write_canaries(desk, "refused")
        refused["items"][0]["intelligence"] = "9"
        assert not isinstance(publisher.publish([refused]).outcomes[0], Published)
    set_aside(desk)
    return reports


def set_aside(desk: Desk) -> None:
    """Two records for quarantine with content inside: one stale, one that nobody can be proved to have sent."""
    record = next(iter(read_all(desk.log, REPORTS.name)))
    datum, manifest = open_report(desk.workspace, record)
    payload, manifest = encode_report(datum | {"sealed_at_us": datum["sealed_at_us"] - 10**12}, manifest)
    for forge in (Forge(desk.workspace, "force:01"), Forge(desk.workspace, "force:01", own="force:06")):
        name = os.urandom(16)
        desk.log.append([Outgoing(REPORTS.name, name, forge.seal(name, payload, manifest))])


def take_in(desk: Desk) -> None:
    """Decided and written, and then the process dies: nothing is sent."""
    for topic in (REPORTS.name, URGENT.name):
        desk.pipeline.commit(desk.plan_reports(desk.fresh(topic)))


def receive(desk: Desk) -> None:
    """Every office takes what it was sent; conditions are accepted, and what follows is taken too."""
    offices = [office for office in desk.workspace.held_offices() if not office.startswith("feed:")]
    desk.run()
    for one in take_everything(desk.workspace, offices):
        if one.kind == "CONDITIONS":
            with Inbox.of(desk.workspace, one.office, post="duty-pio", person="ref-1") as inbox:
                inbox.accept(one.id)
                inbox.send()
    desk.run()
    take_everything(desk.workspace, offices)


@pytest.mark.parametrize("shift", range(4))
def test_canaries_are_found_however_they_are_spelt(shift: int) -> None:
    word = b"x" * shift + NUMBER.encode() + b" and more"
    assert all(map(find_words, (word, word.decode().encode("utf-16-le"), word.hex().encode(), b64encode(word))))
    assert not find_words(b"canary and A7391")


def test_no_file_holds_content(desk: Desk, told: dict[str, dict[str, Any]]) -> None:
    assert scan_files(desk.workspace.root, *CONTENT_FREE) == {}
    take_in(desk)
    with desk.store.reading() as register:
        assert outbox.count_outbox(register) > 5
    assert scan_files(desk.workspace.root, *CONTENT_FREE) == {}
    receive(desk)
    assert sum(desk.log.ends([QUARANTINE.name]).values()) == 2
    assert scan_files(desk.workspace.root, *CONTENT_FREE) == {}
    names = {path.name for path in desk.workspace.root.rglob("*") if path.is_file()}
    assert {"log.db", "register.db", "register.db-wal", "gateway.log", "inbox.db", "force.01.db"} <= names


def test_urns_stand_in_the_register_alone(desk: Desk, told: dict[str, dict[str, Any]]) -> None:
    receive(desk)
    urn = told["released"]["urn"].encode()
    desk.store.close()
    holding = {
        str(path.relative_to(desk.workspace.root)) for path in desk.workspace.root.rglob("*") if path.is_file() and urn in path.read_bytes()
    }
    assert {place.removesuffix("-wal") for place in holding} == {"register.db"}


# --- with PAS's keys -------------------------------------------------------------------------------------------------


def open_everything(desk: Desk) -> Iterator[bytes]:
    """What PAS can open, opened: every record of the log, every body and reply of the register, its own inbox's topic."""
    workspace, register_key = desk.workspace, desk.office.register_key
    openers = [make_opener(workspace, "pas"), make_opener(workspace, "pas", prefix=REPLY), make_opener(workspace, "pas", use="compartment")]
    for topic in (REPORTS, URGENT, COMPARTMENT, MOVEMENTS, REPLIES, QUARANTINE, *(deliveries(o.id) for o in desk.snapshot.offices)):
        for taken in read_all(desk.log, topic.name):
            yield taken.value
            yield from _try_openers(openers, taken.value, taken.at)
    with desk.store.reading() as register:
        for row in register.execute(sa.select(schema.reports)):
            body = unlock_body(row.body, row.data_key, row.id, register_key)
            yield from (body.payload, row.verdicts)
        for row in register.execute(sa.select(schema.replies)):
            yield register_key.open(row.sealed, row.id)
        for row in register.execute(sa.select(schema.outbox)):
            yield row.records
        for row in register.execute(sa.select(schema.leaves)):
            yield row.events


def _try_openers(openers: list[Opener], value: bytes, at: Any) -> Iterator[bytes]:
    for opener in openers:
        try:
            opened = opener.open(value, at)
        except PasError:
            continue
        yield opened.payload


def test_code_4_text_is_beyond_every_key_of_pas(desk: Desk, told: dict[str, dict[str, Any]]) -> None:
    take_in(desk)
    found = {word for data in open_everything(desk) for word in find_words(data)}
    receive(desk)
    found |= {word for data in open_everything(desk) for word in find_words(data)}
    texts = {word for word in found if b"-text-" in word}
    # The reader does read: what is not closed it finds.
    assert {name for name in FATES if any(word.startswith(f"{WORD}-{name}-text-0".encode()) for word in texts)} == set(FATES)
    assert not [word for word in texts if word.startswith((b"Canary-closed-text-1", b"Canary-compartment-text-1"))]
    [mine] = [one for one in opened_by(desk, "fib:01") if b"Canary-closed-text" in one or b"closed-source-1" in one]
    assert b"Canary-closed-text-1" not in mine


def test_code_4_text_reaches_its_internal_recipient_alone(desk: Desk, told: dict[str, dict[str, Any]]) -> None:
    receive(desk)
    reading = set()
    for office in desk.workspace.held_offices():
        if office.startswith("feed:"):
            continue
        with Inbox.of(desk.workspace, office, post="duty-pio", person="ref-1") as inbox:
            for held in inbox.list().held:
                items = held.delivery.body.items if held.delivery.body else ()
                reading |= {(office, item.text) for item in items if item.text and "closed-text-1" in item.text}
    assert reading == {("fib:01", f"{WORD}-closed-text-1 was said.")}


# --- held means encrypted to nobody ----------------------------------------------------------------------------------


def opened_by(desk: Desk, office: str) -> list[bytes]:
    """Everything that office can open: its topic, and what lies for it in the outbox."""
    opener = make_opener(desk.workspace, office)
    with desk.store.reading() as register:
        waiting = [value for row in register.execute(sa.select(schema.outbox)) for _, value in read_outbox(row.records)]
    now = desk.workspace.clock.now()
    values = [(taken.value, taken.at) for taken in read_all(desk.log, deliveries(office).name)] + [(value, now) for value in waiting]
    return [payload for value, at in values for payload in _try_openers([opener], value, at)]


@pytest.mark.parametrize("sent", [False, True], ids=["in the outbox", "in the topic"])
def test_held_item_is_sealed_to_nobody(desk: Desk, told: dict[str, dict[str, Any]], sent: bool) -> None:
    """Whoever waits for a decision holds no record about the report at all; the originator and the case's owner hold words."""
    take_in(desk)
    if sent:
        receive(desk)
    for name in ("held", "confidential", "suspected"):
        urn = told[name]["urn"].encode()
        for office in ("security:WSI", "governor:WSI", "cat-a-team"):
            assert not [one for one in opened_by(desk, office) if urn in one], (name, office)
        for office in desk.workspace.held_offices():
            own = office in ("pio:WSI", "fib:01") and name == "held"
            if not own and not office.startswith("feed:"):
                assert not [one for one in opened_by(desk, office) if f"{WORD}-{name}".encode() in one], (name, office)


def test_item_held_beside_a_released_one_is_in_no_delivery(desk: Desk) -> None:
    desk.move(noms_number=NUMBER)
    desk.move(noms_number=HIGH_NUMBER, category="A")
    people = [write_person("low"), write_person("high", noms_number=HIGH_NUMBER, pnc_id=None)]
    lines = [write_line("mixed", 0, subjects=[0]), write_line("mixed", 1, subjects=[1])]
    desk.publish(write_canaries(desk, "mixed", subjects=people, items=lines))
    desk.run()
    [mine] = opened_by(desk, "security:WSI")
    assert b"Canary-mixed-text-0" in mine
    withheld = (b"text-1", b"source-0", b"corroboration", b"operation", b"summary", b"visor", b"pin", b"conditions", b"reasons")
    assert not [word for word in (b"Canary-high", HIGH_NUMBER.encode(), *withheld) if word in mine]


# --- words -----------------------------------------------------------------------------------------------------------


def test_no_command_says_content(estate: Path, pas: Callable[..., Any]) -> None:
    """Every command but the one that shows a person what he was sent."""
    with Desk(open_workspace(estate, environment={})) as desk:
        desk.move(noms_number=NUMBER)
        reports = write_all(desk)
    lines = [json.dumps(report) for report in reports.values()] + [json.dumps(bad) for bad in spoil(reports["released"])]
    (estate / "reports.ndjson").write_text("\n".join(lines))
    movement = {"noms_number": NUMBER, "event": "Canary", "prison": "WSI", "at": "2015-01-01T00:00:00Z"}
    (estate / "movements.ndjson").write_text(json.dumps(movement) + "\n")
    urn = reports["released"]["urn"]
    said = []
    for command in (
        ["explain", "reports.ndjson"], ["publish", "reports.ndjson"], ["publish", "reports.ndjson", "--json"],
        ["movements", "import", "movements.ndjson"], ["gateway", "run", "--until-idle"], ["trace", urn], ["trace", urn, "--json"],
        ["cases", "list"], ["inbox", "list", "--as", "pio:WSI"], ["inbox", "list", "--as", "force:01", "--json"], ["status"],
    ):  # fmt: skip
        answer = pas(*command, cwd=estate)
        assert answer.code in (0, 1), answer.err
        said.append(answer.out + answer.err)
    assert [find_words(text.encode()) for text in said] == [set()] * len(said)
    assert urn in "".join(said)
    assert set(scan_files(estate, *CONTENT_FREE)) == {"reports.ndjson", "movements.ndjson"}
    (estate / "reports.ndjson").unlink()
    (estate / "movements.ndjson").unlink()
    assert scan_files(estate, *CONTENT_FREE) == {}


def spoil(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The report with a canary where something else should stand, field by field; names of offices and reports aside."""
    for number, path in enumerate(walk(report)):
        if path[0] in ("urn", "originator", "addressees") or path[-1] == "urn":
            continue
        bad = json.loads(json.dumps(report)) | {"urn": f"01/IR/2015/9{number:04}"}
        node: Any = bad
        for name in path[:-1]:
            node = node[name]
        node[path[-1]] = f"{WORD}-in-place-of-{number}"
        yield bad
    yield report | {f"{WORD}-field": f"{WORD}-value"}


def test_no_error_holds_content(desk: Desk) -> None:
    outcomes = []
    with Publisher.of(desk.workspace) as publisher:
        outcomes += publisher.publish(spoil(write_canaries(desk, "spoilt"))).outcomes
    assert len({one.rules for one in outcomes if not isinstance(one, Published)}) > 3
    assert not find_words("".join(f"{one!r} {one}" for one in outcomes).encode())


def test_no_object_of_ours_shows_content(desk: Desk, told: dict[str, dict[str, Any]]) -> None:
    """Whatever lives in memory while reports are published, decided, sealed and read: its `repr` and `str` are silent."""
    alive: list[object] = []
    records = [taken for topic in (REPORTS.name, URGENT.name) for taken in desk.fresh(topic)]
    plan: Plan = desk.plan_reports(records)
    alive += [plan, *plan.drafts, *records]
    accepted = {row["id"] for row in plan.change.reports}
    alive += [open_report(desk.workspace, next(record for record in records if record.key in accepted))]
    desk.pipeline.commit(plan)
    receive(desk)
    with desk.store.reading() as register:
        ids = list(register.execute(sa.select(schema.reports.c.id)).scalars())
        scribe, again = desk.pipeline._begin(())
        alive += find_standing(register, ids, Knowledge(desk.office.names), desk.office, scribe, again)
    for office in ("pio:WSI", "force:01"):
        with Inbox.of(desk.workspace, office, post="duty-officer", person="ref-1") as inbox:
            alive += inbox.list().held
    shown: dict[str, set[bytes]] = {}
    for one in gc.get_objects():
        kind = type(one)
        if str(kind.__module__).startswith("pas_"):
            shown.setdefault(kind.__qualname__, set()).update(find_words(f"{one!r} {one}".encode()))
    assert {name: words for name, words in shown.items() if words} == {}
    assert set(shown) >= SILENT
    assert alive


def test_an_addressee_that_is_no_office_stands_nowhere_in_clear(desk: Desk) -> None:
    """Whatever somebody typed as an addressee is refused by name in the trace, and lies sealed in every file."""
    stranger = f"{WORD}-stranger-addressee"
    report = write_canaries(desk, "stranger", addressees=["pio", stranger])
    desk.publish(report)
    desk.run()
    outcomes = trace(desk.store, desk.office.register_key, report["urn"])["outcomes"]
    assert [pair["rule"] for outcome in outcomes if outcome["office"] == stranger for pair in outcome["items"]] == [
        "R-UNKNOWN",
        "R-UNKNOWN",
    ]
    assert scan_files(desk.workspace.root, *CONTENT_FREE) == {}
