"""The broker beside the judge on accepted reports that are decided again: after rulings, accepted conditions, time and releases."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pas_gateway.policy.rulings import Ruling, Rulings
from pas_schemas.models.report import Report
from policy.axes import CODES, NAMING, ORIGINATORS, SPECIAL, put, whereabouts, write
from policy.differ import Comparison, make_comparable
from policy.harness import World
from policy.oracle_again import CONSENTS, Later, Scene, Word, decide_again, waiting
from policy.oracle_matter import Matter
from policy.reports import NOW
from policy.reports_again import make_later
from policy.table import movement

Json = dict[str, Any]
# When random reports are decided again: at once, and when authorisations, review dates and categories have run out.
MOMENTS = (NOW, "2016-03-01T00:00:00Z", "2099-06-01T00:00:00Z")
AGAIN_SIZE = 1000
TAKEN = "2015-11-14T00:00:00Z"


@dataclass(frozen=True)
class Setting:
    """Both of them at one moment."""

    world: World
    scene: Scene

    @classmethod
    def of(cls, rows: list[Json], movements: list[Json], now: str) -> Setting:
        return cls(World.of(rows, movements, now), Scene(rows, movements, now))

    def compare(self, m: Matter, report: Report, later: Later) -> Comparison:
        theirs = decide_again(m, later.words)
        rulings = Rulings(Ruling(one.owner, one.word, one.item, one.office, one.rules) for one in later.words)  # type: ignore[arg-type]  # one of the two
        ours = self.world.decide_again(report, later.came, later.accepted, rulings)
        pairs = sum(len(outcome["items"]) for outcome in theirs["outcomes"])
        wrong = [(json.dumps([m.raw, repr(later)]), ours, theirs)] if ours != theirs else []
        return Comparison(1, pairs, count_again(m, theirs, later), wrong)


def count_again(m: Matter, answer: Json, later: Later) -> Counter[str]:
    """What became of what people were asked, and what else is so because of what has happened since."""
    before, struck = decide_again(m, ()), Counter[str]()
    now = {(o["office"], row["item"]): (row["verdict"], row["rule"]) for o in answer["outcomes"] for row in o["items"]}
    for item, office, rule, owner in waiting(m) if later.words else ():
        verdict, shown = now[office, item]
        struck[f"{rule} {verdict}" if verdict != "refuse" or shown == rule else f"{shown} refuse"] += 1
        struck["waits for two owners"] += rule == "R-EVALUATE" and owner != "pas" and verdict == "hold" and shown != rule
        struck["consent lacks"] += rule in CONSENTS and verdict == "hold" and shown == rule
    left = {(case["owner"], reason) for case in answer["cases"] for reason in case["reasons"]}
    struck.update(f"ended {reason}" for case in before["cases"] for reason in case["reasons"] if (case["owner"], reason) not in left)
    struck.update(f"gate {gate['gate']}" for gate in answer["gates"])
    for (office, i), (verdict, shown) in now.items():
        struck["went home"] += office in m.home(i) and verdict == "release"
        struck[f"Governor told: {verdict}"] += office in m.governors_told(i)
        struck["code 4 is over"] += office in m.internal(i) and (verdict, shown) == ("refuse", "H4-OWN")
        fuller = m.raw["items"][i].get("sanitises")
        struck["accepted text in its place"] += shown == "H-SANITISED" and m.codes[fuller] == "5" and office in m.accepted
    return struck


RULED = (
    "G-MARKING", "G-WARRANT", "G-PRIVILEGE", "G-VISOR", "G-SOURCE", "G-IDENTITY", "G-PASO", "G-CATA", "G-STAFF", "R-CATA", "R-SENIORITY",
    "R-WHEREABOUTS", "R-FOLLOW", "R-EVALUATE", "H1-NONPROS", "H5-NONPROS",
)  # fmt: skip
# What the random reports must strike.
EXPECTED = (
    *(f"{rule} {word}" for rule, word in product(("G-PIN", *RULED), ("release", "hold", "refuse"))), "H-SANITISED refuse", "gate G-PIN",
    "ended R-ESCORT", "ended R-SENIORITY", "ended R-NOBODY", "ended G-PASO", "waits for two owners", "consent lacks", "went home",
    "code 4 is over", "Governor told: release", "Governor told: hold", "Governor told: refuse",
)  # fmt: skip


def compare_again(seed: int, size: int = AGAIN_SIZE) -> Comparison:
    """One random world: reports as they were accepted, and what has become of each since."""
    rows, movements, lines = make_comparable(seed, size)
    accepting, now = World.of(rows, movements, NOW), MOMENTS[seed % len(MOMENTS)]
    setting, whole = Setting.of(rows, movements, now), Comparison()
    for line in lines:
        for report in accepting.admit([line]):
            raw, rng = json.loads(line), random.Random(f"{seed} {report.urn}")
            m = setting.scene.matter(raw, Later(TAKEN))
            silent = [(governor, i) for i in m.all_items for governor in sorted(m.governors_left_out(i))]
            later = make_later(rng, raw, decide_again(m, ()), waiting(m), silent)
            whole.take(setting.compare(setting.scene.matter(raw, later), report, later))
    return whole


# --- every combination ---------------------------------------------------------------------------------------------------

# Where the prisoner is by now, since when, and whether he left custody before or after the log took the report.
SINCE: dict[str, Sequence[tuple[str, str | None, str]]] = {
    "stayed": (),
    "released since": (("RELEASED", None, "2015-11-16T09:00:00Z"),),
    "released before": (("RELEASED", None, "2015-11-13T09:00:00Z"),),
    "released and back": (("RELEASED", None, "2015-11-16T09:00:00Z"), ("RECEIVED", "BAI", "2015-11-17T09:00:00Z")),
    "released and lost": (("RELEASED", None, "2015-11-16T09:00:00Z"), ("UNKNOWN", None, "2015-11-17T09:00:00Z")),
    "released and at court": (("RELEASED", None, "2015-11-16T09:00:00Z"), ("ABSENT", None, "2015-11-17T09:00:00Z")),
    "released and told twice": (("RELEASED", None, "2015-11-13T09:00:00Z"), ("RELEASED", None, "2015-11-16T09:00:00Z")),
    "released and told of": (("RELEASED", None, "2015-11-13T09:00:00Z"), ("STATUS", None, "2015-11-16T09:00:00Z")),
    "released before, and merged": (("RELEASED", None, "2015-11-13T09:00:00Z"), ("MERGED", None, "2015-11-16T09:00:00Z")),
}
# Another number that a merge makes his: what is told before the merge is told of it, where it stands here.
UNDER_ANOTHER = {
    "released before under another number, and merged": SINCE["released before, and merged"],
    "released since under another number, and merged": (
        ("RELEASED", None, "2015-11-15T09:00:00Z"),
        ("MERGED", None, "2015-11-16T09:00:00Z"),
    ),
    "received under another number, and merged": (("RECEIVED", "BAI", "2015-11-13T09:00:00Z"), ("MERGED", None, "2015-11-16T09:00:00Z")),
}
SINCE |= UNDER_ANOTHER
SPECIALS = ("plain", "escape", "terrorism", "privilege", "compartment", "intercept over", "review over", "sanitised")
SAID = ("nobody", "all release", "all refuse", "all but the first release", "strangers release", "all release and have accepted")


def every_again(since: str) -> tuple[list[Json], list[tuple[Json, Sequence[str]]]]:
    """The movements, and each report with all that is said of it, one after the other."""
    movements: list[Json] = []
    written: list[tuple[Json, Sequence[str]]] = []
    specials = SPECIALS if since in WHOLE else ("plain",)
    for serial, (originator, code, naming, name) in enumerate(product(ORIGINATORS, CODES, NAMING, specials)):
        number = f"A{serial % 10_000:04}BC"
        movements += [*whereabouts(number, "WSI", "C"), *tell(since, number)]
        written.append((make_special(originator, serial, number, code, NAMING[naming], name), SAID if name in CROSSED else SAID[:2]))
    return movements, written


def tell(since: str, number: str) -> Iterable[Json]:
    """What is told of the prisoner by now."""
    other = f"Z{number[1:]}"
    for event, place, at in SINCE[since]:
        told = movement(other if since in UNDER_ANOTHER and event != "MERGED" else number, event, at, place)
        yield told | ({"removed_noms_number": other} if event == "MERGED" else {})


# With these, whatever is said; with the others, nobody and everybody.
CROSSED = ("escape", "compartment", "sanitised")
# Where the prisoner went otherwise matters to the plain ones; everything special is crossed with these two.
WHOLE = ("stayed", "released since")


def make_special(originator: str, serial: int, number: str, code: str, addressees: list[str], name: str) -> Json:
    report = write(originator, serial, number, code, addressees)
    for path, value in SPECIAL.get(name, {}).items():
        put(report, path, value)
    if name == "intercept over":
        report["declarations"]["prison_intercept"] = {"authorisation": "P-1", "expires_at": NOW}
    if name == "review over":
        report["handling"]["review_by"] = "2015-11-18"
    if name == "sanitised":
        report["risk_tags"] = ["ESCAPE"]
        first = report["items"][0]
        report["items"] = [{**first, "addressees": addressees}, {**first, "handling": "1", "sanitises": 0, "addressees": addressees}]
    return report


def compare_every(since: str, rows: list[Json]) -> Comparison:
    movements, every = every_again(since)
    setting, whole = Setting.of(rows, movements, NOW), Comparison()
    for raw, words in every:
        m, report = setting.scene.matter(raw, Later(TAKEN)), Report.model_validate(raw)
        for later in (say(said, m, waiting(m)) for said in words):
            whole.take(setting.compare(setting.scene.matter(raw, later) if later.accepted else m, report, later))
    return whole


def say(said: str, m: Matter, waits: Iterable[tuple[int, str, str, str]]) -> Later:
    offices = frozenset(office for office, _ in m.pairs) if said.endswith("accepted") else frozenset()
    spoken = list(waits) if said != "nobody" else []
    word = "refuse" if said == "all refuse" else "release"
    words = [
        Word("lea:67" if said.startswith("strangers") else m.origin if rule in CONSENTS else owner, word, item, office, frozenset({rule}))
        for item, office, rule, owner in (spoken[1:] if "but the first" in said else spoken)
    ]  # fmt: skip
    return Later(TAKEN, offices, tuple(words))
