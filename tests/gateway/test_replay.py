"""`pas policy replay`: history comes out as it was by its own rulebook, and by another shows what would differ, and nothing else."""

from __future__ import annotations

import json
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from conftest import RunPas
from gateway.deciding import Bench
from gateway.desk import Desk
from gateway.test_follows_the_prisoner import EVENTS
from pas_consumers import Inbox
from pas_gateway.register import schema
from pas_gateway.replay import Replay, Tally
from pas_schemas.clock import show_time
from pas_schemas.reference import read_data
from pas_schemas.rulebook import Rulebook, read_rulebook
from policy.book_cases import change, write
from producers.samples import make_handling, make_item

Json = dict[str, Any]
BOOK: Json = tomllib.loads(read_data("rulebook.toml").decode())
ASSESSED = {"summary": "Weighed.", "authorised_by": "Inspector 1", "authorised_at": "2015-11-17T08:00:00Z"}


def book(path: str, value: object) -> Rulebook:
    return read_rulebook(write(change(BOOK, path, value)), read_data("text_rules.csv"))


def replay(desk: Desk, rulebook: Rulebook | None = None) -> Tally:
    made = Replay(desk.office, rulebook or desk.office.rulebook, desk.workspace.directory_store.read)
    with desk.store.reading() as register:
        assert sum(made.run(register)) == register.execute(sa.select(sa.func.count()).select_from(schema.reports)).scalar_one()
    return made.tally


def one_item(desk: Desk, **changes: Any) -> Json:
    return desk.write(items=[make_item()], **changes)


def as_it_was(read: int) -> Tally:
    return Tally(read=read)


def test_history_comes_out_as_it_was(desk: Desk) -> None:
    """After every kind of movement, some told late, with conditions accepted, an escape, and a report that nobody may have."""
    escape = desk.write(risk_tags=["ESCAPE"], addressees=["pio"])
    bound = desk.write(
        items=[make_item(handling="5", addressees=["security:WSI"])], addressees=[],
        handling=make_handling(conditions="For the Head of Security.", risk_assessment=ASSESSED),
    )  # fmt: skip
    desk.publish(desk.write(), escape, bound, desk.write(addressees=["lea:00"]))
    desk.run()
    with Inbox.of(desk.workspace, "security:WSI") as inbox:
        inbox.take()
        inbox.accept(next(held.delivery.id for held in inbox.list().held if held.delivery.urn == bound["urn"]))
    desk.run()
    assert replay(desk) == as_it_was(4)
    hours = 20.0
    for serial, (events, _) in enumerate(EVENTS.values()):
        for event in events:
            hours -= 1
            desk.move(hours_ago=hours, **event)
            desk.run()
            assert replay(desk) == as_it_was(4 + serial), event
        desk.publish(desk.write())
        desk.run()
    assert replay(desk) == as_it_was(4 + len(EVENTS))


def test_what_people_decided_comes_out_as_it_was(desk: Desk) -> None:
    bench = Bench(desk)
    report = one_item(desk, risk_tags=["ESCAPE"], addressees=["pio"])
    desk.publish(report)
    desk.run()
    bench.two(report["urn"], office="governor:WSI")
    desk.run()
    assert bench.outcome(report["urn"], "governor:WSI")[0] == "release"
    assert replay(desk) == as_it_was(1)
    # Where nobody may decide, nothing is decided: what was released waits again.
    nobody = replay(desk, book("deciding.decide", []))
    assert [(row["office"], row["before"]["verdict"], row["after"]) for row in nobody.changed] == [
        ("governor:WSI", "release", {"verdict": "hold", "rule": "R-SENIORITY"})
    ]


def test_another_rulebook_shows_what_would_differ_and_stores_nothing(desk: Desk) -> None:
    report, plain = one_item(desk, risk_tags=["ESCAPE"], addressees=["pio", "security"]), one_item(desk, addressees=["security:BAI"])
    desk.publish(report, plain)
    desk.run()
    before = dump(desk)
    tally = replay(desk, book("tags.cat_a_team", []))
    name = {"urn": report["urn"], "originator": "force:01"}
    assert tally == Tally(
        read=2,
        changed=[name | {"office": "cat-a-team", "item": 0, "before": {"verdict": "hold", "rule": "R-CATA"}, "after": None}],
        cases=[name | {"owner": "pas", "before": ["R-CATA", "R-SENIORITY"], "after": ["R-SENIORITY"]}],
    )
    held = replay(desk, book("matrix.1.prison", "hold"))
    assert held.changed == [
        name | {"office": "security:WSI", "item": 0, "before": word("release", "H1-PRISON"), "after": word("hold", "H1-PRISON")}
    ]
    assert dump(desk) == before


def word(verdict: str, rule: str) -> Json:
    return {"verdict": verdict, "rule": rule}


def dump(desk: Desk) -> list[object]:
    with desk.store.reading() as register:
        return [register.execute(sa.select(table)).all() for table in schema.metadata.sorted_tables]


def test_a_report_that_the_rulebook_would_refuse_is_shown_as_refused(desk: Desk) -> None:
    report = one_item(desk, protective_marking="RESTRICTED", addressees=["security"])
    desk.publish(report)
    desk.run()
    tally = replay(desk, book("markings.accepted", ["CONFIDENTIAL", "OFFICIAL"]))
    assert {row["office"]: row["after"] for row in tally.changed} == dict.fromkeys(("pio:WSI", "security:WSI"), word("reject", "G-MARKING"))


def test_what_came_after_a_decision_does_not_count(desk: Desk) -> None:
    """A report that is live no more is not decided again: a movement that PAS heard of later is not what it was decided by."""
    over = one_item(
        desk, addressees=["security"], mopi={"group": 2, "review_by": show_time(desk.workspace.clock.now() - timedelta(days=5))}
    )
    desk.publish(over)
    desk.run()
    desk.move(hours_ago=3, prison="BAI")
    desk.run()
    assert replay(desk) == as_it_was(1)
    held = replay(desk, book("matrix.1.prison", "hold"))
    assert [row["office"] for row in held.changed] == ["security:WSI"]


def test_bodies_that_are_gone_are_counted(desk: Desk) -> None:
    reports = [desk.write(), desk.write(), desk.write()]
    desk.publish(*reports)
    desk.run()
    table = schema.reports
    with desk.store.writing() as register:
        register.execute(table.update().where(table.c.urn == reports[0]["urn"]).values(body=None, data_key=None))
        register.execute(table.update().where(table.c.urn == reports[1]["urn"]).values(body=b"damaged"))
    assert replay(desk) == Tally(read=1, unreadable=2)


def test_a_change_that_may_not_be_the_rulebooks_is_told(desk: Desk) -> None:
    """The workspace has another rulebook by now than the one the report was decided by."""
    desk.publish(one_item(desk, addressees=["security"]))
    desk.run()
    desk.workspace.rulebook_path.write_bytes(write(change(BOOK, "edition", 2)))
    desk.__dict__.pop("office")
    assert replay(desk) == as_it_was(1)
    assert replay(desk, book("matrix.1.prison", "hold")).unsure == 1


def test_the_command(desk: Desk, pas: RunPas, tmp_path: Path) -> None:
    report = one_item(desk, addressees=["security"])
    desk.publish(report)
    desk.run()
    other = tmp_path / "other.toml"
    other.write_bytes(write(change(BOOK, "matrix.1.prison", "hold")))
    told = json.loads(pas("policy", "replay", "--rulebook", other, "--json", cwd=desk.workspace.root, code=0).out)
    assert list(told) == ["read", "changed", "cases", "unreadable", "unsure"]
    assert (told["read"], len(told["changed"]), told["unsure"]) == (1, 1, 0)
    shown = pas("policy", "replay", "--rulebook", other, cwd=desk.workspace.root, code=0).out
    assert f"{report['urn']}  security:WSI   item 0  release H1-PRISON -> hold H1-PRISON" in shown
    assert "1 decided again: 1 verdicts and 1 cases would change." in shown
    other.write_bytes(b"edition = ")
    assert "not readable TOML" in pas("policy", "replay", "--rulebook", other, cwd=desk.workspace.root, code=1).err
