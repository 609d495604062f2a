"""Code 4 texts that no office, or not every office named, could ever open: the originator hears of it, and nothing empty goes out."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from conftest import RunPas
from gateway.desk import Desk, Row
from gateway.fuzzing import Forge, encode_report, open_report
from gateway.judging import count_notices, find_journeys
from gateway.test_strange_records import attempts, send
from pas_consumers import Inbox
from pas_schemas.clock import to_ms
from pas_schemas.directory import Term
from pas_schemas.topics import REPORTS
from pas_transport.enrolment import retire
from pas_transport.issuing import change
from producers.samples import make_code4

BUREAU, PIO = "fib:01", "pio:WSI"
# A closed text is a version byte, HPKE's 1,136 bytes and at least 1,024 of padded text (architecture, *The wire*).
LEAST = 1 + 1136 + 1024


def write_code4(desk: Desk, *recipients: str) -> Row:
    """An open item for nobody in particular, and a code 4 item for these."""
    report = make_code4(recipients=recipients, addressees=[]) | {name: desk.write()[name] for name in ("urn", "created_at", "mopi")}
    return report | {"handling": report["handling"] | {"review_by": "2099-01-01"}}


def drop_all(closed: list[Row]) -> list[Row]:
    return []


def drop_one(closed: list[Row]) -> list[Row]:
    return [one for one in closed if one["recipient"] != PIO]


def empty_one(closed: list[Row]) -> list[Row]:
    return [one | {"sealed": b""} if one["recipient"] == PIO else one for one in closed]


def shorten_one(closed: list[Row]) -> list[Row]:
    return [one | {"sealed": one["sealed"][: LEAST - 1]} if one["recipient"] == PIO else one for one in closed]


def respell_one(closed: list[Row]) -> list[Row]:
    return [one | {"sealed": b"\x02" + one["sealed"][1:]} if one["recipient"] == PIO else one for one in closed]


def turn_to_a_stranger(closed: list[Row]) -> list[Row]:
    return [one | {"recipient": "security:WSI"} if one["recipient"] == PIO else one for one in closed]


@pytest.mark.parametrize("harm", [drop_all, drop_one, empty_one, shorten_one, respell_one, turn_to_a_stranger])
def test_a_text_not_closed_for_all_it_names_is_refused_and_told(desk: Desk, harm: Callable[[list[Row]], list[Row]]) -> None:
    """Refused and not accepted: so the URN stays free, and the same report comes in once it is closed for all."""
    report = write_code4(desk, BUREAU, PIO)
    desk.publish(report)
    [taken] = desk.fresh(REPORTS.name)
    datum, manifest = open_report(desk.workspace, taken)
    good = datum["items"][1]["closed"]
    assert [(one["recipient"], len(one["sealed"])) for one in good] == [(BUREAU, LEAST), (PIO, LEAST)]
    other = report | {"urn": desk.write()["urn"]}
    datum |= {"urn": other["urn"], "sealed_at_us": to_ms(desk.workspace.clock.now()) * 1000}
    datum["items"][1]["closed"] = harm(good)
    name = os.urandom(16)
    payload, manifest = encode_report(datum, manifest)
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:01").seal(name, payload, manifest)], name)
    sent = desk.run()
    assert sorted(attempts(desk).values()) == [("ACCEPTED", ""), ("REJECTED", "V-CODE4")]
    told = count_notices(sent, "REJECTED", "QUARANTINED")
    assert told == {("force:01", other["urn"], "REJECTED"): 1, ("pas", other["urn"], "REJECTED"): 1}
    assert all(urn == report["urn"] for _, urn in find_journeys(sent))
    desk.publish(other)
    desk.run()
    assert sorted(attempts(desk).values()) == [("ACCEPTED", ""), ("ACCEPTED", ""), ("REJECTED", "V-CODE4")]
    for office in (BUREAU, PIO):
        assert sorted(read_closed(desk, office)) == [report["urn"], other["urn"]]


def read_closed(desk: Desk, office: str) -> list[str]:
    """The reports of which the office can read the closed text; nothing that came to it was set aside."""
    with Inbox.of(desk.workspace, office, post="duty-officer", person="example-0001") as inbox:
        assert inbox.take().aside == ()
        items = [(held.delivery.urn, item) for held in inbox.list().held if held.delivery.body for item in held.delivery.body.items]
    return [urn for urn, item in items if item.grade.endswith("4") and item.text == "Kept at home."]


def test_an_office_that_was_not_active_when_it_was_closed_gets_nothing_empty_later(desk: Desk, pristine: Path, pas: RunPas) -> None:
    """Its term begins anew and the prisoner moves: decided again, the text is not for the office, and the originator has heard why."""
    shutil.copytree(pristine / "keys" / "root", desk.workspace.keys_dir / "root")
    report = write_code4(desk, BUREAU, PIO)
    known = desk.workspace.directory().by_id[PIO]
    change(desk.workspace, lambda snapshot, now: retire(snapshot, PIO, now))
    desk.turn(minutes=1)
    desk.publish(report)
    sent = desk.run()
    refused = [
        (word["office"], word["rule"]) for one in sent if one.office == "force:01" and one.datum["urn"] == report["urn"]
        for word in one.datum["notices"] if word["word"] == "REFUSED"
    ]  # fmt: skip
    assert refused == [(PIO, "R-INACTIVE")]
    change(
        desk.workspace,
        lambda snapshot, now: replace(
            snapshot,
            offices=tuple(
                replace(one, terms=(*one.terms, Term(now, force="01")), keys=known.keys) if one.id == PIO else one
                for one in snapshot.offices
            ),
        ),
    )
    desk.turn(minutes=1)
    desk.move(prison="BAI", hours_ago=timedelta(seconds=1) / timedelta(hours=1))
    desk.move(prison="WSI", hours_ago=0)
    desk.run()
    assert read_closed(desk, PIO) == []
    trace = json.loads(pas("trace", report["urn"], "--json", cwd=desk.workspace.root, code=0).out)
    rows = {(one["office"], item["item"]): (item["verdict"], item["rule"]) for one in trace["outcomes"] for item in one["items"]}
    assert rows[BUREAU, 1] == ("release", "H4-OWN")
    assert rows[PIO, 1] == ("refuse", "H4-OWN")
