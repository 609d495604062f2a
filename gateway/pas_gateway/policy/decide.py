"""`decide`: every office and item considered gets the most restrictive word that any rule says (domain, *Deciding*)."""

from __future__ import annotations

from collections.abc import Iterable

from pas_gateway.policy.cases import Judged, cases_of, paso_case
from pas_gateway.policy.gates import ItemFacts, Staff, holds_everybody, is_gatekept, item_facts, staff_concern
from pas_gateway.policy.matrix import matrix_word
from pas_gateway.policy.obligations import obligations_of
from pas_gateway.policy.routing import PASO_UNIT, Audience, Origin, audience, origin_of, routing_word, written_prisons
from pas_gateway.policy.situation import Situation
from pas_gateway.policy.verdicts import Gate, Outcome, Verdict, Verdicts
from pas_schemas.directory import Standing
from pas_schemas.models.report import Item, Report
from pas_schemas.rulebook import Rulebook
from pas_schemas.rules import GATES, LAST, Word


def decide(report: Report, situation: Situation, rulebook: Rulebook) -> Verdicts:
    """The decision on a report that passed border and validation: pure, total, deny by default.

    Of the words said of a pair the most restrictive wins, refuse before hold before release, and the rule shown is the
    first with that word: gates in their table's order, then routing, then the matrix cell, then H-SANITISED.
    """
    return _Decision(report, situation, rulebook).verdicts()


class _Decision:
    """One decision in the making: what holds for the whole report is worked out once."""

    def __init__(self, report: Report, situation: Situation, rulebook: Rulebook) -> None:
        self.report, self.situation, self.rulebook = report, situation, rulebook
        self.origin: Origin = origin_of(report, situation.estate)
        self.paso = report.declarations.protected_assisting_offender
        self.everybody: tuple[str, ...] = () if self.paso else holds_everybody(report, situation, rulebook)
        self.staff: Staff | None = None if self.paso else staff_concern(report, rulebook)
        gatekept = is_gatekept(report, rulebook)
        self.items = [item_facts(report, n, item, situation, rulebook, gatekept) for n, item in enumerate(report.items)]
        ends = report.handling.review_ends
        self.internal = frozenset(report.handling.internal_recipients) if ends is not None and ends > situation.now else frozenset()

    def verdicts(self) -> Verdicts:
        judged: Judged = {}
        by_id: set[str] = set()
        for item, facts in zip(self.report.items, self.items, strict=True):
            found = self._audience(item, facts)
            by_id |= found.by_id
            for office in found.considered:
                judged.setdefault(office, []).append(self._judge(office, facts, found))
        for office, verdicts in judged.items():
            judged[office] = _without_sanitised(verdicts, self.report.items, office in self.situation.accepted)
        outcomes = tuple(self._outcome(office, tuple(judged[office]), office in by_id) for office in sorted(judged))
        if self.paso:
            return Verdicts((Gate("G-PASO", "compartment"),), outcomes, paso_case())
        return Verdicts(self._gates(), outcomes, cases_of(self.report, self.situation, self.rulebook, self.origin, judged))

    def _audience(self, item: Item, facts: ItemFacts) -> Audience:
        """Who is considered; of a compartment report the unit alone, which counts as named for codes 1 to 3."""
        if not self.paso:
            return audience(self.report, item, facts, self.origin, self.situation.estate, self.rulebook)
        addressed = self.report.addressees_of(item)
        found = Audience(by_id=addressed & {PASO_UNIT})
        known = self.situation.estate.get(PASO_UNIT) is not None
        found.considered = {PASO_UNIT} if known or found.by_id else set()
        found.named = {PASO_UNIT} if facts.code in "123" else set(found.by_id)
        return found

    def _judge(self, office: str, facts: ItemFacts, found: Audience) -> Verdict:
        standing = self.situation.estate.get(office)
        words = self._gate_words(standing, facts)
        if self.paso:
            words += [word for word in routing_word(office, standing, facts, found, self.origin, frozenset()) if word[1] == "refuse"]
        else:
            words += routing_word(office, standing, facts, found, self.origin, written_prisons(facts, self.situation))
        cell = matrix_word(standing, facts, found, self.origin, self.internal, self.rulebook) if standing is not None else None
        if cell is not None:
            words.append(cell)
        return _most_restrictive(facts.index, words)

    def _gate_words(self, office: Standing | None, facts: ItemFacts) -> list[tuple[str, Word]]:
        if self.paso:
            return [("G-PASO", "hold")]
        words: list[tuple[str, Word]] = [(gate, "hold") for gate in self.everybody]
        if facts.unidentified:
            words.append(("G-IDENTITY", "hold"))
        if facts.gatekept and office is not None and office.police_side != self.origin.police_side and office.id != self.origin.conduit:
            words.append(("G-CATA", "hold"))
        if self.staff is not None:
            words.append(("G-STAFF", "refuse" if self.staff.refuses(office) else "hold"))
        return words

    def _gates(self) -> tuple[Gate, ...]:
        fired = set(self.everybody)
        if any(facts.unidentified for facts in self.items):
            fired.add("G-IDENTITY")
        if any(facts.gatekept for facts in self.items):
            fired.add("G-CATA")
        if self.staff is not None:
            fired.add("G-STAFF")
        return tuple(Gate(gate, "hold") for gate in GATES if gate in fired)

    def _outcome(self, office: str, verdicts: tuple[Verdict, ...], by_id: bool) -> Outcome:
        released = [self.items[verdict.item] for verdict in verdicts if verdict.word == "release"]
        standing = self.situation.estate.get(office)
        found = obligations_of(self.report, released, standing, self.origin) if released and standing else ()
        return Outcome(office, verdicts, found, by_id)


def _most_restrictive(item: int, words: list[tuple[str, Word]]) -> Verdict:
    """The strictest word and the first rule that says it; a pair of which nothing is said is refused."""
    holds = tuple(rule for rule, word in words if word == "hold")
    for rule, word in words:
        if word == "refuse":
            return Verdict(item, "refuse", rule, holds)
    if holds:
        return Verdict(item, "hold", holds[0], holds)
    return Verdict(item, "release", words[0][0], ()) if words else Verdict(item, "refuse", "R-UNKNOWN", ())


def _without_sanitised(verdicts: list[Verdict], items: tuple[Item, ...], accepted: bool) -> list[Verdict]:
    """H-SANITISED: whoever is released the fuller item, with no condition left to accept, gets no sanitised one."""
    if all(item.sanitises is None for item in items):
        return verdicts
    fuller = {verdict.item for verdict in verdicts if verdict.word == "release" and (accepted or items[verdict.item].handling != "5")}
    return [
        verdict._replace(word="refuse", rule=LAST)
        if verdict.word != "refuse" and not fuller.isdisjoint(_fuller_items(items, verdict.item))
        else verdict
        for verdict in verdicts
    ]


def _fuller_items(items: tuple[Item, ...], index: int) -> Iterable[int]:
    """Every item that this one sanitises, directly or through others; validation has refused circles."""
    fuller = items[index].sanitises
    while fuller is not None:
        yield fuller
        fuller = items[fuller].sanitises
