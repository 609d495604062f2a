"""Standing access, item by item: what a transfer takes back, what it leaves, and that nothing is sent twice."""

from __future__ import annotations

from gateway.desk import Desk
from pas_consumers import Inbox
from producers.samples import make_handling, make_item, make_subject

OTHER = "A2222BB"
ASSESSED = {"summary": "Weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}


def _journey(desk: Desk, office: str) -> list[tuple[str, int]]:
    """The kinds of an office's deliveries and how many items each brought, in the order of their numbers."""
    with Inbox.of(desk.workspace, office) as inbox:
        inbox.take()
    sent = [one.datum for one in desk.run() if one.office == office]
    return [(datum["kind"], len(datum["body"]["items"]) if datum["body"] else 0) for datum in sorted(sent, key=lambda datum: datum["n"])]


def test_an_item_on_a_prisoner_who_left_is_taken_back_though_another_stays(desk: Desk) -> None:
    desk.move(noms_number=OTHER)
    subjects = [make_subject(pnc_id=None), make_subject(noms_number=OTHER, pnc_id=None)]
    items = [make_item(subjects=[0]), make_item(text="Of the other.", subjects=[1])]
    desk.publish(desk.write(subjects=subjects, items=items, addressees=["security"]))
    desk.run()
    desk.move(prison="BAI", hours_ago=0.5)
    desk.run()
    for role in ("security", "pio"):
        assert _journey(desk, f"{role}:WSI") == [("DISCLOSURE", 2), ("WITHDRAWAL", 0), ("DISCLOSURE", 1)]
        assert _journey(desk, f"{role}:BAI") == [("DISCLOSURE", 1)]
    desk.move(prison="WSI", hours_ago=0.25)
    desk.run()
    assert _journey(desk, "security:WSI")[3:] == [("DISCLOSURE", 1)]
    assert _journey(desk, "security:BAI") == [("DISCLOSURE", 1), ("WITHDRAWAL", 0)]


def test_an_office_addressed_by_id_is_not_sent_again_what_it_kept(desk: Desk) -> None:
    desk.publish(desk.write(addressees=["security:WSI"]))
    desk.run()
    desk.move(prison="BAI", hours_ago=0.5)
    desk.run()
    desk.move(prison="WSI", hours_ago=0.25)
    desk.run()
    assert _journey(desk, "security:WSI") == [("DISCLOSURE", 2)]
    assert _journey(desk, "pio:WSI") == [("DISCLOSURE", 2), ("WITHDRAWAL", 0), ("DISCLOSURE", 2)]


def test_the_tags_come_with_the_item_that_completes_the_report(desk: Desk) -> None:
    handling = make_handling(conditions="Not on the wing.", risk_assessment=ASSESSED)
    items = [make_item(handling="5", addressees=["security:WSI"]), make_item(text="Open.")]
    desk.publish(desk.write(items=items, addressees=["security:WSI"], handling=handling, risk_tags=["DRUGS"]))
    sent = {one.datum["kind"]: one.datum for one in desk.run() if one.office == "security:WSI"}
    assert [datum["body"]["risk_tags"] for datum in sent.values()] == [[], []]
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        inbox.take()
        inbox.accept(sent["CONDITIONS"]["delivery_id"])
        inbox.send()
    last = max((one.datum for one in desk.run() if one.office == "security:WSI"), key=lambda datum: datum["n"])
    assert (len(last["body"]["items"]), last["body"]["risk_tags"]) == (1, ["DRUGS"])


def test_an_acceptance_brings_the_text_it_was_for_and_nothing_again(desk: Desk) -> None:
    handling = make_handling(conditions="Not on the wing.", risk_assessment=ASSESSED)
    fuller = make_item(handling="5", addressees=["security:WSI"])
    report = desk.write(items=[fuller, make_item(text="In other words.", sanitises=0)], addressees=["security:WSI"], handling=handling)
    desk.publish(report | {"gist": "A gist.", "risk_tags": ["DRUGS"]})
    before = {one.datum["kind"]: one.datum for one in desk.run() if one.office == "security:WSI"}
    assert {kind: len(datum["body"]["items"]) for kind, datum in before.items()} == {"DISCLOSURE": 1, "CONDITIONS": 1}
    conditions = before["CONDITIONS"]["body"]
    assert (conditions["gist"], conditions["risk_tags"], conditions["operation"]) == (None, [], None)
    assert before["DISCLOSURE"]["body"]["obligations"] == []
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        inbox.take()
        inbox.accept(before["CONDITIONS"]["delivery_id"])
        inbox.send()
    assert sorted(_journey(desk, "security:WSI")) == [("CONDITIONS", 1), ("DISCLOSURE", 1), ("DISCLOSURE", 1)]


def test_what_stays_by_id_comes_back_when_another_item_is_taken(desk: Desk) -> None:
    """One item by id, which today's rules would hold, and one by role, which goes with the prisoner: only the second is lost."""
    desk.move(noms_number=OTHER)
    subjects = [make_subject(pnc_id=None), make_subject(noms_number=OTHER, pnc_id=None)]
    named = make_item(subjects=[0], addressees=["security:WSI"], handling="2")
    by_role = make_item(text="Of the other.", subjects=[1], addressees=["security"])
    desk.publish(desk.write(subjects=subjects, items=[named, by_role], handling=make_handling(risk_assessment=ASSESSED)))
    desk.run()
    desk.move(prison="BAI", hours_ago=0.6)
    desk.move(prison="BAI", hours_ago=0.5, noms_number=OTHER)
    desk.run()
    assert _journey(desk, "security:WSI") == [("DISCLOSURE", 2), ("WITHDRAWAL", 0), ("DISCLOSURE", 1)]
    assert _journey(desk, "pio:WSI") == [("DISCLOSURE", 2), ("WITHDRAWAL", 0)]
    assert _journey(desk, "security:BAI") == [("DISCLOSURE", 1)]
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        texts = [item.text for one in inbox.list().held if one.delivery.body for item in one.delivery.body.items]
    assert texts == ["A parcel will come over the wall at the weekend."]
    desk.move(prison="BAI", hours_ago=0.4, category="D")
    desk.run()
    assert len(_journey(desk, "security:WSI")) == 3
