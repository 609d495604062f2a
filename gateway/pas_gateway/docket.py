"""One report with its cases and everything people signed about it, as it stands while statements are taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from pas_gateway.again import Judgement, Standing, find_standing, judge_again
from pas_gateway.audit import Scribe
from pas_gateway.casebook import item_ref, view_of
from pas_gateway.judge import Bench
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.policy.decide import left_out
from pas_gateway.policy.rulings import Pair
from pas_gateway.policy.verdicts import Case, Verdicts
from pas_gateway.register import queries
from pas_gateway.register.queries import CaseRow
from pas_gateway.signatures import Signed
from pas_schemas.directory import PAS


@dataclass
class Docket:
    """`verdicts` are those the register has filed until something new was signed, then those that come of it."""

    standing: Standing = field(repr=False)
    rows: dict[str, CaseRow] = field(repr=False)
    verdicts: Verdicts = field(repr=False)
    judged: Judgement = field(repr=False)
    states: dict[str, str] = field(default_factory=dict)
    new: list[Signed] = field(default_factory=list, repr=False)

    @property
    def id(self) -> bytes:
        return self.standing.kept.id

    @property
    def signed(self) -> tuple[Signed, ...]:
        return self.standing.signed

    def case(self, owner: str) -> Case | None:
        """What waits for an owner now."""
        return next((case for case in self.verdicts.cases if case.owner == owner), None)

    def state(self, owner: str) -> str:
        row = next((row for row in self.rows.values() if row.owner == owner), None)
        return self.states.get(owner) or (row.state if row else "CLOSED")

    @property
    def released(self) -> frozenset[Pair]:
        """What comes out as released today, by what was signed so far: of a pair that waits, where its rules hold it no longer."""
        outcomes = self.judged.verdicts.outcomes
        return frozenset((item, outcome.office) for outcome in outcomes for item in outcome.released)

    def items(self, owner: str, office: PasOffice) -> dict[bytes, int]:
        """Every item by the reference this owner knows it under."""
        count = len(self.judged.one.report.items)
        return {item_ref(office.register_id_key, self.id, owner, index): index for index in range(count)}

    def view(self, owner: str, office: PasOffice) -> bytes | None:
        """What the owner must have seen."""
        case = self.case(owner)
        return None if case is None else view_of(office.register_id_key, self.id, case)

    def left_out(self, owner: str, office: PasOffice) -> frozenset[Pair]:
        """The code 5 items and Governors of whom a bare reason `R-SENIORITY` of this owner asks whether they are to know."""
        case = self.case(owner)
        if case is None or owner != PAS or "R-SENIORITY" not in set(case.reasons) - {pair.rule for pair in case.held}:
            return frozenset()
        return left_out(self.judged.one.report, self.judged.situation, office.rulebook)

    def add(self, signed: Signed, knowledge: Knowledge, bench: Bench, office: PasOffice) -> None:
        """One more statement, and what comes of it."""
        self.new.append(signed)
        self.standing = replace(self.standing, signed=(*self.standing.signed, signed))
        self.judged = judge_again(self.standing, self.standing.kept.acceptances, knowledge, bench, office, unmatched=self._unmatched)
        self.verdicts = self.judged.verdicts

    @property
    def _unmatched(self) -> bool:
        return self.standing.kept.waits == "UNMATCHED"


def open_dockets(
    register: sa.Connection, reports: Iterable[bytes], knowledge: Knowledge, office: PasOffice, scribe: Scribe
) -> dict[bytes, Docket]:
    """The dockets of these reports; those whose body is gone or damaged have none."""
    # Of what is damaged PAS is told where it is decided again, not each time somebody looks.
    standing = find_standing(register, reports, knowledge, office, scribe, Plan())
    rows: dict[bytes, list[CaseRow]] = {}
    for row in queries.find_cases(register, [one.kept.id for one in standing]):
        rows.setdefault(row.report, []).append(row)
    bench = Bench(scribe.now, office.snapshot, office.rulebook)
    return {one.kept.id: _open(one, rows.get(one.kept.id, ()), knowledge, bench, office) for one in standing}


def _open(one: Standing, rows: Sequence[CaseRow], knowledge: Knowledge, bench: Bench, office: PasOffice) -> Docket:
    judged = judge_again(one, one.kept.acceptances, knowledge, bench, office, unmatched=one.kept.waits == "UNMATCHED")
    return Docket(one, {row.id: row for row in rows}, one.verdicts, judged)
