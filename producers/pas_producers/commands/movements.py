"""`pas movements import FILE...` and `pas move NUMBER`: where prisoners are, from the feed or as PAS's own correction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, get_args

import click

from pas_producers.commands.hints import MOVE_HINTS, MOVEMENT_HINTS
from pas_producers.commands.reading import Files
from pas_producers.commands.tally import Tally
from pas_producers.results import Refused
from pas_schemas.errors import MisuseError
from pas_schemas.models.words import Event
from pas_transport.session import OFFICE, Session, at_option, pass_session

if TYPE_CHECKING:
    from pas_producers.feed import MovementFeed, Told

NAMES = ("published", "repeated", "skipped")
# A correction cannot merge two numbers: that is the register's to say.
CORRECTIONS = [word for word in get_args(Event) if word != "MERGED"]


@click.group()
def movements() -> None:
    """Bring in where prisoners are, as the movements feed tells it."""


@movements.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--as", "office", type=OFFICE, default="feed:nomis", show_default=True, metavar="OFFICE", help="The feed to send as.")
@click.option("--again", is_flag=True, help="Send what was imported before once more; what PAS has it takes once.")
@pass_session
def import_movements(session: Session, files: tuple[str, ...], office: str, again: bool) -> None:
    """Send the movements of each FILE, rows or HMPPS domain events; - is standard input.

    They take effect when a gateway has run. Events that are not about whereabouts are skipped and counted.
    """
    if not office.startswith("feed:"):
        raise MisuseError("Movements come from a feed.", "leave --as away; a correction by PAS is made with `pas move`")
    from pas_producers.feed import MovementFeed

    read = Files(files, session.console)
    tally = Tally(NAMES, MOVEMENT_HINTS)
    with MovementFeed.of(session.workspace, office, again=again) as feed, session.console.progress("Importing", read.count()) as advance:
        read.on_pause = feed.flush
        for told in feed.stream(read.records()):
            _count(tally, *read.next_place(), told)
            advance(1)
    _tell_ahead(session, feed)
    tally.failed = read.failed
    tally.close(session.console, with_urn=False)


@click.command()
@click.argument("number")
@click.option("--to", "prison", metavar="PRISON", default=None, help="The prison the prisoner is in.")
@click.option("--reason", required=True, help="Why PAS corrects the feed; it is kept with the correction.")
@click.option("--event", type=click.Choice(CORRECTIONS), default="RECEIVED", show_default=True, help="What happened.")
@click.option("--category", default=None, help="The security category, where it is to be corrected too.")
@click.option("--person", metavar="REF", default=None, help="Who corrects it (else as in pas.toml).")
@at_option("When it happened; now, if not given.")
@pass_session
def move(
    session: Session, number: str, prison: str | None, reason: str, event: str, category: str | None, person: str | None,
    at: datetime | None,
) -> None:  # fmt: skip
    """Correct where the prisoner with NOMIS number NUMBER is. A correction is PAS's own and takes effect when a gateway has run.

    Who corrects it is on record in PAS's audit.
    """
    if not reason.strip():
        raise MisuseError("A correction needs a reason.", "say with --reason why the feed is wrong")
    who = session.name_person(person, "A correction is a person's.")
    if (event == "RECEIVED") != (prison is not None):
        raise MisuseError("--to goes with RECEIVED and with no other event.", "write `pas move A1234BC --to WSI --reason ...`")
    from pas_producers.feed import MovementFeed
    from pas_schemas.clock import show_time

    when = show_time(at or session.workspace.clock.now())
    said = {"category": category, "alerts": None, "reason": reason, "person": who}
    row = {"noms_number": number, "event": event, "prison": prison, "at": when, **said}
    tally = Tally(NAMES, MOVE_HINTS)
    with MovementFeed.of(session.workspace, "pas") as feed:
        for told in feed.stream([row]):
            _count(tally, "command line", 1, told)
    _tell_ahead(session, feed)
    tally.close(session.console, with_urn=False)


def _tell_ahead(session: Session, feed: MovementFeed) -> None:
    """A movement from the future is no mistake, and looks like one."""
    if feed.ahead:
        told = "1 movement lies" if feed.ahead == 1 else f"{feed.ahead} movements lie"
        session.console.warn(f"{told} ahead: nothing changes before the time it tells of.", "see dates and clock, if that is not meant")


def _count(tally: Tally, file: str, line: int, told: Told) -> None:
    match told:
        case Refused():
            tally.refuse(file, line, told)
        case _:
            tally.count(told)
