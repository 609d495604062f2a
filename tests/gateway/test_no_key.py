"""An office the directory has no key of is sent nothing, everybody else is, and PAS is told."""

from __future__ import annotations

from dataclasses import replace

from gateway.desk import Desk
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import split_blobs
from pas_schemas.directory import Office, Snapshot
from pas_schemas.models.records import AuditEvent

KEYLESS = "security:WSI"


def without_key(office: Office) -> Office:
    return replace(office, keys=()) if office.id == KEYLESS else office


def test_nothing_is_sealed_to_it_and_pas_is_told(desk: Desk) -> None:
    snapshot: Snapshot = replace(desk.snapshot, offices=tuple(map(without_key, desk.snapshot.offices)))
    report = desk.write(addressees=["pio", "security"])
    desk.publish(report)
    records = desk.fresh("pas.reports")
    plan = Pipeline(replace(desk.office, snapshot=snapshot), desk.store).take_reports(records, desk.advances(records))
    kinds = sorted((row["office"], row["kind"]) for row in plan.change.deliveries)
    assert kinds == [("force:01", "NOTICE"), ("pas", "NOTICE"), ("pio:WSI", "DISCLOSURE")]
    assert {row["topic"] for row in plan.change.outbox} == {"pas.deliveries.force.01", "pas.deliveries.pas", "pas.deliveries.pio.WSI"}
    events = [AuditEvent.decode(event[16:]) for event in plan.change.events]
    assert [(event.office, event.rules) for event in events if event.event == "NO_KEY"] == [(KEYLESS, ("DISCLOSURE",))]
    assert all(len(list(split_blobs(row["records"]))) == 2 for row in plan.change.outbox)
