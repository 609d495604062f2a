"""What people decided, as data that `decide` reads: each ruling speaks of one pair, or of one bare reason, and of nothing besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

# The originator alone may lift these: a code 5 text goes no further without it (domain, *5x5x5* and *Routing*, rule 6).
CONSENTED: Final = frozenset({"R-FOLLOW", "H5-NONPROS"})

# What a Person Escort Record summary answers (domain, *Routing*, rule 5).
SUMMARISED: Final = frozenset({"R-ESCORT"})

Pair = tuple[int, str]
# Who ruled, and the rule that is answered.
Answer = tuple[str, str]
Said = Literal["release", "refuse"]
Answers = Mapping[Answer, Said]


class Ruling(NamedTuple):
    """An owner's word on a pair that waited, or with `item` and `office` None on reasons that hold nothing.

    `rules` are those the owner saw and answered; a rule that came later is not among them, and holds again.
    """

    owner: str
    word: Said
    item: int | None
    office: str | None
    rules: frozenset[str]


class Rulings:
    """Rulings by what they speak of; of two words on one rule the later counts."""

    __slots__ = ("_noted", "_pairs")

    def __init__(self, rulings: Iterable[Ruling] = ()) -> None:
        self._pairs: dict[Pair, dict[Answer, Said]] = {}
        self._noted: set[Answer] = set()
        for ruling in rulings:
            answers = {(ruling.owner, rule) for rule in ruling.rules}
            if ruling.item is None or ruling.office is None:
                self._noted |= answers
            else:
                self._pairs.setdefault((ruling.item, ruling.office), {}).update(dict.fromkeys(answers, ruling.word))

    def __bool__(self) -> bool:
        return bool(self._pairs or self._noted)

    def on(self, item: int, office: str) -> Answers:
        """What was said of a pair."""
        return self._pairs.get((item, office), {})

    def has_noted(self, owner: str, reason: str) -> bool:
        """Whether the owner answered a reason that holds nothing."""
        return (owner, reason) in self._noted


def word_of(answers: Answers, rule: str, owner: str, originator: str) -> Said | None:
    """The word on a rule that holds a pair: refuse where its owner, or the originator it waits for, refused; None where it still holds."""
    given = answers.get((owner, rule))
    consent = answers.get((originator, rule)) if rule in CONSENTED else given
    return "refuse" if "refuse" in (given, consent) else consent
