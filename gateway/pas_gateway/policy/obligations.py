"""What an office must observe with what it is released (domain, *Obligations*)."""

from __future__ import annotations

from collections.abc import Sequence

from pas_gateway.policy.gates import ItemFacts
from pas_gateway.policy.routing import Origin
from pas_schemas.directory import Standing
from pas_schemas.models.report import Report


def obligations_of(report: Report, released: Sequence[ItemFacts], office: Standing, origin: Origin) -> tuple[str, ...]:
    """The obligations of an outcome of which at least one item is released, sorted."""
    codes = {facts.code for facts in released}
    owed = []
    if "5" in codes:
        owed += ["ACCEPT_CONDITIONS", "REFER_TO_ORIGINATOR"]
    # Without a permission of the originator's it was released under one that PAS recorded: nothing else lets it go.
    if report.declarations.visor_derived:
        owed.append("DO_NOT_QUOTE_VISOR")
    if office.id == origin.conduit:
        owed.append("EVALUATE")
    if "4" in codes:
        owed.append("INTERNAL_ONLY")
    if "2" in codes and office.handling_class == "non-prosecuting":
        owed.append("RECORD_DISSEMINATION")
    if True in [facts.unverified for facts in released]:
        owed.append("VERIFY_IDENTITY")
    return tuple(sorted(owed))
