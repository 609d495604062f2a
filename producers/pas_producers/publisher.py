"""Publish: from a report as a person writes it to a sealed record that the log has (life of a report, step 1).

check    border and validation, as the gateway will run them again
name     report id and content digest, under the originator's id key
pack     parts, manifest, code 4 texts closed to their internal recipients alone
send     signed, sealed to PAS, appended in batches; then noted, so that a repeat appends nothing
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from pas_producers.checking import Checker, Passed, Raw, Stopped
from pas_producers.desk import Desk, Desks, FindKeyring
from pas_producers.dispatch import BATCH_RECORDS, Dispatcher
from pas_producers.errors import PublishError
from pas_producers.journal import Journals
from pas_producers.packing import Packer, Ticker, UnpackableError
from pas_producers.results import Outcome, Publication, Published, Refused, Repeated
from pas_producers.workplace import find_keyrings, journals_folder
from pas_schemas.clock import Clock
from pas_schemas.directory import Snapshot
from pas_schemas.errors import CodecError, MisuseError
from pas_schemas.models.report import Report
from pas_schemas.naming import content_digest, refusal_id, report_id
from pas_schemas.rulebook import Rulebook
from pas_schemas.topics import COMPARTMENT, REPORTS, URGENT
from pas_transport.keyring import Keyring
from pas_transport.log import Log
from pas_transport.rules import load_rulebook
from pas_transport.workspace import Workspace


class Publisher:
    """Publishes the reports of one office, or of every office whose keys it finds.

        with Publisher.of(workspace, "force:01") as publisher:
            done = publisher.publish(reports)

    A report that may not come in is an outcome (`Refused`), never an error. Not for several threads at once.
    """

    def __init__(
        self,
        *,
        log: Log,
        snapshot: Snapshot,
        keyring: Keyring | FindKeyring,
        rulebook: Rulebook,
        clock: Clock,
        journals: Path | None = None,
        batch_records: int = BATCH_RECORDS,
        again: bool = False,
    ) -> None:
        """From explicit parts. `keyring` is one office's, or finds the keyring of any originator.

        Without the folder `journals` (it is made where it is missing) every repeat is appended, which PAS answers with
        DUPLICATE; `again` does so on purpose. The log stays the caller's to close, and its topics must be there.
        """
        office = keyring.office if isinstance(keyring, Keyring) else None
        find: FindKeyring = (lambda _: keyring) if isinstance(keyring, Keyring) else keyring
        self._again = again
        self._batch_records = batch_records
        self._checker = Checker(snapshot, rulebook, clock, Desks(snapshot, find), office)
        self._packer = Packer(snapshot, rulebook, clock, Ticker(clock))
        self._journals = Journals(journals, log.identity, clock)
        self._dispatcher = Dispatcher(log, snapshot, self._journals, clock, batch_records)
        self._closing = ExitStack()
        self._closing.callback(self._journals.close)

    @classmethod
    def of(cls, workspace: Workspace, office: str | None = None, *, again: bool = False) -> Self:
        """A publisher for one office of a workspace, or for every office whose keys lie there.

        Raises KeyringError where that office has no keys there, and SettingsError, DirectoryError, RulebookError or a
        LogError where the workspace cannot be used.
        """
        snapshot = workspace.directory()
        find = find_keyrings(workspace, snapshot)
        keyring = find(office) if office is not None else find
        rulebook = load_rulebook(workspace)
        with ExitStack() as closing:
            log = closing.enter_context(workspace.log())
            log.ensure((REPORTS, URGENT, COMPARTMENT))
            made = cls(
                log=log, snapshot=snapshot, keyring=keyring, rulebook=rulebook, clock=workspace.clock,
                journals=journals_folder(workspace), again=again,
            )  # fmt: skip
            made._closing.push(closing.pop_all())
        return made

    def publish(self, reports: Iterable[Raw]) -> Publication:
        """Publishes them all and returns only when the log has them; raises what `stream` raises, and says in it what was done before.

        Raises MisuseError where it is given one report and not several: nothing is published then.
        """
        _refuse_one(reports)
        told: list[Outcome] = []
        try:
            for outcome in self.stream(reports):
                told.append(outcome)
        except PublishError as failure:
            failure.done = Publication(tuple(told))
            raise
        return Publication(tuple(told))

    def stream(self, reports: Iterable[Raw]) -> Iterator[Outcome]:
        """The outcome of each report in their order, told once the log has its batch.

        What an earlier call had in the log is `Repeated` and not appended. What stands twice in one call is appended
        twice, as `pas explain` judges it, and PAS answers DUPLICATE.

        Raises `PublishError`, naming the URNs that were not accepted, where the log does not take a batch, and
        JournalError where what it took cannot be noted. Whatever was told before stays done, and repeating is safe.
        Raises MisuseError where it is given one report and not several.
        """
        _refuse_one(reports)
        told: list[Outcome] = []
        self._dispatcher.begin()
        try:
            for raw in reports:
                told.append(self._take(raw))
                if self._is_due(told):
                    self._dispatcher.flush()
                    yield from told
                    told = []
            self._dispatcher.flush()
            yield from told
        finally:
            self._dispatcher.drop()

    def close(self) -> None:
        """Closes its journals and, where it opened it, the log."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _is_due(self, told: list[Outcome]) -> bool:
        return not len(self._dispatcher) or self._dispatcher.due or len(told) >= self._batch_records

    def _take(self, raw: Raw) -> Outcome:
        match self._checker.check(raw):
            case Passed(report, desk):
                return self._take_report(report, desk)
            case Stopped(refused, desk):
                return self._take_refusal(refused, desk)

    def _take_report(self, report: Report, desk: Desk) -> Outcome:
        try:
            digest = content_digest(desk.id_key, report)
            record_id = report_id(desk.id_key, report.urn)
            if self._is_repeat(desk, record_id, digest):
                return Repeated(report.urn, record_id)
            self._dispatcher.add(self._packer.pack(report, desk, record_id, digest))
        except CodecError as found:
            return self._refuse(report, desk, "V-SCHEMA", found.sentence)
        except UnpackableError as found:
            return self._refuse(report, desk, found.rule, found.sentence)
        return Published(report.urn, record_id)

    def _refuse(self, report: Report, desk: Desk, rule: str, why: str) -> Refused:
        return self._take_refusal(Refused(report.urn, (rule,), why, recorded=True), desk)

    def _take_refusal(self, refused: Refused, desk: Desk | None) -> Refused:
        if desk is not None and not self._is_repeat(desk, refusal_id(desk.id_key, refused.urn or "", refused.rules), b""):
            self._dispatcher.add(self._packer.pack_refusal(refused, desk))
        return refused

    def _is_repeat(self, desk: Desk, record_id: bytes, digest: bytes) -> bool:
        return not self._again and self._dispatcher.knew(desk.office, record_id, digest)


def _refuse_one(reports: object) -> None:
    """One report is iterable too: its fields would be refused one by one, and the report itself be published by nobody."""
    if isinstance(reports, (Mapping, str, bytes)):
        raise MisuseError("One report was given where several are expected.", "give a list of them: publish([report])")
