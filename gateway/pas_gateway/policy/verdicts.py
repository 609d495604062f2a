"""What a decision says: gates that fired, a verdict for each office and item, obligations, and the cases it opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from pas_schemas.rules import SENTENCES, Effect, Word, explain_word


class Gate(NamedTuple):
    """A gate that fired, whether or not it changed a verdict."""

    gate: str
    effect: Effect

    @property
    def why(self) -> str:
        return SENTENCES[self.gate]


class Verdict(NamedTuple):
    """The word for one item and office: `rule` is the first with that word; `holds` every rule that says hold.

    `answered` are the rules that held a released item until people decided: it may be sealed under their signatures alone.
    """

    item: int
    word: Word
    rule: str
    holds: tuple[str, ...]
    answered: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        return explain_word(self.rule, self.word)


class Outcome(NamedTuple):
    """One office's verdicts, in item order, and what it must observe for what it is released.

    `by_id` is true where the report addressed the office by its id: it keeps what it had when a prisoner moves.
    """

    office: str
    verdicts: tuple[Verdict, ...]
    obligations: tuple[str, ...]
    by_id: bool = False

    @property
    def released(self) -> tuple[int, ...]:
        return tuple([verdict.item for verdict in self.verdicts if verdict.word == "release"])

    @property
    def held(self) -> tuple[int, ...]:
        return tuple([verdict.item for verdict in self.verdicts if verdict.word == "hold"])


class Held(NamedTuple):
    """One reason why one office waits for one item."""

    item: int
    office: str
    rule: str


class Case(NamedTuple):
    """A question for a person: who decides it, every rule that raised it, sorted, and what waits for the answer."""

    owner: str
    reasons: tuple[str, ...]
    held: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A decision on an accepted report: gates in table order, outcomes by office, cases by owner."""

    gates: tuple[Gate, ...]
    outcomes: tuple[Outcome, ...]
    cases: tuple[Case, ...]
