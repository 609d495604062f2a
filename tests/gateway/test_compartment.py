"""The compartment for protected assisting offenders: a gateway of its own, of which nobody else sees a count, an id or a sequence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from gateway.apart import ONE, TWO, Both, dump, open_both, protect
from gateway.deciding import OTHER, Bench, person_key
from gateway.desk import Desk, Row
from gateway.judging import judge_log, read_all
from gateway.terminal import Terminal
from gateway.test_corrections import correct
from gateway.test_requests import ask, asked, events, person, refusal, request, write_answer
from pas_gateway.monitor import Monitor
from pas_gateway.register import ClashError, open_store, schema, split_blobs
from pas_gateway.review import list_cases
from pas_gateway.status import status
from pas_gateway.trace import UnknownUrnError, trace
from pas_gateway.vault import lock_statement
from pas_gateway.vitals import Vitals
from pas_schemas.clock import show_time
from pas_schemas.codec import decode
from pas_schemas.models.request import InformationRequest, RequestAnswer
from pas_schemas.sealing import WrongRecipientError, read_label
from pas_schemas.topics import COMPARTMENT, MOVEMENTS, QUARANTINE, REPLIES, REPORTS, deliveries
from pas_transport.example_people import PASSPHRASE
from pas_transport.log import Outgoing
from pas_transport.sending import send_statement
from pas_transport.statements import sign_said
from pas_transport.workspace import declared_topics
from producers.samples import make_handling, make_item, make_subject

SECRET = "Canary-apart-text: he will give evidence on the ninth."
UNIT = "paso-unit"


@pytest.fixture
def both(pristine: Path, tmp_path: Path) -> Iterator[Both]:
    with open_both(pristine, tmp_path / "small") as both:
        yield both


def test_two_named_readers_send_it_to_its_unit_and_pas_sees_nothing_of_it(both: Both) -> None:
    before = dump(both.main)
    report = both.flagged(items=[make_item(text=SECRET)])
    urn = report["urn"]
    both.main.publish(report)
    both.main.run()
    sent = both.apart.run()
    assert [(one.office, one.datum["kind"], one.datum["apart"]) for one in sent] == [("force:01", "NOTICE", True)]
    assert both.take("force:01") == ["NOTICE"]
    digest = both.bench.send(both.bench.decision(urn, person=ONE))
    both.apart.run()
    assert both.bench.state(urn) == "PROPOSED"
    both.bench.send(both.bench.agree(digest, OTHER))
    both.apart.run()
    assert both.bench.events()[-1] == ("DECISION_REFUSED", ["ROLE"]), "he is a reviewer, and no named reader"
    assert both.take(UNIT) == []
    both.bench.send(both.bench.agree(digest, TWO))
    both.apart.run()
    assert both.take(UNIT) == ["DISCLOSURE"]
    both.apart.run()
    both.main.run()
    key = both.bench.office.register_key
    answer = trace(both.apart.store, key, urn)
    assert [(row["office"], row["state"], bool(row["read_by"])) for row in answer["outcomes"]] == [(UNIT, "READ", True)]
    assert [case["state"] for case in answer["cases"]] == ["DECIDED"]
    # PAS's own register, log of what the gateway does, and audit: as if nothing had happened.
    assert dump(both.main) == before
    with pytest.raises(UnknownUrnError):
        trace(both.main.store, both.main.office.register_key, urn)
    mine = status(both.apart.workspace, both.apart.store, both.apart.log)
    assert (mine["lag"], mine["cases"], mine["counts"]["accepted"]) == ({COMPARTMENT.name: 0}, {"open": 0, "overdue": 0}, 1)
    assert status(both.main.workspace, both.main.store, both.main.log)["counts"]["accepted"] == 0


def test_keys_of_the_one_open_nothing_of_the_other(both: Both) -> None:
    both.main.publish(both.flagged(), both.main.write())
    both.apart.run()
    both.take("force:01")
    both.bench.send(both.bench.decision(next(iter(dump(both.apart)["reports"]))["urn"], person=ONE))
    records = list(read_all(both.main.log, COMPARTMENT.name))
    assert len(records) == 4, "a report, two receipts and a decision"
    for opener in (both.main.office.opener, both.main.office.reply_opener):
        for record in records:
            with pytest.raises(WrongRecipientError):
                opener.open(record.value, record.at)
    (report,) = read_all(both.main.log, REPORTS.name)
    for opener in (both.apart.office.opener, both.apart.office.reply_opener):
        with pytest.raises(WrongRecipientError):
            opener.open(report.value, report.at)
    names = {"register", "paso-register"}, {"register-id", "paso-register-id"}
    ring = both.main.workspace.keyring("pas")
    assert len({ring.register_key(name).id for name in names[0]} | {ring.register_id_key(name).id for name in names[1]}) == 4


def test_no_text_of_it_lies_anywhere_in_clear(both: Both) -> None:
    both.main.publish(both.flagged(items=[make_item(text=SECRET)]))
    both.main.run()
    both.apart.run()
    digest = both.bench.send(both.bench.decision(dump(both.apart)["reports"][0]["urn"], person=ONE))
    both.bench.send(both.bench.agree(digest, TWO))
    both.apart.run()
    assert both.take(UNIT) == ["DISCLOSURE"]
    for path in both.main.workspace.root.rglob("*"):
        if path.is_file():
            assert b"Canary-apart-text" not in path.read_bytes(), path


def test_what_it_sends_looks_like_what_pas_sends(both: Both) -> None:
    """To whoever sees the topic: the same names, the same keys, the same schema, the same length."""
    both.main.publish(both.main.write(), both.flagged())
    both.main.run()
    both.apart.run()
    ours, theirs = list(read_all(both.main.log, deliveries("force:01").name))[-2:]
    labels = [read_label(record.value) for record in (ours, theirs)]
    assert len({(one.sender, one.recipient, one.sender_key, one.recipient_key, one.fingerprint) for one in labels}) == 1
    assert len({one.epoch_id for one in labels}) == 2, "of two processes, as with two workers"
    assert len(ours.value) == len(theirs.value)
    assert (ours.partition, len(ours.key)) == (theirs.partition, len(theirs.key))


def test_what_is_unreadable_there_stays_there(both: Both) -> None:
    """PAS's quarantine holds nothing of it; one that is spoilt stops nobody behind it."""
    before = dump(both.main)
    both.main.publish(both.flagged())
    (good,) = read_all(both.main.log, COMPARTMENT.name)
    both.main.log.append([Outgoing(COMPARTMENT.name, bytes(16), good.value[:-1]), Outgoing(COMPARTMENT.name, bytes(16), b"")])
    both.main.publish(both.flagged())
    both.apart.run()
    both.main.run()
    assert sorted(row["status"] for row in dump(both.apart)["attempts"]) == ["ACCEPTED", "ACCEPTED", "QUARANTINED", "QUARANTINED"]
    assert list(read_all(both.main.log, QUARANTINE.name)) == []
    assert dump(both.main) == before


def test_receipts_go_where_the_delivery_came_from(both: Both) -> None:
    both.main.publish(both.main.write(), both.flagged())
    both.main.run()
    both.apart.run()
    both.take("force:01")
    counted = {
        topic: [read_label(record.value).sender for record in read_all(both.main.log, topic)].count("force:01")
        for topic in (REPLIES.name, COMPARTMENT.name)
    }
    assert counted == {REPLIES.name: 2, COMPARTMENT.name: 3}, "DELIVERED and READ of each; and the flagged report"
    both.main.run()
    both.apart.run()
    assert [len(dump(desk)["replies"]) for desk in (both.main, both.apart)] == [2, 2]


# --- whom it protects -----------------------------------------------------------------------------------------------


def test_two_named_readers_say_whom_it_protects(both: Both) -> None:
    protect(both, "A1234BC", "ADD", ONE, ONE)
    assert both.is_protected("A1234BC") == (False, "ADD"), "one person twice is one person"
    assert dump(both.main)["veils"] == []
    protect(both, "A1234BC", "ADD", OTHER)
    assert both.is_protected("A1234BC") == (False, "ADD"), "a reviewer who is no named reader"
    protect(both, "A1234BC", "ADD", TWO)
    assert both.is_protected("A1234BC") == (True, None)
    first = dump(both.main)["veils"]
    protect(both, "A1234BC", "END", ONE)
    assert both.is_protected("A1234BC") == (True, "END")
    assert dump(both.main)["veils"] == first
    protect(both, "A1234BC", "END", TWO)
    assert both.is_protected("A1234BC") == (False, None)
    assert dump(both.main)["veils"][0]["edition"] > first[0]["edition"]
    both.main.publish(both.main.write())
    assert ("security:WSI", "DISCLOSURE") in {(one.office, one.datum["kind"]) for one in both.main.run()}


def test_who_takes_a_word_back_is_none_of_two(both: Both) -> None:
    protect(both)
    for said, who in (("END", ONE), ("ADD", ONE), ("END", TWO)):
        both.bench.send(both.word("A1234BC", said, who))
        both.apart.run()
    assert both.is_protected("A1234BC") == (True, "END")
    both.bench.send(both.word("A1234BC", "END", ONE))
    both.apart.run()
    assert both.is_protected("A1234BC")[0] is False


def test_a_word_that_was_refused_counts_no_more_when_it_is_sent_again(both: Both) -> None:
    """Its clock was ahead; by now it would count, but its author heard that it does not, and may have thought better of it."""
    both.bench.send(both.word("A1234BC", "ADD", ONE))
    said = both.word("A1234BC", "ADD", TWO)
    said = said.model_copy(update={"at": said.at + timedelta(hours=2)})
    for _ in range(2):
        both.bench.send(said)
        both.apart.run()
        assert both.is_protected("A1234BC") == (False, "ADD")
        both.turn(hours=3)
    both.bench.send(both.word("A1234BC", "ADD", TWO))
    both.apart.run()
    assert both.is_protected("A1234BC") == (True, None)


def test_a_forged_word_counts_for_nothing(both: Both) -> None:
    """Neither another's key, nor a row written by hand into the compartment's register."""
    said = both.word("A1234BC", "ADD", TWO)
    both.bench.send(both.word("A1234BC", "ADD", ONE))
    both.bench.send(said, key_of=ONE)
    both.apart.run()
    assert both.is_protected("A1234BC") == (False, "ADD")
    key, ring = both.apart.office.register_key, both.main.workspace.keyring("pas")
    forged = sign_said(ring.person_key(ONE, PASSPHRASE), said)
    row = {"id": bytes(16), "at_ms": 0, "sealed": lock_statement(forged, bytes(16), key)}
    both.apart.store.write(lambda register: register.execute(schema.protections.insert(), row))
    assert both.is_protected("A1234BC") == (False, "ADD")


def test_the_list_tells_neither_who_nor_how_many(both: Both) -> None:
    protect(both, "A1234BC")
    one = both.veil()
    protect(both, "A4321CB")
    two = both.veil()
    assert len(one.digests) == len(two.digests) == 64
    assert not one.digests & two.digests, "another salt with each edition: nothing can be compared"
    for path in both.main.workspace.root.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"A1234BC" not in data, path
            assert both.apart.office.main_names.prisoner("A1234BC") not in data or path.name.startswith(("register.db", "log.db"))
    rows = dump(both.apart)["protections"]
    assert not [row for row in rows if both.apart.office.main_names.prisoner("A1234BC") in row["sealed"]]


def test_a_merged_number_is_known_too(both: Both) -> None:
    protect(both, "A1234BC")
    both.main.move(noms_number="A9999ZZ", event="MERGED", prison=None, category=None, removed_noms_number="A1234BC", hours_ago=2)
    both.main.run()
    report = both.main.write(subjects=[make_subject(noms_number="A9999ZZ", pnc_id=None)])
    both.main.publish(report)
    both.main.run()
    both.apart.run()
    assert [row["urn"] for row in dump(both.apart)["reports"]] == [report["urn"]]
    assert dump(both.main)["cases"][-1]["owner"] == "pas"


def test_a_number_merged_while_a_report_was_decided_on_is_handed_over_too(both: Both) -> None:
    """PAS's own decision is the same with the merge and without: what the compartment is told of it is not."""
    protect(both, "A4321CB")
    main = both.main
    main.publish(main.write(subjects=[make_subject(pnc_id=None), make_subject(noms_number=None, pnc_id=None)]))
    stale = main.plan_reports(came := main.fresh(REPORTS.name))
    main.move(noms_number="A9999ZZ", event="MERGED", prison=None, category=None, removed_noms_number="A1234BC", hours_ago=2)
    main.pipeline.commit(main.plan_movements(main.fresh(MOVEMENTS.name)))
    with pytest.raises(ClashError):
        main.pipeline.commit(stale)
    anew = main.plan_reports(came)
    assert anew.change.cases[0]["reasons"] == stale.change.cases[0]["reasons"]
    main.pipeline.commit(anew)


def test_who_releases_it_unknowing_releases_nothing(both: Both) -> None:
    """Two people at PAS, who take it for a person whose number is not known, sign its release: it waits again."""
    protect(both, "A1234BC")
    report = both.main.write(addressees=["security:WSI"])
    both.main.publish(report)
    both.main.run()
    bench = Bench(both.main)
    assert bench.outcome(report["urn"], "security:WSI") == ("hold", "G-IDENTITY")
    bench.two(report["urn"])
    assert bench.outcome(report["urn"], "security:WSI") == ("hold", "G-IDENTITY")
    assert bench.state(report["urn"]) == "OPEN"
    assert both.take("security:WSI") == []


def test_it_is_released_by_the_compartment_alone_and_its_originator_hears_nothing_of_it(both: Both) -> None:
    protect(both, "A1234BC")
    report = both.main.write(items=[make_item(text=SECRET)])
    both.main.publish(report)
    both.main.run()
    both.apart.run()
    assert both.take("force:01") == ["NOTICE"], "PAS's own word that it was accepted"
    both.main.run()
    digest = both.bench.send(both.bench.decision(report["urn"], person=ONE))
    both.bench.send(both.bench.agree(digest, TWO))
    both.apart.run()
    assert both.take(UNIT) == ["DISCLOSURE"]
    both.apart.run()
    assert both.take("force:01") == [], "not even that somebody has read it"
    assert dump(both.main)["replies"][-1]["receipt"] == "READ"


# --- nobody can tell ------------------------------------------------------------------------------------------------

NOBODY = "A7777XY"


@dataclass(frozen=True)
class Seen:
    """Everything PAS and its offices see of one run: registers, the log but for the compartment's topic, the journal, the figures."""

    rows: dict[str, list[Row]]
    notices: list[Row]
    audit: list[Row]
    topics: dict[str, list[tuple[int, int]]]
    journal: list[Row]
    status: Row
    metrics: list[str]
    answers: list[Any]


def play(pristine: Path, root: Path, number: str) -> Seen:
    """One report on the person of this number, of whom the movements tell nothing in the one run, and who is protected in the other."""
    with open_both(pristine, root) as both:
        protect(both, "A1234BC")
        report = both.main.write(
            subjects=[make_subject(noms_number=number, pnc_id=None), make_subject(noms_number="A4321CB", pnc_id=None)],
            items=[
                make_item(subjects=[0]), make_item(subjects=[1], text="Of somebody else."),
                make_item(subjects=[0], handling="5", addressees=["security:WSI"]),
            ],
            addressees=["pio", "security", "security:WSI", "cat-a-team"], risk_tags=["ESCAPE"], priority="URGENT",
            handling=make_handling(conditions="Tell nobody.", risk_assessment=make_assessment(both.main)),
        )  # fmt: skip
        both.main.move(noms_number="A4321CB", hours_ago=24)
        both.main.run()
        both.main.publish(report)
        both.main.run()
        for office in ("security:WSI", "force:01", "pio:WSI"):
            both.take(office)
        both.main.run()
        both.apart.run()
        both.main.run()
        return look(both, report["urn"])


def make_assessment(desk: Desk) -> Row:
    return {"summary": "Small.", "authorised_by": "sup-1", "authorised_at": show_time(desk.workspace.clock.now())}


def look(both: Both, urn: str) -> Seen:
    desk = both.main
    mine = [one for one in judge_log(desk.log, desk.workspace) if one.datum["urn"] == urn and not one.datum["apart"]]
    sent = [{**one.datum, "office": one.office} for one in mine]
    with desk.store.reading() as register:
        blobs = [row.events for row in register.execute(schema.leaves.select())]
    events = [decode(event[16:], "audit_event").datum for blob in blobs for event in split_blobs(blob)]
    topics = {
        topic.name: [(len(record.value), len(record.key)) for record in read_all(desk.log, topic.name)]
        for topic in declared_topics(desk.snapshot)
    }
    found = trace(desk.store, desk.office.register_key, urn)
    vitals = Vitals(120.0)
    with Monitor.of(desk.workspace, vitals, desk.office.rulebook.digest) as monitor:
        metrics = monitor.scrape().decode().splitlines()
    lines = [json.loads(line) for line in (desk.workspace.root / "gateway.log").read_text("utf-8").splitlines()]
    cases = list_cases(desk.store, desk.office.register_key, only_open=False)
    return Seen(dump(desk), sent, events, topics, lines, status(desk.workspace, desk.store, desk.log), metrics, [found, cases])


# What differs between any two runs: names by HMAC or chance, seals, and times.
_NAMED = set(
    "id report key digest sealed leaf delivery delivery_id handle content_digest verdicts body data_key subject digests case ref view"
    " prisoner statement events salt log records evidence subjects shared directory_version timestamp place deliveries edition".split()
)
_TIMED = re.compile(r"(_ms|_us|_at|^at|^due|^deadline|^read_by|^expires|_oldest|_due)$")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+Z")


def alike(value: Any, name: str = "") -> Any:
    """A value without what differs between any two runs: of names and seals the kind and length are left, of times that there is one."""
    if name in _NAMED or _TIMED.search(name):
        # A time of whole seconds is written shorter.
        moment = isinstance(value, str) and _MOMENT.fullmatch(value)
        return (type(value).__name__, "time" if moment else len(value) if isinstance(value, bytes | str | list) else value is None)
    if isinstance(value, dict):
        return {key: alike(part, key) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [alike(part, name) for part in value]
    return value


def test_what_is_handed_over_looks_like_what_has_no_identity(pristine: Path, tmp_path: Path) -> None:
    """Field by field: rows, notices, audit, topics, journal, status, figures, trace and cases of PAS are the same in both runs."""
    protected, unknown = play(pristine, tmp_path / "one", "A1234BC"), play(pristine, tmp_path / "two", NOBODY)
    assert "G-IDENTITY" in {gate["gate"] for gate in protected.answers[0]["gates"]}
    assert {outcome["office"] for outcome in protected.answers[0]["outcomes"]} >= {"security:WSI", "cat-a-team"}
    for name in ("status", "answers", "journal", "audit", "notices"):
        assert alike(getattr(protected, name)) == alike(getattr(unknown, name)), name
    for table, rows in protected.rows.items():
        assert sorted(map(repr, alike(rows))) == sorted(map(repr, alike(unknown.rows[table]))), table
    # The compartment's own topic too: what lies there is what every report without an identity gives.
    assert protected.topics == unknown.topics
    plain = lambda lines: [re.sub(r" [0-9.e+-]+$", "", line) if "seconds" in line else line for line in lines]  # noqa: E731  # times differ
    assert plain(protected.metrics) == plain(unknown.metrics)


def test_the_comparison_sees_a_difference(pristine: Path, tmp_path: Path) -> None:
    """Held against a run in which nobody is in doubt, it finds one in each of what it compares."""
    held = play(pristine, tmp_path / "one", "A1234BC")
    with open_both(pristine, tmp_path / "two") as both:
        protect(both, NOBODY)
        report = both.main.write()
        both.main.publish(report)
        both.main.run()
        known = look(both, report["urn"])
    for name in ("answers", "audit", "notices", "rows"):
        assert alike(getattr(held, name)) != alike(getattr(known, name)), name


def test_an_answer_about_somebody_protected_is_an_answer(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    """Who asks about such a person, and who answers, see nothing unusual: the answer is one on the prisoner asked about."""
    protect(both, "A1234BC")
    pas = Terminal(both.main, capsys)
    name = ask(pas)
    path, _ = write_answer(pas)
    pas.json(*pas.sign("request", "answer", name, str(path), "--as", "force:01", person=person("force:01")))
    both.main.run()
    assert asked(pas) == [("force:01", "ANSWERED")]


def answer_apart(both: Both, pas: Terminal, name: str) -> Row:
    """A force answers a request of the unit by a report on somebody protected."""
    report = both.flagged(items=[make_item(text=SECRET)], addressees=[UNIT])
    path = both.main.workspace.root / "answer.json"
    path.write_text(json.dumps(report))
    pas.json(*pas.sign("request", "answer", name, path, "--as", "force:01", person=person("force:01")))
    return report


def release_apart(both: Both, urn: str) -> None:
    digest = both.bench.send(both.bench.decision(urn, person=ONE))
    both.apart.run()
    both.bench.send(both.bench.agree(digest, TWO))
    both.apart.run()
    confirm_all(both)


def confirm_all(both: Both) -> None:
    """The worker looks once a second for what time alone brings."""
    while (plan := both.apart.pipeline.chase_requests()) is not None:
        both.apart.pipeline.commit(plan)
    both.apart.run()


def test_the_unit_hears_of_an_answer_once_it_holds_it_and_pas_of_neither(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    pas = Terminal(both.main, capsys)
    name = ask(pas, "force:01", "force:06", kind="PASO", office=UNIT)
    report = answer_apart(both, pas, name)
    both.main.run()
    both.apart.run()
    names = [{taken.key for taken in read_all(both.main.log, topic)} for topic in (REPLIES.name, COMPARTMENT.name)]
    assert names[0].isdisjoint(names[1])
    # Two named readers have not decided: that there is an answer is nothing the unit may learn. PAS knows the force's own word.
    assert asked(pas, UNIT, state="OPEN") == [("force:01", "ASKED"), ("force:06", "ASKED")]
    assert asked(pas) == [("force:01", "ANSWERED"), ("force:06", "ASKED")]
    both.main.run()
    before = dump(both.main)
    release_apart(both, report["urn"])
    assert asked(pas, UNIT, state="OPEN") == [("force:01", "ANSWERED"), ("force:06", "ASKED")]
    both.main.run()
    assert dump(both.main) == before
    # What PAS says later of another force takes nothing of it back; the request is closed when nobody is waited for.
    pas(*pas.sign("request", "refuse", name, "--as", "force:06", "--reason", "No.", "--legal-basis", "OTHER", person=person("force:06")))
    both.main.run()
    [mine] = pas.json("request", "list", "--as", UNIT, "--all")
    assert (mine["state"], [(one["office"], one["state"], one["urn"]) for one in mine["asked"]]) == (
        "CLOSED", [("force:01", "ANSWERED", report["urn"]), ("force:06", "REFUSED", None)],
    )  # fmt: skip
    assert pas.json("request", "list", "--as", UNIT) == []
    # It is told once.
    assert both.apart.pipeline.chase_requests() is None
    words = [notice["word"] for one in both.apart.run() if one.office == UNIT for notice in one.datum["notices"] if notice["case"] == name]
    assert words.count("ACCEPTED") == 2, "that the forces were asked, by PAS, and the answer, by the compartment"


def test_an_answer_to_the_unit_that_is_withdrawn_or_corrected_answers_no_more(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    """An ask that nobody answers must not look answered: as at PAS, the unit hears so, and a correction answers once it is held."""
    pas = Terminal(both.main, capsys)
    name = ask(pas, kind="PASO", office=UNIT)
    report = answer_apart(both, pas, name)
    flagged = {"declarations": report["declarations"], "addressees": [UNIT]}
    both.main.run()
    both.apart.run()
    release_apart(both, report["urn"])
    assert asked(pas, UNIT, state="CLOSED") == [("force:01", "ANSWERED")]
    both.main.publish(better := correct(both.main, report, **flagged))
    both.apart.run()
    assert asked(pas, UNIT, state="OPEN") == [("force:01", "ASKED")], "nobody has let the correction through"
    release_apart(both, better["urn"])
    assert answering(pas) == [("force:01", "ANSWERED", better["urn"])]
    before = dump(both.main)
    both.main.publish(correct(both.main, better, "WITHDRAW", **flagged))
    both.apart.run()
    assert answering(pas) == [("force:01", "ASKED", None)]
    assert any("answer with another" in told["why"] for row in notices(pas, "force:01") for told in row)
    both.main.run()
    assert dump(both.main)["requests"] == before["requests"], "PAS's gateway hears nothing of that"
    answer_by_another(both, pas, name)
    assert [rules for event, rules in events(both.main) if event == "REQUEST_REFUSED"] == []


def answering(pas: Terminal) -> list[tuple[str, str, str | None]]:
    [mine] = pas.json("request", "list", "--as", UNIT, "--all")
    return [(one["office"], one["state"], one["urn"]) for one in mine["asked"]]


def answer_by_another(both: Both, pas: Terminal, name: str) -> None:
    """The force answers anew, and both gateways take its word."""
    better = answer_apart(both, pas, name)
    both.main.run()
    both.apart.run()
    release_apart(both, better["urn"])
    assert answering(pas) == [("force:01", "ANSWERED", better["urn"])]


def notices(pas: Terminal, office: str) -> list[list[Row]]:
    rows = pas.lines("inbox", "list", "--as", office, "--post", "p1", "--person", "a1")
    return [
        pas.json("inbox", "show", row["delivery"], "--as", office, "--post", "p1", "--person", "a1")["notices"]
        for row in rows if row["kind"] == "NOTICE"
    ]  # fmt: skip


def say_apart(both: Both, said: InformationRequest | RequestAnswer, *, by: str | None = None) -> None:
    """What somebody says to the compartment alone."""
    by = by or said.office
    send_statement(both.main.workspace, by, sign_said(person_key(both.main.workspace, by, person(by)), said), apart=True)


def named(pas: Terminal, name: str, report: bytes, urn: str, office: str) -> RequestAnswer:
    """An office's word that a report answers."""
    said = refusal(pas, name, office=office, person=person(office))
    return said.model_copy(update={"choice": "ANSWER", "reason": None, "legal_basis": None, "urn": urn, "report": report})


def flag(both: Both, **changes: Any) -> tuple[str, bytes]:
    """A report on somebody protected that the compartment has taken; its URN and id."""
    both.main.publish(report := both.flagged(items=[make_item(text=SECRET)], addressees=[UNIT], **changes))
    both.apart.run()
    with both.apart.store.reading() as register:
        found = register.execute(schema.reports.select().where(schema.reports.c.urn == report["urn"])).one()
    return report["urn"], found.id


def told_apart(both: Both, office: str) -> list[str]:
    """Every word of the compartment to an office about what answers a request."""
    words = [notice for one in both.apart.run() if one.office == office and one.datum["apart"] for notice in one.datum["notices"]]
    of_an_answer = re.compile("request|report that (answered|a force named)|stands no longer|has answered")
    return [word["why"] for word in words if of_an_answer.search(word["why"])]


def test_an_answer_that_names_another_offices_report_closes_nothing(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    pas = Terminal(both.main, capsys)
    name = ask(pas, "force:01", "force:06", kind="PASO", office=UNIT)
    urn, report = flag(both)
    said = named(pas, name, report, urn, "force:06")
    say_apart(both, said)
    say_apart(both, refusal(pas, name, office="force:06", person=person("force:06")))
    say_apart(both, said.model_copy(update={"person": person("force:01")}), by="force:06")
    both.apart.run()
    release_apart(both, urn)
    assert asked(pas, UNIT, state="OPEN") == [("force:01", "ASKED"), ("force:06", "ASKED")]
    told = [rules for event, rules in events(both.apart) if event == "REQUEST_REFUSED"]
    assert told == [["SHAPE"], ["PERSON"], ["REPORT"]]


def test_an_answer_on_somebody_else_is_told_to_the_unit_and_the_force(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    """PAS's gateway cannot see whom it is on: unless the compartment looked, an ask that nobody answered would look answered."""
    pas = Terminal(both.main, capsys)
    name = ask(pas, kind="PASO", office=UNIT)
    both.main.run()
    beside = make_subject(noms_number="A1234BC", role="ASSOCIATE")
    urn, report = flag(both, subjects=[make_subject(noms_number="A4321CB", pnc_id="2001/0000224T"), beside])
    say_apart(both, named(pas, name, report, urn, "force:01"))
    both.apart.run()
    assert told_apart(both, "force:01") == [], "before it is let through, nobody but its readers looks into it"
    release_apart(both, urn)
    assert answering(pas) == [("force:01", "ASKED", None)]
    sentence = "The report that a force named as its answer names nobody by a number of the prisoner asked about: it is to name another."
    assert (told_apart(both, UNIT), told_apart(both, "force:01")) == ([sentence], [sentence])
    assert [rules for event, rules in events(both.apart) if event == "REQUEST_REFUSED"] == [["REPORT"]]
    answer_by_another(both, pas, name)


def ask_apart(both: Both, pas: Terminal, **changes: Any) -> str:
    """A request of the unit's that the compartment has taken; its id."""
    said = request(pas, office=UNIT, kind="PASO", person=person(UNIT), asked=["force:01"], **changes)
    say_apart(both, said)
    both.apart.run()
    return name_of(both, said)


def name_of(both: Both, said: InformationRequest) -> str:
    """The id of a request that the unit made."""
    return sha256(sign_said(person_key(both.main.workspace, UNIT, person(UNIT)), said)).hexdigest()[:32]


def test_an_answer_counts_by_the_pnc_id_alone(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    pas = Terminal(both.main, capsys)
    name = ask_apart(both, pas, subject={"pnc_id": "2000/0000223R"})
    urn, report = flag(both, subjects=[make_subject(noms_number="A4321CB", pnc_id="2000/0000223R")])
    say_apart(both, named(pas, name, report, urn, "force:01"))
    both.apart.run()
    release_apart(both, urn)
    assert told_apart(both, UNIT) == ["A force has answered: its report is in this inbox."]
    assert told_apart(both, "force:01") == []


def test_of_an_answer_whose_body_is_kept_no_longer_nobody_says_whom_it_is_on(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    pas = Terminal(both.main, capsys)
    name, (urn, report) = ask_apart(both, pas), flag(both)
    release_apart(both, urn)
    with both.apart.store.writing() as register:
        register.execute(schema.reports.update().where(schema.reports.c.id == report).values(body=None, data_key=None))
    say_apart(both, named(pas, name, report, urn, "force:01"))
    both.apart.run()
    confirm_all(both)
    sentence = "The report that a force named as its answer can no longer be held against the request: name another, or ask anew."
    assert (told_apart(both, UNIT), told_apart(both, "force:01")) == ([sentence], [sentence])
    assert [rules for event, rules in events(both.apart) if event == "REQUEST_REFUSED"] == [["REPORT"]]


def test_a_force_that_was_not_asked_answers_nothing_in_the_compartment(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether it speaks before the compartment knows of the request or after; one that was asked may speak before, too."""
    pas = Terminal(both.main, capsys)
    mine, others = flag(both), flag(both, urn="06/IR/2015/000077", originator="force:06")
    said = request(pas, office=UNIT, kind="PASO", person=person(UNIT), asked=["force:01"])
    name = name_of(both, said)
    say_apart(both, named(pas, name, others[1], others[0], "force:06"))
    say_apart(both, named(pas, name, mine[1], mine[0], "force:01"))
    both.apart.run()
    for urn, _ in (others, mine):
        release_apart(both, urn)
    assert told_apart(both, UNIT) == [], "nobody has asked"
    say_apart(both, said)
    both.apart.run()
    say_apart(both, named(pas, name, mine[1], "anything", "force:06"))
    both.apart.run()
    confirm_all(both)
    assert told_apart(both, UNIT) == ["A force has answered: its report is in this inbox."]
    assert told_apart(both, "force:06") == ["There is no such request that this office was asked."] * 2
    assert told_apart(both, "force:01") == []
    assert [rules for event, rules in events(both.apart) if event == "REQUEST_REFUSED"] == [["NOT_ASKED"], ["NOT_ASKED"]]
    # A copy that comes again, and what is no request of the compartment's, changes nothing.
    before = dump(both.apart)
    say_apart(both, said)
    say_apart(both, request(pas))
    both.apart.run()
    after = dump(both.apart)
    assert (after["requests"], after["asks"]) == (before["requests"], before["asks"])


def test_an_answer_whose_report_stands_no_longer_is_told_to_the_force(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    """PAS's gateway cannot see that it was withdrawn; the force must hear so from the compartment, and answers by another."""
    pas = Terminal(both.main, capsys)
    name = ask(pas, kind="PASO", office=UNIT)
    both.main.run()
    urn, report = flag(both)
    release_apart(both, urn)
    withdraw = both.flagged(addressees=[UNIT], supersedes={"urn": urn, "action": "WITHDRAW"})
    both.main.publish(withdraw)
    both.apart.run()
    say_apart(both, named(pas, name, report, urn, "force:01"))
    both.apart.run()
    assert told_apart(both, "force:01") == ["That report stands no longer: it was corrected or withdrawn."]
    assert [rules for event, rules in events(both.apart) if event == "REQUEST_REFUSED"] == [["REPORT"]]
    answer_by_another(both, pas, name)


def test_its_register_may_lie_in_postgresql(both: Both, emptied: str) -> None:
    both.apart.__dict__["store"] = open_store(emptied)
    protect(both, "A1234BC")
    reports = [both.main.write(), both.main.write(subjects=[make_subject(noms_number=NOBODY, pnc_id=None)]), both.flagged()]
    both.main.publish(*reports)
    both.main.run()
    both.apart.run()
    assert both.is_protected("A1234BC") == (True, None)
    rows = dump(both.apart)
    assert {row["urn"] for row in rows["reports"]} == {reports[0]["urn"], reports[2]["urn"]}, "and nothing of whom nobody knows"
    assert (len(rows["handed"]), len(rows["subjects"]), len(rows["veils"])) == (1, 0, 1)
