"""The SDK: what a report becomes in the log, what is refused and who is told, and what a repeat does."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pas_producers import Publication, Published, Refused, Repeated
from pas_schemas.border import examine
from pas_schemas.clock import to_ms
from pas_schemas.errors import MisuseError
from pas_schemas.models.report import Report
from pas_schemas.naming import content_digest, report_id
from pas_schemas.parts import closing_name, find_unclosed
from pas_schemas.rulebook import shipped_rulebook
from pas_schemas.sealing import open_text
from pas_schemas.sealing.manifest import item_digest, subject_digest
from producers.conftest import START, Bench, make_office
from producers.opening import Found, open_records
from producers.samples import make_code4, make_declarations, make_handling, make_item, make_report, make_subject, write_lines


def found(bench: Bench) -> list[Found]:
    return open_records(bench.log, bench.snapshot, bench.keyring("pas"))


def test_a_report_reaches_pas_as_it_was_written(bench: Bench) -> None:
    raw = make_report(operation="Teal", gist="Nothing to tell.", risk_tags=["ESCAPE", "DRUGS"])
    with bench.publisher("force:01") as publisher:
        done = publisher.publish([raw])
    id_key = bench.keyring("force:01").id_key()
    assert done == Publication((Published(raw["urn"], report_id(id_key, raw["urn"])),))
    (record,) = found(bench)
    assert (record.topic, record.key, record.sender, record.schema) == ("pas.reports", record.record_id, "force:01", "report")
    assert record.record_id == report_id(id_key, raw["urn"])
    assert len(record.record_id) == 16
    assert record.report is not None
    assert record.report.raw == raw
    report = examine(raw, estate=bench.snapshot.at(bench.clock.now()), now=bench.clock.now(), rulebook=shipped_rulebook())
    assert record.report.content_digest == content_digest(id_key, report)  # type: ignore[arg-type]  # it passes
    assert record.report.directory_version == 1


def test_lines_and_mappings_are_the_same_report(bench: Bench) -> None:
    raw = make_report()
    with bench.publisher("force:01") as publisher:
        first = publisher.publish([write_lines([raw]).strip()])
        second = publisher.publish([raw])
    assert isinstance(first.outcomes[0], Published)
    assert isinstance(second.outcomes[0], Repeated)
    assert len(found(bench)) == 1


@pytest.mark.parametrize("one", [make_report(), write_lines([make_report()]), write_lines([make_report()]).decode()])
def test_one_report_where_several_are_expected_is_told(bench: Bench, one: Any) -> None:
    """It is iterable: its fields would be refused one by one, in outcomes that nobody need look at."""
    with bench.publisher("force:01") as publisher:
        with pytest.raises(MisuseError, match="where several are expected"):
            publisher.publish(one)
        with pytest.raises(MisuseError):
            list(publisher.stream(one))
    assert found(bench) == []


def test_a_moment_of_no_time_zone_is_refused_and_one_of_another_is_the_same_moment(bench: Bench) -> None:
    moment = datetime(2012, 11, 13, 9, 30)  # noqa: DTZ001  # this is what must be refused
    elsewhere = moment.replace(tzinfo=timezone(timedelta(hours=1)))
    with bench.publisher("force:01") as publisher:
        refused, _ = publisher.publish([make_report(created_at=moment), make_report(created_at=elsewhere)]).outcomes
    assert isinstance(refused, Refused)
    assert (refused.rules, refused.why) == (("V-SCHEMA",), "created_at: a time that does not say of which time zone.")
    (report,) = [record.report for record in found(bench) if record.report]
    assert report.raw["created_at"] == "2012-11-13T08:30:00Z"


@pytest.mark.parametrize("batch_records", [1, 500])
def test_what_stands_twice_in_one_file_is_for_pas_to_call_a_duplicate(bench: Bench, batch_records: int) -> None:
    with bench.publisher("force:01", batch_records=batch_records) as publisher:
        assert len(publisher.publish([make_report(), make_report()]).published) == 2
        assert len(publisher.publish([make_report(), make_report()]).repeated) == 2
    first, second = found(bench)
    assert first.report is not None
    assert second.report is not None
    assert (first.record_id, first.report.content_digest) == (second.record_id, second.report.content_digest)


@pytest.mark.parametrize(
    ("changes", "topic"),
    [
        ({"priority": "THREAT_TO_LIFE"}, "pas.reports.urgent"),
        ({"priority": "URGENT"}, "pas.reports"),
        ({"declarations": make_declarations(protected_assisting_offender=True)}, "pas.compartment"),
        ({"priority": "THREAT_TO_LIFE", "declarations": make_declarations(protected_assisting_offender=True)}, "pas.compartment"),
    ],
)
def test_the_topic_tells_what_may_read_it(bench: Bench, changes: dict[str, object], topic: str) -> None:
    with bench.publisher("force:01") as publisher:
        publisher.publish([make_report(**changes)])
    (record,) = found(bench)  # the compartment's topic is opened with the compartment's key alone
    assert record.topic == topic


def test_a_code_4_text_is_closed_to_those_it_names_and_to_nobody_else(bench: Bench) -> None:
    raw = make_code4(recipients=("fib:01", "pio:WSI"))
    with bench.publisher("force:01") as publisher:
        assert len(publisher.publish([raw]).published) == 1
    (record,) = found(bench)
    assert record.report is not None
    first, closed = record.report.items
    assert first.shared
    assert not first.closed
    assert (closed.shared, closed.salt, sorted(closed.closed)) == (b"", b"", ["fib:01", "pio:WSI"])
    assert record.report.raw["items"][1]["text"] is None
    for recipient, sealed in closed.closed.items():
        (key,) = bench.keyring(recipient).opening().values()
        text = open_text(key, sealed, sender="force:01", recipient=recipient, report_id=closing_name(raw["urn"]), item_index=0)
        salt, shared = text[:16], text[16:]
        digests = [subject_digest(part) for part in record.report.subjects]
        assert item_digest(salt, shared, digests) == closed.digest
        assert b"Kept at home." in shared


@pytest.mark.parametrize("recipients", [("fib:01",), ("force:01", "fib:01"), ("pio:WSI", "fib:01", "fib:01", "force:01")])
def test_every_code_4_text_is_closed_for_all_it_names(bench: Bench, recipients: tuple[str, ...]) -> None:
    """What PAS refuses of others (`V-CODE4`), this publisher never makes."""
    texts = [make_item(), make_item(text="Kept at home.", handling="4"), make_item(text="Kept too.", handling="4")]
    with bench.publisher("force:01") as publisher:
        assert len(publisher.publish([make_code4(recipients=recipients, items=texts)]).published) == 1
    (record,) = found(bench)
    assert record.report is not None
    assert [sorted(item.closed) for item in record.report.items] == [[], sorted(set(recipients)), sorted(set(recipients))]
    raw = record.report.raw | {"items": [item | {"text": item["text"] or "closed"} for item in record.report.raw["items"]]}
    assert find_unclosed(Report.model_validate(raw), record.report.items) == frozenset()


def test_suspicions_in_a_closed_text_travel_without_it(bench: Bench) -> None:
    raw = make_code4(items=[make_item(), make_item(text="According to our informant at the gate.", handling="4")])
    with bench.publisher("force:01") as publisher:
        publisher.publish([raw])
    (record,) = found(bench)
    assert record.report is not None
    assert {(item, gate) for item, gate, _ in record.report.suspicions} == {(1, "G-SOURCE")}


def test_sealing_times_rise_and_never_pass_the_log(bench: Bench) -> None:
    with bench.publisher("force:01", batch_records=7) as publisher:
        publisher.publish([make_report(number) for number in range(40)])
        bench.clock.moment -= timedelta(seconds=5)
        publisher.publish([make_report(number) for number in range(40, 60)])
    records = found(bench)
    sealed = sorted(record.report.sealed_at_us for record in records if record.report)
    assert len(set(sealed)) == 60
    assert all(record.report and record.report.sealed_at_us < to_ms(record.at) * 1000 for record in records)


def test_the_log_keeps_the_order_of_the_file(bench: Bench) -> None:
    raws = [make_report(number, office) for number in range(6) for office in ("force:01", "force:02")]
    with bench.publisher() as publisher, bench.log.subscribe(["pas.reports"], "any", lambda partition: 0) as reader:
        done = publisher.publish(raws)
        taken = reader.poll(100, 0)
    assert [outcome.urn for outcome in done.outcomes] == [raw["urn"] for raw in raws]
    ids = [outcome.report_id for outcome in done.published]
    assert [record.key for record in taken] == ids


def test_a_repeat_appends_nothing(bench: Bench) -> None:
    raws = [make_report(number) for number in range(5)] + [make_report(9, protective_marking="SECRET")]
    with bench.publisher("force:01") as publisher:
        first = publisher.publish(raws)
    with bench.publisher("force:01") as publisher:
        again = publisher.publish(raws)
    assert (len(first.published), len(first.refused)) == (5, 1)
    assert (len(again.published), len(again.repeated), len(again.refused)) == (0, 5, 1)
    assert [outcome.report_id for outcome in again.repeated] == [outcome.report_id for outcome in first.published]
    assert len(found(bench)) == 6


def test_without_its_journal_a_repeat_is_the_same_record_to_pas(bench: Bench) -> None:
    raw = make_report()
    for _ in range(2):
        with bench.publisher("force:01", journals=None) as publisher:
            assert len(publisher.publish([raw]).published) == 1
    first, second = found(bench)
    assert first.report is not None
    assert second.report is not None
    assert (first.record_id, first.report.content_digest) == (second.record_id, second.report.content_digest)


def test_again_sends_once_more_on_purpose(bench: Bench) -> None:
    for again in (False, True):
        with bench.publisher("force:01", again=again) as publisher:
            assert len(publisher.publish([make_report()]).published) == 1
    assert len(found(bench)) == 2


def test_other_content_under_one_urn_is_no_repeat(bench: Bench) -> None:
    with bench.publisher("force:01") as publisher:
        done = publisher.publish([make_report(), make_report(gist="Another.")])
    assert len(done.published) == 2
    first, second = found(bench)
    assert first.record_id == second.record_id
    assert first.report is not None
    assert second.report is not None
    assert first.report.content_digest != second.report.content_digest


def test_a_refusal_tells_pas_who_what_rule_and_when_and_no_more(bench: Bench) -> None:
    raw = make_report(protective_marking="SECRET", declarations=make_declarations(privileged=True))
    with bench.publisher("force:01") as publisher:
        (refused,) = publisher.publish([raw]).outcomes
    assert isinstance(refused, Refused)
    assert (refused.urn, refused.code, refused.rules, refused.recorded) == (raw["urn"], "G-MARKING", ("G-MARKING", "G-PRIVILEGE"), True)
    assert "marking" in refused.why
    assert "privileged" in refused.why
    (record,) = found(bench)
    assert (record.topic, record.schema, record.sender, record.key) == ("pas.reports", "refusal", "force:01", record.record_id)
    assert record.datum == {
        "originator": "force:01", "urn": raw["urn"], "rules": ["G-MARKING", "G-PRIVILEGE"], "refused_at_us": record.datum["refused_at_us"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "urn", "code"),
    [
        (b"{", None, "V-SCHEMA"),
        (b"[1]", None, "V-SCHEMA"),
        (b"\xff", None, "V-SCHEMA"),
        ({"urn": "01/1"}, "01/1", "G-MARKING"),
        (make_report(originator="force:99"), "99/IR/2015/000001", "V-ORIGINATOR"),
        (make_report(originator="feed:nomis"), "NOMIS/IR/2015/000001", "V-ORIGINATOR"),
        (make_report(urn="01/\ud800"), None, "V-SCHEMA"),
        (make_report(gist="\ud800"), "01/IR/2015/000001", "V-SCHEMA"),
    ],
)
def test_what_pas_cannot_be_told_is_told_to_the_caller(bench: Bench, raw: object, urn: str | None, code: str) -> None:
    with bench.publisher() as publisher:
        (refused,) = publisher.publish([raw]).refused  # type: ignore[list-item]  # wrong on purpose
    assert (refused.urn, refused.code) == (urn, code)
    assert refused.recorded == (code == "V-SCHEMA" and urn is not None)
    assert len(found(bench)) == refused.recorded


def test_one_bad_report_does_not_stop_the_others(bench: Bench) -> None:
    raws = [make_report(1), b"nothing", make_report(2, items=[]), make_report(3)]
    with bench.publisher("force:01") as publisher:
        done = publisher.publish(raws)
    assert [type(outcome).__name__ for outcome in done.outcomes] == ["Published", "Refused", "Refused", "Published"]


def test_an_office_speaks_for_itself_alone(bench: Bench) -> None:
    with bench.publisher("force:01") as publisher:
        (refused,) = publisher.publish([make_report(originator="force:02")]).refused
    assert (refused.code, refused.recorded) == ("V-ORIGINATOR", False)
    assert "force:01" in refused.why
    assert found(bench) == []


def test_an_originator_without_keys_here_is_refused_with_a_sentence(bench: Bench) -> None:
    bench.keys_dir = bench.keys_dir.parent / "none"
    with bench.publisher() as publisher:
        done = publisher.publish([make_report(), make_report(2)])
    assert [(refused.code, refused.recorded) for refused in done.refused] == [("V-ORIGINATOR", False)] * 2
    assert "There are no keys of force:01" in done.refused[0].why


def test_a_key_that_the_directory_does_not_have_publishes_nothing(bench: Bench) -> None:
    bench.replace_office(make_office("force:01", bench.keys["force:02"]))
    with bench.publisher() as publisher:
        (refused,) = publisher.publish([make_report()]).refused
    assert "is not the current one" in refused.why
    bench.replace_office(make_office("force:01", bench.keys["force:01"], keys=()))
    with bench.publisher() as publisher:
        (refused,) = publisher.publish([make_report()]).refused
    assert "no current signing key of force:01" in refused.why
    assert found(bench) == []


def test_code_4_is_refused_where_a_recipient_has_no_key(bench: Bench) -> None:
    bench.replace_office(make_office("fib:01", bench.keys["fib:01"], keys=()))
    with bench.publisher("force:01") as publisher:
        (refused,) = publisher.publish([make_code4()]).refused
    assert (refused.code, refused.recorded) == ("V-CODE4", True)
    assert "no current key of fib:01" in refused.why
    assert [record.schema for record in found(bench)] == ["refusal"]


def test_code_4_is_closed_to_no_office_that_is_not_active(bench: Bench) -> None:
    bench.replace_office(make_office("fib:01", bench.keys["fib:01"], end=bench.clock.now() - timedelta(days=1)))
    with bench.publisher("force:01") as publisher:
        assert len(publisher.publish([make_code4(recipients=("fib:01", "pio:WSI"))]).published) == 1
    (record,) = found(bench)
    assert record.report is not None
    assert sorted(record.report.items[1].closed) == ["pio:WSI"]


def test_a_compartment_without_a_key_is_closed_to_everybody(bench: Bench) -> None:
    keys = tuple(key for key in make_office("pas", bench.keys["pas"]).keys if key.use != "compartment")
    bench.replace_office(make_office("pas", bench.keys["pas"], keys=keys))
    flagged = make_report(declarations=make_declarations(protected_assisting_offender=True))
    with bench.publisher("force:01") as publisher:
        (refused,) = publisher.publish([flagged]).refused
    assert refused.code == "G-PASO"
    assert [record.schema for record in found(bench)] == ["refusal"]


def test_a_report_too_large_for_a_record_is_refused(bench: Bench) -> None:
    raw = make_report(items=[make_item(text="x" * 50_000) for _ in range(20)])
    with bench.publisher("force:01") as publisher:
        (refused,) = publisher.publish([raw]).refused
    assert refused.code == "V-SCHEMA"
    assert "bytes; a report may have" in refused.why
    assert [record.schema for record in found(bench)] == ["refusal"]


def test_what_happens_at_a_moment_is_judged_by_that_moment(bench: Bench) -> None:
    ahead = make_report(created_at="2015-11-18T12:15:00.001Z")
    with bench.publisher("force:01") as publisher:
        assert publisher.publish([ahead]).refused[0].code == "V-CLOCK"
        bench.clock.moment += timedelta(milliseconds=1)
        assert len(publisher.publish([ahead]).published) == 1


def test_batches_are_told_once_the_log_has_them(bench: Bench) -> None:
    with bench.publisher("force:01", batch_records=3) as publisher:
        stream = publisher.stream(make_report(number) for number in range(7))
        seen = []
        for outcome in stream:
            assert isinstance(outcome, Published)
            seen.append(len(found(bench)))
    assert seen == [3, 3, 3, 6, 6, 6, 7]


def test_a_threat_to_life_waits_for_no_batch(bench: Bench) -> None:
    raws = [make_report(1), make_report(2, priority="THREAT_TO_LIFE"), make_report(3)]
    with bench.publisher("force:01") as publisher:
        stream = publisher.stream(raws)
        next(stream)
        assert [record.topic for record in found(bench)] == ["pas.reports", "pas.reports.urgent"]
        assert len(list(stream)) == 2


def test_what_nobody_was_told_of_is_not_sent_later(bench: Bench) -> None:
    with bench.publisher("force:01", batch_records=2) as publisher:
        stream = publisher.stream(iter([make_report(1), make_report(2), make_report(3), make_report(4)]))
        next(stream)
        stream.close()  # type: ignore[attr-defined]  # it is a generator
        publisher.publish([make_report(9)])
    assert len(found(bench)) == 3


def test_subjects_and_risk_are_carried_whole(bench: Bench) -> None:
    risk = {"summary": "Low.", "authorised_by": "Insp. 44", "authorised_at": "2015-11-17T08:00:00Z"}
    raw = make_report(
        subjects=[make_subject(), make_subject(role="ASSOCIATE", noms_number=None, family_name=None, given_names=None)],
        items=[make_item(handling="2", subjects=[1, 0], addressees=["pio"])],
        handling=make_handling(risk_assessment=risk),
        supersedes={"urn": "01/IR/2015/000000", "action": "CORRECT"},
    )
    with bench.publisher("force:01") as publisher:
        assert len(publisher.publish([raw]).published) == 1
    (record,) = found(bench)
    assert record.report is not None
    assert record.report.raw == raw


def test_a_key_of_pas_that_ended_seals_nothing(bench: Bench) -> None:
    bench.clock.moment = START - timedelta(days=1)
    with bench.publisher("force:01") as publisher:
        (refused,) = publisher.publish([make_report(created_at="1999-01-01T00:00:00Z")]).refused
    assert refused.code == "V-ORIGINATOR"
    assert not refused.recorded
