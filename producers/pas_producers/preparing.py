"""From reports to batches: checked, named, packed and sealed, and the outcome of each told once its batch was sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pas_producers.checking import Checker, Passed, Raw, Stopped
from pas_producers.desk import Desk, Desks, FindKeyring
from pas_producers.dispatch import BATCH_RECORDS, Dispatcher
from pas_producers.journal import Journals
from pas_producers.packing import Packer, UnpackableError
from pas_producers.results import Outcome, Published, Refused, Repeated
from pas_producers.sending import Batch
from pas_schemas.clock import Clock
from pas_schemas.directory import Snapshot
from pas_schemas.errors import CodecError
from pas_schemas.models.report import Report
from pas_schemas.naming import content_digest, refusal_id, report_id
from pas_schemas.rulebook import Rulebook


class Preparer:
    """Takes reports of one originator, or of every one whose keys it finds, and has `send` send what comes of them."""

    def __init__(
        self,
        send: Callable[[Batch], None],
        snapshot: Snapshot,
        find: FindKeyring,
        rulebook: Rulebook,
        clock: Clock,
        journals: Journals,
        *,
        office: str | None,
        batch_records: int = BATCH_RECORDS,
        again: bool = False,
    ) -> None:
        self._again = again
        self._checker = Checker(snapshot, rulebook, clock, Desks(snapshot, find), office)
        self._packer = Packer(snapshot, rulebook, clock)
        self._dispatcher = Dispatcher(send, snapshot, journals, clock, batch_records)

    def stream(self, reports: Iterable[Raw], run: bytes, next_us: Callable[[], int]) -> Iterator[Outcome]:
        """The outcomes of a run's reports in their order, each sealed at a moment of its own; raises what sending does."""
        self._dispatcher.begin(run)
        self._next_us = next_us
        yield from self._dispatcher.stream(reports, self._take)

    def flush(self) -> None:
        """What waits for its batch to fill waits no longer; raises what sending does."""
        self._dispatcher.flush()

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
            self._dispatcher.add(self._packer.pack(report, desk, record_id, digest, self._next_us()))
        except CodecError as found:
            return self._refuse(report, desk, "V-SCHEMA", found.sentence)
        except UnpackableError as found:
            return self._refuse(report, desk, found.rule, found.sentence)
        return Published(report.urn, record_id)

    def _refuse(self, report: Report, desk: Desk, rule: str, why: str) -> Refused:
        return self._take_refusal(Refused(report.urn, (rule,), why, recorded=True), desk)

    def _take_refusal(self, refused: Refused, desk: Desk | None) -> Refused:
        if desk is not None and not self._is_repeat(desk, refusal_id(desk.id_key, refused.urn or "", refused.rules), b""):
            self._dispatcher.add(self._packer.pack_refusal(refused, desk, self._next_us()))
        return refused

    def _is_repeat(self, desk: Desk, record_id: bytes, digest: bytes) -> bool:
        return not self._again and self._dispatcher.knew(desk.office, record_id, digest)
