"""Sessions with `pas cases decide`, `second` and `pas consent`: from what waits to what goes out, at PAS and elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Answer, RunPas
from producers.samples import make_declarations, make_handling, make_item, make_movement, make_report, make_subject, write_lines

NOON = {"PAS_CLOCK": "2015-11-18T12:00:00Z"}
SAID = ("--legal-basis", "POLICING_PURPOSE", "--reason", "It is necessary.")
RISK = {"summary": "Necessary.", "authorised_by": "d-insp-01", "authorised_at": "2015-11-16T10:00:00Z"}


class At:
    """One workspace, as people use it."""

    def __init__(self, pas: RunPas, root: Path) -> None:
        self.pas, self.root = pas, root
        (root / "words").write_text("example passphrase\n")

    def __call__(self, *arguments: object, code: int = 0) -> Answer:
        return self.pas(*arguments, cwd=self.root, env=NOON, code=code)

    def json(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json").out)

    def run(self, *reports: dict[str, Any]) -> None:
        if reports:
            (self.root / "reports.ndjson").write_bytes(write_lines(list(reports)))
            self("publish", "reports.ndjson")
        self("gateway", "run", "--until-idle")

    def move(self, **changes: Any) -> None:
        (self.root / "moves.ndjson").write_bytes(write_lines([make_movement(**changes)]))
        self("movements", "import", "moves.ndjson")

    def sign(self, *arguments: object, person: str, code: int = 0, words: str = "words") -> Answer:
        return self(*arguments, "--person", person, "--passphrase-file", words, code=code)

    def texts(self, office: str) -> list[Any]:
        listed = [json.loads(line) for line in self("inbox", "list", "--as", office, "--json").out.splitlines()]
        shown = [self.json("inbox", "show", row["delivery"]) for row in listed if row["kind"] == "DISCLOSURE"]
        return [item["text"] for one in shown for item in one["items"]]


@pytest.fixture
def at(pas: RunPas, estate: Path) -> At:
    made = At(pas, estate)
    made.move()
    return made


def plot(**changes: Any) -> dict[str, Any]:
    return make_report(
        subjects=[make_subject(pnc_id=None)], items=[make_item()], risk_tags=["ESCAPE"], addressees=["security"],
        declarations=make_declarations(terrorism=True), **changes,
    )  # fmt: skip


def test_the_governor_is_briefed_by_a_decision_of_two_people(at: At) -> None:
    at.run(plot())
    [case] = at.json("cases", "list")
    assert (case["owner"], case["reasons"], case["state"]) == ("pas", ["G-CATA", "R-CATA", "R-SENIORITY"], "OPEN")
    decide = ("cases", "decide", case["case"], "--choice", "RELEASE", *SAID)
    one, other = "example-reviewer-1", "example-reviewer-2"
    read = at.json("cases", "show", case["case"], "--texts", "--person", one)
    assert read["texts"] == [{"item": 0, "grade": "B21", "text": "A parcel will come over the wall at the weekend."}]
    assert "texts" not in at.json("cases", "show", case["case"])
    assert "nobody of that reference" in at("cases", "show", case["case"], "--texts", "--person", "nobody", code=1).err
    # What a person hears at once, before anything is sent.
    assert "A decision names what it is about." in at.sign(*decide, person=one, code=2).err
    assert "Nothing waits in this case for that office and item." in at.sign(*decide, "--office", "lea:91", person=one, code=2).err
    (at.root / "wrong").write_text("another passphrase")
    wrong = at.sign(*decide, "--office", "governor:WSI", person=one, words="wrong", code=1)
    assert wrong.err == "error: The passphrase does not open that person's key.\nhint: type it again; nothing was decided\n"
    assert "nobody of that reference" in at.sign(*decide, "--all", person="nobody", code=1).err
    grade = at.sign(*decide, "--office", "governor:WSI", "--grade", "B21", person=one, code=1)
    assert grade.err == "error: Only who evaluates a report grades its items anew.\nhint: leave the grade out\n"
    assert (grade.out, at.json("cases", "list")) == ("", [case])

    done = json.loads(at.sign(*decide, "--office", "governor:WSI", "--json", person=one).out)
    assert list(done) == ["case", "choice", "person", "statement"]
    at.run()
    assert [row["state"] for row in at.json("cases", "list")] == ["PROPOSED"]
    assert at.texts("governor:WSI") == []
    agree = ("cases", "second", case["case"], "--reason", "I agree.")
    same = at.sign(*agree, person=one, code=1)
    assert same.err == "error: Whoever decided cannot be the second person too.\nhint: two different people must sign\n"
    assert json.loads(at.sign(*agree, "--json", person=other).out)["agrees_with"] == done["statement"]
    at.run()
    assert at.texts("governor:WSI") == ["A parcel will come over the wall at the weekend."]
    assert "No such decision waits" in at.sign(*agree, person="example-head", code=2).err

    [left] = at.json("cases", "list")
    assert {pair["office"] for pair in left["held"]} == {"cat-a-team", "security:WSI"}
    told = at.json("cases", "show", case["case"])["decisions"]
    assert [(one["kind"], one["person"]) for one in told] == [("DECISION", one), ("SECOND", other)]
    assert told[0]["counts"] is True
    trace = at.json("trace", "01/IR/2015/000001")
    assert [(one["kind"], one["choice"]) for one in trace["decisions"]] == [("decision", "RELEASE"), ("second", None)]
    at.sign("cases", "decide", case["case"], "--choice", "REFUSE", "--all", *SAID, person=other)
    at.run()
    assert at.json("cases", "list") == []
    assert [row["state"] for row in at.json("cases", "list", "--all")] == ["DECIDED"]
    assert [row["state"] for row in at.json("trace", "01/IR/2015/000001")["cases"] if row["case"] == case["case"]] == ["DECIDED"]
    assert "waits for no decision any more" in at.sign(*decide, "--all", person=one, code=1).err


def test_a_conduit_decides_from_its_own_inbox(at: At) -> None:
    subjects, addressees = [make_subject(pnc_id=None)], ["force:01", "lea:91"]
    report = make_report(originator="security:WSI", subjects=subjects, items=[make_item()], risk_tags=[], addressees=addressees)
    at.run(report)
    own = ("--as", "pio:WSI")
    [case] = at.json("cases", "list", *own)
    assert (case["reasons"], {pair["office"] for pair in case["held"]}) == (["R-EVALUATE"], {"force:01", "lea:91"})
    decide = ("cases", "decide", case["case"], *own, "--choice", "RELEASE", *SAID)
    at.sign(*decide, "--office", "lea:91", "--grade", "C41", person="example-pio-wsi-1")
    at.run()
    listed = [json.loads(line) for line in at("inbox", "list", "--as", "lea:91", "--json").out.splitlines()]
    [delivery] = [row["delivery"] for row in listed if row["kind"] == "DISCLOSURE"]
    assert at.json("inbox", "show", delivery)["items"] == [
        {"text": "A parcel will come over the wall at the weekend.", "grade": "B21", "sanitised": False, "regraded": "C41"}
    ]
    at.sign("cases", "decide", case["case"], *own, "--choice", "REFUSE", "--all", *SAID, person="example-pio-wsi-2")
    at.run()
    assert at.json("cases", "list", *own) == []
    assert [row["state"] for row in at.json("cases", "list", *own, "--all")] == ["CLOSED"]
    assert "No case of that office that waits has that id." in at.sign(*decide, "--all", person="example-pio-wsi-1", code=1).err


def test_an_originator_grades_for_a_contractor(at: At) -> None:
    """Code 1 to a contracted prison: PAS returns the case with a question, the force answers, two of its people sign."""
    at.move(prison="DGI", at="2015-11-01T10:00:00Z", category="C")
    at.run(make_report(subjects=[make_subject(pnc_id=None)], items=[make_item()], risk_tags=[]))
    [case] = [row for row in at.json("cases", "list") if "H1-NONPROS" in row["reasons"]]
    at.sign("cases", "decide", case["case"], "--choice", "RETURN", "--ask", "CODE_2", *SAID, person="example-duty")
    at.run()
    assert [row["state"] for row in at.json("cases", "list")] == ["RETURNED"]
    asked = at.json("consent", "--as", "force:01")
    assert {(row["asks"], row["office"], row["answered"]) for row in asked} == {("CODE_2_ASKED", "security:DGI", None)}
    answer = ("consent", asked[-1]["delivery"], "--as", "force:01", "--choice", "REGRADE", "--grade", "B22", *SAID)
    risk = ("--assessment", "Necessary.", "--authorised-by", "d-insp-01", "--authorised-at", "2015-11-18T10:00:00Z")
    done = json.loads(at.sign(*answer, *risk, "--json", person="example-force-01-1").out)
    assert [row["answered"] for row in at.json("consent", "--as", "force:01") if row["delivery"] == asked[-1]["delivery"]] == ["REGRADE"]
    at.run()
    assert at.texts("security:DGI") == []
    # PAS sees in its case what was answered, and that it does not count yet.
    told = at.json("cases", "show", case["case"])["decisions"]
    assert [one["choice"] for one in told] == ["RETURN", "REGRADE"]
    assert {name: told[1][name] for name in ("kind", "person", "item", "office", "grade", "counts")} == {
        "kind": "CONSENT", "person": "example-force-01-1", "item": 0, "office": None, "grade": "B22", "counts": False,
    }  # fmt: skip
    second = ("cases", "second", "--as", "force:01", "--statement", done["statement"][:12], "--reason", "I agree.")
    at.sign(*second, person="example-force-01-2")
    at.run()
    assert at.texts("security:DGI") == ["A parcel will come over the wall at the weekend."]
    assert at.json("cases", "list") == []
    assert [(one["kind"], one.get("counts")) for one in at.json("cases", "show", case["case"])["decisions"]] == [
        ("DECISION", True), ("CONSENT", True), ("SECOND", None),
    ]  # fmt: skip


def test_silence_is_accepted_by_an_officer_of_rank(at: At) -> None:
    handling = make_handling(reasons="Live.", internal_recipients=["fib:01"], review_by="2016-06-01")
    at.run(make_report(subjects=[make_subject(pnc_id=None)], items=[make_item(handling="4")], risk_tags=["ESCAPE"], handling=handling))
    own = ("--as", "fib:01")
    [case] = at.json("cases", "list", *own)
    # Nothing was added for anybody: the sentence asks what its owner is to decide.
    assert at.json("cases", "show", case["case"])["why"]["R-SENIORITY"].startswith("No Governor is given anything")
    accept = ("cases", "decide", case["case"], *own, "--choice", "ACCEPT_SILENCE", *SAID, "--officer", "example-fib-01-1")
    # Told at once, though the register is elsewhere: nothing is sent that lacks what goes with its choice.
    assert "until a date" in at.sign(*accept, person="example-fib-01-2", code=1).err
    at.sign(*accept, "--rank", "superintendent", "--until", "2015-12-01", person="example-fib-01-2")
    at.run()
    assert at.json("cases", "list", *own) == []
    shown = [row for row in at.json("trace", "01/IR/2015/000001")["cases"] if row["owner"] == "fib:01"]
    assert [(row["state"], row["until"]) for row in shown] == [("ACCEPTED", "2015-12-01T00:00:00Z")]


def test_what_is_not_there_is_no_misuse(pas: RunPas, estate: Path) -> None:
    said = ("--reason", "r", "--legal-basis", "OTHER")
    for asked in (
        ("cases", "show", "00", "--as", "pio:WSI"),
        ("consent", "00", "--as", "force:01", "--choice", "GRANT", *said),
    ):
        assert pas(*asked, cwd=estate, code=1).out == ""


def test_an_answer_without_a_choice_is_none(pas: RunPas, estate: Path) -> None:
    for asked in (("00",), ("--reason", "It may."), ("--item", "0")):
        answered = pas("consent", *asked, "--as", "force:01", "--json", cwd=estate, code=2)
        assert (answered.out, "--choice GRANT" in answered.err) == ("", True)
