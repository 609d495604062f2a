"""A reply to a delivery: a receipt that names the post and the person who gives it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from pas_schemas.models.base import MaybeText, Text, Time
from pas_schemas.models.wire import WireModel
from pas_schemas.models.words import Receipt


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
