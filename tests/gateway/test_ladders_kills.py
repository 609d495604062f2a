"""A gateway that is killed before each of its writes, one after the other, loses and doubles neither a rung nor what forces are asked."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway.desk import Desk
from gateway.terminal import Terminal
from gateway.test_requests import ASK, asked, person
from pas_gateway.register import queries, schema, split_blobs
from pas_schemas.codec import decode
from producers.samples import make_item

# Children of one process: each does all there is to do, and dies before its n-th write; the first that lives to the end is the last.
KILLING = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import sqlalchemy as sa
from gateway.desk import Desk
from pas_transport.workspace import open_workspace

def work(n):
    left = [n]
    @sa.event.listens_for(sa.engine.Engine, "before_cursor_execute")
    def strike(connection, cursor, statement, *rest):
        if statement.split(None, 1)[0].upper() in ("INSERT", "UPDATE", "DELETE"):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
    with Desk(open_workspace(Path(sys.argv[1]), environment={})) as desk:
        desk.worker("worker-1").run(desk.is_idle)
        for due in (desk.pipeline.climb_due, desk.pipeline.chase_requests):
            while (plan := due()) is not None:
                desk.pipeline.commit(plan)
        desk.worker("worker-1").run(desk.is_idle)
    os._exit(0)

killed = 0
while True:
    child = os.fork()
    if child == 0:
        work(killed + 1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
        break
    killed += 1
print(killed)
"""
# A request is due, and climbs, within minutes: what was sealed is opened within its epoch.
SOON = {
    'due = "10 working days"': 'due = "10 minutes"',
    'duty = "1 working day"': 'duty = "2 minutes"',
    'head = "2 working days"': 'head = "4 minutes"',
}


def kill_at_each_write(desk: Desk) -> int:
    """How often it was killed before nothing was left to do."""
    command = [sys.executable, "-c", KILLING, str(desk.workspace.root), str(Path(__file__).parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    return int(done.stdout)


def test_killed_before_each_write_it_asks_once_and_climbs_each_rung_once(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    rulebook = desk.workspace.rulebook_path
    text = rulebook.read_text()
    for slow, soon in SOON.items():
        assert slow in text
        text = text.replace(slow, soon)
    rulebook.write_text(text)
    pas = Terminal(desk, capsys)
    desk.publish(desk.write(priority="THREAT_TO_LIFE", addressees=["security"], items=[make_item()], risk_tags=[]))
    desk.run()
    new = (
        "request",
        "new",
        "--as",
        "security:WSI",
        "--kind",
        "PAS/2",
        "--subject",
        "A1234BC",
        *ASK,
        "--ask",
        "force:01",
        "--ask",
        "force:06",
    )
    name = pas.json(*pas.sign(*new, person=person("security:WSI")))["request"]
    # Taken in while it is killed: one forces are asked by, and nothing else, is due.
    assert kill_at_each_write(desk) > 5
    assert asked(pas) == [("force:01", "ASKED"), ("force:06", "ASKED")]
    desk.turn(hours=1)
    assert kill_at_each_write(desk) > 10
    sent = {one.datum["delivery_id"]: one for one in desk.run()}
    words = [(one.office, word["word"], word["case"], word["why"]) for one in sent.values() for word in one.datum["notices"]]
    mine = Counter((office, word) for office, word, case, _ in words if case == name)
    assert mine == {
        ("security:WSI", "ACCEPTED"): 1, ("force:01", "DECIDE"): 1, ("force:06", "DECIDE"): 1, ("force:01", "OVERDUE"): 1,
        ("force:06", "OVERDUE"): 1, ("pas", "OVERDUE"): 4,
    }  # fmt: skip
    assert len({(why, case) for office, word, case, why in words if office == "pas" and word == "OVERDUE" and case == name}) == 2
    # Of a threat to life its two readers, then their deputies, then PAS; of PAS's case on it three rungs; of the request three.
    with desk.store.reading() as register:
        rungs = Counter(row.rung for row in register.execute(schema.rungs.select()))
        counted = queries.read_counters(register)["escalated"]
        rows = register.execute(schema.leaves.select()).all()
    assert rungs == {"REMIND": 2, "DEPUTY": 2, "CASE": 2, "OWNER": 2, "DUTY": 2, "HEAD": 2}
    told = Counter((office, word) for office, word, case, _ in words if case != name and word == "OVERDUE")
    assert told == {("security:WSI", "OVERDUE"): 2, ("pio:WSI", "OVERDUE"): 2, ("pas", "OVERDUE"): 2 + 3}
    events = Counter(decode(event[16:], "audit_event").datum["event"] for row in rows for event in split_blobs(row.events))
    assert (events["REQUEST_OPENED"], events["REQUEST_OVERDUE"], events["ESCALATED"], counted) == (1, 3, 9, 12)
    assert kill_at_each_write(desk) == 0
