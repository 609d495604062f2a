"""Mistakes are told in the words of the record, and never with what stood there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pas_schemas.models.complaints import complain, place_of
from pas_schemas.models.decision import Decision
from pas_schemas.models.report import Item, Report, Subject

CANARY = "canary7421"
BARE = {
    "urn": "u", "originator": "o", "created_at": "2015-11-17T09:30:00Z", "protective_marking": "PROTECT", "priority": "ROUTINE",
    "purpose": "PUBLIC_SAFETY", "legal_basis": "OTHER", "subjects": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "raw", "said"),
    [
        (Report, [CANARY], "the record: must be an object"),
        (Subject, {"role": "SUBJECT", "standing": "OTHER", "noms_number": None, "pnc_id": None}, "date_of_birth: is missing"),
        (Item, {"text": 7, "source_reference": ""}, "text: must be text"),
        (Item, {"text": "t", "source_reference": "", "sanitises": True}, "sanitises: must be a whole number"),
        (Item, {"text": "t", "source_reference": "", "subjects": CANARY}, "subjects: must be a list"),
        (Item, {"text": " ", "source_reference": ""}, "text: must not be blank"),
        (Report, {**BARE, "items": []}, "items: is too short"),
        (Report, {**BARE, "items": [{"text": CANARY, "source_reference": ""}] * 33}, "items: is too long"),
        (Decision, {"case": CANARY * 30}, "case: is too long"),
        (Decision, {"case": "c", "view": bytes(16), "office": "pas", "person": "p", "post": "p", "choice": "RELEASE", "grade": CANARY},
         "grade: is not written as it must be"),
        (Subject, {"role": CANARY, "standing": "OTHER", "noms_number": None, "pnc_id": None, "date_of_birth": None},
         "role: must be 'SUBJECT' or 'ASSOCIATE'"),
    ],
)  # fmt: skip
def test_what_is_said(model: type[Report], raw: object, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(raw)
    first = refused.value.errors(include_input=False, include_url=False, include_context=False)[0]
    told = f"{place_of(first, 'the record')}: {complain(first)}"
    assert told == said
    assert CANARY not in told
