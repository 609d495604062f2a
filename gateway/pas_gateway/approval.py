"""Approvals: proof, which nothing else can make, that the signatures a release needs were found good against the directory.

Policy says what a ruling does (`pas_gateway.policy.rulings`); here stored statements become rulings, and only those that
were signed by as many different people as the rulebook asks for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Final, NoReturn, final

from pas_gateway.casebook import item_ref
from pas_gateway.competence import find_objection
from pas_gateway.office import PasOffice
from pas_gateway.policy.rulings import CONSENTED, SUMMARISED, Pair, Ruling, Rulings, Said
from pas_gateway.signatures import RefusedStatementError, Signed, verify_signed
from pas_schemas.clock import parse_end
from pas_schemas.errors import MisuseError
from pas_schemas.models.decision import Consent, Decision, Second, Summary
from pas_schemas.models.report import Item, Report, split_grade
from pas_schemas.rulebook import Rulebook
from pas_schemas.rules import CELLS

_MADE_HERE: Final = object()


@final
@dataclass(frozen=True, slots=True)
class Approval:
    """That these people signed for this item to go to this office, answering these rules. Only `approve` makes one."""

    report: bytes
    item: int
    office: str
    rules: frozenset[str]
    people: frozenset[str]
    made_by: InitVar[object] = None

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _MADE_HERE:
            raise MisuseError("An approval is made where signatures are verified, and nowhere else.", "this is a fault of the program")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise MisuseError("An approval is neither copied nor pickled.", "verify the signatures again")


@dataclass(frozen=True, slots=True)
class Written:
    """A text that PAS wrote in the place of the item `fuller`: `statement` is the decision that holds it."""

    item: int
    fuller: int
    text: str = field(repr=False)
    grade: str
    statement: bytes


@dataclass(frozen=True, slots=True)
class Regrade:
    """A grade given after the originator's own, which stays beside it."""

    item: int
    grade: str
    office: str


@dataclass(frozen=True, slots=True)
class Approved:
    """What the statements on a report come to: `report` has its regrades and, after its own items, the texts written by PAS.

    `unmatched` is true where it goes out though the report that it corrects has not come.
    """

    report: Report = field(repr=False)
    rulings: Rulings = field(default_factory=Rulings, repr=False)
    approvals: Mapping[Pair, Approval] = field(default_factory=dict, repr=False)
    written: tuple[Written, ...] = ()
    regrades: tuple[Regrade, ...] = ()
    complete: frozenset[bytes] = frozenset()
    silent_until: Mapping[str, datetime] = field(default_factory=dict)
    unmatched: bool = False


def needs_two(report: Report, item: Item | None, gates: Collection[str], rules: Iterable[str], rulebook: Rulebook) -> bool:
    """Whether the rulebook asks for two people (its `four_eyes`); without an item, for the report as a whole."""
    asked = rulebook.four_eyes
    codes = {item.handling} if item is not None else {one.handling for one in report.items}
    override = report.priority in asked.overrides and any(rule in CELLS for rule in rules)
    return bool(codes & asked.codes) or report.protective_marking in asked.markings or not asked.gates.isdisjoint(gates) or override


def read_stored(statements: Sequence[bytes], report: Report, office: PasOffice) -> list[Signed]:
    """Those of a report's statements that still stand every check they stood when they came."""
    found: list[Signed] = []
    offices: dict[bytes, frozenset[str]] = {}
    for data in statements:
        try:
            signed = verify_signed(data, office.snapshot)
            about = offices_of(signed, offices)
            if find_objection(signed, report, about, office) is None:
                found.append(signed)
                offices[signed.digest] = about
        except RefusedStatementError:
            # Written by another hand than the gateway's: it counts for nothing.
            continue
    return found


def offices_of(signed: Signed, known: Mapping[bytes, frozenset[str]]) -> frozenset[str]:
    """The offices that a statement is about; `known` are those of earlier ones, which it may agree with."""
    if isinstance(signed.said, Second):
        return known.get(signed.said.statement, frozenset())
    if isinstance(signed.said, Summary):
        return frozenset(signed.said.escorts)
    return frozenset(pair.office for pair in signed.said.pairs) if isinstance(signed.said, Decision) else frozenset()


def approve(
    report_id: bytes, report: Report, gates: Collection[str], signed: Sequence[Signed], now: datetime, office: PasOffice
) -> Approved:
    """What the signatures on a report approve. `report` is as its originator wrote it, `gates` those that fired on it."""
    return _Approving(report_id, report, gates, signed, now, office).approved()


class _Approving:
    """The statements on one report, in the order in which they came."""

    def __init__(
        self, report_id: bytes, report: Report, gates: Collection[str], signed: Sequence[Signed], now: datetime, office: PasOffice
    ) -> None:
        self.id, self.original, self.gates, self.now, self.office = report_id, report, gates, now, office
        self.report = report
        self.decisions = [(one, one.said) for one in signed if isinstance(one.said, Decision)]
        self.summaries = [(one, one.said) for one in signed if isinstance(one.said, Summary)]
        self.consents = [(one, one.said) for one in signed if isinstance(one.said, Consent)]
        self.seconds = [(place, one, one.said) for place, one in enumerate(signed) if isinstance(one.said, Second)]
        self.places = {one.digest: place for place, one in enumerate(signed)}
        self.rulings: list[Ruling] = []
        self.people: dict[Pair, set[str]] = {}
        self.complete: set[bytes] = set()
        self.regrades: list[Regrade] = []
        self.written: list[Written] = []
        self.silent: dict[str, datetime] = {}
        self.unmatched = False

    def approved(self) -> Approved:
        self._regrade()
        for _, one, said in sorted(self._placed(), key=lambda found: found[0]):
            # Asked one by one: what came before may have given the item a grade that wants two people.
            if self._is_complete(one, said):
                self._rule(one, said)
        for one, summary in self.summaries:
            # Nothing of the report goes out by it: one person is enough, and it answers what the case asks.
            self.complete.add(one.digest)
            self.rulings.append(Ruling(summary.office, "release", None, None, SUMMARISED))
        for one, consent in self.consents:
            self._consent(one, consent)
        approvals = {pair: self._approval(pair, people) for pair, people in self.people.items()}
        return Approved(
            self.report, Rulings(self.rulings), approvals, tuple(self.written), tuple(self.regrades), frozenset(self.complete), self.silent,
            self.unmatched,
        )  # fmt: skip

    def signers(self, one: Signed) -> frozenset[str]:
        """Who signed a statement: its author, and everybody else of the office who agreed with it."""
        agreed = {s.person for _, _, s in self.seconds if s.statement == one.digest and s.office == one.said.office}
        return frozenset(agreed | {one.said.person})

    def _placed(self) -> list[tuple[int, Signed, Decision]]:
        """Decisions, each with the place of the statement that may make it count: its own, or where it needs two the first agreement."""
        found = []
        for one, said in self.decisions:
            agreed = [place for place, _, s in self.seconds if s.statement == one.digest]
            found.append((min(agreed) if agreed and self._two(said) else self.places[one.digest], one, said))
        return found

    def _is_complete(self, one: Signed, said: Decision) -> bool:
        people = self.signers(one)
        if said.choice == "RELEASE" and self._consented(said):
            # The originator's person has looked at the same pairs: with one at PAS these are two.
            people |= {consent.person for _, consent in self.consents if consent.choice == "GRANT" and self._speaks_of(consent, said)}
        return len(people) >= (2 if self._two(said) else 1)

    def _consented(self, said: Decision) -> bool:
        return bool(said.pairs) and all(not CONSENTED.isdisjoint(pair.rules) for pair in said.pairs)

    def _speaks_of(self, consent: Consent, said: Decision) -> bool:
        asked = {(self.index(said.office, pair.item), pair.office) for pair in said.pairs}
        return asked == {(self.index(consent.office, consent.item), consent.recipient)}

    def _two(self, said: Decision) -> bool:
        """Whether a decision needs a second person; a refusal, a return and a note release nothing, a text of PAS's own always does."""
        if said.choice == "SANITISE":
            return True
        if said.choice == "ACCEPT_SILENCE" or (said.choice == "RELEASE" and said.reasons):
            return needs_two(self.original, None, self.gates, (), self.office.rulebook)
        return said.choice == "RELEASE" and any(self._pair_needs_two(said, pair.item, pair.rules) for pair in said.pairs)

    def _pair_needs_two(self, said: Decision, ref: bytes, rules: Iterable[str]) -> bool:
        index = self.index(said.office, ref)
        if index is None:
            return True
        items = [report.items[index] for report in (self.original, self.report) if index < len(report.items)]
        items += [items[0].model_copy(update={"handling": said.grade[2]})] if items and said.grade else []
        return not items or any(needs_two(self.original, item, self.gates, rules, self.office.rulebook) for item in items)

    def index(self, owner: str, ref: bytes) -> int | None:
        """The item that an owner calls so."""
        key, count = self.office.register_id_key, len(self.original.items) + sum(said.choice == "SANITISE" for _, said in self.decisions)
        return next((index for index in range(count) if item_ref(key, self.id, owner, index) == ref), None)

    def _regrade(self) -> None:
        """The originator's own regrades first: every ruling is on items as they are graded now."""
        for one, said in self.consents:
            index = self.index(said.office, said.item)
            if said.choice != "REGRADE" or said.grade is None or index is None or index >= len(self.original.items):
                continue
            regraded = self.original.items[index].model_copy(update={"handling": said.grade[2]})
            if len(self.signers(one)) >= (2 if needs_two(self.original, regraded, self.gates, (), self.office.rulebook) else 1):
                self.complete.add(one.digest)
                self._set_grade(index, said.grade, said.office)

    def _set_grade(self, index: int, grade: str, office: str) -> None:
        items = tuple(item.model_copy(update=split_grade(grade)) if n == index else item for n, item in enumerate(self.report.items))
        self.report = self.report.model_copy(update={"items": items})
        self.regrades.append(Regrade(index, grade, office))

    def _rule(self, one: Signed, said: Decision) -> None:
        self.complete.add(one.digest)
        if said.choice in ("NOTE", "ACCEPT_SILENCE") or said.reasons:
            self._answer_reasons(said)
            self.unmatched |= said.choice == "RELEASE"
        for pair in said.pairs:
            index = self.index(said.office, pair.item)
            if index is None or said.choice in ("RETURN", "NOTE", "ACCEPT_SILENCE"):
                continue
            rules = frozenset(pair.rules)
            if said.choice == "RELEASE":
                self._release(one, said, index, pair.office, rules)
            else:
                self.rulings.append(Ruling(said.office, "refuse", index, pair.office, rules))
        if said.choice == "SANITISE":
            self._sanitise(one, said)

    def _release(self, one: Signed, said: Decision, index: int, office: str, rules: frozenset[str]) -> None:
        if said.grade is not None and index < len(self.original.items):
            self._set_grade(index, said.grade, said.office)
        self.rulings.append(Ruling(said.office, "release", index, office, rules))
        self.people.setdefault((index, office), set()).update(self.signers(one))

    def _answer_reasons(self, said: Decision) -> None:
        if said.choice == "ACCEPT_SILENCE":
            until = parse_end(said.until) if said.until else self.now
            if until <= self.now:
                return
            self.silent[said.office] = until
        self.rulings.append(Ruling(said.office, "release", None, None, frozenset(said.reasons)))

    def _sanitise(self, one: Signed, said: Decision) -> None:
        """The text becomes an item after the others, addressed to the offices ruled on and to nobody else, and policy decides of it too."""
        fuller = self.index(said.office, said.pairs[0].item) if said.pairs else None
        if fuller is None or fuller >= len(self.original.items) or said.text is None or said.grade is None:
            return
        index = len(self.report.items)
        source = self.original.items[fuller]
        new = source.model_copy(update={
            **split_grade(said.grade), "text": said.text, "sanitises": fuller, "addressees": tuple(pair.office for pair in said.pairs),
            "subjects": self.original.subjects_of(source), "source_reference": None, "corroboration": None,
        })  # fmt: skip
        self.report = self.report.model_copy(update={"items": (*self.report.items, new)})
        self.written.append(Written(index, fuller, said.text, said.grade, one.digest))
        for pair in said.pairs:
            self.rulings.append(Ruling(said.office, "release", index, pair.office, frozenset(pair.rules)))
            self.people.setdefault((index, pair.office), set()).update(self.signers(one))

    def _consent(self, one: Signed, said: Consent) -> None:
        index = self.index(said.office, said.item)
        if said.choice == "REGRADE" or index is None or said.recipient is None or index >= len(self.original.items):
            return
        people = self.signers(one) | self.people.get((index, said.recipient), set())
        needed = 2 if needs_two(self.original, self.original.items[index], self.gates, CONSENTED, self.office.rulebook) else 1
        if said.choice == "REFUSE" or len(people) >= needed:
            self.complete.add(one.digest)
            word: Said = "release" if said.choice == "GRANT" else "refuse"
            self.rulings.append(Ruling(said.office, word, index, said.recipient, CONSENTED))
            self.people.setdefault((index, said.recipient), set()).update(people)

    def _approval(self, pair: Pair, people: set[str]) -> Approval:
        answered = (r.rules for r in self.rulings if (r.item, r.office) == pair and r.word == "release")
        return Approval(self.id, *pair, frozenset().union(*answered), frozenset(people), made_by=_MADE_HERE)
