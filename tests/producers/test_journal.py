"""The journal: a repeat is known, to one log and one content only, and a journal that fails never loses a report."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from pas_producers import JournalError, Published, PublishError, PublishRefusedError, Repeated
from pas_producers.journal import Journal
from pas_schemas.topics import SHARED_TOPICS
from pas_transport.embedded import EmbeddedLog
from pas_transport.log import AppendError, LogUnavailableError, Outgoing, RecordRefusedError
from producers.conftest import Bench, SetClock
from producers.opening import open_records
from producers.samples import make_report

ID, DIGEST = bytes(16), bytes(32)


def test_it_knows_what_was_noted_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "published" / "force.01.db"
    journal = Journal(path, "one", SetClock())
    journal.note([(ID, DIGEST)], b"run 1")
    journal.note([(ID, DIGEST), (ID, b"other")], b"run 2")
    journal.close()
    journal = Journal(path, "one", SetClock())
    assert journal.noted_by(ID, DIGEST) == b"run 1"
    assert journal.noted_by(ID, b"other") == b"run 2"
    assert journal.noted_by(b"x" * 16, DIGEST) is None
    journal.close()
    journal = Journal(path, "two", SetClock())
    assert journal.noted_by(ID, DIGEST) is None
    journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_holds_no_content(bench: Bench) -> None:
    with bench.publisher("force:01") as publisher:
        publisher.publish([make_report()])
    with sqlite3.connect(bench.journals / "force.01.db") as db:
        rows = db.execute("SELECT * FROM published").fetchall()
    db.close()
    ((log, record_id, digest, at_ms, _),) = rows
    assert (log, len(record_id), len(digest), at_ms) == (bench.log.identity, 16, 32, bench.clock.now_ms())


def test_a_log_made_anew_is_published_to_once_somebody_says_so(bench: Bench, tmp_path: Path) -> None:
    """It may as well be another system's: what went there, a threat to life, would count as published."""
    with bench.publisher("force:01") as publisher:
        publisher.publish([make_report()])
    with EmbeddedLog(tmp_path / "new.db", now_ms=bench.clock.now_ms) as log:
        log.ensure(SHARED_TOPICS)
        for report in (make_report(), make_report(urn="01/IR/2015/777777")):
            with bench.publisher("force:01", log=log) as publisher, pytest.raises(JournalError, match="another log") as caught:
                publisher.publish([report])
            assert "--again" in caught.value.hint
        assert sum(log.ends([one.name for one in SHARED_TOPICS]).values()) == 0
        with bench.publisher("force:01", log=log, again=True) as publisher:
            assert isinstance(publisher.publish([make_report()]).outcomes[0], Published)
        with bench.publisher("force:01", log=log) as publisher:
            assert isinstance(publisher.publish([make_report()]).outcomes[0], Repeated)


@pytest.mark.parametrize("damage", [b"no database, only words that say nothing " * 40, b"SQLite format 3\0" + bytes(2000)])
def test_a_damaged_journal_is_told_before_anything_is_sent(bench: Bench, damage: bytes) -> None:
    bench.journals.mkdir()
    (bench.journals / "force.01.db").write_bytes(damage)
    with bench.publisher("force:01") as publisher, pytest.raises(JournalError) as caught:
        publisher.publish([make_report()])
    assert caught.value.sentence == "The journal force.01.db is damaged."
    assert "remove it" in caught.value.hint
    assert open_records(bench.log, bench.snapshot, bench.keyring("pas")) == []
    os.unlink(bench.journals / "force.01.db")
    with bench.publisher("force:01") as publisher:
        assert len(publisher.publish([make_report()]).published) == 1


def test_a_journal_that_cannot_be_made_is_told_before_anything_is_sent(bench: Bench) -> None:
    bench.journals.write_bytes(b"")
    with bench.publisher("force:01") as publisher, pytest.raises(JournalError, match="cannot be written"):
        publisher.publish([make_report()])
    assert open_records(bench.log, bench.snapshot, bench.keyring("pas")) == []


class FailingLog:
    """A real log that fails when it is told to, before or after it took the records."""

    def __init__(self, log: EmbeddedLog, failure: Exception, take: int) -> None:
        self._log = log
        self._failure = failure
        self._take = take
        self.identity = log.identity

    def append(self, records: list[Outgoing]) -> None:
        self._log.append(records[: self._take])
        raise self._failure


def test_a_log_that_does_not_answer_names_what_was_not_accepted(bench: Bench) -> None:
    raws = [make_report(number) for number in range(3)] + [make_report(7, items=[])]
    failing = FailingLog(bench.log, LogUnavailableError("The log is away", "wait"), take=3)
    with bench.publisher("force:01", log=failing) as publisher, pytest.raises(PublishError) as caught:
        publisher.publish(raws)
    assert caught.value.retriable
    assert caught.value.urns == tuple(raw["urn"] for raw in raws[:3])
    assert isinstance(caught.value.__cause__, LogUnavailableError)
    assert str(caught.value) == (
        "The log did not take 4 records: The log is away. (wait; then repeat: what is published is not published twice)"
    )
    with bench.publisher("force:01") as publisher:
        done = publisher.publish(raws)
    assert len(done.published) == 3
    reports = [record for record in open_records(bench.log, bench.snapshot, bench.keyring("pas")) if record.report]
    assert len({record.record_id for record in reports}) == 3
    assert len({record.report.content_digest for record in reports if record.report}) == 3


def test_what_the_log_took_of_a_failed_batch_is_not_sent_again(bench: Bench) -> None:
    raws = [make_report(number) for number in range(4)]
    failing = FailingLog(bench.log, AppendError("Two are missing.", "wait", failed=[2, 3]), take=2)
    with bench.publisher("force:01", log=failing) as publisher, pytest.raises(PublishError) as caught:
        publisher.publish(raws)
    assert caught.value.urns == (raws[2]["urn"], raws[3]["urn"])
    with bench.publisher("force:01") as publisher:
        done = publisher.publish(raws)
    assert [type(outcome) for outcome in done.outcomes] == [Repeated, Repeated, Published, Published]
    assert len(open_records(bench.log, bench.snapshot, bench.keyring("pas"))) == 4


def test_a_batch_that_no_log_will_take_is_not_worth_repeating(bench: Bench) -> None:
    failing = FailingLog(bench.log, RecordRefusedError("Too large.", "shorten it", failed=[0]), take=0)
    with bench.publisher("force:01", log=failing) as publisher, pytest.raises(PublishRefusedError) as caught:
        publisher.publish([make_report()])
    assert not caught.value.retriable
    with bench.publisher("force:01") as publisher:
        assert len(publisher.publish([make_report()]).published) == 1
