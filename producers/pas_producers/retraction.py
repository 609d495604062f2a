"""A report that withdraws another: what its originator says in the place of one that no longer stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pas_schemas.clock import show_time
from pas_schemas.models.report import split_grade

# What follows the number of the report that ends: it ends once, so that to say so twice can never make two reports.
SUFFIX = "/RETRACTED"
# MoPI's third group is reviewed after six years.
MOPI_GROUP, MOPI_YEARS = 3, 6
_NO_HANDLING: dict[str, Any] = {"conditions": None, "reasons": None, "internal_recipients": [], "review_by": None, "risk_assessment": None}
_NO_DECLARATIONS: dict[str, Any] = {
    "visor_derived": False, "visor_permission": None, "privileged": False, "warranted_intercept": False, "prison_intercept": None,
    "concerns_staff": [], "terrorism": False, "do_not_share_with_offender": True,
}  # fmt: skip


def write_retraction(
    urn: str, office: str, reason: str, now: datetime, *, own_urn: str | None, grade: str, marking: str, protected: bool
) -> dict[str, Any]:
    """The report, as a person would write it: its one item is the reason, addressed to PAS.

    It names no subject, so that PAS alone reads it (`G-IDENTITY`): a prisoner would lead it to offices that may not know of the report.
    `own_urn` is its own number, where the other's with a suffix is not one of this office; `protected` has it sealed to the
    compartment, where the report that it withdraws went.
    """
    return {
        "urn": own_urn or urn + SUFFIX,
        "originator": office,
        "created_at": show_time(now),
        "protective_marking": marking,
        "priority": "ROUTINE",
        "purpose": "PREVENTION_OF_CRIME",
        "legal_basis": "POLICING_PURPOSE",
        "subjects": [],
        "items": [{"text": reason, **split_grade(grade), "source_reference": urn}],
        "handling": _NO_HANDLING,
        "declarations": {**_NO_DECLARATIONS, "protected_assisting_offender": protected},
        "risk_tags": [],
        "addressees": ["pas"],
        "mopi": {"group": MOPI_GROUP, "review_by": f"{now.year + MOPI_YEARS}-{now:%m}-01"},
        "supersedes": {"urn": urn, "action": "WITHDRAW"},
    }
