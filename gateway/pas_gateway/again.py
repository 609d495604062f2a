"""Deciding accepted reports again, when a movement, an acceptance or a later arrival changes what they were decided by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.drafts import About, Draft, about, disclose, notify, tell_refusals, withdraw
from pas_gateway.filing import case_id, case_row, read_verdicts, write_verdicts
from pas_gateway.judge import Bench, screen_report
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan, decide_notices
from pas_gateway.policy.decide import decide
from pas_gateway.policy.verdicts import Outcome, Verdicts
from pas_gateway.project import Source
from pas_gateway.register import queries
from pas_gateway.register.queries import Kept
from pas_gateway.vault import read_body, unlock_body
from pas_schemas.clock import to_ms
from pas_schemas.models.report import Report


@dataclass(frozen=True, slots=True)
class Standing:
    """An accepted report as it stands: opened for the decision, with the verdicts it has."""

    kept: Kept
    report: Report = field(repr=False)
    source: Source = field(repr=False)
    verdicts: Verdicts = field(repr=False)
    withdrawn: tuple[Outcome, ...] = field(repr=False)


def reopen(kept: Iterable[Kept], office: PasOffice) -> list[Standing]:
    """Opens the sealed bodies of accepted reports."""
    found = []
    for one in kept:
        report, _, source = read_body(unlock_body(one.body, one.data_key, one.id, office.register_key))
        filed = read_verdicts(one.verdicts)
        found.append(Standing(one, report, source, filed.verdicts, filed.withdrawn))
    return found


def decide_again(
    standing: Iterable[Standing],
    knowledge: Knowledge,
    office: PasOffice,
    scribe: Scribe,
    plan: Plan,
    accepting: dict[bytes, frozenset[str]] | None = None,
) -> None:
    """Adds to a plan what changes: new disclosures, ended standing access, cases opened and closed. `accepting` are new acceptances."""
    bench = Bench(scribe.now, office.snapshot, office.rulebook)
    for one in standing:
        accepted = one.kept.acceptances | (accepting or {}).get(one.kept.id, frozenset())
        situation = knowledge.situation(
            one.report, now=bench.now, estate=bench.snapshot.at(bench.now), order=one.kept.order,
            suspicions=screen_report(one.report, bench.rulebook, one.source.parts.suspicions), accepted=accepted, again=True,
        )  # fmt: skip
        verdicts = decide(one.report, situation, bench.rulebook)
        plan.use(knowledge.used(one.report))
        if verdicts == one.verdicts and accepted == one.kept.acceptances:
            continue
        _file(one, verdicts, office, scribe, plan)
        plan.drafts += _drafts(one, verdicts, accepted, office, scribe)


def _file(one: Standing, verdicts: Verdicts, office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    now_ms = to_ms(scribe.now)
    plan.change.redecided.append({
        "id": one.kept.id, "version": one.kept.version, "decided_at_ms": now_ms,
        "verdicts": write_verdicts(verdicts, office, _still_withdrawn(one, verdicts)),
    })  # fmt: skip
    before = {case.owner: case for case in one.verdicts.cases}
    for case in verdicts.cases:
        if case != before.get(case.owner):
            plan.change.cases.append(case_row(office, one.kept.id, case, one.report.priority, now_ms, one.kept.order[0]))
    ended = before.keys() - {case.owner for case in verdicts.cases}
    plan.change.closed_cases += [{"id": case_id(office, one.kept.id, owner)} for owner in sorted(ended)]
    rules = sorted({verdict.rule for outcome in verdicts.outcomes for verdict in outcome.verdicts})
    plan.change.events.append(scribe.event("DECIDED_AGAIN", one.kept.id.hex(), rules=rules))


def _drafts(one: Standing, verdicts: Verdicts, accepted: frozenset[str], office: PasOffice, scribe: Scribe) -> Iterator[Draft]:
    said = about(one.report, one.kept.id, one.kept.order[0])
    before = {outcome.office: outcome for outcome in one.verdicts.outcomes}
    after = {outcome.office: outcome for outcome in verdicts.outcomes}
    for outcome in verdicts.outcomes:
        former = before.get(outcome.office)
        newly_accepted = outcome.office in accepted and outcome.office not in one.kept.acceptances
        if outcome.released and (newly_accepted or not set(outcome.released) <= set(former.released if former else ())):
            yield from _disclose(said, one, outcome, accepted, office, scribe)
    for former in one.verdicts.outcomes:
        if _access_ends(former, after.get(former.office)):
            yield withdraw(said, former.office)
    told = [line for line in tell_refusals(verdicts.outcomes) if line not in tell_refusals(one.verdicts.outcomes)]
    if told:
        yield notify(said, one.report.originator, told)
    before_cases = {case.owner: case for case in one.verdicts.cases}
    changed = [case for case in verdicts.cases if case != before_cases.get(case.owner)]
    yield from decide_notices(said, changed, verdicts, one.report, office, scribe)


def _still_withdrawn(one: Standing, verdicts: Verdicts) -> list[Outcome]:
    """What offices had before their access ended: those whose access ends now, and earlier ones that did not get it back."""
    after = {outcome.office: outcome for outcome in verdicts.outcomes}
    ended = {former.office: former for former in one.verdicts.outcomes if _access_ends(former, after.get(former.office))}
    earlier = {former.office: former for former in one.withdrawn if former.office not in after or not after[former.office].released}
    return list((earlier | ended).values())


def _disclose(said: About, one: Standing, outcome: Outcome, accepted: frozenset[str], office: PasOffice, scribe: Scribe) -> Iterator[Draft]:
    estate = office.snapshot.at(scribe.now)
    # What is decided late must still be read in time: the clock of a later disclosure starts when it is made.
    read_by = office.rulebook.read_by(one.report.priority, scribe.now)
    return disclose(said, one.source, outcome, estate, office.rulebook, read_by, accepted=outcome.office in accepted)


def _access_ends(former: Outcome, now: Outcome | None) -> bool:
    """An office reached by role or posting loses its standing access; one addressed by id keeps what it had."""
    return bool(former.released) and not former.by_id and (now is None or all(verdict.word == "refuse" for verdict in now.verdicts))


def find_standing(register: sa.Connection, ids: Iterable[bytes], office: PasOffice, knowledge: Knowledge) -> list[Standing]:
    """Reports to decide again, with everything they could be decided by loaded."""
    standing = reopen(queries.find_kept(register, ids), office)
    knowledge.load(register, [one.report for one in standing], [])
    return standing
