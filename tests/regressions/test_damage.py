"""A damaged row of the register costs nobody a movement: PAS is told, and everything else goes on."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.desk import Desk
from pas_gateway.register import schema


def test_a_movement_is_kept_though_a_report_on_the_prisoner_is_damaged(desk: Desk) -> None:
    desk.publish(desk.write(urn="01/damaged"), desk.write(urn="01/whole"))
    desk.run()
    with desk.store.writing() as register:
        register.execute(sa.update(schema.reports).where(schema.reports.c.urn == "01/damaged").values(body=bytes(300)))
    desk.move(prison="BAI", hours_ago=0.5)
    sent = desk.run()
    assert [one.datum["urn"] for one in sent if one.office == "security:BAI"] == ["01/whole"]
    told = [(one.datum["urn"], notice["word"]) for one in sent if one.office == "pas" for notice in one.datum["notices"]]
    assert told == [("01/damaged", "QUARANTINED")]
    desk.publish(desk.write(urn="01/later"))
    assert "01/later" in {one.datum["urn"] for one in desk.run() if one.office == "security:BAI"}
