"""An independent judge of reports, written from the decision rules alone, that shares nothing with the policy module.

Rules are sets: each row of the gates, the routing and the matrix is one function that says a word about some of the pairs
(office, item); the verdict of a pair is the most restrictive word said about it. Clear rather than fast.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from oracle_border import ROLES, Submission, blank, refused_at_the_border, refused_by_validation, shape_fits
from oracle_facts import DATA, Estate, Person, Row, Whereabouts, example_estate, read_time

__all__ = ["RULES", "example_estate", "judge"]

Pair = tuple[str, int]
Words = dict[Pair, str]

STRICTNESS = {"release": 0, "hold": 1, "refuse": 2}


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


class Matter:
    """An admitted report with everything its decision depends on."""

    def __init__(self, raw: Row, estate: Estate, movements: list[Row], now: datetime, rules: Row) -> None:
        self.raw, self.estate, self.now, self.rules = raw, estate, now, rules
        self.origin: str = raw["originator"]
        self.origin_kind = estate.kind(self.origin)
        self.own = estate.own_offices(self.origin)
        self.tags = set(raw["risk_tags"])
        self.declared: Row = raw["declarations"]
        self.handling: Row = raw["handling"]
        self.codes: list[str] = [item["handling"] for item in raw["items"]]
        self.all_items = range(len(self.codes))
        self.where = Whereabouts(movements, now)
        self.where_then = Whereabouts(movements, min(now, read_time(raw["created_at"]) or now))
        self.people = [Person(stated, self.where) for stated in raw["subjects"]]
        self.people_then = [Person(stated, self.where_then) for stated in raw["subjects"]]
        self.compartment: bool = self.declared["protected_assisting_offender"]
        own_prison = estate.prison(self.origin) if self.origin_kind in ("security", "governor") else None
        self.conduit = estate.conduit(own_prison) if own_prison else None
        self.pairs: set[Pair] = consider(self)

    # what an item concerns

    def indices(self, i: int) -> list[int]:
        listed = self.raw["items"][i].get("subjects")
        return sorted(set(listed)) if listed is not None else list(range(len(self.people)))

    def subjects(self, i: int) -> list[Person]:
        return [self.people[n] for n in self.indices(i) if self.people[n].role == "SUBJECT"]

    def associates(self, i: int) -> list[Person]:
        return [self.people[n] for n in self.indices(i) if self.people[n].role == "ASSOCIATE"]

    def prisons(self, i: int) -> set[str]:
        return {person.prison for person in self.subjects(i) if person.prison}

    def prisons_then(self, i: int) -> set[str]:
        then = [self.people_then[n] for n in self.indices(i)]
        return {person.prison for person in then if person.prison and person.role == "SUBJECT"}

    # whom an item names

    def addressees(self, i: int) -> set[str]:
        listed = self.raw["items"][i].get("addressees")
        return set(listed if listed is not None else self.raw["addressees"] or [])

    def ids(self, i: int) -> set[str]:
        return self.addressees(i) - ROLES

    def internal(self, i: int) -> set[str]:
        return set(self.handling["internal_recipients"] or []) if self.codes[i] == "4" else set()

    def role_offices(self, i: int) -> dict[str, set[str]]:
        """Offices reached through a role, each with the prisons it was reached for."""
        reached: dict[str, set[str]] = {}
        for role in self.addressees(i) & ROLES:
            for prison in self.prisons(i):
                office = self.estate.conduit(prison) if role == "pio" else f"{role}:{prison}"
                reached.setdefault(office, set()).add(prison)
        return reached

    def pio_offices(self, i: int) -> dict[str, set[str]]:
        reached: dict[str, set[str]] = {}
        for prison in self.prisons(i):
            reached.setdefault(self.estate.conduit(prison), set()).add(prison)
        return reached

    def named(self, i: int) -> set[str]:
        return self.ids(i) | set(self.role_offices(i))

    # words that rule 4 listens for

    def senior(self) -> bool:
        return bool(self.tags & set(self.rules["seniority_tags"])) or self.raw["priority"] == "THREAT_TO_LIFE"

    def cat_a_team_added(self, i: int) -> set[str]:
        wanted = "ESCAPE" in self.tags and self.codes[i] in "123" and "cat-a-team" not in self.named(i)
        return {"cat-a-team"} - {self.origin} if wanted else set()

    def governors_added(self, i: int) -> set[str]:
        if not self.senior() or self.codes[i] not in "123":
            return set()
        prisons = self.prisons(i) | {office.partition(":")[2] for office in self.named(i) if office.startswith("security:")}
        return {f"governor:{prison}" for prison in prisons} - self.named(i) - {self.origin}

    def counts_as_named(self, i: int) -> set[str]:
        if self.compartment:
            return self.ids(i) | ({"paso-unit"} if self.codes[i] in "123" else set())
        return self.named(i) | self.cat_a_team_added(i) | self.governors_added(i)

    def category(self, person: Person) -> str | None:
        """The category if it is known today, else None."""
        known = person.standing
        if known is None or known.alerts is None or known.category is None or known.category_at is None:
            return None
        if known.category not in list(self.rules["known_categories"]):
            return None
        oldest = self.now - timedelta(days=self.rules["category_stale_after_days"])
        return known.category if known.category_at >= oldest else None


def consider(m: Matter) -> set[Pair]:
    """Routing: every pair the rules have to speak about."""
    pairs: set[Pair] = set()
    for i in m.all_items:
        if m.compartment:
            reached = {"paso-unit"}
        else:
            ways = set(m.role_offices(i)) | set(m.pio_offices(i)) | m.cat_a_team_added(i) | m.governors_added(i)
            ways |= {m.conduit} if m.conduit else set()
            reached = (ways - {m.origin}) | m.ids(i) | m.internal(i)
        pairs |= {(office, i) for office in reached if office in m.ids(i) or not m.estate.lacks(office)}
    return pairs


# --- gates -----------------------------------------------------------------------------------------------------------
# One function for each row: the items for which the gate fires (None where it does not), and the word about each pair.


def matches(m: Matter, gate: str) -> bool:
    patterns = [pattern for name, pattern in m.rules["text_rules"] if name == gate]
    return any(re.search(pattern, item["text"], re.IGNORECASE) for item in m.raw["items"] for pattern in patterns)


def whole_report(m: Matter, fires: bool) -> set[int]:
    return set(m.all_items) if fires else set()


def g_marking(m: Matter) -> set[int]:
    return whole_report(m, m.raw["protective_marking"] == "CONFIDENTIAL")


def g_warrant(m: Matter) -> set[int]:
    return whole_report(m, matches(m, "G-WARRANT"))


def g_privilege(m: Matter) -> set[int]:
    return whole_report(m, matches(m, "G-PRIVILEGE"))


def g_visor(m: Matter) -> set[int]:
    return whole_report(m, m.declared["visor_derived"] and blank(m.declared["visor_permission"]))


def g_source(m: Matter) -> set[int]:
    return whole_report(m, matches(m, "G-SOURCE"))


def g_identity(m: Matter) -> set[int]:
    return {i for i in m.all_items if not m.subjects(i) or any(not person.resolves for person in m.subjects(i))}


def g_paso(m: Matter) -> set[int]:
    return whole_report(m, m.compartment)


def g_cata(m: Matter) -> set[int]:
    high = set(m.rules["high_categories"])
    alerts = set(m.rules["high_alerts"])

    def alerted(person: Person) -> bool:
        return person.standing is not None and bool((person.standing.alerts or set()) & alerts)

    def concerns(i: int) -> bool:
        if any(m.category(person) is None or m.category(person) in high or alerted(person) for person in m.subjects(i)):
            return True
        return any(alerted(p) or (p.standing is not None and p.standing.category in high) for p in m.associates(i))

    special = m.declared["terrorism"] or "EXTREMISM" in m.tags
    return {i for i in m.all_items if special or concerns(i)}


def g_staff(m: Matter) -> set[int]:
    return whole_report(m, bool(m.declared["concerns_staff"]) or "CORRUPTION" in m.tags)


def everybody(m: Matter, office: str) -> str | None:
    return "hold"


def other_side(m: Matter, office: str) -> str | None:
    same = m.estate.police(office) == m.estate.police(m.origin)
    return None if same or office == m.conduit else "hold"


def staff_word(m: Matter, office: str) -> str | None:
    prisons = m.declared["concerns_staff"]
    anywhere = "UNKNOWN" in prisons or not prisons
    kind, _, prison = office.partition(":")
    return "refuse" if kind == "security" and (anywhere or prison in prisons) else "hold"


GATES: tuple[tuple[str, Callable[[Matter], set[int]], Callable[[Matter, str], str | None]], ...] = (
    ("G-MARKING", g_marking, everybody),
    ("G-WARRANT", g_warrant, everybody),
    ("G-PRIVILEGE", g_privilege, everybody),
    ("G-VISOR", g_visor, everybody),
    ("G-SOURCE", g_source, everybody),
    ("G-IDENTITY", g_identity, everybody),
    ("G-PASO", g_paso, everybody),
    ("G-CATA", g_cata, other_side),
    ("G-STAFF", g_staff, staff_word),
)


def fired_gates(m: Matter) -> list[str]:
    return ["G-PASO"] if m.compartment else [name for name, items_of, _ in GATES if items_of(m)]


def gate_words(m: Matter) -> dict[str, Words]:
    said: dict[str, Words] = {}
    fired = fired_gates(m)
    for name, items_of, word in GATES:
        items = items_of(m) if name in fired else set()
        spoken = {(office, i): word(m, office) for office, i in m.pairs if i in items}
        said[name] = {pair: w for pair, w in spoken.items() if w}
    return said


# --- routing rules that say a word -----------------------------------------------------------------------------------


def r_unknown(m: Matter) -> Words:
    return {(o, i): "refuse" for o, i in m.pairs if m.estate.lacks(o) or m.estate.kind(o) == "feed"}


def r_inactive(m: Matter) -> Words:
    return {(o, i): "refuse" for o, i in m.pairs if not m.estate.lacks(o) and not m.estate.active(o)}


def r_cata(m: Matter) -> Words:
    return {(o, i): "hold" for o, i in m.pairs if o in m.cat_a_team_added(i)}


def r_seniority(m: Matter) -> Words:
    return {(o, i): "hold" for o, i in m.pairs if o in m.governors_added(i)}


def r_escort(m: Matter) -> Words:
    return {(o, i): "refuse" for o, i in m.pairs if m.estate.kind(o) == "escort"}


def r_inspector(m: Matter) -> Words:
    return {(o, i): "refuse" for o, i in m.pairs if m.estate.kind(o) == "inspector"}


def r_whereabouts(m: Matter) -> Words:
    said: Words = {}
    for office, i in m.pairs:
        kind, _, prison = office.partition(":")
        if kind in ("security", "governor") and office in m.ids(i) and office not in m.own and prison not in m.prisons(i):
            said[office, i] = "hold"
    return said


def r_follow(m: Matter) -> Words:
    said: Words = {}
    for office, i in m.pairs:
        through = m.role_offices(i).get(office, set()) | m.pio_offices(i).get(office, set())
        if m.codes[i] == "5" and office not in m.ids(i) and through - m.prisons_then(i):
            said[office, i] = "hold"
    return said


def r_evaluate(m: Matter) -> Words:
    if m.origin_kind in ("security", "governor"):
        spared = m.own | {m.conduit, "cat-a-team", "paso-unit"}
        return {(o, i): "hold" for o, i in m.pairs if o not in spared}
    if m.origin_kind in ("cat-a-team", "paso-unit"):
        return {(o, i): "hold" for o, i in m.pairs if m.estate.police(o)}
    return {}


ROUTING: tuple[tuple[str, Callable[[Matter], Words]], ...] = (
    ("R-UNKNOWN", r_unknown),
    ("R-INACTIVE", r_inactive),
    ("R-CATA", r_cata),
    ("R-SENIORITY", r_seniority),
    ("R-ESCORT", r_escort),
    ("R-INSPECTOR", r_inspector),
    ("R-WHEREABOUTS", r_whereabouts),
    ("R-FOLLOW", r_follow),
    ("R-EVALUATE", r_evaluate),
)
COMPARTMENT_ROUTING = ("R-UNKNOWN", "R-INACTIVE")


# --- the matrix ------------------------------------------------------------------------------------------------------
# For each code and column: the word if named, the word if not.

MATRIX: dict[str, tuple[str, str]] = {
    "H1-OWN": ("release", "release"), "H1-POLICE": ("release", "release"), "H1-LEA": ("release", "refuse"),
    "H1-PRISON": ("release", "hold"), "H1-NONPROS": ("hold", "refuse"),
    "H2-OWN": ("release", "release"), "H2-POLICE": ("release", "release"), "H2-LEA": ("release", "refuse"),
    "H2-PRISON": ("release", "hold"), "H2-NONPROS": ("release", "refuse"),
    "H3-OWN": ("release", "release"), "H3-POLICE": ("release", "release"), "H3-LEA": ("release", "refuse"),
    "H3-PRISON": ("release", "hold"), "H3-NONPROS": ("hold", "refuse"),
    "H4-OWN": ("refuse", "refuse"), "H4-POLICE": ("refuse", "refuse"), "H4-LEA": ("refuse", "refuse"),
    "H4-PRISON": ("refuse", "refuse"), "H4-NONPROS": ("refuse", "refuse"),
    "H5-OWN": ("release", "refuse"), "H5-POLICE": ("release", "refuse"), "H5-LEA": ("release", "refuse"),
    "H5-PRISON": ("release", "refuse"), "H5-NONPROS": ("hold", "refuse"),
}


def column(m: Matter, office: str) -> str | None:
    kind = m.estate.kind(office)
    if office in m.own:
        return "OWN"
    if kind in ("force", "fib", "pio", "pas"):
        return "POLICE"
    if kind in ("lea", "paso-unit"):
        return "LEA"
    if kind == "cat-a-team":
        return "PRISON"
    if kind in ("security", "governor"):
        return "NONPROS" if m.estate.contracted(office) else "PRISON"
    return "NONPROS" if kind == "probation" else None


def matrix_words(m: Matter) -> dict[str, Words]:
    said: dict[str, Words] = {cell: {} for cell in MATRIX}
    for office, i in m.pairs:
        where = column(m, office)
        if where is None:
            continue  # only kinds that a routing rule already refuses
        cell = f"H{m.codes[i]}-{where}"
        word = MATRIX[cell][0 if office in m.counts_as_named(i) else 1]
        if cell == "H4-OWN" and office in m.internal(i):
            word = "release"
        said[cell][office, i] = word
    return said


def h_sanitised(m: Matter, verdicts: Words) -> Words:
    """Refuse an item of which the office is released a fuller one, conditions apart."""
    said: Words = {}
    for office, i in m.pairs:
        fuller = m.raw["items"][i].get("sanitises")
        while fuller is not None:
            if verdicts.get((office, fuller)) == "release" and m.codes[fuller] != "5":
                said[office, i] = "refuse"
            fuller = m.raw["items"][fuller].get("sanitises")
    return said


# --- the decision ----------------------------------------------------------------------------------------------------


def strictest(m: Matter, said: dict[str, Words]) -> tuple[Words, dict[Pair, str]]:
    verdicts: Words = {}
    shown: dict[Pair, str] = {}
    for rule, words in said.items():
        for pair, word in words.items():
            if pair not in verdicts or STRICTNESS[word] > STRICTNESS[verdicts[pair]]:
                verdicts[pair], shown[pair] = word, rule
    return verdicts, shown


def speak(m: Matter) -> dict[str, Words]:
    """Every rule's words, in the order in which a rule is shown."""
    said = gate_words(m)
    said.update({name: rule(m) for name, rule in ROUTING if not m.compartment or name in COMPARTMENT_ROUTING})
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
    for rule, words in said.items():
        held = [i for (office, i), word in words.items() if word == "hold" and verdicts[office, i] == "hold"]
        opened += [(case_owner(m, rule, i, verdicts), rule) for i in held]
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
    outcomes = []
    for office in sorted({office for office, _ in m.pairs}):
        mine = sorted(i for who, i in m.pairs if who == office)
        released = [i for i in mine if verdicts[office, i] == "release"]
        rows = [{"item": i, "verdict": verdicts[office, i], "rule": shown[office, i]} for i in mine]
        outcomes.append({"office": office, "items": rows, "obligations": obligations(m, office, released)})
    gates = [{"gate": name, "effect": "compartment" if m.compartment else "hold"} for name in fired_gates(m)]
    return answer(m.raw["urn"], "ACCEPTED", gates, outcomes, cases(m, said, verdicts, referred))


# --- the register ----------------------------------------------------------------------------------------------------


def answer(urn: Any, status: str, gates: list[Row], outcomes: list[Row], opened: list[Row]) -> Row:
    return {"urn": urn if isinstance(urn, str) else None, "status": status, "gates": gates, "outcomes": outcomes, "cases": opened}


def rejected(urn: Any, rules: list[str]) -> Row:
    return answer(urn, "REJECTED", [{"gate": rule, "effect": "reject"} for rule in rules], [], [])


class Register:
    """What earlier lines left behind: accepted reports by originator and URN, and the risk each subject gathered."""

    def __init__(self) -> None:
        self.accepted: dict[tuple[str, str], Row] = {}
        self.risks: list[tuple[set[str], datetime, set[str]]] = []

    def completes_a_referral(self, m: Matter) -> bool:
        """Rule R-REFERRAL: this report, and not the ones before it, brings the words together."""
        if m.compartment:
            return False
        written = read_time(m.raw["created_at"]) or m.now
        subjects = [p for p in m.people if p.role == "SUBJECT" and p.key]
        found = any(self._completed(m, str(p.key), written) for p in subjects if m.category(p) not in list(m.rules["high_categories"]))
        self.risks.append(({str(p.key) for p in subjects}, written, m.tags))
        return found

    def _completed(self, m: Matter, key: str, written: datetime) -> bool:
        days = timedelta(days=m.rules["referral_days"])
        first, second = set(m.rules["referral_first"]), set(m.rules["referral_second"])

        def enough(reports: list[set[str]]) -> bool:
            tags = set().union(*reports)
            return len(reports) >= 2 and any(tags & second - {one} for one in tags & first)

        earlier = [(when, tags) for keys, when, tags in self.risks if key in {m.where.root(k) for k in keys}]
        starts = [when for when, _ in earlier if written - days <= when <= written] + [written]
        windows = [[tags for when, tags in earlier if start <= when <= start + days] for start in starts]
        return any(enough([*tags, m.tags]) for tags in windows) and not any(enough(tags) for tags in windows)


def read_line(line: str | Row) -> Any:
    def no_constant(name: str) -> None:
        raise ValueError(name)

    if not isinstance(line, str):
        return line
    try:
        return json.loads(line, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return None


def judge(lines: list[str] | list[Row] | list[str | Row], estate: list[Row], movements: list[Row], now: str,
          rules: Row | None = None) -> list[Row]:
    """What `pas explain --json --at now` prints for these lines, without `why`, `state` and `read_by`."""
    at = read_time(now)
    if at is None:
        raise ValueError("now is no RFC 3339 UTC time")
    book, directory, register = {**RULES, **(rules or {})}, Estate(estate, at), Register()
    printed = []
    for number, line in enumerate(lines, start=1):
        raw = read_line(line)
        if not isinstance(raw, dict):
            printed.append({"line": number, **rejected(None, ["V-SCHEMA"])})
            continue
        printed.append(judge_one(raw, directory, movements, at, book, register))
    return printed


def judge_one(raw: Row, directory: Estate, movements: list[Row], at: datetime, book: Row, register: Register) -> Row:
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
    matter = Matter(raw, directory, movements, at, book)
    return decide(matter, register.completes_a_referral(matter))
