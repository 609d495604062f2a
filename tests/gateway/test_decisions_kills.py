"""Decisions in flight while workers are killed: each counts once, and what it releases goes out once."""

from __future__ import annotations

from collections import Counter

from gateway.deciding import Bench
from gateway.desk import Desk
from gateway.judging import find_journeys, judge_log
from gateway.killing import Hunt, RunningGateway
from producers.samples import make_declarations, make_item

REPORTS = 10
KILLS, EACH = 10, 2
# What every batch of statements passes, those of repeats too.
PLACES = ("reading", "deciding", "before commit", "after commit")
STRIKE_SECONDS = 0.5
# Without a kill for so many statements a place is one that no worker passes any more.
MAX_REPEATS = 100


def test_each_decision_counts_once_however_often_workers_are_killed(desk: Desk) -> None:
    bench = Bench(desk)
    reports = [
        desk.write(risk_tags=["ESCAPE"], items=[make_item()], declarations=make_declarations(terrorism=True)) for _ in range(REPORTS)
    ]
    desk.publish(*reports)
    desk.run()
    urns = [str(report["urn"]) for report in reports]
    said = {urn: bench.decision(urn, office="governor:WSI") for urn in urns}
    hunt = Hunt(PLACES)
    with RunningGateway(desk.workspace.root) as gateway:
        gateway.await_workers()
        for urn in urns:
            digest = bench.send(said[urn])
            hunt.strike(gateway, STRIKE_SECONDS)
            bench.send(bench.agree(digest))
            hunt.strike(gateway, STRIKE_SECONDS)
        for repeat in range(MAX_REPEATS):
            if hunt.done(KILLS, EACH):
                break
            bench.send(said[urns[repeat % REPORTS]])
            hunt.strike(gateway, STRIKE_SECONDS)
        gateway.stop()
    assert hunt.done(KILLS, EACH), dict(hunt.struck)
    with RunningGateway(desk.workspace.root, "--until-idle") as gateway:
        gateway.wait()
    journeys = find_journeys(judge_log(desk.log, desk.workspace))
    assert {urn: kinds for (office, urn), kinds in journeys.items() if office == "governor:WSI"} == {urn: ["DISCLOSURE"] for urn in urns}
    assert Counter(name for name, _ in bench.events()) == {"DECISION": REPORTS, "SECOND": REPORTS}
    assert {bench.stored(urn) for urn in urns} == {2}
    assert {bench.state(urn) for urn in urns} == {"OPEN"}
