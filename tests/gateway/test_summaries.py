"""Person Escort Record summaries: written by a person, with whoever moves the prisoner, then with whoever receives him; no intelligence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from gateway.deciding import FIRST, Bench, person_key
from gateway.desk import Desk, Row, copy_estate
from gateway.judging import Sent
from gateway.terminal import Terminal
from gateway.test_corrections import correct
from gateway.test_ladders import read
from gateway.test_requests import Set
from pas_consumers.delivery import read_delivery
from pas_gateway.heads import repeats
from pas_gateway.office import PasOffice
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import schema
from pas_gateway.register.migrations.versions import v0012_summaries_climb
from pas_schemas.clock import from_ms, show_time
from pas_schemas.codec import encode
from pas_schemas.models.decision import Summary
from pas_schemas.sealing import DECISION
from pas_transport.sending import send_statement
from pas_transport.statements import sign_said, write_statement
from producers.samples import make_item, make_subject

ESCORT = "escort:northern"
TEXT = "zqCanaryzq will be met by a van on the way to court."
ADVICE = "Cuff at all times; two officers on the door; no stops."
SAID = ("--reason", "He is at court on Monday.", "--legal-basis", "OMA_2007_S14")


@pytest.fixture
def pas(pristine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    """A desk with an escort contractor, and a report on a prisoner in WSI that is addressed to it."""
    with Desk(copy_estate(pristine, tmp_path / "small")) as desk:
        shutil.copytree(pristine / "keys" / "root", desk.workspace.keys_dir / "root")
        pas = Terminal(desk, capsys)
        made = pas.json("keys", "new", "--office", ESCORT)
        pas("directory", "add", made["request"], "--fingerprint", made["fingerprint"], "--from", "2000-01-01T00:00:00Z")
        desk.move()
        desk.run()
        desk.publish(desk.write(items=[make_item(text=TEXT)], addressees=[ESCORT, "security"], risk_tags=["ESCAPE", "DRUGS"]))
        desk.run()
        yield pas


def urn(pas: Terminal) -> str:
    return sorted(str(row["urn"]) for row in pas.json("cases", "list", "--all"))[0]


def case(pas: Terminal) -> str:
    """PAS's case on the report, whatever it still asks."""
    return next(str(row["case"]) for row in pas.json("cases", "list", "--all") if row["urn"] == urn(pas))


def summarise(pas: Terminal, *more: str, advice: str = ADVICE) -> Any:
    command = ("cases", "summarise", case(pas), "--advice", advice, *SAID, *(more or ("--for", ESCORT, "--custodian")))
    return pas.json(*pas.sign(*command, person=FIRST))


def journeys(sent: list[Sent]) -> dict[str, list[str]]:
    """What each office was sent about summaries, which name no report."""
    found: dict[str, list[str]] = {}
    for one in sent:
        if one.datum["kind"] in ("SUMMARY", "WITHDRAWAL") and not one.datum["urn"]:
            found.setdefault(one.office, []).append(one.datum["kind"])
    return found


def test_a_summary_goes_to_the_escort_and_tells_it_of_no_report(pas: Terminal) -> None:
    desk = pas.desk
    [waiting] = pas.json("cases", "list")
    assert "R-ESCORT" in waiting["reasons"]
    done = summarise(pas)
    assert list(done) == ["case", "flags", "escorts", "custodian", "person", "statement"]
    # A head of the form that the report's tags suggest; the others are none.
    assert (done["flags"], done["escorts"], done["person"]) == (["ESCAPE"], [ESCORT], FIRST)
    sent = desk.run()
    assert journeys(sent) == {ESCORT: ["SUMMARY"]}
    [signed] = pas.json("cases", "show", waiting["case"])["decisions"]
    assert (signed["kind"], signed["flags"], signed["escorts"]) == ("SUMMARY", ["ESCAPE"], [ESCORT])
    assert all("R-ESCORT" not in row["reasons"] for row in pas.json("cases", "list"))

    [row] = [one for one in pas.lines("inbox", "list", "--as", ESCORT, "--post", "p1", "--person", "a1") if one["kind"] == "SUMMARY"]
    assert (row["urn"], row["originator"], row["items"]) == (None, "pas", 0)
    shown = pas.json("inbox", "show", row["delivery"], "--post", "p1", "--person", "a1")
    assert (shown["flags"], shown["advice"]) == (["ESCAPE"], ADVICE)
    assert [(one["noms_number"], one["family_name"]) for one in shown["subjects"]] == [("A1234BC", None)]
    page, _ = pas("inbox", "show", row["delivery"], "--post", "p1", "--person", "a1")
    assert ADVICE in page
    # Nothing of the report is with the escort, by whatever way.
    assert all(one.office != ESCORT or (TEXT not in str(one.datum) and urn(pas) not in str(one.datum)) for one in sent)
    pas("inbox", "act", row["delivery"], "--mitigation", "Two officers.", "--post", "p1", "--person", "a1")


def write(pas: Terminal, **changes: Any) -> Summary:
    """A summary as its writer signs it, an hour ago."""
    bench = Bench(pas.desk)
    return Summary.model_validate({
        "case": case(pas), "view": bench.docket(urn(pas)).view("pas", bench.office) or b"", "office": "pas", "person": FIRST,
        "post": "reviewer", "noms_number": "A1234BC", "escorts": (ESCORT,), "custodian": True, "flags": ("ESCAPE",), "advice": ADVICE,
        "reason": "So.", "legal_basis": "OTHER", "at": pas.desk.workspace.clock.now() - timedelta(hours=1), **changes,
    })  # fmt: skip


def send(pas: Terminal, said: Summary) -> None:
    key = person_key(pas.desk.workspace, "pas", FIRST)
    send_statement(pas.desk.workspace, "pas", sign_said(key, said))


def test_when_he_is_in_another_prison_that_one_has_it_and_the_escort_no_more(pas: Terminal) -> None:
    desk = pas.desk
    send(pas, write(pas))
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY"]}
    # On the way he is still the old prison's.
    desk.move(event="ABSENT", prison=None, hours_ago=0.9)
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY"]}
    desk.move(prison="BAI", hours_ago=0.8)
    gone = {ESCORT: ["SUMMARY", "WITHDRAWAL"], "security:BAI": ["SUMMARY"]}
    assert journeys(desk.run()) == gone
    rows = pas.lines("inbox", "list", "--as", ESCORT, "--post", "p1", "--person", "a1")
    assert [one["state"] for one in rows if one["kind"] == "SUMMARY"] == ["WITHDRAWN"]
    # What else the new prison holds about him is another matter, and stays.
    desk.move(prison="WSI", hours_ago=0.7)
    gone["security:BAI"].append("WITHDRAWAL")
    assert journeys(desk.run()) == gone
    desk.move(prison="BAI", hours_ago=0.6)
    gone["security:BAI"].append("SUMMARY")
    assert journeys(desk.run()) == gone
    desk.move(event="RELEASED", prison=None, category=None, hours_ago=0.5)
    gone["security:BAI"].append("WITHDRAWAL")
    assert journeys(desk.run()) == gone


def test_a_release_ends_it_for_good(pas: Terminal) -> None:
    """Whoever takes him in another time gets no advice on a journey that is over, though both were told at once."""
    desk = pas.desk
    send(pas, write(pas))
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY"]}
    desk.move(event="RELEASED", prison=None, hours_ago=0.9)
    desk.move(prison="BAI", hours_ago=0.8)
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY", "WITHDRAWAL"]}


def test_a_release_ends_one_that_was_written_while_he_was_in_no_prison(pas: Terminal) -> None:
    desk = pas.desk
    desk.move(event="UNKNOWN", prison=None, hours_ago=2)
    desk.run()
    send(pas, write(pas))
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY"]}
    desk.move(event="RELEASED", prison=None, hours_ago=0.9)
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY", "WITHDRAWAL"]}


def test_a_release_of_long_ago_under_a_number_that_is_merged_ends_nothing(pas: Terminal) -> None:
    desk = pas.desk
    desk.move(noms_number="B2345CD", event="RELEASED", prison=None, hours_ago=30)
    desk.run()
    send(pas, write(pas))
    desk.run()
    desk.move(event="MERGED", prison=None, removed_noms_number="B2345CD", hours_ago=0.9)
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY"]}


def test_a_transfer_that_is_told_late_is_one_though_it_came_before_the_summary(pas: Terminal) -> None:
    """Whoever wrote it saw him in the old prison: its escort has brought him to the new one, which has it from then on."""
    desk = pas.desk
    summarise(pas)
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY"]}
    desk.move(prison="BAI", hours_ago=0.5)
    gone = {ESCORT: ["SUMMARY", "WITHDRAWAL"], "security:BAI": ["SUMMARY"]}
    assert journeys(desk.run()) == gone
    # One that happened earlier still, and is told later still, changes nothing.
    desk.move(prison="LEI", hours_ago=0.7)
    assert journeys(desk.run()) == gone


def test_a_newer_summary_takes_its_place_and_ends_with_its_report(pas: Terminal) -> None:
    desk = pas.desk
    summarise(pas)
    desk.run()
    summarise(pas, "--for", ESCORT, "--flag", "SELF_HARM", "--flag", "HEALTH", advice="Watch him closely.")
    sent = desk.run()
    assert journeys(sent) == {ESCORT: ["SUMMARY", "WITHDRAWAL", "SUMMARY"]}
    rows = [one for one in pas.lines("inbox", "list", "--as", ESCORT, "--post", "p1", "--person", "a1") if one["kind"] == "SUMMARY"]
    assert sorted(one["state"] for one in rows) == ["DELIVERED", "WITHDRAWN"]
    [stands] = [one["delivery"] for one in rows if one["state"] == "DELIVERED"]
    assert pas.json("inbox", "show", stands, "--post", "p1", "--person", "a1")["flags"] == ["SELF_HARM", "HEALTH"]
    desk.publish(correct(desk, {"urn": urn(pas), "originator": "force:01"}, "WITHDRAW", subjects=[], addressees=[]))
    desk.run()
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY", "WITHDRAWAL", "SUMMARY", "WITHDRAWAL"]}
    # A report that no longer stands is summarised no more.
    command = ("cases", "summarise", case(pas), "--advice", ADVICE, *SAID, "--for", ESCORT)
    assert "That report no longer stands." in pas.refused(*pas.sign(*command, person=FIRST))


def test_it_ends_when_no_item_of_its_report_is_live(pas: Terminal) -> None:
    desk = pas.desk
    summarise(pas)
    desk.run()
    assert desk.pipeline.end_summaries() is None
    later = Pipeline(replace(PasOffice.of(desk.workspace), clock=Set(desk.workspace.clock.now() + timedelta(days=36_500))), desk.store)
    plan = later.end_summaries()
    assert plan is not None
    assert [(draft.office, draft.kind) for draft in plan.drafts] == [(ESCORT, "WITHDRAWAL")]
    later.commit(plan)
    assert later.end_summaries() is None


def reads(pas: Terminal, office: str) -> None:
    """Somebody of that office reads every summary its inbox has."""
    for row in pas.lines("inbox", "list", "--as", office, "--post", "p1", "--person", "a1"):
        if row["kind"] == "SUMMARY":
            pas.json("inbox", "show", row["delivery"], "--as", office, "--post", "p1", "--person", "a1")


def climb(pas: Terminal, **later: float) -> list[tuple[str, str | None, str | None]]:
    """Time goes on, and the gateway climbs what it brings: to whom it says so of a summary, about whom, and which case of PAS."""
    pas.desk.turn(**later)
    words = [word for word in pas.desk.climb() if word["word"] == "OVERDUE" and not word["urn"]]
    assert all(TEXT not in str(word) and urn(pas) not in str(word) for word in words)
    return [(word["to"], word["office"], word["case"]) for word in words]


def test_what_a_summary_needs_of_its_report_is_told(pas: Terminal) -> None:
    """It follows a prisoner by his NOMIS number: a report that has none of, or several, says what to do."""
    nobody, both = make_subject(noms_number=None, pnc_id="2000/0000223R"), make_subject(noms_number="B2345CD", pnc_id=None)
    for subjects in ([nobody], [make_subject(), both]):
        pas.desk.publish(pas.desk.write(items=[make_item(text=TEXT)], addressees=[ESCORT], risk_tags=["ESCAPE"], subjects=subjects))
    pas.desk.run()
    first, none, several = [str(row["case"]) for row in sorted(pas.json("cases", "list"), key=lambda row: str(row["urn"]))]
    for name, words in ((none, "no prisoner's NOMIS number"), (several, "--subject: A1234BC, B2345CD")):
        command = ("cases", "summarise", name, "--advice", ADVICE, *SAID, "--for", ESCORT)
        assert words in pas.refused(*pas.sign(*command, person=FIRST), code=2)
    assert first == case(pas)


def late(pas: Terminal) -> list[tuple[str, str, str, list[str]]]:
    """What `pas overdue` tells of summaries."""
    rows = [row for row in pas.json("overdue") if row["kind"] in ("SUMMARY", "WITHDRAWAL")]
    return [(row["kind"], row["urn"], row["office"], [rung["rung"] for rung in row["rungs"]]) for row in rows]


def test_a_summary_that_nobody_reads_climbs_to_a_case_of_pas(pas: Terminal) -> None:
    """The rungs of a disclosure (domain, Certainty of receipt): its office, the post that is there out of hours, a case of PAS."""
    pas.desk.publish(pas.desk.write(items=[make_item(text=TEXT)], addressees=[ESCORT], risk_tags=[], priority="URGENT"))
    pas.desk.run()
    read(pas.desk, "pio:WSI")
    [name] = [str(row["case"]) for row in pas.json("cases", "list") if row["priority"] == "URGENT"]
    command = ("cases", "summarise", name, "--advice", ADVICE, *SAID, "--for", ESCORT, "--custodian", "--flag", "HEALTH")
    pas.json(*pas.sign(*command, person=FIRST))
    assert journeys(pas.desk.run()) == {ESCORT: ["SUMMARY"]}
    [about] = [str(row["urn"]) for row in pas.json("cases", "list", "--all") if row["case"] == name]
    # Of an urgent report eight hours; then at once, after one hour, after four.
    assert climb(pas, hours=7.9) == []
    assert late(pas) == []
    assert climb(pas, hours=0.2) == [(ESCORT, None, None)]
    assert climb(pas, hours=0.1) == []
    assert late(pas) == [("SUMMARY", about, ESCORT, ["REMIND"])]
    assert climb(pas, hours=1) == [(ESCORT, None, None)]
    assert climb(pas, hours=3) == [("pas", ESCORT, name)]
    assert late(pas) == [("SUMMARY", about, ESCORT, ["REMIND", "DEPUTY", "CASE"])]
    [row] = [row for row in pas.json("cases", "list") if row["case"] == name]
    assert row["reasons"] == ["R-NOBODY"]
    # Whoever reads it ends it: nothing is late, and PAS's case has nothing to ask.
    reads(pas, ESCORT)
    pas.desk.run()
    assert climb(pas, hours=0.1) == []
    assert late(pas) == []
    assert [row for row in pas.json("cases", "list") if row["case"] == name] == []
    assert climb(pas, hours=12) == []


def test_a_summary_counts_as_unread_until_somebody_reads_it(pas: Terminal) -> None:
    """Once the report itself is read, the summary is all that waits, since it was written."""
    for office in ("pio:WSI", "security:WSI"):
        read(pas.desk, office)
    pas.desk.run()
    assert [pas.json("status")[name] for name in ("unread", "unread_oldest", "unread_due")] == [0, None, None]
    pas.desk.turn(hours=1)
    written = pas.desk.workspace.clock.now()
    summarise(pas)
    pas.desk.run()
    told = pas.json("status")
    assert told["unread"] == 1
    assert show_time(written) <= told["unread_oldest"] <= show_time(pas.desk.workspace.clock.now())
    reads(pas, ESCORT)
    pas.desk.run()
    assert [pas.json("status")[name] for name in ("unread", "unread_oldest", "unread_due")] == [0, None, None]


def due(pas: Terminal, **later: float) -> list[tuple[str, str, str]]:
    """What would be climbed of summaries then: of which kind, whose, which rung."""
    clock = Set(pas.desk.workspace.clock.now() + timedelta(**later))
    plan = Pipeline(replace(PasOffice.of(pas.desk.workspace), clock=clock), pas.desk.store).climb_due()
    with pas.desk.store.reading() as register:
        kinds = {row.id: row.kind for row in register.execute(schema.deliveries.select()) if row.report != report_id(pas)}
    rungs = plan.change.rungs if plan is not None else []
    return [(kinds[row["subject"]], row["office"], row["rung"]) for row in rungs if row["subject"] in kinds]


def report_id(pas: Terminal) -> bytes:
    with pas.desk.store.reading() as register:
        found: bytes = register.execute(schema.reports.select()).one().id
    return found


def test_a_summary_that_is_read_or_taken_back_climbs_no_ladder(pas: Terminal) -> None:
    """Read by one and taken back from another; of a taking back that no inbox confirms PAS alone hears."""
    desk = pas.desk
    send(pas, write(pas))
    desk.run()
    desk.move(prison="BAI", hours_ago=0.8)
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY", "WITHDRAWAL"], "security:BAI": ["SUMMARY"]}
    # Routine: three days; one more for the deputy, two working days more for PAS, and no holidays last for ten.
    everything = [("SUMMARY", "security:BAI", rung) for rung in ("REMIND", "DEPUTY", "CASE")]
    taken_back = ("WITHDRAWAL", ESCORT, "CASE")
    assert due(pas, hours=71) == []
    assert due(pas, hours=73) == everything[:1]
    assert sorted(due(pas, days=13)) == sorted([*everything, taken_back])
    reads(pas, "security:BAI")
    desk.run()
    assert due(pas, days=13) == [taken_back]
    pas.lines("inbox", "list", "--as", ESCORT, "--post", "p1", "--person", "a1")
    desk.run()
    assert due(pas, days=13) == []


def test_pas_hears_that_and_why_a_summary_is_declined(pas: Terminal) -> None:
    """And nobody else: the originator of its report is told of no summary."""
    send(pas, write(pas))
    pas.desk.run()
    [row] = [row for row in pas.lines("inbox", "list", "--as", ESCORT, "--post", "p1", "--person", "a1") if row["kind"] == "SUMMARY"]
    pas("inbox", "decline", row["delivery"], "--as", ESCORT, "--reason", "Not our move.", "--post", "p1", "--person", "a1")
    found = [(one.office, one.datum["urn"], word) for one in pas.desk.run() for word in one.datum["notices"] if "declined" in word["why"]]
    [(to, name, word)] = found
    assert (to, name, word["office"], word["why"].endswith("It says: Not our move.")) == ("pas", "", ESCORT, True)
    assert TEXT not in str(word)


@pytest.mark.parametrize("ends", ["moved", "corrected", "past its time"])
def test_the_end_of_a_summary_is_due_as_its_report_is(pas: Terminal, ends: str) -> None:
    """Of an urgent report eight hours, however it ends; a threat's goes before all else, as the summary itself did."""
    desk = pas.desk
    desk.publish(report := desk.write(items=[make_item(text=TEXT)], addressees=[ESCORT], risk_tags=[], priority="URGENT"))
    desk.run()
    [name] = [str(row["case"]) for row in pas.json("cases", "list") if row["urn"] == report["urn"]]
    command = ("cases", "summarise", name, "--advice", ADVICE, *SAID, "--for", ESCORT, "--flag", "HEALTH")
    pas.json(*pas.sign(*command, person=FIRST))
    desk.run()
    desk.turn(hours=1)
    began = desk.workspace.clock.now()
    if ends == "moved":
        desk.move(prison="BAI", hours_ago=0.5)
    elif ends == "corrected":
        desk.publish(correct(desk, report, "WITHDRAW", subjects=[], addressees=[]))
    else:
        clock = Set(began + timedelta(days=36_500))
        later = Pipeline(replace(PasOffice.of(desk.workspace), clock=clock), desk.store)
        plan = later.end_summaries()
        assert plan is not None
        assert [(draft.about.priority, draft.deadline) for draft in plan.drafts] == [("URGENT", clock.now() + timedelta(hours=8))]
        return
    [taken_back] = [one for one in desk.run() if one.office == ESCORT and one.datum["kind"] == "WITHDRAWAL"]
    assert taken_back.datum["priority"] == "URGENT"
    with desk.store.reading() as register:
        row = register.execute(schema.deliveries.select().where(schema.deliveries.c.id == taken_back.datum["delivery_id"])).one()
    assert began + timedelta(hours=8) <= from_ms(row.deadline_ms) <= desk.workspace.clock.now() + timedelta(hours=8)


def test_summaries_of_an_older_register_climb_as_well(pas: Terminal) -> None:
    summarise(pas)
    pas.desk.run()
    with pas.desk.store.writing() as register:
        register.execute(sa.text("UPDATE deliveries SET climb_ms = NULL WHERE kind = 'SUMMARY'"))
        with Operations.context(MigrationContext.configure(register)):
            v0012_summaries_climb.upgrade()
    assert due(pas, days=3.5) == [("SUMMARY", ESCORT, "REMIND")]


def test_what_may_not_count_is_told_at_once_and_changes_nothing(pas: Terminal) -> None:
    bench = Bench(pas.desk)
    bad: list[tuple[str, Row]] = [
        ("VIEW", {"view": bytes(16)}),
        ("SUBJECT", {"noms_number": "A2222BB"}),
        ("RECIPIENT", {"escorts": ("security:WSI",)}),
        ("RECIPIENT", {"escorts": ("escort:nobody",)}),
        ("RECIPIENT", {"escorts": (), "custodian": False}),
        ("FLAGS", {"flags": ("DRUGS",)}),
        ("FLAGS", {"flags": ("ESCAPE", "ESCAPE")}),
        ("TEXT", {"advice": f"Beware: {TEXT}"}),
        ("TEXT", {"advice": "He WILL be met by a van!"}),
        ("CASE", {"case": "0" * 16}),
        ("STALE", {"at": pas.desk.workspace.clock.now() - timedelta(hours=30)}),
    ]
    for _, changes in bad:
        send(pas, write(pas, **changes))
    # Signed as something else, it is not signed.
    key = person_key(pas.desk.workspace, "pas", FIRST)
    send_statement(pas.desk.workspace, "pas", write_statement(key, DECISION, write(pas).encode()))
    bad.append(("SIGNATURE", {}))
    sent = pas.desk.run()
    assert bench.events() == [("DECISION_REFUSED", [word]) for word, _ in bad]
    assert journeys(sent) == {}
    command = ("cases", "summarise", case(pas), *SAID, "--for", ESCORT)
    told = pas.refused(*pas.sign(*command, "--advice", TEXT, person=FIRST))
    assert told == "error: The advice says what the report says, or what a gate guards.\nhint: write advice, and no intelligence\n"
    assert "nobody of that reference" in pas.refused(*pas.sign(*command, "--advice", ADVICE, person="nobody"))
    assert pas.json("cases", "list")[0]["case"] == case(pas)


def test_words_in_a_row_are_a_repeat_and_single_ones_are_not() -> None:
    assert repeats("He WILL be met; by a van", ["They say he will be met by a van."])
    assert repeats("he runs", ["He runs."])
    assert not repeats("Met by two officers, in a van with cuffs on", ["He will be met by a van."])
    assert not repeats("", ["He runs."])
    assert not repeats("Anything at all", [None, ""])


def test_an_inbox_takes_no_summary_that_holds_more(pas: Terminal) -> None:
    summarise(pas)
    [one] = [one for one in pas.desk.run() if one.datum["kind"] == "SUMMARY"]
    datum = {**one.datum, "body": {**one.datum["body"], "subjects": []}}
    with pytest.raises(Exception, match="holds more or less"):
        read_delivery(encode("delivery", datum))


def test_a_summary_under_a_number_that_was_merged_gives_way_to_a_newer_one(pas: Terminal) -> None:
    """Two numbers of a report turn out to be one man's: there is one summary on him, whoever holds the older."""
    desk = pas.desk
    subjects = [make_subject(), make_subject(noms_number="B2345CD", pnc_id=None)]
    desk.publish(report := desk.write(items=[make_item(text=TEXT)], addressees=[ESCORT], subjects=subjects))
    desk.run()
    [name] = [str(row["case"]) for row in pas.json("cases", "list", "--all") if row["urn"] == report["urn"]]
    send(pas, write_on(pas, report, case=name, noms_number="B2345CD"))
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY"]}
    desk.move(event="MERGED", prison=None, removed_noms_number="B2345CD", hours_ago=0.9)
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY", "WITHDRAWAL"], "security:WSI": ["SUMMARY"]}
    send(pas, write_on(pas, report, case=name))
    assert journeys(desk.run()) == {ESCORT: ["SUMMARY", "WITHDRAWAL", "SUMMARY"], "security:WSI": ["SUMMARY", "WITHDRAWAL"]}


def write_on(pas: Terminal, report: dict[str, Any], **changes: Any) -> Summary:
    """A summary on another report than the first, signed now."""
    bench = Bench(pas.desk)
    view = bench.docket(str(report["urn"])).view("pas", bench.office) or b""
    return write(pas, view=view, at=pas.desk.workspace.clock.now(), **changes)
