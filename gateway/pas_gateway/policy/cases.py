"""Cases: which questions a decision leaves to a person, and who owns each (domain, *Cases* and *Routing*)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from pas_gateway.policy.gates import category_of
from pas_gateway.policy.routing import Origin, is_senior
from pas_gateway.policy.situation import Earlier, Situation
from pas_gateway.policy.verdicts import Case, Held, Verdict
from pas_schemas.clock import to_ms
from pas_schemas.directory import PAS
from pas_schemas.models.report import Report
from pas_schemas.rulebook import Referral, Rulebook
from pas_schemas.topics import DAY_MS

Judged = dict[str, list[Verdict]]


def paso_case(situation: Situation, judged: Judged) -> tuple[Case, ...]:
    """The only case of a compartment report, for two named people at PAS; it opens also where nothing is left to release."""
    pairs = (
        Held(verdict.item, office, rule)
        for office, row in judged.items()
        for verdict in row
        for rule in verdict.holds
        if verdict.word == "hold"
    )
    held = tuple(sorted(pairs))
    # What they answered whole waits for nobody; a word of anybody else answers nothing.
    ruled = any(verdict.answered or (verdict.word, verdict.rule) == ("refuse", "G-PASO") for row in judged.values() for verdict in row)
    answered = ruled or situation.rulings.has_noted(PAS, "G-PASO")
    return (Case(PAS, ("G-PASO",), held),) if held or not answered else ()


def cases_of(report: Report, situation: Situation, rulebook: Rulebook, origin: Origin, judged: Judged) -> tuple[Case, ...]:
    """One case for each owner, with every reason, sorted."""
    secret_owner = owner_of_code4(origin, situation)
    held = sorted(_held(report, origin, judged, secret_owner))
    bare: list[tuple[str, str]] = []
    if _asks_escort_summary(report, situation, judged):
        bare.append((PAS, "R-ESCORT"))
    if is_senior(report.priority, report.risk_tags, rulebook) and _governor_left_out(report, situation, origin, judged):
        bare.append((_owner_of_silence(report, origin, secret_owner), "R-SENIORITY"))
    if adds_up(report, situation, rulebook):
        bare.append((PAS, "R-REFERRAL"))
    if situation.unmatched:
        bare.append((PAS, "R-NOBODY"))
    if all(verdict.word == "refuse" for row in judged.values() for verdict in row):
        bare.append((secret_owner if all(item.handling == "4" for item in report.items) else PAS, "R-NOBODY"))
    # Whoever noted an earlier one has not answered this.
    unread = [(PAS, "R-NOBODY")] if situation.unread else []
    raised = [(owner, pair.rule) for owner, pair in held]
    raised += [(owner, reason) for owner, reason in bare if not situation.rulings.has_noted(owner, reason)]
    raised += unread
    if not raised:
        return ()
    owners = sorted({owner for owner, _ in raised})
    return tuple(
        Case(
            owner,
            tuple(sorted({reason for who, reason in raised if who == owner})),
            tuple(pair for who, pair in held if who == owner),
        )
        for owner in owners
    )


def owner_of_code4(origin: Origin, situation: Situation) -> str:
    """PAS never sees code 4 text: the originating force's active FIB decides, else the originating office."""
    if origin.standing.kind in {"force", "fib", "pio"} and origin.standing.force:
        fib = situation.estate.get(f"fib:{origin.standing.force}")
        if fib is not None and fib.active:
            return fib.id
    return origin.id


def _held(report: Report, origin: Origin, judged: Judged, secret_owner: str) -> Iterable[tuple[str, Held]]:
    conduit_has = {verdict.item for verdict in judged.get(origin.conduit or "", ()) if verdict.word == "release"}
    for office, verdicts in judged.items():
        for verdict in verdicts:
            if verdict.word != "hold":
                continue
            secret = secret_owner if report.items[verdict.item].handling == "4" else None
            for rule in verdict.holds:
                yield owner_of(rule, secret, verdict.item in conduit_has, origin), Held(verdict.item, office, rule)


def owner_of(rule: str, secret_owner: str | None, conduit_has: bool, origin: Origin) -> str:
    """Who decides on a pair that a rule holds; `secret_owner` is given for a code 4 item alone."""
    if secret_owner is not None:
        return secret_owner
    if rule in ("G-WARRANT", "G-PRIVILEGE"):
        return origin.id
    # Of an item the conduit was not released, the case itself would tell it.
    if rule == "R-EVALUATE" and conduit_has and origin.conduit is not None:
        return origin.conduit
    return PAS


def _asks_escort_summary(report: Report, situation: Situation, judged: Judged) -> bool:
    """Rule 5: a person writes the Person Escort Record summary of items of other codes than 4 addressed to an escort."""
    offices = situation.estate.offices
    for office, verdicts in judged.items():
        standing = offices.get(office)
        if standing is not None and standing.kind == "escort" and any(report.items[v.item].handling != "4" for v in verdicts):
            return True
    return False


def _governor_left_out(report: Report, situation: Situation, origin: Origin, judged: Judged) -> bool:
    """Secrecy may be decided, never fallen into: a code 4 or 5 item, and no Governor is released or held anything."""
    if origin.standing.kind == "governor" or not any(item.handling in "45" for item in report.items):
        return False
    governors = (office for office in judged if (standing := situation.estate.get(office)) is not None and standing.kind == "governor")
    return not any(verdict.word != "refuse" for office in governors for verdict in judged[office])


def _owner_of_silence(report: Report, origin: Origin, secret_owner: str) -> str:
    if any(item.handling == "5" for item in report.items):
        return PAS
    if origin.standing.kind == "security":
        return f"governor:{origin.standing.prison}"
    return secret_owner


def adds_up(report: Report, situation: Situation, rulebook: Rulebook) -> bool:
    """R-REFERRAL: this report completes two or more on one subject, within the days of the rulebook, whose tags add up."""
    return bool(adding_up(report, situation, rulebook))


def adding_up(report: Report, situation: Situation, rulebook: Rulebook) -> frozenset[bytes]:
    """The ids of the earlier reports that R-REFERRAL is about: none where this report completes nothing."""
    found: set[bytes] = set()
    for index, person in enumerate(report.subjects):
        if person.role != "SUBJECT":
            continue
        earlier = situation.earlier.get(index, ())
        state = situation.whereabouts.get(person.noms_number) if person.noms_number else None
        if earlier and category_of(state, situation, rulebook) not in rulebook.category.high:
            found |= {one.id for one in _completed(report, earlier, rulebook.referral)}
    return frozenset(found)


def _completed(report: Report, earlier: Sequence[Earlier], referral: Referral) -> list[Earlier]:
    """Those whose tags add up with this report's, and did not without it, in a span of the rulebook's days around it.

    A prisoner may have thousands of reports: they are gone through once.
    """
    days_ms, written, own = referral.within_days * DAY_MS, to_ms(report.created_at), frozenset(report.risk_tags)
    near = sorted((e for e in earlier if abs(e.created_at_ms - written) <= days_ms), key=attrgetter("created_at_ms"))
    if not adds_up_alone(own.union(*(e.tags for e in near)), referral):
        return []
    found: list[Earlier] = []
    taken = 0
    for start, end, tags in _spans(near, written, days_ms, referral):
        if end - start > 1 and adds_up_alone(tags, referral):
            return []
        if end > start and adds_up_alone(tags | own, referral):
            found += near[max(start, taken) : end]
            taken = end
    return found


def _spans(near: Sequence[Earlier], written: int, days_ms: int, referral: Referral) -> Iterator[tuple[int, int, frozenset[str]]]:
    """Each span of days that begins with one of these reports, in their order, and holds `written`: where it begins and ends, and the
    tags that count in it."""
    held = dict.fromkeys(referral.tags, 0)
    start = end = 0
    for first in sorted({e.created_at_ms for e in near if e.created_at_ms <= written} | {written}):
        while end < len(near) and near[end].created_at_ms - first <= days_ms:
            for tag in near[end].tags & referral.tags:
                held[tag] += 1
            end += 1
        while start < end and near[start].created_at_ms < first:
            for tag in near[start].tags & referral.tags:
                held[tag] -= 1
            start += 1
        yield start, end, frozenset(tag for tag, count in held.items() if count)


def adds_up_alone(tags: frozenset[str], referral: Referral) -> bool:
    """One tag of the first list and one more of the second."""
    return any(tags & referral.with_ - {tag} for tag in tags & referral.risk)
