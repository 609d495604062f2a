"""What a batch has come to so far: the change to be written, the drafts to be sealed, and the versions it rests on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pas_gateway.audit import Scribe
from pas_gateway.casebook import item_ref, name_items, view_of
from pas_gateway.drafts import About, Draft, about, about_matter, disclose, notice, notify, tell_originator
from pas_gateway.filing import case_id, case_row, report_row, waiting_row
from pas_gateway.meters import Stage
from pas_gateway.office import PasOffice
from pas_gateway.policy.verdicts import Case, Verdicts
from pas_gateway.policy.whereabouts import Row
from pas_gateway.project import Source
from pas_gateway.register import Change, join_blobs
from pas_gateway.stages import Decided, Rejected, Repeated, Submitted, Unprovable, Waits
from pas_schemas.clock import show_time, to_ms
from pas_schemas.directory import PAS
from pas_schemas.identifiers import MAX_URN
from pas_schemas.models.records import Quarantined
from pas_schemas.models.report import Report
from pas_schemas.rules import explain_reason
from pas_schemas.topics import DAY_MS, MAX_RECORD_BYTES, QUARANTINE, REPORTS

# With its place and reason around it, a record of this size still fits one of the quarantine's; of a larger one only those are kept,
# and the input topic holds its bytes.
MAX_QUARANTINED_BYTES = MAX_RECORD_BYTES - 4096


@dataclass
class Plan:
    """Filled stage by stage, sealed at the end, written in one transaction; `chains` are the URNs whose corrections are to be settled,
    `laps` the seconds spent in each stage. `confirm` finds the versions on which all of it would come out the same now, if it would."""

    change: Change = field(default_factory=Change)
    drafts: list[Draft] = field(default_factory=list)
    chains: set[str] = field(default_factory=set)
    regained: set[bytes] = field(default_factory=set)
    confirm: Callable[[], dict[bytes, int] | None] = field(default=lambda: None, repr=False)
    laps: dict[Stage, float] = field(default_factory=dict)
    _lap_began: float = field(default_factory=time.perf_counter, repr=False)

    def lap(self, stage: Stage) -> None:
        """The time since the last lap went into this stage."""
        now = time.perf_counter()
        self.laps[stage] = self.laps.get(stage, 0.0) + now - self._lap_began
        self._lap_began = now

    def use(self, versions: dict[bytes, int]) -> None:
        """The decision rests on these versions of persons."""
        self.change.used.update(versions)

    def quarantine(self, place: str, entry: bytes) -> None:
        """Into the quarantine topic, under the record's place, by way of the outbox."""
        self.change.outbox.append({"urgent": 0, "topic": QUARANTINE.name, "partition": 0, "records": join_blobs([place.encode(), entry])})


def plan_decided(decided: Decided, waits: Waits | None, office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """5 review and 7 route of an accepted report: its row, persons, cases, disclosures and the words for its originator.

    Of one that waits for its place in a chain of corrections nothing is disclosed yet.
    """
    verified, verdicts = decided.verified, decided.verdicts
    report, change, now_ms = verified.report, plan.change, scribe.now_ms
    row = report_row(decided, office, now_ms)
    change.reports.append(row)
    # Of a compartment report no subject stands in metadata (domain, `G-PASO`).
    persons = frozenset() if office.realm.apart else decided.persons
    brief = {"report": verified.id, "created_at_ms": row["created_at_ms"], "tags": row["tags"]}
    change.subjects += [{"key": key, **brief} for key in persons]
    change.touched |= persons
    change.handed += [{"report": verified.id}] if verified.handed is not None else []
    change.cases += [case_row(office, verified.id, case, report.priority, now_ms, verified.order[0]) for case in verdicts.cases]
    _count_attempt(verified.submitted, "ACCEPTED", report.originator, report.urn, (), plan)
    _count_pairs(verdicts, change.counts)
    rules = sorted({verdict.rule for outcome in verdicts.outcomes for verdict in outcome.verdicts})
    change.events.append(
        scribe.event("ACCEPTED", verified.id.hex(), office=report.originator, rules=rules, digests=[verified.opened.content_digest])
    )
    change.events += [
        scribe.event("CASE_OPENED", row["id"], office=row["owner"], rules=row["reasons"].split(","), digests=[verified.id])
        for row in change.cases[len(change.cases) - len(verdicts.cases) :]
    ]
    if waits is not None:
        change.waiting.append(waiting_row(report, verified.id, verified.order[0], waits, office))
        change.events.append(scribe.event("WAITS", verified.id.hex(), office=report.originator))
        plan.chains.add(waits.target or report.urn)
    plan.drafts += _drafts(decided, waits, office, scribe)


def _drafts(decided: Decided, waits: Waits | None, office: PasOffice, scribe: Scribe) -> Iterator[Draft]:
    verified, verdicts = decided.verified, decided.verdicts
    report = verified.report
    said = about(report, verified.id, verified.order[0])
    source = Source(report, verified.opened, verified.body.manifest, verified.body.evidence)
    estate = office.snapshot.at(scribe.now)
    read_by = office.rulebook.read_by(report.priority, verified.submitted.taken.at)
    for outcome in () if waits is not None else verdicts.outcomes:
        yield from disclose(said, source, outcome, estate, office.rulebook, read_by, accepted=False)
    told = name_items(tell_originator(verdicts, waits), office.register_id_key, verified.id, report.originator)
    yield notify(said, report.originator, told)
    yield from decide_notices(said, verdicts.cases, verdicts, report, office, scribe)


def decide_notices(
    said: About, cases: Iterable[Case], verdicts: Verdicts, report: Report, office: PasOffice, scribe: Scribe
) -> Iterator[Draft]:
    """A case whose owner is outside PAS reaches that owner as a notice: one DECIDE for each pair that waits, or for the reason alone."""
    for case in cases:
        if case.owner == PAS:
            continue
        row = case_row(office, said.report, case, report.priority, scribe.now_ms, said.received_at_ms)
        # Whoever did not write the report knows its items by their place in its own disclosure, or else in the case: a number
        # of the report's own would tell of items that this office may not have.
        released = next((outcome.released for outcome in verdicts.outcomes if outcome.office == case.owner), ())
        known = tuple(range(len(report.items))) if case.owner == report.originator else released
        if not {pair.item for pair in case.held} <= set(known):
            known = tuple(sorted({pair.item for pair in case.held}))
        key = office.register_id_key
        waits = [(pair.rule, pair.office, known.index(pair.item), item_ref(key, said.report, case.owner, pair.item)) for pair in case.held]
        bare = [(reason, None, None, b"") for reason in case.reasons if reason not in {pair.rule for pair in case.held}]
        view = view_of(key, said.report, case)
        told = [
            notice(
                "DECIDE", explain_reason(rule, holds=waiting is not None),
                office=waiting, item=item, rule=rule, case=row["id"], due_ms=row["due_ms"], ref=ref, view=view,
            )
            for rule, waiting, item, ref in (*waits, *bare)
        ]  # fmt: skip
        yield notify(said, case.owner, told)


def closed_notices(said: About, owners: Iterable[str], office: PasOffice) -> Iterator[Draft]:
    """A case that waits no longer leaves its owner's list: a DECIDE of which nothing is left."""
    for owner in owners:
        if owner != PAS:
            yield notify(said, owner, [notice("DECIDE", "Nothing of this case waits any more.", case=case_id(office, said.report, owner))])


def plan_repeated(repeated: Repeated, scribe: Scribe, plan: Plan) -> None:
    """A repeat is counted, and nothing else."""
    report = repeated.verified.report
    _count_attempt(repeated.verified.submitted, "DUPLICATE", report.originator, report.urn, (), plan)
    plan.change.events.append(scribe.event("DUPLICATE", repeated.verified.id.hex(), office=report.originator))


def plan_rejected(rejected: Rejected, scribe: Scribe, plan: Plan) -> None:
    """The originator hears which rules rejected; of a body that reached PAS, PAS hears until when the log still holds it."""
    rules = [finding.rule for finding in rejected.findings]
    _count_attempt(rejected.submitted, "REJECTED", rejected.originator, rejected.urn, rules, plan)
    plan.change.events.append(scribe.event("REJECTED", rejected.id.hex(), office=rejected.originator, rules=rules))
    said = about_matter(rejected.id, rejected.originator, rejected.submitted.taken.at, rejected.urn or "")
    told = [notice("REJECTED", finding.why, rule=finding.rule) for finding in rejected.findings]
    plan.drafts.append(notify(said, rejected.originator, told))
    if rejected.here:
        plan.drafts.append(notify(said, PAS, [*told, notice("REJECTED", _held_until(rejected.submitted))]))


def plan_unprovable(unprovable: Unprovable, office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """Quarantine: the sealed bytes as they came, a reason for machines and a sentence; a proved sender is told.

    The quarantine's topic is PAS's: of a record of the compartment, place and reason stay in its register, and the record in the log.
    """
    taken = unprovable.submitted.taken
    _count_attempt(unprovable.submitted, "QUARANTINED", unprovable.sender, unprovable.urn, [unprovable.reason], plan)
    plan.change.events.append(scribe.event("QUARANTINED", unprovable.submitted.place, office=unprovable.sender, rules=[unprovable.reason]))
    entry = Quarantined(
        topic=taken.partition.topic,
        partition=taken.partition.number,
        offset=taken.offset,
        taken_at=taken.at,
        reason=unprovable.reason,
        sentence=unprovable.sentence,
        record=taken.value if len(taken.value) <= MAX_QUARANTINED_BYTES else b"",
    )
    if not office.realm.apart:
        plan.quarantine(unprovable.submitted.place, entry.encode())
    if unprovable.sender is not None and office.snapshot.at(scribe.now).get(unprovable.sender) is not None:
        said = about_matter(unprovable.id, unprovable.sender, unprovable.submitted.taken.at, unprovable.urn or "")
        plan.drafts.append(notify(said, unprovable.sender, [notice("QUARANTINED", unprovable.sentence)]))


def plan_circle(merge: Row, scribe: Scribe, plan: Plan) -> None:
    """A merge that changes nothing: PAS hears of it, for somebody meant something by it."""
    plan.change.events.append(scribe.event("MERGE_WITHOUT_EFFECT", merge.place.id.hex()))
    said = About(merge.place.id, "", "feed:nomis", "ROUTINE", show_time(merge.at), scribe.now_ms)
    plan.drafts.append(notify(said, PAS, [notice("REFUSED", "A movement merges two numbers that are one already: it changes nothing.")]))


def _held_until(submitted: Submitted) -> str:
    kept = REPORTS.retention_ms or 0
    return f"The log still holds the body of this report for {kept // DAY_MS} days from {show_time(submitted.taken.at)}."


def _count_pairs(verdicts: Verdicts, counts: Counter[str]) -> None:
    """Pairs held, and pairs refused by each rule. What lies in the compartment is in no statistics (domain, `G-PASO`)."""
    if any(gate.gate == "G-PASO" for gate in verdicts.gates):
        return
    counts["held"] += sum(len(outcome.held) for outcome in verdicts.outcomes)
    counts.update(f"refused:{verdict.rule}" for outcome in verdicts.outcomes for verdict in outcome.verdicts if verdict.word == "refuse")


def _count_attempt(submitted: Submitted, status: str, originator: str | None, urn: str | None, rules: Sequence[str], plan: Plan) -> None:
    plan.change.counts[status.lower()] += 1
    if status == "REJECTED":
        plan.change.counts.update(f"rejected:{rule}" for rule in rules)
    plan.change.attempts.append({
        "originator": originator, "urn": urn and urn[:MAX_URN], "at_ms": to_ms(submitted.taken.at), "status": status,
        "rules": ",".join(rules), "place": submitted.place,
    })  # fmt: skip
