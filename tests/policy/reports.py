"""Random worlds, movements and lines to judge, and a count of what they struck."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

from policy.oracle_facts import Row
from policy.reports_estate import make_estate_variants
from policy.reports_faults import FAULTS, MURKY
from policy.reports_people import NOW, Prisons
from policy.reports_writer import Writer

__all__ = ["EXPECTED", "NOW", "count", "make_estate_variants", "make_world", "missing"]


def make_world(seed: int, n: int, *, now: str = NOW, murky: bool = False) -> tuple[list[Row], list[str]]:
    """`n` lines to judge at `now`, with the movements before them. `murky` adds reports on which the text has two readings."""
    rng = Random(f"pas/{seed}")
    prisons = Prisons(rng, now, max(12, n // 22))
    writer = Writer(rng, prisons, now, n)
    lines: list[str] = []
    sound: list[Row] = []
    while len(lines) < n:
        luck = rng.random()
        if sound and luck < 0.02:
            lines.append(reorder(rng, rng.choice(sound)))
        elif sound and luck < 0.03:
            other = json.loads(json.dumps(rng.choice(sound)))
            other["items"][0]["text"] += " And more."
            lines.append(json.dumps(other))
        elif luck < 0.19:
            lines.append(spoil(rng, writer, murky))
        else:
            sound.append(writer.write())
            lines.append(json.dumps(sound[-1]))
    return prisons.rows, lines


def reorder(rng: Random, report: Row) -> str:
    """The same report with its keys in another order."""
    return json.dumps(dict(rng.sample(sorted(report.items()), len(report))), separators=(",", ":"))


def spoil(rng: Random, writer: Writer, murky: bool) -> str:
    report: Any = json.loads(json.dumps(writer.write()))
    for _ in range(rng.choices([1, 2], [85, 15])[0]):
        faults = MURKY if murky and rng.random() < 0.5 else FAULTS[rng.choice(sorted(FAULTS))]
        spoilt = rng.choice(faults)(rng, report, writer.now)
        if isinstance(spoilt, str):
            return spoilt
    return json.dumps(report)


# --- counting --------------------------------------------------------------------------------------------------------

CELLS = [f"H{code}-{where} release" for code in "123" for where in ("OWN", "POLICE", "LEA", "PRISON")]
CELLS += ["H1-NONPROS hold", "H2-NONPROS release", "H3-NONPROS hold", "H4-OWN release", "H5-NONPROS hold"]
CELLS += [f"H4-{where} refuse" for where in ("OWN", "POLICE", "LEA", "PRISON", "NONPROS")]
CELLS += [f"H5-{where} release" for where in ("OWN", "POLICE", "LEA", "PRISON")]
CELLS += ["H5-OWN refuse", "H5-POLICE refuse", "H5-LEA refuse", "H-SANITISED refuse"]
EXPECTED = [
    *CELLS,
    *(f"gate {g}" for g in ("G-MARKING", "G-WARRANT", "G-PRIVILEGE", "G-VISOR", "G-SOURCE", "G-IDENTITY", "G-PASO", "G-CATA", "G-STAFF")),
    *(
        f"reject {g}"
        for g in (
            "G-MARKING",
            "G-WARRANT",
            "G-PRIVILEGE",
            "G-PIN",
            "V-SCHEMA",
            "V-ORIGINATOR",
            "V-URN",
            "V-URN-TAKEN",
            "V-CLOCK",
            "V-GRADE",
            "V-CODE4",
            "V-CODE5",
            "V-RISK",
            "V-SANITISES",
        )
    ),
    *(f"{g} hold" for g in ("G-MARKING", "G-WARRANT", "G-PRIVILEGE", "G-VISOR", "G-SOURCE", "G-IDENTITY", "G-PASO", "G-CATA", "G-STAFF")),
    "G-STAFF refuse",
    *(f"{r} hold" for r in ("R-CATA", "R-SENIORITY", "R-WHEREABOUTS", "R-FOLLOW", "R-EVALUATE")),
    *(f"{r} refuse" for r in ("R-UNKNOWN", "R-INACTIVE", "R-ESCORT", "R-INSPECTOR")),
    *(
        f"case {r}"
        for r in ("R-NOBODY", "R-REFERRAL", "R-ESCORT", "R-SENIORITY", "R-EVALUATE", "G-PASO", "H1-NONPROS", "H3-NONPROS", "H5-NONPROS")
    ),
    *(
        f"obligation {o}"
        for o in (
            "ACCEPT_CONDITIONS",
            "REFER_TO_ORIGINATOR",
            "DO_NOT_QUOTE_VISOR",
            "EVALUATE",
            "INTERNAL_ONLY",
            "RECORD_DISSEMINATION",
            "VERIFY_IDENTITY",
        )
    ),
    "status ACCEPTED",
    "status REJECTED",
    "status DUPLICATE",
]


def count(results: Iterable[Row]) -> Counter[str]:
    """How often each gate, rule, cell with its word, obligation, case reason and status stands in these results."""
    struck: Counter[str] = Counter()
    for result in results:
        struck[f"status {result['status']}"] += 1
        struck.update(("reject " if gate["effect"] == "reject" else "gate ") + gate["gate"] for gate in result["gates"])
        for outcome in result["outcomes"]:
            struck.update(f"{item['rule']} {item['verdict']}" for item in outcome["items"])
            struck.update(f"obligation {name}" for name in outcome["obligations"])
        struck.update(f"case {reason}" for case in result["cases"] for reason in case["reasons"])
    return struck


def missing(struck: Counter[str], least: int = 50) -> dict[str, int]:
    """What was struck fewer than `least` times."""
    return {name: struck[name] for name in EXPECTED if struck[name] < least}
