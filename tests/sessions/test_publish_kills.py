"""`pas publish` struck down again and again: what is in the log in the end is each report once, judged from the log alone."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from conftest import RunPas
from forked_pas import shared
from pas_producers.commands.publish import MUCH_BYTES
from pas_schemas.topics import REPORTS, URGENT
from pas_transport.log import Log
from pas_transport.workspace import Workspace, open_workspace
from producers.opening import open_records
from producers.samples import make_item, make_report, write_lines

LINES, STRIKES = 5_000, 20
# Longer lines cost more each: half as many of both.
LONG_LINES, LONG_STRIKES = LINES // 2, STRIKES // 2
TOPICS = (REPORTS.name, URGENT.name)
# A threat to life ends a batch, so the log grows in small steps and each strike falls at another point of the file.
THREAT_EVERY = 60
PATIENCE_SECONDS = 180.0
# A quarter of what a batch takes.
LOOK_SECONDS = 0.005
INTERRUPTED = 130


def make_line(number: int, text: str = "") -> dict[str, object]:
    priority = "THREAT_TO_LIFE" if number % THREAT_EVERY == 0 else "ROUTINE"
    return make_report(number, priority=priority, items=[make_item(text=f"Report {number}.{text}")])


def write(path: Path, lines: int, text: str = "") -> Path:
    path.write_bytes(write_lines([make_line(number, text) for number in range(lines)]))
    return path


def held(log: Log) -> int:
    return sum(log.ends(TOPICS).values())


def strike(estate: Path, file: Path, log: Log, target: int, how: signal.Signals) -> bool:
    """Publishes until the log holds `target` records, then strikes; whether the process was still at work."""
    with closing(shared().begin(["publish", str(file)], estate, os.environ)) as process:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while held(log) < target and process.poll() is None:
            assert time.monotonic() < deadline, "the log does not grow"
            # To look takes from what is looked at.
            time.sleep(LOOK_SECONDS)
        process.send_signal(how)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    if process.returncode == 0:
        return False
    assert out == ""
    if how is signal.SIGKILL:
        assert (process.returncode, err) == (-how, "")
    else:
        assert (process.returncode, err) == (INTERRUPTED, "error: Interrupted; what was done before stays done.\n")
    return True


def judge(workspace: Workspace, log: Log, lines: int) -> Counter[bytes]:
    """How often each report lies in the log; each is whole, and every copy of it has the same content digest."""
    records = open_records(log, workspace.directory(), workspace.keyring("pas"), TOPICS)
    digests: dict[bytes, set[bytes]] = {}
    urns: dict[bytes, str] = {}
    for record in records:
        assert record.report is not None
        assert record.key == record.record_id
        digests.setdefault(record.record_id, set()).add(record.report.content_digest)
        urns[record.record_id] = record.report.raw["urn"]
    assert all(len(found) == 1 for found in digests.values())
    assert sorted(urns.values()) == [make_line(number)["urn"] for number in range(lines)]
    return Counter(record.record_id for record in records)


def _left(estate: Path) -> list[str]:
    """What still runs in that folder once it had time to see that its publisher is gone."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while found := [process.name for process in Path("/proc").glob("[0-9]*") if _works_in(process, estate)]:
        if time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    return found


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink() == folder
    except OSError:  # it is over
        return False


@pytest.mark.long
def test_every_report_arrives_however_often_its_publisher_is_struck_down(pas: RunPas, estate: Path) -> None:
    strike_down(pas, estate, write(estate.parent / "reports.ndjson", LINES), LINES, STRIKES)


@pytest.mark.long
def test_so_does_every_report_of_a_file_that_processes_of_their_own_pack(pas: RunPas, estate: Path) -> None:
    file = write(estate.parent / "reports.ndjson", LONG_LINES, " It is long." * (MUCH_BYTES // LONG_LINES // 12))
    strike_down(pas, estate, file, LONG_LINES, LONG_STRIKES)


def strike_down(pas: RunPas, estate: Path, file: Path, lines: int, strikes: int) -> None:
    workspace = open_workspace(estate, environment={})
    struck: Counter[signal.Signals] = Counter()
    with workspace.log() as log:
        log.ensure((REPORTS, URGENT))
        for number in range(1, strikes + 1):
            how = signal.SIGKILL if number % 2 else signal.SIGINT
            target = max(number * lines // (strikes + 2), held(log) + 1)
            struck[how] += strike(estate, file, log, target, how)
        assert struck == {signal.SIGKILL: strikes // 2, signal.SIGINT: strikes // 2}
        before = held(log)
        assert before < lines, "the last strikes came too late to tell anything"
        last = pas("publish", file, cwd=estate, code=0)
        copies = judge(workspace, log, lines)
    assert len(copies) == lines
    assert not _left(estate)
    # A strike between log and journal costs at most its batch once more; nothing else is ever sent twice.
    assert sum(copies.values()) - lines <= strikes * THREAT_EVERY
    again = pas("publish", file, cwd=estate, code=0)
    assert last.out.startswith(f"{lines} read: ")
    assert again.out == f"{lines} read: 0 published, {lines} repeated, 0 refused.\n"
