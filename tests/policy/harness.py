"""Runs the broker's own judgement, border to cases, on lines, a directory, movements and a moment, without log or register."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any

from pas_gateway.answers import answer_accepted
from pas_gateway.explain import Explainer
from pas_gateway.judge import Bench, screen_report
from pas_gateway.knowledge import Knowledge, Names
from pas_gateway.policy.decide import decide
from pas_gateway.policy.places import Place
from pas_gateway.policy.rulings import Rulings
from pas_gateway.policy.situation import NOBODY_RULED
from pas_gateway.policy.verdicts import Verdicts
from pas_gateway.policy.whereabouts import Row, State, Whereabouts
from pas_schemas.border import examine, parse_line
from pas_schemas.clock import parse_time, to_ms
from pas_schemas.directory import Office, Snapshot, Term
from pas_schemas.identifiers import is_nomis
from pas_schemas.models.movement import Movement
from pas_schemas.models.report import Report
from pas_schemas.rulebook import Rulebook, shipped_rulebook
from pas_schemas.sealing import IdKey
from pas_transport.lines import Line

Json = dict[str, Any]

RULEBOOK = shipped_rulebook()


def id_key(office: str) -> IdKey:
    """An office's own, the same in every run: nothing leaves the test."""
    return IdKey.from_bytes(sha256(office.encode()).digest())


def make_snapshot(rows: Iterable[Json]) -> Snapshot:
    """The directory whose `list --json` shows these rows, several terms of one office among them."""
    terms: dict[str, list[tuple[Term, Json]]] = {}
    for row in rows:
        start = parse_time(row["from"])
        end = parse_time(row["to"]) if row["to"] else None
        # A term that is over is the one way in which an office is not active.
        ended = end or (None if row["active"] else start + timedelta(days=1))
        terms.setdefault(row["office"], []).append((Term(start, ended, row["force"], row["contracted"]), row))
    offices = tuple(
        Office(office, found[0][1]["kind"], found[0][1]["prison"], tuple(sorted((term for term, _ in found), key=lambda term: term.start)))
        for office, found in sorted(terms.items())
    )
    return Snapshot(1, datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), offices, example=True)


def read_row(raw: Json, names: Names, nth: int) -> Row:
    """A movement under the register's names, as `pas_gateway.feed` makes it; its place is that in the file."""
    told = Movement.model_validate({name: value for name, value in raw.items() if value is not None})
    removed = names.prisoner(told.removed_noms_number).hex() if told.removed_noms_number else None
    return Row(
        names.prisoner(told.noms_number).hex(),
        told.event,
        told.prison,
        told.at,
        told.category,
        told.alerts,
        removed,
        place=Place(0, nth, b""),
    )


@dataclass(frozen=True)
class World:
    """A directory and the movements told in it: what reports are judged in."""

    snapshot: Snapshot
    movements: Sequence[Json] = field(repr=False)
    now: datetime
    rulebook: Rulebook = field(default=RULEBOOK, repr=False)

    @classmethod
    def of(cls, rows: Iterable[Json], movements: Sequence[Json], now: str, rulebook: Rulebook = RULEBOOK) -> World:
        return cls(make_snapshot(rows), movements, parse_time(now), rulebook)

    @cached_property
    def names(self) -> Names:
        return Names(id_key("pas"))

    @cached_property
    def bench(self) -> Bench:
        return Bench(self.now, self.snapshot, self.rulebook)

    def knowledge(self) -> Knowledge:
        """What PAS knows before the first line."""
        return Knowledge(self.names, self._rows())

    @cached_property
    def _untouched(self) -> Knowledge:
        return self.knowledge()

    @cached_property
    def _whereabouts(self) -> Whereabouts:
        return Whereabouts(self._rows())

    def _rows(self) -> list[Row]:
        return [read_row(row, self.names, nth) for nth, row in enumerate(self.movements)]

    def decide(self, report: Report, rulings: Rulings = NOBODY_RULED) -> Verdicts:
        """The decision on one report, as if it were the first, once people have ruled so."""
        situation = self._untouched.situation(
            report, now=self.now, estate=self.snapshot.at(self.now), order=(to_ms(self.now), 0),
            suspicions=screen_report(report, self.rulebook),
        )  # fmt: skip
        return decide(report, replace(situation, rulings=rulings), self.rulebook)

    def decide_again(self, report: Report, came: str, accepted: frozenset[str], rulings: Rulings) -> Json:
        """The decision on one accepted report as things stand, as `explain` prints decisions."""
        situation = self._untouched.situation(
            report, now=self.now, estate=self.snapshot.at(self.now), order=(to_ms(parse_time(came)), 0),
            suspicions=screen_report(report, self.rulebook), accepted=accepted, again=True,
        )  # fmt: skip
        return plain(answer_accepted(report.urn, decide(report, replace(situation, rulings=rulings), self.rulebook)))

    def knowledge_of(self, number: str) -> State | None:
        """What the movements tell of a prisoner."""
        return self._whereabouts.state(self.names.prisoner(number).hex(), self.now) if is_nomis(number) else None

    def admit(self, lines: Iterable[str]) -> list[Report]:
        """The reports among these lines that pass border and validation."""
        estate = self.snapshot.at(self.now)
        admitted = (examine(parse(line), estate=estate, now=self.now, rulebook=self.rulebook) for line in lines)
        return [report for report in admitted if isinstance(report, Report)]

    def explain(self, lines: Iterable[str | Json]) -> list[Json]:
        """What `pas explain --json` prints for these lines, without the words for a person."""
        return list(self.answers(lines))

    def answers(self, lines: Iterable[str | Json]) -> Iterator[Json]:
        """The same, one after another."""
        explainer = Explainer(self.bench, self.knowledge(), id_key)
        written = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        return map(plain, explainer.answers(Line(number, line.encode()) for number, line in enumerate(written, start=1)))


def parse(line: str) -> object:
    """The value of a line, or None, which is no report."""
    with suppress(ValueError):
        return parse_line(line.encode())
    return None


def plain(answer: Json) -> Json:
    """An answer without `why`, `state` and `read_by`, as the independent judge gives it."""
    return {
        **answer,
        "gates": [{"gate": gate["gate"], "effect": gate["effect"]} for gate in answer["gates"]],
        "outcomes": [
            {
                "office": outcome["office"],
                "items": [{"item": pair["item"], "verdict": pair["verdict"], "rule": pair["rule"]} for pair in outcome["items"]],
                "obligations": outcome["obligations"],
            }
            for outcome in answer["outcomes"]
        ],
    }
