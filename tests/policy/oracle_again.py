"""The oracle on an accepted report that is decided again: what people have ruled, whose conditions are accepted, who has gone home.

Rulings are sets of words like every other: one that counts takes a rule's hold away from a pair, or turns it into a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from policy.oracle import RULES, case_owner, cases, speak, tell
from policy.oracle_facts import Estate, Row, Whereabouts, in_order, read_time
from policy.oracle_matter import Matter, Pair, Words
from policy.oracle_words import MATRIX, h_sanitised, strictest

# Whatever PAS decides, these wait for the originator's own consent.
CONSENTS = ("R-FOLLOW", "H5-NONPROS")
LAST = "H-SANITISED"


@dataclass(frozen=True)
class Word:
    """What an owner says: on a pair about the rules it saw there; without a pair it notes reasons of its case."""

    owner: str
    word: str
    item: int | None
    office: str | None
    rules: frozenset[str]


@dataclass(frozen=True)
class Later:
    """What has become of a report since it was accepted: when the log took it, whose conditions are accepted, what was said, in order."""

    came: str
    accepted: frozenset[str] = frozenset()
    words: tuple[Word, ...] = ()


class Scene:
    """A directory and movements at one moment, for many reports."""

    def __init__(self, estate: list[Row], movements: list[Row], now: str, rules: Row = RULES) -> None:
        self.at, self.rules = moment(now), rules
        self.estate, self.where = Estate(estate, self.at), Whereabouts(in_order(movements), self.at)

    def matter(self, raw: Row, later: Later) -> Matter:
        return Matter(
            raw, self.estate, self.where, self.at, self.rules, came=moment(later.came), accepted=later.accepted, again=True,
            disclosing=disclosing(later.words),
        )  # fmt: skip


def disclosing(words: tuple[Word, ...]) -> frozenset[Pair]:
    """What PAS says last to rule 4 of an office and item: of code 5 items, of which it owns the case, that is its answer."""
    said = [one for one in words if one.owner == "pas" and "R-SENIORITY" in one.rules]
    last = {(one.office or "", -1 if one.item is None else one.item): one.word for one in said}
    return frozenset(pair for pair, word in last.items() if word == "release")


def moment(text: str) -> datetime:
    found = read_time(text)
    if found is None:
        raise ValueError("a moment is no RFC 3339 UTC time")
    return found


def decide_again(m: Matter, words: tuple[Word, ...]) -> Row:
    """The same shape as `judge` gives, of one accepted report."""
    said, verdicts, shown = rule(m, words)
    return tell(m, verdicts, shown, without_noted(cases(m, said, verdicts, referred=False), m, verdicts, words))


def rule(m: Matter, words: tuple[Word, ...]) -> tuple[dict[str, Words], Words, dict[Pair, str]]:
    """Every rule's words once people have spoken. Who owns an evaluation follows from what its conduit then has: that comes first."""
    return m.once(words, lambda: _rule(m, words))


def _rule(m: Matter, words: tuple[Word, ...]) -> tuple[dict[str, Words], Words, dict[Pair, str]]:
    plain = {name: dict(spoken) for name, spoken in speak(m).items() if name != LAST}
    held = {pair for pair, word in strictest(m, plain)[0].items() if word == "hold"}
    for name in (*(name for name in plain if name != "R-EVALUATE"), "R-EVALUATE"):
        pairs = sorted(pair for pair, word in plain.get(name, {}).items() if word == "hold" and pair in held)
        verdicts = sanitise(m, plain)[1] if name == "R-EVALUATE" and pairs else {}
        for office, i in pairs:
            owner = case_owner(m, name, i, verdicts)
            spoken = heard(words, m, name, owner, office, i)
            if spoken == "refuse":
                plain[name][office, i] = "refuse"
            elif spoken == "release" and name in MATRIX:
                plain[name][office, i] = "release"
            elif spoken == "release":
                del plain[name][office, i]
    return sanitise(m, plain)


def heard(words: tuple[Word, ...], m: Matter, name: str, owner: str, office: str, i: int) -> str | None:
    """What is said to one rule's hold: of each who may speak the last word counts, and a refusal beats."""
    on_it = [one for one in words if (one.item, one.office) == (i, office) and name in one.rules]
    speakers = {owner, m.origin} if name in CONSENTS else {owner}
    last = {one.owner: one.word for one in on_it if one.owner in speakers}
    if "refuse" in last.values():
        return "refuse"
    return "release" if last.get(m.origin if name in CONSENTS else owner) == "release" else None


def sanitise(m: Matter, plain: dict[str, Words]) -> tuple[dict[str, Words], Words, dict[Pair, str]]:
    said = {**plain, LAST: h_sanitised(m, strictest(m, plain)[0])}
    return said, *strictest(m, said)


def without_noted(opened: list[Row], m: Matter, verdicts: Words, words: tuple[Word, ...]) -> list[Row]:
    """Cases less the reasons that their owner has noted; of a compartment's one, once none of its pairs waits."""
    left = []
    for case in opened:
        noted = {name for one in words if one.owner == case["owner"] and one.item is None for name in one.rules}
        if m.compartment:
            before = rule(m, ())[1]
            answered = {pair for pair in m.pairs if before[pair] == "hold" != verdicts[pair]} or "G-PASO" in noted
            reasons = [] if answered and "hold" not in verdicts.values() else case["reasons"]
        else:
            reasons = [name for name in case["reasons"] if name not in noted or name in holding(m, verdicts, words)]
        if reasons:
            left.append({"owner": case["owner"], "reasons": reasons})
    return left


def holding(m: Matter, verdicts: Words, words: tuple[Word, ...]) -> set[str]:
    """The rules that hold a pair: these are ruled on, and no note answers them."""
    said = rule(m, words)[0]
    return {name for name, spoken in said.items() for pair, word in spoken.items() if word == "hold" and verdicts[pair] == "hold"}


def waiting(m: Matter) -> list[tuple[int, str, str, str]]:
    """What people are asked before anybody has spoken: item, office, rule and its owner."""
    said, verdicts, _ = rule(m, ())
    return sorted(
        (i, office, name, case_owner(m, name, i, verdicts))
        for name, spoken in said.items() for (office, i), word in spoken.items() if word == "hold" and verdicts[office, i] == "hold"
    )  # fmt: skip
