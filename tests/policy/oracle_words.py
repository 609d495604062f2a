"""The words of the oracle: one function for each row of the gates, the routing rules and the matrix."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from policy.oracle_border import blank
from policy.oracle_facts import Person, read_end
from policy.oracle_matter import Matter, Pair, Words

STRICTNESS = {"release": 0, "hold": 1, "refuse": 2}

# --- gates -----------------------------------------------------------------------------------------------------------
# One function for each row: the items for which the gate fires (None where it does not), and the word about each pair.


@lru_cache(maxsize=10_000)
def found_in(text: str, patterns: tuple[str, ...]) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns)


def matches(m: Matter, gate: str) -> bool:
    patterns = tuple(pattern for name, pattern in m.rules["text_rules"] if name == gate)
    return any(found_in(item["text"], patterns) for item in m.raw["items"])


def whole_report(m: Matter, fires: bool) -> set[int]:
    return set(m.all_items) if fires else set()


def g_pin(m: Matter) -> set[int]:
    """At the border it rejects; of an accepted report whose authorisation has run out since it holds."""
    intercept = m.declared["prison_intercept"]
    return whole_report(m, m.again and intercept is not None and not is_ahead(intercept["expires_at"], m))


def is_ahead(end: str | None, m: Matter) -> bool:
    moment = read_end(end)
    return moment is not None and moment > m.now


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
    ("G-PIN", g_pin, everybody),
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


def fired_items(m: Matter) -> dict[str, set[int]]:
    """The items each gate fires for; of a compartment report no other gate speaks."""
    return {name: items_of(m) if not m.compartment or name == "G-PASO" else set() for name, items_of, _ in GATES}


def fired_gates(m: Matter) -> list[str]:
    return [name for name, items in m.once("fired", lambda: fired_items(m)).items() if items]


def gate_words(m: Matter) -> dict[str, Words]:
    said: dict[str, Words] = {}
    fired = m.once("fired", lambda: fired_items(m))
    for name, _, word in GATES:
        items = fired[name]
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
        if m.codes[i] == "5" and office not in m.ids(i):
            through = m.role_offices(i).get(office, set()) | m.pio_offices(i).get(office, set())
            # Whom PAS discloses a code 5 item to waits for its originator as well: it goes no further without.
            if through - m.prisons_then(i) or office in m.governors_told(i):
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
    "H1-OWN": ("release", "release"),
    "H1-POLICE": ("release", "release"),
    "H1-LEA": ("release", "refuse"),
    "H1-PRISON": ("release", "hold"),
    "H1-NONPROS": ("hold", "refuse"),
    "H2-OWN": ("release", "release"),
    "H2-POLICE": ("release", "release"),
    "H2-LEA": ("release", "refuse"),
    "H2-PRISON": ("release", "hold"),
    "H2-NONPROS": ("release", "refuse"),
    "H3-OWN": ("release", "release"),
    "H3-POLICE": ("release", "release"),
    "H3-LEA": ("release", "refuse"),
    "H3-PRISON": ("release", "hold"),
    "H3-NONPROS": ("hold", "refuse"),
    "H4-OWN": ("refuse", "refuse"),
    "H4-POLICE": ("refuse", "refuse"),
    "H4-LEA": ("refuse", "refuse"),
    "H4-PRISON": ("refuse", "refuse"),
    "H4-NONPROS": ("refuse", "refuse"),
    "H5-OWN": ("release", "refuse"),
    "H5-POLICE": ("release", "refuse"),
    "H5-LEA": ("release", "refuse"),
    "H5-PRISON": ("release", "refuse"),
    "H5-NONPROS": ("hold", "refuse"),
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
        if cell == "H4-OWN" and office in m.internal(i) and is_ahead(m.handling["review_by"], m):
            word = "release"
        said[cell][office, i] = word
    return said


def h_sanitised(m: Matter, verdicts: Words) -> Words:
    """Refuse an item of which the office is released a fuller one, conditions apart."""
    said: Words = {}
    for office, i in m.pairs:
        fuller = m.raw["items"][i].get("sanitises")
        while fuller is not None:
            if verdicts.get((office, fuller)) == "release" and (m.codes[fuller] != "5" or office in m.accepted):
                said[office, i] = "refuse"
            fuller = m.raw["items"][fuller].get("sanitises")
    return said


def routing_words(m: Matter) -> dict[str, Words]:
    return {name: rule(m) for name, rule in ROUTING if not m.compartment or name in COMPARTMENT_ROUTING}


def strictest(m: Matter, said: dict[str, Words]) -> tuple[Words, dict[Pair, str]]:
    verdicts: Words = {}
    shown: dict[Pair, str] = {}
    for rule, words in said.items():
        for pair, word in words.items():
            if pair not in verdicts or STRICTNESS[word] > STRICTNESS[verdicts[pair]]:
                verdicts[pair], shown[pair] = word, rule
    return verdicts, shown
