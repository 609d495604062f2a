"""A session with `pas retract`: what an office wrote leaves everybody's inbox, and what another agency wrote does not."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.desk import Desk
from gateway.terminal import Terminal
from producers.samples import make_handling, make_item

REASON = "The prisoner was taken for another."
CANARY = "zqCanaryzq"


class Scene:
    """A report that force:01 published, and two offices were sent."""

    def __init__(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        """Publish it."""
        self.desk = desk
        self.pas = Terminal(desk, capsys)
        report = desk.write(items=[make_item(text=f"{CANARY} is hidden in a cell.")])
        desk.publish(report)
        desk.run()
        self.urn = report["urn"]
        self.ends = f"{self.urn}/RETRACTED"
        self.said = ("retract", self.urn, "--reason", REASON, "--as")

    def retract(self) -> Any:
        """Retract it as its own force, and let every worker run."""
        told = self.pas.json(*self.said, "force:01")
        self.desk.run()
        return told

    def states(self, office: str) -> list[tuple[str, str]]:
        """Tell what an office's inbox holds of the report, and how each stands."""
        rows = [row for row in self.pas.lines("inbox", "list", "--as", office, "--post", "p1", "--person", "a1") if row["urn"] == self.urn]
        return [(row["kind"], row["state"]) for row in rows if row["kind"] != "NOTICE"]


@pytest.fixture
def scene(desk: Desk, capsys: pytest.CaptureFixture[str]) -> Scene:
    """Give a report that was published and can be retracted."""
    return Scene(desk, capsys)


def test_what_may_not_be_retracted_is_refused_at_once_in_a_sentence(scene: Scene) -> None:
    pas, urn, said = scene.pas, scene.urn, scene.said
    assert pas.refused(*said, "force:06") == (
        "error: The retraction was refused (V-URN): The first part of the URN is not the originator's code.\n"
        "hint: mend it and retract again\n"
    )
    assert "(G-MARKING)" in pas.refused(*said, "force:01", "--urn", "01/X", "--marking", "SECRET")
    assert "(V-GRADE)" in pas.refused(*said, "force:01", "--urn", "01/X", "--grade", "Z9")
    assert "keys of lea:91" in pas.refused(*said, "lea:91")
    blank = pas.refused("retract", urn, "--as", "force:01", "--reason", " ", code=2)
    assert blank == "error: A retraction needs a reason.\nhint: say with --reason why the report no longer stands\n"
    scene.desk.run()
    assert pas.json("trace", urn)["superseded_by"] is None


def test_another_agency_takes_nothing_back_and_waits_for_a_report_that_never_comes(scene: Scene) -> None:
    scene.pas(*scene.said, "force:06", "--urn", "06/IR/2015/000009")
    scene.desk.run()
    assert scene.states("security:WSI") == [("DISCLOSURE", "DELIVERED")]
    assert scene.pas.json("trace", scene.urn)["superseded_by"] is None
    assert [row["urn"] for row in scene.pas.json("cases", "list")] == ["06/IR/2015/000009"]


def test_what_was_retracted_is_taken_back_from_everybody(scene: Scene) -> None:
    assert scene.retract() == {"retracts": scene.urn, "urn": scene.ends, "originator": "force:01", "repeated": False}
    for office in ("security:WSI", "pio:WSI"):
        assert scene.states(office) == [("DISCLOSURE", "WITHDRAWN"), ("WITHDRAWAL", "DELIVERED")]
    end = scene.pas.json("trace", scene.urn)["superseded_by"]
    assert (end["urn"], end["action"], end["state"]) == (scene.ends, "WITHDRAW", "DONE")


def test_a_withdrawal_says_neither_why_nor_what_was_withdrawn(scene: Scene) -> None:
    scene.retract()
    assert ("WITHDRAWAL", "DELIVERED") in scene.states("security:WSI")
    [row] = [row for row in scene.pas.lines("inbox", "list", "--as", "security:WSI", "--offline") if row["kind"] == "WITHDRAWAL"]
    shown = scene.pas("inbox", "show", row["delivery"], "--post", "p1", "--person", "a1")[0]
    assert "withdrawn this report" in shown
    assert REASON not in shown
    assert CANARY not in shown


def test_why_a_report_was_retracted_pas_alone_reads_in_a_case(scene: Scene) -> None:
    scene.retract()
    [case] = scene.pas.json("cases", "list")
    assert case["urn"] == scene.ends
    assert (case["reasons"], case["held"]) == (["G-IDENTITY"], [{"item": 0, "office": "pas", "rule": "G-IDENTITY"}])
    read = scene.pas.json("cases", "show", case["case"], "--texts", "--person", "example-reviewer-1")
    assert [one["text"] for one in read["texts"]] == [REASON]


def test_a_retraction_said_again_otherwise_is_refused_and_changes_nothing(scene: Scene) -> None:
    scene.retract()
    scene.pas(*scene.said[:3], "Another reason.", "--as", "force:01")
    scene.desk.run()
    assert [one["status"] for one in scene.pas.json("trace", scene.ends)["attempts"]] == ["ACCEPTED", "REJECTED"]


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
