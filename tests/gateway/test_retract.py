"""A session with `pas retract`: what an office wrote leaves everybody's inbox, and what another agency wrote does not."""

from __future__ import annotations

import pytest

from gateway.desk import Desk
from gateway.terminal import Terminal
from producers.samples import make_item

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
    assert pas.json(*said, "force:01", "--subject", "A1234BC") == told
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
    # PAS reads why, and has nothing to decide but the other agency's, which has no subject.
    [why] = [row for row in pas.lines("inbox", "list", "--as", "pas", "--post", "p1", "--person", "a1") if row["kind"] == "DISCLOSURE"]
    read = pas.json("inbox", "show", why["delivery"], "--post", "p1", "--person", "a1")
    assert (read["urn"], [item["text"] for item in read["items"]]) == (ends, [REASON])
    assert [row["urn"] for row in pas.json("cases", "list")] == ["06/IR/2015/000009"]
    # Said again it is another text under the same number: refused, and nothing changes.
    pas(*said, "force:01")
    desk.run()
    assert [one["status"] for one in pas.json("trace", ends)["attempts"]] == ["ACCEPTED", "REJECTED"]
