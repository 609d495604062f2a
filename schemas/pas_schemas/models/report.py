"""The 5x5x5 report as a person writes it: NDJSON in, one frozen model out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from pas_schemas.clock import parse_end
from pas_schemas.models.base import Day, End, Many, MaybeEnd, MaybeText, MaybeTime, Model, Reference, Text, Time, none_to_empty, one_of
from pas_schemas.models.words import LegalBasis, Priority, Purpose, RiskTag, Role, Standing

# The manifest has 32 places (architecture, *The wire*), so a report has at most 32 items.
MAX_ITEMS = 32


class Subject(Model):
    """A person a report names; identifiers may be null, and a malformed one is for G-IDENTITY to judge."""

    role: Role
    standing: Standing
    noms_number: MaybeText
    pnc_id: MaybeText
    family_name: str | None = None
    given_names: str | None = None
    date_of_birth: Day | None


def split_grade(grade: str) -> dict[str, str]:
    """The codes of a grade, under the names that an item has for them.

    All that stands behind the first two characters is the handling code: four characters are an impossible grade.
    """
    return {"source": grade[:1], "intelligence": grade[1:2], "handling": grade[2:]}


class Item(Model):
    """One line of a report with its own grade; an impossible code is kept as the empty string for V-GRADE.

    `text` is None only at PAS and only for code 4, whose text is closed to PAS.
    """

    text: Text | None
    source: Annotated[str, BeforeValidator(one_of("ABCDE"))] = ""
    intelligence: Annotated[str, BeforeValidator(one_of("12345"))] = ""
    handling: Annotated[str, BeforeValidator(one_of("12345"))] = ""
    source_reference: str
    corroboration: MaybeText = None
    sanitises: int | None = None
    subjects: Many[int] | None = None
    addressees: Many[Text] | None = None

    @property
    def grade(self) -> str:
        return self.source + self.intelligence + self.handling


class RiskAssessment(Model):
    """Why a code 2, 3 or 5 item may be disclosed (form C supplement); incomplete ones are V-RISK's."""

    summary: MaybeText
    authorised_by: MaybeText
    authorised_at: MaybeTime

    def is_complete(self, at: datetime) -> bool:
        """Whether it says why and who authorised it, and had been authorised by then: one that is still to be authorised is none."""
        return None not in (self.summary, self.authorised_by) and self.authorised_at is not None and self.authorised_at <= at


class Handling(Model):
    """What codes 4 and 5 need, and the risk assessment."""

    conditions: MaybeText
    reasons: MaybeText
    internal_recipients: Annotated[Many[str], BeforeValidator(none_to_empty)]
    review_by: MaybeEnd
    risk_assessment: RiskAssessment | None

    @property
    def review_ends(self) -> datetime | None:
        return parse_end(self.review_by) if self.review_by else None


class PrisonIntercept(Model):
    """An authorised intercept in a prison; G-PIN judges whether it is live."""

    authorisation: MaybeText
    expires_at: MaybeEnd

    @property
    def ends(self) -> datetime | None:
        return parse_end(self.expires_at) if self.expires_at else None


class Declarations(Model):
    """What the originator declares; a missing declaration is never read as false."""

    visor_derived: bool
    visor_permission: MaybeText
    privileged: Literal[False]
    warranted_intercept: Literal[False]
    prison_intercept: PrisonIntercept | None
    concerns_staff: Many[str]
    protected_assisting_offender: bool
    terrorism: bool
    do_not_share_with_offender: bool


class Mopi(Model):
    """Management of Police Information: group and review date."""

    group: Annotated[int, Field(ge=1, le=4)]
    review_by: End


class Supersedes(Model):
    """The report this one corrects or withdraws."""

    urn: Text
    action: Literal["CORRECT", "WITHDRAW"]


class Report(Model):
    """A 5x5x5 report; every item has its own grade and the strictest code is the report's overall handling."""

    urn: Reference
    originator: Reference
    created_at: Time
    protective_marking: str
    priority: Priority
    purpose: Purpose
    legal_basis: LegalBasis
    operation: str | None = None
    subjects: Many[Subject]
    items: Annotated[Many[Item], Field(min_length=1, max_length=MAX_ITEMS)]
    handling: Handling
    declarations: Declarations
    risk_tags: Many[RiskTag]
    addressees: Annotated[Many[Text], BeforeValidator(none_to_empty)]
    mopi: Mopi
    gist: str | None = None
    supersedes: Supersedes | None = None

    def whom_it_is_on(self) -> tuple[Subject, ...]:
        """Its subjects of role SUBJECT: a report is on those, and names the others beside them."""
        return tuple([one for one in self.subjects if one.role == "SUBJECT"])

    def subjects_of(self, item: Item) -> tuple[int, ...]:
        """Indices of the subjects an item concerns, of whatever role; each once."""
        return tuple(dict.fromkeys(item.subjects)) if item.subjects is not None else tuple(range(len(self.subjects)))

    def addressees_of(self, item: Item) -> frozenset[str]:
        return frozenset(self.addressees if item.addressees is None else item.addressees)
