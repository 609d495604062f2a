"""Runs every benchmark and prints one table: what was measured, its floor, the subject, the ratio, the aim, and whether it is met.

    BENCH_SCALE=full python benchmarks/bench.py [--write] [NAME...]

Without BENCH_SCALE a small size is run, in a quarter of an hour; `full` takes the aims' own sizes, and hours. Nothing is written
unless `--write` asks for it: then the table in benchmarks/README.md is made anew.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import deciding
import filled
import memory
import movements
import pair
import publishing
import threat
import whole
from measuring import Figure, Size, read_size
from places import Places, find_places

Run = Callable[[Places, Size], Iterator[Figure]]
BENCHMARKS: dict[str, Run] = {
    "whole": whole.run, "pair": pair.run, "publishing": publishing.run, "threat": threat.run, "memory": memory.run,
    "filled": filled.run, "movements": movements.run, "deciding": deciding.run,
}  # fmt: skip
README = Path(__file__).with_name("README.md")
_TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end -->)", re.DOTALL)
_HEAD = ("What", "Floor", "Subject", "Ratio", "Aim", "Met")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the gateway beside its floor.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--write", action="store_true", help="make the table in benchmarks/README.md anew")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    figures, missing = measure(given.names or list(BENCHMARKS), read_size())
    table = show(figures)
    print(table, end="")
    for sentence in missing:
        print(sentence, file=sys.stderr)
    if given.write:
        README.write_text(_TABLE.sub(lambda _: table, README.read_text("utf-8")), "utf-8")


def measure(names: Sequence[str], size: Size) -> tuple[list[Figure], list[str]]:
    """The figures of these benchmarks, with a bar for who watches, and what was left out."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="pas-bench-") as folder, find_places(Path(folder)) as places:
        task = places.progress.add_task("", total=len(names))
        for name in names:
            places.progress.update(task, description=name)
            for figure in BENCHMARKS[name](places, size):
                figures.append(figure)
                places.progress.console.print(f"{figure.what}: {figure.ratio}", highlight=False)
            places.progress.advance(task)
        return figures, places.missing


def show(figures: Sequence[Figure]) -> str:
    """The table, as Markdown."""
    words = {True: "yes", False: "no", None: ""}
    rows = [(one.what, one.floor, one.subject, one.ratio, one.aim, words[one.met]) for one in figures]
    lines = [_HEAD, ("---",) * len(_HEAD), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    main()
