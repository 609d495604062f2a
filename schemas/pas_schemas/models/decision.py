"""What people decide: a decision on a case, an escort's summary, a second person's agreement, and an originator's consent."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from pas_schemas.models.base import End, Many, MaybeEnd, Model, Text, Time
from pas_schemas.models.report import RiskAssessment
from pas_schemas.models.wire import WireModel
from pas_schemas.models.words import Asked, Choice, ConsentChoice, LegalBasis, RiskTag

# Far below what a record may hold, and more than anybody reads.
Words = Annotated[Text, StringConstraints(max_length=20_000)]
Short = Annotated[Text, StringConstraints(max_length=200)]
ItemRef = Annotated[bytes, Field(min_length=8, max_length=8)]
Grade = Annotated[str, StringConstraints(pattern=r"^[A-E][1-5][1-5]$")]


class RuledPair(Model):
    """One office and item, under the item's reference for this owner, and the rules that are answered."""

    item: ItemRef
    office: Short
    rules: Annotated[Many[Short], Field(min_length=1, max_length=32)]


class VisorPermission(Model):
    """That what is derived from ViSOR may be released: who gave the permission, when, and its reference."""

    reference: Short
    given_by: Short
    given_at: End


class Decision(WireModel):
    """A person's decision on a case as they saw it; which fields go with which choice is checked where it is taken."""

    schema_name: ClassVar[str] = "decision"
    times: ClassVar[dict[str, str]] = {"at": "at_ms"}

    case: Short
    view: Annotated[bytes, Field(min_length=16, max_length=16)]
    office: Short
    person: Short
    post: Short
    choice: Choice
    pairs: Annotated[Many[RuledPair], Field(max_length=10_000)] = ()
    reasons: Annotated[Many[Short], Field(max_length=8)] = ()
    asks: Asked | None = None
    text: Words | None = None
    grade: Grade | None = None
    assessment: RiskAssessment | None = None
    officer: Short | None = None
    rank: Short | None = None
    until: MaybeEnd = None
    permission: VisorPermission | None = None
    reason: Words
    legal_basis: LegalBasis
    at: Time


class Summary(WireModel):
    """A Person Escort Record summary on one prisoner: flags and advice for who moves and receives him, written by a person at PAS."""

    schema_name: ClassVar[str] = "escort_summary"
    times: ClassVar[dict[str, str]] = {"at": "at_ms"}

    case: Short
    view: Annotated[bytes, Field(max_length=16)] = b""
    office: Short
    person: Short
    post: Short
    noms_number: Short
    escorts: Annotated[Many[Short], Field(max_length=16)] = ()
    custodian: bool = False
    flags: Annotated[Many[RiskTag], Field(min_length=1, max_length=14)]
    advice: Words
    reason: Words
    legal_basis: LegalBasis
    at: Time


class Second(WireModel):
    """Another person's agreement with the statement of this digest."""

    schema_name: ClassVar[str] = "second"
    times: ClassVar[dict[str, str]] = {"at": "at_ms"}

    statement: Annotated[bytes, Field(min_length=32, max_length=32)]
    office: Short
    person: Short
    post: Short
    reason: Words
    at: Time


class Consent(WireModel):
    """The originator's answer: it agrees that an office may have an item, refuses, or grades the item anew."""

    schema_name: ClassVar[str] = "consent"
    times: ClassVar[dict[str, str]] = {"at": "at_ms"}

    delivery: Annotated[bytes, Field(min_length=16, max_length=16)]
    item: ItemRef
    recipient: Short | None = None
    office: Short
    person: Short
    post: Short
    choice: ConsentChoice
    grade: Grade | None = None
    assessment: RiskAssessment | None = None
    reason: Words
    legal_basis: LegalBasis
    at: Time
