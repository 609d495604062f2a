"""Routing: which offices are considered for an item, how each was reached, and what the routing rules say (domain, *Routing*)."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from pas_gateway.policy.gates import ItemFacts
from pas_schemas.directory import PRISON_OFFICES, Estate, Standing
from pas_schemas.models.report import Item, Report
from pas_schemas.models.words import ROLES_ADDRESSED
from pas_schemas.rulebook import Rulebook
from pas_schemas.rules import Word

CAT_A_TEAM = "cat-a-team"
PASO_UNIT = "paso-unit"
# Rules with their words, of one office and item.
Words = tuple[tuple[str, Word], ...]
_NOWHERE: frozenset[str] = frozenset()
# Originators kept as they stand: an estate has some two hundred that write.
ORIGINS_KEPT = 256
# Codes that rules 3 and 4 add an office for.
_ADDABLE = frozenset("123")


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """What the rules need to know of who wrote the report; `home` is the FIB of the force that did, where that is another office.

    As an estate, each is equal to itself alone.
    """

    id: str
    own: frozenset[str]
    police_side: bool
    standing: Standing
    conduit: str | None
    compartmented: bool
    home: str | None = None

    @property
    def from_prison(self) -> bool:
        return self.standing.kind in PRISON_OFFICES


def origin_of(report: Report, estate: Estate) -> Origin:
    """The originator as it stands; raises KeyError for an unknown one, which validation has refused before."""
    return _origin(report.originator, estate)


@lru_cache(ORIGINS_KEPT)
def _origin(originator: str, estate: Estate) -> Origin:
    standing = estate.offices[originator]
    from_prison = standing.kind in PRISON_OFFICES and standing.prison is not None
    conduit = estate.conduit(standing.prison) if from_prison and standing.prison else None
    # A report of these two is evaluated by PAS itself (rule 7).
    compartmented = standing.kind in {CAT_A_TEAM, PASO_UNIT}
    return Origin(standing.id, estate.own(standing.id), standing.police_side, standing, conduit, compartmented, home_of(standing, estate))


def home_of(standing: Standing, estate: Estate) -> str | None:
    """The active FIB of the originating force, to which what is live goes on a release (ADR 0015)."""
    fib = estate.get(f"fib:{standing.force}") if standing.kind in {"force", "pio"} else None
    return fib.id if fib is not None and fib.active else None


class Additions(NamedTuple):
    """Whom rules 3 and 4 add to a report's items of codes 1 to 3: the Category A Team, the Governors."""

    cat_a_team: bool
    governors: bool


def additions_of(report: Report, rulebook: Rulebook) -> Additions:
    """What the tags and the priority of a report call for."""
    return Additions(not rulebook.tags.cat_a_team.isdisjoint(report.risk_tags), is_senior(report.priority, report.risk_tags, rulebook))


@dataclass(slots=True)
class Audience:
    """The offices considered for one item: who was named, by id or by role, who was added, and through which prisons.

    `let_know` are Governors whom somebody decided to let know of a code 5 item: they count as named, and wait for the originator.
    """

    by_id: frozenset[str] = frozenset()
    named: set[str] = field(default_factory=set)
    considered: set[str] = field(default_factory=set)
    through: dict[str, set[str]] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    let_know: frozenset[str] = frozenset()

    def singled_out(self, facts: ItemFacts) -> AbstractSet[str]:
        """Of whom `routing_words` may say more of this item than rule 7's word."""
        return self.considered if facts.code == "5" else {*self.by_id, *self.added, *self.let_know}

    def reach(self, offices: Iterable[str], prison: str, facts: ItemFacts) -> None:
        self.considered.update(offices)
        # Of a code 5 item alone it is asked through which prisons it came.
        for office in offices if facts.code == "5" else ():
            self.through.setdefault(office, set()).add(prison)


def audience(report: Report, item: Item, facts: ItemFacts, origin: Origin, estate: Estate, additions: Additions) -> Audience:
    """Rules 1 to 5 and the conduit of rule 7: every office considered for an item."""
    addressed = report.addressees_of(item)
    roles = addressed & ROLES_ADDRESSED
    found = Audience(by_id=addressed - roles)
    found.named |= found.by_id
    for prison in facts.prisons:
        conduit = estate.conduit(prison)
        named = [office for role in roles if (office := conduit if role == "pio" else f"{role}:{prison}") is not None]
        found.named.update(named)
        found.reach(named if conduit is None else [*named, conduit], prison, facts)
    internal = frozenset(report.handling.internal_recipients) if facts.code == "4" else frozenset()
    found.considered |= found.named | internal
    if facts.code in _ADDABLE:
        _add(facts, found, estate, additions)
        if facts.released_since and origin.home is not None:
            found.considered.add(origin.home)
    if origin.conduit is not None:
        found.considered.add(origin.conduit)
    asked_for = found.by_id | internal
    if origin.id not in asked_for:
        found.considered.discard(origin.id)
    found.considered = {office for office in found.considered if office in asked_for or office in estate.offices}
    return found


def _add(facts: ItemFacts, found: Audience, estate: Estate, additions: Additions) -> None:
    """Rules 3 and 4, which count as naming: the Category A Team for an escape, the Governor where security alone will not do."""
    if additions.cat_a_team and CAT_A_TEAM not in found.named:
        found.added[CAT_A_TEAM] = "R-CATA"
    if additions.governors:
        found.added |= dict.fromkeys(governors_of(facts, found, estate), "R-SENIORITY")
    found.considered.update(found.added)


def governors_of(facts: ItemFacts, found: Audience, estate: Estate) -> frozenset[str]:
    """Rule 4: the Governor of each prison that holds a subject of the item or whose security is named for it, if not named."""
    security = [estate.get(office) for office in found.named if office.startswith("security:")]
    prisons = facts.prisons.union([office.prison for office in security if office is not None and office.prison])
    return frozenset([f"governor:{prison}" for prison in prisons]) - found.named


def let_know(found: Audience, governors: frozenset[str]) -> Audience:
    """The same with these Governors, who count as named."""
    return replace(found, named=found.named | governors, considered=found.considered | governors, let_know=governors)


def in_place(found: Audience, offices: frozenset[str], fuller: Audience, leads_to: set[str]) -> Audience:
    """Of a text written for these offices in the place of an item: those to whom the item itself leads, reached as by it, and whom rules
    3 and 4 hold it for. Nobody else hears that there is one."""
    considered = {office for office in found.considered if office in found.added or (office in offices and office in leads_to)}
    return replace(found, by_id=found.by_id & fuller.by_id, considered=considered)


def is_senior(priority: str, tags: Iterable[str], rulebook: Rulebook) -> bool:
    """Rule 4's words stand: a matter for the Governing Governor, not for security alone."""
    return priority in rulebook.priorities.seniority or not rulebook.tags.seniority.isdisjoint(tags)


def words_of(office: Standing | None) -> Words:
    """What the routing rules say of an office as it stands, whatever the item is: each of these words refuses."""
    if office is None or office.kind == "feed":
        return (("R-UNKNOWN", "refuse"),)
    inactive: Words = () if office.active else (("R-INACTIVE", "refuse"),)
    if office.kind == "escort":
        return (*inactive, ("R-ESCORT", "refuse"))
    return (*inactive, ("R-INSPECTOR", "refuse")) if office.kind == "inspector" else inactive


def routing_words(office: Standing, facts: ItemFacts, found: Audience, *, placed: bool, awaits: bool) -> Words:
    """What the other routing rules say of an office and an item, in their order: each of these words holds.

    `placed`: it is an office of a prison that did not write the report; `awaits` is rule 7's word of it.
    """
    words: Words = ()
    if office.id in found.added:
        words += ((found.added[office.id], "hold"),)
    if office.id in found.by_id:
        if placed and office.prison not in facts.prisons:
            words += (("R-WHEREABOUTS", "hold"),)
    elif office.id in found.let_know or (facts.code == "5" and not facts.written >= found.through.get(office.id, _NOWHERE)):
        words += (("R-FOLLOW", "hold"),)
    return (*words, ("R-EVALUATE", "hold")) if awaits else words


def awaits_evaluation(standing: Standing, origin: Origin) -> bool:
    """Rule 7: what a prison writes waits for its conduit, what the Category A Team or the unit writes for PAS."""
    if standing.kind == "feed":
        return False
    if origin.compartmented:
        return standing.police_side
    if not origin.from_prison:
        return False
    return standing.id != origin.conduit and standing.id not in origin.own and standing.kind not in {CAT_A_TEAM, PASO_UNIT}
