"""An office the directory has no key of, or what it is due is too large for, is sent nothing, everybody else is, and PAS is told."""

from __future__ import annotations

from dataclasses import replace

from gateway.desk import Desk
from pas_gateway.audit import Scribe
from pas_gateway.drafts import About, Draft
from pas_gateway.pipeline import Pipeline
from pas_gateway.register import split_blobs
from pas_gateway.route import MAX_BODY_BYTES, route
from pas_schemas.directory import Office, Snapshot
from pas_schemas.models.records import AuditEvent

KEYLESS = "security:WSI"


def without_key(office: Office) -> Office:
    return replace(office, keys=()) if office.id == KEYLESS else office


def test_what_is_too_large_for_a_delivery_fails_nothing_else(desk: Desk) -> None:
    """As a report to which PAS wrote long texts of its own, when the prisoner moves on."""
    said = About(b"r" * 16, "01/IR/2015/1", "force:01", "ROUTINE", "2015-11-18T12:00:00Z", 0)
    scribe = Scribe(desk.workspace.clock.now(), desk.office.rulebook.digest, desk.snapshot.version)
    drafts = [
        Draft(said, office, "DISCLOSURE", (0,), bytes(size))
        for office, size in (("pio:WSI", MAX_BODY_BYTES), (KEYLESS, MAX_BODY_BYTES + 1))
    ]
    routed = route(drafts, {}, desk.office, scribe)
    assert [(row["office"], row["kind"]) for row in routed.deliveries] == [("pio:WSI", "DISCLOSURE"), ("pas", "NOTICE")]
    events = [AuditEvent.decode(event[16:]) for event in routed.events]
    assert [(event.office, event.rules) for event in events if event.event == "TOO_LARGE"] == [(KEYLESS, ("DISCLOSURE",))]


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
