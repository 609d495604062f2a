"""Requests: what an office asks of forces about a prisoner, and what each of them says to it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from pas_schemas.models.base import Day, Many, Model, Time
from pas_schemas.models.decision import Short, Words
from pas_schemas.models.wire import WireModel
from pas_schemas.models.words import LegalBasis, Purpose, RequestChoice, RequestKind

RequestId = Annotated[bytes, Field(min_length=16, max_length=16)]
# More than any form has, and few enough for one record.
MAX_QUESTIONS, MAX_ASKED = 20, 64


class AskedAbout(Model):
    """The prisoner a request is about."""

    noms_number: Short | None = None
    pnc_id: Short | None = None
    family_name: Short | None = None
    given_names: Short | None = None
    date_of_birth: Day | None = None


class InformationRequest(WireModel):
    """A person's request; its id is that of the signed statement, its due date the rulebook's."""

    schema_name: ClassVar[str] = "information_request"
    times: ClassVar[dict[str, str]] = {"at": "at_ms"}

    kind: RequestKind
    office: Short
    person: Short
    post: Short
    subject: AskedAbout
    purpose: Purpose
    legal_basis: LegalBasis
    questions: Annotated[Many[Words], Field(min_length=1, max_length=MAX_QUESTIONS)]
    asked: Annotated[Many[Short], Field(min_length=1, max_length=MAX_ASKED)]
    at: Time


class RequestAnswer(WireModel):
    """Which report answers a request, or why none does; which fields go with which choice is checked where it is taken."""

    schema_name: ClassVar[str] = "request_answer"
    times: ClassVar[dict[str, str]] = {"at": "at_ms"}

    request: RequestId
    office: Short
    person: Short
    post: Short
    choice: RequestChoice
    urn: Short | None = None
    report: RequestId | None = None
    reason: Words | None = None
    legal_basis: LegalBasis | None = None
    at: Time
