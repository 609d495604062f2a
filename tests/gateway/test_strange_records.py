"""Whatever lies in an input topic, the gateway goes on: each record is accepted, rejected, a duplicate or in quarantine, exactly once."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.deciding import Bench
from gateway.desk import Desk, copy_estate
from gateway.fuzzing import Forge, carried, encode_report, flip, mutate, open_report
from gateway.judging import count_notices, find_journeys, read_all
from gateway.postgres import PrivatePostgres
from gateway.test_on_postgres import settle
from pas_gateway.register import queries, schema
from pas_schemas.clock import to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.errors import CodecError, MisuseError
from pas_schemas.identifiers import MAX_URN
from pas_schemas.sealing import REPLY
from pas_schemas.topics import MOVEMENTS, QUARANTINE, REPLIES, REPORTS, URGENT
from pas_transport.log import Outgoing
from producers.samples import make_code4, make_declarations, make_handling, make_item, make_subject

ASSESSED = {"summary": "Disclosure weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}
SEED = int(os.environ.get("PAS_TEST_SEED", "7"))


def send(desk: Desk, topic: str, values: Iterable[bytes], key: bytes | None = None) -> None:
    desk.log.append([Outgoing(topic, key or os.urandom(16), value) for value in values])


def attempts(desk: Desk) -> dict[str, tuple[str, str]]:
    """Status and rules by the place of each record; the register refuses a place that is there twice."""
    with desk.store.reading() as register:
        return {row.place: (row.status, row.rules) for row in register.execute(sa.select(schema.attempts))}


def quarantined(desk: Desk) -> dict[str, dict[str, Any]]:
    """The entries of the quarantine topic by place."""
    found = {taken.key.decode(): decode(taken.value, "quarantine").datum for taken in read_all(desk.log, QUARANTINE.name)}
    assert len(found) == sum(desk.log.ends([QUARANTINE.name]).values())
    return found


def check_all_accounted(desk: Desk, topics: Sequence[str]) -> Counter[str]:
    """Each record of these topics came to one end, and the ends of quarantine lie in its topic as the bytes that came."""
    told, aside = attempts(desk), quarantined(desk)
    for topic in topics:
        for taken in read_all(desk.log, topic):
            place = f"{topic}-{taken.partition.number}-{taken.offset}"
            if topic in (REPORTS.name, URGENT.name):
                assert place in told
            if place in aside:
                assert told[place][0] == "QUARANTINED"
                assert aside[place]["record"] == taken.value
                assert (aside[place]["topic"], aside[place]["offset"]) == (topic, taken.offset)
    assert {place for place, (status, _) in told.items() if status == "QUARANTINED"} == set(aside)
    check_nothing_failed(desk)
    return Counter(status for status, _ in told.values())


def check_nothing_failed(desk: Desk) -> None:
    """Typed errors only: a stage that fell over would have been noted, or would have set the record aside for it."""
    lines = [json.loads(line) for line in (desk.workspace.root / "gateway.log").read_text().splitlines()]
    assert not [line for line in lines if line["level"] != "info"]
    assert not {entry["reason"] for entry in quarantined(desk).values()} & {"FAILED", "UNDECIDABLE"}


def rich_report(desk: Desk) -> dict[str, Any]:
    """A report with something in every field."""
    items = [
        make_item(corroboration="As seen by another.", intelligence="3", subjects=[0], addressees=["pio", "security:WSI"]),
        make_item(text="In other words.", handling="2", sanitises=0),
        make_item(text="Under conditions.", handling="5", addressees=["pio:WSI"]),
        make_item(text="Kept at home.", handling="4"),
    ]
    handling = make_handling(
        conditions="Tell nobody.", reasons="Under way.", internal_recipients=["fib:01"], review_by="2098-01-01", risk_assessment=ASSESSED
    )
    declared = make_declarations(
        visor_derived=True, visor_permission="P-1", concerns_staff=["BAI"],
        prison_intercept={"authorisation": "PI-1", "expires_at": "2098-01-01T00:00:00Z"},
    )  # fmt: skip
    return desk.write(
        items=items, handling=handling, declarations=declared, operation="FALCON", gist="In short.",
        subjects=[make_subject(pnc_id="2000/0000223R"), make_subject(role="ASSOCIATE", noms_number="A4821DK", pnc_id=None)],
        supersedes={"urn": "01/IR/2014/1", "action": "CORRECT"}, risk_tags=["DRUGS", "OCG"],
    )  # fmt: skip


@pytest.mark.parametrize("honest", [True, False], ids=["manifest made anew", "manifest as it was"])
def test_report_with_any_one_field_changed_comes_to_one_end(desk: Desk, honest: bool) -> None:
    desk.publish(rich_report(desk))
    datum, manifest = open_report(desk.workspace, desk.fresh(REPORTS.name)[0])
    rng, forge = Random(SEED), Forge(desk.workspace, "force:01")
    struck: Counter[str] = Counter()
    records = []
    for number, (path, changed) in enumerate(mutate(datum)):
        if path != ("urn",):
            changed["urn"] = f"01/IR/2016/{number}"
        try:
            payload, listed = encode_report(changed, None if honest else manifest)
        except (CodecError, MisuseError, TypeError, KeyError):
            continue
        record_id = rng.randbytes(16)
        records.append(Outgoing(REPORTS.name, record_id, forge.seal(record_id, payload, listed)))
        struck[str(path[0])] += 1
    assert set(struck) == set(datum)
    for start in range(0, len(records), 200):
        desk.log.append(records[start : start + 200])
    desk.run()
    ends = check_all_accounted(desk, [REPORTS.name])
    assert ends.total() == len(records) + 1
    assert ends["QUARANTINED"] > 50
    if honest:
        assert min(ends["ACCEPTED"], ends["REJECTED"]) > 50


def test_random_bytes_inside_and_outside_the_seal_come_to_one_end(desk: Desk) -> None:
    desk.publish(rich_report(desk), make_now(desk, make_code4(2)))
    whole = desk.fresh(REPORTS.name)
    rng, forge = Random(SEED), Forge(desk.workspace, "force:01")
    inside = []
    for taken in whole:
        datum, manifest = open_report(desk.workspace, taken)
        payload, _ = encode_report(datum, manifest)
        inside += [(rng.randbytes(16), payload[:10] + flip(rng, payload[10:]), manifest) for _ in range(60)]
    desk.log.append([Outgoing(REPORTS.name, name, forge.seal(name, payload, manifest)) for name, payload, manifest in inside])
    send(desk, REPORTS.name, [flip(rng, taken.value) for taken in whole for _ in range(60)])
    send(desk, REPORTS.name, [rng.randbytes(rng.randrange(1, 4000)) for _ in range(60)])
    send(desk, URGENT.name, [b"", b"\x01", b"\xc3\x01", b"{}", bytes(100)])
    desk.run()
    ends = check_all_accounted(desk, [REPORTS.name, URGENT.name])
    assert ends.total() == 2 + 120 + 120 + 60 + 5
    assert ends["QUARANTINED"] > 200


def make_now(desk: Desk, report: dict[str, Any]) -> dict[str, Any]:
    """A sample, dated so that it may come in today."""
    written = desk.write()
    changed = {name: written[name] for name in ("created_at", "mopi", "urn")}
    return report | changed | {"handling": report["handling"] | {"review_by": "2098-01-01"}}


def test_movement_with_any_one_field_changed_comes_to_one_end(desk: Desk) -> None:
    datum = {
        "noms_number": "A1234BC", "event": "MERGED", "prison": "BAI", "at": "2016-01-01T00:00:00Z", "category": "C", "alerts": ["CA"],
        "removed_noms_number": "A4821DK", "reason": None, "person": "a1234",
        "sealed_at_us": to_ms(desk.workspace.clock.now()) * 1000 - 2000,
    }  # fmt: skip
    rng = Random(SEED)
    values = []
    for office in ("feed:nomis", "pas", "force:01"):
        forge = Forge(desk.workspace, office)
        for _, changed in mutate(datum):
            if (payload := carried("movement", changed)) is not None:
                values.append(forge.seal(rng.randbytes(16), payload))
        payload = encode("movement", datum)
        values += [forge.seal(rng.randbytes(16), payload[:10] + flip(rng, payload[10:])) for _ in range(40)]
    send(desk, MOVEMENTS.name, [*values, rng.randbytes(500), b""], key=b"k" * 16)
    desk.publish(report := desk.write(subjects=[make_subject(noms_number="A1190CE")]))
    sent = desk.run()
    check_all_accounted(desk, [MOVEMENTS.name])
    reasons = Counter(entry["reason"] for entry in quarantined(desk).values())
    assert reasons["NOT_BELIEVED"] > 100
    with desk.store.reading() as register:
        believed = register.execute(sa.select(sa.func.count()).select_from(schema.movements)).scalar_one()
    assert believed + reasons.total() == sum(desk.log.ends([MOVEMENTS.name]).values())
    assert count_notices(sent, "ACCEPTED")["force:01", report["urn"], "ACCEPTED"] == 1


def test_reply_with_any_one_field_changed_comes_to_one_end(desk: Desk) -> None:
    desk.publish(desk.write())
    sent = desk.run()
    [mine] = [one.datum["delivery_id"] for one in sent if one.office == "pio:WSI"]
    [theirs] = [one.datum["delivery_id"] for one in sent if one.office == "security:WSI"]
    datum = {
        "delivery_id": mine, "office": "pio:WSI", "receipt": "READ", "post": "duty-pio", "person": "ref-1",
        "at_ms": to_ms(desk.workspace.clock.now()), "mitigation": None, "reason": None,
    }  # fmt: skip
    rng, forge = Random(SEED), Forge(desk.workspace, "pio:WSI", prefix=REPLY)
    payloads = [payload for _, changed in mutate(datum) if (payload := carried("reply", changed)) is not None]
    payloads += [encode("reply", datum | {"delivery_id": theirs}), encode("reply", datum | {"office": "security:WSI"})]
    payload = encode("reply", datum)
    payloads += [payload[:10] + flip(rng, payload[10:]) for _ in range(60)]
    send(desk, REPLIES.name, [forge.seal(rng.randbytes(16), payload) for payload in payloads])
    # A receipt without the prefix of receipts is none.
    send(desk, REPLIES.name, [Forge(desk.workspace, "pio:WSI").seal(rng.randbytes(16), payload), rng.randbytes(300), b""])
    desk.run()
    check_all_accounted(desk, [REPLIES.name])
    with desk.store.reading() as register:
        states = {row.office: row.state for row in register.execute(sa.select(schema.deliveries)) if row.kind == "DISCLOSURE"}
        answered = set(register.execute(sa.select(schema.replies.c.delivery)).scalars())
    # Nobody answers for somebody else.
    assert answered == {mine}
    assert states["security:WSI"] == "SENT"
    reasons = Counter(entry["reason"] for entry in quarantined(desk).values())
    assert reasons["WRONG_SENDER"] >= 1
    assert reasons["NOT_A_REPLY"] >= 1


@pytest.fixture
def shared(pristine: Path, tmp_path: Path, postgres: PrivatePostgres) -> Iterator[Desk]:
    """The desk with its register in PostgreSQL."""
    with Desk(settle(copy_estate(pristine, tmp_path / "shared").root, postgres.url(postgres.make_database(), password=None))) as desk:
        desk.move()
        yield desk


def test_text_that_postgresql_cannot_hold_stops_no_partition(shared: Desk) -> None:
    """Looked for, as the report that is corrected and the case that is decided on, and kept; a text too long for an index as well."""
    shared.publish(held := shared.write(risk_tags=["ESCAPE"]), shared.write(supersedes={"urn": "a\0b", "action": "CORRECT"}))
    datum, manifest = open_report(shared.workspace, shared.fresh(REPORTS.name)[0])
    # What compresses would fit.
    long = "01/" + Random(SEED).randbytes(4000).hex()
    rejected = [datum | {"urn": long}, datum | {"urn": "01/2", "supersedes": {"urn": long, "action": "CORRECT"}}]
    forge = Forge(shared.workspace, "force:01")
    made = [(os.urandom(16), *encode_report(changed, manifest)) for changed in rejected]
    shared.log.append([Outgoing(REPORTS.name, name, forge.seal(name, payload, listed)) for name, payload, listed in made])
    refusal = encode("refusal", {"originator": "force:01", "urn": long, "rules": ["V-URN"], "refused_at_us": datum["sealed_at_us"]})
    shared.log.append([Outgoing(REPORTS.name, b"r" * 16, forge.seal(b"r" * 16, refusal))])
    shared.run()
    bench = Bench(shared)
    bench.send(bench.decision(held["urn"], office="governor:WSI").model_copy(update={"case": "a\0b"}))
    longest = "01/" + "".join(map(chr, Random(SEED).choices(range(0x20000, 0x2A000), k=MAX_URN - 3)))
    shared.publish(after := shared.write(), shared.write(urn=longest))
    journeys = find_journeys(shared.run())
    assert journeys.keys() >= {("pio:WSI", after["urn"]), ("pio:WSI", longest)}
    assert check_all_accounted(shared, [REPORTS.name, REPLIES.name]) == {"ACCEPTED": 4, "REJECTED": 3}
    assert shared.is_idle()
    with shared.store.reading() as register:
        assert [one.status for one in queries.find_attempts(register, long, None)] == ["REJECTED", "REJECTED"]
        cases = queries.list_cases(register, only_open=True)
        assert [queries.find_case(register, case.id.upper()) for case in cases] == [[case] for case in cases] != []


def test_a_record_that_the_database_cannot_hold_is_set_aside_alone(shared: Desk, postgres: PrivatePostgres) -> None:
    """Whatever the reason: here a column that is too narrow."""
    shared.run()
    database = shared.workspace.register_url.rpartition("/")[2]
    postgres.run(database, "ALTER TABLE attempts ALTER urn TYPE varchar(20)")
    shared.publish(shared.write(), shared.write(urn="01/IR/2015/" + "9" * 20), after := shared.write())
    assert ("pio:WSI", after["urn"]) in find_journeys(shared.run())
    assert Counter(status for status, _ in attempts(shared).values()) == {"ACCEPTED": 2, "QUARANTINED": 1}
    assert [entry["reason"] for entry in quarantined(shared).values()] == ["FAILED"]
    assert shared.is_idle()
