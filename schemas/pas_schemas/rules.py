"""The closed list of rule ids, in the order in which they are shown, each with its sentence for a person."""

from __future__ import annotations

from typing import Final, Literal

Word = Literal["release", "hold", "refuse"]
Effect = Literal["reject", "hold", "compartment"]

BORDER: Final = ("G-MARKING", "G-WARRANT", "G-PRIVILEGE")
VALIDATION: Final = (
    "V-SCHEMA", "V-ORIGINATOR", "V-URN", "V-URN-TAKEN", "V-CLOCK", "V-GRADE", "V-CODE4", "V-CODE5", "V-RISK", "V-SANITISES", "G-PIN",
)  # fmt: skip
GATES: Final = (
    "G-PIN", "G-MARKING", "G-WARRANT", "G-PRIVILEGE", "G-VISOR", "G-SOURCE", "G-IDENTITY", "G-PASO", "G-CATA", "G-STAFF",
)  # fmt: skip
ROUTING: Final = (
    "R-UNKNOWN", "R-INACTIVE", "R-CATA", "R-SENIORITY", "R-ESCORT", "R-INSPECTOR", "R-WHEREABOUTS", "R-FOLLOW", "R-EVALUATE",
)  # fmt: skip
COLUMNS: Final = ("own", "police", "lea", "prison", "nonpros")
CODES: Final = ("1", "2", "3", "4", "5")
CELLS: Final = tuple(f"H{code}-{column.upper()}" for code in CODES for column in COLUMNS)
REASONS: Final = ("R-REFERRAL", "R-NOBODY")
LAST: Final = "H-SANITISED"

COLUMN_WORDS: Final = {
    "own": "the originator's own offices",
    "police": "police offices",
    "lea": "other law enforcement",
    "prison": "public prisons and the Category A Team",
    "nonpros": "non-prosecuting parties",
}

# What a cell says of one item to one office of its column: another office there may hear another word, as it was named or not.
_CELL_WORDS: Final[dict[Word, str]] = {
    "release": "Handling code {} releases it to this one among {}.",
    "hold": "Handling code {} holds it for this one among {}, until a person decides.",
    "refuse": "Handling code {} refuses it to this one among {}.",
}
_CELL_SENTENCES: Final[dict[tuple[str, str], str]] = {
    (f"H{code}-{column.upper()}", word): sentence.format(code, COLUMN_WORDS[column])
    for code in CODES
    for column in COLUMNS
    for word, sentence in _CELL_WORDS.items()
}

# What a rule says of its own accord; a cell, where it holds.
SENTENCES: Final[dict[str, str]] = {
    "G-MARKING": "The protective marking is one that a person must see first.",
    "G-WARRANT": "A text looks as if it comes from a warranted intercept.",
    "G-PRIVILEGE": "A text looks as if it is of a privileged or confidential communication.",
    "G-VISOR": "The report is derived from ViSOR and no permission to quote it is recorded.",
    "G-SOURCE": "A text looks as if it identifies the source.",
    "G-IDENTITY": "A subject of the item cannot be identified, or the item has none.",
    "G-PASO": "A protected assisting offender is concerned: only the compartment may see it.",
    "G-CATA": "A subject is, or may be, of the highest security or terrorism is concerned: PAS stands between police and prisons.",
    "G-STAFF": "The report concerns staff of a prison: its security department may not have it, others wait for a person.",
    "G-PIN": "The authorisation of the prison intercept is missing or not live.",
    "V-SCHEMA": "The record is not a report of the agreed shape.",
    "V-ORIGINATOR": "The originator is unknown, inactive or not an office that may write reports.",
    "V-URN": "The first part of the URN is not the originator's code.",
    "V-URN-TAKEN": "Another report was accepted under this URN: use `supersedes` to correct it.",
    "V-CLOCK": "The report says that it was written in the future.",
    "V-GRADE": "An item's grade is missing, impossible or contradictory, or its corroboration is not named.",
    "V-CODE4": "A code 4 item needs reasons, internal recipients that are the originator's own offices, and a review date ahead.",
    "V-CODE5": "A code 5 item needs conditions and addressees, its own where the report mixes codes.",
    "V-RISK": "A code 2, 3 or 5 item needs a complete risk assessment.",
    "V-SANITISES": "An item's link to the item it sanitises leads to itself, nowhere or round in a circle.",
    "R-UNKNOWN": "The office is not in the directory, or can never be sent reports.",
    "R-INACTIVE": "The office is not active at present.",
    "R-NAMED": "The office was named for the item.",
    "R-PIO": "The office is the Prison Intelligence Officer, or the conduit, of a prison that holds a subject.",
    "R-CATA": "An escape is concerned: the Category A Team is added, for PAS to release.",
    "R-SENIORITY": "The matter is too grave for security alone: the Governing Governor is added, for PAS to release.",
    "R-ESCORT": "An escort contractor gets no intelligence: a person writes the Person Escort Record summary.",
    "R-INSPECTOR": "An inspector is never sent reports: inspectors open records under a logged warrant.",
    "R-WHEREABOUTS": "No subject of the item is at that prison: the originator's picture is probably old.",
    "R-FOLLOW": "No subject was at that prison when the report was written: the originator must consent.",
    "R-EVALUATE": "A report from a prison is evaluated by its conduit before others may have it.",
    "R-REFERRAL": "Reports on one subject add up: a Category A or E-List referral is suggested.",
    "R-NOBODY": "Nobody may have any of this report, or nobody reads it where it was sent: a person must see that it does not sink.",
    "H-SANITISED": "The office has the fuller item that this one sanitises.",
    **{cell: _CELL_SENTENCES[cell, "hold"] for cell in CELLS},
}

# What a rule says where it refuses a report: at the border a gate speaks of what was declared, not of what a person must look at.
REFUSALS: Final[dict[str, str]] = {
    **SENTENCES,
    "G-MARKING": "The protective marking is missing, or not one that the broker may carry.",
    "G-WARRANT": "The report is declared to come from a warranted intercept, or does not say that it does not.",
    "G-PRIVILEGE": "The report is declared a privileged or confidential communication: mark it and destroy it.",
}

OBLIGATIONS: Final = (
    "ACCEPT_CONDITIONS", "DO_NOT_QUOTE_VISOR", "EVALUATE", "INTERNAL_ONLY", "RECORD_DISSEMINATION", "REFER_TO_ORIGINATOR",
    "VERIFY_IDENTITY",
)  # fmt: skip


def explain_word(rule: str, word: str) -> str:
    """Why one item has this word for one office, in a sentence for a person."""
    return _CELL_SENTENCES.get((rule, word)) or SENTENCES[rule]


def explain_reason(reason: str, *, holds: bool) -> str:
    """Why a case has this reason, `holds` where the rule holds something in it: silence before a Governor opens one that holds nothing."""
    if reason == "R-SENIORITY" and not holds:
        return "No Governor is given anything of this report, nor waits for it: whether that shall be so, a person decides."
    return SENTENCES[reason]
