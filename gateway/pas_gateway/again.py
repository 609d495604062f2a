"""Deciding accepted reports again, when a movement, an acceptance or a later arrival changes what they were decided by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from pas_gateway.approval import Approved, approve, read_stored
from pas_gateway.audit import Scribe
from pas_gateway.casebook import name_items
from pas_gateway.drafts import Draft, about, about_accepted, disclose, notice, notify, tell_refusals, withdraw
from pas_gateway.filing import case_id, case_row, read_verdicts, write_verdicts
from pas_gateway.judge import Bench, live_until_ms, screen_report
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan, closed_notices, decide_notices
from pas_gateway.policy.decide import decide, gates_fired, obligations_for
from pas_gateway.policy.situation import Situation
from pas_gateway.policy.verdicts import Outcome, Verdicts
from pas_gateway.project import Source
from pas_gateway.register import dockets, queries
from pas_gateway.register.dockets import Stored
from pas_gateway.register.queries import Kept, Sent
from pas_gateway.sanitised import add_approved
from pas_gateway.signatures import Signed
from pas_gateway.vault import open_statements, read_body, unlock_body
from pas_schemas.clock import from_ms, to_ms
from pas_schemas.directory import PAS
from pas_schemas.errors import PasError
from pas_schemas.models.decision import Decision
from pas_schemas.models.report import Report
from pas_schemas.models.words import SHOWN
from pas_schemas.parts import find_unclosed
from pas_schemas.rulebook import Rulebook
from pas_schemas.rules import LAST

_DAMAGED = "The register no longer holds this report as it was: it is not decided again. Restore it, or ask its originator for it."

_NO_TEXT = "The text of these conditions is not released any more: none follows."

# The obligations of an office that has these items.
Owed = Callable[[str, Sequence[int]], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Holding:
    """What an office was sent about a report and nobody took back: deliveries, the items whose text it has, those it has conditions of."""

    deliveries: tuple[bytes, ...] = ()
    texts: frozenset[int] = frozenset()
    conditions: frozenset[int] = frozenset()


_NOTHING = Holding()


def holding_of(sent: Sequence[Sent]) -> Holding:
    """From an office's deliveries about one report in their order: what lies after the last withdrawal."""
    since = max((place + 1 for place, one in enumerate(sent) if one.kind == "WITHDRAWAL"), default=0)
    standing = [one for one in sent[since:] if one.kind in SHOWN]
    texts = {item for one in standing if one.kind == "DISCLOSURE" for item in one.items}
    conditions = {item for one in standing if one.kind == "CONDITIONS" for item in one.items}
    return Holding(tuple(one.id for one in standing), frozenset(texts), frozenset(conditions))


@dataclass(frozen=True, slots=True)
class Standing:
    """An accepted report as it stands: opened for the decision, with the verdicts it has and what offices hold of it."""

    kept: Kept
    report: Report = field(repr=False)
    source: Source = field(repr=False)
    verdicts: Verdicts = field(repr=False)
    withdrawn: tuple[Outcome, ...] = field(repr=False)
    holdings: Mapping[str, Holding] = field(repr=False)
    signed: tuple[Signed, ...] = field(default=(), repr=False)

    def held_by(self, office: str) -> Holding:
        return self.holdings.get(office, _NOTHING)

    def keeps(self, office: str, item: int) -> bool:
        """Whether the report named the office by its id for that item: it keeps what it had when a prisoner moves."""
        if item >= len(self.report.items):
            return False
        one = self.report.items[item]
        if item in self.source.by_pas and one.sanitises is not None:
            # Written for the office by PAS: it has it as it would have the item.
            return self.keeps(office, one.sanitises)
        internal = self.report.handling.internal_recipients if one.handling == "4" else ()
        return office in self.report.addressees_of(one) or office in internal


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a standing report comes to today: `one` has its regrades, and the texts PAS wrote, among its items."""

    one: Standing = field(repr=False)
    verdicts: Verdicts = field(repr=False)
    approved: Approved = field(repr=False)
    situation: Situation = field(repr=False)


def judge_again(
    one: Standing,
    accepted: frozenset[str],
    knowledge: Knowledge,
    bench: Bench,
    office: PasOffice,
    *,
    unmatched: bool,
    again: bool = True,
) -> Judgement:
    """Policy, with what people decided as its input: each of their signatures is verified once more.

    `again` is false only where a replay makes the first decision once more.
    """
    estate = bench.snapshot.at(bench.now)
    situation = knowledge.situation(
        one.report, now=bench.now, estate=estate, order=one.kept.order,
        suspicions=screen_report(one.report, bench.rulebook, one.source.parts.suspicions), accepted=accepted, again=again,
        unmatched=unmatched, unclosed=find_unclosed(one.report, one.source.parts.items),
    )  # fmt: skip
    if one.kept.unread:
        situation = replace(situation, unread=frozenset(unread.office for unread in one.kept.unread))
    if not one.signed:
        return Judgement(one, decide(one.report, situation, bench.rulebook), Approved(one.report), situation)
    gates = gates_fired(one.report, situation, bench.rulebook)
    signed = [each for each in one.signed if not _is_of_elsewhere(each, one.report, knowledge, bench.now)]
    approved = approve(one.kept.id, one.report, gates, signed, bench.now, office)
    screened = screen_report(approved.report, bench.rulebook, one.source.parts.suspicions)
    written = frozenset(text.item for text in approved.written)
    situation = replace(situation, rulings=approved.rulings, suspicions=screened, unread=_unanswered(one, approved), by_pas=written)
    current = replace(one, report=approved.report, source=add_approved(one.source, approved, office))
    return Judgement(current, decide(approved.report, situation, bench.rulebook), approved, situation)


def _is_of_elsewhere(signed: Signed, report: Report, knowledge: Knowledge, now: datetime) -> bool:
    """Whether silence was accepted while a subject was elsewhere: before the Governor who has him by now nobody has decided on it."""
    if not isinstance(signed.said, Decision) or signed.said.choice != "ACCEPT_SILENCE":
        return False
    numbers = [one.noms_number for one in report.whom_it_is_on() if one.noms_number is not None]
    places = ((knowledge.place(number, now), knowledge.place(number, from_ms(signed.at_ms))) for number in numbers)
    return any(here is not None and here != then for here, then in places)


def _unanswered(one: Standing, approved: Approved) -> frozenset[str]:
    """The offices that did not read and that nobody at PAS has noted since."""
    noted = max((signed.at_ms for signed in one.signed if _notes_unread(signed, approved)), default=None)
    return frozenset(unread.office for unread in one.kept.unread if noted is None or unread.at_ms > noted)


def _notes_unread(signed: Signed, approved: Approved) -> bool:
    said = signed.said
    return isinstance(said, Decision) and said.office == PAS and "R-NOBODY" in said.reasons and signed.digest in approved.complete


def reopen(
    kept: Iterable[Kept], sent: Iterable[Sent], statements: Mapping[bytes, Sequence[Stored]], office: PasOffice
) -> tuple[list[Standing], list[bytes]]:
    """Opens the sealed bodies of accepted reports; second, those that the register no longer holds as they were."""
    by_report: dict[bytes, dict[str, list[Sent]]] = {}
    for delivery in sent:
        by_report.setdefault(delivery.report, {}).setdefault(delivery.office, []).append(delivery)
    found: list[Standing] = []
    damaged: list[bytes] = []
    for one in kept:
        try:
            report, _, source = read_body(unlock_body(one.body, one.data_key, one.id, office.register_key))
            filed = read_verdicts(one.verdicts, one.id, office.register_key)
        except (PasError, ValueError, TypeError):
            # One damaged row must cost nobody a movement or an acceptance.
            damaged.append(one.id)
            continue
        stored = statements.get(one.id, ())
        taken_ms = {each.id: each.at_ms for each in stored}
        words = read_stored(open_statements(stored, office.register_key), report, office)
        signed = tuple(replace(each, taken_ms=taken_ms.get(each.id)) for each in words)
        holdings = {name: holding_of(its) for name, its in by_report.get(one.id, {}).items()}
        found.append(Standing(one, report, source, filed.verdicts, filed.withdrawn, holdings, signed))
    return found, damaged


def decide_again(
    standing: Iterable[Standing],
    knowledge: Knowledge,
    office: PasOffice,
    scribe: Scribe,
    plan: Plan,
    accepting: dict[bytes, frozenset[str]] | None = None,
    released: frozenset[bytes] = frozenset(),
    unmatched: frozenset[bytes] = frozenset(),
    anew: str | None = None,
    even_same: bool = False,
) -> None:
    """Adds to a plan what changes: new disclosures, ended standing access, cases opened and closed. `accepting` are new acceptances.

    Of a report that waits for its place in a chain of corrections nothing goes out, unless it is now `released`; `unmatched` are
    those that from now on wait for a person. One that another stands in the place of is decided no more. What the office `anew`
    holds is taken back and sealed to it again.
    With `even_same` also what offices lack of an unchanged decision goes out, and what they have beyond it is taken back.
    """
    bench = Bench(scribe.now, office.snapshot, office.rulebook)
    for one in standing:
        if one.kept.superseded:
            continue
        waits = one.kept.waits not in (None, "RELEASED") and one.kept.id not in released
        accepted = one.kept.acceptances | (accepting or {}).get(one.kept.id, frozenset())
        stays = waits and (one.kept.waits == "UNMATCHED" or one.kept.id in unmatched)
        judged = judge_again(one, accepted, knowledge, bench, office, unmatched=stays)
        plan.use(knowledge.used(one.report))
        same = judged.verdicts == one.verdicts and accepted == one.kept.acceptances and one.kept.id not in released and not even_same
        if same and (anew is None or not _taken_back(judged.one, anew, judged.verdicts, anew).deliveries):
            continue
        _file(judged, office, scribe, plan)
        ended = {name: _taken_back(judged.one, name, judged.verdicts, anew) for name in one.holdings}
        over = live_until_ms(one.report) <= scribe.now_ms and one.kept.id not in released
        plan.drafts += [] if waits else _disclosures(judged, accepted, ended, office, scribe, anew, over=over)
        plan.drafts += _words(judged.one, judged.verdicts, office, scribe)
        plan.drafts += _no_texts(judged, (accepting or {}).get(one.kept.id, frozenset()), ended)
        plan.change.states += [{"id": delivery, "state": "WITHDRAWN"} for holding in ended.values() for delivery in holding.deliveries]


def _file(judged: Judgement, office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    one, verdicts, now_ms = judged.one, judged.verdicts, to_ms(scribe.now)
    plan.change.redecided.append({
        "id": one.kept.id, "version": one.kept.version, "decided_at_ms": now_ms,
        "verdicts": write_verdicts(verdicts, office, one.kept.id, _still_withdrawn(one, verdicts)),
    })  # fmt: skip
    before = {case.owner: case for case in one.verdicts.cases}
    for case in verdicts.cases:
        if case != before.get(case.owner):
            plan.change.cases.append(case_row(office, one.kept.id, case, one.report.priority, now_ms, one.kept.order[0]))
    ended = before.keys() - {case.owner for case in verdicts.cases}
    plan.change.closed_cases += [{"id": case_id(office, one.kept.id, owner)} for owner in sorted(ended)]
    plan.change.case_states += _case_states(judged, sorted(ended), office)
    rules = sorted({verdict.rule for outcome in verdicts.outcomes for verdict in outcome.verdicts})
    plan.change.events.append(scribe.event("DECIDED_AGAIN", one.kept.id.hex(), rules=rules))


def _case_states(judged: Judgement, ended: Sequence[str], office: PasOffice) -> Iterator[dict[str, Any]]:
    """A case that ended because its owner decided says so; one of which silence was accepted, until when."""
    approved, report = judged.approved, judged.one.kept.id
    deciders = {one.said.office for one in judged.one.signed if one.digest in approved.complete}
    for owner in ended:
        if owner in approved.silent_until or owner in deciders:
            yield {"id": case_id(office, report, owner), "state": "ACCEPTED" if owner in approved.silent_until else "DECIDED"}
    silent = {one.said.office for one in judged.one.signed if isinstance(one.said, Decision) and one.said.choice == "ACCEPT_SILENCE"}
    for owner in silent:
        until = approved.silent_until.get(owner)
        yield {"id": case_id(office, report, owner), "silent_until_ms": to_ms(until) if until is not None else None}


def _disclosures(
    judged: Judgement, accepted: frozenset[str], ended: Mapping[str, Holding], office: PasOffice, scribe: Scribe, anew: str | None,
    *, over: bool,
) -> Iterator[Draft]:  # fmt: skip
    """What is taken back, `ended`, and what goes out; of a report whose life is `over`, to nobody new but by people's decision: it
    does not follow the prisoner any more (domain, *Whereabouts*), whatever has it decided again."""
    one, verdicts = judged.one, judged.verdicts
    owed = partial(obligations_for, one.report, judged.situation, office.rulebook)
    said = about(one.report, one.kept.id, one.kept.order[0])
    confirm_by = office.rulebook.read_by(one.report.priority, scribe.now)
    read_by = confirm_by if anew else _read_by(one, office.rulebook, scribe.now)
    lost = {name for name, holding in ended.items() if holding.deliveries}
    yield from (withdraw(said, name, confirm_by) for name in sorted(lost))
    estate = office.snapshot.at(scribe.now)
    decided = {to for _, to in judged.approved.approvals}
    for outcome in verdicts.outcomes:
        if over and outcome.office not in decided and outcome.office not in one.holdings:
            continue
        holding, again = one.held_by(outcome.office), outcome.office in lost
        due = _with_kept(one, outcome, holding, owed) if again else outcome
        missing = _missing(due, _NOTHING if again else holding, outcome.office in accepted)
        for some in _apart(one.report, missing) if outcome.office == anew else (missing,):
            yield from disclose(
                said, one.source, due, estate, office.rulebook, read_by, accepted=outcome.office in accepted, items=some,
                approvals=judged.approved.approvals,
            )  # fmt: skip


def _read_by(one: Standing, rulebook: Rulebook, now: datetime) -> datetime:
    """When what goes out now must be read: counted from when the report reached PAS (domain, *Certainty of receipt*), so that neither a
    case nor the acceptance of conditions puts it off. What goes out after that, to the next prison say, has its own time from now."""
    by = rulebook.read_by(one.report.priority, from_ms(one.kept.order[0]))
    return by if now < by else rulebook.read_by(one.report.priority, now)


def _apart(report: Report, items: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Code 4 texts in a delivery of their own: closed to a key that may be lost, they must not keep the rest from being read."""
    closed = tuple(item for item in items if report.items[item].handling == "4")
    return tuple(item for item in items if item not in closed), closed


def _words(one: Standing, verdicts: Verdicts, office: PasOffice, scribe: Scribe) -> Iterator[Draft]:
    """What the originator and the owners of cases have not heard yet."""
    said = about(one.report, one.kept.id, one.kept.order[0])
    known = {tuple(line.values()) for line in tell_refusals(one.verdicts.outcomes)}
    told = [line for line in tell_refusals(verdicts.outcomes) if tuple(line.values()) not in known]
    if told:
        yield notify(said, one.report.originator, name_items(told, office.register_id_key, one.kept.id, one.report.originator))
    before_cases = {case.owner: case for case in one.verdicts.cases}
    changed = [case for case in verdicts.cases if case != before_cases.get(case.owner)]
    yield from decide_notices(said, changed, verdicts, one.report, office, scribe)
    yield from closed_notices(said, sorted(before_cases.keys() - {case.owner for case in verdicts.cases}), office)


def _no_texts(judged: Judgement, accepting: frozenset[str], ended: Mapping[str, Holding]) -> Iterator[Draft]:
    """Word to who accepts conditions now that stay with it, though their text is refused since."""
    one, refused = judged.one, {(o.office, v.item) for o in judged.verdicts.outcomes for v in o.verdicts if v.word == "refuse"}
    for name in sorted(accepting):
        if not ended[name].deliveries and any((name, item) in refused for item in one.held_by(name).conditions):
            yield notify(about(one.report, one.kept.id, one.kept.order[0]), name, [notice("REFUSED", _NO_TEXT)])


def _still_withdrawn(one: Standing, verdicts: Verdicts) -> list[Outcome]:
    """What offices had before their access ended: those whose access ends now, and earlier ones that did not get it back."""
    after = {outcome.office: outcome for outcome in verdicts.outcomes}
    ended = {former.office: former for former in one.verdicts.outcomes if _ended(one, former.office, verdicts).deliveries}
    return [former for name, former in sorted({**{o.office: o for o in one.withdrawn}, **ended}.items()) if not _has(after.get(name))]


def _has(outcome: Outcome | None) -> bool:
    return outcome is not None and bool(outcome.released)


def _missing(outcome: Outcome, holding: Holding, accepted: bool) -> tuple[int, ...]:
    """What the office does not hold yet: an item it has is not sent again, nor the conditions of one it has yet to accept."""
    waiting = frozenset() if accepted else holding.conditions
    return tuple(item for item in outcome.released if item not in holding.texts and item not in waiting)


def _ended(one: Standing, name: str, verdicts: Verdicts) -> Holding:
    """What must be taken back from an office: all that it holds, where its standing access to any item of it has ended.

    An office reached by role or posting loses what it is no longer considered for or now refused; one addressed by id for
    an item keeps it. A sanitised item that gives way to its fuller one is no access lost. What is still released to the
    office, or stays with it, is then disclosed anew.
    """
    holding = one.held_by(name)
    if not holding.deliveries:
        return holding
    now = {verdict.item: verdict for outcome in verdicts.outcomes if outcome.office == name for verdict in outcome.verdicts}
    lost = {
        item for item in holding.texts | holding.conditions
        if not one.keeps(name, item) and (item not in now or (now[item].word == "refuse" and now[item].rule != LAST))
    }  # fmt: skip
    return holding if lost else _NOTHING


def _taken_back(one: Standing, name: str, verdicts: Verdicts, anew: str | None) -> Holding:
    """`_ended`, and of the office whose deliveries are sealed anew all that it holds.

    Where it keeps something that today's rules would not release, nothing is sealed anew: neither sent once more nor taken back.
    """
    ended = _ended(one, name, verdicts)
    if name != anew or ended.deliveries:
        return ended
    holding = one.held_by(name)
    now = {verdict.item: verdict for outcome in verdicts.outcomes if outcome.office == name for verdict in outcome.verdicts}
    comes = {item for item, verdict in now.items() if verdict.word == "release" or verdict.rule == LAST}
    return holding if holding.texts | holding.conditions <= comes else _NOTHING


def _with_kept(one: Standing, outcome: Outcome, holding: Holding, owed: Owed) -> Outcome:
    """The outcome with what stays with an office addressed by id as if it were released: held by today's rules, it would not be
    sent anew, but it is no longer PAS's to take back. What is refused by today's rules does not come again."""
    had = holding.texts | holding.conditions
    verdicts = tuple(
        verdict._replace(word="release") if verdict.word == "hold" and verdict.item in had and one.keeps(outcome.office, verdict.item)
        else verdict
        for verdict in outcome.verdicts
    )  # fmt: skip
    kept = outcome._replace(verdicts=verdicts)
    return kept._replace(obligations=owed(outcome.office, kept.released))


def find_standing(
    register: sa.Connection, ids: Iterable[bytes], knowledge: Knowledge, office: PasOffice, scribe: Scribe, plan: Plan
) -> list[Standing]:
    """Reports to decide again, with everything they could be decided by loaded; of those that are damaged PAS is told."""
    wanted = sorted(set(ids))
    statements = dockets.find_statements(register, wanted)
    standing, damaged = reopen(queries.find_kept(register, wanted), queries.find_held_deliveries(register, wanted), statements, office)
    for found in queries.find_accepted(register, damaged, ()):
        plan.drafts.append(notify(about_accepted(found), PAS, [notice("QUARANTINED", _DAMAGED)]))
        plan.change.events.append(scribe.event("BODY_DAMAGED", found.id.hex(), office=found.originator))
    knowledge.load(register, [one.report for one in standing], [], office.rulebook.referral)
    return standing
