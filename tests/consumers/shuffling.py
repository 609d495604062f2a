"""Deliveries that come twice and in any order: what an inbox must make of them, whatever carried them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

from consumers.forge import Forge, write_report
from pas_consumers import Inbox
from pas_schemas.topics import URGENT_PARTITION
from pas_transport.workspace import Workspace

OFFICE = "pio:WSI"
REPORTS = 6
# The report of which one delivery comes only in the end.
GAPPED = "01/IR/2015/4"
Datum = dict[str, Any]


def write_deliveries(forge: Forge) -> Iterator[Datum]:
    """Of each report a disclosure, a second one and a notice; of every third a withdrawal of what came before it."""
    for number in range(REPORTS):
        priority = "THREAT_TO_LIFE" if number % 4 == 1 else "ROUTINE"
        published = forge.publish(write_report(f"01/IR/2015/{number}", priority=priority))
        yield forge.disclose(published, OFFICE, n=1)
        yield forge.disclose(published, OFFICE, n=2)
        yield forge.notify(published, OFFICE, n=3)
        yield forge.withdraw(published, OFFICE, n=4) if number % 3 == 2 else forge.disclose(published, OFFICE, n=4)


def feed_shuffled(forge: Forge, data: list[Datum], random: Random) -> None:
    """Each sealed once, and the very same record appended twice, in any order."""
    records = [(datum, forge.seal("pas", OFFICE, [forge.plain(datum)])[0]) for datum in data] * 2
    random.shuffle(records)
    places = [(OFFICE, datum["delivery_id"], URGENT_PARTITION if datum["priority"] == "THREAT_TO_LIFE" else 1) for datum, _ in records]
    forge.append(places, [value for _, value in records])


def check_shuffled(workspace: Workspace, forge: Forge, seed: int) -> None:
    """Each once, in the order of their numbers, withdrawn content gone, the gap told, and told no more once it is filled."""
    data = list(write_deliveries(forge))
    late = next(datum for datum in data if (datum["urn"], datum["n"]) == (GAPPED, 2))
    feed_shuffled(forge, [datum for datum in data if datum is not late], Random(seed))
    with Inbox.of(workspace, OFFICE) as inbox:
        intake = inbox.take()
        assert (len(intake.new), intake.repeated) == (len(data) - 1, len(data) - 1)
        assert [(gap.urn, gap.missing) for gap in intake.gaps] == [(GAPPED, (2,))]
        forge.send(late)
        last = inbox.take()
        assert [delivery.id for delivery in last.new] == [late["delivery_id"]]
        assert last.gaps == ()
        assert (intake.aside, intake.stopped, last.aside, last.stopped) == ((), (), (), ())
        held = inbox.list().held
    assert sorted(one.delivery.id for one in held) == sorted(datum["delivery_id"] for datum in data)
    for urn in {datum["urn"] for datum in data}:
        assert [one.delivery.n for one in held if one.delivery.urn == urn] == [1, 2, 3, 4]
    withdrawn = {(one.delivery.urn, one.delivery.n) for one in held if one.state == "WITHDRAWN"}
    assert withdrawn == {(f"01/IR/2015/{number}", n) for number in (2, 5) for n in (1, 2)}
    assert sorted(forge.receipts()) == ["DELIVERED"] * len(data)
