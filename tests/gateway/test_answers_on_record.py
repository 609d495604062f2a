"""What people answer is in the audit: who gave a receipt, when, and a digest that no other words fit (domain, *Accountability*)."""

from __future__ import annotations

from hashlib import sha256

import pytest

from gateway.desk import Desk, Row
from gateway.terminal import Terminal
from gateway.test_requests import SAID, ask, person
from pas_consumers import Inbox
from pas_gateway.register import schema, split_blobs
from pas_schemas.clock import show_time
from pas_schemas.codec import decode


def events(desk: Desk, name: str) -> list[Row]:
    with desk.store.reading() as register:
        rows = register.execute(schema.leaves.select().order_by(schema.leaves.c.number)).all()
    found = [decode(event[16:], "audit_event").datum for row in rows for event in split_blobs(row.events)]
    return [event for event in found if event["event"] == name]


def test_a_receipt_is_bound_to_who_gave_it_and_to_its_words(desk: Desk) -> None:
    desk.publish(desk.write())
    desk.run()
    with Inbox.of(desk.workspace, "security:WSI", post="officer", person="staff-0007") as box:
        box.take()
        [found] = [held.delivery.id for held in box.list().held]
        box.read(found)
        box.act(found, "Cell searched.")
        box.send()
    desk.run()
    told = events(desk, "REPLY")
    assert [(one["office"], one["rules"]) for one in told] == [("security:WSI", [word]) for word in ("DELIVERED", "READ", "ACTIONED")]
    with desk.store.reading() as register:
        kept = {row.receipt: desk.office.register_key.open(row.sealed, row.id) for row in register.execute(schema.replies.select())}
    for one in told:
        assert one["digests"] == [sha256(b"staff-0007").digest(), sha256(kept[one["rules"][0]]).digest()]


def test_an_answer_to_a_request_is_bound_to_what_was_signed(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    pas = Terminal(desk, capsys)
    name = ask(pas)
    pas(*pas.sign("request", "refuse", name, "--as", "force:01", *SAID, person=person("force:01")))
    desk.run()
    with desk.store.reading() as register:
        [signed] = register.execute(schema.asks.select()).all()
    [told] = events(desk, "REQUEST_DECLINED")
    assert (told["subject"], told["office"], told["digests"]) == (name, "force:01", [signed.statement])


def test_whoever_reads_whom_requests_are_about_is_on_record(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    pas = Terminal(desk, capsys)
    name = ask(pas)
    # The table names nobody.
    assert pas("request", "list")[0].count(name) == 1
    assert events(desk, "CONSULTED") == []
    [row] = pas.json("request", "list", "--person", "staff-0007")
    assert row["subject"]["noms_number"] == "A1234BC"
    [told] = events(desk, "CONSULTED")
    assert (told["subject"], told["office"], told["digests"]) == (name, "pas", [sha256(b"staff-0007").digest()])
    settings = desk.workspace.root / "pas.toml"
    settings.write_text("".join(line for line in settings.read_text().splitlines(True) if not line.startswith("person")))
    assert "is on record" in pas.refused("request", "list", "--json", code=2)


def test_a_correction_of_whereabouts_is_bound_to_who_made_it_and_why(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The feed's own rows are nobody's; who says the same again makes no second row."""
    desk.move()
    when = show_time(desk.workspace.clock.now())
    for who in ("staff-0007", "staff-0008"):
        moved = ("move", "A1234BC", "--to", "BAI", "--reason", "Seen there.", "--at", when)
        done = Terminal(desk, capsys).json(*moved, "--person", who)
        assert (done["published"], done["repeated"]) == ((1, 0) if who == "staff-0007" else (0, 1))
    desk.run()
    *feed, correction = events(desk, "MOVEMENT")
    assert not any(one["digests"] for one in feed)
    assert correction["digests"] == [sha256(word).digest() for word in (b"staff-0007", b"Seen there.")]
