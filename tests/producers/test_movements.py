"""The movements feed: rows and HMPPS domain events become records, each once and in their order."""

from __future__ import annotations

from typing import Any

import pytest

from pas_producers import Refused, Told
from pas_schemas.naming import prisoner_key
from producers.conftest import Bench
from producers.opening import open_records
from producers.samples import make_movement


def send(bench: Bench, *rows: Any, office: str = "feed:nomis") -> list[Told]:
    with bench.feed(office) as feed:
        return list(feed.stream(rows))


def sent(bench: Bench) -> list[dict[str, Any]]:
    records = open_records(bench.log, bench.snapshot, bench.keyring("pas"))
    assert {record.schema for record in records} <= {"movement"}
    assert {record.topic for record in records} <= {"pas.movements"}
    return [{name: value for name, value in record.datum.items() if name != "sealed_at_us"} for record in records]


def make_event(kind: str, number: str | None = "A1234BC", **changes: Any) -> dict[str, Any]:
    event: dict[str, Any] = {
        "eventType": kind,
        "version": 1,
        "occurredAt": "2015-10-02T19:00:00+01:00",
        "publishedAt": "2015-10-02T19:00:01+01:00",
        "description": "As the service says.",
        "detailUrl": "/prisoner/A1234BC",
        "additionalInformation": {"nomsNumber": number} if number else {},
    }
    more = changes.pop("more", {})
    event["additionalInformation"] |= more
    return event | changes


def row(event: str, **changes: Any) -> dict[str, Any]:
    base = {
        "noms_number": "A1234BC", "event": event, "prison": None, "at": "2015-10-02T18:00:00Z", "category": None, "alerts": None,
        "removed_noms_number": None, "reason": None, "person": None,
    }  # fmt: skip
    return base | changes


def test_a_row_reaches_pas_as_it_was_told(bench: Bench) -> None:
    assert send(bench, make_movement(alerts=["XEL", "CA"])) == ["published"]
    assert sent(bench) == [row("RECEIVED", prison="WSI", category="B", alerts=["CA", "XEL"])]
    (record,) = open_records(bench.log, bench.snapshot, bench.keyring("pas"))
    assert record.sender == "feed:nomis"
    assert record.key == prisoner_key(bench.keyring("feed:nomis").id_key(), "A1234BC")


def test_what_was_sent_before_is_sent_again_where_that_is_asked(bench: Bench) -> None:
    """PAS may have set it aside, for a clock that was wrong say; of what comes twice in one file one is enough."""
    first = make_movement(alerts=["XEL", "CA"])
    assert send(bench, first) == ["published"]
    with bench.feed("feed:nomis", again=True) as feed:
        assert list(feed.stream([first, first])) == ["published", "published"]
    assert send(bench, first) == ["repeated"]
    ids = {record.key for record in open_records(bench.log, bench.snapshot, bench.keyring("pas"))}
    assert len(ids) == 1


def test_a_row_equal_in_every_field_is_a_repeat(bench: Bench) -> None:
    first = make_movement(alerts=["XEL", "CA"])
    same = {**make_movement(alerts=["CA", "XEL"], at="2015-10-02T18:00:00.000Z"), "removed_noms_number": None}
    assert send(bench, first, same) == ["published", "repeated"]
    assert send(bench, first, make_movement(category="C")) == ["repeated", "published"]
    assert len(sent(bench)) == 2


def test_movements_keep_their_order(bench: Bench) -> None:
    """Those of one prisoner, which lie in one partition."""
    rows = [make_movement(noms_number=f"A{place % 8:04d}BC", at=f"2015-10-02T18:{59 - place:02d}:00Z") for place in range(40)]
    assert send(bench, *rows) == ["published"] * 40
    found = sent(bench)
    for number in sorted({one["noms_number"] for one in rows}):
        told, lie = ([one["at"] for one in some if one["noms_number"] == number] for some in (rows, found))
        assert lie == told
        assert len(told) == 5


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (make_event("prisoner.received", more={"reason": "TRANSFERRED", "prisonId": "WSI"}), row("RECEIVED", prison="WSI")),
        (make_event("prison-offender-events.prisoner.received", more={"prisonId": "WSI"}), row("RECEIVED", prison="WSI")),
        (make_event("prisoner-offender-search.prisoner.received", more={"prisonId": "WSI"}), row("RECEIVED", prison="WSI")),
        (make_event("prisoner.released", more={"reason": "RELEASED", "prisonId": "WSI"}), row("RELEASED")),
        (make_event("prisoner.released", more={"reason": "TRANSFERRED", "prisonId": "WSI"}), row("ABSENT")),
        (make_event("prisoner.released", more={"reason": "SENT_TO_COURT", "prisonId": "WSI"}), row("ABSENT")),
        (make_event("prisoner.released", more={"reason": "TEMPORARY_ABSENCE_RELEASE"}), row("ABSENT")),
        (make_event("prisoner.released", more={"reason": "RELEASED_TO_HOSPITAL"}), row("ABSENT")),
        (make_event("prisoner.released", more={"reason": "UNKNOWN"}), row("UNKNOWN")),
        (make_event("prisoner.released"), row("UNKNOWN")),
        (make_event("prisoner.released", more={"reason": ["RELEASED"]}), row("UNKNOWN")),
        (make_event("prisoner.merged", more={"removedNomsNumber": "B7730HM"}), row("MERGED", removed_noms_number="B7730HM")),
        (
            make_event("prisoner-offender-search.prisoner.updated", detail={"category": "A", "alerts": ["XEL"]}),
            row("STATUS", category="A", alerts=["XEL"]),
        ),
        (make_event("prisoner-offender-search.prisoner.updated", detail={"category": "A"}), row("STATUS", category="A")),
        (
            make_event(
                "person.alert.created",
                number=None,
                personReference={"identifiers": [{"type": "CRN", "value": "X1"}, {"type": "NOMS", "value": "A1234BC"}]},
                detail={
                    "category": "B",
                    "alerts": [
                        {"alertType": "X", "alertCode": "XEL", "active": True, "expired": False},
                        {"alertCode": {"code": "CA", "description": "Potential Cat A"}, "isActive": True},
                        {"alertCode": "HA", "active": False},
                    ],
                },
            ),
            row("STATUS", category="B", alerts=["CA", "XEL"]),
        ),
        (make_event("person.alert.inactive", detail={"alerts": []}), row("STATUS", alerts=[])),
    ],
)
def test_an_event_becomes_the_row_it_amounts_to(bench: Bench, event: dict[str, Any], expected: dict[str, Any]) -> None:
    assert send(bench, event) == ["published"]
    assert sent(bench) == [expected]


@pytest.mark.parametrize(
    "kind",
    [
        "prisoner-offender-search.prisoner.created",
        "incentives.iep-review.inserted",
        "unreceived",
        "xprisoner.received",
        "person.alerts",
        "",
    ],
)
def test_an_event_about_something_else_is_skipped(bench: Bench, kind: str) -> None:
    assert send(bench, {"eventType": kind}) == ["skipped"]
    assert sent(bench) == []


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        (make_movement(event="ESCAPED"), "event"),
        (make_movement(noms_number="a1234bc"), "noms_number"),
        (make_movement(prison=None), "RECEIVED needs a prison"),
        (make_movement(prison="ZZZ"), "prison"),
        (make_movement(event="STATUS", prison="ZZZ"), "prison"),
        (make_movement(at="2015-10-02"), "at"),
        (make_movement(alerts=[{}]), "alerts"),
        (make_movement(alerts="XEL"), "alerts"),
        (make_movement(alerts=[1]), "alerts"),
        (make_movement(category=1), "category"),
        (make_movement(event="MERGED", prison=None), "MERGED"),
        (make_movement(event="MERGED", prison=None, removed_noms_number="A1234BC"), "removed_noms_number"),
        (make_movement(removed_noms_number="B7730HM"), "MERGED"),
        (make_movement(cell="A1-03"), "unknown field"),
        ([], "not a movement"),
        (b"{", "not JSON"),
        (make_event("prisoner.received", more={"prisonId": "OUT"}), "prison"),
        (make_event("prisoner.received"), "RECEIVED needs a prison"),
        (make_event("prisoner.merged"), "MERGED"),
        (make_event("prisoner.merged", more={"removedNomsNumber": 7}), "removed_noms_number"),
        (make_event("prisoner.received", number=None, more={"prisonId": "WSI"}), "no prisoner"),
        (make_event("prisoner.received", personReference={"identifiers": [{"type": "NOMS", "value": "B7730HM"}]}), "two different"),
        (make_event("prisoner.received", occurredAt="2015-10-02T18:00:00"), "occurredAt"),
        (make_event("prisoner.received", occurredAt=None), "occurredAt"),
        (make_event("prisoner.received", occurredAt="0001-01-01T00:00:00+23:00"), "occurredAt"),
        (make_event("prisoner-offender-search.prisoner.updated"), "detail is not in the file"),
        (make_event("person.alert.created", detail={"alertCode": {"code": "XEL"}, "isActive": True}), "neither"),
        (make_event("person.alert.created", detail={"alerts": "XEL"}), "detail.alerts"),
        (make_event("person.alert.created", detail={"alerts": [{"active": True}]}), "without a code"),
        ({"eventType": 7}, "eventType"),
        (make_event("prisoner.received", personReference=[], additionalInformation="none"), "no prisoner"),
    ],
)
def test_a_bad_row_is_refused_with_a_sentence(bench: Bench, bad: Any, place: str) -> None:
    told = send(bench, make_movement(), bad, make_movement(noms_number="B7730HM"))
    assert (told[0], told[2]) == ("published", "published")
    refused = told[1]
    assert isinstance(refused, Refused)
    assert refused.code == "V-SCHEMA"
    assert place.lower() in refused.why.lower()
    assert refused.why.endswith(".")
    assert not any(secret in refused.why for secret in ("A1-03", "ESCAPED", "ZZZ", "B7730HM"))
    assert len(sent(bench)) == 2


def test_a_correction_is_sent_as_pas_with_its_reason(bench: Bench) -> None:
    assert send(bench, make_movement(reason="Seen at the gate."), office="pas") == ["published"]
    (record,) = open_records(bench.log, bench.snapshot, bench.keyring("pas"))
    assert (record.sender, record.datum["reason"]) == ("pas", "Seen at the gate.")


class Register:
    """Details that come from elsewhere than the file."""

    def resolve(self, event: Any) -> dict[str, object]:
        assert event["detailUrl"] == "/prisoner/A1234BC"
        return {"category": "H", "alerts": []}


def test_details_may_come_from_another_source(bench: Bench) -> None:
    with bench.feed(details=Register()) as feed:
        assert list(feed.stream([make_event("person.alert.updated")])) == ["published"]
    assert sent(bench) == [row("STATUS", category="H", alerts=[])]
