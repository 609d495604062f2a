"""No number tells an office of items that it may not have, and none goes on waiting for what nobody will read."""

from __future__ import annotations

from gateway.desk import Desk
from pas_consumers import Inbox
from pas_gateway.register import ladders
from producers.samples import make_handling, make_item

ASSESSED = {"summary": "Weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}


def test_the_owner_of_a_code_4_case_is_not_told_which_item_of_the_report_it_is(desk: Desk) -> None:
    handling = make_handling(reasons="Operation.", internal_recipients=["fib:01"], review_by="2099-01-01")
    items = [make_item(), make_item(text="Another."), make_item(text="Kept at home.", handling="4")]
    desk.publish(desk.write(items=items, handling=handling, protective_marking="CONFIDENTIAL"))
    told = [notice for one in desk.run() if one.office == "fib:01" for notice in one.datum["notices"]]
    assert [(notice["word"], notice["office"], notice["item"]) for notice in told] == [("DECIDE", "fib:01", 0)]


def test_nothing_is_awaited_of_accepted_conditions_or_of_what_was_withdrawn(desk: Desk) -> None:
    def awaited() -> int | None:
        with desk.store.reading() as register:
            return ladders.find_oldest_unread(register)

    handling = make_handling(conditions="Not on the wing.", risk_assessment=ASSESSED)
    desk.publish(desk.write(items=[make_item(handling="5")], addressees=["security"], handling=handling))
    conditions = next(one.datum for one in desk.run() if one.datum["kind"] == "CONDITIONS")
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        inbox.take()
        inbox.accept(conditions["delivery_id"])
        inbox.send()
    text = next(one.datum for one in desk.run() if one.datum["kind"] == "DISCLOSURE")
    assert awaited() == text["deadline_ms"]
    desk.move(prison=None, event="RELEASED", category=None, hours_ago=0.5)
    assert "WITHDRAWAL" in {one.datum["kind"] for one in desk.run()}
    # Of the withdrawal it is awaited that the inbox confirms it.
    assert awaited() is not None
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        inbox.take()
    desk.run()
    assert awaited() is None
