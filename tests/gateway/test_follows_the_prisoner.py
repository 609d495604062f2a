"""Intelligence follows the prisoner: event by event, what each office ends up with; late, repeated and impossible movements."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from gateway.desk import Desk, Row
from gateway.judging import find_journeys, read_all
from gateway.test_corrections import count_events, take, tell
from pas_consumers import Inbox
from pas_gateway.again import decide_again, find_standing
from pas_gateway.audit import Scribe
from pas_gateway.knowledge import Knowledge
from pas_gateway.plan import Plan
from pas_gateway.register import queries
from pas_producers import MovementFeed, Refused
from pas_schemas.clock import show_time
from pas_schemas.models.movement import Movement
from pas_schemas.topics import MOVEMENTS, REPORTS
from producers.samples import make_handling, make_item, make_movement, make_subject

GONE, STAYS, CAME = ["DISCLOSURE", "WITHDRAWAL"], ["DISCLOSURE"], ["DISCLOSURE"]
OLD, NEW = ("pio:WSI", "security:WSI"), ("pio:BAI", "security:BAI")
FIRST, OTHER = "A1234BC", "A2222BB"
ASSESSED = {"summary": "Weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}


def journeys(desk: Desk, report: Row) -> dict[str, list[str]]:
    return {office: kinds for (office, urn), kinds in find_journeys(desk.run()).items() if urn == report["urn"]}


def each(kinds: list[str], *offices: str) -> dict[str, list[str]]:
    return dict.fromkeys(offices, kinds)


# What happens to the prisoner of the report, who is in WSI; then what each office was sent about it.
EVENTS: dict[str, tuple[list[Row], dict[str, list[str]]]] = {
    "RECEIVED elsewhere": ([{"prison": "BAI"}], each(GONE, *OLD) | each(CAME, *NEW)),
    "RECEIVED where he is": ([{"prison": "WSI"}], each(STAYS, *OLD)),
    "RELEASED": ([{"event": "RELEASED", "prison": None, "category": None}], each(GONE, *OLD) | each(CAME, "fib:01")),
    "RELEASED and received again": (
        [{"event": "RELEASED", "prison": None, "category": None}, {"prison": "BAI"}],
        each(GONE, *OLD, "fib:01") | each(CAME, *NEW),
    ),
    "ABSENT": ([{"event": "ABSENT", "prison": None}], each(STAYS, *OLD)),
    "UNKNOWN": ([{"event": "UNKNOWN", "prison": None}], each(GONE, *OLD)),
    "STATUS of a high category": ([{"event": "STATUS", "prison": None, "category": "A"}], each(STAYS, *OLD)),
    "MERGED into a number that is elsewhere": (
        [{"noms_number": OTHER, "prison": "BAI"}, {"noms_number": OTHER, "event": "MERGED", "prison": None, "removed_noms_number": FIRST}],
        each(GONE, *OLD) | each(CAME, *NEW),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EVENTS)
def test_event(desk: Desk, name: str) -> None:
    events, expected = EVENTS[name]
    desk.publish(report := desk.write())
    desk.run()
    for place, event in enumerate(events):
        desk.move(**({"hours_ago": 0.9 - place / 10, "alerts": None} | event))
        desk.run()
    assert journeys(desk, report) == expected


def test_what_is_live_no_more_follows_nobody_whatever_has_it_decided_again(desk: Desk) -> None:
    """Its review date is over, then the prisoner moves: an answer that has it decided again brings the new prison nothing."""
    ends = show_time(desk.workspace.clock.now() + timedelta(hours=1))
    items = [make_item(addressees=["pio"]), make_item(handling="5", addressees=["security"])]
    handling = make_handling(conditions="Not on the wing.", risk_assessment=ASSESSED)
    desk.publish(report := desk.write(items=items, handling=handling, mopi={"group": 2, "review_by": ends}))
    desk.run()
    desk.turn(hours=2)
    desk.move(prison="BAI", hours_ago=0.5)
    stays = {"pio:WSI": ["DISCLOSURE"], "security:WSI": ["CONDITIONS"]}
    assert journeys(desk, report) == stays
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        inbox.take()
        (held,) = [one for one in inbox.list().held if one.delivery.kind == "CONDITIONS"]
        inbox.accept(held.delivery.id)
        inbox.send()
    # It is decided again, and the old prison's access ends.
    assert journeys(desk, report) == {office: [*kinds, "WITHDRAWAL"] for office, kinds in stays.items()}


def test_the_old_prison_s_inbox_honours_the_withdrawal_and_confirms_it(desk: Desk) -> None:
    desk.publish(report := desk.write())
    desk.run()
    for office in OLD:
        take(desk, office)
    desk.move(prison="BAI", hours_ago=0.5)
    desk.run()
    assert {one["office"]: one["confirmed"] for one in tell(desk, report)["outcomes"]} == dict.fromkeys((*OLD, *NEW))
    for office in OLD:
        take(desk, office)
        with Inbox.of(desk.workspace, office) as inbox:
            assert [(one.delivery.kind, one.state, one.delivery.body) for one in inbox.list().held] == [
                ("DISCLOSURE", "WITHDRAWN", None),
                ("WITHDRAWAL", "DELIVERED", None),
            ]
    desk.run()
    outcomes = {one["office"]: one for one in tell(desk, report)["outcomes"]}
    assert all((outcomes[office]["state"], bool(outcomes[office]["confirmed"])) == ("WITHDRAWN", True) for office in OLD)
    assert all((outcomes[office]["state"], outcomes[office]["confirmed"]) == ("SENT", None) for office in NEW)


def test_a_high_category_holds_what_a_transfer_would_bring_and_its_end_lets_it_go(desk: Desk) -> None:
    desk.publish(report := desk.write())
    desk.run()
    desk.move(event="STATUS", prison=None, category="A", hours_ago=0.9)
    desk.move(prison="BAI", category=None, hours_ago=0.8)
    desk.run()
    assert journeys(desk, report) == each(GONE, *OLD) | each(CAME, "pio:BAI")
    desk.move(event="STATUS", prison=None, category="C", hours_ago=0.7)
    assert journeys(desk, report)["security:BAI"] == CAME


def test_an_associate_s_category_holds_and_lets_go(desk: Desk) -> None:
    """`G-CATA` asks for associates too, under whichever number; routing does not: his own transfer brings nobody anything."""
    him = {"noms_number": OTHER, "alerts": []}
    desk.move(**him, prison="BAI", category="A", hours_ago=30)
    named = [make_subject(), make_subject(role="ASSOCIATE", noms_number=OTHER, pnc_id=None)]
    desk.publish(report := desk.write(subjects=named))
    assert journeys(desk, report) == each(STAYS, "pio:WSI")
    assert [case["reasons"] for case in tell(desk, report)["cases"]] == [["G-CATA"]]
    desk.move(**him, prison="WSI", category="A", hours_ago=0.9)
    assert journeys(desk, report) == each(STAYS, "pio:WSI")
    desk.move(**(him | {"noms_number": "A3333CC"}), event="STATUS", prison=None, category="C", hours_ago=0.8)
    desk.run()
    # Of two categories neither is known, and what is not known of an associate is not high.
    desk.move(**(him | {"noms_number": "A3333CC"}), event="MERGED", prison=None, category=None, removed_noms_number=OTHER, hours_ago=0.7)
    assert journeys(desk, report) == each(STAYS, *OLD)
    told = tell(desk, report)
    assert (told["gates"], told["cases"]) == ([], [])
    desk.move(**(him | {"noms_number": "A3333CC"}), event="STATUS", prison=None, category="E", hours_ago=0.6)
    desk.move(prison="BAI", category=None, alerts=None, hours_ago=0.5)
    assert journeys(desk, report) == each(GONE, *OLD) | each(CAME, "pio:BAI")
    assert [(gate["gate"], gate["effect"]) for gate in tell(desk, report)["gates"]] == [("G-CATA", "hold")]


def test_code_5_waits_for_consent_and_code_4_stays_with_the_agency(desk: Desk) -> None:
    handling = make_handling(
        conditions="Not on the wing.",
        reasons="Operation.",
        internal_recipients=["fib:01"],
        review_by="2099-01-01",
        risk_assessment=ASSESSED,
    )
    items = [make_item(handling="5", addressees=["security"]), make_item(text="Kept at home.", handling="4"), make_item(text="Open.")]
    desk.publish(report := desk.write(items=items, handling=handling, addressees=["security"]))
    desk.run()
    desk.move(prison="BAI", hours_ago=0.5)
    asked = [
        (notice["office"], notice["item"], notice["rule"])
        for one in desk.run()
        for notice in one.datum["notices"]
        if (one.office, notice["word"]) == ("force:01", "CONSENT_ASKED")
    ]
    assert asked == [("security:BAI", 0, "R-FOLLOW")]
    outcomes = {one["office"]: {item["item"]: item["verdict"] for item in one["items"]} for one in tell(desk, report)["outcomes"]}
    assert outcomes["security:BAI"][0] == "hold"
    assert outcomes["security:BAI"][1] == "refuse"
    assert outcomes["security:BAI"][2] == "release"
    assert outcomes["fib:01"][1] == "release"
    assert journeys(desk, report)["fib:01"] == STAYS
    texts = [len(one.datum["body"]["items"]) for one in desk.run() if one.office == "security:BAI" and one.datum["body"]]
    assert texts == [1]


def test_a_report_on_somebody_not_in_custody_waits_sealed_and_is_decided_at_reception(desk: Desk) -> None:
    desk.publish(report := desk.write(subjects=[make_subject(noms_number=OTHER, pnc_id=None)]))
    desk.run()
    assert journeys(desk, report) == {}
    before = tell(desk, report)
    assert [case["reasons"] for case in before["cases"]] == [["R-NOBODY"]]
    with desk.store.reading() as register:
        (kept,) = queries.find_kept(register, [bytes.fromhex(before["report"])])
        sent = queries.find_deliveries(register, [kept.id])
    assert b"parcel" not in kept.body
    assert {one.kind for one in sent} == {"NOTICE"}
    desk.move(noms_number=OTHER, prison="BAI", hours_ago=0.5)
    assert journeys(desk, report) == each(CAME, *NEW)
    assert [case["state"] for case in tell(desk, report)["cases"]] == []


MOVES: tuple[tuple[float, Row], ...] = (
    (0.9, {"prison": "BAI"}),
    (0.8, {"event": "STATUS", "prison": None, "category": "B"}),
    (0.7, {"event": "RELEASED", "prison": None, "category": None}),
    (0.6, {"prison": "BAI"}),
)


def send(desk: Desk, *rows: tuple[float, Row]) -> None:
    """Movements, each so many hours ago, and all of them once more, as a program without a journal would."""
    now = desk.workspace.clock.now()
    written = [make_movement(**({"category": "C"} | row | {"at": show_time(now - timedelta(hours=ago))})) for ago, row in rows]
    parts = {"log": desk.log, "snapshot": desk.snapshot, "keyring": desk.workspace.keyring("feed:nomis"), "clock": desk.workspace.clock}
    for _ in range(2):
        with MovementFeed(**parts) as feed:
            assert set(feed.stream(written)) == {"published"}


@pytest.mark.parametrize("order", [*permutations(range(4))][::5], ids=str)
@pytest.mark.parametrize("at_once", [True, False], ids=["at-once", "one-by-one"])
def test_movements_in_any_order_and_repeated_end_alike(desk: Desk, order: tuple[int, ...], at_once: bool) -> None:
    desk.publish(report := desk.write())
    desk.run()
    moves = [MOVES[place] for place in order]
    for some in [moves] if at_once else [[move] for move in moves]:
        send(desk, *some)
        desk.run()
    held = {office for office, kinds in journeys(desk, report).items() if kinds[-1] != "WITHDRAWAL"}
    assert held == set(NEW)
    before = journeys(desk, report)
    records = list(read_all(desk.log, "pas.movements"))
    desk.pipeline.commit(desk.pipeline.take_movements(records, []))
    assert journeys(desk, report) == before


def test_what_went_home_stays_there_whatever_else_has_it_decided_again(desk: Desk) -> None:
    subjects = [make_subject(pnc_id=None)]
    desk.publish(report := desk.write(risk_tags=["MOBILE_PHONE"]))
    desk.run()
    desk.move(event="RELEASED", prison=None, category=None, hours_ago=0.5)
    desk.run()
    assert journeys(desk, report)["fib:01"] == CAME
    with desk.store.reading() as register:
        standing = find_standing(register, [bytes.fromhex(tell(desk, report)["report"])], knowledge := Knowledge(desk.office.names),
                                 desk.office, scribe := Scribe(desk.workspace.clock.now(), "", 1), plan := Plan())  # fmt: skip
        decide_again(standing, knowledge, desk.office, scribe, plan)
    assert plan.drafts == []
    desk.publish(later := desk.write(subjects=subjects))
    assert "fib:01" not in journeys(desk, later)


RELEASED, STATUS = {"event": "RELEASED", "prison": None, "category": None}, {"event": "STATUS", "prison": None, "category": "B"}
# The order in which the log takes a report and what is told of its prisoner; then whether it goes home to its force (ADR 0025).
LOGS: dict[str, tuple[list[Row | None], bool]] = {
    "released, then the report": ([RELEASED, None], False),
    "the report, then released": ([None, RELEASED], True),
    "released, the report, another word of him": ([RELEASED, None, STATUS], False),
    "released, the report, the same release corrected": ([RELEASED, None, RELEASED | {"hours_ago": 0.6}], False),
    "released, the report, received, released again": (
        [RELEASED, None, {"prison": "BAI", "hours_ago": 0.3}, RELEASED | {"hours_ago": 0.2}],
        True,
    ),
    "the report, then a merge with a number long released": (
        [RELEASED | {"noms_number": OTHER}, None,
         {"event": "MERGED", "prison": None, "category": None, "noms_number": FIRST, "removed_noms_number": OTHER, "hours_ago": 0.1}],
        True,
    ),
    "released, the report, then a merge with a number that tells nothing": (
        [RELEASED, None,
         {"event": "MERGED", "prison": None, "category": None, "noms_number": FIRST, "removed_noms_number": OTHER, "hours_ago": 0.1}],
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("first", [MOVEMENTS.name, REPORTS.name])
@pytest.mark.parametrize("name", LOGS)
def test_a_release_goes_home_by_the_logs_order(desk: Desk, name: str, first: str) -> None:
    """Not by that of reading, of which there are two here: one topic wholly before the other."""
    log, goes_home = LOGS[name]
    report = desk.write()
    for told in log:
        if told is None:
            desk.publish(report)
        else:
            desk.move(**({"hours_ago": 0.5, "alerts": None} | told))
    steps = {MOVEMENTS.name: desk.plan_movements, REPORTS.name: desk.plan_reports}
    for topic in sorted(steps, key=lambda topic: topic != first):
        desk.pipeline.commit(steps[topic](desk.fresh(topic)))
    held = {office for office, kinds in journeys(desk, report).items() if kinds[-1] == "DISCLOSURE"}
    assert ("fib:01" in held) == goes_home


def test_merges_in_a_circle_change_nothing_and_pas_hears_it(desk: Desk) -> None:
    desk.publish(report := desk.write())
    desk.run()
    merged = {"noms_number": OTHER, "event": "MERGED", "prison": None, "removed_noms_number": "A1234BC", "category": None, "alerts": None}
    circle = merged | {"noms_number": "A1234BC", "removed_noms_number": OTHER}
    desk.move(**merged, hours_ago=0.8)
    desk.run()
    before = (journeys(desk, report), tell(desk, report)["outcomes"])
    desk.move(**circle, hours_ago=0.7)
    told = [notice["why"] for one in desk.run() if one.office == "pas" for notice in one.datum["notices"]]
    assert told == ["A movement merges two numbers that are one already: it changes nothing."]
    assert (journeys(desk, report), tell(desk, report)["outcomes"]) == before
    assert count_events(desk)["MERGE_WITHOUT_EFFECT"] == 1


def test_a_circle_of_one_batch_is_told_too(desk: Desk) -> None:
    numbers = ["A1111AA", "A2222BB", "A3333CC"]
    for number, removed in zip(numbers, numbers[1:] + numbers[:1], strict=True):
        desk.move(noms_number=number, event="MERGED", prison=None, removed_noms_number=removed, category=None, alerts=None, hours_ago=0.5)
    desk.run()
    assert count_events(desk)["MERGE_WITHOUT_EFFECT"] == 1


def test_a_number_merged_into_itself_is_not_believed(desk: Desk) -> None:
    row = Movement.model_construct(
        noms_number="A1234BC", event="MERGED", prison=None, at=desk.workspace.clock.now(), category=None, alerts=None,
        removed_noms_number="A1234BC", reason=None,
    )  # fmt: skip
    with MovementFeed.of(desk.workspace) as feed:
        (refused,) = feed.stream([row])
        assert isinstance(refused, Refused)
        assert "itself" in refused.why
        feed._check = lambda movement: None  # type: ignore[method-assign]  # a sender that does not check
        assert list(feed.stream([row])) == ["published"]
    desk.run()
    with desk.store.reading() as register:
        assert queries.read_counters(register)["quarantined"] == 1


def test_a_movement_told_ahead_is_marked_and_changes_nothing_before_its_time(desk: Desk) -> None:
    desk.publish(report := desk.write())
    desk.run()
    desk.move(prison="BAI", hours_ago=-2)
    assert journeys(desk, report) == each(STAYS, *OLD)
    assert count_events(desk)["MOVEMENT_AHEAD"] == 1
