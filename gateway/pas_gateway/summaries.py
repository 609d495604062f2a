"""9 replies: the Person Escort Record summaries that people wrote, with whoever moves a prisoner and whoever receives him, and nobody else.

A summary is with its escort contractors until the prisoner is in another prison than when it was written, and from then on
with that prison, if it is meant for it. It ends with its report, with a release, and when a newer one is written. Each is a
message of its own: what else an office holds about the prisoner is neither named by it nor taken back with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from pas_gateway.again import Standing
from pas_gateway.audit import Scribe
from pas_gateway.drafts import About, Draft, withdraw
from pas_gateway.judge import live_until_ms
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.project import write_body
from pas_gateway.register import dockets, queries
from pas_gateway.register.queries import Sent
from pas_gateway.signatures import Signed
from pas_schemas.clock import show_time, to_ms
from pas_schemas.directory import PAS
from pas_schemas.models.decision import Summary
from pas_schemas.models.report import Report, Subject
from pas_schemas.parts import write_subject

# Reports whose summaries end in one transaction.
ENDED_AT_ONCE = 100


def renew_summaries(
    register: sa.Connection, standing: Iterable[Standing], knowledge: Knowledge, office: PasOffice, scribe: Scribe, plan: Plan,
    unsent: Collection[bytes] = (),
) -> None:  # fmt: skip
    """Adds to a plan which summaries on these reports go out, and which are taken back.

    Of deliveries that are `unsent` nobody knows whether their office can open them: what stands is taken back and goes out anew.
    """
    for one in standing:
        signed = [(each, each.said) for each in one.signed if isinstance(each.said, Summary)]
        if not signed:
            continue
        newest = {knowledge.same(said.noms_number): each.id for each, said in signed}
        sent = queries.find_deliveries(register, [each.id for each, _ in signed])
        ended = one.kept.superseded or live_until_ms(one.report) <= scribe.now_ms
        taken_ms = {kept.id: kept.at_ms for kept in dockets.find_statements(register, [one.kept.id]).get(one.kept.id, ())}
        for each, said in signed:
            stands = newest[knowledge.same(said.noms_number)] == each.id and not ended
            # What was told of him since changes nothing of where its writer saw him, whenever it happened.
            then = _known_by(taken_ms[each.id], one.report, register, office) if stands and each.id in taken_ms else knowledge
            wanted = _readers(said, then, knowledge, office, scribe) if stands else frozenset()
            _send(each, said, one.report, wanted, [it for it in sent if it.report == each.id], unsent, office, scribe, plan)


def withdraw_summaries(register: sa.Connection, report: bytes, office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Takes back every summary on a report that no longer stands."""
    statements = dockets.find_statements(register, [report]).get(report, ())
    priorities = {found.id: found.priority for found in queries.find_accepted(register, [report], ())}
    by_id: dict[bytes, list[Sent]] = {}
    for delivery in queries.find_deliveries(register, [one.id for one in statements]):
        by_id.setdefault(delivery.report, []).append(delivery)
    for summary, sent in by_id.items():
        said = About(summary, "", PAS, priorities[report], show_time(scribe.now), scribe.now_ms)
        _take_back(said, _holders(sent), sent, office, scribe, plan)


def end_summaries(register: sa.Connection, office: PasOffice, scribe: Scribe, plan: Plan) -> bool:
    """Takes back summaries on reports of which no item is live any more; whether there were any."""
    ended = dockets.find_summarised(register, scribe.now_ms, ENDED_AT_ONCE)
    for report in ended:
        withdraw_summaries(register, report, office, scribe, plan)
    return bool(ended)


def _known_by(at_ms: int, report: Report, register: sa.Connection, office: PasOffice) -> Knowledge:
    """What the log had told by then of the report's people."""
    known = Knowledge(office.names, known_by_ms=at_ms)
    known.load(register, [report], [])
    return known


def _readers(said: Summary, knowledge_then: Knowledge, knowledge: Knowledge, office: PasOffice, scribe: Scribe) -> frozenset[str]:
    """Who is to have it now."""
    then, now = knowledge_then.place(said.noms_number, said.at), knowledge.place(said.noms_number, scribe.now)
    estate = office.snapshot.at(scribe.now)
    if knowledge.was_released(said.noms_number, said.at, scribe.now):
        # Whoever takes him in another time is no receiving custodian of the journey that it was written for.
        wanted = frozenset[str]()
    elif now == then:
        wanted = frozenset(said.escorts)
    else:
        wanted = frozenset({f"security:{now}"}) if said.custodian and now is not None else frozenset()
    return frozenset(filter(estate.is_active, wanted))


def _last(sent: Sequence[Sent]) -> dict[str, Sent]:
    """The last message about it to each office."""
    return {delivery.office: delivery for delivery in sorted(sent, key=lambda delivery: delivery.n)}


def _holders(sent: Sequence[Sent]) -> frozenset[str]:
    """Who has it: whose last message about it is the summary itself."""
    return frozenset(office for office, delivery in _last(sent).items() if delivery.kind == "SUMMARY")


def _send(
    signed: Signed,
    said: Summary,
    report: Report,
    wanted: frozenset[str],
    sent: Sequence[Sent],
    unsent: Collection[bytes],
    office: PasOffice,
    scribe: Scribe,
    plan: Plan,
) -> None:
    about = About(signed.id, "", PAS, report.priority, show_time(said.at), to_ms(said.at))
    last, holders = _last(sent), _holders(sent)
    # The journey is over for a contractor that had it, wherever the prisoner goes then; what came anew came with its withdrawal.
    wanted -= {one for one in said.escorts if one in last and last[one].kind == "WITHDRAWAL"}
    anew = {one for one in holders if last[one].id in unsent}
    _take_back(about, (holders - wanted) | anew, sent, office, scribe, plan)
    holders -= anew
    body = write_body(_body(said, report)) if wanted - holders else None
    read_by = office.rulebook.read_by(report.priority, scribe.now)
    plan.drafts += [Draft(about, one, "SUMMARY", body=body, deadline=read_by) for one in sorted(wanted - holders)]


def _take_back(about: About, holders: frozenset[str], sent: Sequence[Sent], office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    # By the priority of the report it was written on, as that report itself would be (domain, *Certainty of receipt*).
    confirm_by = office.rulebook.read_by(about.priority, scribe.now)
    plan.drafts += [withdraw(about, one, confirm_by) for one in sorted(holders)]
    plan.change.states += [{"id": each.id, "state": "WITHDRAWN"} for each in sent if each.office in holders and each.kind == "SUMMARY"]


def _body(said: Summary, report: Report) -> dict[str, Any]:
    """Flags, advice and the prisoner's number: nothing that the report says, nor that there is one."""
    person = Subject(role="SUBJECT", standing="OTHER", noms_number=said.noms_number, pnc_id=None, date_of_birth=None)
    return {
        "protective_marking": report.protective_marking, "purpose": report.purpose, "legal_basis": said.legal_basis, "handling": "",
        "gist": said.advice, "do_not_share_with_offender": True, "obligations": [], "conditions": None, "reasons": None,
        "internal_recipients": [], "review_by": None, "operation": None, "risk_tags": list(said.flags), "items": [],
        "subjects": [write_subject(person)], "evidence": None,
    }  # fmt: skip
