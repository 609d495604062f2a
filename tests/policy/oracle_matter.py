"""A report under judgement and what it concerns, names and considers, as the oracle reads the routing rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from policy.oracle_border import ROLES
from policy.oracle_facts import Estate, Person, Row, Whereabouts, read_time

Pair = tuple[str, int]
Words = dict[Pair, str]
T = TypeVar("T")


class Matter:
    """An admitted report with everything its decision depends on.

    `came` is when the log took it, `accepted` who has accepted its conditions; `again` that it was accepted before; `disclosing` what
    PAS answered to a case of rule 4's: disclose.
    """

    def __init__(
        self, raw: Row, estate: Estate, where: Whereabouts, now: datetime, rules: Row,
        *, came: datetime | None = None, accepted: frozenset[str] = frozenset(), again: bool = False,
        disclosing: frozenset[Pair] = frozenset(),
    ) -> None:  # fmt: skip
        self.came, self.accepted, self.again = came or now, accepted, again
        self.raw, self.estate, self.now, self.rules = raw, estate, now, rules
        self.origin: str = raw["originator"]
        self.origin_kind = estate.kind(self.origin)
        self.own = estate.own_offices(self.origin)
        self.tags = set(raw["risk_tags"])
        self.declared: Row = raw["declarations"]
        self.handling: Row = raw["handling"]
        self.codes: list[str] = [item["handling"] for item in raw["items"]]
        self.all_items = range(len(self.codes))
        self.where = where
        self.people = [Person(stated, self.where) for stated in raw["subjects"]]
        self.compartment: bool = self.declared["protected_assisting_offender"]
        own_prison = estate.prison(self.origin) if self.origin_kind in ("security", "governor") else None
        self.conduit = estate.conduit(own_prison) if own_prison else None
        self._known: dict[object, Any] = {}
        self._disclosing = disclosing
        self.pairs: set[Pair] = consider(self)

    def once(self, name: object, work: Callable[[], T]) -> T:
        """What `work` comes to, worked out when it is first asked for."""
        if name not in self._known:
            self._known[name] = work()
        found: T = self._known[name]
        return found

    @cached_property
    def people_then(self) -> list[Person]:
        """The same people as they stood when the report was written."""
        then = self.where.earlier(min(self.now, read_time(self.raw["created_at"]) or self.now))
        return [Person(stated, then) for stated in self.raw["subjects"]]

    # what an item concerns

    def indices(self, i: int) -> list[int]:
        listed = self.raw["items"][i].get("subjects")
        return sorted(set(listed)) if listed is not None else list(range(len(self.people)))

    def subjects(self, i: int) -> list[Person]:
        return self.once(("subjects", i), lambda: [self.people[n] for n in self.indices(i) if self.people[n].role == "SUBJECT"])

    def associates(self, i: int) -> list[Person]:
        return [self.people[n] for n in self.indices(i) if self.people[n].role == "ASSOCIATE"]

    def prisons(self, i: int) -> set[str]:
        return self.once(("prisons", i), lambda: {person.prison for person in self.subjects(i) if person.prison})

    def prisons_then(self, i: int) -> set[str]:
        then = [self.people_then[n] for n in self.indices(i)]
        return {person.prison for person in then if person.prison and person.role == "SUBJECT"}

    # whom an item names

    def addressees(self, i: int) -> set[str]:
        listed = self.raw["items"][i].get("addressees")
        return self.once(("addressees", i), lambda: set(listed if listed is not None else self.raw["addressees"] or []))

    def ids(self, i: int) -> set[str]:
        return self.addressees(i) - ROLES

    def internal(self, i: int) -> set[str]:
        return set(self.handling["internal_recipients"] or []) if self.codes[i] == "4" else set()

    def role_offices(self, i: int) -> dict[str, set[str]]:
        """Offices reached through a role, each with the prisons it was reached for."""
        return self.once(("roles", i), lambda: self._role_offices(i))

    def _role_offices(self, i: int) -> dict[str, set[str]]:
        reached: dict[str, set[str]] = {}
        for role in self.addressees(i) & ROLES:
            for prison in self.prisons(i):
                office = self.estate.conduit(prison) if role == "pio" else f"{role}:{prison}"
                reached.setdefault(office, set()).add(prison)
        return reached

    def pio_offices(self, i: int) -> dict[str, set[str]]:
        reached: dict[str, set[str]] = {}
        for prison in self.prisons(i):
            reached.setdefault(self.estate.conduit(prison), set()).add(prison)
        return reached

    def named(self, i: int) -> set[str]:
        return self.ids(i) | set(self.role_offices(i))

    def home(self, i: int) -> set[str]:
        """ADR 0015: the FIB of the force that wrote it, where a subject was released after the log took the report, as far as his number
        there could tell."""
        if self.origin_kind not in ("force", "pio") or self.codes[i] not in "123":
            return set()
        out = [self.where.out_since(str(person.noms)) for person in self.subjects(i) if person.standing is not None]
        fib = self.estate.originating_fib(self.origin)
        return {fib} if fib and any(when is not None and when > self.came for when in out) else set()

    # words that rule 4 listens for

    def senior(self) -> bool:
        return bool(self.tags & set(self.rules["seniority_tags"])) or self.raw["priority"] == "THREAT_TO_LIFE"

    def cat_a_team_added(self, i: int) -> set[str]:
        wanted = "ESCAPE" in self.tags and self.codes[i] in "123" and "cat-a-team" not in self.named(i)
        return {"cat-a-team"} - {self.origin} if wanted else set()

    def governors_added(self, i: int) -> set[str]:
        return self.once(("governors", i), lambda: self._governors_added(i))

    def _governors_added(self, i: int) -> set[str]:
        if not self.senior() or self.codes[i] not in "123":
            return set()
        return self.governors_concerned(i)

    def governors_concerned(self, i: int) -> set[str]:
        """The Governor of each prison that holds a subject of the item or whose security is named for it, if not named."""
        prisons = self.prisons(i) | {office.partition(":")[2] for office in self.named(i) if office.startswith("security:")}
        return {f"governor:{prison}" for prison in prisons} - self.named(i) - {self.origin}

    def governors_left_out(self, i: int) -> set[str]:
        """Of a code 5 item: the Governors of whom a case of rule 4's may ask whether they are to know."""
        return self.governors_concerned(i) if self.senior() and self.codes[i] == "5" and not self.compartment else set()

    def governors_told(self, i: int) -> set[str]:
        """Those of them whom PAS decided to disclose it to, rather than leave them in silence."""
        return {governor for governor in self.governors_left_out(i) if (governor, i) in self._disclosing}

    def counts_as_named(self, i: int) -> set[str]:
        return self.once(("named", i), lambda: self._counts_as_named(i))

    def _counts_as_named(self, i: int) -> set[str]:
        if self.compartment:
            return self.ids(i) | ({"paso-unit"} if self.codes[i] in "123" else set())
        return self.named(i) | self.cat_a_team_added(i) | self.governors_added(i) | self.governors_told(i)

    def category(self, person: Person) -> str | None:
        """The category if it is known today, else None."""
        return self.once(("category", id(person)), lambda: self._category(person))

    def _category(self, person: Person) -> str | None:
        known = person.standing
        if known is None or known.alerts is None or known.category is None or known.category_at is None:
            return None
        if known.category not in list(self.rules["known_categories"]):
            return None
        oldest = self.now - timedelta(days=self.rules["category_stale_after_days"])
        return known.category if known.category_at >= oldest else None


def consider(m: Matter) -> set[Pair]:
    """Routing: every pair the rules have to speak about."""
    pairs: set[Pair] = set()
    for i in m.all_items:
        if m.compartment:
            reached = {"paso-unit"}
        else:
            ways = set(m.role_offices(i)) | set(m.pio_offices(i)) | m.cat_a_team_added(i) | m.governors_added(i) | m.governors_told(i)
            ways |= m.home(i) | ({m.conduit} if m.conduit else set())
            reached = (ways - {m.origin}) | m.ids(i) | m.internal(i)
        pairs |= {(office, i) for office in reached if office in m.ids(i) or not m.estate.lacks(office)}
    return pairs
