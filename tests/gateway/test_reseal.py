"""`pas reseal`: an office gets what stands released to it and it cannot read once more, and nothing besides."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import RunPas
from copying import spoil
from gateway.desk import Desk, Row
from gateway.judging import find_journeys
from gateway.test_restored import back_up, restore
from pas_consumers import Inbox
from pas_gateway import resealing
from pas_gateway.pipeline import Pipeline
from pas_gateway.plan import Plan
from pas_gateway.register import ClashError, split_blobs
from pas_gateway.register import schema as tables
from pas_gateway.renewal import CLOSED, UNHEARD
from pas_gateway.resealing import Due, Resealed, find_cut, find_due, reseal
from pas_schemas.codec import decode
from pas_schemas.errors import DirectoryError
from pas_schemas.topics import MOVEMENTS, REPORTS
from pas_transport.issuing import rotate_keys
from producers.samples import make_code4, make_handling, make_item, make_subject

LOST, OTHER = "security:WSI", "pio:WSI"
RUN = ("gateway", "run", "--until-idle")
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


def cut_key(desk: Desk) -> None:
    """PAS's signing key ends now, whatever it has signed and not sent."""
    rotate_keys(desk.workspace, "pas", timedelta(0))
    for name in ("office", "pipeline"):
        desk.__dict__.pop(name, None)
    desk.workspace._read.clear()


def seal_cut(desk: Desk) -> dict[str, Resealed]:
    """What `pas reseal --cut` does, office by office."""
    pas = desk.office
    due = find_cut(desk.store, pas)
    return {office: reseal(desk.store, pas, office, each, "example-duty", lambda _: None) for office, each in due.items()}


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
    assert json.loads(answer.out) == {"office": LOST, "reports": 0, "deliveries": 0, "closed": 0, "left": 0, "unheard": 0}
    assert json.loads(pas("reseal", LOST, "--json", cwd=root, code=0).out)["reports"] == 1
    assert json.loads(pas("reseal", LOST, "--json", cwd=root, code=0).out)["reports"] == 0
    assert json.loads(pas("reseal", "--cut", "--json", cwd=root, code=0).out) == []
    for unclear in ((), (LOST, "--cut")):
        assert "--cut" in pas("reseal", *unclear, cwd=root, code=2).err
    answer = pas("reseal", "security:NONE", "--json", cwd=root, code=1)
    assert answer.out == ""
    assert "hint:" in answer.err
    shutil.rmtree(root / "keys" / "pas")
    assert "pas" in pas("reseal", LOST, cwd=root, code=1).err


def test_nothing_is_sealed_again_by_what_is_anothers(desk: Desk, pas: RunPas) -> None:
    """The keys of another register would give other ids, and another log would take what is for this one's offices."""
    root = desk.workspace.root
    desk.publish(desk.write())
    desk.run()
    lose_keys(desk)
    names = root / "keys" / "pas" / "register-id.key"
    own = names.read_bytes()
    spoil(names, bytes(reversed(own)))
    assert "not made under the key register-id.key" in pas("reseal", LOST, cwd=root, code=1).err
    spoil(names, own)
    assert "fed from another log" in pas("reseal", LOST, cwd=root, env={"PAS_LOG_PATH": "other.db"}, code=1).err
    assert json.loads(pas("reseal", LOST, "--json", cwd=root, code=0).out)["reports"] == 1


def test_nothing_is_sealed_again_before_it_has_caught_up(desk: Desk, pas: RunPas, tmp_path: Path) -> None:
    """What was sealed again since the backup has numbers that would be given twice: an inbox would set the second aside."""
    desk.publish(report := desk.write())
    desk.run()
    lose_keys(desk)
    back_up(desk, tmp_path / "backup.db")
    reseal = ("reseal", LOST, "--json")
    assert json.loads(pas(*reseal, cwd=desk.workspace.root, code=0).out)["reports"] == 1
    pas(*RUN, cwd=desk.workspace.root, code=0)
    restore(desk, tmp_path / "backup.db")
    for command in (reseal, ("reseal", "--cut")):
        answer = pas(*command, cwd=desk.workspace.root, code=1)
        assert answer.out == ""
        assert "is older than what PAS has sent: nothing is sealed again." in answer.err
    with desk.store.reading() as register:
        assert register.execute(tables.outbox.select()).first() is None
    pas(*RUN, cwd=desk.workspace.root, code=0)
    assert json.loads(pas(*reseal, cwd=desk.workspace.root, code=0).out)["reports"] == 0
    assert journeys(desk, LOST) == {report["urn"]: ["DISCLOSURE", "WITHDRAWAL", "DISCLOSURE"]}


def test_the_compartment_seals_nothing_again_by_an_older_register(desk: Desk, pas: RunPas) -> None:
    root = desk.workspace.root
    pas("gateway", "run", "--compartment", "--until-idle", cwd=root, code=0)
    pas("reseal", LOST, "--compartment", cwd=root, code=0)
    (root / "compartment" / "sent-0.mark").write_text("7\n")
    assert "is older than what the compartment has sent" in pas("reseal", LOST, "--compartment", cwd=root, code=1).err


def test_office_without_a_key_is_refused(desk: Desk) -> None:
    with pytest.raises(DirectoryError, match="no key"):
        find_due(desk.store, desk.office, "security:NOWHERE")


# --- what PAS signed with a key that had ended -----------------------------------------------------------------------


def send(desk: Desk) -> None:
    """As `Desk.run`, which judges the log: here it holds what no inbox takes."""
    desk.worker("worker-1").run(desk.is_idle)


def seal_unsent(desk: Desk, *reports: Row) -> None:
    """Decided and sealed; it lies in the outbox."""
    desk.fresh(REPORTS.name)
    desk.publish(*reports)
    desk.pipeline.commit(desk.plan_reports(desk.fresh(REPORTS.name)))


@pytest.mark.parametrize("sent", [True, False], ids=["sent after the cut", "still in the outbox"])
def test_what_a_cut_key_signed_too_late_comes_again_to_everybody(desk: Desk, sent: bool) -> None:
    """And once: nothing is left to do then. Of the notice to the originator its words are lost, and it is told so."""
    reports = [desk.write() for _ in range(3)]
    seal_unsent(desk, *reports)
    cut_key(desk)
    if sent:
        send(desk)
    again = Resealed(reports=3, deliveries=3)
    assert seal_cut(desk) == {"force:01": Resealed(unheard=3), OTHER: again, LOST: again}
    assert seal_cut(desk) == {}
    send(desk)
    urns = [report["urn"] for report in reports]
    for office in (OTHER, LOST):
        assert sorted(show(desk, office)) == urns
    with Inbox.of(desk.workspace, "force:01", post="duty-officer", person="example-0001") as inbox:
        told = [(new.urn, [word.why for word in new.notices]) for new in inbox.take().new]
    assert sorted(told) == [(urn, [UNHEARD]) for urn in urns]


def test_a_withdrawal_that_a_cut_key_signed_too_late_is_made_again(desk: Desk) -> None:
    """Until then the prison that he left goes on reading; its words are gone when it has come."""
    desk.publish(report := desk.write())
    desk.run()
    before = show(desk, LOST)
    assert list(before) == [report["urn"]]
    desk.move(prison="BAI", hours_ago=0.1)
    desk.pipeline.commit(desk.plan_movements(desk.fresh(MOVEMENTS.name)))
    cut_key(desk)
    send(desk)
    assert show(desk, LOST) == before
    done = seal_cut(desk)
    assert done[LOST] == Resealed(reports=1)
    assert seal_cut(desk) == {}
    send(desk)
    assert show(desk, LOST) == {}
    assert show(desk, "security:BAI") == before


def test_a_withdrawal_of_a_report_that_lives_no_more_is_made_again(desk: Desk) -> None:
    desk.publish(report := desk.write())
    desk.run()
    assert list(show(desk, LOST)) == [report["urn"]]
    seal_unsent(desk, desk.write(supersedes={"urn": report["urn"], "action": "WITHDRAW"}))
    while (plan := desk.pipeline.settle(frozenset([report["urn"]]))) is not None:
        desk.pipeline.commit(plan)
    cut_key(desk)
    send(desk)
    assert report["urn"] in show(desk, LOST)
    assert seal_cut(desk)[LOST].reports >= 1
    send(desk)
    assert report["urn"] not in show(desk, LOST)


def test_what_was_in_the_log_in_time_or_is_confirmed_does_not_come_again(desk: Desk) -> None:
    """Clocks may differ by an hour: what was sent in the last one counts as late until its office has answered."""
    desk.publish(desk.write())
    desk.run()
    desk.turn(minutes=90)
    desk.publish(late := desk.write(), read := desk.write())
    desk.run()
    with Inbox.of(desk.workspace, LOST, post="duty-officer", person="example-0001") as inbox:
        inbox.take()
    desk.run()
    cut_key(desk)
    due = find_due(desk.store, desk.office, OTHER, cut_only=True)
    with desk.store.reading() as register:
        urns = {row.id: row.urn for row in register.execute(tables.reports.select())}
    assert sorted(urns[report] for report in due.reports) == [late["urn"], read["urn"]]
    assert find_due(desk.store, desk.office, LOST, cut_only=True) == Due()


def test_of_an_unknown_key_it_is_believed_that_it_ended(desk: Desk) -> None:
    """What an older version sealed, and nobody confirmed; as long as PAS has the keys it began with, there is nothing to believe."""
    desk.publish(desk.write())
    desk.run()
    with desk.store.writing() as register:
        register.execute(tables.deliveries.update().values(signed_by=None, sent_at_ms=None))
    assert find_cut(desk.store, desk.office) == {}
    desk.turn(hours=5)
    cut_key(desk)
    assert [*find_cut(desk.store, desk.office)] == ["force:01", OTHER, LOST]


def test_an_office_that_asks_gets_both_kinds_at_once(desk: Desk) -> None:
    """What was sealed to the key it lost, and what PAS's own signed too late; with `--cut` the second alone."""
    desk.publish(desk.write())
    desk.run()
    show(desk, LOST)
    desk.run()
    seal_unsent(desk, desk.write())
    lose_keys(desk)
    cut_key(desk)
    assert len(find_due(desk.store, desk.office, LOST, cut_only=True)) == 1
    assert seal_again(desk) == Resealed(reports=2, deliveries=2)
