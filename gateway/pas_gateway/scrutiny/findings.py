"""The closed list of what can be wrong with a rulebook: each kind with its level, its sentence and its hint."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Level = Literal["error", "warning"]


class Kind(NamedTuple):
    """An error is missing, contradicts, or is refused by the gateway; a warning is enforced, and says nothing."""

    level: Level
    why: str
    hint: str


KINDS: Final[dict[str, Kind]] = {
    # What the gateway refuses to load.
    "UNREADABLE": Kind("error", "The file cannot be read.", "write TOML, and CSV for the text rules, in UTF-8"),
    "MISSING": Kind("error", "What the gateway needs is not there.", "write it; `pas policy matrix` and the shipped rulebook show it"),
    "UNKNOWN_KEY": Kind("error", "No gate, routing rule or command reads this key.", "take it out, or see its spelling"),
    "UNKNOWN_WORD": Kind("error", "This is no word that a report, a case or a cell may carry.", "see its spelling"),
    "BAD_VALUE": Kind("error", "The value is of another type or out of range.", "correct it"),
    "UNREACHABLE_CELL": Kind("error", "No handling code and kind of office reach this cell.", "take it out"),
    "UNENFORCEABLE": Kind(
        "error", "Code 4 stays in its agency, and code 5 goes to whoever was named: another word could not be kept.", "write refuse"
    ),
    "HIGH_UNKNOWN": Kind("error", "A category is high that is not known.", "add it to category.known"),
    "MARKING_REFUSED": Kind("error", "A person is to see a marking that the border refuses.", "add it to markings.accepted"),
    # What contradicts itself.
    "NAMING_NARROWS": Kind(
        "error", "An office that was named would be given less than one that was not.", "make `named` no stricter than `other`"
    ),
    "OWN_NARROWED": Kind(
        "error", "The originator's own offices would be given less than other police.", "make `own` no stricter than `police`"
    ),
    "ORDER_REVERSED": Kind(
        "error", "A code is called stricter than one that goes less far in the matrix.", "mend grading.restrictiveness or the matrix"
    ),
    "TWO_SPELLINGS": Kind("error", "One word stands here in two spellings: reports carry one of them.", "keep the one that reports carry"),
    "GRADE_SHUT": Kind("error", "Every grade of this source or intelligence code is contradictory: no report may carry it.", "allow one"),
    "DEADLINES_DISORDERED": Kind("error", "A graver priority has the later deadline.", "put THREAT_TO_LIFE before URGENT before ROUTINE"),
    "LADDER_DISORDERED": Kind("error", "A rung comes before the one below it.", "let no rung wait shorter than the one before"),
    "RETENTION_SHORT": Kind("error", "Bodies would be shredded while the longest clock on them still runs.", "keep them longer"),
    "PATTERN_ALWAYS": Kind("error", "Plain sentences about nothing set this text rule off: it would hold everything.", "narrow it"),
    # What is missing.
    "DEAD_RULE": Kind("error", "The rulebook leaves nothing by which this rule could fire.", "list what it is to fire on"),
    "NOBODY_MAY": Kind("error", "Nobody could do this: the list is empty.", "list who may"),
    "UNKNOWN_POST": Kind("error", "The directory can hold no post of this name.", "write it in lower case, with dashes, as duty-governor"),
    "ONE_PERSON": Kind("error", "What two people must decide would be decided by one.", "list it in four_eyes"),
    "PATTERN_NEVER": Kind("error", "No text was found that sets this text rule off.", "correct the pattern"),
    # What is enforced, and says nothing.
    "RULE_NARROWED": Kind("warning", "One of the ways in which this rule fires is shut.", "see whether that is meant"),
    "NO_EFFECT": Kind("warning", "Nothing comes of this value.", "take it out, or see what was meant"),
    "LISTED_TWICE": Kind("warning", "The same value stands twice in one list.", "keep one"),
    "PATTERN_SHADOWED": Kind("warning", "Every text found that sets this rule off sets off an earlier one of its gate.", "take it out"),
}


class Finding(NamedTuple):
    """One thing found: `place` is where, such as `matrix.1.lea`, and `what` which rule or value, or what was said of it."""

    kind: str
    place: str
    what: str

    @property
    def level(self) -> Level:
        return KINDS[self.kind].level

    @property
    def why(self) -> str:
        return KINDS[self.kind].why

    @property
    def hint(self) -> str:
        return KINDS[self.kind].hint
