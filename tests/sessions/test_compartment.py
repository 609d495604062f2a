"""A session in the compartment: whom it protects, what is handed over, and what two of its people release."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conftest import Answer, RunPas
from producers.samples import make_declarations, make_movement, make_report, make_subject, write_lines

NOON = {"PAS_CLOCK": "2015-11-18T12:00:00Z"}
URN = "01/IR/2015/000001"
ONE, TWO = "example-apart-1", "example-apart-2"


class Compartment:
    """One workspace, as PAS and its compartment use it."""

    def __init__(self, pas: RunPas, root: Path) -> None:
        self.pas, self.root = pas, root
        (root / "words").write_text("example passphrase\n")
        (root / "moves.ndjson").write_bytes(write_lines([make_movement()]))
        (root / "reports.ndjson").write_bytes(write_lines([make_report(subjects=[make_subject(pnc_id=None)])]))

    def __call__(self, *arguments: object, code: int = 0) -> Answer:
        return self.pas(*arguments, cwd=self.root, env=NOON, code=code)

    def json(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json").out)

    def sign(self, *arguments: object, person: str, code: int = 0) -> Answer:
        return self(*arguments, "--reason", "He gives evidence.", "--person", person, "--passphrase-file", "words", code=code)

    def run(self, *options: str) -> dict[str, Any]:
        found: dict[str, Any] = self.json("gateway", "run", "--until-idle", *options)
        return found


# Nearly all of it is processes that start: on a busy machine four times as long as on a quiet one.
def test_from_the_list_to_the_unit(pas: RunPas, estate: Path) -> None:
    here = Compartment(pas, estate)
    here("movements", "import", "moves.ndjson")
    refused = here.sign("protected", "add", "A1234BC", person="example-reviewer-1", code=1)
    assert refused.err == "error: Only a named reader of the compartment says whom it protects.\nhint: see `pas directory people`\n"
    for person in (ONE, TWO):
        here.sign("protected", "add", "a1234bc", person=person)
    assert here.run("--compartment")["replies"] == 2
    (listed,) = here.json("protected", "list")
    assert (listed["state"], listed["people"], listed["waits"]) == ("PROTECTED", [ONE, TWO], [])
    here.run()
    foretold = json.loads(here("explain", "reports.ndjson", "--json").out)
    assert "G-IDENTITY" in [gate["gate"] for gate in foretold["gates"]]
    here("publish", "reports.ndjson")
    here.run()
    here.run("--compartment")
    told = here.json("trace", URN)
    assert {name: told[name] for name in ("gates", "outcomes")} == {name: foretold[name] for name in ("gates", "outcomes")}
    (case,) = here.json("cases", "list", "--compartment")
    assert (case["reasons"], {pair["office"] for pair in case["held"]}) == (["G-PASO"], {"paso-unit"})
    decide = ("--choice", "RELEASE", "--all", "--legal-basis", "POLICING_PURPOSE")
    decided = json.loads(here.sign("cases", "decide", case["case"], "--compartment", "--json", *decide, person=ONE).out)
    here.sign("cases", "second", "--statement", decided["statement"], "--compartment", person=TWO)
    assert here.run("--compartment")["sent"] == 1
    rows = [json.loads(line) for line in here("inbox", "list", "--as", "paso-unit", "--json").out.splitlines()]
    assert [(row["kind"], row["urn"], row["items"]) for row in rows] == [("DISCLOSURE", URN, 2)]
    assert here.json("status", "--compartment")["lag"] == {"pas.compartment": 1}


def test_a_register_that_is_put_back_decides_nothing(pas: RunPas, estate: Path) -> None:
    """One that is older than what it sent; the newest goes on, and so does one that has sent nothing since."""
    here = Compartment(pas, estate)
    folder = estate / "compartment"
    here("movements", "import", "moves.ndjson")
    here.run()
    here.run("--compartment")
    older = (folder / "register.db").read_bytes()
    report = make_report(subjects=[make_subject(pnc_id=None)], declarations=make_declarations(protected_assisting_offender=True))
    (estate / "reports.ndjson").write_bytes(write_lines([report]))
    here("publish", "reports.ndjson")
    assert here.run("--compartment")["sent"] > 0
    newest = (folder / "register.db").read_bytes()
    for name in ("register.db-wal", "register.db-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "register.db").write_bytes(older)
    refused = here("gateway", "run", "--compartment", "--until-idle", "--json", code=1)
    assert refused.out == ""
    sentence, hint = refused.err.splitlines()
    assert sentence == "error: The compartment's register is older than what the compartment has sent: nothing is decided."
    assert hint.startswith("hint: restore the newest one")
    (folder / "register.db").unlink()
    assert "older than what the compartment has sent" in here("gateway", "run", "--compartment", "--until-idle", code=1).err
    for name in ("register.db-wal", "register.db-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "register.db").write_bytes(newest)
    assert here.run("--compartment")["sent"] == 0
