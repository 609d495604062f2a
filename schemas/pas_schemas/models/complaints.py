"""What a model found wrong, as words for a person: where and what, never the value that stood there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# pydantic's own words speak of Python; these speak of the record.
_WORDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is no field that may stand here",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "frozen_set_type": "must be a list",
    "too_short": "is too short",
    "too_long": "is too long",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "is not written as it must be",
}
_LONGEST_PLACE = 60


def place_of(details: Mapping[str, Any], whole: str) -> str:
    """The path to what is wrong, such as `items.0.text`; `whole` where it is the record itself."""
    return ".".join(str(part) for part in details["loc"])[:_LONGEST_PLACE] or whole


def complain(details: Mapping[str, Any]) -> str:
    """What is wrong there, to follow the place: of one entry of `ValidationError.errors(include_input=False)`."""
    found = _WORDS.get(details["type"])
    if found is not None:
        return found
    said = str(details["msg"]).removeprefix("Value error, ")
    return said.replace("Input should be", "must be") if said.startswith("Input should be") else said
