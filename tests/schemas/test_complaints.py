"""Mistakes are told in the words of the record, and never with what stood there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pas_schemas.models.complaints import complain, place_of
from pas_schemas.models.report import Item, Report, Subject

CANARY = "canary7421"


@pytest.mark.parametrize(
    ("model", "raw", "said"),
    [
        (Report, [CANARY], "the record: must be an object"),
        (Subject, {"role": "SUBJECT", "standing": "OTHER", "noms_number": None, "pnc_id": None}, "date_of_birth: is missing"),
        (Item, {"text": 7, "source_reference": ""}, "text: must be text"),
        (Item, {"text": "t", "source_reference": "", "sanitises": True}, "sanitises: must be a whole number"),
        (Item, {"text": "t", "source_reference": "", "subjects": CANARY}, "subjects: must be a list"),
        (Item, {"text": " ", "source_reference": ""}, "text: must not be blank"),
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
