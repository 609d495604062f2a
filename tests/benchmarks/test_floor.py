"""The floor imports nothing of the gateway, and what it seals is what an office can open and read."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from floor import Floor
from pas_consumers.checking import Checker
from pas_schemas.models.report import Report
from pas_schemas.parts import pack_report
from pas_transport.log import Partition, Taken
from pas_transport.workspace import Workspace
from population import Population, publish
from whole import read_reports

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_floor_imports_nothing_of_the_gateway() -> None:
    code = "import sys, floor; print(sorted(name for name in sys.modules if name.startswith('pas_gateway')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_office_opens_what_the_floor_sealed_and_finds_every_word(workspace: Workspace) -> None:
    population = Population(workspace.clock.now(), prisoners=3)
    written = list(population.reports(0, 4))
    publish(workspace, iter(written))
    with workspace.log() as log:
        waiting = read_reports(log)
    sealed = Floor(workspace, population.find_offices).take(waiting)
    assert sum(map(len, sealed.values())) == 3 * len(written)
    for office, values in sealed.items():
        checker = Checker(office, workspace.directory(), workspace.keyring(office).opening())
        for value in values:
            delivery = checker.check(Taken(Partition("any", 0), 0, workspace.clock.now(), b"", value)).delivery
            assert delivery.body is not None
            report = next(row for row in written if row["urn"] == delivery.urn)
            assert [item.text for item in delivery.body.items] == [item["text"] for item in report["items"]]


def test_reports_have_two_kilobytes() -> None:
    report = Report.model_validate(next(Population(datetime.now(UTC), prisoners=3).reports(0, 1)))
    payload, _ = pack_report(report, content_digest=bytes(32), sealed_at_us=0, directory_version=1, close=lambda *_: None, patterns=())
    assert len(payload) == pytest.approx(2048, rel=0.05)
