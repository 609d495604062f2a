"""`make oracle`: a million random reports answered by the broker and by the judge, and some decided again, a process for each processor."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from policy.differ import WORLD_SIZE, Comparison, compare_world
from policy.differ_again import AGAIN_SIZE, compare_again
from policy.reports import missing

# Other worlds than the suite's.
FIRST_SEED = 1_000_000
# Of so many reports one is decided again too.
AGAIN_ONE_OF = 40


def main() -> int:
    """0 only where every report was answered alike, and everything was struck fifty times."""
    reports = int(os.environ.get("ORACLE_REPORTS", "1000000"))
    whole = run(compare_world, range(FIRST_SEED, FIRST_SEED + max(1, reports // WORLD_SIZE)))
    again = run(compare_again, range(FIRST_SEED, FIRST_SEED + max(1, reports // AGAIN_ONE_OF // AGAIN_SIZE)))
    few, wrong = missing(whole.struck), whole.wrong + again.wrong
    for line, ours, theirs in wrong[:5]:
        print(f"differs: {line}\n  broker {ours}\n  judge  {theirs}")
    for name, times in sorted(few.items()):
        print(f"struck {times} times only: {name}")
    decided = f"{whole.reports:,} reports, {whole.pairs:,} pairs of office and item; {again.reports:,} of such reports decided again"
    print(f"{decided}; {len(wrong)} answered otherwise than the judge.")
    return 1 if wrong or few else 0


def run(compare: Callable[[int], Comparison], seeds: range) -> Comparison:
    whole = Comparison()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with ProcessPoolExecutor() as pool, Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Comparing worlds", total=len(seeds))
        for done in as_completed([pool.submit(compare, seed) for seed in seeds]):
            whole.take(done.result())
            bar.advance(task)
    return whole


if __name__ == "__main__":
    sys.exit(main())
