"""A reply to a delivery: a receipt that names the post and the person who gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import Field

from pas_schemas.models.base import MaybeText, Text, Time
from pas_schemas.models.wire import WireModel
from pas_schemas.models.words import TO_READ, DeliveryKind, Receipt

# Receipts that answer deliveries of some kinds alone.
ANSWERS: Final[Mapping[Receipt, frozenset[DeliveryKind]]] = {
    "CONDITIONS_ACCEPTED": frozenset({"CONDITIONS"}),
    "ACTIONED": frozenset({"DISCLOSURE", "SUMMARY"}),
    "DECLINED": frozenset(TO_READ),
}


class Reply(WireModel):
    """`person` is an opaque staff reference; ACTIONED says the mitigation taken, DECLINED the reason."""

    schema_name: ClassVar[str] = "reply"
    times: ClassVar[dict[str, str]] = {"at": "at_ms"}

    delivery_id: Annotated[bytes, Field(min_length=16, max_length=16)]
    office: str
    receipt: Receipt
    post: Text
    person: Text
    at: Time
    mitigation: MaybeText = None
    reason: MaybeText = None

    def fits(self, kind: str) -> bool:
        """Whether it can answer a delivery of that kind, and says what such a receipt must say (domain, *Certainty of receipt*)."""
        said = {"ACTIONED": self.mitigation, "DECLINED": self.reason}
        return kind in ANSWERS.get(self.receipt, {kind}) and said.get(self.receipt, "") is not None
