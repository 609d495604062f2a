"""The compartment for protected assisting offenders: a gateway of its own, of which nobody else sees a count, an id or a sequence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.apart import ONE, TWO, Both, dump, open_both
from gateway.deciding import OTHER
from gateway.judging import read_all
from pas_gateway.status import status
from pas_gateway.trace import UnknownUrnError, trace
from pas_schemas.sealing import WrongRecipientError, read_label
from pas_schemas.topics import COMPARTMENT, QUARANTINE, REPLIES, REPORTS, deliveries
from pas_transport.log import Outgoing
from producers.samples import make_item

SECRET = "Canary-apart-text: he will give evidence on the ninth."
UNIT = "paso-unit"


@pytest.fixture
def both(pristine: Path, tmp_path: Path) -> Iterator[Both]:
    with open_both(pristine, tmp_path / "small") as both:
        yield both


def test_two_named_readers_send_it_to_its_unit_and_pas_sees_nothing_of_it(both: Both) -> None:
    before = dump(both.main)
    report = both.flagged(items=[make_item(text=SECRET)])
    urn = report["urn"]
    both.main.publish(report)
    both.main.run()
    sent = both.apart.run()
    assert [(one.office, one.datum["kind"], one.datum["apart"]) for one in sent] == [("force:01", "NOTICE", True)]
    assert both.take("force:01") == ["NOTICE"]
    digest = both.bench.send(both.bench.decision(urn, person=ONE))
    both.apart.run()
    assert both.bench.state(urn) == "PROPOSED"
    both.bench.send(both.bench.agree(digest, OTHER))
    both.apart.run()
    assert both.bench.events()[-1] == ("DECISION_REFUSED", ["ROLE"]), "he is a reviewer, and no named reader"
    assert both.take(UNIT) == []
    both.bench.send(both.bench.agree(digest, TWO))
    both.apart.run()
    assert both.take(UNIT) == ["DISCLOSURE"]
    both.apart.run()
    both.main.run()
    key = both.bench.office.register_key
    answer = trace(both.apart.store, key, urn)
    assert [(row["office"], row["state"], bool(row["read_by"])) for row in answer["outcomes"]] == [(UNIT, "READ", True)]
    assert [case["state"] for case in answer["cases"]] == ["DECIDED"]
    # PAS's own register, log of what the gateway does, and audit: as if nothing had happened.
    assert dump(both.main) == before
    with pytest.raises(UnknownUrnError):
        trace(both.main.store, both.main.office.register_key, urn)
    mine = status(both.apart.workspace, both.apart.store, both.apart.log)
    assert (mine["lag"], mine["cases"], mine["counts"]["accepted"]) == ({COMPARTMENT.name: 0}, {"open": 0, "overdue": 0}, 1)
    assert status(both.main.workspace, both.main.store, both.main.log)["counts"]["accepted"] == 0


def test_keys_of_the_one_open_nothing_of_the_other(both: Both) -> None:
    both.main.publish(both.flagged(), both.main.write())
    both.apart.run()
    both.take("force:01")
    both.bench.send(both.bench.decision(next(iter(dump(both.apart)["reports"]))["urn"], person=ONE))
    records = list(read_all(both.main.log, COMPARTMENT.name))
    assert len(records) == 4, "a report, two receipts and a decision"
    for opener in (both.main.office.opener, both.main.office.reply_opener):
        for record in records:
            with pytest.raises(WrongRecipientError):
                opener.open(record.value, record.at)
    (report,) = read_all(both.main.log, REPORTS.name)
    for opener in (both.apart.office.opener, both.apart.office.reply_opener):
        with pytest.raises(WrongRecipientError):
            opener.open(report.value, report.at)
    names = {"register", "paso-register"}, {"register-id", "paso-register-id"}
    ring = both.main.workspace.keyring("pas")
    assert len({ring.register_key(name).id for name in names[0]} | {ring.register_id_key(name).id for name in names[1]}) == 4


def test_no_text_of_it_lies_anywhere_in_clear(both: Both) -> None:
    both.main.publish(both.flagged(items=[make_item(text=SECRET)]))
    both.main.run()
    both.apart.run()
    digest = both.bench.send(both.bench.decision(dump(both.apart)["reports"][0]["urn"], person=ONE))
    both.bench.send(both.bench.agree(digest, TWO))
    both.apart.run()
    assert both.take(UNIT) == ["DISCLOSURE"]
    for path in both.main.workspace.root.rglob("*"):
        if path.is_file():
            assert b"Canary-apart-text" not in path.read_bytes(), path


def test_what_it_sends_looks_like_what_pas_sends(both: Both) -> None:
    """To whoever sees the topic: the same names, the same keys, the same schema, the same length."""
    both.main.publish(both.main.write(), both.flagged())
    both.main.run()
    both.apart.run()
    ours, theirs = list(read_all(both.main.log, deliveries("force:01").name))[-2:]
    labels = [read_label(record.value) for record in (ours, theirs)]
    assert len({(one.sender, one.recipient, one.sender_key, one.recipient_key, one.fingerprint) for one in labels}) == 1
    assert len({one.epoch_id for one in labels}) == 2, "of two processes, as with two workers"
    assert len(ours.value) == len(theirs.value)
    assert (ours.partition, len(ours.key)) == (theirs.partition, len(theirs.key))


def test_what_is_unreadable_there_stays_there(both: Both) -> None:
    """PAS's quarantine holds nothing of it; one that is spoilt stops nobody behind it."""
    before = dump(both.main)
    both.main.publish(both.flagged())
    (good,) = read_all(both.main.log, COMPARTMENT.name)
    both.main.log.append([Outgoing(COMPARTMENT.name, bytes(16), good.value[:-1]), Outgoing(COMPARTMENT.name, bytes(16), b"")])
    both.main.publish(both.flagged())
    both.apart.run()
    both.main.run()
    assert sorted(row["status"] for row in dump(both.apart)["attempts"]) == ["ACCEPTED", "ACCEPTED", "QUARANTINED", "QUARANTINED"]
    assert list(read_all(both.main.log, QUARANTINE.name)) == []
    assert dump(both.main) == before


def test_receipts_go_where_the_delivery_came_from(both: Both) -> None:
    both.main.publish(both.main.write(), both.flagged())
    both.main.run()
    both.apart.run()
    both.take("force:01")
    counted = {
        topic: [read_label(record.value).sender for record in read_all(both.main.log, topic)].count("force:01")
        for topic in (REPLIES.name, COMPARTMENT.name)
    }
    assert counted == {REPLIES.name: 2, COMPARTMENT.name: 3}, "DELIVERED and READ of each; and the flagged report"
    both.main.run()
    both.apart.run()
    assert [len(dump(desk)["replies"]) for desk in (both.main, both.apart)] == [2, 2]
