"""The gateway's figures: right, whoever was killed; and silent about every office, report and person."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.canaries import HIGH_NUMBER, NUMBER, find_words, write_all
from gateway.desk import Desk, copy_estate
from pas_gateway.meters import RECORDS, SECONDS, STAGES, Meter, meter_file, read_meters
from pas_gateway.metrics import FATES, METRICS, OTHER, OWNER_KINDS, STATES
from pas_gateway.monitor import Monitor
from pas_gateway.realm import MAIN
from pas_gateway.register import queries, schema
from pas_gateway.survey import USES
from pas_gateway.vitals import State, Vitals
from pas_schemas.models.words import PRIORITIES
from pas_schemas.rules import SENTENCES
from pas_schemas.topics import SHARED_TOPICS
from reading_docs import ROOT, read_table

# What its tests share is made once: in one process.
pytestmark = pytest.mark.xdist_group("metrics")

Samples = dict[tuple[str, tuple[str, ...]], float]


@dataclass(frozen=True)
class Played:
    """A desk at which every fate a report can have was taken in and sent, the reports, and what is scraped there."""

    desk: Desk
    reports: dict[str, dict[str, Any]]
    text: str


@pytest.fixture(scope="module")
def played(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """For those who only look: it is played once."""
    with Desk(copy_estate(pristine, tmp_path_factory.mktemp("metrics") / "small")) as desk:
        desk.move(noms_number=NUMBER)
        desk.move(noms_number=HIGH_NUMBER, category="A")
        reports = write_all(desk)
        reports["refused"] = desk.write(addressees=["pio", "escort:nobody"])
        desk.publish(*reports.values())
        desk.run()
        yield Played(desk, reports, scrape(desk))


def scrape(desk: Desk) -> str:
    with Monitor.of(desk.workspace, Vitals(60), desk.office.rulebook.digest) as monitor:
        return monitor.scrape().decode()


def read(text: str) -> Samples:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_state_of_a_worker_is_shown() -> None:
    assert get_args(State) == STATES


def test_documentation_lists_them_as_they_are() -> None:
    rows = [[cell.replace("`", "") for cell in row] for row in read_table(ROOT / "docs" / "monitoring.md", "Metrics")]
    assert rows == [[metric.name, metric.kind, metric.meaning, ", ".join(metric.labels) or "none"] for metric in METRICS]


def test_figures_are_what_the_register_holds(played: Played) -> None:
    found, desk = read(played.text), played.desk
    with desk.store.reading() as register:
        counts = queries.read_counters(register)
        rejected = [row for row in register.execute(schema.attempts.select()) if row.status == "REJECTED"]
        cases = queries.list_cases(register, only_open=True)
    assert {fate: found["pas_reports_total", (fate,)] for fate in FATES} == {fate: counts.get(fate, 0) for fate in FATES}
    assert found["pas_reports_total", ("accepted",)] == len(played.reports) - 2
    for rule in {rule for row in rejected for rule in row.rules.split(",")}:
        assert found["pas_rejected_total", (rule,)] == sum(rule in row.rules.split(",") for row in rejected)
    assert found["pas_rejected_total", ("V-URN-TAKEN",)] == 1
    assert found["pas_refused_pairs_total", ("R-UNKNOWN",)] == len(played.reports["refused"]["items"])
    assert found["pas_held_pairs_total", ()] == counts["held"] > 0
    assert found["pas_audit_events_total", ()] == counts["events"] > len(played.reports)
    assert found["pas_deliveries_sent_total", ()] == counts["sent"] > 0
    assert found["pas_rungs_climbed_total", ()] == 0
    assert sum(value for (name, _), value in found.items() if name == "pas_cases_open") == len(cases) > 0
    assert found["pas_cases_open", ("pas",)] == sum(case.owner == "pas" for case in cases)
    assert found["pas_unread_deliveries", ("THREAT_TO_LIFE",)] == 3
    assert 0 < found["pas_unread_oldest_seconds", ("THREAT_TO_LIFE",)] < 3600
    assert (found["pas_outbox_rows", ("true",)], found["pas_outbox_rows", ("false",)]) == (0, 0)
    assert not any(value for (name, _), value in found.items() if name == "pas_input_lag_records")


def test_the_end_of_the_calendar_is_told_before_it_comes(desk: Desk) -> None:
    """The rulebook that ships names holidays until 28 December 2027; one that names none never ends."""
    left = timedelta(seconds=read(scrape(desk))["pas_calendar_ends_seconds", ()])
    assert abs(desk.workspace.clock.now() + left - datetime(2027, 12, 28, tzinfo=UTC)) < timedelta(hours=1)
    path = desk.workspace.rulebook_path
    path.write_text(re.sub(r"holidays = \[[^]]*\]", "holidays = []", path.read_text()))
    assert ("pas_calendar_ends_seconds", ()) not in read(scrape(desk))


def test_scrape_identifies_nobody(played: Played) -> None:
    """Every label value comes from a list that is the same for every estate; neither a canary nor an office nor a URN is in the text."""
    text, desk = played.text, played.desk
    numbers = {str(number) for topic in SHARED_TOPICS for number in range(topic.partitions)}
    bounds = {str(bound) for bound in (*RECORDS, *SECONDS)} | {"+Inf"}
    closed = {
        "part": {"register", "log", "keys", "rulebook"}, "topic": set(MAIN.inputs), "partition": numbers, "fate": set(FATES),
        "rule": set(SENTENCES),
        "urgent": {"true", "false"}, "priority": set(PRIORITIES), "owner_kind": {*OWNER_KINDS, OTHER}, "use": set(USES),
        "digest": {desk.office.rulebook.digest}, "state": set(STATES), "stage": set(STAGES), "le": bounds,
    }  # fmt: skip
    known = {metric.name: metric for metric in METRICS}
    for family in text_string_to_metric_families(text):
        metric = known[family.name + ("_total" if family.type == "counter" else "")]
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample.name
            for label, value in sample.labels.items():
                assert value in closed[label], (sample.name, label, value)
    assert not find_words(text.encode())
    named = {office.id for office in desk.snapshot.offices if ":" in office.id} | {report["urn"] for report in played.reports.values()}
    named |= {"cat-a-team", "paso-unit", "escort", "G-PASO", "NOT_IN_COMPARTMENT"}
    assert [name for name in named if name in text] == []


def test_cases_of_the_compartment_are_in_no_figure(desk: Desk) -> None:
    """No gateway of this edition writes such a case; one in the register is not counted all the same."""
    row = {"report": b"r" * 16, "priority": "ROUTINE", "opened_at_ms": 1, "due_ms": 2, "state": "OPEN"}

    def write(register: Any) -> None:
        for number, reasons in enumerate(("G-PASO", "G-CATA", "G-PASO,R-NOBODY")):
            register.execute(schema.cases.insert(), row | {"id": str(number), "owner": f"pio:{number}", "reasons": reasons})

    desk.store.write(write)
    found = read(scrape(desk))
    assert (found["pas_cases_open", ("pio",)], found["pas_cases_overdue", ("pio",)]) == (1, 1)


def test_rungs_that_were_climbed_are_counted_each_once(desk: Desk) -> None:
    """Of a threat to life 21 minutes old: its two readers reminded, then their deputies; of PAS's case on it all three rungs."""
    desk.publish(desk.write(priority="THREAT_TO_LIFE", addressees=["security"], risk_tags=[]))
    desk.run()
    desk.turn(minutes=21)
    desk.climb()
    desk.climb()
    assert read(scrape(desk))["pas_rungs_climbed_total", ()] == 2 * 2 + 3


def test_what_waits_to_be_sent_is_counted_with_its_age(desk: Desk) -> None:
    desk.publish(desk.write(), desk.write(priority="THREAT_TO_LIFE"))
    for topic in ("pas.reports", "pas.reports.urgent"):
        desk.pipeline.commit(desk.plan_reports(desk.fresh(topic)))
    with desk.store.writing() as register:
        register.execute(schema.outbox.update().where(schema.outbox.c.urgent == 1).values(at_ms=schema.outbox.c.at_ms - 90_000))
    found = read(scrape(desk))
    assert found["pas_outbox_rows", ("true",)] > 0
    assert found["pas_outbox_oldest_seconds", ("true",)] >= 90
    assert 0 <= found["pas_outbox_oldest_seconds", ("false",)] < 90


def test_movements_behind_a_crowd_are_counted_until_they_are_followed(desk: Desk) -> None:
    desk.move(noms_number="A1234BC", prison="BAI")
    desk.move(noms_number="A2222BB", prison="BAI")
    desk.move(noms_number="A3333CC", prison="BAI", hours_ago=-1)
    movements = desk.fresh("pas.movements")
    desk.pipeline.commit(desk.plan_movements(movements, behind=True))
    assert read(scrape(desk))["pas_movements_unfollowed", ()] == 2
    while (plan := desk.pipeline.follow_due()) is not None:
        desk.pipeline.commit(plan)
    assert read(scrape(desk))["pas_movements_unfollowed", ()] == 0


def test_batches_are_measured_stage_by_stage(played: Played) -> None:
    found = read(played.text)
    batches = found["pas_batch_records_count", ()]
    assert batches >= 2
    assert found["pas_batch_records_bucket", (str(RECORDS[-1]),)] == batches
    assert found["pas_batch_records_sum", ()] >= len(played.reports)
    assert {found["pas_batch_seconds_count", (stage,)] for stage in ("decide", "seal", "write")} == {batches}
    assert all(found["pas_batch_seconds_sum", (stage,)] > 0 for stage in STAGES)


# --- meters ----------------------------------------------------------------------------------------------------------

_DYING = """
import os, signal, sys
from pathlib import Path
from pas_gateway.meters import Meter
meter = Meter(Path(sys.argv[1]))
for _ in range(1000):
    meter.observe_batch(3)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_worker_loses_no_figure_and_its_heir_goes_on(tmp_path: Path) -> None:
    file = meter_file(tmp_path, "worker-1")
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", _DYING, str(file)], check=False)
        assert done.returncode == -signal.SIGKILL
    found = read_meters(tmp_path)["records"]
    assert (found.counts[-1], found.sum) == (2000, 6000)
    assert dict(zip(found.bounds, found.counts, strict=False))[2.0] == 0


def test_meters_of_several_workers_are_added_up(tmp_path: Path) -> None:
    for number, seconds in enumerate((0.004, 0.3, 99.0)):
        meter = Meter(meter_file(tmp_path, f"worker-{number}"))
        meter.observe_stages({"seal": seconds})
        meter.observe_batch(500)
        meter.close()
    (tmp_path / "run" / "of-another-version.meter").write_bytes(b"x")
    found = read_meters(tmp_path)
    at_most = dict(zip((*found["seal"].bounds, "more"), found["seal"].counts, strict=True))
    assert (at_most[0.0025], at_most[0.005], at_most[0.25], at_most[0.5], at_most[10.0], at_most["more"]) == (0, 1, 1, 2, 2, 3)
    assert found["seal"].sum == pytest.approx(99.304)
    assert (found["records"].counts[-2:], found["records"].sum) == ((3, 3), 1500)
    assert found["verify"].counts[-1] == 0


def test_names_follow_the_customs_of_prometheus() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"pas_[a-z_]+", metric.name)
        assert (metric.kind == "counter") == metric.name.endswith("_total")
