"""A reply to a delivery: a receipt that names the post and the person who gives it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from pas_schemas.clock import from_ms, to_ms
from pas_schemas.codec import decode, encode
from pas_schemas.models.base import MaybeText, Model, Text, Time
from pas_schemas.models.words import Receipt


class Reply(Model):
    """`person` is an opaque staff reference; ACTIONED says the mitigation taken, DECLINED the reason."""

    delivery_id: Annotated[bytes, Field(min_length=16, max_length=16)]
    office: str
    receipt: Receipt
    post: Text
    person: Text
    at: Time
    mitigation: MaybeText = None
    reason: MaybeText = None

    def encode(self) -> bytes:
        """The reply as it travels, in single-object encoding."""
        datum: dict[str, Any] = self.model_dump(exclude={"at"})
        return encode("reply", {**datum, "at_ms": to_ms(self.at)})

    @classmethod
    def decode(cls, payload: bytes) -> Reply:
        """Raises CodecError for bytes that are no reply, pydantic's ValidationError for words that are none."""
        datum = decode(payload, "reply").datum
        moment = from_ms(datum.pop("at_ms"))
        return cls.model_validate({**datum, "at": moment})
