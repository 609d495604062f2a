"""For each value of the shipped rulebook: a change of it, what is asked, and what must be answered before and after."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pas_gateway.ladder import Posts
from pas_gateway.policy.gates import ItemFacts
from pas_gateway.policy.matrix import column_of, reached_by
from pas_gateway.policy.routing import Audience, origin_of
from pas_schemas.directory import Snapshot
from pas_schemas.models.report import Report
from pas_schemas.models.words import PRIORITIES, Priority
from pas_schemas.reference import read_data
from pas_schemas.rulebook import Rulebook, read_rulebook
from pas_schemas.rules import COLUMNS
from policy.harness import World
from policy.reports import make_estate_variants
from policy.table import NOW, lines_from_row, movements_from_row, read_table, report_from_row

Json = dict[str, Any]
Probe = Callable[[Rulebook], object]
TEXT_RULES = read_data("text_rules.csv")
ESTATE = make_estate_variants()
COLUMNS_OF_TABLE = tuple(read_table()[0])
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday


class Dropped:
    """In the place of a new value: the element is taken out of its list."""


DROP = Dropped()


@dataclass(frozen=True)
class Case:
    """`path` is set to `value` in a rulebook that `base` may have changed before; `probe` then says `after` instead of `before`."""

    path: str
    value: object
    probe: Probe
    before: object
    after: object
    base: dict[str, object] = field(default_factory=dict)


# --- a rulebook as a tree of values ------------------------------------------------------------------------------------


def leaves(tree: Json, above: str = "") -> Iterator[str]:
    """The path of each value: `border.fresh_hours`; an element of a list is `category.high[A]`."""
    for name, value in tree.items():
        path = f"{above}{name}"
        if isinstance(value, dict):
            yield from leaves(value, f"{path}.")
        elif isinstance(value, list):
            yield from (f"{path}[{element}]" for element in value)
        else:
            yield path


def change(tree: Json, path: str, value: object) -> Json:
    """A copy with one value changed, or one element taken out of its list or replaced in its place."""
    made = copy.deepcopy(tree)
    way, _, element = path.partition("[")
    *steps, last = way.split(".")
    holder = made
    for step in steps:
        holder = holder[step]
    if not element:
        holder[last] = value
        return made
    place = [str(entry) for entry in holder[last]].index(element[:-1])
    holder[last][place : place + 1] = [] if value is DROP else [value]
    return made


def read(tree: Json) -> Rulebook:
    return read_rulebook(write(tree), TEXT_RULES)


def write(tree: Json) -> bytes:
    """The tree as TOML, each table in one line."""
    return "\n".join(f"{name} = {_write(value)}" for name, value in tree.items()).encode()


def _write(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_write(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_write, value)) + "]"
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


# --- what is asked -----------------------------------------------------------------------------------------------------


def explain(book: Rulebook, row: dict[str, str]) -> Json:
    full = dict.fromkeys(COLUMNS_OF_TABLE, "") | row
    return World.of(ESTATE, movements_from_row(full), NOW, book).explain(lines_from_row(full))[-1]


def word(office: str, **row: str) -> Probe:
    """Verdict and rule of the first item for an office."""

    def ask(book: Rulebook) -> object:
        outcomes = {outcome["office"]: outcome["items"][0] for outcome in explain(book, row)["outcomes"]}
        return f"{outcomes[office]['verdict']} {outcomes[office]['rule']}" if office in outcomes else None

    return ask


def gates(**row: str) -> Probe:
    """Every gate that fired, with its effect."""
    return lambda book: [f"{gate['gate']} {gate['effect']}" for gate in explain(book, row)["gates"]]


def reasons(**row: str) -> Probe:
    """Why PAS has a case."""
    return lambda book: [reason for case in explain(book, row)["cases"] if case["owner"] == "pas" for reason in case["reasons"]]


def cell(code: str, column: str, named: bool) -> Probe:
    """What the matrix alone says: routing considers nobody of these columns who was not named."""

    def ask(book: Rulebook) -> object:
        office = {"lea": "lea:91", "prison": "security:WSI", "nonpros": "security:DGI"}[column]
        estate = World.of(ESTATE, [], NOW).snapshot.at(NOON.replace(year=2015))
        origin = origin_of(Report.model_validate(report_from_row(dict.fromkeys(COLUMNS_OF_TABLE, ""))), estate)
        found = Audience(named={office} if named else set())
        facts = ItemFacts(0, code, frozenset(), frozenset(), unidentified=False, unverified=False, gatekept=False)
        for_named, for_others = book.cells[facts.code][column_of(estate.offices[office], origin)]
        told = for_named if office in reached_by(facts, found, frozenset()) else for_others
        return told[1]

    return ask


def read_by(priority: Priority) -> Probe:
    return lambda book: book.read_by(priority, NOON) - NOON


def case_due(priority: Priority, since: datetime = NOON) -> Probe:
    return lambda book: book.case_due(priority, since) - since


def lasts(**units: int) -> timedelta:
    return timedelta(**units)


# --- the cases ---------------------------------------------------------------------------------------------------------

LOW = "C"
HIGH = "AEHPQV"


def border_cases() -> Iterator[Case]:
    for marking in ("NOT PROTECTIVELY MARKED", "PROTECT", "RESTRICTED", "OFFICIAL", "OFFICIAL-SENSITIVE"):
        yield Case(f"markings.accepted[{marking}]", DROP, gates(flags=f'set:protective_marking="{marking}"'), [], ["G-MARKING reject"])
    yield Case(
        "markings.accepted[CONFIDENTIAL]",
        DROP,
        gates(flags="confidential"),
        [],
        ["G-MARKING reject"],
        {"markings.held[CONFIDENTIAL]": DROP, "four_eyes.markings[CONFIDENTIAL]": DROP},
    )
    yield Case("markings.held[CONFIDENTIAL]", DROP, gates(flags="confidential"), ["G-MARKING hold"], [])
    ahead = gates(flags='set:created_at="2015-11-18T12:15:00Z"')
    yield Case("border.clock_skew_minutes", 14, ahead, [], ["V-CLOCK reject"])


def grading_cases() -> Iterator[Case]:
    yield Case(
        "grading.contradictory[E1]", DROP, gates(flags='set:items.0.source="E"; set:items.0.intelligence="1"'), ["V-GRADE reject"], []
    )
    yield Case("grading.corroborated[3]", DROP, gates(flags='set:items.0.intelligence="3"'), ["V-GRADE reject"], [])
    for code in "235":
        probe = gates(item_code=code, addressees="pio", flags="set:handling.risk_assessment=null")
        yield Case(f"grading.risk_assessed[{code}]", DROP, probe, ["V-RISK reject"], [])
    order = ["4", "5", "1", "3", "2"]
    for place, code in enumerate(order):
        # Put after its neighbour, the code gives way to it on a label (the last: its neighbour gives way to it).
        pair = order[place : place + 2] if place + 1 < len(order) else order[-2:]
        swapped = [{pair[0]: pair[1], pair[1]: pair[0]}.get(one, one) for one in order]
        yield Case(
            f"grading.restrictiveness[{code}]", swapped, lambda book, pair=pair: book.strictest(pair), pair[0], pair[1]
        )  # fmt: skip


def category_cases() -> Iterator[Case]:
    for category in "BCDIJKLRSTU":
        yield Case(f"category.known[{category}]", DROP, gates(subject_category=category), [], ["G-CATA hold"])
    for category in HIGH:
        probe = gates(subject_category=category)
        gone = {f"category.high[{category}]": DROP}
        yield Case(f"category.known[{category}]", DROP, probe, [], ["G-CATA hold"], gone)
        yield Case(f"category.high[{category}]", DROP, probe, ["G-CATA hold"], [])
    for alert in ("CA", "XEL", "XELH", "XTACT"):
        yield Case(f"category.alerts[{alert}]", DROP, gates(flags=f"alert={alert}"), ["G-CATA hold"], [])
    yield Case("category.category_stale_after_days", 316, gates(), [], ["G-CATA hold"])


def tag_cases() -> Iterator[Case]:
    yield Case("tags.gatekept[EXTREMISM]", DROP, gates(tags="EXTREMISM"), ["G-CATA hold"], [])
    yield Case("tags.cat_a_team[ESCAPE]", DROP, word("cat-a-team", tags="ESCAPE"), "hold R-CATA", None)
    for tag in ("ESCAPE", "FIREARMS", "THREAT_TO_LIFE"):
        yield Case(f"tags.seniority[{tag}]", DROP, word("governor:WSI", tags=tag), "hold R-SENIORITY", None)
    yield Case("tags.staff[CORRUPTION]", DROP, gates(tags="CORRUPTION"), ["G-STAFF hold"], [])
    yield Case(
        "priorities.seniority[THREAT_TO_LIFE]", DROP, word("governor:WSI", priority="THREAT_TO_LIFE"), "hold R-SENIORITY", None
    )  # fmt: skip


def referral_cases() -> Iterator[Case]:
    def adds_up(tags: str, before: str) -> Probe:
        return lambda book: "R-REFERRAL" in str(reasons(tags=tags, flags=f"earlier={before}@2015-11-01T10:00:00Z")(book))

    yield Case("referral.within_days", 15, adds_up("MOBILE_PHONE", "ESCAPE"), True, False)
    for tag in ("ESCAPE", "FIREARMS"):
        yield Case(f"referral.risk[{tag}]", DROP, adds_up("MOBILE_PHONE", tag), True, False)
    for tag in ("MOBILE_PHONE", "OCG", "VIOLENCE"):
        yield Case(f"referral.with[{tag}]", DROP, adds_up(tag, "ESCAPE"), True, False)
    # Each of these two is also the other's risk: what it does in the second list shows where it does not stand in the first.
    for tag, risk in (("ESCAPE", "FIREARMS"), ("FIREARMS", "ESCAPE")):
        yield Case(f"referral.with[{tag}]", DROP, adds_up(tag, risk), True, False, {f"referral.risk[{tag}]": DROP})


def matrix_cases() -> Iterator[Case]:
    own, police = "pio:WSI", "force:13"
    for code in "123":
        yield Case(f"matrix.{code}.own", "refuse", word(own, item_code=code), f"release H{code}-OWN", f"refuse H{code}-OWN")
        row = {"item_code": code, "addressees": police}
        yield Case(f"matrix.{code}.police", "hold", word(police, **row), f"release H{code}-POLICE", f"hold H{code}-POLICE")
    internal = {"item_code": "4", "flags": f"internal={own}"}
    yield Case("matrix.4.own.named", "hold", word(own, **internal), "release H4-OWN", "hold H4-OWN")
    for column, office in (("own", own), ("police", police)):
        row = {"item_code": "5", "addressees": office}
        yield Case(f"matrix.5.{column}.named", "hold", word(office, **row), f"release H5-{column.upper()}", f"hold H5-{column.upper()}")
    for code in "1235":
        for column, office, prison in (("lea", "lea:91", "WSI"), ("prison", "security:WSI", "WSI"), ("nonpros", "security:DGI", "DGI")):
            rule = f"H{code}-{column.upper()}"
            row = {"item_code": code, "addressees": office, "subject_prison": prison}
            before = "hold" if column == "nonpros" and code != "2" else "release"
            yield Case(f"matrix.{code}.{column}.named", "refuse", word(office, **row), f"{before} {rule}", f"refuse {rule}")
            if code != "5":
                before = "hold" if column == "prison" else "refuse"
                yield Case(f"matrix.{code}.{column}.other", "release", cell(code, column, named=False), before, "release")


def time_cases() -> Iterator[Case]:
    read = {"THREAT_TO_LIFE": lasts(minutes=15), "URGENT": lasts(hours=8), "ROUTINE": lasts(days=3)}
    due = {"THREAT_TO_LIFE": lasts(minutes=10), "URGENT": lasts(hours=2), "ROUTINE": lasts(days=1)}
    for priority in PRIORITIES:
        yield Case(f"deadlines.read.{priority}", "7 hours", read_by(priority), read[priority], lasts(hours=7))
        yield Case(f"deadlines.case.{priority}", "2 working days", case_due(priority), due[priority], lasts(days=2))
    for priority in PRIORITIES:
        for ladder in ("disclosure", "case"):
            rungs = RUNGS[ladder, priority]
            for rung, after in rungs.items():
                probe = climbed(ladder, rung, priority)
                yield Case(f"ladders.{ladder}.{priority}.{rung}", "7 hours", probe, after, lasts(hours=7))
    friday, saturday = NOON + lasts(days=2), NOON + lasts(days=3)
    yield Case("calendar.weekend[SATURDAY]", DROP, case_due("ROUTINE", friday), lasts(days=3), lasts(days=1))
    yield Case("calendar.weekend[SUNDAY]", DROP, case_due("ROUTINE", saturday), lasts(days=2), lasts(days=1))


RUNGS = {
    ("disclosure", "THREAT_TO_LIFE"): {"remind": lasts(minutes=0), "deputy": lasts(minutes=5), "case": lasts(minutes=10)},
    ("disclosure", "URGENT"): {"remind": lasts(minutes=0), "deputy": lasts(hours=1), "case": lasts(hours=4)},
    ("disclosure", "ROUTINE"): {"remind": lasts(minutes=0), "deputy": lasts(days=1), "case": lasts(days=2)},
    ("case", "THREAT_TO_LIFE"): {"owner": lasts(minutes=0), "duty": lasts(minutes=5), "head": lasts(minutes=10)},
    ("case", "URGENT"): {"owner": lasts(minutes=0), "duty": lasts(hours=1), "head": lasts(hours=2)},
    ("case", "ROUTINE"): {"owner": lasts(minutes=0), "duty": lasts(days=1), "head": lasts(days=2)},
}


def climbed(ladder: Any, rung: str, priority: Priority) -> Probe:
    return lambda book: dict(book.rungs(ladder, priority, NOON))[rung.upper()] - NOON


def post_cases() -> Iterator[Case]:
    """In an estate without people, who is asked for is what the rulebook says."""
    empty = Snapshot(1, NOON, NOON, ())
    for name, rung, office in (
        ("governor", "DEPUTY", "governor:WSI"),
        ("others", "DEPUTY", "pio:WSI"),
        ("duty", "DUTY", "pas"),
        ("head", "HEAD", "pas"),
    ):
        before = {"governor": "duty-governor", "others": "duty-officer", "duty": "duty-supervisor", "head": "head-of-pas"}[name]
        yield Case(f"ladders.posts.{name}", "gatekeeper", asked_for(rung, office, empty), (before,), ("gatekeeper",))


def asked_for(rung: Any, office: str, snapshot: Snapshot) -> Probe:
    return lambda book: Posts(snapshot, book, NOON).on(rung, office)


def holiday_cases(holidays: list[str]) -> Iterator[Case]:
    for day in holidays:
        eve = datetime.fromisoformat(day).replace(tzinfo=UTC) - lasts(days=1)
        off = 1
        while (eve + lasts(days=off)).date().isoformat() in holidays or (eve + lasts(days=off)).weekday() > 4:
            off += 1
        yield Case(f"calendar.holidays[{day}]", DROP, case_due("ROUTINE", eve), lasts(days=off), lasts(days=1))


def refused_cells() -> Iterator[tuple[str, str]]:
    """Cells that no other word could be enforced in, with a word that is refused there."""
    for column in COLUMNS:
        if column != "own":
            yield from ((f"matrix.4.{column}", one) for one in ("release", "hold"))
        yield f"matrix.5.{column}.other", "hold"
    yield "matrix.4.own.other", "release"
