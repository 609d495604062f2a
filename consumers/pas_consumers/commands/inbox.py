"""`pas inbox`: take what PAS sent to an office, read it, and answer for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from pas_consumers.closing import allows_copies
from pas_consumers.commands import screens
from pas_consumers.commands.watch import watch
from pas_consumers.errors import StoreDamagedError, UnknownDeliveryError, WrongStateError
from pas_consumers.inbox import Inbox
from pas_consumers.intake import Intake
from pas_consumers.records import Held
from pas_consumers.store_file import find_ids, has_inbox
from pas_consumers.views import describe_line, describe_whole
from pas_schemas.errors import LogError, MisuseError
from pas_transport.session import Session, as_option, pass_session

F = TypeVar("F", bound=Callable[..., Any])
REFUSED = 1


@click.group()
def inbox() -> None:
    """Take, read and acknowledge what PAS sent to an office."""


inbox.add_command(watch)


def _answering(command: F) -> F:
    """Adds --post and --person: who answers."""
    for option in (
        click.option("--person", metavar="REF", default=None, help="The staff reference that the answer names (else as in pas.toml)."),
        click.option("--post", metavar="REF", default=None, help="The post that the answer names (else as in pas.toml)."),
    ):
        command = option(command)
    return command


def _about_one(command: F) -> F:
    """Adds what the commands about one delivery share."""
    return click.argument("delivery", metavar="ID")(as_option(required=False)(_answering(command)))


@inbox.command("list")
@as_option()
@click.option("--offline", is_flag=True, help="Show what is in the inbox; take nothing and send nothing.")
@_answering
@pass_session
def list_deliveries(session: Session, office: str, offline: bool, post: str | None, person: str | None) -> None:
    """Take what waits, send DELIVERED for it, and list the inbox.

    With --json one object a line. Records that fail a check are set aside, told on stderr, and never shown.
    """
    with Inbox.of(session.workspace, office, post=post, person=person) as box:
        done = offline or _take(session, box)
        listing = box.list()
        for held in listing.held:
            session.console.emit_line(describe_line(held))
        # One that could not be asked for what waits is not called empty.
        if done or listing.held:
            screens.show_list(session.console, office, listing.held, session.workspace.clock.now())
        screens.show_aside(session.console, len(box.set_aside()))
        for damaged in listing.damaged:
            session.console.fail(f"Delivery {damaged.hex()} is damaged in the inbox.", "restore the inbox from a backup")
    if not done or listing.damaged:
        raise click.exceptions.Exit(REFUSED)


@inbox.command()
@_about_one
@pass_session
def show(session: Session, delivery: str, office: str | None, post: str | None, person: str | None) -> None:
    """Show a delivery, and send READ. ID may be shortened as long as it stays unique.

    Of a code 5 item that was not accepted yet, conditions and grade are shown and nothing else.
    """
    with _at_one(session, delivery, office, post, person) as (box, found):
        if session.console.json and not allows_copies(box.get(found).delivery.body):
            raise WrongStateError("The conditions of this text forbid copies of it.", "read it without --json")
        held, closed = box.read(found), box.why_closed(found)
        session.console.emit(describe_whole(held))
        screens.show_delivery(session.console, held)
        sent = _send(session, box)
        if closed is not None:
            session.console.fail(closed, "ask the originator, through PAS")
    if not sent or closed is not None or not _was_shown(session, held):
        raise click.exceptions.Exit(REFUSED)


@inbox.command()
@_about_one
@pass_session
def accept(session: Session, delivery: str, office: str | None, post: str | None, person: str | None) -> None:
    """Accept the conditions of a delivery; PAS then sends the text as another one."""
    with _at_one(session, delivery, office, post, person) as (box, found):
        _tell(session, box, found, box.accept(found), "The text follows as another delivery.")


@inbox.command()
@_about_one
@click.option("--mitigation", metavar="TEXT", required=True, help="What was done about it.")
@pass_session
def act(session: Session, delivery: str, office: str | None, mitigation: str, post: str | None, person: str | None) -> None:
    """Say what was done about a delivery that was read."""
    with _at_one(session, delivery, office, post, person) as (box, found):
        _tell(session, box, found, box.act(found, mitigation), "PAS is told what was done.")


@inbox.command()
@_about_one
@click.option("--reason", metavar="TEXT", required=True, help="Why nothing is done about it.")
@pass_session
def decline(session: Session, delivery: str, office: str | None, reason: str, post: str | None, person: str | None) -> None:
    """Say why nothing is done about a delivery, or why its conditions are not accepted."""
    with _at_one(session, delivery, office, post, person) as (box, found):
        _tell(session, box, found, box.decline(found, reason), "PAS is told why.")


@inbox.command("accept-topic")
@as_option()
@pass_session
def accept_topic(session: Session, office: str) -> None:
    """Read the office's topic, where it stopped, from its first record on: it was restored, made anew or left too long.

    Tell PAS first: what was lost does not come by itself. What is in the inbox already is taken once.
    """
    with Inbox.of(session.workspace, office) as box:
        accepted = box.accept_topic()
    if not accepted:
        raise WrongStateError(f"Nothing of the topic of {office} is stopped.", "there is nothing to accept")
    session.console.emit({"office": office, "partitions": accepted})
    session.console.say(f"{office}: {accepted} partitions are read from their beginning.", "good")


@contextmanager
def _at_one(session: Session, delivery: str, office: str | None, post: str | None, person: str | None) -> Iterator[tuple[Inbox, bytes]]:
    """The inbox that holds a delivery, with what waits taken first: a withdrawal that waits counts."""
    with Inbox.of(session.workspace, office or _find_office(session, delivery), post=post, person=person) as box:
        done = _take(session, box)
        yield box, box.find(delivery)
    if not done:
        raise click.exceptions.Exit(REFUSED)


def _find_office(session: Session, delivery: str) -> str:
    """The one office of this workspace whose inbox holds the delivery."""
    prefix = delivery.lower()
    if not prefix or set(prefix) - set("0123456789abcdef"):
        raise MisuseError("A delivery's id is hexadecimal.", "`pas inbox list --as OFFICE` shows the ids")
    workspace = session.workspace
    inboxes = ((office, workspace.inbox_dir(office)) for office in workspace.held_offices())
    found = [office for office, folder in inboxes if has_inbox(folder) and find_ids(folder, office, prefix)]
    if len(found) != 1:
        where = f"Several inboxes here ({', '.join(found)}) hold" if found else "No inbox here holds"
        hint = "name one with --as" if found else "take what waits with `pas inbox list --as OFFICE`"
        raise UnknownDeliveryError(f"{where} a delivery whose id begins so.", hint)
    return found[0]


def _take(session: Session, box: Inbox) -> bool:
    """Takes what waits and tells what went wrong; whether nothing did."""
    try:
        intake = box.take()
    except (LogError, StoreDamagedError) as failure:
        session.console.fail(failure.sentence, failure.hint or "the inbox shows what was taken before")
        return False
    return _report(session, intake)


def _report(session: Session, intake: Intake) -> bool:
    for stopped in intake.stopped:
        session.console.fail(stopped.sentence, stopped.hint)
    for aside in intake.aside:
        session.console.fail(f"A delivery was set aside ({aside.reason}): {aside.sentence}", "tell PAS; it is kept sealed and never shown")
    for gap in intake.gaps:
        numbers = ", ".join(map(str, gap.missing))
        session.console.warn(f"Deliveries about {gap.urn} that have not come: number {numbers}.", "it may be on its way; if not, tell PAS")
    return not intake.stopped and not intake.aside


def _send(session: Session, box: Inbox) -> bool:
    try:
        box.send()
    except (LogError, StoreDamagedError) as failure:
        session.console.fail(failure.sentence, "the answer is kept, and goes with the next `pas inbox` command")
        return False
    return True


def _tell(session: Session, box: Inbox, delivery: bytes, state: str, what: str) -> None:
    session.console.emit({"delivery": delivery.hex(), "state": state})
    session.console.say(f"{delivery.hex()}: {state}. {what}", "good")
    if not _send(session, box):
        raise click.exceptions.Exit(REFUSED)


def _was_shown(session: Session, held: Held) -> bool:
    """Says what kept the content back; whether nothing did."""
    if held.state == "WITHDRAWN":
        session.console.fail("PAS has withdrawn this delivery.", "nothing of its content is kept")
    elif held.delivery.kind == "CONDITIONS" and held.state == "DECLINED":
        session.console.fail("The conditions were declined, so the text does not come.", "ask PAS if that was a mistake")
    elif held.delivery.kind == "CONDITIONS" and held.state != "CONDITIONS_ACCEPTED":
        session.console.fail("The text comes once its conditions are accepted.", f"`pas inbox accept {held.delivery.id.hex()[:8]}`")
    else:
        return True
    return False
