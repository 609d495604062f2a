"""`pas reseal`: an office that lost its keys gets what stands released to it once more, and nothing besides."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import RunPas
from gateway.desk import Desk, Row
from gateway.judging import find_journeys
from pas_consumers import Inbox
from pas_gateway import resealing
from pas_gateway.pipeline import Pipeline
from pas_gateway.plan import Plan
from pas_gateway.register import ClashError, split_blobs
from pas_gateway.register import schema as tables
from pas_gateway.renewal import CLOSED
from pas_gateway.resealing import Resealed, find_due, reseal
from pas_schemas.codec import decode
from pas_schemas.errors import DirectoryError
from pas_transport.issuing import rotate_keys
from producers.samples import make_code4, make_handling, make_item, make_subject

LOST, OTHER = "security:WSI", "pio:WSI"
ASSESSED = {"summary": "Weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}
ANEW = ["DISCLOSURE", "WITHDRAWAL", "DISCLOSURE"]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resealing, "REPORTS_AT_ONCE", 2)


@pytest.fixture
def desk(desk: Desk, pristine: Path) -> Desk:
    """With the root key, to enrol new ones."""
    shutil.copytree(pristine / "keys" / "root", desk.workspace.keys_dir / "root")
    return desk


def lose_keys(desk: Desk, office: str = LOST) -> None:
    """The office's keys and its inbox are gone; new keys are enrolled."""
    rotate_keys(desk.workspace, office)
    shutil.rmtree(desk.workspace.inbox_dir(office), ignore_errors=True)
    for name in ("office", "pipeline"):
        desk.__dict__.pop(name, None)
    desk.workspace._read.clear()


def seal_again(desk: Desk, office: str = LOST) -> Resealed:
    return reseal(desk.store, desk.office, office, find_due(desk.store, desk.office, office), "example-duty", lambda _: None)


def show(desk: Desk, office: str) -> dict[str, list[str]]:
    """What a person at the office sees: of each report the texts that are not withdrawn."""
    with Inbox.of(desk.workspace, office, post="duty-officer", person="example-0001") as inbox:
        inbox.take()
        seen: dict[str, list[str]] = {}
        for held in inbox.list().held:
            if held.state != "WITHDRAWN" and held.delivery.body is not None:
                seen.setdefault(held.delivery.urn, []).extend(item.text or "" for item in held.delivery.body.items)
    return seen


def journeys(desk: Desk, office: str) -> dict[str, list[str]]:
    return {urn: kinds for (to, urn), kinds in find_journeys(desk.run()).items() if to == office}


def audited(desk: Desk, name: str) -> list[dict[str, Any]]:
    with desk.store.reading() as register:
        rows = [row.events for row in register.execute(tables.leaves.select().order_by(tables.leaves.c.number))]
    events = [decode(event[16:], "audit_event").datum for joined in rows for event in split_blobs(joined)]
    return [event for event in events if event["event"] == name]


def test_everything_that_stands_comes_once_more_and_is_shown_once(desk: Desk) -> None:
    """An inbox that lost nothing shows it once too: what it has is withdrawn by the delivery before."""
    reports = [desk.write() for _ in range(5)]
    desk.publish(*reports)
    desk.run()
    before = show(desk, LOST)
    urns = [report["urn"] for report in reports]
    assert sorted(before) == urns
    kept = desk.workspace.inbox_dir(LOST)
    shutil.copytree(kept, kept.with_name("kept"))
    lose_keys(desk)
    assert seal_again(desk) == Resealed(reports=5, deliveries=5)
    assert journeys(desk, LOST) == dict.fromkeys(urns, ANEW)
    assert journeys(desk, OTHER) == {key: ["DISCLOSURE"] for key in urns}
    assert show(desk, LOST) == before
    shutil.rmtree(kept)
    shutil.copytree(kept.with_name("kept"), kept)
    assert show(desk, LOST) == before
    assert [event["office"] for event in audited(desk, "RESEALED")] == [LOST] * 5
    assert len({tuple(event["digests"]) for event in audited(desk, "RESEALED")}) == 1


def test_it_is_sealed_to_the_new_key_alone(desk: Desk) -> None:
    desk.publish(desk.write())
    desk.run()
    old = set(desk.workspace.keyring(LOST).opening())
    lose_keys(desk)
    seal_again(desk)
    desk.run()
    folder = desk.workspace.keys_dir / LOST.replace(":", ".")
    for file in folder.rglob("*"):
        if any(key in file.name for key in old):
            file.unlink()
    assert not old & set(desk.workspace.keyring(LOST).opening())
    assert len(show(desk, LOST)) == 1


def test_what_is_held_refused_or_withdrawn_today_is_not_sealed_again(desk: Desk) -> None:
    """The prisoner has gone on to another prison and has become a matter for PAS: by today's rules nothing would go out."""
    gone, stays = desk.write(), desk.write(subjects=[make_subject(noms_number="A4821DK", pnc_id=None)])
    desk.move(noms_number="A4821DK")
    desk.publish(gone, stays)
    desk.run()
    desk.move(prison="BAI", hours_ago=0.1)
    desk.run()
    lose_keys(desk)
    assert seal_again(desk) == Resealed(reports=1, deliveries=1)
    assert journeys(desk, LOST) == {gone["urn"]: ["DISCLOSURE", "WITHDRAWAL"], stays["urn"]: ANEW}


def test_what_an_office_only_keeps_is_neither_sent_again_nor_taken_back(desk: Desk) -> None:
    """Addressed by id, it keeps what it had when the prisoner left; sent today it would be held."""
    desk.publish(report := desk.write(addressees=[LOST]))
    desk.run()
    desk.move(prison="BAI", hours_ago=0.1)
    desk.run()
    lose_keys(desk)
    assert seal_again(desk) == Resealed(left=1)
    assert journeys(desk, LOST) == {report["urn"]: ["DISCLOSURE"]}


def test_of_code_5_only_what_was_accepted_comes_with_its_text(desk: Desk) -> None:
    conditional: Row = {
        "items": [make_item(handling="5")],
        "addressees": [LOST, OTHER],
        "handling": make_handling(conditions="Not on the wing.", risk_assessment=ASSESSED),
    }
    desk.publish(report := desk.write(**conditional))
    desk.run()
    with Inbox.of(desk.workspace, OTHER, post="pio", person="example-0001") as inbox:
        (came,) = inbox.take().new
        inbox.accept(came.id)
        inbox.send()
    desk.run()
    for office in (LOST, OTHER):
        lose_keys(desk, office)
        assert seal_again(desk, office) == Resealed(reports=1, deliveries=1)
    assert journeys(desk, LOST)[report["urn"]] == ["CONDITIONS", "WITHDRAWAL", "CONDITIONS"]
    assert journeys(desk, OTHER)[report["urn"]] == ["CONDITIONS", "DISCLOSURE", "WITHDRAWAL", "DISCLOSURE"]


def test_of_a_closed_text_office_and_originator_are_told(desk: Desk) -> None:
    """PAS cannot seal it again; in a delivery of its own it keeps nothing else from being read."""
    report = make_code4(900) | {name: desk.write()[name] for name in ("created_at", "subjects", "mopi")}
    report["addressees"] = ["fib:01"]
    report["handling"] = report["handling"] | {"review_by": "2099-01-01"}
    desk.publish(report)
    desk.run()
    lose_keys(desk, "fib:01")
    assert seal_again(desk, "fib:01") == Resealed(reports=1, deliveries=2, closed=1)
    sent = [one for one in desk.run() if one.datum["urn"] == report["urn"]]
    kinds = [one.datum["kind"] for one in sorted(sent, key=lambda one: int(one.datum["n"])) if one.office == "fib:01"]
    assert kinds == ["DISCLOSURE", "WITHDRAWAL", "DISCLOSURE", "DISCLOSURE", "NOTICE"]
    told = {one.office for one in sent for word in one.datum["notices"] if word["why"] == CLOSED}
    assert told == {"fib:01", "force:01"}


def test_interrupted_anywhere_it_is_repeated_and_nothing_comes_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Death between two batches, and before one is written; done once more, it does the rest; then nothing is left to do."""
    desk.publish(*(desk.write() for _ in range(5)))
    desk.run()
    lose_keys(desk)
    written = Pipeline.commit
    turns = iter([True, False])

    def die(pipeline: Pipeline, plan: Plan) -> None:
        if not next(turns):
            raise KeyboardInterrupt
        written(pipeline, plan)

    with monkeypatch.context() as patched:
        patched.setattr(Pipeline, "commit", die)
        with pytest.raises(KeyboardInterrupt):
            seal_again(desk)
    assert seal_again(desk) == Resealed(reports=3, deliveries=3)
    assert seal_again(desk) == Resealed()
    assert set(map(tuple, journeys(desk, LOST).values())) == {tuple(ANEW)}


def test_a_gateway_that_writes_meanwhile_is_given_way_to(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A movement comes between the snapshot and the transaction: what was computed is dropped and decided again."""
    desk.publish(report := desk.write())
    desk.run()
    lose_keys(desk)
    written, moved = Pipeline.commit, iter([True])

    def commit(pipeline: Pipeline, plan: Plan) -> None:
        if next(moved, False):
            with monkeypatch.context() as own:
                own.setattr(Pipeline, "commit", written)
                desk.move(prison="BAI", hours_ago=0.1)
                desk.run()
            with pytest.raises(ClashError):
                written(pipeline, plan)
            raise ClashError("so", "")
        written(pipeline, plan)

    with monkeypatch.context() as patched:
        patched.setattr(Pipeline, "commit", commit)
        assert seal_again(desk) == Resealed(left=1)
    assert journeys(desk, LOST) == {report["urn"]: ["DISCLOSURE", "WITHDRAWAL"]}


def test_command_says_what_it_did(desk: Desk, pas: RunPas) -> None:
    root = desk.workspace.root
    desk.publish(desk.write())
    desk.run()
    lose_keys(desk)
    answer = pas("reseal", LOST, "--since", "2999-01-01T00:00:00Z", "--json", cwd=root, code=0)
    assert json.loads(answer.out) == {"office": LOST, "reports": 0, "deliveries": 0, "closed": 0, "left": 0}
    assert json.loads(pas("reseal", LOST, "--json", cwd=root, code=0).out)["reports"] == 1
    assert json.loads(pas("reseal", LOST, "--json", cwd=root, code=0).out)["reports"] == 0
    answer = pas("reseal", "security:NONE", "--json", cwd=root, code=1)
    assert answer.out == ""
    assert "hint:" in answer.err
    shutil.rmtree(root / "keys" / "pas")
    assert "pas" in pas("reseal", LOST, cwd=root, code=1).err


def test_office_without_a_key_is_refused(desk: Desk) -> None:
    with pytest.raises(DirectoryError, match="no key"):
        find_due(desk.store, desk.office, "security:NOWHERE")
