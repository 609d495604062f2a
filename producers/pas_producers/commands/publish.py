"""`pas publish FILE...`: every report of the files checked, sealed and in the log, and a sentence for each that may not be."""

from __future__ import annotations

import click

from pas_producers.commands.hints import REPORT_HINTS
from pas_producers.commands.reading import Files
from pas_producers.commands.tally import Tally
from pas_producers.results import Published, Refused, Repeated
from pas_transport.session import Session, as_option, pass_session

# Some eight thousand reports: of fewer the processes would take longer to start than they save.
MUCH_BYTES = 16 * 1024 * 1024
# One for each core of a small machine; the publisher itself has little left to do.
PACKERS = 2


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@as_option(required=False)
@click.option("--dry-run", is_flag=True, help="Run border and validation, and publish nothing.")
@click.option("--again", is_flag=True, help="Send what was published before once more; PAS answers DUPLICATE.")
@pass_session
def publish(session: Session, files: tuple[str, ...], office: str | None, dry_run: bool, again: bool) -> None:
    """Publish the reports of each FILE: NDJSON, a JSON array or one JSON report; - is standard input.

    Each goes out as its originator, whose keys must be in the workspace; with --as, one of another originator is
    refused. Safe to interrupt and to repeat: what the log has is not published twice.
    """
    read = Files(files, session.console)
    tally = Tally(("published", "repeated"), REPORT_HINTS)
    if dry_run:
        _check(session, read, tally, office)
    else:
        _publish(session, read, tally, office, again)
    tally.failed = read.failed
    tally.close(session.console, with_urn=True, dry=dry_run)


def _publish(session: Session, read: Files, tally: Tally, office: str | None, again: bool) -> None:
    from pas_producers.publisher import Publisher

    packers = PACKERS if read.weigh() >= MUCH_BYTES else 0
    with (
        Publisher.of(session.workspace, office, again=again, packers=packers) as publisher,
        session.console.progress("Publishing", read.count()) as advance,
    ):
        read.on_pause = publisher.flush
        for outcome in publisher.stream(read.records()):
            file, line = read.next_place()
            match outcome:
                case Published():
                    tally.count("published")
                case Repeated():
                    tally.count("repeated")
                case Refused():
                    tally.refuse(file, line, outcome)
            advance(1)


def _check(session: Session, read: Files, tally: Tally, office: str | None) -> None:
    from pas_producers.checking import Passed, Stopped
    from pas_producers.workplace import open_checker

    checker = open_checker(session.workspace, office)
    with session.console.progress("Checking", read.count()) as advance:
        for raw in read.records():
            file, line = read.next_place()
            match checker.check(raw):
                case Passed():
                    tally.count("passed")
                case Stopped(refused):
                    tally.refuse(file, line, refused)
            advance(1)
