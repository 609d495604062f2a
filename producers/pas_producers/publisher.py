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

from pas_producers.checking import Raw
from pas_producers.desk import FindKeyring
from pas_producers.dispatch import BATCH_RECORDS
from pas_producers.errors import PublishError
from pas_producers.journal import Journals, new_run
from pas_producers.packers import Chunk, Made, Orders, Packers, cut
from pas_producers.packing import Ticker
from pas_producers.preparing import Preparer
from pas_producers.results import Outcome, Publication
from pas_producers.sending import Batch, Sender
from pas_producers.workplace import find_keyrings, journals_folder
from pas_schemas.clock import Clock
from pas_schemas.directory import Snapshot
from pas_schemas.errors import MisuseError, PasError
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
        DUPLICATE; `again` does so on purpose, and says that a log other than the one in the journals is the right one. The log
        stays the caller's to close, and its topics must be there.
        """
        office = keyring.office if isinstance(keyring, Keyring) else None
        find: FindKeyring = (lambda _: keyring) if isinstance(keyring, Keyring) else keyring
        noted = Journals(journals, log.identity, clock, again=again)
        self._ticker = Ticker(clock)
        self._sender = Sender(log, noted)
        self._preparer = Preparer(
            self._sender.send, snapshot, find, rulebook, clock, noted, office=office, batch_records=batch_records, again=again
        )
        self._packers: Packers | None = None
        self._closing = ExitStack()
        self._closing.callback(noted.close)

    @classmethod
    def of(cls, workspace: Workspace, office: str | None = None, *, again: bool = False, packers: int = 0) -> Self:
        """A publisher for one office of a workspace, or for every office whose keys lie there.

        So many `packers`, processes of their own, check and seal for it. They take half a second to start, and `stream` then
        reads some 1,500 reports ahead of what it tells: for files, not for what comes little by little.

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
            if packers:
                made._packers = closing.enter_context(Packers(Orders(str(workspace.home), office, log.identity, again), packers))
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
        run = new_run()
        if self._packers is None:
            yield from self._preparer.stream(reports, run, self._ticker.next_us)
            return
        # A report may be refused after a moment was taken for it, and its refusal takes another.
        chunks = (Chunk(run, self._ticker.reserve(2 * len(piece)), piece) for piece in cut(reports))
        for made in self._packers.make(chunks):
            yield from self._send(made)

    def flush(self) -> None:
        """Sends what `stream` has read and keeps until its batch is full, though not what packers have; raises as `stream` does.

        For whoever gives reports as they come: called where the next one is waited for. Their outcomes are told with the next.
        """
        self._preparer.flush()

    def _send(self, made: Made) -> Iterator[Outcome]:
        for one in made:
            match one:
                case Batch():
                    self._sender.send(one)
                case PasError():
                    raise one
                case outcome:
                    yield outcome

    def close(self) -> None:
        """Closes its journals and, where it opened it, the log."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _refuse_one(reports: object) -> None:
    """One report is iterable too: its fields would be refused one by one, and the report itself be published by nobody."""
    if isinstance(reports, (Mapping, str, bytes)):
        raise MisuseError("One report was given where several are expected.", "give a list of them: publish([report])")
