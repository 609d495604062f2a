"""No statement of a worker's looks through a table that grows with what the gateway has taken in: each finds its rows by an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from gateway.desk import Desk
from gateway.test_corrections import correct
from pas_consumers import Inbox
from pas_gateway.register import schema
from producers.samples import make_item

# What has a row for each person, report, delivery, movement, reply or case that there ever was; what people signed is little beside it.
GROWING = {table.name for table in (
    schema.reports, schema.subjects, schema.versions, schema.deliveries, schema.movements, schema.attempts, schema.replies,
    schema.corrections, schema.cases,
)}  # fmt: skip
Asked = dict[str, Any]


@contextmanager
def listening() -> Iterator[Asked]:
    """Each statement that is given to a register meanwhile, with the parameters it last had."""
    asked: Asked = {}

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, many: bool) -> None:
        if not many and statement.split(maxsplit=1)[0] in ("SELECT", "UPDATE", "DELETE"):
            asked[statement] = parameters

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def find_scans(desk: Desk, asked: Asked) -> set[tuple[str, str]]:
    """What SQLite would look through from end to end, and for which statement."""

    def plan(register: sa.Connection) -> set[tuple[str, str]]:
        found = set()
        for statement, parameters in asked.items():
            for row in register.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                words = row.detail.split()
                if words[0] == "SCAN" and words[1] in GROWING:
                    found.add((row.detail, " ".join(statement.split())))
        return found

    return desk.store.ask(plan)


def test_whatever_comes_is_found_by_an_index(desk: Desk) -> None:
    with listening() as asked:
        first = desk.write(addressees=["pio", "security", "governor"], risk_tags=["ESCAPE"], items=[make_item(), make_item(source="C")])
        desk.publish(first, desk.write(risk_tags=["OCG"]))
        desk.run()
        desk.publish(correct(desk, first), desk.write(risk_tags=["FIREARMS"]))
        desk.run()
        with Inbox.of(desk.workspace, "pio:WSI", post="duty", person="staff-0001") as inbox:
            for delivery in inbox.take().new:
                inbox.read(delivery.id)
        desk.run()
        desk.move(hours_ago=0, prison="BAI")
        desk.run()
    assert len(asked) >= 40
    assert find_scans(desk, asked) == set()
