"""Requests: asked, put to forces, answered by reports that policy decides, refused with reasons, chased; bad ones change nothing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from gateway.deciding import person_key
from gateway.desk import Desk, Row, copy_estate
from gateway.postgres import PrivatePostgres
from gateway.terminal import Terminal
from gateway.test_corrections import correct
from gateway.test_on_postgres import settle
from pas_gateway.asking import list_all
from pas_gateway.office import PasOffice
from pas_gateway.overdue import list_overdue
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import ClashError, requests, schema, split_blobs
from pas_gateway.register.migrations.versions import v0013_requests_climb
from pas_schemas.clock import parse_time, to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.models.request import InformationRequest, RequestAnswer
from pas_schemas.sealing import INFORMATION_REQUEST
from pas_schemas.topics import REPLIES
from pas_transport.appointing import dismiss
from pas_transport.issuing import change
from pas_transport.sending import send_statement
from pas_transport.statements import sign_said, write_statement
from producers.samples import make_declarations, make_item, make_subject

QUESTION = "zqCanaryzq: is anything known of a visitor?"
REASON = "zqCanaryzq: it would harm a live inquiry."
ASK = ("--question", QUESTION, "--purpose", "PRISON_SECURITY", "--legal-basis", "OMA_2007_S14")
WSI = ("request", "new", "--as", "security:WSI", "--subject", "A1234BC", *ASK)
SAID = ("--reason", REASON, "--legal-basis", "POLICING_PURPOSE")


@pytest.fixture
def pas(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(desk, capsys)


def ask(pas: Terminal, *forces: str, kind: str = "PAS/2", office: str = "security:WSI") -> str:
    """A request of WSI that the gateway has taken; its id."""
    named = [word for force in forces or ("force:01",) for word in ("--ask", force)]
    made = pas.json(
        *pas.sign("request", "new", "--as", office, "--kind", kind, "--subject", "A1234BC", *ASK, *named, person=person(office))
    )
    assert list(made) == ["request", "kind", "office", "asked", "person"]
    pas.desk.run()
    return str(made["request"])


def person(office: str) -> str:
    return f"example-{office.replace(':', '-').lower()}-1" if office != "pas" else "example-reviewer-1"


def write_answer(pas: Terminal, **changes: Any) -> tuple[Path, Row]:
    report = pas.desk.write(addressees=["security:WSI"], items=[make_item()], **changes)
    path = pas.desk.workspace.root / "answer.json"
    path.write_text(json.dumps(report))
    return path, report


def asked(pas: Terminal, office: str = "pas", *, state: str | None = None) -> list[tuple[str, str]]:
    rows = pas.json("request", "list", "--as", office, "--all")
    return [(one["office"], one["state"]) for row in rows if state in (None, row["state"]) for one in row["asked"]]


def events(desk: Desk) -> list[tuple[str, list[str]]]:
    with desk.store.reading() as register:
        rows = register.execute(schema.leaves.select().order_by(schema.leaves.c.number)).all()
    found = [decode(event[16:], "audit_event").datum for row in rows for event in split_blobs(row.events)]
    return [(event["event"], event["rules"]) for event in found if event["event"].startswith("REQUEST")]


def send(pas: Terminal, said: InformationRequest | RequestAnswer, *, key_of: str | None = None) -> bytes:
    """A statement as its office sends it, whatever the commands would have said to it."""
    key = person_key(pas.desk.workspace, said.office, key_of or said.person)
    return send_statement(pas.desk.workspace, said.office, sign_said(key, said))


def request(pas: Terminal, **changes: Any) -> InformationRequest:
    said = {
        "kind": "PAS/2", "office": "security:WSI", "person": person("security:WSI"), "post": "first", "subject": {"noms_number": "A1234BC"},
        "purpose": "PRISON_SECURITY", "legal_basis": "OMA_2007_S14", "questions": [QUESTION], "asked": ["force:01"],
        "at": pas.desk.workspace.clock.now(),
    }  # fmt: skip
    return InformationRequest.model_validate(said | changes)


def refusal(pas: Terminal, name: str, **changes: Any) -> RequestAnswer:
    said = {
        "request": bytes.fromhex(name), "office": "force:01", "person": person("force:01"), "post": "first", "choice": "REFUSE",
        "reason": REASON, "legal_basis": "OTHER", "at": pas.desk.workspace.clock.now(),
    }  # fmt: skip
    return RequestAnswer.model_validate(said | changes)


def test_a_prison_asks_and_a_force_answers_by_a_report(pas: Terminal) -> None:
    name = ask(pas, "force:01", "force:06")
    # The forces have it in their inboxes, with what is asked and by when; the office that asks sees who was asked.
    [mine] = pas.json("request", "list", "--as", "force:01")
    assert (mine["request"], mine["kind"], mine["office"], mine["questions"]) == (name, "PAS/2", "security:WSI", [QUESTION])
    assert (mine["subject"]["noms_number"], mine["purpose"], mine["legal_basis"]) == ("A1234BC", "PRISON_SECURITY", "OMA_2007_S14")
    assert (mine["state"], [one["office"] for one in mine["asked"]]) == ("OPEN", ["force:01"])
    due, opened = parse_time(mine["due"]), parse_time(mine["opened_at"])
    assert due == pas.desk.office.rulebook.request_due("PAS/2", opened) >= opened + timedelta(days=10)
    assert asked(pas, "security:WSI") == asked(pas) == [("force:01", "ASKED"), ("force:06", "ASKED")]
    assert pas.json("cases", "list", "--as", "force:01") == []
    [told] = shown(pas, "force:01")
    assert [notice["word"] for notice in told["notices"]] == ["DECIDE"]
    page, _ = pas("inbox", "show", told["delivery"], "--as", "force:01", "--post", "p1", "--person", "a1")
    assert all(word in page for word in (QUESTION[:20], "A1234BC", "PAS/2", "security:WSI", "OMA_2007_S14"))

    path, report = write_answer(pas)
    done = pas.json(*pas.sign("request", "answer", name[:8], path, "--as", "force:01", person=person("force:01")))
    assert done == {"request": name, "choice": "ANSWER", "urn": report["urn"], "office": "force:01", "person": person("force:01")}
    pas.desk.run()
    pas.desk.run()
    # It came through policy like any other report, and the office that asked has it.
    [text] = [row for row in shown(pas, "security:WSI") if row["kind"] == "DISCLOSURE"]
    assert text["urn"] == report["urn"]
    assert asked(pas) == [("force:01", "DISCLOSED"), ("force:06", "ASKED")]
    assert asked(pas, "security:WSI") == [("force:01", "ANSWERED"), ("force:06", "ASKED")]
    assert pas.json("request", "list", "--as", "force:01") == []
    assert asked(pas, "force:01") == [("force:01", "ANSWERED")]

    pas(*pas.sign("request", "refuse", name, "--as", "force:06", *SAID, person=person("force:06")))
    pas.desk.run()
    [told] = pas.json("request", "list", "--as", "security:WSI", "--all")
    assert told["state"] == "CLOSED"
    assert told["asked"] == [
        {"office": "force:01", "state": "ANSWERED", "urn": report["urn"], "reason": None, "legal_basis": None},
        {"office": "force:06", "state": "REFUSED", "urn": None, "reason": REASON, "legal_basis": "POLICING_PURPOSE"},
    ]
    assert pas.json("request", "list") == []
    assert [word for word, _ in events(pas.desk)] == ["REQUEST_OPENED", "REQUEST_ANSWERED", "REQUEST_CLOSED", "REQUEST_DECLINED"]
    # Nothing of it stands in clear anywhere.
    kept = [path for path in pas.desk.workspace.root.rglob("*") if path.is_file() and path.name != "answer.json"]
    assert any("register" in path.name for path in kept)
    assert not any(word in path.read_bytes() for path in kept for word in (b"zqCanaryzq", b"A1234BC"))


def shown(pas: Terminal, office: str) -> list[Row]:
    rows = pas.lines("inbox", "list", "--as", office, "--post", "p1", "--person", "a1")
    return [pas.json("inbox", "show", row["delivery"], "--as", office, "--post", "p1", "--person", "a1") for row in rows]


def test_an_answer_that_policy_holds_is_told_to_pas_alone(pas: Terminal) -> None:
    """That there is an answer which it may not have is nothing the office that asks may learn; once a person releases it, it hears."""
    name = ask(pas)
    path, _ = write_answer(pas, declarations=make_declarations(terrorism=True))
    before = len(shown(pas, "security:WSI"))
    pas(*pas.sign("request", "answer", name, path, "--as", "force:01", person=person("force:01")))
    pas.desk.run()
    pas.desk.run()
    assert asked(pas) == [("force:01", "ANSWERED")]
    assert asked(pas, "security:WSI", state="OPEN") == [("force:01", "ASKED")]
    assert urns(pas, "security:WSI") == [None]
    assert len(shown(pas, "security:WSI")) == before
    [case] = pas.json("cases", "list")
    decide = ("cases", "decide", case["case"], "--choice", "RELEASE", "--all", "--reason", "Needed.", "--legal-basis", "OTHER")
    pas(*pas.sign(*decide, person="example-reviewer-1"))
    pas.desk.run()
    pas(*pas.sign("cases", "second", case["case"], "--reason", "I agree.", person="example-reviewer-2"))
    pas.desk.run()
    pas.desk.run()
    assert asked(pas, "security:WSI", state="CLOSED") == [("force:01", "ANSWERED")]
    assert asked(pas) == [("force:01", "DISCLOSED")]


def answer(pas: Terminal, name: str, **changes: Any) -> Row:
    """A report of the force answers the request, and is with the office that asks."""
    path, report = write_answer(pas, **changes)
    pas(*pas.sign("request", "answer", name, path, "--as", "force:01", person=person("force:01")))
    pas.desk.run()
    pas.desk.run()
    return report


def words(pas: Terminal, office: str, name: str) -> list[str]:
    """What an office was told about a request."""
    rows = [row for row in pas.lines("inbox", "list", "--as", office, "--post", "p1", "--person", "a1") if row["kind"] == "NOTICE"]
    told = [pas.json("inbox", "show", row["delivery"], "--as", office, "--post", "p1", "--person", "a1") for row in rows]
    return [notice["why"] for row in told if row.get("request", {}).get("request") == name for notice in row["notices"]]


def test_a_request_whose_answer_is_withdrawn_is_open_again(pas: Terminal) -> None:
    """An ask that nobody answers must not look answered: the force is asked again, and late where it was due by now."""
    name = ask(pas)
    report = answer(pas, name)
    assert asked(pas, state="CLOSED") == [("force:01", "DISCLOSED")]
    pas.desk.publish(correct(pas.desk, report, "WITHDRAW", subjects=[], addressees=[]))
    pas.desk.run()
    pas.desk.run()
    for office in ("pas", "security:WSI", "force:01"):
        assert asked(pas, office, state="OPEN") == [("force:01", "ASKED")]
    assert any("answer with another" in why for why in words(pas, "force:01", name))
    assert any("the force is asked again" in why for why in words(pas, "security:WSI", name))
    assert [word for word, _ in events(pas.desk)] == ["REQUEST_OPENED", "REQUEST_ANSWERED", "REQUEST_CLOSED", "REQUEST_REOPENED"]
    with pas.desk.store.reading() as register:
        row = register.execute(schema.requests.select()).one()
    assert row.look_ms == row.due_ms
    answer(pas, name)
    assert asked(pas, "security:WSI", state="CLOSED") == [("force:01", "ANSWERED")]


def test_a_corrected_answer_answers_by_its_successor(pas: Terminal) -> None:
    name = ask(pas)
    report = answer(pas, name)
    better = correct(pas.desk, report, addressees=["security:WSI"])
    pas.desk.publish(better)
    pas.desk.run()
    pas.desk.run()
    assert asked(pas, state="CLOSED") == [("force:01", "DISCLOSED")]
    assert asked(pas, "security:WSI", state="CLOSED") == [("force:01", "ANSWERED")]
    assert [why for why in words(pas, "security:WSI", name) if "corrected" in why], "what it held answers no more"


def test_a_correction_that_is_on_somebody_else_answers_nothing_and_is_told_to_all_it_concerns(pas: Terminal) -> None:
    """As one that is withdrawn: the force is asked again, who asked hears that its answer is gone, and PAS that nobody will be chased."""
    name = ask(pas)
    climb_ladder(pas, name)
    report = answer(pas, name)
    other = [make_subject(noms_number="B2345CD", pnc_id=None)]
    pas.desk.publish(correct(pas.desk, report, addressees=["security:WSI"], subjects=other))
    pas.desk.run()
    told = [word for one in pas.desk.run() if one.office == "pas" for word in one.datum["notices"] if word["case"] == name]
    for office in ("pas", "security:WSI", "force:01"):
        assert asked(pas, office, state="OPEN") == [("force:01", "ASKED")]
    assert [(word["word"], word["office"], "open again" in word["why"]) for word in told] == [("OVERDUE", "force:01", True)]
    assert any("answer with another" in why for why in words(pas, "force:01", name))
    assert any("corrected" in why for why in words(pas, "security:WSI", name))


def test_the_report_that_answers_is_named_as_the_register_has_it(pas: Terminal) -> None:
    """Neither by a name that the force chose for it, nor by that of the one which it corrected."""
    name, report = ask(pas), write_answer(pas)[1]
    pas.desk.publish(report)
    pas.desk.run()
    named = {"choice": "ANSWER", "reason": None, "legal_basis": None, "report": find(pas, report)}
    send(pas, refusal(pas, name, urn="06/IR/2015/another-forces", **named))
    for _ in range(2):
        pas.desk.run()
    readers = ("pas", "security:WSI", "force:01")
    assert [urns(pas, reader) for reader in readers] == [[report["urn"]]] * 3
    pas.desk.publish(better := correct(pas.desk, report, addressees=["security:WSI"]))
    for _ in range(2):
        pas.desk.run()
    assert [urns(pas, reader) for reader in readers] == [[better["urn"]]] * 3


def test_a_report_that_was_taken_back_from_who_asks_is_no_answer_in_its_inbox(pas: Terminal) -> None:
    """The prisoner has moved on, and the old prison's access has ended: it hears of no answer before it holds one."""
    report = pas.desk.write(items=[make_item()])
    pas.desk.publish(report)
    pas.desk.run()
    pas.desk.move(hours_ago=0.5, prison="BAI")
    pas.desk.run()
    name = ask(pas)
    send(pas, refusal(pas, name, choice="ANSWER", reason=None, legal_basis=None, urn=report["urn"], report=find(pas, report)))
    for _ in range(2):
        pas.desk.run()
    assert asked(pas) == [("force:01", "ANSWERED")]
    assert asked(pas, "security:WSI", state="OPEN") == [("force:01", "ASKED")]
    pas.desk.move(hours_ago=0.1, prison="WSI")
    for _ in range(2):
        pas.desk.run()
    assert asked(pas, "security:WSI", state="CLOSED") == [("force:01", "ANSWERED")]


def urns(pas: Terminal, reader: str) -> list[str | None]:
    return [one["urn"] for row in pas.json("request", "list", "--as", reader, "--all") for one in row["asked"]]


def test_an_answer_withdrawn_before_it_was_shown_tells_who_asks_nothing(pas: Terminal) -> None:
    name = ask(pas)
    report = answer(pas, name, declarations=make_declarations(terrorism=True))
    before = len(shown(pas, "security:WSI"))
    pas.desk.publish(correct(pas.desk, report, "WITHDRAW", subjects=[], addressees=[]))
    pas.desk.run()
    pas.desk.run()
    assert asked(pas, state="OPEN") == asked(pas, "security:WSI", state="OPEN") == [("force:01", "ASKED")]
    assert len(shown(pas, "security:WSI")) == before
    # What stands no longer answers nothing anew.
    said = {"choice": "ANSWER", "reason": None, "legal_basis": None, "urn": report["urn"], "report": find(pas, report)}
    send(pas, refusal(pas, name, **said))
    pas.desk.run()
    assert ("REQUEST_REFUSED", ["REPORT"]) in events(pas.desk)


def test_an_answer_that_was_refused_counts_no_more_when_it_is_sent_again(pas: Terminal) -> None:
    """The request was closed then, and is open now: the force says so anew."""
    name, (_, other) = ask(pas), write_answer(pas)
    pas.desk.publish(other)
    pas.desk.run()
    report = answer(pas, name)
    named = {"choice": "ANSWER", "reason": None, "legal_basis": None, "urn": other["urn"], "report": find(pas, other)}
    said = refusal(pas, name, **named)
    send(pas, said)
    pas.desk.run()
    assert events(pas.desk)[-1] == ("REQUEST_REFUSED", ["CLOSED"])
    pas.desk.publish(correct(pas.desk, report, "WITHDRAW", subjects=[], addressees=[]))
    pas.desk.run()
    send(pas, said)
    pas.desk.run()
    assert (events(pas.desk)[-1][0], asked(pas, state="OPEN")) == ("REQUEST_REOPENED", [("force:01", "ASKED")])
    send(pas, refusal(pas, name, **named))
    pas.desk.run()
    assert asked(pas, state="OPEN") == []


def find(pas: Terminal, report: Row) -> bytes:
    with pas.desk.store.reading() as register:
        found: bytes = register.execute(schema.reports.select().where(schema.reports.c.urn == report["urn"])).one().id
    return found


def test_pas_refuses_for_all_who_were_asked(pas: Terminal) -> None:
    name = ask(pas, "force:01", "force:06")
    pas(*pas.sign("request", "refuse", name, *SAID, person="example-reviewer-1"))
    pas.desk.run()
    assert asked(pas, state="CLOSED") == asked(pas, "security:WSI", state="CLOSED") == [("force:01", "REFUSED"), ("force:06", "REFUSED")]
    assert pas.json("request", "list", "--as", "force:06") == []
    again = pas.refused(*pas.sign("request", "refuse", name, *SAID, person="example-reviewer-2"))
    assert again == "error: That request is closed.\nhint: see `pas request list --all`\n"


def test_of_a_protected_prisoner_pas_lists_neither_name_nor_question(
    pristine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Desk(copy_estate(pristine, tmp_path / "paso", ("pas", "paso-unit", "force:01"))) as desk:
        pas = Terminal(desk, capsys)
        ask(pas, kind="PASO", office="paso-unit")
        [row] = pas.json("request", "list")
        assert (row["kind"], row["questions"], set(row["subject"].values())) == ("PASO", [], {None})
        [mine] = pas.json("request", "list", "--as", "force:01")
        assert (mine["questions"], mine["subject"]["noms_number"]) == ([QUESTION], "A1234BC")
        with desk.store.reading() as register:
            assert register.execute(schema.requests.select()).one().person is None


# --- what may not count --------------------------------------------------------------------------------------------------


def test_what_the_commands_refuse_is_told_at_once(pas: Terminal) -> None:
    name = ask(pas)
    path, _ = write_answer(pas)
    answer = ("request", "answer", name, path, "--as")
    assert "no such request that this office was asked" in pas.refused(*pas.sign(*answer, "force:06", person=person("force:06")), code=2)
    assert "nobody of that reference" in pas.refused(*pas.sign(*answer, "force:01", person="nobody"))
    other, _ = write_answer(pas, subjects=[])
    assert "not on the prisoner asked about" in pas.refused(
        *pas.sign("request", "answer", name, other, "--as", "force:01", person=person("force:01")), code=2
    )
    report = pas.desk.write(addressees=["pio"])
    path.write_text(json.dumps(report))
    assert "not addressed to the office that asks" in pas.refused(*pas.sign(*answer, "force:01", person=person("force:01")), code=2)
    doubled = json.dumps(report).replace("{", '{"urn": "01/IR/2012/000001", ', 1)
    for text in ("no report", "[" * 100_000, doubled, json.dumps(report) + "\n" + json.dumps(report)):
        path.write_text(text)
        assert "does not hold one report" in pas.refused(*pas.sign(*answer, "force:01", person=person("force:01")), code=2)
    path, _ = write_answer(pas, protective_marking="SECRET")
    assert "The report was refused (G-MARKING)" in pas.refused(*pas.sign(*answer, "force:01", person=person("force:01")))
    (pas.desk.workspace.root / "words").write_text("another")
    path, report = write_answer(pas)
    assert "does not open that person's key" in pas.refused(*pas.sign(*answer, "force:01", person=person("force:01")))
    assert "Unknown" not in pas.refused("trace", report["urn"])
    pas.desk.run()
    assert asked(pas) == [("force:01", "ASKED")]


def test_a_request_that_may_not_count_changes_nothing(pas: Terminal) -> None:
    bad: list[tuple[str, dict[str, Any]]] = [
        ("ASKER", {"kind": "CAT_A"}),
        ("ASKER", {"office": "force:06", "person": person("force:06")}),
        ("SUBJECT", {"subject": {"noms_number": "no number"}}),
        ("SUBJECT", {"subject": {"pnc_id": "2000/0000223X", "family_name": "zqCanaryzq"}}),
        ("ASKED", {"asked": ["force:01", "force:01"]}),
        ("ASKED", {"asked": ["fib:01"]}),
        ("ASKED", {"asked": ["force:77"]}),
        ("PERSON", {"person": "nobody"}),
        ("POST", {"post": "governing-governor"}),
        ("STALE", {"at": pas.desk.workspace.clock.now() - timedelta(hours=26)}),
    ]
    for _, changes in bad:
        said = request(pas, **changes)
        send(pas, said, key_of=person(said.office))
    sent = pas.desk.run()
    assert events(pas.desk) == [("REQUEST_REFUSED", [word]) for word, _ in bad]
    told = [notice["why"] for one in sent if one.office in ("security:WSI", "force:06") for notice in one.datum["notices"]]
    assert len(told) == len(bad)
    assert all(why.endswith(".") and "zqCanaryzq" not in why for why in told)
    assert asked(pas) == []


def test_who_asked_hears_which_request_was_refused(pas: Terminal) -> None:
    names = {send(pas, request(pas, asked=[office]))[:16].hex() for office in ("fib:01", "force:77")}
    pas.desk.run()
    told = [notice for one in shown(pas, "security:WSI") for notice in one["notices"]]
    assert [one["word"] for one in told] == ["REFUSED", "REFUSED"]
    assert {one["case"] for one in told} == names


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"--subject": "A1234B"}, "A request names the prisoner by a NOMIS number, or a PNC ID whose letter is right."),
        ({"--subject": "2000/0000223X"}, "A request names the prisoner by a NOMIS number, or a PNC ID whose letter is right."),
        ({"--ask": "fib:01"}, "An office is named that cannot be asked for PAS/2, or twice."),
        ({"--ask": "force:77"}, "An office is named that cannot be asked for PAS/2, or twice."),
        ({"--kind": "CAT_A"}, "That office may not ask for CAT_A."),
    ],
)
def test_a_request_that_would_be_refused_is_not_even_sent(pas: Terminal, said: dict[str, str], told: str) -> None:
    words = [part for pair in ({"--kind": "PAS/2", "--ask": "force:01"} | said).items() for part in pair]
    assert pas.refused(*pas.sign(*WSI, *words, person=person("security:WSI"))).startswith(f"error: {told}\nhint: ")
    assert pas.desk.fresh(REPLIES.name) == []


def test_a_number_may_be_typed_in_small_letters(pas: Terminal) -> None:
    pas.json(*pas.sign(*WSI, "--subject", " a1234bc", "--kind", "PAS/2", "--ask", "force:01", person=person("security:WSI")))
    pas.desk.run()
    [mine] = pas.json("request", "list", "--as", "force:01")
    assert mine["subject"]["noms_number"] == "A1234BC"


def test_nothing_is_published_for_an_answer_by_somebody_who_may_not_give_it(pas: Terminal) -> None:
    name = ask(pas)
    path, _ = write_answer(pas)
    rulebook = pas.desk.workspace.root / "rulebook.toml"
    rulebook.write_text(rulebook.read_text().replace('answer = ["consent"]', 'answer = ["compartment"]'))
    refused = pas.refused(*pas.sign("request", "answer", name, path, "--as", "force:01", person=person("force:01")))
    assert refused.startswith("error: That person does not have the role for this.\n")
    said = pas.sign("request", "refuse", name, "--as", "force:01", *SAID, person=person("force:01"))
    assert pas.refused(*said).startswith("error: That person does not have the role for this.\n")
    assert pas.desk.fresh("pas.reports") == []


def test_an_answer_that_may_not_count_changes_nothing(pas: Terminal) -> None:
    name = ask(pas, "force:01", "force:06")
    _, report = write_answer(pas)
    pas.desk.publish(other := pas.desk.write(subjects=[], addressees=[]))
    pas.desk.run()
    bad = [
        ("NOT_ASKED", refusal(pas, name, office="security:BAI", person=person("security:BAI"))),
        ("NOT_ASKED", refusal(pas, "00" * 16)),
        ("SHAPE", refusal(pas, name, reason=None)),
        ("SHAPE", refusal(pas, name, urn=report["urn"], report=bytes(16))),
        ("SHAPE", refusal(pas, name, office="pas", person="example-reviewer-1", post="reviewer", choice="ANSWER", reason=None,
                          legal_basis=None, urn="PAS/1", report=bytes(16))),
        ("REPORT", refusal(pas, name, choice="ANSWER", reason=None, legal_basis=None, urn=other["urn"], report=report_of(pas, other))),
        ("SIGNATURE", refusal(pas, name)),
    ]  # fmt: skip
    for word, said in bad:
        send(pas, said, key_of="example-force-01-2" if word == "SIGNATURE" else None)
    pas.desk.run()
    assert [found for found in events(pas.desk) if found[0] == "REQUEST_REFUSED"] == [("REQUEST_REFUSED", [word]) for word, _ in bad]
    assert asked(pas) == [("force:01", "ASKED"), ("force:06", "ASKED")]
    # Once it counts: sent again it is the same, said again it is too late; what comes after the end changes nothing.
    send(pas, said := refusal(pas, name))
    pas.desk.run()
    send(pas, said)
    send(pas, refusal(pas, name, reason="Another reason."))
    send(pas, refusal(pas, name, office="force:06", person=person("force:06")))
    pas.desk.run()
    send(pas, refusal(pas, name, office="force:06", person=person("force:06"), reason="Too late."))
    pas.desk.run()
    assert [rules for event, rules in events(pas.desk) if event == "REQUEST_REFUSED"][len(bad) :] == [["TWICE"], ["CLOSED"]]
    assert asked(pas, "security:WSI", state="CLOSED") == [("force:01", "REFUSED"), ("force:06", "REFUSED")]


def report_of(pas: Terminal, report: Row) -> bytes:
    with pas.desk.store.reading() as register:
        found: bytes = register.execute(schema.reports.select().where(schema.reports.c.urn == report["urn"])).one().id
    return found


def test_a_report_that_comes_and_is_on_somebody_else_answers_nothing(pas: Terminal) -> None:
    """Named before it came: the force hears, and is waited for again."""
    name = ask(pas)
    report = pas.desk.write(subjects=[], addressees=[])
    pas.desk.publish(report)
    records = pas.desk.fresh("pas.reports")
    named = records[0].key
    send(pas, refusal(pas, name, choice="ANSWER", reason=None, legal_basis=None, urn=report["urn"], report=named))
    worker_takes_replies_first(pas.desk)
    assert asked(pas) == [("force:01", "PUBLISHED")]
    pas.desk.run()
    pas.desk.run()
    assert asked(pas) == [("force:01", "ASKED")]


def worker_takes_replies_first(desk: Desk) -> None:
    with desk.store.reading() as register:
        positions = register.execute(schema.positions.select().where(schema.positions.c.topic == REPLIES.name)).all()
    at = {row.partition: row.next for row in positions}
    waiting = [one for one in desk.fresh(REPLIES.name) if one.offset >= at.get(one.partition.number, 0)]
    desk.pipeline.commit(desk.pipeline.take_replies(waiting, desk.advances(waiting)))


def test_a_malformed_statement_is_quarantined(pas: Terminal) -> None:
    key = person_key(pas.desk.workspace, "security:WSI", person("security:WSI"))
    datum = decode(request(pas).encode(), "information_request").datum
    body = encode("information_request", datum | {"kind": "PAS/3"})
    send_statement(pas.desk.workspace, "security:WSI", write_statement(key, INFORMATION_REQUEST, body))
    # One office's request in another's record is set aside as well.
    send_statement(pas.desk.workspace, "force:06", sign_said(key, request(pas)))
    sent = pas.desk.run()
    told = {one.office: notice["word"] for one in sent for notice in one.datum["notices"] if one.office in ("security:WSI", "force:06")}
    assert told == {"security:WSI": "QUARANTINED", "force:06": "QUARANTINED"}
    assert asked(pas) == []


class Set:
    """A clock that was set to a moment."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment


def chase_at(pas: Terminal, moment: datetime) -> list[tuple[str, str, str | None]]:
    """What the gateway's turns by the clock say at a moment: to whom, which word, about whom."""
    pipeline, told = chaser(pas, moment), []
    while (plan := pipeline.chase_requests()) is not None:
        pipeline.commit(plan)
        told += [(draft.office, notice["word"], notice["office"]) for draft in plan.drafts for notice in draft.notices]
    return told


def test_what_nobody_answers_is_chased_once_a_rung(pas: Terminal) -> None:
    name = ask(pas, "force:01", "force:06")
    pas(*pas.sign("request", "refuse", name, "--as", "force:06", *SAID, person=person("force:06")))
    pas.desk.run()
    due = parse_time(pas.json("request", "list")[0]["due"])
    calendar, minute = pas.desk.office.rulebook.calendar, timedelta(minutes=1)
    # A request is a case, a routine one: its owner, a working day later the duty supervisor, another one later the Head of PAS.
    duty, head = (calendar.after(delay, due) for delay in ("1 working day", "2 working days"))
    with pas.desk.store.reading() as register:
        assert not requests.has_due(register, to_ms(due - minute))
        assert requests.has_due(register, to_ms(due))
    owner, at_pas = [("force:01", "OVERDUE", None)], [("pas", "OVERDUE", "force:01")]
    assert overdue(pas, due - minute) == []
    # Each rung once; a clock that goes back does nothing again.
    assert [chase_at(pas, at) for at in (due - minute, due, due, due - minute, duty - minute)] == [[], owner, [], [], []]
    [late] = overdue(pas, duty - minute)
    assert (late["kind"], late["case"], late["office"], late["state"]) == ("REQUEST", name, "force:01", "ASKED")
    assert ([step["rung"] for step in late["rungs"]], late["next"]["rung"]) == (["OWNER"], "DUTY")
    assert [chase_at(pas, at) for at in (duty, duty, due, head - minute)] == [at_pas, [], [], []]
    assert [chase_at(pas, at) for at in (head, head, due, head + timedelta(days=400))] == [at_pas, [], [], []]
    assert [rules for event, rules in events(pas.desk) if event == "REQUEST_OVERDUE"] == [["OWNER"], ["DUTY"], ["HEAD"]]
    assert asked(pas, state="OPEN") == [("force:01", "ASKED"), ("force:06", "REFUSED")]
    assert [(row["kind"], row["next"]) for row in overdue(pas, head)] == [("REQUEST", None)]


def climb_ladder(pas: Terminal, name: str) -> None:
    """Every rung of a request's ladder is behind it."""
    subject, due_ms = bytes.fromhex(name), to_ms(parse_time(pas.json("request", "list")[0]["due"]))
    climbed = {"subject": subject, "due_ms": due_ms, "report": subject, "office": "security:WSI", "at_ms": due_ms, "open": 0}
    rungs = [climbed | {"rung": rung} for rung in ("OWNER", "DUTY", "HEAD")]
    pas.desk.store.write(lambda register: register.execute(schema.rungs.insert(), rungs))


def test_a_late_request_that_is_open_again_is_not_forgotten_though_its_ladder_is_climbed(pas: Terminal) -> None:
    name = ask(pas)
    climb_ladder(pas, name)
    report = answer(pas, name)
    assert asked(pas, state="CLOSED") == [("force:01", "DISCLOSED")]
    pas.desk.publish(correct(pas.desk, report, "WITHDRAW", subjects=[], addressees=[]))
    pas.desk.run()
    told = [word for one in pas.desk.run() if one.office == "pas" for word in one.datum["notices"] if word["case"] == name]
    assert [(word["word"], word["office"], "open again" in word["why"]) for word in told] == [("OVERDUE", "force:01", True)]


def chaser(pas: Terminal, moment: datetime) -> Pipeline:
    return Pipeline(replace(PasOffice.of(pas.desk.workspace), clock=Set(moment)), pas.desk.store)


def test_every_rung_that_is_due_is_climbed_in_one_turn_by_one_gateway(pas: Terminal, pristine: Path) -> None:
    """None ran for a long time; then two did. Who asks hears nothing of it, and no post of PAS is asked for that nobody holds."""
    shutil.copytree(pristine / "keys" / "root", pas.desk.workspace.keys_dir / "root")
    ask(pas, "force:01")
    late = parse_time(pas.json("request", "list")[0]["due"]) + timedelta(days=30)
    change(pas.desk.workspace, lambda snapshot, at: dismiss(snapshot, "pas", "example-head", at))
    one, other = chaser(pas, late), chaser(pas, late)
    first, second = one.chase_requests(), other.chase_requests()
    assert first is not None
    assert second is not None
    told = [(draft.office, notice["why"].rpartition("post ")[2]) for draft in first.drafts for notice in draft.notices]
    assert told == [
        ("force:01", "The request was not answered in time: it must be answered now."),
        ("pas", "duty-supervisor."), ("pas", "duty-supervisor."),
    ]  # fmt: skip
    one.commit(first)
    with pytest.raises(ClashError):
        other.commit(second)
    assert other.chase_requests() is None


@pytest.mark.parametrize(("told", "left"), [(0, ["OWNER", "DUTY", "HEAD"]), (1, ["DUTY", "HEAD"]), (2, ["HEAD"])])
def test_what_an_older_version_told_is_not_told_again(pas: Terminal, told: int, left: list[str]) -> None:
    """It told the forces, then PAS, and kept only when it would look again."""
    ask(pas, "force:01")
    with pas.desk.store.writing() as register:
        look = ("look_ms", "look_ms + 86400000", "NULL")[told]
        register.execute(sa.text(f"UPDATE requests SET look_ms = {look}"))
        with Operations.context(MigrationContext.configure(register)):
            v0013_requests_climb.upgrade()
    plan = chaser(pas, parse_time(pas.json("request", "list")[0]["due"]) + timedelta(days=30)).chase_requests()
    assert plan is not None
    assert [row["rung"] for row in plan.change.rungs] == left


def overdue(pas: Terminal, moment: datetime) -> list[Row]:
    return [row for row in list_overdue(pas.desk.store, pas.desk.office.rulebook, moment) if row["kind"] == "REQUEST"]


def test_requests_are_kept_in_postgresql_as_well(
    pristine: Path, tmp_path: Path, postgres: PrivatePostgres, capsys: pytest.CaptureFixture[str]
) -> None:
    root = copy_estate(pristine, tmp_path / "shared").root
    with Desk(settle(root, postgres.url(postgres.make_database(), password=None))) as desk:
        desk.move()
        desk.run()
        pas = Terminal(desk, capsys)
        name = ask(pas, "force:01", "force:06")
        path, _ = write_answer(pas)
        pas(*pas.sign("request", "answer", name, path, "--as", "force:01", person=person("force:01")))
        desk.run()
        desk.run()
        [row] = list_all(desk.store, desk.office)
        assert [(one["office"], one["state"]) for one in row["asked"]] == [("force:01", "DISCLOSED"), ("force:06", "ASKED")]
        due = parse_time(row["due"])
        assert chase_at(pas, due) == [("force:06", "OVERDUE", None)]
        assert chase_at(pas, due) == []
