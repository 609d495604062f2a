"""The generated world: the same for a seed, sound where it should be, spoilt as it says, and of every kind."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

import pytest

from pas_gateway.demo.world import Population, World, Writer, make_world
from pas_gateway.demo.world.faults import FAULTS, rewrite
from pas_schemas.border import Rejection, examine
from pas_schemas.directory import Snapshot
from pas_schemas.models.movement import Movement
from pas_schemas.models.report import Report
from policy.harness import RULEBOOK, make_snapshot
from policy.oracle_facts import example_estate

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@cache
def snapshot() -> Snapshot:
    return make_snapshot(example_estate())


def world(seed: int, reports: int = 300) -> World:
    return make_world(seed, NOW, snapshot().at(NOW), reports)


def judge(report: object) -> Report | Rejection:
    return examine(report, estate=snapshot().at(NOW), now=NOW, rulebook=RULEBOOK)


def writer(seed: int) -> Writer:
    rng = Random(seed)
    return Writer(rng, Population(rng, NOW, snapshot().at(NOW), 40), NOW, snapshot().at(NOW))


def test_the_same_seed_makes_the_same_world() -> None:
    assert world(5) == world(5)
    assert world(5).reports != world(6).reports


def test_a_world_does_not_hang_on_how_python_hashes() -> None:
    code = """if True:
        from gateway.test_demo_world import world
        from hashlib import sha256
        made = world(5, 60)
        print(sha256(repr((made.movements, made.reports, made.again)).encode()).hexdigest())"""
    paths = ":".join(sys.path)
    environments = [{"PYTHONHASHSEED": seed, "PYTHONPATH": paths} for seed in ("1", "2")]
    runs = [subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True) for env in environments]
    assert len(runs[0].stdout) == 65
    assert runs[0].stdout == runs[1].stdout


def test_what_a_writer_writes_may_come_in() -> None:
    written = [writer(seed).write() for seed in range(40) for _ in range(3)]
    judged = [judge(report) for report in written]
    assert [found.findings for found in judged if isinstance(found, Rejection)] == []


def test_urns_are_each_one_of_its_own() -> None:
    pen = writer(1)
    urns = [pen.write()["urn"] for _ in range(200)]
    assert len(set(urns)) == len(urns)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_is_refused_by_the_rule_it_is_named_after(name: str) -> None:
    pen = writer(2)
    for _ in range(25):
        report = pen.write()
        FAULTS[name](report, NOW)
        found = judge(report)
        assert isinstance(found, Rejection)
        assert found.rules[0] == name.split(maxsplit=1)[0]


def test_a_rewritten_report_is_sound_and_another() -> None:
    report = writer(3).write()
    other = rewrite(report)
    assert isinstance(judge(other), Report)
    assert other["urn"] == report["urn"]
    assert other != report


def test_movements_are_rows_that_the_feed_takes_and_that_have_happened() -> None:
    rows = world(7).movements
    told = [Movement.model_validate({**row, "alerts": row["alerts"]}) for row in rows]
    assert all(movement.at < NOW for movement in told)
    assert all(movement.prison is None or movement.prison in snapshot().at(NOW).prisons for movement in told)
    assert [movement.at for movement in told] == sorted(movement.at for movement in told)
    assert {movement.event for movement in told} == {"RECEIVED", "ABSENT", "RELEASED", "UNKNOWN"}
    received = [movement for movement in told if movement.event == "RECEIVED"]
    assert any(movement.at < NOW - timedelta(days=730) for movement in received)


def test_a_world_holds_something_of_everything() -> None:
    made = world(2015)
    assert len(made.reports) == 300
    codes = Counter(item["handling"] for report in made.reports for item in report["items"])
    assert codes.keys() == set("12345")
    assert min(codes.values()) >= 3
    kinds = {report["originator"].partition(":")[0] for report in made.reports}
    assert kinds >= {"force", "security", "governor", "pio", "lea"}
    assert {report["priority"] for report in made.reports} == {"ROUTINE", "URGENT", "THREAT_TO_LIFE"}
    judged = [judge(report) for report in made.reports]
    refused = [found for found in judged if isinstance(found, Rejection)]
    assert 5 <= len(refused) <= 30
    assert len({found.rules for found in refused}) >= 4
    urns = Counter(report["urn"] for report in made.reports)
    assert any(times > 1 for times in urns.values())
    assert made.again
    assert all(report in made.reports for report in made.again)
    # Reports spread over many prisons, and several are about the same person.
    people = Counter(report["subjects"][0]["noms_number"] for report in made.reports)
    assert len(people) > 60
    assert people.most_common(1)[0][1] > 2


@pytest.mark.parametrize("reports", [0, 1, 3])
def test_a_small_world_is_a_world(reports: int) -> None:
    made = world(1, reports)
    assert len(made.reports) == reports
    assert made.movements
