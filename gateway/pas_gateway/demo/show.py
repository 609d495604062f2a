"""What the demo prints: steps as they are done, the journey of each story report, what was withheld and why, and the checks."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pas_gateway.demo.checks import Check
from pas_gateway.demo.outcomes import Name, Row, Traces, name_of
from pas_gateway.demo.playing import Played, Step
from pas_gateway.demo.story import STORY_NOW
from pas_schemas.clock import parse_time
from pas_schemas.rules import explain_word
from pas_transport.console import Console, make_safe

WORDS = {"release": "green", "hold": "yellow", "refuse": "red"}
STATUSES = {"ACCEPTED": "green", "REJECTED": "red", "DUPLICATE": "cyan", "QUARANTINED": "red"}
STATES = {
    "READ": "green",
    "ACTIONED": "green",
    "DELIVERED": "yellow",
    "CONDITIONS_ACCEPTED": "yellow",
    "DECLINED": "red",
    "WITHDRAWN": "dim",
}
WHAT_COLUMNS = 58
# Below this width, sentences go below what they belong to.
WIDE_COLUMNS = 120
# The rules that withheld most among the generated reports.
RULES_SHOWN = 12
MEASURES = ("accepted", "rejected", "quarantined", "duplicate", "movements", "replies", "sent", "held")


def marks() -> tuple[str, str]:
    """A tick and a cross, where the terminal can print them."""
    try:
        "✓✗".encode(sys.stdout.encoding or "ascii")
    except (UnicodeError, LookupError):
        return "ok", "NO"
    return "✓", "✗"


def show_start(console: Console, folder: Path, seed: int, reports: int) -> None:
    text = Text.assemble(
        ("The escape plot", "bold"), ": thirteen reports, five whereabouts and a transfer,\n",
        f"among {reports} generated reports over the real registers (seed {seed}).\n", (str(folder), "dim"),
    )  # fmt: skip
    console.draw(Panel(text, title="PAS broker", title_align="left", expand=False, padding=(0, 2), box=box.ROUNDED))


def is_narrow() -> bool:
    """Whether somebody watches on a screen that has no room for sentences beside columns."""
    return sys.stdout.isatty() and shutil.get_terminal_size().columns < WIDE_COLUMNS


def show_step(console: Console, step: Step) -> None:
    """A line as soon as a step is done; where there is little room, what came of it below."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=WHAT_COLUMNS)
    grid.add_column(justify="right", width=7, style="dim")
    head = (Text.assemble((f"{marks()[0]} ", "green"), step.what), f"{step.seconds:.1f} s")
    if is_narrow():
        grid.add_row(*head)
        console.draw(Group(grid, _below(step.result)))
        return
    grid.add_column(style="dim", overflow="fold")
    grid.add_row(*head, step.result)
    console.draw(grid)


def _below(sentence: str, style: str = "dim") -> Padding:
    return Padding(Text(make_safe(sentence), style), (0, 0, 0, 2))


def show_story(console: Console, played: Played) -> None:
    """The journey of each report of the story, as it stood before the transfer."""
    table = _table(console, f"The journey of each report (the story of {STORY_NOW:%d %B %Y}, every date {played.story.days:+,} days)")
    narrow = is_narrow()
    for column in ("Report", "Office", "Item", "Verdict", "Rule", "State", *(() if narrow else ("Read by (UTC)",))):
        table.add_column(column, no_wrap=True)
    if not narrow:
        table.add_column("Must", overflow="fold", style="dim")
    for name in dict.fromkeys(map(name_of, played.story.reports)):
        _add_journey(table, name, played.settled[name], len(table.columns) - 1)
        table.add_section()
    console.draw(table)


def _add_journey(table: Table, name: Name, traced: Row, columns: int) -> None:
    heads = iter([Text(name[1], style="bold"), Text(f"from {name[0]}", style="dim"), *_statuses(traced)])
    rows: list[list[Text]] = []
    for outcome in traced["outcomes"]:
        for number, item in enumerate(outcome["items"]):
            given = item["verdict"] == "release"
            state, by = (outcome["state"] or "", outcome["deadline"] or "") if given else ("", "")
            office, must = (outcome["office"], ", ".join(outcome["obligations"])) if not number else ("", "")
            verdict = Text(item["verdict"], style=WORDS[item["verdict"]])
            cells = [Text(office), Text(str(item["item"])), verdict, Text(item["rule"]), Text(state, style=STATES.get(state, ""))]
            rows.append([*cells, _moment(by), Text(must)])
    for gate in traced["gates"] if not rows else ():
        rows.append([Text("nobody", style="dim"), Text(""), Text(gate["effect"], style="red"), Text(gate["gate"])])
    for row in rows:
        table.add_row(next(heads, Text("")), *row[:columns])
    for head in heads:
        table.add_row(head)


def _statuses(traced: Row) -> list[Text]:
    counted = Counter(attempt["status"] for attempt in traced["attempts"])
    return [Text(f"{status}{f' x{times}' if times > 1 else ''}", STATUSES.get(status, "")) for status, times in counted.items()]


def show_withheld(console: Console, played: Played) -> None:
    """What was withheld of the story, in sentences; of the rest, how often each rule withheld."""
    table = _table(console, "What was withheld in the story, and why")
    for column in ("From", "Report", "Item", "Verdict", "Rule"):
        table.add_column(column, no_wrap=True)
    if not (narrow := is_narrow()):
        table.add_column("Why", overflow="fold")
    for name, traced in played.settled.items():
        for office, item in _pairs(traced):
            if item["verdict"] != "release":
                verdict = Text(item["verdict"], WORDS[item["verdict"]])
                table.add_row(office, name[1], str(item["item"]), verdict, item["rule"], *(() if narrow else (item["why"],)))
    console.draw(table)
    story = {name_of(report) for report in played.story.reports}
    struck: Counter[tuple[str, str]] = Counter()
    for name, traced in played.decided.items():
        if name not in story:
            struck.update((item["rule"], item["verdict"]) for _, item in _pairs(traced) if item["verdict"] != "release")
    if struck:
        show_counted(console, struck)


def show_counted(console: Console, struck: Counter[tuple[str, str]]) -> None:
    table = _table(console, "What was withheld among the generated reports (the rules that struck most)")
    table.add_column("Rule", no_wrap=True)
    table.add_column("Verdict")
    table.add_column("Items", justify="right")
    table.add_column("Why", overflow="fold")
    for (rule, word), times in struck.most_common(RULES_SHOWN):
        table.add_row(rule, Text(word, WORDS[word]), str(times), explain_word(rule, word))
    console.draw(table)


def _pairs(traced: Row) -> Iterable[tuple[str, Row]]:
    return ((outcome["office"], item) for outcome in traced["outcomes"] for item in outcome["items"])


def show_transfer(console: Console, played: Played) -> None:
    """Report 1 before and after its subject was moved."""
    name = name_of(played.story.reports[0])
    before, after = _by_pair(played.settled[name]), _by_pair(played.final[name])
    table = _table(console, f"The transfer: {name[1]}, before and after A4821DK was moved from WSI to BAI")
    for column in ("Office", "Item", "Before", "After", "State now"):
        table.add_column(column, no_wrap=True)
    for pair in sorted(before | after):
        then, (now, state) = before.get(pair, (None, ""))[0], after.get(pair, (None, ""))
        ended = state == "WITHDRAWN"
        shown = Text("access ended" if then and then["verdict"] == "release" else "-", "dim") if ended else _verdict(now)
        table.add_row(
            pair[0], str(pair[1]), _verdict(then), shown, Text(state if now and now["verdict"] == "release" else "", STATES.get(state, ""))
        )
    console.draw(table)


def _by_pair(traced: Row) -> dict[tuple[str, int], tuple[Row | None, str]]:
    return {
        (outcome["office"], item["item"]): (item, outcome["state"] or "") for outcome in traced["outcomes"] for item in outcome["items"]
    }


def _verdict(item: Row | None) -> Text:
    return Text("-", "dim") if item is None else Text.assemble((item["verdict"], WORDS[item["verdict"]]), f"  {item['rule']}")


def show_cases(console: Console, traces: Traces) -> None:
    """Who has to decide what, and by when the first of it."""
    owned: dict[str, list[Row]] = {}
    for traced in traces.values():
        for case in traced["cases"]:
            owned.setdefault(case["owner"], []).append(case)
    table = _table(console, "Cases open, by owner")
    table.add_column("Owner", no_wrap=True)
    table.add_column("Cases", justify="right")
    table.add_column("First due (UTC)", no_wrap=True)
    table.add_column("For", overflow="fold")
    for owner, cases in sorted(owned.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:RULES_SHOWN]:
        reasons = Counter(reason for case in cases for reason in case["reasons"])
        table.add_row(owner, str(len(cases)), _moment(min(case["due"] for case in cases)), ", ".join(_times(reasons)))
    rest = sorted(owned.items(), key=lambda pair: (-len(pair[1]), pair[0]))[RULES_SHOWN:]
    if rest:
        table.add_row(Text(f"{len(rest)} more", "dim"), str(sum(len(cases) for _, cases in rest)), "", "")
    console.draw(table)


def _times(counted: Counter[str]) -> list[str]:
    return [f"{name} {times}" if times > 1 else name for name, times in counted.most_common()]


def show_counts(console: Console, played: Played) -> None:
    """Totals of every run of the gateway, and what recipients did."""
    table = _table(console, "Counts")
    for column in ("At PAS", "", "By recipients", " "):
        table.add_column(column, justify="right" if not column.strip() else "left")
    done = [(name, played.receipts[name]) for name in ("taken", "read", "acted on", "declined", "conditions accepted", "left unread")]
    counted = [(name, played.totals[name]) for name in MEASURES]
    for index in range(max(len(done), len(counted))):
        table.add_row(*_cells(counted, index), *_cells(done, index))
    console.draw(table)


def _cells(pairs: Sequence[tuple[str, int]], index: int) -> tuple[str, str]:
    return (pairs[index][0], f"{pairs[index][1]:,}") if index < len(pairs) else ("", "")


def show_check(console: Console, check: Check) -> None:
    """A tick or a cross, and the evidence beside it or below."""
    tick, cross = marks()
    style = "dim" if check.holds else "red"
    mark = Text(f"{tick} ", "bold green") if check.holds else Text(f"{cross} ", "bold red")
    head = mark + Text(check.name, "" if check.holds else "bold red")
    if is_narrow():
        console.draw(Group(head, _below(check.evidence, style)))
        return
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=WHAT_COLUMNS - 7)
    grid.add_column(overflow="fold", style=style)
    grid.add_row(head, Text(make_safe(check.evidence)))
    console.draw(grid)


def show_end(console: Console, folder: Path, seconds: float, failed: Sequence[Check]) -> None:
    console.say()
    if failed:
        console.say(f"{len(failed)} check{'s' if len(failed) > 1 else ''} failed: {'; '.join(check.name for check in failed)}.", "bad")
    else:
        console.say(f"Every check holds ({seconds:.0f} s in all).", "good")
    console.say(f"Try next: {next_command(folder)}", "strong")


def next_command(folder: Path) -> str:
    """What to type to go on in the demo's workspace, from where the demo was started."""
    here = Path.cwd()
    place = folder.relative_to(here) if folder.is_relative_to(here) else folder
    on_path = shutil.which("pas")
    command = "pas" if on_path else shlex.quote(str(Path(sys.executable).with_name("pas")))
    return f"cd {shlex.quote(str(place))} && {command} inbox list --as pio:WSI"


def summarise(played: Played, checks: Sequence[Check], seconds: float) -> dict[str, Any]:
    """The one value of `pas demo --json`."""
    return {
        "workspace": str(played.workspace.root),
        "seed": played.seed,
        "reports": len(played.reports),
        "shifted_days": played.story.days,
        "counts": {name: played.totals[name] for name in MEASURES},
        "receipts": dict(sorted(played.receipts.items())),
        "checks": [{"check": check.name, "holds": check.holds, "evidence": check.evidence} for check in checks],
        "steps": [{"step": step.what, "seconds": round(step.seconds, 3)} for step in played.steps],
        "seconds": round(seconds, 3),
        "next": next_command(played.workspace.root),
    }


def _table(console: Console, title: str) -> Table:
    """A table under a title that may be wider than it."""
    console.say()
    console.say(title, "strong")
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")


def _moment(time: str) -> Text:
    return Text(f"{parse_time(time):%d %b %H:%M}" if time else "", "dim")
