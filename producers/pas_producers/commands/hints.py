"""What a person can do about a line that was refused, rule by rule, where the rule's own sentence does not say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REPORT_HINTS: Final[Mapping[str, str]] = {
    "G-MARKING": "write a label of `markings` in rulebook.toml as it stands there; what is SECRET or higher may not come here at all",
    "G-WARRANT": "write false in declarations.warranted_intercept, unless it is one: then it may not come here at all",
    "V-SCHEMA": "a report has every field, and only optional ones may be left out; `pas publish --dry-run` tells what is still amiss",
    "V-ORIGINATOR": "see `pas directory list`, and whether the originator's keys are here",
    "V-URN": "begin it with the originator's code: 01 for force:01, WSI for security:WSI, CAT-A-TEAM for cat-a-team",
    "V-CLOCK": "see created_at, its offset from UTC, and the clock of this machine",
    "V-GRADE": "write source A to E, intelligence 1 to 5 and handling 1 to 5; E1 contradicts itself, intelligence 3 needs corroboration",
    "V-CODE4": "see handling.reasons, handling.internal_recipients and handling.review_by",
    "V-CODE5": "see handling.conditions, and the addressees of the report or of the item",
    "V-RISK": "see handling.risk_assessment: summary, authorised_by, and authorised_at, which may not be ahead",
    "V-SANITISES": "items are counted from 0",
    "G-PIN": "see declarations.prison_intercept: authorisation, and expires_at, which must be ahead",
}
MOVEMENT_HINTS: Final[Mapping[str, str]] = {
    "V-SCHEMA": "a row has noms_number, event, prison, at, category and alerts, MERGED also removed_noms_number; or it is an HMPPS event",
}
MOVE_HINTS: Final[Mapping[str, str]] = {
    "V-SCHEMA": "a number is written A1234BC; prisons are those of `pas directory list`, a category is one letter",
}
