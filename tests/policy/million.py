"""`make oracle`: a million random reports answered by the broker and by the judge, in as many processes as there are processors."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from policy.differ import WORLD_SIZE, Comparison, compare_world
from policy.reports import missing

# Other worlds than the suite's.
FIRST_SEED = 1_000_000


def main() -> int:
    """0 only where every report was answered alike, and everything was struck fifty times."""
    reports = int(os.environ.get("ORACLE_REPORTS", "1000000"))
    whole = run(range(FIRST_SEED, FIRST_SEED + max(1, reports // WORLD_SIZE)))
    few = missing(whole.struck)
    for line, ours, theirs in whole.wrong[:5]:
        print(f"differs: {line}\n  broker {ours}\n  judge  {theirs}")
    for name, times in sorted(few.items()):
        print(f"struck {times} times only: {name}")
    print(f"{whole.reports:,} reports, {whole.pairs:,} pairs of office and item, {len(whole.wrong)} answered otherwise than the judge.")
    return 1 if whole.wrong or few else 0


def run(seeds: range) -> Comparison:
    whole = Comparison()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with ProcessPoolExecutor() as pool, Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Comparing worlds", total=len(seeds))
        for done in as_completed([pool.submit(compare_world, seed) for seed in seeds]):
            whole.take(done.result())
            bar.advance(task)
    return whole


if __name__ == "__main__":
    sys.exit(main())
