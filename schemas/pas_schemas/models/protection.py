"""Whom the compartment protects: what its people sign, and what PAS's gateway is told of it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pas_schemas.models.base import Time
from pas_schemas.models.decision import Short, Words
from pas_schemas.models.wire import WireModel

Action = Literal["ADD", "END"]


class Protection(WireModel):
    """One person's word that somebody is protected from now on, or no longer; it counts when another has said the same."""

    schema_name: ClassVar[str] = "protection"
    times: ClassVar[dict[str, str]] = {"at": "at_ms"}

    action: Action
    subject: Annotated[bytes, Field(min_length=16, max_length=16)]
    office: Short
    person: Short
    post: Short
    reason: Words
    at: Time
