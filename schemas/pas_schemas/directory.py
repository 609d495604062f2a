"""Who is who at a moment: offices with their effective-dated terms and keys, and the questions policy asks of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal, get_args

from pas_schemas.errors import DirectoryError
from pas_schemas.topics import OFFICE_ID

if TYPE_CHECKING:
    from pas_schemas.people import Person

Kind = Literal[
    "force", "fib", "pio", "pas", "lea", "security", "governor", "cat-a-team",
    "paso-unit", "escort", "probation", "inspector", "feed",
]  # fmt: skip
KeyUse = Literal["sign", "open", "compartment"]

POLICE_KINDS = frozenset({"force", "fib", "pio", "pas"})
POLICE_SIDE = POLICE_KINDS | {"lea"}
PRISON_OFFICES = frozenset({"security", "governor"})
KINDS: tuple[Kind, ...] = get_args(Kind)
KEY_USES: tuple[KeyUse, ...] = get_args(KeyUse)
# PAS itself: to it everything is sealed that is sent, and from it everything comes.
PAS = "pas"
# Of these there is one, and its id is its kind; every other id is `kind:which`.
SINGLE = frozenset({"pas", "cat-a-team", "paso-unit"})


def kind_of(office: str) -> Kind:
    """The kind an office id names; raises `DirectoryError` for an id of no kind, so for every foreign office (domain, *Who takes part*)."""
    word, _, which = office.partition(":")
    found = next((kind for kind in KINDS if kind == word), None)
    if found is None or not OFFICE_ID.fullmatch(office) or bool(which) == (found in SINGLE):
        raise DirectoryError("That id names no kind of office; no office is foreign.", "an office is written like force:01, pio:WSI or pas")
    return found


def prison_of(office: str) -> str | None:
    """The prison that the id of a PIO, security or governor names; raises `DirectoryError` as `kind_of` does."""
    return office.partition(":")[2] if kind_of(office) in PRISON_OFFICES | {"pio"} else None


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key of an office: `id` is the hex key id, `end` is exclusive and None while it is current."""

    id: str
    use: KeyUse
    public: bytes
    start: datetime
    end: datetime | None = None
    example: bool = False

    def current(self, at: datetime) -> bool:
        return self.start <= at and (self.end is None or at < self.end)


@dataclass(frozen=True, slots=True)
class Term:
    """A period in which an office stood as said: `force` posts a PIO, is a force's own, or polices a prison's area."""

    start: datetime
    end: datetime | None = None
    force: str | None = None
    contracted: bool = False


@dataclass(frozen=True, slots=True)
class Office:
    """An office with every term and key it ever had, oldest first."""

    id: str
    kind: Kind
    prison: str | None
    terms: tuple[Term, ...]
    keys: tuple[PublicKey, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """An office as it stands at one moment; an office whose term has ended or not begun is not `active`."""

    id: str
    kind: Kind
    prison: str | None
    force: str | None
    contracted: bool
    active: bool
    start: datetime
    end: datetime | None

    @property
    def police_side(self) -> bool:
        return self.kind in POLICE_SIDE

    @property
    def handling_class(self) -> str:
        """The class for handling (domain, *Who takes part*): police, law enforcement, prison, non-prosecuting or none."""
        if self.kind in POLICE_KINDS:
            return "police"
        if self.kind in {"lea", "paso-unit"}:
            return "law enforcement"
        if self.kind in {"inspector", "feed"}:
            return "none"
        if self.kind in {"escort", "probation"} or (self.contracted and self.kind in PRISON_OFFICES):
            return "non-prosecuting"
        return "prison"


@dataclass(frozen=True, eq=False)
class Estate:
    """Every office as it stands at one moment, by id, with the postings policy asks for.

    It is equal to itself alone: what is worked out of one is kept by it.
    """

    offices: dict[str, Standing] = field(repr=False)

    def get(self, office: str) -> Standing | None:
        return self.offices.get(office)

    def is_active(self, office: str) -> bool:
        """Whether the directory has it, and its term runs."""
        standing = self.get(office)
        return standing is not None and standing.active

    @cached_property
    def prisons(self) -> frozenset[str]:
        return frozenset(o.prison for o in self.offices.values() if o.kind in PRISON_OFFICES and o.prison)

    @cached_property
    def _pio_of(self) -> dict[str, str]:
        return {o.prison: o.id for o in self.offices.values() if o.kind == "pio" and o.active and o.prison}

    @cached_property
    def _area_of(self) -> dict[str, str]:
        areas: dict[str, str] = {}
        for office in self.offices.values():
            if office.kind in PRISON_OFFICES and office.prison and office.force:
                areas.setdefault(office.prison, office.force)
        return areas

    @cached_property
    def _own_of_force(self) -> dict[str, frozenset[str]]:
        own: dict[str, set[str]] = {}
        for office in self.offices.values():
            if office.kind in {"force", "fib", "pio"}:
                own.setdefault(office.force or "", set()).add(office.id)
        return {force: frozenset(ids) for force, ids in own.items()}

    def conduit(self, prison: str) -> str | None:
        """The active PIO of a prison, else the FIB of the force in whose area it lies; None where the area is unknown."""
        pio = self._pio_of.get(prison)
        if pio is not None:
            return pio
        area = self._area_of.get(prison)
        return f"fib:{area}" if area else None

    def own(self, originator: str) -> frozenset[str]:
        """The originator's own offices (domain, *Side*); an unknown originator has only itself."""
        found = self._own_of.get(originator)
        return found if found is not None else frozenset({originator})

    @cached_property
    def _own_of(self) -> dict[str, frozenset[str]]:
        return {office.id: self._find_own(office) for office in self.offices.values()}

    def _find_own(self, office: Standing) -> frozenset[str]:
        if office.kind in {"force", "fib", "pio"} and office.force:
            own = self._own_of_force.get(office.force, frozenset())
            return own if office.id in own else own | {office.id}
        if office.kind in PRISON_OFFICES and office.prison:
            return frozenset({f"security:{office.prison}", f"governor:{office.prison}"})
        return frozenset({office.id})


@dataclass(frozen=True)
class Snapshot:
    """One numbered edition of the directory: clients refuse a lower version and complain after `expires_at`."""

    version: int
    issued_at: datetime
    expires_at: datetime
    offices: tuple[Office, ...] = field(repr=False)
    example: bool = False
    people: tuple[Person, ...] = field(default=(), repr=False)

    @cached_property
    def by_id(self) -> dict[str, Office]:
        return {office.id: office for office in self.offices}

    @cached_property
    def by_reference(self) -> dict[str, Person]:
        return {person.reference: person for person in self.people}

    def at(self, moment: datetime) -> Estate:
        """The estate as it stands at `moment`; recomputed only when an office's term begins or ends."""
        begun = bisect_right(self._edges, moment)
        return _estate(self, self._edges[begun - 1] if begun else None)

    @cached_property
    def _edges(self) -> tuple[datetime, ...]:
        edges = {edge for office in self.offices for term in office.terms for edge in (term.start, term.end) if edge}
        return tuple(sorted(edges))

    def __hash__(self) -> int:
        return hash((self.version, self.issued_at))

    def __eq__(self, other: object) -> bool:
        return self is other

    def keys(self, office: str, use: KeyUse) -> tuple[PublicKey, ...]:
        """Every key an office ever had for a use, oldest first; empty for an unknown office."""
        found = self.by_id.get(office)
        return tuple(key for key in found.keys if key.use == use) if found else ()

    def find_key(self, office: str, use: KeyUse, key_id: str) -> PublicKey | None:
        """The key of that id that an office ever had for a use."""
        return self._by_key.get((office, use, key_id))

    @cached_property
    def _by_key(self) -> dict[tuple[str, KeyUse, str], PublicKey]:
        # Of two alike the older counts.
        return {(office.id, key.use, key.id): key for office in self.offices for key in reversed(office.keys)}

    def every_key(self) -> Iterator[PublicKey]:
        """Of offices and people alike."""
        for office in self.offices:
            yield from office.keys
        for person in self.people:
            yield from person.keys

    def refuse_examples(self) -> None:
        """For production: raises `DirectoryError` for an example directory and for any example key that has no end."""
        if self.example or any(key.example and key.end is None for key in self.every_key()):
            raise DirectoryError("The directory holds example keys, which production refuses.", "enrol each office with keys of its own")

    def key(self, office: str, use: KeyUse, at: datetime) -> PublicKey | None:
        """The key of an office that is current at `at` (the newest, should two overlap), or None."""
        return next((key for key in reversed(self.keys(office, use)) if key.current(at)), None)


# Terms begin and end rarely: a handful of moments is asked about at a time.
ESTATES_KEPT = 16


@lru_cache(maxsize=ESTATES_KEPT)
def _estate(snapshot: Snapshot, edge: datetime | None) -> Estate:
    return Estate({office.id: _standing(office, edge) for office in snapshot.offices})


def _standing(office: Office, edge: datetime | None) -> Standing:
    begun = [term for term in office.terms if edge is not None and term.start <= edge]
    term = begun[-1] if begun else office.terms[0]
    active = bool(begun) and (term.end is None or (edge is not None and edge < term.end))
    return Standing(office.id, office.kind, office.prison, term.force, term.contracted, active, term.start, term.end)
