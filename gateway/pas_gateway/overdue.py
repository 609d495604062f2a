"""`overdue`: what nobody has read, confirmed, decided or answered in time, who was told, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pas_gateway.ladder import RUNGS, Step, steps_of, steps_of_request
from pas_gateway.register import Store, ladders, requests
from pas_gateway.register.ladders import Late
from pas_gateway.register.requests import Asking
from pas_schemas.clock import from_ms, show_time, to_ms
from pas_schemas.rulebook import Rulebook


def list_overdue(store: Store, rulebook: Rulebook, now: datetime) -> list[dict[str, Any]]:
    """Threats to life first, then what has waited longest; ids, times and rungs, and nothing of content."""
    with store.reading() as register:
        found = ladders.list_overdue(register, to_ms(now))
        asked = [one for one in requests.list_requests(register, only_open=True) if one.due_ms <= to_ms(now)]
        climbed = ladders.find_rungs(register, [*(late.id for late in found), *(one.id for one in asked)])
    shown = [_show(late, climbed.get((late.id, late.due_ms), {}), rulebook, to_ms(now)) for late in found]
    unanswered = [
        _show_request(one, office, climbed.get((one.id, one.due_ms), {}), rulebook, to_ms(now)) for one in asked for office in one.late
    ]
    return sorted([*shown, *unanswered], key=lambda row: (row["priority"] != "THREAT_TO_LIFE", row["deadline"]))


def _show_request(asking: Asking, office: str, climbed: Mapping[str, int], rulebook: Rulebook, now_ms: int) -> dict[str, Any]:
    """A request that a force has not answered; `case` is its id."""
    return {
        "kind": "REQUEST", "delivery": None, "case": asking.id.hex(), "urn": None, "office": office, "priority": "ROUTINE",
        "received_at": show_time(from_ms(asking.at_ms)), "deadline": show_time(from_ms(asking.due_ms)),
        "overdue_seconds": (now_ms - asking.due_ms) // 1000, "state": asking.asks[office].state,
        **_show_rungs(climbed, steps_of_request(asking.due_ms, rulebook)),
    }  # fmt: skip


def _show(late: Late, climbed: Mapping[str, int], rulebook: Rulebook, now_ms: int) -> dict[str, Any]:
    is_case = late.kind == "CASE"
    return {
        "kind": late.kind,
        "delivery": None if is_case else late.id.hex(),
        "case": late.id.hex() if is_case else None,
        "urn": late.urn,
        "office": late.owner,
        "priority": late.priority,
        "received_at": show_time(from_ms(late.received_at_ms)),
        "deadline": show_time(from_ms(late.due_ms)),
        "overdue_seconds": (now_ms - late.due_ms) // 1000,
        "state": late.state,
        **_show_rungs(climbed, steps_of(late, rulebook)),
    }


def _show_rungs(climbed: Mapping[str, int], steps: Sequence[Step]) -> dict[str, Any]:
    """What was climbed and when, and which rung comes next."""
    told = sorted(climbed.items(), key=lambda pair: (pair[1], RUNGS.index(pair[0])))
    later = next((step for step in steps if step.rung not in climbed), None)
    return {
        "rungs": [{"rung": rung, "at": show_time(from_ms(at))} for rung, at in told],
        "next": None if later is None else {"rung": later.rung, "at": show_time(from_ms(later.at_ms))},
    }
