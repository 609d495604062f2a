"""Cases under names that tell nothing: an item's reference for one owner, and the view of a case that a decision must name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pas_gateway.policy.verdicts import Case
from pas_schemas.models.words import ASKING
from pas_schemas.sealing import IdKey

REF_BYTES, VIEW_BYTES = 8, 16


def item_ref(key: IdKey, report: bytes, owner: str, item: int) -> bytes:
    """By which an owner speaks of an item: two owners cannot compare theirs, and none can count."""
    return key.digest(b"pas/v1/item-ref", report, owner.encode(), item.to_bytes(4, "big"))[:REF_BYTES]


def name_items(lines: Iterable[dict[str, Any]], key: IdKey, report: bytes, owner: str) -> list[dict[str, Any]]:
    """The same words for an owner, each that asks about an item with the reference by which it is answered."""
    return [
        {**line, "ref": item_ref(key, report, owner, line["item"])} if line["item"] is not None and line["word"] in ASKING else line
        for line in lines
    ]


def view_of(key: IdKey, report: bytes, case: Case) -> bytes:
    """What a person saw of a case: every reason, pair and rule; where one of them changes, so does the view."""
    held = [f"{pair.item}|{pair.office}|{pair.rule}".encode() for pair in case.held]
    reasons = ",".join(case.reasons).encode()
    return key.digest(b"pas/v1/view", report, case.owner.encode(), reasons, *held)[:VIEW_BYTES]
