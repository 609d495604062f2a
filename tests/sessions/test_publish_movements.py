"""Sessions with `pas movements import` and `pas move`: where prisoners are, as the feed tells it and as PAS corrects it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from conftest import RunPas
from forked_pas import PAS
from gateway.killing import until
from pas_producers.commands.hints import MOVE_HINTS, MOVEMENT_HINTS
from pas_transport.workspace import open_workspace
from producers.opening import Found, open_records
from producers.samples import NOW, make_movement, write_lines

CLOCK = {"PAS_CLOCK": NOW}
CANARY = "zqCanaryzq"


def found(estate: Path) -> list[Found]:
    workspace = open_workspace(estate, environment={})
    with workspace.log() as log:
        return open_records(log, workspace.directory(), workspace.keyring("pas"), ["pas.movements"])


def write(path: Path, rows: list[Any]) -> Path:
    path.write_bytes(write_lines(rows))
    return path


def make_event(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        "version": 1,
        "occurredAt": "2015-10-03T09:00:00Z",
        "detailUrl": "/prisoner",
        "personReference": {"identifiers": [{"type": "NOMS", "value": "A1234BC"}]},
        "additionalInformation": {"nomsNumber": "A1234BC"} | more,
    }


def test_rows_are_imported_once(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    rows = [make_movement(), make_movement(noms_number="B7730HM", prison="BAI", category="A", alerts=["CA"]), make_movement()]
    file = write(tmp_path / "movements.ndjson", rows)
    first = pas("movements", "import", file, "--json", cwd=estate, env=CLOCK, code=0)
    assert json.loads(first.out) == {"read": 3, "published": 2, "repeated": 1, "skipped": 0, "refused": []}
    again = pas("movements", "import", file, cwd=estate, code=0)
    assert (again.out, again.err) == ("3 read: 0 published, 3 repeated, 0 skipped, 0 refused.\n", "")
    records = found(estate)
    assert {record.sender for record in records} == {"feed:nomis"}
    # Two people's movements may lie in two partitions, which have no order between them.
    assert sorted((record.datum["noms_number"], record.datum["prison"]) for record in records) == [("A1234BC", "WSI"), ("B7730HM", "BAI")]


def test_events_and_rows_may_stand_in_one_file(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    rows = [
        make_event("prisoner-offender-search.prisoner.received", reason="TRANSFERRED", prisonId="BAI"),
        make_event("incentives.iep-review.inserted"),
        make_event("person.alert.created") | {"detail": {"category": "B", "alerts": ["XEL"]}},
        make_movement(event="UNKNOWN", prison=None),
        make_event("prison-offender-events.prisoner.released", reason="SENT_TO_COURT"),
    ]
    answer = pas("movements", "import", write(tmp_path / "events.ndjson", rows), "--json", cwd=estate, env=CLOCK, code=0)
    assert json.loads(answer.out) == {"read": 5, "published": 4, "repeated": 0, "skipped": 1, "refused": []}
    assert [record.datum["event"] for record in found(estate)] == ["RECEIVED", "STATUS", "UNKNOWN", "ABSENT"]


def test_who_sends_a_movement_from_the_future_is_told(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    """It is no mistake, and looks like one; what was told before, or happened, says nothing."""
    told = "ahead: nothing changes before the time it tells of.\nhint: see dates and clock, if that is not meant\n"
    file = write(
        tmp_path / "ahead.ndjson", [make_movement(), make_movement(at="2015-11-19T12:00:00Z"), make_movement(at="2016-01-01T00:00:00Z")]
    )
    first = pas("movements", "import", file, "--json", cwd=estate, env=CLOCK, code=0)
    assert (json.loads(first.out)["published"], first.err) == (3, f"warning: 2 movements lie {told}")
    assert pas("movements", "import", file, cwd=estate, env=CLOCK, code=0).err == ""
    moved = ("move", "A1234BC", "--to", "BAI", "--reason", "Booked for then.")
    assert pas(*moved, "--at", "2015-11-20T12:00:00Z", cwd=estate, env=CLOCK, code=0).err == f"warning: 1 movement lies {told}"


def test_a_bad_row_has_its_line_and_its_sentence(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    rows = [
        make_movement(),
        b"{",
        make_movement(event=CANARY),
        make_movement(prison=CANARY),
        make_movement(noms_number=CANARY),
        make_movement() | {CANARY: CANARY},
        make_event("person.alert.created"),
        b"x" * 500_000,
        make_movement(noms_number="B7730HM"),
    ]
    file = write(tmp_path / "movements.ndjson", rows)
    answer = pas("movements", "import", file, tmp_path / "none", "--json", cwd=estate, env=CLOCK, code=1)
    told = json.loads(answer.out)
    assert (told["read"], told["published"]) == (9, 2)
    assert [(entry["line"], entry["code"]) for entry in told["refused"]] == [(line, "V-SCHEMA") for line in range(2, 9)]
    assert all(set(entry) == {"file", "line", "code", "why"} and entry["why"].endswith(".") for entry in told["refused"])
    assert f"error: V-SCHEMA refuses 7 lines.\nhint: {MOVEMENT_HINTS['V-SCHEMA']}\n" in answer.err
    people = pas("movements", "import", file, cwd=estate, code=1)
    assert people.out.startswith("9 read: 0 published, 2 repeated, 0 skipped, 7 refused.\n")
    for text in (answer.out, answer.err, people.out, people.err):
        assert CANARY not in text


def test_no_prisoner_is_named_in_clear(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    pas("movements", "import", write(tmp_path / "movements.ndjson", [make_movement()]), cwd=estate, env=CLOCK, code=0)
    pas("move", "A1234BC", "--to", "BAI", "--reason", CANARY, cwd=estate, code=0)
    assert len(found(estate)) == 2
    for path in (path for path in estate.rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert b"A1234BC" not in data, path
        assert CANARY.encode() not in data, path


def test_a_correction_by_pas(pas: RunPas, estate: Path) -> None:
    answer = pas("move", "A1234BC", "--to", "BAI", "--reason", "Seen there.", "--person", "a1234", "--json", cwd=estate, env=CLOCK, code=0)
    assert json.loads(answer.out) == {"read": 1, "published": 1, "repeated": 0, "skipped": 0, "refused": []}
    pas(
        "move", "A1234BC", "--event", "STATUS", "--category", "A", "--reason", "Letter.", "--at", "2015-11-01T00:00:00Z", cwd=estate, code=0
    )
    first, second = found(estate)
    assert (first.sender, second.sender) == ("pas", "pas")
    assert first.datum["at"].startswith("2015-11-18T12:0")
    told = {name: first.datum[name] for name in ("noms_number", "event", "prison", "category", "alerts", "reason", "person")}
    assert told == {
        "noms_number": "A1234BC", "event": "RECEIVED", "prison": "BAI", "category": None, "alerts": None, "reason": "Seen there.",
        "person": "a1234",
    }  # fmt: skip
    assert second.datum["person"] == "example-0001"  # as in pas.toml
    assert (second.datum["event"], second.datum["category"], second.datum["at"]) == ("STATUS", "A", "2015-11-01T00:00:00Z")


def test_a_correction_that_cannot_be_made(pas: RunPas, estate: Path) -> None:
    answer = pas("move", "A1234BC", "--to", "ZZZ", "--reason", "Seen there.", "--json", cwd=estate, env=CLOCK, code=1)
    assert json.loads(answer.out)["refused"][0]["why"] == "prison: a prison that is none."
    assert "error: command line, line 1: prison: a prison that is none." in answer.err
    assert f"hint: {MOVE_HINTS['V-SCHEMA']}\n" in answer.err
    assert pas("move", "a1", "--to", "WSI", "--reason", "x", cwd=estate, code=1).out.startswith("1 read: 0 published")
    assert "Missing option '--reason'" in pas("move", "A1234BC", "--to", "WSI", cwd=estate, code=2).err
    assert "A correction needs a reason." in pas("move", "A1234BC", "--to", "WSI", "--reason", " ", cwd=estate, code=2).err
    assert "--to goes with RECEIVED" in pas("move", "A1234BC", "--reason", "x", cwd=estate, code=2).err
    assert "A correction is a person's." in pas("move", "A1234BC", "--to", "WSI", "--reason", "x", "--person", " ", cwd=estate, code=2).err
    shutil.rmtree(estate / "keys" / "pas")
    assert "There are no keys of pas in this workspace." in pas("move", "A1234BC", "--to", "WSI", "--reason", "x", cwd=estate, code=1).err


def test_only_a_feed_imports(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "movements.ndjson", [make_movement()])
    assert "Movements come from a feed." in pas("movements", "import", file, "--as", "force:01", cwd=estate, code=2).err
    assert "There are no keys of feed:other" in pas("movements", "import", file, "--as", "feed:other", cwd=estate, code=1).err
    shutil.rmtree(estate / "keys" / "feed.nomis")
    assert "There are no keys of feed:nomis" in pas("movements", "import", file, "--json", cwd=estate, code=1).err


def test_a_movement_does_not_wait_for_the_next(pas: RunPas, estate: Path) -> None:
    """A feed writes into a pipe that it never closes; where a prisoner is decides who is told of them."""
    pas("status", cwd=estate, env=CLOCK)
    command = [PAS, "movements", "import", "-", "--json"]
    with subprocess.Popen(command, cwd=estate, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as running:
        assert running.stdin is not None
        try:
            for count, prison in enumerate(("WSI", "BAI"), 1):
                running.stdin.write(write_lines([make_movement(prison=prison)]))
                until(lambda: len(found(estate)) == count, "it is in the log")  # noqa: B023  # asked before the next
            out, _ = running.communicate(timeout=180)
        finally:
            running.kill()
    assert json.loads(out) == {"read": 2, "published": 2, "repeated": 0, "skipped": 0, "refused": []}
