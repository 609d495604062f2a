"""Records that somebody made on purpose: each is set aside for its own reason, told to whoever can mend it, and nothing else stops."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.desk import Desk
from gateway.fuzzing import Forge, encode_report, open_report
from gateway.judging import Sent, count_notices, find_journeys, judge_log
from gateway.test_strange_records import ASSESSED, attempts, check_all_accounted, quarantined, send
from pas_consumers import Inbox
from pas_gateway.register import outbox, schema
from pas_producers import Published, Publisher
from pas_schemas.clock import to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.parts import MAX_REPORT_BYTES
from pas_schemas.sealing import REPLY, MalformedRecordError
from pas_schemas.topics import (
    MAX_RECORD_BYTES,
    MOVEMENTS,
    REPLIES,
    REPORTS,
    ROUTINE_PARTITION,
    URGENT,
    URGENT_PARTITION,
    deliveries,
)
from pas_transport.log import Outgoing, RecordRefusedError
from producers.samples import make_handling, make_item

NAME = b"n" * 16
CLEAN = {("force:01", "01/IR/2015/000001", "ACCEPTED"): 1}


def published(desk: Desk) -> tuple[dict[str, Any], bytes]:
    """A report that was published, and its manifest; the records made of it must not harm it."""
    desk.publish(desk.write())
    return open_report(desk.workspace, desk.fresh(REPORTS.name)[0])


def check_set_aside(desk: Desk, reason: str, *, told: str | None = None, topic: str = REPORTS.name) -> list[Sent]:
    """One entry in quarantine for this reason; a proved sender was told, and the report beside it went its way."""
    sent = desk.run()
    check_all_accounted(desk, [topic])
    assert [entry["reason"] for entry in quarantined(desk).values()] == [reason]
    words = count_notices(sent, "ACCEPTED", "REJECTED", "QUARANTINED")
    assert {place: words.pop(place) for place in CLEAN} == CLEAN
    assert [(office, word) for office, _, word in words] == ([(told, "QUARANTINED")] if told else [])
    assert len(find_journeys(sent)) == 2
    return sent


def test_another_forces_key_proves_nobody(desk: Desk) -> None:
    """Signed by force:06 in the name of force:01: nobody is told, for nobody is proved."""
    datum, manifest = published(desk)
    payload, manifest = encode_report(datum, manifest)
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:01", own="force:06").seal(NAME, payload, manifest)], NAME)
    check_set_aside(desk, "sender")


def test_report_in_another_forces_name_is_told_to_who_sealed_it(desk: Desk) -> None:
    datum, manifest = published(desk)
    payload, manifest = encode_report(datum, manifest)
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:06").seal(NAME, payload, manifest)], NAME)
    check_set_aside(desk, "WRONG_SENDER", told="force:06")


def test_record_under_another_key_is_set_aside(desk: Desk) -> None:
    datum, manifest = published(desk)
    payload, manifest = encode_report(datum | {"urn": "01/IR/2015/2"}, manifest)
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:01").seal(NAME, payload, manifest)], b"another key 1234")
    check_set_aside(desk, "WRONG_KEY", told="force:01")


def test_a_report_that_could_not_be_delivered_does_not_come_in(desk: Desk) -> None:
    """The border of our own publisher has the same bound; another program need not have it."""
    datum, _ = published(desk)
    shared = datum["items"][0]["shared"]
    datum |= {"urn": "01/IR/2015/2"}
    room = MAX_REPORT_BYTES - len(encode_report(datum, None)[0])
    shared["text"] += "x" * room
    payload, manifest = encode_report(datum, None)
    assert MAX_REPORT_BYTES < len(payload) < MAX_REPORT_BYTES + 10
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:01").seal(NAME, payload, manifest)], NAME)
    check_set_aside(desk, "TOO_LARGE", told="force:01")


@pytest.mark.parametrize("twice", [False, True], ids=["reversed", "one twice"])
def test_a_manifest_that_tells_which_digests_are_items_does_not_come_in(desk: Desk, twice: bool) -> None:
    datum, _ = published(desk)
    payload, manifest = encode_report(datum | {"urn": "01/IR/2015/2"}, None)
    pieces = [manifest[start : start + 32] for start in range(0, 1024, 32)]
    items = [item["digest"] for item in decode(payload).datum["items"]]
    fill = [piece for piece in pieces if piece not in items]
    spoilt = sorted([*items, fill[0], *fill[:-1]]) if twice else pieces[::-1]
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:01").seal(NAME, payload, b"".join(spoilt))], NAME)
    check_set_aside(desk, "Parts", told="force:01")


def test_a_refusal_tells_of_each_rule_once(desk: Desk) -> None:
    published(desk)
    rules = ["V-GRADE", "V-RISK"] * 5000
    refused = {"originator": "force:01", "urn": "01/2", "rules": rules, "refused_at_us": to_ms(desk.workspace.clock.now()) * 1000}
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:01").seal(NAME, encode("refusal", refused))], NAME)
    told = [notice["rule"] for one in desk.run() if one.office == "force:01" for notice in one.datum["notices"]]
    assert [rule for rule in told if rule is not None] == ["V-GRADE", "V-RISK"]


def receipts(desk: Desk) -> dict[str, Any]:
    """What each office was disclosed, as PAS knows it."""
    with desk.store.reading() as register:
        return {row.office: row for row in register.execute(sa.select(schema.deliveries)) if row.kind == "DISCLOSURE"}


def test_an_id_that_another_force_took_first_refuses_nobodys_report(desk: Desk) -> None:
    """Whoever reads the log sees ids, and threats are read first: force:06 seals a report of its own under the id of force:01's."""
    desk.publish(desk.write())
    [first] = desk.fresh(REPORTS.name)
    datum, manifest = open_report(desk.workspace, first)
    payload, manifest = encode_report(datum | {"originator": "force:06", "urn": "06/IR/2015/1", "priority": "THREAT_TO_LIFE"}, manifest)
    send(desk, URGENT.name, [Forge(desk.workspace, "force:06").seal(first.key, payload, manifest)], first.key)
    desk.worker("threats").run(lambda: len(attempts(desk)) == 1)
    desk.log.append([Outgoing(REPORTS.name, first.key, first.value, first.partition.number)])
    sent = desk.run()
    assert check_all_accounted(desk, [REPORTS.name, URGENT.name]) == {"ACCEPTED": 2, "DUPLICATE": 1}
    assert count_notices(sent, "ACCEPTED", "REJECTED", "QUARANTINED") == CLEAN | {("force:06", "06/IR/2015/1", "ACCEPTED"): 1}


def test_a_receipts_id_that_another_office_took_first_loses_no_receipt(desk: Desk) -> None:
    desk.publish(desk.write())
    desk.run()
    own = {office: row.id for office, row in receipts(desk).items()}
    forge = {office: Forge(desk.workspace, office, prefix=REPLY) for office in ("pio:WSI", "security:WSI")}
    for office, forged in forge.items():
        datum = {
            "delivery_id": own[office], "office": office, "receipt": "READ", "post": "duty", "person": "ref-1",
            "at_ms": to_ms(desk.workspace.clock.now()), "mitigation": None, "reason": None,
        }  # fmt: skip
        send(desk, REPLIES.name, [forged.seal(NAME, encode("reply", datum))], own[office])
        desk.run()
    assert {office: receipts(desk)[office].state for office in forge} == dict.fromkeys(forge, "READ")


def test_replay_is_a_duplicate_and_tells_nobody(desk: Desk) -> None:
    desk.publish(desk.write())
    [first] = desk.fresh(REPORTS.name)
    desk.log.append([Outgoing(REPORTS.name, first.key, first.value, first.partition.number)] * 3)
    desk.log.append([Outgoing(URGENT.name, first.key, first.value)])
    sent = desk.run()
    assert check_all_accounted(desk, [REPORTS.name, URGENT.name]) == {"ACCEPTED": 1, "DUPLICATE": 4}
    assert count_notices(sent, "ACCEPTED", "REJECTED", "QUARANTINED") == CLEAN
    assert len(find_journeys(sent)) == 2


@pytest.mark.parametrize("topic", [REPORTS.name, MOVEMENTS.name, REPLIES.name])
@pytest.mark.parametrize("office", ["security:WSI", "force:01"])
def test_delivery_copied_into_an_input_is_not_for_pas(desk: Desk, topic: str, office: str) -> None:
    desk.publish(desk.write())
    desk.run()
    copied = desk.fresh(deliveries(office).name)[0]
    send(desk, topic, [copied.value], copied.key)
    check_set_aside(desk, "recipient", topic=topic)


@pytest.mark.parametrize(
    ("source", "target"), [(REPORTS.name, MOVEMENTS.name), (REPORTS.name, REPLIES.name), (MOVEMENTS.name, REPORTS.name)]
)
def test_record_copied_into_another_input_is_not_taken_for_what_it_is_not(desk: Desk, source: str, target: str) -> None:
    desk.publish(desk.write())
    desk._taken.clear()
    record = desk.fresh(source)[0]
    send(desk, target, [record.value], record.key)
    desk.run()
    assert len(quarantined(desk)) == 1
    check_all_accounted(desk, [target])


def test_routine_reports_in_the_topic_of_threats_wait_behind_threats(desk: Desk) -> None:
    """Nothing is lost: they are accepted as what they are. Whoever reads that topic sends what the threat released, and none of theirs."""
    urns = []
    for _ in range(3):
        desk.publish(desk.write())
        datum, manifest = open_report(desk.workspace, desk.fresh(REPORTS.name)[0])
        urns.append(desk.write()["urn"])
        payload, manifest = encode_report(datum | {"urn": urns[-1]}, manifest)
        name = os.urandom(16)
        send(desk, URGENT.name, [Forge(desk.workspace, "force:01").seal(name, payload, manifest)], name)
    desk.publish(threat := desk.write(priority="THREAT_TO_LIFE"))
    desk.worker("threats").run(lambda: len(attempts(desk)) == 4 and not count_urgent(desk))
    sent = judge_log(desk.log, desk.workspace)
    assert {one.datum["urn"] for one in sent} == {threat["urn"]}
    assert {office for office, _ in find_journeys(sent)} >= {"pio:WSI", "security:WSI"}
    sent = desk.run()
    assert {one.partition for one in sent if one.datum["urn"] == threat["urn"]} == {URGENT_PARTITION}
    assert {one.partition for one in sent if one.datum["urn"] in urns} == {ROUTINE_PARTITION}
    journeys = find_journeys(sent)
    assert all(journeys["pio:WSI", urn] == journeys["security:WSI", urn] == ["DISCLOSURE"] for urn in urns)
    assert {status for status, _ in attempts(desk).values()} == {"ACCEPTED"}


def count_urgent(desk: Desk) -> int:
    with desk.store.reading() as register:
        return len(outbox.take_outbox(register, 1, (), 100))


def test_delivery_copied_into_another_offices_topic_is_set_aside_there(desk: Desk) -> None:
    desk.publish(desk.write())
    desk.run()
    mine = deliveries("pio:WSI").name
    send(desk, mine, [taken.value for taken in desk.fresh(deliveries("security:WSI").name)])
    with Inbox.of(desk.workspace, "pio:WSI", post="duty-pio", person="ref-1") as inbox:
        intake = inbox.take()
    assert [one.kind for one in intake.new] == ["DISCLOSURE"]
    assert len(intake.aside) == 1


@pytest.mark.parametrize("hours", [-26, 26])
def test_sender_whose_clock_is_a_day_off_is_set_aside(desk: Desk, hours: int) -> None:
    datum, manifest = published(desk)
    payload, manifest = encode_report(datum, manifest)
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:01", ahead=timedelta(hours=hours)).seal(NAME, payload, manifest)], NAME)
    check_set_aside(desk, "epoch")


# The last two lie outside what a date can say.
@pytest.mark.parametrize(("hours", "reason"), [(-25, "STALE"), (1, "FROM_THE_FUTURE"), (-(2**31), "STALE"), (2**31, "FROM_THE_FUTURE")])
def test_report_sealed_a_day_before_the_log_took_it_is_told_to_its_sender(desk: Desk, hours: int, reason: str) -> None:
    datum, manifest = published(desk)
    changed = datum | {"urn": "01/IR/2015/2", "sealed_at_us": datum["sealed_at_us"] + hours * 3_600_000_000}
    payload, manifest = encode_report(changed, manifest)
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:01").seal(NAME, payload, manifest)], NAME)
    check_set_aside(desk, reason, told="force:01")


@pytest.mark.parametrize(
    "payload",
    [
        b"\xc3\x01" + bytes(8) + b"an unknown fingerprint",
        encode("refusal", {"originator": "force:06", "urn": "06/1", "rules": ["V-GRADE"], "refused_at_us": 0}),
        encode("quarantine", {
            "topic": "t", "partition": 0, "offset": 0, "taken_at_ms": 0, "reason": "r", "sentence": "s", "record": b"",
        }),
    ],
    ids=["unknown fingerprint", "refusal in another's name", "another schema"],
)  # fmt: skip
def test_sealed_record_of_another_shape_is_set_aside(desk: Desk, payload: bytes) -> None:
    published(desk)
    send(desk, REPORTS.name, [Forge(desk.workspace, "force:01").seal(NAME, payload)], NAME)
    sent = desk.run()
    assert len(quarantined(desk)) == 1
    check_all_accounted(desk, [REPORTS.name])
    assert {office for office, _, word in count_notices(sent, "QUARANTINED")} == {"force:01"}


@pytest.mark.parametrize("size", [0, 1, 1000, MAX_RECORD_BYTES - 5000, MAX_RECORD_BYTES - 16])
def test_bytes_of_any_size_are_set_aside(desk: Desk, size: int) -> None:
    """Up to the largest record that a log takes: its entry in quarantine must be one that a log takes too."""
    published(desk)
    value = b"\x01" + os.urandom(size - 1) if size else b""
    send(desk, REPORTS.name, [value], NAME)
    desk.run()
    [entry] = quarantined(desk).values()
    # The very largest does not fit into an entry beside its reason: where it lies is said, and the log holds it for 30 days.
    assert entry["record"] == (value if size < MAX_RECORD_BYTES - 4096 else b"")
    assert len(find_journeys(judge_log(desk.log, desk.workspace))) == 2
    assert attempts(desk)[f"{entry['topic']}-{entry['partition']}-{entry['offset']}"][0] == "QUARANTINED"


def test_record_larger_than_a_record_may_be_does_not_come_in(desk: Desk) -> None:
    with pytest.raises(RecordRefusedError):
        send(desk, REPORTS.name, [os.urandom(1024 * 1024)])


def test_movement_from_an_office_that_is_not_believed_moves_nobody(desk: Desk) -> None:
    desk.publish(report := desk.write())
    now = desk.workspace.clock.now()
    datum = {
        "noms_number": "A1234BC", "event": "RECEIVED", "prison": "BAI", "at": "2016-01-01T00:00:00Z", "category": "C", "alerts": [],
        "removed_noms_number": None, "reason": "because", "person": None, "sealed_at_us": to_ms(now) * 1000 - 2000,
    }  # fmt: skip
    send(desk, MOVEMENTS.name, [Forge(desk.workspace, "security:WSI").seal(NAME, encode("movement", datum))])
    sent = desk.run()
    [entry] = quarantined(desk).values()
    assert entry["reason"] == "NOT_BELIEVED"
    assert set(find_journeys(sent)) == {("pio:WSI", report["urn"]), ("security:WSI", report["urn"])}


def test_acceptance_of_somebody_elses_conditions_releases_nothing(desk: Desk) -> None:
    desk.publish(
        desk.write(
            items=[make_item(handling="5")], addressees=["pio:WSI"],
            handling=make_handling(conditions="Tell nobody.", risk_assessment=ASSESSED),
        )
    )  # fmt: skip
    [conditions] = [one.datum["delivery_id"] for one in desk.run() if one.datum["kind"] == "CONDITIONS"]
    datum = {
        "delivery_id": conditions, "office": "security:WSI", "receipt": "CONDITIONS_ACCEPTED", "post": "p", "person": "p",
        "at_ms": to_ms(desk.workspace.clock.now()), "mitigation": None, "reason": None,
    }  # fmt: skip
    send(desk, REPLIES.name, [Forge(desk.workspace, "security:WSI", prefix=REPLY).seal(NAME, encode("reply", datum))])
    journeys = find_journeys(desk.run())
    assert list(journeys.values()) == [["CONDITIONS"]]


def test_largest_reason_is_a_word_for_machines(desk: Desk) -> None:
    """What quarantine says of a record never quotes it."""
    published(desk)
    send(desk, REPORTS.name, [b"\x01canary-of-a-report"])
    desk.run()
    [entry] = quarantined(desk).values()
    assert entry["reason"] == MalformedRecordError.reason
    assert "canary" not in entry["sentence"]


def test_largest_report_that_comes_in_reaches_its_offices(desk: Desk) -> None:
    """What a publisher takes, the gateway can seal on: the boundary is one."""
    low, high = 900_000, 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        with Publisher.of(desk.workspace) as publisher:
            [outcome] = publisher.publish([desk.write(items=[make_item(text="x" * middle)])]).outcomes
        low, high = (middle, high) if isinstance(outcome, Published) else (low, middle)
    sent = desk.run()
    ends = check_all_accounted(desk, [REPORTS.name])
    assert ends["QUARANTINED"] == 0
    assert len(find_journeys(sent)) == 2 * ends["ACCEPTED"]


@pytest.mark.parametrize("items", [1, 32])
def test_thousand_addressees_are_judged_and_their_refusals_told(desk: Desk, items: int) -> None:
    strangers = [f"security:X{number}" for number in range(1000)]
    desk.publish(desk.write(addressees=["pio", *strangers], items=[make_item(text=f"Line {number}.") for number in range(items)]))
    sent = desk.run()
    assert check_all_accounted(desk, [REPORTS.name]) == {"ACCEPTED": 1}
    refused = [(notice["office"], notice["item"]) for one in sent for notice in one.datum["notices"] if notice["word"] == "REFUSED"]
    assert len(refused) == len(set(refused)) == 1000 * items
    desk.move(hours_ago=0.1, prison="BAI")
    assert sorted(map(tuple, find_journeys(desk.run()).values())) == [("DISCLOSURE",), ("DISCLOSURE", "WITHDRAWAL")]


def test_addressee_of_any_length_is_refused(desk: Desk) -> None:
    desk.publish(desk.write(addressees=["pio", "x" * 300_000], items=[make_item(), make_item(), make_item()]))
    sent = desk.run()
    assert check_all_accounted(desk, [REPORTS.name]) == {"ACCEPTED": 1}
    assert sorted(len(notice["office"] or "") for one in sent for notice in one.datum["notices"]) == [0, 100, 100, 100]
