"""Every benchmark runs, at the least size there is, so that none can rot; how fast anything is, no test asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import BENCHMARKS, README, show
from filled import fill
from measuring import Figure, Size
from pas_gateway.register import open_store, queries
from places import Places

TINY = Size(0)


@pytest.fixture(scope="module")
def places(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Places:
    folder = tmp_path_factory.mktemp("bench")
    (folder / "estate").symlink_to(pristine)
    return Places(folder)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_runs_and_has_something_to_say(name: str, places: Places) -> None:
    figures = list(BENCHMARKS[name](places, TINY))
    assert figures
    assert all(figure.what and figure.subject and figure.ratio for figure in figures)


def test_a_register_is_filled_with_as_many_reports_as_were_asked_for(places: Places) -> None:
    workspace, population = places.make_world("fill", TINY.prisoners)
    fill(workspace, population, 60)
    store = open_store(workspace.register_url)
    assert store.ask(queries.read_counters)["accepted"] == 60
    store.close()


def test_table_shows_each_figure_and_whether_its_aim_is_met() -> None:
    table = show([Figure("publish", "10 us", "20 us", "0.50", ">= 0.6", met=False), Figure("decide", "", "5 us", "2.00")])
    assert table.splitlines()[2:] == ["| publish | 10 us | 20 us | 0.50 | >= 0.6 | no |", "| decide |  | 5 us | 2.00 |  |  |"]


def test_readme_has_a_place_for_the_table() -> None:
    assert README.read_text("utf-8").count("<!-- table -->\n") == README.read_text("utf-8").count("<!-- end -->") == 1


def test_unknown_benchmark_is_named() -> None:
    done = subprocess.run([sys.executable, README.with_name("bench.py"), "speed"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no benchmark is called speed; there are whole, " in done.stderr
