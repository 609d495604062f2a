"""`decide`: every office and item considered gets the most restrictive word that any rule says (domain, *Deciding*)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from pas_gateway.policy.cases import Judged, cases_of, owner_of, owner_of_code4, paso_case
from pas_gateway.policy.gates import ItemFacts, Staff, holds_everybody, is_gatekept, item_facts, person_facts, staff_concern
from pas_gateway.policy.matrix import column_of, reached_by
from pas_gateway.policy.obligations import obligations_of
from pas_gateway.policy.routing import (
    PASO_UNIT,
    Audience,
    Origin,
    Words,
    additions_of,
    audience,
    awaits_evaluation,
    governors_of,
    in_place,
    let_know,
    origin_of,
    routing_words,
    words_of,
)
from pas_gateway.policy.rulings import Answers, Pair, word_of
from pas_gateway.policy.situation import Situation
from pas_gateway.policy.verdicts import Gate, Outcome, Verdict, Verdicts
from pas_schemas.directory import PAS, PRISON_OFFICES, Estate, Standing
from pas_schemas.models.report import Item, Report
from pas_schemas.rulebook import Rulebook
from pas_schemas.rules import CELLS, GATES, LAST, Word

# What is kept of what words come to: the rules are few, and say the same of most items and offices.
MAX_VERDICTS = 4096
# And of offices as they read what one originator writes: an originator writes to some hundreds.
MAX_READERS = 1024


def decide(report: Report, situation: Situation, rulebook: Rulebook) -> Verdicts:
    """The decision on a report that passed border and validation: pure, total, deny by default.

    Of the words said of a pair the most restrictive wins, refuse before hold before release, and the rule shown is the
    first with that word: gates in their table's order, then routing, then the matrix cell, then H-SANITISED.
    """
    return _Decision(report, situation, rulebook).verdicts()


def obligations_for(report: Report, situation: Situation, rulebook: Rulebook, office: str, items: Iterable[int]) -> tuple[str, ...]:
    """What an office must observe that has these items, whatever would be decided of them today."""
    made = _Decision(report, situation, rulebook)
    standing, released = situation.estate.get(office), [made.items[item] for item in items]
    return obligations_of(report, released, standing, made.origin) if released and standing else ()


def left_out(report: Report, situation: Situation, rulebook: Rulebook) -> frozenset[Pair]:
    """The code 5 items, and the Governors, of whom a case `R-SENIORITY` asks whether they are to know (domain, *Routing*, rule 4)."""
    made = _Decision(report, situation, rulebook)
    return frozenset((facts.item, governor) for facts in made.items for governor in made.left_out(facts, made.first_audience(facts)))


def gates_fired(report: Report, situation: Situation, rulebook: Rulebook) -> frozenset[str]:
    """Every gate that fires on a report, whatever people ruled."""
    made = _Decision(report, situation, rulebook)
    return frozenset({"G-PASO"} if made.paso else {gate.gate for gate in made.fired()})


class _Reader(NamedTuple):
    """An office as a reader of this report, with what is the same for each of its items: `said` are the words that fall on every one,
    `gatekept` those that fall on one that G-CATA keeps."""

    id: str
    standing: Standing | None
    column: str | None
    handling_class: str
    said: Words
    gatekept: Words
    placed: bool
    awaits: bool


_UNKNOWN: Final = _Reader("", None, None, "none", words_of(None), words_of(None), placed=False, awaits=False)


@lru_cache(MAX_READERS)
def _read_as(office: str, estate: Estate, origin: Origin) -> _Reader:
    """An office of the estate as it reads what this originator writes, where neither G-STAFF nor G-PASO speaks."""
    standing = estate.offices[office]
    said = words_of(standing)
    across = standing.police_side != origin.police_side and office != origin.conduit
    gatekept: Words = (("G-CATA", "hold"), *said) if across else said
    placed = standing.kind in PRISON_OFFICES and office not in origin.own
    column, handled, awaits = column_of(standing, origin), standing.handling_class, awaits_evaluation(standing, origin)
    return _Reader(office, standing, column, handled, said, gatekept, placed, awaits)


class _Decision:
    """One decision in the making: what holds for the whole report, and for an office, is worked out once."""

    def __init__(self, report: Report, situation: Situation, rulebook: Rulebook) -> None:
        self.report, self.situation, self.rulebook = report, situation, rulebook
        self.origin: Origin = origin_of(report, situation.estate)
        self.paso = report.declarations.protected_assisting_offender or situation.apart
        self.everybody: tuple[str, ...] = ("G-PASO",) if self.paso else holds_everybody(report, situation, rulebook)
        self.staff: Staff | None = None if self.paso else staff_concern(report, rulebook)
        gatekept = is_gatekept(report, rulebook)
        people = [person_facts(person, situation, rulebook) for person in report.subjects]
        self.items = [item_facts(report, n, item, people, gatekept) for n, item in enumerate(report.items)]
        self.gates: list[Words] = [tuple([(gate, "hold") for gate in self._held_by(facts)]) for facts in self.items]
        self.fuller = {n: frozenset(_fuller_items(report.items, n)) for n, item in enumerate(report.items) if item.sanitises is not None}
        self.over: frozenset[int] = frozenset().union(*self.fuller.values())
        self.additions = additions_of(report, rulebook)
        self.ruled, self.unclosed = bool(situation.rulings), situation.unclosed
        self.readers: dict[str, _Reader] = {}
        self.audiences: dict[object, Audience] = {}
        self.owed: dict[object, tuple[str, ...]] = {}
        ends = report.handling.review_ends
        self.internal = frozenset(report.handling.internal_recipients) if ends is not None and ends > situation.now else frozenset()

    def verdicts(self) -> Verdicts:
        judged: Judged = {}
        by_id: set[str] = set()
        for facts in self.items:
            found = self._audience_of(facts)
            by_id |= found.by_id
            for office, verdict in self._judge(facts, found, found.considered):
                if office in judged:
                    judged[office].append(verdict)
                else:
                    judged[office] = [verdict]
        if self.fuller:
            judged = {office: self._without_sanitised(office, verdicts) for office, verdicts in judged.items()}
        outcomes = tuple(self._outcome(office, tuple(judged[office]), office in by_id) for office in sorted(judged))
        if self.paso:
            return Verdicts((Gate("G-PASO", "compartment"),), outcomes, paso_case(self.situation, judged))
        return Verdicts(self.fired(), outcomes, cases_of(self.report, self.situation, self.rulebook, self.origin, judged))

    def _held_by(self, facts: ItemFacts) -> tuple[str, ...]:
        """The gates that hold an item for everybody; of a compartment report G-PASO alone speaks."""
        return (*self.everybody, "G-IDENTITY") if facts.unidentified and not self.paso else self.everybody

    def _audience_of(self, facts: ItemFacts) -> Audience:
        """Who is considered, with those whom people decided to let know."""
        found = self.first_audience(facts)
        if facts.code != "5" or not self.ruled:
            return found
        decided = [governor for governor in self.left_out(facts, found) if self._is_let_know(facts.item, governor)]
        return let_know(found, frozenset(decided)) if decided else found

    def first_audience(self, facts: ItemFacts) -> Audience:
        """Items that concern and address the same, under the same kind of code, have one audience."""
        item = self.report.items[facts.item]
        if facts.item in self.situation.by_pas and item.sanitises is not None:
            fuller = self._audience_of(above := self.items[item.sanitises])
            leads_to = fuller.considered | self.left_out(above, fuller)
            return in_place(self._audience(item, facts), self.report.addressees_of(item), fuller, leads_to)
        same = (item.subjects, item.addressees, facts.code if facts.code in "45" else "")
        return self.audiences.get(same) or self.audiences.setdefault(same, self._audience(item, facts))

    def left_out(self, facts: ItemFacts, found: Audience) -> frozenset[str]:
        """The Governors whom rule 4 would add to a code 5 item if it were of another code: PAS may decide to let them know."""
        if facts.code != "5" or self.paso or not self.additions.governors:
            return frozenset()
        return governors_of(facts, found, self.situation.estate).intersection(self.situation.estate.offices) - {self.origin.id}

    def _is_let_know(self, item: int, governor: str) -> bool:
        return self.situation.rulings.on(item, governor).get((PAS, "R-SENIORITY")) == "release"

    def _audience(self, item: Item, facts: ItemFacts) -> Audience:
        """Who is considered; of a compartment report the unit alone, which counts as named for codes 1 to 3."""
        if not self.paso:
            return audience(self.report, item, facts, self.origin, self.situation.estate, self.additions)
        addressed = self.report.addressees_of(item)
        found = Audience(by_id=addressed & {PASO_UNIT})
        known = self.situation.estate.get(PASO_UNIT) is not None
        found.considered = {PASO_UNIT} if known or found.by_id else set()
        found.named = {PASO_UNIT} if facts.code in "123" else set(found.by_id)
        return found

    def _meet(self, office: str) -> _Reader:
        estate, origin = self.situation.estate, self.origin
        reader = _read_as(office, estate, origin) if office in estate.offices else _UNKNOWN._replace(id=office)
        if self.paso:
            reader = reader._replace(gatekept=reader.said)
        elif self.staff is not None:
            kept = reader.gatekept[: len(reader.gatekept) - len(reader.said)]
            said: Words = (("G-STAFF", "refuse" if self.staff.refuses(office, reader.standing) else "hold"), *reader.said)
            reader = reader._replace(said=said, gatekept=(*kept, *said))
        self.readers[office] = reader
        return reader

    def _judge(self, facts: ItemFacts, found: Audience, offices: Iterable[str]) -> list[tuple[str, Verdict]]:
        """The verdict on an item for each of these offices, all of them in its audience."""
        index, row, told = facts.item, self.rulebook.cells[facts.code], []
        # A text that its originator did not close for an office is not meant for it, and nobody else can open it.
        internal = self.internal.difference([office for item, office in self.unclosed if item == index]) if self.unclosed else self.internal
        reached, singled_out = reached_by(facts, found, internal), found.singled_out(facts)
        gates, readers = self.gates[index], self.readers
        for office in offices:
            reader = readers.get(office) or self._meet(office)
            words = gates + (reader.gatekept if facts.gatekept else reader.said)
            if reader.standing is not None and (reader.awaits or office in singled_out) and not self.paso:
                # Of a compartment report no gate speaks but its own, and of the routing rules those alone that refuse.
                words += routing_words(reader.standing, facts, found, placed=reader.placed, awaits=reader.awaits)
            if reader.column is not None:
                named, other = row[reader.column]
                words += (named if office in reached else other,)
            answers = self.situation.rulings.on(index, office) if self.ruled else None
            told.append((office, self._after_rulings(facts, words, answers) if answers else _most_restrictive(index, words)))
        return told

    def _after_rulings(self, facts: ItemFacts, words: Words, answers: Answers) -> Verdict:
        """The words once people have answered: a rule that was released says nothing more, one that was refused says refuse.

        A matrix cell that held says release under its own id, so that what is left is never nothing.
        """
        left: list[tuple[str, Word]] = []
        answered: list[str] = []
        secret = self.secret_owner if facts.code == "4" and not self.paso else None
        for rule, word in words:
            conduit_has = rule == "R-EVALUATE" and facts.item in self.conduit_has
            said = word_of(answers, rule, owner_of(rule, secret, conduit_has, self.origin), self.origin.id) if word == "hold" else None
            if said == "release" and rule == "G-IDENTITY" and self._is_doubted(facts.item):
                # Whoever releases it cannot know who it is on: it holds again.
                said = None
            if said == "release":
                answered.append(rule)
            if said == "refuse":
                left.append((rule, "refuse"))
            elif said is None or rule in CELLS:
                left.append((rule, "release" if said else word))
        verdict = _most_restrictive(facts.item, tuple(left))
        return verdict._replace(answered=tuple(answered)) if verdict.word == "release" else verdict

    def _is_doubted(self, index: int) -> bool:
        people = (self.report.subjects[one] for one in self.report.subjects_of(self.report.items[index]))
        return any(not self.situation.doubted.isdisjoint({one.noms_number, one.pnc_id}) for one in people)

    @cached_property
    def secret_owner(self) -> str:
        return owner_of_code4(self.origin, self.situation)

    @cached_property
    def conduit_has(self) -> frozenset[int]:
        """The items that the conduit itself is released: of those it owns the evaluation."""
        conduit = self.origin.conduit
        if conduit is None:
            return frozenset()
        mine = [
            verdict
            for facts in self.items
            if conduit in (found := self._audience_of(facts)).considered
            for _, verdict in self._judge(facts, found, (conduit,))
        ]
        return frozenset(verdict.item for verdict in self._without_sanitised(conduit, mine) if verdict.word == "release")

    def _without_sanitised(self, office: str, verdicts: list[Verdict]) -> list[Verdict]:
        """H-SANITISED: whoever is released the fuller item, with no condition left to accept, gets no sanitised one."""
        accepted = office in self.situation.accepted
        has = [v.item for v in verdicts if v.item in self.over and v.word == "release" and (accepted or self.items[v.item].code != "5")]
        if not has:
            return verdicts
        return [
            Verdict(v.item, "refuse", LAST, v.holds)
            if v.item in self.fuller and v.word != "refuse" and not self.fuller[v.item].isdisjoint(has) else v
            for v in verdicts
        ]  # fmt: skip

    def fired(self) -> tuple[Gate, ...]:
        fired = set(self.everybody)
        if any(facts.unidentified for facts in self.items):
            fired.add("G-IDENTITY")
        if any(facts.gatekept for facts in self.items):
            fired.add("G-CATA")
        if self.staff is not None:
            fired.add("G-STAFF")
        return tuple(Gate(gate, "hold") for gate in GATES if gate in fired)

    def _outcome(self, office: str, verdicts: tuple[Verdict, ...], by_id: bool) -> Outcome:
        released = tuple([verdict.item for verdict in verdicts if verdict.word == "release"])
        reader = self.readers[office]
        standing = reader.standing
        if not released or standing is None:
            return Outcome(office, verdicts, (), by_id)
        same = (released, reader.handling_class, office == self.origin.conduit)
        owed = self.owed.get(same)
        if owed is None:
            owed = self.owed[same] = obligations_of(self.report, [self.items[item] for item in released], standing, self.origin)
        return Outcome(office, verdicts, owed, by_id)


@lru_cache(MAX_VERDICTS)
def _most_restrictive(item: int, words: Words) -> Verdict:
    """The strictest word and the first rule that says it; a pair of which nothing is said is refused."""
    if len(words) == 1:
        rule, word = words[0]
        return Verdict(item, word, rule, (rule,) if word == "hold" else ())
    holds = tuple([rule for rule, word in words if word == "hold"])
    for rule, word in words:
        if word == "refuse":
            return Verdict(item, "refuse", rule, holds)
    if holds:
        return Verdict(item, "hold", holds[0], holds)
    return Verdict(item, "release", words[0][0], ()) if words else Verdict(item, "refuse", "R-UNKNOWN", ())


def _fuller_items(items: tuple[Item, ...], index: int) -> Iterable[int]:
    """Every item that this one sanitises, directly or through others; validation has refused circles."""
    fuller = items[index].sanitises
    while fuller is not None:
        yield fuller
        fuller = items[fuller].sanitises
