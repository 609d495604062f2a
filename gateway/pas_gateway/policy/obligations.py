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
    said = report.declarations
    owed = {
        "ACCEPT_CONDITIONS": "5" in codes,
        "DO_NOT_QUOTE_VISOR": said.visor_derived and said.visor_permission is not None,
        "EVALUATE": office.id == origin.conduit,
        "INTERNAL_ONLY": "4" in codes,
        "RECORD_DISSEMINATION": "2" in codes and office.handling_class == "non-prosecuting",
        "REFER_TO_ORIGINATOR": "5" in codes,
        "VERIFY_IDENTITY": any(facts.unverified for facts in released),
    }
    return tuple(obligation for obligation, stands in owed.items() if stands)
