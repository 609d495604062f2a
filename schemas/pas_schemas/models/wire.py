"""What a model needs to travel: it is the Avro record of its own fields, times standing there in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import ValidationError

from pas_schemas.clock import from_ms, to_ms
from pas_schemas.codec import DamagedRecordError, decode, encode
from pas_schemas.models.base import Model


class WireModel(Model):
    """`schema_name` is the Avro schema's; `times` says under which field each time of the model travels."""

    schema_name: ClassVar[str]
    times: ClassVar[Mapping[str, str]] = {}

    def encode(self) -> bytes:
        """The record as it travels, in single-object encoding."""
        datum = {name: _as_datum(value) for name, value in self.model_dump(exclude=set(self.times)).items()}
        return encode(self.schema_name, {**datum, **{theirs: to_ms(getattr(self, ours)) for ours, theirs in self.times.items()}})

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """Raises CodecError where the bytes are no such record, or its words are none."""
        datum: dict[str, Any] = decode(payload, cls.schema_name).datum
        try:
            told = {ours: from_ms(datum.pop(theirs)) for ours, theirs in cls.times.items()}
            return cls.model_validate({**datum, **told})
        except (ValidationError, OverflowError):
            raise DamagedRecordError(f"The body is not a {cls.schema_name} record.", "the sender must send it again") from None


def _as_datum(value: object) -> object:
    """Lists where a model has tuples: Avro's writer knows no others."""
    if isinstance(value, tuple):
        return [_as_datum(one) for one in value]
    return {name: _as_datum(one) for name, one in value.items()} if isinstance(value, dict) else value
