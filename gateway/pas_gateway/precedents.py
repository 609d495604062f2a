"""What came before on the same prisoner, for whoever decides or runs the prison: applications to PAS, and what PAS decided.

A Governor's disclosure names no more than that Governor may know: the prison's own applications, as far as it was answered, and
reports of which the Governor's office holds a text that PAS decided to let it have. Whom they are about is told by the items
disclosed, and by no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from pas_gateway.again import holding_of
from pas_gateway.audit import Scribe
from pas_gateway.drafts import Draft, notice
from pas_gateway.filing import read_verdicts
from pas_gateway.office import PasOffice
from pas_gateway.policy.rulings import CONSENTED
from pas_gateway.policy.whereabouts import Whereabouts
from pas_gateway.register import dockets, queries, requests
from pas_gateway.register.dockets import CaseOn
from pas_gateway.register.queries import Sent
from pas_gateway.register.requests import CLOSED, OPEN, Applied
from pas_schemas.clock import from_ms, show_time
from pas_schemas.directory import PAS

# Rules that others than PAS answer, or may: the conduit, the originator.
ELSEWHERE = frozenset({"R-EVALUATE", "G-WARRANT", "G-PRIVILEGE"}) | CONSENTED
# What a prison applies for by itself; the others ask for offices that no Governor is of.
OWN_KIND = "PAS/2"
# The newest are named: a Governor reads them before the text.
NAMED_AT_MOST = 20

_DECIDED = "PAS decided on {} of {}, of which this office holds a text."
_APPLIED = "{} applied to PAS ({}) on {}: {}."


@dataclass(frozen=True, slots=True)
class _Known:
    """What the register has on some people: the reports on which PAS decided, to whom those went, and applications."""

    aliases: Mapping[bytes, frozenset[bytes]]
    decided: Mapping[bytes, Sequence[CaseOn]]
    sent: Mapping[tuple[bytes, str], Sequence[Sent]] = field(repr=False)
    applied: Mapping[bytes, Sequence[Applied]]


class _Line(NamedTuple):
    """Something that came before: when, in which words, and the report that a decision was on."""

    at_ms: int
    notice: dict[str, Any]
    report: bytes | None = None


def name_earlier(register: sa.Connection, drafts: list[Draft], office: PasOffice, scribe: Scribe) -> list[Draft]:
    """The drafts; a Governor's disclosures with what came before on the same prisoners."""
    persons = {id(draft): _persons(draft, office) for draft in drafts if draft.people}
    if not persons:
        return drafts
    readers = {draft.office for draft in drafts if draft.people}
    known = _look_up(register, {key for keys in persons.values() for key in keys}, readers)
    if known is None:
        return drafts
    told: dict[tuple[str, frozenset[bytes]], list[_Line]] = {}

    def with_earlier(draft: Draft) -> Draft:
        whom = draft.office, persons[id(draft)]
        if whom not in told:
            told[whom] = _tell(*whom, known, office, scribe)
        newest = [line.notice for line in told[whom] if line.report != draft.about.report][-NAMED_AT_MOST:]
        return draft._replace(notices=(*draft.notices, *newest)) if newest else draft

    return [with_earlier(draft) if draft.people else draft for draft in drafts]


def _persons(draft: Draft, office: PasOffice) -> frozenset[bytes]:
    return frozenset(key for subject in draft.people for key in office.names.person(subject))


def _look_up(register: sa.Connection, persons: Iterable[bytes], readers: Iterable[str]) -> _Known | None:
    """A handful of questions for a whole batch, whatever it holds; None where there is nothing to tell of anybody."""
    wanted = set(persons)
    everybody = queries.find_merged(register, wanted)
    decided: dict[bytes, list[CaseOn]] = {}
    for one in dockets.find_cases_on(register, everybody, PAS, readers):
        decided.setdefault(one.person, []).append(one)
    applied: dict[bytes, list[Applied]] = {}
    for each in requests.find_on(register, everybody):
        applied.setdefault(each.person, []).append(each)
    if not decided and not applied:
        return None
    whereabouts = Whereabouts(queries.find_movements(register, wanted))
    aliases = {key: frozenset(bytes.fromhex(number) for number in whereabouts.aliases(key.hex())) | {key} for key in wanted}
    sent: dict[tuple[bytes, str], list[Sent]] = {}
    for delivery in queries.find_deliveries(register, {one.report for each in decided.values() for one in each}):
        sent.setdefault((delivery.report, delivery.office), []).append(delivery)
    return _Known(aliases, decided, sent, applied)


def _tell(reader: str, persons: Iterable[bytes], known: _Known, office: PasOffice, scribe: Scribe) -> list[_Line]:
    """All that a reader may know came before on some people, oldest first."""
    own = office.snapshot.at(scribe.now).own(reader)
    everybody = {alias for key in persons for alias in known.aliases.get(key, frozenset({key}))}
    told: list[_Line] = []
    for one in {found.report: found for key in everybody for found in known.decided.get(key, ())}.values():
        texts = holding_of(known.sent.get((one.report, reader), ())).texts
        if texts and _let_have(one, reader, texts, office):
            told.append(_Line(one.received_at_ms, notice("EARLIER", _DECIDED.format(one.urn, one.originator)), one.report))
    for each in {each.id: each for key in everybody for each in known.applied.get(key, ())}.values():
        if each.office in own and each.kind == OWN_KIND:
            said = _APPLIED.format(each.office, each.kind, show_time(from_ms(each.at_ms)), OPEN if each.waits else CLOSED)
            told.append(_Line(each.at_ms, notice("EARLIER", said)))
    return sorted(told, key=lambda line: (line.at_ms, line.notice["why"]))


def _let_have(one: CaseOn, reader: str, texts: frozenset[int], office: PasOffice) -> bool:
    """Whether PAS decided that an office may have one of these texts; what PAS decided of anything else tells that there is something
    else. Of code 4 its own agency decides."""
    outcomes = (each for each in read_verdicts(one.verdicts, one.report, office.register_key).verdicts.outcomes if each.office == reader)
    return any(
        verdict.item in texts and not ELSEWHERE.issuperset(verdict.answered)
        for outcome in outcomes if "INTERNAL_ONLY" not in outcome.obligations
        for verdict in outcome.verdicts
    )  # fmt: skip
