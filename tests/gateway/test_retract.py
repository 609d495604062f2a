"""A session with `pas retract`: what an office wrote leaves everybody's inbox, and what another agency wrote does not."""

from __future__ import annotations

import pytest

from gateway.desk import Desk
from gateway.terminal import Terminal
from producers.samples import make_handling, make_item

REASON = "The prisoner was taken for another."
CANARY = "zqCanaryzq"


def test_what_was_retracted_is_taken_back_from_everybody_and_only_by_its_agency(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    pas = Terminal(desk, capsys)
    report = desk.write(items=[make_item(text=f"{CANARY} is hidden in a cell.")])
    desk.publish(report)
    desk.run()
    urn = report["urn"]

    def states(office: str) -> list[tuple[str, str]]:
        rows = [row for row in pas.lines("inbox", "list", "--as", office, "--post", "p1", "--person", "a1") if row["urn"] == urn]
        return [(row["kind"], row["state"]) for row in rows if row["kind"] != "NOTICE"]

    said = ("retract", urn, "--reason", REASON, "--as")
    # Refused at once, in a sentence; nothing is sent.
    assert pas.refused(*said, "force:06") == (
        "error: The retraction was refused (V-URN): The first part of the URN is not the originator's code.\n"
        "hint: mend it and retract again\n"
    )
    assert "(G-MARKING)" in pas.refused(*said, "force:01", "--urn", "01/X", "--marking", "SECRET")
    assert "(V-GRADE)" in pas.refused(*said, "force:01", "--urn", "01/X", "--grade", "Z9")
    assert "keys of lea:91" in pas.refused(*said, "lea:91")
    blank = pas.refused("retract", urn, "--as", "force:01", "--reason", " ", code=2)
    assert blank == "error: A retraction needs a reason.\nhint: say with --reason why the report no longer stands\n"
    # Another agency's waits for a report that never comes.
    pas(*said, "force:06", "--urn", "06/IR/2015/000009")
    desk.run()
    assert states("security:WSI") == [("DISCLOSURE", "DELIVERED")]
    assert pas.json("trace", urn)["superseded_by"] is None

    ends = f"{urn}/RETRACTED"
    told = {"retracts": urn, "urn": ends, "originator": "force:01", "repeated": False}
    assert pas.json(*said, "force:01") == told
    desk.run()
    for office in ("security:WSI", "pio:WSI"):
        assert states(office) == [("DISCLOSURE", "WITHDRAWN"), ("WITHDRAWAL", "DELIVERED")]
    shown = [
        pas("inbox", "show", row["delivery"], "--post", "p1", "--person", "a1")[0]
        for row in pas.lines("inbox", "list", "--as", "security:WSI", "--offline")
        if row["kind"] == "WITHDRAWAL"
    ]
    assert len(shown) == 1
    assert "withdrawn this report" in shown[0]
    assert REASON not in shown[0]
    assert CANARY not in shown[0]
    end = pas.json("trace", urn)["superseded_by"]
    assert (end["urn"], end["action"], end["state"]) == (ends, "WITHDRAW", "DONE")
    # PAS alone reads why, in a case; the other agency's has one too.
    [case] = [row for row in pas.json("cases", "list") if row["urn"] == ends]
    assert (case["reasons"], case["held"]) == (["G-IDENTITY"], [{"item": 0, "office": "pas", "rule": "G-IDENTITY"}])
    read = pas.json("cases", "show", case["case"], "--texts", "--person", "example-reviewer-1")
    assert [one["text"] for one in read["texts"]] == [REASON]
    assert [row["urn"] for row in pas.json("cases", "list") if row["urn"] != ends] == ["06/IR/2015/000009"]
    # Said again it is another text under the same number: refused, and nothing changes.
    pas(*said[:3], "Another reason.", "--as", "force:01")
    desk.run()
    assert [one["status"] for one in pas.json("trace", ends)["attempts"]] == ["ACCEPTED", "REJECTED"]


def test_of_a_retracted_secret_nobody_hears_who_was_not_told_of_it(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The prison's PIO is the force's own, and rule 2 leads to it: it may know neither of the code 4 item nor of its end."""
    pas = Terminal(desk, capsys)
    closed = make_handling(reasons="Live.", internal_recipients=["fib:01"], review_by="2099-01-01")
    report = desk.write(items=[make_item(handling="4")], handling=closed)
    desk.publish(report)
    desk.run()
    pas("retract", report["urn"], "--as", "force:01", "--reason", REASON)
    desk.run()
    assert pas.json("trace", report["urn"])["superseded_by"]["state"] == "DONE"
    rows = {office: pas.lines("inbox", "list", "--as", office, "--post", "p1", "--person", "a1") for office in ("fib:01", "pio:WSI")}
    assert [row["kind"] for row in rows["fib:01"]] == ["DISCLOSURE", "WITHDRAWAL"]
    assert rows["pio:WSI"] == []
