"""Sessions with `pas publish`: what a force types, what it is told, and what the log holds afterwards."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import Answer, RunPas
from forked_pas import PAS
from gateway.killing import until
from pas_producers.commands.hints import REPORT_HINTS
from pas_transport.workspace import open_workspace
from producers.opening import Found, open_records
from producers.samples import (
    NOW,
    make_code4,
    make_declarations,
    make_handling,
    make_item,
    make_report,
    make_subject,
    write_lines,
)

CLOCK = {"PAS_CLOCK": NOW}
HINT = "hint: mend and publish again: what is published is not published twice\n"


def found(estate: Path) -> list[Found]:
    """What PAS can open of what the workspace's log holds."""
    workspace = open_workspace(estate, environment={})
    with workspace.log() as log:
        return open_records(log, workspace.directory(), workspace.keyring("pas"), ["pas.reports", "pas.reports.urgent", "pas.compartment"])


def write(path: Path, rows: list[Any]) -> Path:
    path.write_bytes(write_lines(rows))
    return path


def refused(answer: Answer) -> list[tuple[int, str | None, str]]:
    return [(entry["line"], entry["urn"], entry["code"]) for entry in json.loads(answer.out)["refused"]]


def test_a_file_is_published_once(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "reports.ndjson", [make_report(1), make_code4(2), make_report(3, "security:WSI"), make_report(1)])
    first = pas("publish", file, "--json", cwd=estate, env=CLOCK, code=0)
    assert json.loads(first.out) == {"read": 4, "published": 4, "repeated": 0, "refused": []}
    assert first.err == ""
    again = pas("publish", file, "--json", cwd=estate, code=0)
    assert json.loads(again.out) == {"read": 4, "published": 0, "repeated": 4, "refused": []}
    assert sorted(record.sender for record in found(estate)) == ["force:01", "force:01", "force:01", "security:WSI"]


def test_every_mistake_has_its_line_and_its_sentence(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    rows = [
        make_report(1),
        b"",
        b'{"urn": "01/IR/2015/000002", ',
        b"[1, 2]",
        b"\xff\xfe",
        make_report(6) | {"colour": "blue"},
        make_report(7, items=[make_item(source="F")]),
        make_report(8, items=[make_item(handling="")]),
        make_report(9, subjects=[make_subject(noms_number=None, pnc_id="2001/0171310S")]),
        make_report(10, addressees=["pio", "security:NOWHERE"]),
        make_report(11, addressees=[f"force:{number}" for number in range(1000)]),
        make_report(12, created_at="2015-11-19T12:00:00Z"),
        make_report(13, urn="02/IR/2015/000013"),
        make_report(14, items=[make_item(source="E", intelligence="1"), make_item(handling="4")]),
        make_report(15, protective_marking="SECRET"),
        make_report(16, originator="force:99"),
        b'{"urn": "01/1", "urn": "01/2"}',
        b'{"urn": NaN}',
        make_report(19),
    ]
    answer = pas("publish", write(tmp_path / "reports.ndjson", rows), "--json", cwd=estate, env=CLOCK, code=1)
    told = json.loads(answer.out)
    assert (told["read"], told["published"], told["repeated"]) == (18, 5, 0)
    assert refused(answer) == [
        (3, None, "V-SCHEMA"),
        (4, None, "V-SCHEMA"),
        (5, None, "V-SCHEMA"),
        (6, "01/IR/2015/000006", "V-SCHEMA"),
        (7, "01/IR/2015/000007", "V-GRADE"),
        (8, "01/IR/2015/000008", "V-GRADE"),
        (12, "01/IR/2015/000012", "V-CLOCK"),
        (13, "02/IR/2015/000013", "V-URN"),
        (14, "01/IR/2015/000014", "V-GRADE"),
        (15, "01/IR/2015/000015", "G-MARKING"),
        (16, "99/IR/2015/000016", "V-ORIGINATOR"),
        (17, None, "V-SCHEMA"),
        (18, None, "V-SCHEMA"),
    ]
    why = {entry["line"]: entry["why"] for entry in told["refused"]}
    assert all(sentence.endswith(".") for sentence in why.values())
    assert why[3] == "The line is not JSON: Expecting property name enclosed in double quotes at column 29."
    assert why[5] == "The line is not UTF-8 text."
    assert "Unknown field" in why[6]
    assert why[14].count(".") == 2  # V-GRADE and V-CODE4, a sentence each
    assert {str(tmp_path / "reports.ndjson")} == {entry["file"] for entry in told["refused"]}
    schemas = [record.schema for record in found(estate)]
    assert (schemas.count("report"), schemas.count("refusal")) == (5, 7)
    # Nobody but who typed it hears of a line without a URN, or of one that no key here can vouch for.
    assert [line.split(":", 2)[1].rpartition(" ")[2] for line in answer.err.splitlines()[:6]] == ["3", "4", "5", "16", "17", "18"]
    # Whoever must mend them is told how, once for each rule that refused any, whoever else hears of it.
    assert answer.err.count("\nhint: ") == 1 + len({rule for rule in REPORT_HINTS if f"error: {rule} refuses " in answer.err})
    assert f"error: V-SCHEMA refuses 6 lines.\nhint: {REPORT_HINTS['V-SCHEMA']}\n" in answer.err
    assert f"error: V-CODE4 refuses 1 line.\nhint: {REPORT_HINTS['V-CODE4']}\n" in answer.err
    assert answer.err.endswith(f"error: 13 lines were refused; the others are done.\n{HINT}")


def test_a_text_of_50_mb_costs_only_its_line(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    rows = [make_report(1), make_report(2, items=[make_item(text="x" * 50_000_000)]), make_report(3)]
    answer = pas("publish", write(tmp_path / "reports.ndjson", rows), "--json", cwd=estate, env=CLOCK, code=1)
    told = json.loads(answer.out)
    assert (told["read"], told["published"], refused(answer)) == (3, 2, [(2, None, "V-SCHEMA")])
    assert "bytes long; a report may have 400,000." in told["refused"][0]["why"]
    assert len(answer.err) < 1000


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_and_a_single_report_are_files_too(pas: RunPas, estate: Path, tmp_path: Path, indent: int | None) -> None:
    many, one = tmp_path / "many.json", tmp_path / "one.json"
    many.write_text("\ufeff\n" + json.dumps([make_report(1), make_report(2, items=[]), make_report(3)], indent=indent))
    one.write_text(json.dumps(make_report(4), indent=indent))
    answer = pas("publish", many, one, "--json", cwd=estate, env=CLOCK, code=1)
    told = json.loads(answer.out)
    assert (told["read"], told["published"]) == (4, 3)
    line = 2 if indent is None else 3 + json.dumps(make_report(1), indent=2).count("\n") + 1
    assert refused(answer) == [(line, "01/IR/2015/000002", "V-SCHEMA")]


def test_standard_input(estate: Path) -> None:
    done = subprocess.run(
        [PAS, "publish", "-", "--json"], cwd=estate, input=write_lines([make_report(1), b"{"]), capture_output=True, check=False
    )
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["read"], told["published"], told["refused"][0]["file"], told["refused"][0]["line"]) == (2, 1, "-", 2)


def test_a_file_that_is_not_there_costs_only_itself(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "reports.ndjson", [make_report(1)])
    answer = pas("publish", tmp_path / "none.ndjson", tmp_path, "x" * 300, file, "--json", cwd=estate, env=CLOCK, code=1)
    assert json.loads(answer.out) == {"read": 1, "published": 1, "repeated": 0, "refused": []}
    assert answer.err.splitlines()[0] == f"error: {tmp_path / 'none.ndjson'} cannot be read: No such file or directory."
    assert f"error: {'x' * 300} cannot be read: File name too long." in answer.err.splitlines()
    assert answer.err.count("error: ") == 3


def test_as_an_office_only_its_own_reports_go_out(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "reports.ndjson", [make_report(1), make_report(2, "force:02"), make_report(3)])
    answer = pas("publish", file, "--as", "force:01", "--json", cwd=estate, env=CLOCK, code=1)
    assert json.loads(answer.out)["published"] == 2
    assert refused(answer) == [(2, "02/IR/2015/000002", "V-ORIGINATOR")]
    assert {record.sender for record in found(estate)} == {"force:01"}


def test_keys_that_are_not_here(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    shutil.rmtree(estate / "keys" / "force.03")
    file = write(tmp_path / "reports.ndjson", [make_report(1), make_report(2, "force:03")])
    answer = pas("publish", file, "--json", cwd=estate, env=CLOCK, code=1)
    assert json.loads(answer.out)["published"] == 1
    assert refused(answer) == [(2, "03/IR/2015/000002", "V-ORIGINATOR")]
    assert "There are no keys of force:03 in this workspace." in answer.err
    alone = pas("publish", file, "--as", "force:03", "--json", cwd=estate, code=1)
    assert (alone.out, alone.err) == (
        "",
        "error: There are no keys of force:03 in this workspace.\n"
        "hint: restore them from a backup; the first are made with `pas keys new --office force:03`\n",
    )
    assert len(found(estate)) == 1


def test_a_dry_run_changes_nothing(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "reports.ndjson", [make_report(1), make_report(2, protective_marking="SECRET")])
    before = {path: path.stat().st_mtime_ns for path in estate.rglob("*")}
    answer = pas("publish", file, "--dry-run", "--json", cwd=estate, code=1)
    assert json.loads(answer.out)["read"] == 2
    assert json.loads(answer.out)["published"] == 0
    assert refused(answer) == [(2, "01/IR/2015/000002", "G-MARKING")]
    assert {path: path.stat().st_mtime_ns for path in estate.rglob("*")} == before
    people = pas("publish", file, "--dry-run", cwd=estate, code=1)
    assert people.out.startswith("2 read: 1 would be published, nothing was, 1 refused.\n")


def test_for_people_a_line_and_a_table(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "reports.ndjson", [make_report(1), make_report(2, protective_marking="SECRET")])
    answer = pas("publish", "reports.ndjson", "--workspace", estate, env=CLOCK, cwd=tmp_path, code=1)
    assert answer.out.startswith("2 read: 1 published, 0 repeated, 1 refused.\n")
    row = next(line for line in answer.out.splitlines() if line.strip().startswith("reports.ndjson"))
    assert row.split()[:4] == ["reports.ndjson", "2", "01/IR/2015/000002", "G-MARKING"]
    marking = f"error: G-MARKING refuses 1 line.\nhint: {REPORT_HINTS['G-MARKING']}\n"
    assert answer.err == f"{marking}error: 1 line was refused; the others are done.\n{HINT}"
    file.write_bytes(write_lines([make_report(1)]))
    assert pas("publish", file, cwd=estate, code=0).out == "1 read: 0 published, 1 repeated, 0 refused.\n"
    assert pas("publish", file, "--again", cwd=estate, code=0).out == "1 read: 1 published, 0 repeated, 0 refused.\n"


def test_misuse(pas: RunPas, estate: Path) -> None:
    assert "Missing argument 'FILE...'" in pas("publish", cwd=estate, code=2).err
    assert "an office is written like force:01" in pas("publish", "x", "--as", "force 01", cwd=estate, code=2).err
    assert pas("publish", "x", cwd=estate.parent, code=1).err.startswith("error: There is no pas.toml here or above.")


def test_a_rulebook_that_cannot_be_enforced_stops_the_command(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "reports.ndjson", [make_report(1)])
    (estate / "rulebook.toml").write_text("edition = 'one'\n")
    answer = pas("publish", file, "--json", cwd=estate, code=1)
    assert (answer.out, answer.err.count("\n")) == ("", 2)
    (estate / "rulebook.toml").unlink()
    assert "error: The rulebook cannot be read: No such file" in pas("publish", file, "--json", cwd=estate, code=1).err


# Capabilities 1 and 2 let root pass over the modes of files; without them it is a user like any other.
_WITHOUT_ROOTS_RIGHTS = (
    "import ctypes, os, sys; [ctypes.CDLL(None).prctl(24, right) for right in (1, 2)]; os.execv(sys.argv[1], sys.argv[1:])"
)


def test_a_workspace_that_cannot_be_written(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "reports.ndjson", [make_report(1)])
    pas("publish", file, cwd=estate, env=CLOCK, code=0)
    write(file, [make_report(1), make_report(2)])
    for path in [estate, *estate.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    command = [sys.executable, "-c", _WITHOUT_ROOTS_RIGHTS, str(PAS), "publish", str(file), "--json"]
    try:
        done = subprocess.run(command, cwd=estate, capture_output=True, text=True, check=False)
        dry = subprocess.run([*command, "--dry-run"], cwd=estate, capture_output=True, text=True, check=False)
    finally:
        for path in [estate, *estate.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 2
    assert "cannot be written" in done.stderr or "may not be written" in done.stderr or "not permitted" in done.stderr.lower()
    assert (dry.returncode, json.loads(dry.stdout)["read"]) == (0, 2)
    assert pas("publish", file, cwd=estate, code=0).out == "2 read: 1 published, 1 repeated, 0 refused.\n"


_ON_A_SMALL_DISK = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000,) * 2); os.execv(sys.argv[1], sys.argv[1:])"
)


def test_a_full_disk(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "reports.ndjson", [make_report(number) for number in range(1500)])
    command = [sys.executable, "-c", _ON_A_SMALL_DISK, str(PAS), "publish", str(file), "--json"]
    done = subprocess.run(command, cwd=estate, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: The log did not take 500 records: The disk of log.db ")
    assert "then repeat" in done.stderr
    again = json.loads(pas("publish", file, "--json", cwd=estate, code=0).out)
    assert again["published"] + again["repeated"] == 1500
    assert again["repeated"] in (0, 500, 1000)
    assert len({record.record_id for record in found(estate)}) == 1500


CANARY = "zqCanaryzq"


def make_sown(number: int, originator: str = "force:01") -> dict[str, Any]:
    """A report that is accepted, with a canary in every field that takes free text."""
    risk = {"summary": CANARY, "authorised_by": CANARY, "authorised_at": "2015-11-17T08:00:00Z"}
    item = {"text": f"Said {CANARY}.", "source_reference": CANARY, "corroboration": CANARY, "addressees": [CANARY]}
    handling = make_handling(
        conditions=CANARY, reasons=CANARY, internal_recipients=["fib:01"], review_by="2016-06-01", risk_assessment=risk
    )  # fmt: skip
    declared = make_declarations(
        visor_derived=True, visor_permission=CANARY, prison_intercept={"authorisation": CANARY, "expires_at": "2016-01-01"}
    )  # fmt: skip
    subject = make_subject(noms_number=CANARY, pnc_id=CANARY, family_name=CANARY, given_names=CANARY)
    return make_report(
        number, originator, operation=CANARY, gist=CANARY, subjects=[subject], addressees=[CANARY, "pio"], handling=handling,
        declarations=declared, items=[make_item(**item, handling=code) for code in "12345"],
        supersedes={"urn": CANARY, "action": "CORRECT"},
    )  # fmt: skip


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every value in a report, of whole parts too."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in inner for place in ((*here, key), *paths(part, (*here, key)))]


def spoil(report: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    spoilt: Any = json.loads(json.dumps(report))
    part = spoilt
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return dict(spoilt)


def test_no_content_is_seen_outside_the_seals(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    whole = make_sown(1)
    # Each field in turn holds the canary, as its value and as the name of a field that is none; URN and originator may stand in clear.
    places = [place for place in paths(whole) if place[0] not in ("urn", "originator")]
    rows: list[Any] = [whole, make_sown(2, "security:WSI") | {"handling": whole["handling"] | {"internal_recipients": ["governor:WSI"]}}]
    rows += [spoil(make_sown(10 + n), place, CANARY) for n, place in enumerate(places)]
    rows += [spoil(make_sown(1000 + n), place, {CANARY: CANARY}) for n, place in enumerate(places)]
    rows += [f'{{"urn": "01/9", "{CANARY}": '.encode(), f'{{"{CANARY}": 1, "{CANARY}": 2}}'.encode()]
    rows += [CANARY.encode(), f'["{CANARY}"]'.encode()]
    file = write(tmp_path / "reports.ndjson", rows)
    answer = pas("publish", file, "--json", cwd=estate, env=CLOCK, code=1)
    told = json.loads(answer.out)
    assert told["read"] == len(rows)
    assert told["published"] > 20
    assert len(told["refused"]) > 100
    people = pas("publish", file, cwd=estate, code=1)
    dry = pas("publish", file, "--dry-run", cwd=estate, code=1)
    for text in (answer.out, answer.err, people.out, people.err, dry.out, dry.err):
        assert CANARY not in text
    files = [path for path in estate.rglob("*") if path.is_file()]
    assert estate / "log.db" in files
    assert estate / "published" / "force.01.db" in files
    for path in files:
        assert CANARY.encode() not in path.read_bytes(), path
    assert any(CANARY in json.dumps(record.report.raw) for record in found(estate) if record.report)


def test_explain_reads_standard_input_in_any_locale(estate: Path) -> None:
    """`pas explain -`, where the locale cannot write the report's URN: JSON says it all the same, and a person sees its codes."""
    line = write_lines([make_report(1, urn="\uff10\uff11/IR/1")])
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", **CLOCK}
    for options in (["--json"], []):
        done = subprocess.run([PAS, "explain", "-", *options], cwd=estate, env=environment, input=line, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        shown = done.stdout.decode("ascii")
        if options:
            assert json.loads(shown)["urn"] == "\uff10\uff11/IR/1"
        else:
            assert shown.startswith("\\uff10\\uff11/IR/1  REJECTED\n")


def test_what_comes_little_by_little_is_sent_while_more_is_waited_for(pas: RunPas, estate: Path) -> None:
    """A force's own system writes into a pipe that it never closes: no report waits until 500 have come."""
    pas("status", cwd=estate, env=CLOCK)
    with subprocess.Popen([PAS, "publish", "-", "--json"], cwd=estate, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as running:
        assert running.stdin is not None
        try:
            running.stdin.write(write_lines([make_report(1)]))
            until(lambda: len(found(estate)) == 1, "the first is in the log")
            running.stdin.write(write_lines([make_report(2), make_report(3, protective_marking="SECRET")]) + b'{"urn": ')
            until(lambda: len(found(estate)) == 3, "the next are in the log")
            running.stdin.write(b'"half of it')
            out, _ = running.communicate(timeout=180)
        finally:
            running.kill()
    told = json.loads(out)
    assert [told[name] for name in ("read", "published", "repeated")] == [4, 2, 0]
    assert [(one["line"], one["code"]) for one in told["refused"]] == [(3, "G-MARKING"), (4, "V-SCHEMA")]
