"""`explain`: what would happen to reports, judged one after another as by the gateway, and nothing stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from pas_gateway.ahead import Ahead
from pas_gateway.answers import Answer, answer_accepted, answer_plain, answer_rejected
from pas_gateway.judge import TAKEN, Bench, Duplicate, judge, screen_report
from pas_gateway.knowledge import Knowledge
from pas_gateway.office import PasOffice
from pas_gateway.policy.verdicts import Verdicts
from pas_gateway.positions import refuse_other_keys, refuse_other_log
from pas_gateway.register import Store, open_store
from pas_schemas.border import Finding, Rejection, examine
from pas_schemas.clock import to_ms
from pas_schemas.errors import KeyringError
from pas_schemas.models.report import Report
from pas_schemas.naming import content_digest, report_id
from pas_schemas.rules import VALIDATION
from pas_schemas.sealing import IdKey
from pas_transport.lines import Line
from pas_transport.log import Log
from pas_transport.workspace import Workspace

# Lines of an explained file come after everything the register holds.
_AFTER_ALL = to_ms(datetime.max.replace(tzinfo=UTC))
# Lines judged with one look at the register.
LINES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Judged:
    """A line of the file: what it is, and the names it would be known by were it published."""

    number: int
    what: Report | Rejection | Finding = field(repr=False)
    id: bytes = b""
    content: bytes = b""


class Explainer:
    """A copy of what PAS knows, to which lines are published in thought alone.

    `id_key` gives the key under which an originator names its reports; without a `store` the register is empty.
    """

    def __init__(self, bench: Bench, knowledge: Knowledge, id_key: Callable[[str], IdKey], store: Store | None = None) -> None:
        self._bench = bench
        self._knowledge = knowledge
        self._id_key = id_key
        self._store = store

    @classmethod
    def of(cls, office: PasOffice, workspace: Workspace, log: Log, at: datetime) -> Explainer:
        """What PAS knows in this workspace: its register, and the movements that still wait in the log."""
        store = open_store(workspace.register_url)
        there = store if store.exists() else None
        if there:
            there.migrate()
            refuse_other_log(log, there)
            refuse_other_keys(there, office.keyring, office.realm)
        knowledge = Knowledge(office.names, Ahead(log, there).look(office))
        return cls(Bench(at, office.snapshot, office.rulebook), knowledge, _IdKeys(workspace), there)

    def answers(self, lines: Iterable[Line]) -> Iterator[Answer]:
        """The answer to each line, in order."""
        waiting = iter(lines)
        while some := [self._read(line) for line in islice(waiting, LINES_AT_ONCE)]:
            self._load(some)
            yield from (self._answer(line) for line in some)

    def _read(self, line: Line) -> _Judged:
        number = line.number
        try:
            raw = line.parse()
        except ValueError as error:
            return _Judged(number, Finding("V-SCHEMA", str(error)))
        if not isinstance(raw, dict):
            return _Judged(number, Finding("V-SCHEMA", "The line is JSON, but no report: a report is an object."))
        now = self._bench.now
        found = examine(raw, estate=self._bench.snapshot.at(now), now=now, rulebook=self._bench.rulebook)
        report = found.report if isinstance(found, Rejection) else found
        if report is None:
            return _Judged(number, found)
        key = self._id_key(report.originator)
        return _Judged(number, found, report_id(key, report.urn), content_digest(key, report))

    def _load(self, lines: Sequence[_Judged]) -> None:
        if self._store is None:
            return
        reports = [
            r for line in lines if (r := line.what.report if isinstance(line.what, Rejection) else line.what) and isinstance(r, Report)
        ]
        with self._store.reading() as register:
            self._knowledge.load(register, reports, [line.id for line in lines if line.id])

    def _answer(self, line: _Judged) -> Answer:
        match line.what:
            case Finding():
                return answer_rejected(None, [line.what], line.number)
            case Rejection():
                return answer_rejected(line.what.urn, self._with_taken(line, line.what))
            case Report():
                return self._judge(line, line.what)

    def _judge(self, line: _Judged, report: Report) -> Answer:
        suspicions = screen_report(report, self._bench.rulebook)
        judged = judge(report, line.id, line.content, (_AFTER_ALL, line.number), suspicions, self._knowledge, self._bench)
        match judged:
            case Verdicts():
                return answer_accepted(report.urn, judged)
            case Duplicate():
                return answer_plain(report.urn, "DUPLICATE")
            case Finding():
                return answer_rejected(report.urn, [judged])

    def _with_taken(self, line: _Judged, rejection: Rejection) -> Sequence[Finding]:
        """Only PAS knows which URNs are taken: V-URN-TAKEN joins the rules that reject a report of the agreed shape."""
        found = self._knowledge.find(rejection.report, line.id) if rejection.report is not None else None
        if found is None or found.content_digest == line.content:
            return rejection.findings
        return sorted((*rejection.findings, TAKEN), key=lambda finding: VALIDATION.index(finding.rule))


class _IdKeys:
    """The originators' own keys where this workspace holds them; else such as can tell repeats within this run only."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._found: dict[str, IdKey] = {}

    def __call__(self, office: str) -> IdKey:
        if office not in self._found:
            try:
                self._found[office] = self._workspace.keyring(office).id_key()
            except KeyringError:
                self._workspace.warn(f"The keys of {office!r} are not here: repeats of reports accepted before cannot be told.", "")
                self._found[office] = IdKey.generate()
        return self._found[office]
