"""What the conditions of a code 5 text keep from a reader: its items are closed before anybody's program sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pas_consumers.delivery import DisclosedItem, Projection
from pas_consumers.records import Held
from pas_schemas.conditions import parse_conditions

BOUND_CODE = "5"


def why_closed(held: Held, now: datetime, post: str, person: str) -> str | None:
    """The sentence that says why this reader may not read a delivery now; None where nothing is kept back."""
    body = held.delivery.body
    if body is None or held.delivery.kind != "DISCLOSURE" or not any(_is_bound(item) for item in body.items):
        return None
    return parse_conditions(body.conditions).close(now, post, person)


def allows_copies(body: Projection | None) -> bool:
    """Whether its texts may be given to another program; conditions that come before a text are no copy of it."""
    bound = body is not None and any(_is_bound(item) and item.text is not None for item in body.items)
    return not bound or body is None or not parse_conditions(body.conditions).no_copy


def close(held: Held) -> Held:
    """The same without the texts that are bound by conditions, and the people whom they alone concern."""
    body = held.delivery.body
    if body is None:
        return held
    open_items = [item for item in body.items if not _is_bound(item)]
    concerned = {subject for item in open_items for subject in item.subjects}
    items = tuple(replace(item, text=None, shared=b"", salt=b"", subjects=()) if _is_bound(item) else item for item in body.items)
    subjects = body.subjects if len(concerned) == len(body.subjects) else ()
    kept = items if subjects else tuple(replace(item, subjects=()) for item in items)
    return Held(replace(held.delivery, body=replace(body, items=kept, subjects=subjects, gist=None)), held.state)


def _is_bound(item: DisclosedItem) -> bool:
    return (item.regraded or item.grade)[2:] == BOUND_CODE
