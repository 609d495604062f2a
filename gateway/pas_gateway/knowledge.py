"""What PAS knows when it decides a batch: a snapshot of the register, and what the batch itself has added so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter

import sqlalchemy as sa

from pas_gateway.policy.cases import adds_up_alone
from pas_gateway.policy.places import place_of
from pas_gateway.policy.situation import Situation, Suspicion
from pas_gateway.policy.whereabouts import Row, State, Whereabouts
from pas_gateway.register import queries
from pas_gateway.register.queries import Accepted
from pas_gateway.veil import NONE, find_veil
from pas_schemas.clock import from_ms, to_ms
from pas_schemas.directory import Estate
from pas_schemas.identifiers import is_nomis, is_pnc
from pas_schemas.models.report import Report, Subject
from pas_schemas.rulebook import Referral
from pas_schemas.sealing import IdKey, StoreKey
from pas_schemas.sealing.framing import frame
from pas_schemas.topics import DAY_MS

# A batch asks for each of its persons a dozen times, and has some hundreds; among an estate's 100,000 few come again soon.
HASHES_KEPT = 8192


@lru_cache(maxsize=HASHES_KEPT)
def _person(key: IdKey, number: str | None, pnc_id: str | None) -> tuple[bytes, ...]:
    if number is not None:
        return (_hash(key, b"pas/v1/prisoner", number),) if is_nomis(number) else ()
    return (_hash(key, b"pas/v1/pnc", pnc_id),) if pnc_id is not None and is_pnc(pnc_id) else ()


@lru_cache(maxsize=HASHES_KEPT)
def _hash(key: IdKey, use: bytes, number: str) -> bytes:
    return key.digest(use, number.encode())[:16]


@dataclass(frozen=True, slots=True)
class Names:
    """The keyed hashes under which the register knows prisoners and persons; `veil_key` opens the list of those who are protected.

    `apart` in the compartment, where everybody is.
    """

    key: IdKey = field(repr=False)
    veil_key: StoreKey | None = field(default=None, repr=False)
    apart: bool = False

    def prisoner(self, number: str) -> bytes:
        """Of a NOMIS number."""
        return _hash(self.key, b"pas/v1/prisoner", number)

    def _pnc(self, pnc_id: str) -> bytes:
        return _hash(self.key, b"pas/v1/pnc", pnc_id)

    def person(self, subject: Subject) -> tuple[bytes, ...]:
        """By which a subject is told again: a well-formed NOMIS number, without a number a PNC ID whose letter is right (ADR 0008)."""
        return _person(self.key, subject.noms_number, subject.pnc_id)

    def number(self, number: str) -> bytes | None:
        """Of a NOMIS number or a PNC ID; None for what is neither."""
        if is_nomis(number):
            return self.prisoner(number)
        return self._pnc(number) if is_pnc(number) else None

    def every(self, subject: Subject) -> tuple[bytes, ...]:
        """Of each well-formed identifier that a subject has."""
        number, pnc_id = subject.noms_number, subject.pnc_id
        named = (self.prisoner(number),) if number is not None and is_nomis(number) else ()
        return (*named, self._pnc(pnc_id)) if pnc_id is not None and is_pnc(pnc_id) else named

    def hidden(self, person: bytes) -> bytes:
        """By which somebody whom the compartment protects is told again: under this name no movement lies, as of a number nobody knows."""
        return self.key.digest(b"pas/v1/hidden", person)[:16]

    def beside(self, prisoner: bytes) -> bytes:
        """By which a report is found again that names a prisoner as an associate: it is not on him, and adds up to nothing."""
        return self.key.digest(b"pas/v1/beside", prisoner)[:16]

    def prisoners(self, report: Report) -> frozenset[bytes]:
        """Of every subject, whatever the role, whose whereabouts a decision looks at."""
        return frozenset(self.prisoner(s.noms_number) for s in report.subjects if s.noms_number is not None and is_nomis(s.noms_number))


def id_apart(originator: str, report_id: bytes) -> bytes:
    """An originator's own report id where another has used it: whoever reads the log sees ids, and could else have a report refused."""
    return sha256(frame(b"pas/v1/id-apart", originator.encode(), report_id)).digest()[: len(report_id)]


class Knowledge:
    """A batch's view. `load` reads the register once for all its reports; `add` makes an accepted report known to later ones.

    `waiting` are movements that the register does not hold yet. With `known_by_ms` no movement counts that the log took later.
    """

    def __init__(self, names: Names, waiting: Iterable[Row] = (), known_by_ms: int | None = None) -> None:
        self.names = names
        self._known_by_ms = known_by_ms
        self._whereabouts = Whereabouts(waiting)
        self._by_name: dict[tuple[str, str], Accepted] = {}
        self._by_id: dict[bytes, Accepted] = {}
        self._on_person: dict[bytes, dict[bytes, Accepted]] = {}
        self._versions: dict[bytes, int] = {}
        self.veil = NONE

    def load(self, register: sa.Connection, reports: Sequence[Report], ids: Iterable[bytes], referral: Referral | None = None) -> None:
        """Everything the register holds that these reports could be decided by; of others on the same people, where `referral` is given,
        no more than may add up by it."""
        if self.names.veil_key is not None:
            self.veil = find_veil(register, self.names.veil_key)
        prisoners = {key for report in reports for key in self.names.prisoners(report)}
        # Of numbers merged by a movement that still waits, the register's rows count too.
        prisoners |= {alias for key in prisoners for alias in self._aliases(key)}
        self._whereabouts.add(queries.find_movements(register, prisoners, self._known_by_ms))
        for found in queries.find_accepted(register, ids, {(report.originator, report.urn) for report in reports}):
            self._know(found)
        keys = {key for report in reports for key in self.index(report)}
        keys |= {alias for key in keys for alias in self._aliases(key)}
        on = queries.find_reports_on(register, keys) if referral is None else self._find_telling(register, reports, keys, referral)
        for key, found in on:
            self._on_person.setdefault(key, {})[found.id] = found
        self._versions.update(queries.find_versions(register, keys | prisoners))

    def _find_telling(
        self, register: sa.Connection, reports: Sequence[Report], keys: set[bytes], referral: Referral
    ) -> list[tuple[bytes, Accepted]]:
        """What may add up with these reports: what has a tag that counts and, where one report's tags suffice, any second one.

        A prisoner may have hundreds of others, and each batch would read all of them.
        """
        moments = [to_ms(report.created_at) for report in reports]
        days_ms = referral.within_days * DAY_MS
        written = (min(moments, default=0) - days_ms, max(moments, default=0) + days_ms)
        found = queries.find_reports_on(register, keys, written, referral.tags)
        alone = {key for report in reports if adds_up_alone(frozenset(report.risk_tags), referral) for key in self.index(report)}
        alone |= {key for key, one in found if adds_up_alone(one.tags, referral)}
        alone |= {alias for key in alone for alias in self._aliases(key)}
        return found + queries.find_reports_on(register, alone, written) if alone else found

    def add(self, report: Report, accepted: Accepted) -> None:
        """An accepted report of this batch, for those that come after it."""
        self._know(accepted)
        # Of a compartment report nothing counts but its name.
        for key in () if self.names.apart or report.declarations.protected_assisting_offender else self.index(report):
            self._on_person.setdefault(key, {})[accepted.id] = accepted

    def _know(self, accepted: Accepted) -> None:
        self._by_name[accepted.originator, accepted.urn] = accepted
        self._by_id[accepted.id] = accepted

    def find(self, report: Report, report_id: bytes) -> Accepted | None:
        """The accepted report that has this one's URN."""
        found = self._by_id.get(report_id)
        return found if found is not None and found.originator == report.originator else self._by_name.get((report.originator, report.urn))

    def keep_as(self, report: Report, report_id: bytes) -> bytes:
        """The id that the register keeps a report by: its own, unless another originator took that one first."""
        found = self._by_id.get(report_id)
        return report_id if found is None or found.originator == report.originator else id_apart(report.originator, report_id)

    def situation(
        self, report: Report, *, now: datetime, estate: Estate, order: tuple[int, int], suspicions: Iterable[Suspicion] = (),
        accepted: frozenset[str] = frozenset(), again: bool = False, unmatched: bool = False,
        unclosed: frozenset[tuple[int, str]] = frozenset(),
    ) -> Situation:  # fmt: skip
        """The situation of one report: the one place that builds it, for the gateway and for `explain`."""
        doubted = self._doubted(report)
        numbers = {
            s.noms_number: self.names.prisoner(s.noms_number).hex()
            for s in report.subjects
            if s.noms_number and is_nomis(s.noms_number) and s.noms_number not in doubted
        }
        known: dict[str, State] = {}
        written: dict[str, str | None] = {}
        for number, key in numbers.items():
            state = self._whereabouts.state(key, now)
            if state is not None:
                known[number] = state
                then = self._whereabouts.state(key, min(report.created_at, now))
                written[number] = then.prison if then is not None else None
        return Situation(
            now=now, estate=estate, whereabouts=known, written=written, came_at=from_ms(order[0]), earlier=self._earlier(report, order),
            suspicions=frozenset(suspicions), accepted=accepted, again=again, unmatched=unmatched,
            doubted=doubted, apart=self.names.apart, unclosed=unclosed,
        )  # fmt: skip

    def _doubted(self, report: Report) -> frozenset[str]:
        """The identifiers of those whom the compartment protects: to everybody they are such as nobody knows."""
        covered = [one for one in report.whom_it_is_on() if self._is_covered(one)]
        return frozenset(name for one in covered for name in (one.noms_number, one.pnc_id) if name is not None)

    def _is_covered(self, subject: Subject) -> bool:
        return bool(self.veil.digests) and not self.names.apart and self.veil.covers(self._every(subject))

    def _keys(self, subject: Subject) -> tuple[bytes, ...]:
        named = self.names.person(subject)
        return tuple(self.names.hidden(key) for key in named) if self._is_covered(subject) else named

    def index(self, report: Report) -> frozenset[bytes]:
        """Under which the register finds a report again: one key of each subject of role SUBJECT, whom it is on."""
        return frozenset(key for one in report.whom_it_is_on() for key in self._keys(one))

    def moved_by(self, report: Report) -> frozenset[bytes]:
        """Under which a movement finds a report: whom it is on, and its associates, whose categories and alerts count (`G-CATA`)."""
        numbers = {one.noms_number for one in report.subjects if one.role == "ASSOCIATE"}
        known = {self.names.prisoner(number) for number in numbers if number is not None and is_nomis(number)}
        return self.index(report) | {self.names.beside(key) for key in known}

    def persons(self, report: Report) -> frozenset[bytes]:
        """The keyed hashes of whom a report is on, by every identifier and through merges."""
        return frozenset(key for one in report.whom_it_is_on() for key in self._every(one))

    def _every(self, subject: Subject) -> set[bytes]:
        named = self.names.every(subject)
        return {*named, *(alias for key in named for alias in self._aliases(key))}

    def place(self, number: str, at: datetime) -> str | None:
        """The prison that holds the prisoner of a NOMIS number at a moment."""
        key = self.names.prisoner(number)
        state = self._whereabouts.state(key.hex(), at)
        return None if state is None or self._is_veiled(key) else state.prison

    def same(self, number: str) -> frozenset[bytes]:
        """Every keyed hash of the prisoner of a NOMIS number, through merges: alike for numbers that are one person's."""
        return self._same(self.names.prisoner(number))

    def was_released(self, number: str, since: datetime, at: datetime) -> bool:
        """Whether the prisoner of a NOMIS number was released from custody after `since`, and by `at`."""
        key = self.names.prisoner(number)
        return self._whereabouts.was_released(key.hex(), since, at) and not self._is_veiled(key)

    def _is_veiled(self, key: bytes) -> bool:
        return bool(self.veil.digests) and self.veil.covers(self._same(key))

    def _same(self, key: bytes) -> frozenset[bytes]:
        return frozenset({key, *self._aliases(key)})

    def _earlier(self, report: Report, order: tuple[int, int]) -> dict[int, list[Accepted]]:
        """Accepted reports on each subject of this one that the log took before it."""
        place = place_of(order)
        return {
            index: [one for one in self._reports_on(subject).values() if one.place < place]
            for index, subject in enumerate(report.subjects)
            if subject.role == "SUBJECT"
        }

    def later(self, report: Report, order: tuple[int, int], referral: Referral) -> frozenset[bytes]:
        """Accepted reports on a subject of this one that the log took after it, where this one may change what adds up with them."""
        found: set[bytes] = set()
        place, telling = place_of(order), not referral.tags.isdisjoint(report.risk_tags)
        for subject in report.whom_it_is_on():
            others = self._reports_on(subject).values()
            after = {one.id for one in others if one.place > place}
            if after and (telling or any(adds_up_alone(one.tags, referral) for one in others)):
                found |= after
        return frozenset(found)

    def on_same(self, report: Report) -> list[Accepted]:
        """Accepted reports on a subject of this one, in the log's order."""
        found = {one.id: one for subject in report.whom_it_is_on() for one in self._reports_on(subject).values()}
        return sorted(found.values(), key=attrgetter("place"))

    def _reports_on(self, subject: Subject) -> dict[bytes, Accepted]:
        found: dict[bytes, Accepted] = {}
        for key in self._keys(subject):
            for alias in (key, *self._aliases(key)):
                found.update(self._on_person.get(alias, {}))
        return found

    def _aliases(self, key: bytes) -> set[bytes]:
        """The other numbers that were merged with a prisoner's."""
        numbers = self._whereabouts.aliases(key.hex())
        return {bytes.fromhex(number) for number in numbers} - {key} if len(numbers) > 1 else set()

    def used(self, report: Report) -> dict[bytes, int]:
        """The version of each person that a decision on this report rests on."""
        hidden = {self.names.prisoner(number) for number in self._doubted(report)}
        keys = self.index(report) | (self.names.prisoners(report) - hidden)
        keys |= {alias for key in keys for alias in self._aliases(key)}
        return {key: version for key in keys if (version := self._versions.get(key)) is not None}
