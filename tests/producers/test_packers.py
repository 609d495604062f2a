"""Processes that pack for a publisher: what comes of a file is what comes of it without them, in the same order, and they leave nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from copying import copy_workspace
from pas_producers import JournalError, Outcome, Published, Publisher, PublishError, Raw, Refused, Repeated, Unreadable, packers
from pas_schemas.topics import COMPARTMENT, REPORTS, URGENT
from pas_transport.workspace import Workspace, open_workspace
from producers.opening import Found, open_records
from producers.samples import NOW, make_code4, make_declarations, make_item, make_report, write_lines

# More batches than there are processes, and no whole number of them.
LINES = 1_611
PACKERS = 2
TOPICS = (REPORTS.name, URGENT.name, COMPARTMENT.name)


def make_lines() -> list[Raw]:
    """Reports of every way, mistakes among them, and some of them twice."""
    rows = [make_report(number, items=[make_item(text=f"Report {number}.")]) for number in range(LINES)]
    for number in range(0, LINES, 400):
        rows[number] = make_report(number, priority="THREAT_TO_LIFE")
        rows[number + 1] = make_code4(number + 1)
        rows[number + 2] = make_report(number + 2, "security:WSI")
        rows[number + 3] = make_report(number + 3, protective_marking="SECRET")
        rows[number + 4] = rows[number + 5]
        rows[number + 6] = make_report(number + 6, declarations=make_declarations(protected_assisting_offender=True))
    lines: list[Raw] = [write_lines([row]).strip() for row in rows]
    lines[700], lines[701], lines[702] = b"{", Unreadable("The line is too long."), rows[702]
    return lines


def publish(workspace: Workspace, lines: list[Raw], packers: int = PACKERS) -> list[Outcome]:
    with Publisher.of(workspace, packers=packers) as publisher:
        return list(publisher.stream(lines))


def found(workspace: Workspace) -> list[Found]:
    with workspace.log() as log:
        return open_records(log, workspace.directory(), workspace.keyring("pas"), TOPICS)


def processes() -> set[int]:
    """Those that this one started."""
    folder = Path(f"/proc/self/task/{os.getpid()}/children")
    return {int(process) for process in folder.read_text().split()}


@pytest.fixture
def workspace(estate: Path) -> Workspace:
    return open_workspace(estate, environment={"PAS_CLOCK": NOW})


def test_all_comes_of_it_that_does_without_them(workspace: Workspace, estate: Path, tmp_path: Path) -> None:
    lines, before = make_lines(), processes()
    alone = open_workspace(copy_workspace(estate, tmp_path / "alone"), environment={})
    told = publish(workspace, lines)
    assert processes() == before
    assert {type(outcome) for outcome in told} == {Published, Refused}
    assert told == publish(alone, lines, packers=0)
    records = found(workspace)
    assert [(record.topic, record.key, record.schema) for record in records] == [
        (record.topic, record.key, record.schema) for record in found(alone)
    ]
    again = [Repeated(one.urn, one.report_id) if isinstance(one, Published) else one for one in told]
    assert publish(workspace, lines) == publish(workspace, lines, packers=0) == again
    assert len(found(workspace)) == len(records)


def test_moments_rise_as_the_file_goes_on(workspace: Workspace) -> None:
    """PAS takes the reports of an originator in the order of their moments, however many processes sealed them."""
    told = publish(workspace, make_lines())
    moments = {record.record_id: record.report.sealed_at_us for record in found(workspace) if record.report is not None}
    of_the_file = [moments[one.report_id] for one in told if isinstance(one, Published)]
    once = list(dict.fromkeys(of_the_file))
    assert once == sorted(once)


def test_one_that_ends_is_told_and_nothing_is_lost_or_doubled(workspace: Workspace) -> None:
    lines, before = make_lines(), processes()
    with Publisher.of(workspace, packers=PACKERS) as publisher:
        outcomes = publisher.stream(lines)
        assert isinstance(next(outcomes), Published)
        os.kill(max(processes() - before), signal.SIGKILL)
        with pytest.raises(PublishError, match="A process that packs reports has ended"):
            list(outcomes)
        assert processes() == before
        # The same publisher goes on, with others.
        again = list(publisher.stream(lines))
    ids = {one.report_id for one in again if not isinstance(one, Refused)}
    twice = len([one for one in again if not isinstance(one, Refused)]) - len(ids)
    records = [record.record_id for record in found(workspace) if record.schema == "report"]
    assert set(records) == ids
    assert len(records) - len(ids) <= twice


def test_one_that_stands_still_is_given_up(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, before = make_lines(), processes()
    with Publisher.of(workspace, packers=PACKERS) as publisher:
        outcomes = publisher.stream(lines)
        assert isinstance(next(outcomes), Published)
        monkeypatch.setattr(packers, "STILL_SECONDS", 2)
        os.kill(max(processes() - before), signal.SIGSTOP)
        with pytest.raises(PublishError, match="A process that packs reports has ended"):
            list(outcomes)
        assert processes() == before


def test_who_stops_early_may_go_on(workspace: Workspace) -> None:
    lines = make_lines()
    with Publisher.of(workspace, packers=PACKERS) as publisher:
        for outcome in publisher.stream(lines):
            assert isinstance(outcome, Published)
            break
        again = list(publisher.stream(lines))
    assert isinstance(again[0], Repeated)
    assert isinstance(again[-1], Published)


def test_an_error_of_theirs_is_the_publishers(workspace: Workspace) -> None:
    assert publish(workspace, [make_report()], packers=0)
    (journal,) = (workspace.root / "published").glob("force.01.db")
    journal.write_bytes(b"no journal" * 1000)
    with pytest.raises(JournalError, match=r"The journal force.01.db is damaged") as caught:
        publish(workspace, [make_report()])
    assert caught.value.hint == "remove it and repeat: PAS knows what it has already"
