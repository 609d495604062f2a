"""Wrong brokers: one word of one rule turned, one line of a decision left out, or one function of the policy replaced by a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from pas_gateway import judge
from pas_gateway.policy import cases, decide, gates, routing, whereabouts
from pas_gateway.policy.gates import Staff
from pas_gateway.policy.routing import Additions
from pas_gateway.policy.verdicts import Outcome, Verdict, Verdicts
from pas_schemas.directory import POLICE_SIDE, Estate, Standing
from pas_schemas.rulebook import Cell, Rulebook, shipped_rulebook
from pas_schemas.rules import Word

TURNED: dict[Word, Word] = {"release": "hold", "hold": "release", "refuse": "hold"}


def with_cell(code: str, column: str, place: str) -> Rulebook:
    """The shipped rulebook with one word of one cell turned; not as a file, for of codes 4 and 5 the gateway would refuse it."""
    book = shipped_rulebook()
    cell: Cell = book.matrix[code][column]
    turned = cell.model_copy(update={place: TURNED[getattr(cell, place)]})
    return replace(book, matrix=book.matrix | {code: book.matrix[code] | {column: turned}})


# --- a decision with one thing wrong --------------------------------------------------------------------------------------


@contextmanager
def answering(change: Callable[[Verdicts], Verdicts]) -> Iterator[None]:
    right = judge.decide
    with patch.object(judge, "decide", lambda *given: change(right(*given))):
        yield


def turning(rule: str) -> Callable[[Verdicts], Verdicts]:
    """Where this rule is the one shown, the other word."""

    def turn(verdict: Verdict) -> Verdict:
        return verdict._replace(word=TURNED[verdict.word]) if verdict.rule == rule else verdict

    def change(said: Verdicts) -> Verdicts:
        return replace(said, outcomes=tuple(o._replace(verdicts=tuple(map(turn, o.verdicts))) for o in said.outcomes))

    return change


def without_gate(gate: str) -> Callable[[Verdicts], Verdicts]:
    return lambda said: replace(said, gates=tuple(one for one in said.gates if one.gate != gate))


def without_reason(reason: str) -> Callable[[Verdicts], Verdicts]:
    def change(said: Verdicts) -> Verdicts:
        left = [case._replace(reasons=tuple(one for one in case.reasons if one != reason)) for case in said.cases]
        return replace(said, cases=tuple(case for case in left if case.reasons))

    return change


def without_obligation(word: str) -> Callable[[Verdicts], Verdicts]:
    def less(outcome: Outcome) -> Outcome:
        return outcome._replace(obligations=tuple(one for one in outcome.obligations if one != word))

    return lambda said: replace(said, outcomes=tuple(map(less, said.outcomes)))


def _any_security(staff: Staff, office: str, standing: Standing | None) -> bool:
    return standing is not None and standing.kind == "security"


def _listed_security(staff: Staff, office: str, standing: Standing | None) -> bool:
    return bool(staff.prisons) and standing is not None and standing.prison in (staff.prisons or ())


def _escort_considered(report: Any, situation: Any, judged: Any) -> bool:
    return any(office.startswith("escort:") for office in judged)


def _without_evaluate(*given: Any) -> tuple[str, ...]:
    return tuple(word for word in _obligations_of(*given) if word != "EVALUATE")


# --- functions of the policy, each with one mistake -----------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """`name` of `holder` replaced by `wrong`; `strikes` is what the judge's answer holds where it could show."""

    holder: Any
    name: str
    wrong: Any
    strikes: str = ""


_category_of, _holds_everybody, _additions_of, _obligations_of, _item_facts, _owner_of, _apply = (
    gates.category_of, decide.holds_everybody, decide.additions_of, decide.obligations_of, decide.item_facts, cases.owner_of,
    whereabouts._apply,
)  # fmt: skip


def _never_stale(state: Any, situation: Any, book: Any) -> Any:
    return state.category if state and state.alerts is not None and state.category in book.category.known else None


def _category_alone(state: Any, situation: Any, book: Any) -> bool:
    found = gates.category_of(state, situation, book)
    return found is None or found in book.category.high


def _hold_beats_refuse(item: int, words: list[tuple[str, Word]]) -> Verdict:
    for wanted in ("hold", "refuse", "release"):
        for rule, word in words:
            if word == wanted:
                return Verdict(item, word, rule, tuple(rule for rule, word in words if word == "hold"))
    return Verdict(item, "refuse", "R-UNKNOWN", ())


def _kept_place(state: Any, row: Any, nth: int) -> Any:
    after = _apply(state, row, nth)
    return replace(after, prison=state.prison) if row.event == "RELEASED" else after


def _as_public(office: Standing, origin: Any) -> str | None:
    return "own" if office.id in origin.own else ("prison" if office.contracted else column_of(office, origin))


column_of = decide.column_of

MUTANTS: dict[str, Mutant] = {
    "terrorism is nothing special": Mutant(decide, "is_gatekept", lambda report, book: False, "gate G-CATA"),
    "ViSOR is nothing special": Mutant(
        decide, "holds_everybody", lambda *given: tuple(gate for gate in _holds_everybody(*given) if gate != "G-VISOR"), "gate G-VISOR"
    ),
    "a category never grows stale": Mutant(gates, "category_of", _never_stale, "gate G-CATA"),
    "alerts do not count": Mutant(gates, "is_high", _category_alone, "gate G-CATA"),
    "associates do not count": Mutant(gates, "_associate_is_high", lambda state, book: False, "gate G-CATA"),
    "a malformed number resolves": Mutant(gates, "is_nomis", lambda number: True, "gate G-IDENTITY"),
    "another agency is on the prison's side": Mutant(
        Standing, "police_side", property(lambda office: office.kind in POLICE_SIDE and office.kind != "lea"), "G-CATA hold"
    ),
    "any prison's security is refused": Mutant(Staff, "refuses", _any_security, "gate G-STAFF"),
    "an unknown prison's security is not": Mutant(
        Staff, "refuses", _listed_security, "G-STAFF refuse"
    ),
    "no Governor is added": Mutant(
        decide, "additions_of", lambda report, book: Additions(_additions_of(report, book).cat_a_team, False), "R-SENIORITY hold"
    ),
    "the Category A Team is not added": Mutant(
        decide, "additions_of", lambda report, book: Additions(False, _additions_of(report, book).governors), "R-CATA hold"
    ),
    "nothing awaits evaluation": Mutant(decide, "awaits_evaluation", lambda standing, origin: False, "R-EVALUATE hold"),
    "a prison without a PIO has no conduit": Mutant(
        Estate, "conduit", lambda estate, prison: estate._pio_of.get(prison), "H1-POLICE release"
    ),
    "a force has no FIB and no PIO": Mutant(Estate, "own", lambda estate, office: frozenset({office}), "H1-OWN release"),
    "he was always where he is": Mutant(
        decide, "item_facts", lambda *given: (facts := _item_facts(*given))._replace(written=facts.prisons), "R-FOLLOW hold"
    ),
    "hold beats refuse": Mutant(decide, "_most_restrictive", _hold_beats_refuse, "R-INACTIVE refuse"),
    "a sanitised item goes beside the fuller one": Mutant(
        decide._Decision, "_without_sanitised", lambda made, office, verdicts: verdicts, "H-SANITISED refuse"
    ),
    "contracted prisons are public ones": Mutant(decide, "column_of", _as_public, "H1-NONPROS hold"),
    "PAS decides on code 4": Mutant(
        cases, "owner_of", lambda rule, secret, has, origin: _owner_of(rule, None, has, origin), "H4-OWN release"
    ),
    "PAS evaluates for the conduit": Mutant(
        cases, "owner_of", lambda rule, secret, has, origin: _owner_of(rule, secret, False, origin), "case R-EVALUATE"
    ),
    "silence is fallen into": Mutant(cases, "_governor_left_out", lambda *given: False, "case R-SENIORITY"),
    "an escort's code 4 opens a case": Mutant(
        cases, "_asks_escort_summary", _escort_considered, "R-ESCORT refuse"
    ),
    "nothing adds up": Mutant(cases, "adds_up", lambda *given: False),
    "the released are still there": Mutant(whereabouts, "_apply", _kept_place),
    "merged numbers stay apart": Mutant(whereabouts, "_merge", lambda kept, removed: (kept, False)),
    "a named security calls no Governor": Mutant(routing, "is_senior", lambda priority, tags, book: "ESCAPE" in tags, "R-SENIORITY hold"),
    "a conduit need not evaluate": Mutant(
        decide, "obligations_of", _without_evaluate, "obligation EVALUATE"
    ),
}  # fmt: skip
