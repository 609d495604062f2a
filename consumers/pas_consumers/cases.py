"""The cases an office outside PAS owns, and what it is asked, as the notices in its own inbox tell them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pas_consumers.delivery import Delivery, Notice
from pas_consumers.errors import UnknownDeliveryError
from pas_consumers.inbox import Inbox
from pas_schemas.clock import show_time
from pas_schemas.models.words import ASKING
from pas_transport.open_cases import OpenCase, OpenPair
from pas_transport.workspace import Workspace


@dataclass(frozen=True, slots=True)
class OwnCase:
    """A case as its newest notices tell it; without any that names a reason, nothing of it waits any more."""

    id: str
    delivery: Delivery
    notices: tuple[Notice, ...]

    @property
    def open(self) -> bool:
        return any(notice.rule is not None for notice in self.notices)

    @property
    def view(self) -> bytes:
        return self.notices[0].view


@dataclass(frozen=True, slots=True)
class Question:
    """What the originator of a report is asked about an item, by which delivery."""

    delivery: Delivery
    notice: Notice


def list_cases(workspace: Workspace, office: str) -> list[dict[str, Any]]:
    """Cases in the shape of `pas cases list`, those due first coming first; those that wait no longer are CLOSED."""
    found = [_show(case, office) for case in find_cases(workspace, office)]
    return sorted(found, key=lambda case: (case["due"] or "", case["case"]))


def find_cases(workspace: Workspace, office: str) -> list[OwnCase]:
    """Every case this office was ever told of; of one told twice the newest word counts."""
    found: dict[str, OwnCase] = {}
    for delivery in take_notices(workspace, office):
        # A request is answered, not decided on.
        told = () if delivery.request is not None else delivery.notices
        decide = [notice for notice in told if notice.word == "DECIDE" and notice.case is not None]
        for case in dict.fromkeys(str(notice.case) for notice in decide):
            waits = tuple(notice for notice in decide if notice.case == case)
            before = found.get(case)
            # The words on one view may have needed several deliveries.
            if before is not None and before.view and before.view == waits[0].view:
                waits = tuple(dict.fromkeys((*before.notices, *waits)))
            found[case] = OwnCase(case, delivery, waits)
    return list(found.values())


def open_case(workspace: Workspace, office: str, case: str) -> OpenCase:
    """A case of this office that waits, by its id or the beginning of it; raises UnknownDeliveryError."""
    found = [one for one in find_cases(workspace, office) if one.id.startswith(case) and one.open]
    if len(found) != 1:
        raise UnknownDeliveryError("No case of that office that waits has that id.", f"see `pas cases list --as {office}`")
    held: dict[tuple[int, str, bytes], list[str]] = {}
    for notice in found[0].notices:
        if notice.item is not None and notice.office is not None and notice.rule is not None:
            held.setdefault((notice.item, notice.office, notice.ref), []).append(notice.rule)
    bare = tuple(notice.rule for notice in found[0].notices if notice.item is None and notice.rule is not None)
    pairs = tuple(OpenPair(item, to, ref, tuple(rules)) for (item, to, ref), rules in held.items())
    return OpenCase(found[0].id, office, found[0].view, pairs, bare)


def list_questions(workspace: Workspace, office: str) -> list[Question]:
    """What this office is asked as an originator, newest last."""
    told = take_notices(workspace, office)
    return [Question(delivery, notice) for delivery in told for notice in delivery.notices if notice.word in ASKING and notice.ref]


def take_notices(workspace: Workspace, office: str) -> Iterable[Delivery]:
    """Every notice in the inbox, what waits taken first, in the order in which they count.

    Raises PartitionStoppedError where not all could be taken: what is asked, or was decided, is not told by half.
    """
    with Inbox.of(workspace, office) as inbox:
        stopped = inbox.take().stopped
        if stopped:
            raise stopped[0]
        held = [one.delivery for one in inbox.list().held if one.delivery.kind == "NOTICE"]
    return sorted(held, key=lambda delivery: delivery.n)


def _show(case: OwnCase, office: str) -> dict[str, Any]:
    delivery, notices = case.delivery, case.notices
    due = next((notice.due for notice in notices if notice.due is not None), None)
    return {
        "case": case.id,
        "urn": delivery.urn,
        "owner": office,
        "reasons": sorted({notice.rule for notice in notices if notice.rule is not None}),
        "priority": delivery.priority,
        "opened_at": show_time(delivery.decided_at),
        "due": show_time(due) if due is not None else None,
        "state": "OPEN" if case.open else "CLOSED",
        "held": [{"item": notice.item, "office": notice.office, "rule": notice.rule} for notice in notices if notice.item is not None],
    }
