"""Bodies are kept while an item is live and as long after as the rulebook says; then their keys are destroyed, and the audit says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.desk import Desk, Row
from gateway.test_equal_deliveries import FixedClock
from pas_gateway.dispatch import Dispatcher
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import schema, split_blobs
from pas_gateway.trace import trace
from pas_schemas.clock import show_time
from pas_schemas.models.records import AuditEvent


def reviewed(desk: Desk, days_ago: int, **changes: object) -> Row:
    return desk.write(mopi={"group": 2, "review_by": show_time(desk.workspace.clock.now() - timedelta(days=days_ago))}, **changes)


def kept(desk: Desk) -> set[str]:
    """URNs of the reports whose bodies, and their keys, are still there."""
    with desk.store.reading() as register:
        rows = register.execute(sa.select(schema.reports.c.urn, schema.reports.c.body, schema.reports.c.data_key)).all()
    assert all((row.body is None) == (row.data_key is None) for row in rows)
    return {row.urn for row in rows if row.body is not None}


def shred(desk: Desk, retention_days: int = 30, **later: float) -> None:
    """What a gateway does that much later, by a rulebook that keeps bodies for so long."""
    book, clock = desk.office.rulebook, FixedClock(desk.workspace.clock.now() + timedelta(**later))
    retention = book.retention.model_copy(update={"body_days_after_live": retention_days})
    pipeline = Pipeline(replace(desk.office, rulebook=replace(book, retention=retention), clock=clock), desk.store)
    while (plan := pipeline.shred_due()) is not None:
        pipeline.commit(plan)


@pytest.mark.parametrize(("days", "survive"), [(30, {"live", "recent"}), (10, {"live"}), (60, {"live", "recent", "old"})])
def test_bodies_go_when_the_rulebook_says(desk: Desk, days: int, survive: set[str]) -> None:
    reports = {"live": desk.write(), "recent": reviewed(desk, -20), "old": reviewed(desk, -1)}
    desk.publish(*reports.values())
    desk.pipeline.commit(desk.plan_reports(desk.fresh("pas.reports")))
    assert kept(desk) == {report["urn"] for report in reports.values()}
    shred(desk, days, days=41)
    assert kept(desk) == {reports[name]["urn"] for name in survive}


def test_a_report_that_comes_past_its_review_date_is_kept_as_long_from_then(desk: Desk) -> None:
    """An item is live from its acceptance: what waits for people, or for conditions to be accepted, is there to be decided on."""
    desk.publish(late := reviewed(desk, 400, risk_tags=["ESCAPE"]))
    desk.run()
    shred(desk, days=29)
    assert kept(desk) == {late["urn"]}
    shred(desk, days=31)
    assert kept(desk) == set()


def test_what_was_done_can_still_be_told(desk: Desk) -> None:
    old = reviewed(desk, 40)
    desk.publish(old)
    desk.pipeline.commit(desk.plan_reports(desk.fresh("pas.reports")))
    before = trace(desk.store, desk.office.register_key, old["urn"])
    shred(desk, days=31)
    assert kept(desk) == set()
    assert trace(desk.store, desk.office.register_key, old["urn"]) == before
    with desk.store.reading() as register:
        blobs = register.execute(sa.select(schema.leaves.c.events)).scalars().all()
    events = [AuditEvent.decode(event[16:]) for blob in blobs for event in split_blobs(blob)]
    assert [event.subject for event in events if event.event == "BODY_SHREDDED"] == [before["report"]]


def test_the_key_of_a_shredded_body_stays_in_no_page(desk: Desk) -> None:
    old = reviewed(desk, 40)
    old["items"][0]["text"] = "A parcel will come over the wall. " * 300
    desk.publish(old)
    desk.pipeline.commit(desk.plan_reports(desk.fresh("pas.reports")))
    assert Dispatcher(desk.store, desk.log, desk.office).run(lambda: None)
    with desk.store.reading() as register:
        key = register.execute(sa.select(schema.reports.c.data_key)).scalar_one()
    file = Path(sa.make_url(desk.workspace.register_url).database or "")
    for there in (True, False):
        with desk.store.reading() as register:
            register.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]  # SQLite's own
        pages = file.read_bytes()
        # It may lie across two pages.
        assert (key[:30] in pages or key[30:] in pages) == there
        shred(desk, days=31)


def test_a_movement_passes_over_what_was_shredded(desk: Desk) -> None:
    old = reviewed(desk, 40)
    desk.publish(old)
    desk.run()
    shred(desk, days=31)
    desk.move(hours_ago=0.01, prison="BAI")
    desk.run()
    assert [
        outcome["office"]
        for outcome in trace(desk.store, desk.office.register_key, old["urn"])["outcomes"]
        if outcome["office"].endswith("BAI")
    ] == []
