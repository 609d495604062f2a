"""An independent judge of reports, written from the decision rules alone, that shares nothing with the policy module.

Rules are sets: each row of the gates, the routing and the matrix is one function that says a word about some of the pairs
(office, item); the verdict of a pair is the most restrictive word said about it. Clear rather than fast.
"""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from typing import Any

from policy.oracle_border import Submission, refused_at_the_border, refused_by_validation, shape_fits
from policy.oracle_facts import DATA, Estate, Row, Whereabouts, example_estate, in_order, read_time
from policy.oracle_matter import Matter, Pair, Words
from policy.oracle_words import fired_gates, gate_words, h_sanitised, matrix_words, routing_words, strictest

__all__ = ["RULES", "example_estate", "judge"]


def read_text_rules() -> list[tuple[str, str]]:
    with (DATA / "text_rules.csv").open(encoding="utf-8", newline="") as lines:
        return [(row["gate"], row["pattern"]) for row in csv.DictReader(lines)]


RULES: Row = {
    "clock_skew_minutes": 15,
    "category_stale_after_days": 730,
    "known_categories": "ABCDEHIJKLPQRSTUV",
    "high_categories": "AEHPQV",
    "high_alerts": ["CA", "XEL", "XELH", "XTACT"],
    "seniority_tags": ["ESCAPE", "FIREARMS", "THREAT_TO_LIFE"],
    "referral_days": 90,
    "referral_first": ["ESCAPE", "FIREARMS"],
    "referral_second": ["ESCAPE", "FIREARMS", "MOBILE_PHONE", "OCG", "VIOLENCE"],
    "text_rules": read_text_rules(),
}


# --- the decision ----------------------------------------------------------------------------------------------------


def speak(m: Matter) -> dict[str, Words]:
    """Every rule's words, in the order in which a rule is shown."""
    return m.once("spoken", lambda: _speak(m))


def _speak(m: Matter) -> dict[str, Words]:
    said = gate_words(m)
    said.update(routing_words(m))
    said.update(matrix_words(m))
    said["H-SANITISED"] = h_sanitised(m, strictest(m, said)[0])
    return said


def obligations(m: Matter, office: str, released: list[int]) -> list[str]:
    kind = m.estate.kind(office)
    codes = {m.codes[i] for i in released}
    outside = kind in ("escort", "probation") or (kind in ("security", "governor") and m.estate.contracted(office))
    due = {
        "ACCEPT_CONDITIONS": "5" in codes,
        "REFER_TO_ORIGINATOR": "5" in codes,
        "DO_NOT_QUOTE_VISOR": m.declared["visor_derived"],
        "EVALUATE": office == m.conduit,
        "INTERNAL_ONLY": "4" in codes,
        "RECORD_DISSEMINATION": "2" in codes and outside,
        "VERIFY_IDENTITY": any(person.to_verify for i in released for person in m.subjects(i)),
    }
    return sorted(name for name, wanted in due.items() if released and wanted)


def code4_owner(m: Matter) -> str:
    return m.estate.originating_fib(m.origin) or m.origin


def case_owner(m: Matter, rule: str, item: int, verdicts: Words) -> str:
    if m.compartment:
        return "pas"
    if m.codes[item] == "4":
        return code4_owner(m)
    if rule == "R-EVALUATE" and m.conduit and verdicts.get((m.conduit, item)) == "release":
        return m.conduit
    return m.origin if rule in ("G-WARRANT", "G-PRIVILEGE") else "pas"


def cases(m: Matter, said: dict[str, Words], verdicts: Words, referred: bool) -> list[Row]:
    if m.compartment:
        return [{"owner": "pas", "reasons": ["G-PASO"]}]
    opened: list[tuple[str, str]] = []
    held = [pair for pair, word in verdicts.items() if word == "hold"]
    for rule, words in said.items():
        opened += [(case_owner(m, rule, pair[1], verdicts), rule) for pair in held if words.get(pair) == "hold"]
    if any(m.codes[i] != "4" for _, i in said["R-ESCORT"]):
        opened.append(("pas", "R-ESCORT"))
    if silence(m, verdicts):
        opened.append((silence_owner(m), "R-SENIORITY"))
    if not any(word != "refuse" for word in verdicts.values()):
        opened.append((code4_owner(m) if set(m.codes) == {"4"} else "pas", "R-NOBODY"))
    if referred:
        opened.append(("pas", "R-REFERRAL"))
    owners = sorted({owner for owner, _ in opened})
    return [{"owner": owner, "reasons": sorted({rule for who, rule in opened if who == owner})} for owner in owners]


def silence(m: Matter, verdicts: Words) -> bool:
    """Rule 4: under its words, with a code 4 or 5 item, no Governor gets to know anything."""
    told = any(m.estate.kind(office) == "governor" and word != "refuse" for (office, _), word in verdicts.items())
    return m.senior() and bool({"4", "5"} & set(m.codes)) and not told and m.origin_kind != "governor"


def silence_owner(m: Matter) -> str:
    if "5" in m.codes:
        return "pas"
    return f"governor:{m.estate.prison(m.origin)}" if m.origin_kind == "security" else code4_owner(m)


def decide(m: Matter, referred: bool) -> Row:
    said = speak(m)
    verdicts, shown = strictest(m, said)
    return tell(m, verdicts, shown, cases(m, said, verdicts, referred))


def tell(m: Matter, verdicts: dict[Pair, str], shown: dict[Pair, str], opened: list[Row]) -> Row:
    """The answer to an accepted report."""
    outcomes = []
    for office in sorted({office for office, _ in m.pairs}):
        mine = sorted(i for who, i in m.pairs if who == office)
        released = [i for i in mine if verdicts[office, i] == "release"]
        rows = [{"item": i, "verdict": verdicts[office, i], "rule": shown[office, i]} for i in mine]
        outcomes.append({"office": office, "items": rows, "obligations": obligations(m, office, released)})
    gates = [{"gate": name, "effect": "compartment" if m.compartment else "hold"} for name in fired_gates(m)]
    return answer(m.raw["urn"], "ACCEPTED", gates, outcomes, opened)


# --- the register ----------------------------------------------------------------------------------------------------


def answer(urn: Any, status: str, gates: list[Row], outcomes: list[Row], opened: list[Row]) -> Row:
    return {"urn": urn if isinstance(urn, str) else None, "status": status, "gates": gates, "outcomes": outcomes, "cases": opened}


def rejected(urn: Any, rules: list[str]) -> Row:
    return answer(urn, "REJECTED", [{"gate": rule, "effect": "reject"} for rule in rules], [], [])


class Register:
    """What earlier lines left behind: accepted reports by originator and URN, and the risk each subject gathered."""

    def __init__(self) -> None:
        self.accepted: dict[tuple[str, str], Row] = {}
        self.risks: dict[str, list[tuple[datetime, set[str]]]] = {}

    def completes_a_referral(self, m: Matter) -> bool:
        """Rule R-REFERRAL: this report, and not the ones before it, brings the words together."""
        if m.compartment:
            return False
        written = read_time(m.raw["created_at"]) or m.now
        subjects = [p for p in m.people if p.role == "SUBJECT" and p.key]
        found = any(self._completed(m, str(p.key), written) for p in subjects if m.category(p) not in list(m.rules["high_categories"]))
        for key in {str(p.key) for p in subjects}:
            self.risks.setdefault(key, []).append((written, m.tags))
        return found

    def _completed(self, m: Matter, key: str, written: datetime) -> bool:
        days = timedelta(days=m.rules["referral_days"])
        first, second = set(m.rules["referral_first"]), set(m.rules["referral_second"])

        def enough(reports: list[set[str]]) -> bool:
            tags = set().union(*reports)
            return len(reports) >= 2 and any(tags & second - {one} for one in tags & first)

        earlier = self.risks.get(key, [])
        starts = [when for when, _ in earlier if written - days <= when <= written] + [written]
        windows = [[tags for when, tags in earlier if start <= when <= start + days] for start in starts]
        return any(enough([*tags, m.tags]) for tags in windows) and not any(enough(tags) for tags in windows)


def read_line(line: str | Row) -> Any:
    def no_constant(name: str) -> None:
        raise ValueError(name)

    def no_repeats(pairs: list[tuple[str, Any]]) -> Row:
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    if not isinstance(line, str):
        return line
    try:
        return json.loads(line, parse_constant=no_constant, object_pairs_hook=no_repeats)
    except (ValueError, RecursionError):
        return None


def judge(
    lines: list[str] | list[Row] | list[str | Row], estate: list[Row], movements: list[Row], now: str, rules: Row | None = None
) -> list[Row]:
    """What `pas explain --json --at now` prints for these lines, without `why`, `state` and `read_by`."""
    at = read_time(now)
    if at is None:
        raise ValueError("now is no RFC 3339 UTC time")
    book, directory, register = {**RULES, **(rules or {})}, Estate(estate, at), Register()
    where = Whereabouts(in_order(movements), at)
    printed = []
    for number, line in enumerate(lines, start=1):
        raw = read_line(line)
        if not isinstance(raw, dict):
            printed.append({"line": number, **rejected(None, ["V-SCHEMA"])})
            continue
        printed.append(judge_one(raw, directory, where, at, book, register))
    return printed


def judge_one(raw: Row, directory: Estate, where: Whereabouts, at: datetime, book: Row, register: Register) -> Row:
    border = refused_at_the_border(raw)
    if border:
        return rejected(raw.get("urn"), border)
    if not shape_fits(raw):
        return rejected(raw.get("urn"), ["V-SCHEMA"])
    name = (raw["originator"], raw["urn"])
    earlier = register.accepted.get(name)
    if earlier == raw:
        return answer(raw["urn"], "DUPLICATE", [], [], [])
    refused = refused_by_validation(Submission(raw, at, directory, book, earlier))
    if refused:
        return rejected(raw["urn"], refused)
    register.accepted[name] = raw
    matter = Matter(raw, directory, where, at, book)
    return decide(matter, register.completes_a_referral(matter))
