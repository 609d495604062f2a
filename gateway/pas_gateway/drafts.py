"""The deliveries a decision calls for: disclosures, conditions, withdrawals and notices, before they are numbered and sealed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pas_gateway.approval import Approval
from pas_gateway.policy.rulings import Pair
from pas_gateway.policy.verdicts import Outcome, Verdicts
from pas_gateway.project import Source, body
from pas_gateway.register.queries import Accepted
from pas_gateway.stages import Waits
from pas_schemas.clock import from_ms, show_time, to_ms
from pas_schemas.directory import Estate
from pas_schemas.errors import PasError
from pas_schemas.models.report import Report, Subject
from pas_schemas.models.words import DeliveryKind, NoticeWord, Priority
from pas_schemas.rulebook import Rulebook
from pas_schemas.rules import SENTENCES

# What the originator is asked when one of these rules holds an item.
ASKS: dict[str, NoticeWord] = {
    "H1-NONPROS": "CODE_2_ASKED",
    "H3-NONPROS": "CODE_2_ASKED",
    "H5-NONPROS": "CONSENT_ASKED",
    "R-FOLLOW": "CONSENT_ASKED",
}

_ACCEPTED = "The report was accepted and decided."
_WAITS = "The report was accepted and decided; nothing of it goes out before the report that it corrects is here and withdrawn."
_OVERTAKEN = "The report was accepted and decided; nothing of it goes out, for a correction of it came first."

# Words in one delivery: with the longest sentences and names there are, well within a record.
NOTICES_AT_ONCE = 500
# An addressee that is no office may be any text; its originator knows it again by its beginning.
MAX_NAME = 100


class NotApprovedError(PasError):
    """Something that waited for people was about to be sealed without their signatures: the batch is not written."""


@dataclass(frozen=True, slots=True)
class About:
    """What a delivery says of the report it is about."""

    report: bytes
    urn: str
    originator: str
    priority: Priority
    created_at: str
    received_at_ms: int

    @property
    def urgent(self) -> bool:
        return self.priority == "THREAT_TO_LIFE"


def about_matter(name: bytes, office: str, at: datetime, urn: str = "") -> About:
    """Of what is no accepted report, or no more is to be said of than its id: whose it is, and since when."""
    return About(name, urn, office, "ROUTINE", show_time(at), to_ms(at))


class Draft(NamedTuple):
    """A delivery to be numbered and sealed; `items` are the report's own indices, which do not travel, `body` the encoded projection.
    `people` are the subjects of a Governor's disclosure, of whom it is told what came before."""

    about: About
    office: str
    kind: DeliveryKind
    items: tuple[int, ...] = ()
    body: bytes | None = None
    people: tuple[Subject, ...] = ()
    notices: tuple[dict[str, Any], ...] = ()
    deadline: datetime | None = None
    request: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Draft({self.about!r}, office={self.office!r}, kind={self.kind!r}, items={self.items!r})"


def about(report: Report, report_id: bytes, received_at_ms: int) -> About:
    return About(report_id, report.urn, report.originator, report.priority, show_time(report.created_at), received_at_ms)


def about_accepted(found: Accepted) -> About:
    """The same, of a report as the register lists it."""
    return About(found.id, found.urn, found.originator, found.priority, show_time(from_ms(found.created_at_ms)), found.order[0])


def disclose(
    said: About, source: Source, outcome: Outcome, estate: Estate, rulebook: Rulebook, read_by: datetime, *, accepted: bool,
    items: Sequence[int] | None = None, approvals: Mapping[Pair, Approval] | None = None,
) -> Iterator[Draft]:  # fmt: skip
    """What an office is released, or these items of it: texts, and of a code 5 item it has yet to accept its conditions and grade.

    What people had to decide goes out with the approval of it alone: NotApprovedError where that is not given.
    """
    released = outcome.released
    chosen = released if items is None else tuple(items)
    if not chosen:
        return
    _check_approved(said, outcome, chosen, approvals or {})
    same = (released, chosen, outcome.obligations, accepted)
    shares = source.shares.get(same)
    if shares is None:
        shares = source.shares[same] = _share_out(source, outcome, chosen, accepted=accepted)
    for share in shares:
        made = body(source, outcome.office, share.items, share.owed, estate, rulebook, conditions_only=share.bare, whole=share.whole)
        people = () if share.bare else _people_for(outcome.office, share.items, source.report, estate)
        yield Draft(said, outcome.office, "CONDITIONS" if share.bare else "DISCLOSURE", share.items, made, people, deadline=read_by)


class _Share(NamedTuple):
    """Items that go out in one delivery: `bare` are their conditions alone, `whole` says that they are all of the originator's."""

    items: tuple[int, ...]
    owed: tuple[str, ...]
    bare: bool
    whole: bool


def _share_out(source: Source, outcome: Outcome, chosen: tuple[int, ...], *, accepted: bool) -> tuple[_Share, ...]:
    """What of the chosen items goes out as texts, and what as conditions: worked out once for all offices that are released the same."""
    released, said = outcome.released, source.report.items
    waiting = {index for index in released if said[index].handling == "5" and not accepted}
    closed = waiting.intersection(chosen)
    open_items = tuple(index for index in chosen if index not in closed)
    # Whoever has every item of the originator's has no text that stands in the place of one.
    own = len(said) - len(source.by_pas)
    whole = not waiting and len([index for index in released if index < own]) == own
    parts = ((open_items, False), (tuple(sorted(closed)), True))
    return tuple(_Share(those, _owed(outcome, {said[index].handling for index in those}), bare, whole) for those, bare in parts if those)


def _people_for(office: str, items: Iterable[int], report: Report, estate: Estate) -> tuple[Subject, ...]:
    """Of a Governor's disclosure the subjects that its own items concern, and no others."""
    standing = estate.get(office)
    if standing is None or standing.kind != "governor":
        return ()
    named = sorted({subject for index in items for subject in report.subjects_of(report.items[index])})
    return tuple(report.subjects[index] for index in named if report.subjects[index].role == "SUBJECT")


def _check_approved(said: About, outcome: Outcome, chosen: Collection[int], approvals: Mapping[Pair, Approval]) -> None:
    for verdict in outcome.verdicts:
        if verdict.answered and verdict.item in chosen:
            approval = approvals.get((verdict.item, outcome.office))
            if approval is None or approval.report != said.report or not approval.rules.issuperset(verdict.answered):
                raise NotApprovedError("A held item may not go out without its signatures.", "this is a fault of the program")


def _owed(outcome: Outcome, codes: set[str]) -> tuple[str, ...]:
    """Of an office's obligations those that a delivery of items of these codes brings."""
    others = {word for code, words in _OF_CODE.items() if code not in codes for word in words}
    return tuple(word for word in outcome.obligations if word not in others)


# Obligations that come with one handling code alone.
_OF_CODE = {"2": ("RECORD_DISSEMINATION",), "4": ("INTERNAL_ONLY",), "5": ("ACCEPT_CONDITIONS", "REFER_TO_ORIGINATOR")}


def withdraw(said: About, office: str, confirm_by: datetime, why: Sequence[dict[str, Any]] = ()) -> Draft:
    """The end of an office's standing access to a report, which its inbox must confirm; `why` says it to a person."""
    return Draft(said, office, "WITHDRAWAL", notices=tuple(why), deadline=confirm_by)


def notice(
    word: NoticeWord,
    why: str,
    *,
    office: str | None = None,
    item: int | None = None,
    rule: str | None = None,
    case: str | None = None,
    due_ms: int | None = None,
    ref: bytes = b"",
    view: bytes = b"",
) -> dict[str, Any]:
    """One word; `ref` names the item to this office, `view` what it sees of the case."""
    said = {"word": word, "office": office and office[:MAX_NAME], "item": item, "rule": rule, "why": why}
    return {**said, "case": case, "due_ms": due_ms, "ref": ref, "view": view}


def tell_originator(verdicts: Verdicts, waits: Waits | None) -> list[dict[str, Any]]:
    """What the originator hears of a decision: that it was accepted, who was refused what, and what it is asked."""
    told = [notice("ACCEPTED", _ACCEPTED if waits is None else _OVERTAKEN if waits.target is None else _WAITS)]
    told += tell_refusals(verdicts.outcomes)
    return told


def tell_refusals(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Refusals, and what is asked of the originator, pair by pair."""
    told = []
    for outcome in outcomes:
        for verdict in outcome.verdicts:
            if verdict.word == "refuse":
                told.append(notice("REFUSED", verdict.why, office=outcome.office, item=verdict.item, rule=verdict.rule))
            elif verdict.word == "hold":
                asked = [rule for rule in verdict.holds if rule in ASKS]
                told += [notice(ASKS[rule], SENTENCES[rule], office=outcome.office, item=verdict.item, rule=rule) for rule in asked]
    return told


def split_notices(draft: Draft) -> Iterator[Draft]:
    """A draft whose words one delivery can hold: a report may have been refused to a thousand addressees, item by item."""
    if len(draft.notices) <= NOTICES_AT_ONCE:
        yield draft
        return
    for start in range(0, len(draft.notices), NOTICES_AT_ONCE):
        yield draft._replace(notices=draft.notices[start : start + NOTICES_AT_ONCE])


def notify(said: About, office: str, notices: Sequence[dict[str, Any]]) -> Draft:
    """Words of PAS for an office about a report."""
    return Draft(said, office, "NOTICE", notices=tuple(notices))
