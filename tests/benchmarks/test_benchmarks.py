"""Every benchmark runs, at the least size there is, so that none can rot; how fast anything is, no test asks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import BENCHMARKS, README, show
from filled import fill
from measuring import Figure, Size
from movements import YEAR, Drive, Heard, cut_in_tenths
from movements import show as show_year
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


def test_what_workers_hold_is_told_after_each_tenth_of_the_fullest() -> None:
    heard = [Heard(0.0, 0, 100), Heard(0.1, 1, 90), Heard(9.0, 0, 110), Heard(50.0, 1, 130), Heard(52.0, 1, 120), Heard(99.9, 0, 125)]
    assert cut_in_tenths(heard, 100.0) == [110, 110, 110, 110, 130, 120, 120, 120, 120, 125]
    assert cut_in_tenths([Heard(15.0, 0, 100), Heard(95.0, 0, 110)], 100.0) == [100] * 9 + [110], "the first word was heard late"


@pytest.mark.parametrize(("wall", "last", "met"), [(600.0, 110.0, True), (601.0, 110.0, False), (600.0, 111.0, False)])
def test_a_year_meets_its_aim_in_ten_minutes_and_with_flat_memory(wall: float, last: float, met: bool) -> None:
    figure = show_year(YEAR, Drive(wall, 900.0, [100.0] * 9 + [last]))
    assert figure.met is met
    assert "reckoned" not in figure.what


def test_what_a_smaller_year_says_of_the_whole_is_called_reckoned() -> None:
    figure = show_year(YEAR // 10, Drive(50.0, 80.0, [100.0] * 10))
    assert figure.what.startswith(f"a year of {YEAR:,} movements, reckoned from {YEAR // 10:,}")
    assert figure.subject.startswith("500 s, CPU 800; ")


def test_readme_has_a_place_for_the_table() -> None:
    assert README.read_text("utf-8").count("<!-- table -->\n") == README.read_text("utf-8").count("<!-- end -->") == 1


def test_unknown_benchmark_is_named() -> None:
    done = subprocess.run([sys.executable, README.with_name("bench.py"), "speed"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no benchmark is called speed; there are whole, " in done.stderr
