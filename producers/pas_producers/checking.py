"""Border and validation at the publisher, and whether the originator may speak here at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pas_producers.desk import Desk, Desks
from pas_producers.results import Refused
from pas_schemas.border import WRITERS, Rejection, examine, identify, parse_line
from pas_schemas.clock import Clock
from pas_schemas.codec import is_text
from pas_schemas.directory import Snapshot
from pas_schemas.errors import PasError
from pas_schemas.models.report import Report
from pas_schemas.rulebook import Rulebook

NO_REPORT = "V-SCHEMA"
NO_VOICE = "V-ORIGINATOR"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that could not even be read, with the sentence that says why."""

    why: str


# A line as it stands in a file, a report as a mapping, or what could not be read.
Raw = bytes | Mapping[str, object] | Unreadable


@dataclass(frozen=True, slots=True)
class Passed:
    """A report that may come in, and the desk of its originator."""

    report: Report = field(repr=False)
    desk: Desk


@dataclass(frozen=True, slots=True)
class Stopped:
    """A refusal, and the desk that can tell PAS of it, if there is one."""

    refused: Refused
    desk: Desk | None = None


class Checker:
    """Runs border and validation as things stand now; with `office`, for that originator alone."""

    def __init__(self, snapshot: Snapshot, rulebook: Rulebook, clock: Clock, desks: Desks, office: str | None = None) -> None:
        self._snapshot = snapshot
        self._rulebook = rulebook
        self._clock = clock
        self._desks = desks
        self._office = office

    def check(self, raw: Raw) -> Passed | Stopped:
        """Whether a record may come in; raises nothing for what stands in it."""
        try:
            value = read_raw(raw)
        except ValueError as error:
            return Stopped(Refused(None, (NO_REPORT,), str(error)))
        urn, originator = identify(value)
        if not all(is_text(word or "") for word in (urn, originator)):
            return Stopped(Refused(None, (NO_REPORT,), "The report holds text that is not Unicode."))
        if self._office is not None and originator is not None and originator != self._office:
            return Stopped(Refused(urn, (NO_VOICE,), f"The report is not of {self._office}, as which this run publishes."))
        now = self._clock.now()
        judged = examine(value, estate=self._snapshot.at(now), now=now, rulebook=self._rulebook)
        if isinstance(judged, Rejection):
            return self._stop(judged, now)
        try:
            return Passed(judged, self._desks.open(judged.originator, now))
        except PasError as failure:
            return Stopped(Refused(judged.urn, (NO_VOICE,), str(failure)))

    def _stop(self, judged: Rejection, now: datetime) -> Stopped:
        why = " ".join(finding.why for finding in judged.findings)
        desk = self._voice(judged.originator, now) if judged.urn is not None else None
        return Stopped(Refused(judged.urn, judged.rules, why, recorded=desk is not None), desk)

    def _voice(self, originator: str | None, now: datetime) -> Desk | None:
        """Who can prove to PAS that the refusal is its own: a known, active writer whose keys are here."""
        office = self._snapshot.at(now).get(originator) if originator is not None else None
        if office is None or not office.active or office.kind not in WRITERS:
            return None
        try:
            return self._desks.open(office.id, now)
        except PasError:
            return None


def read_raw(raw: Raw) -> object:
    """The value of a record; ValueError with a sentence (never quoting it) where it has none."""
    given: object = raw
    if isinstance(given, Unreadable):
        raise ValueError(given.why)
    if isinstance(given, bytes):
        return parse_line(given)
    return dict(given) if isinstance(given, Mapping) else given
