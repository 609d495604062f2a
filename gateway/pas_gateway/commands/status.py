"""`pas status`: what an operator types first."""

from __future__ import annotations

from typing import Any

import click

from pas_gateway.commands.register import open_register
from pas_gateway.positions import refuse_other_log
from pas_gateway.status import status as read_status
from pas_schemas.errors import RulebookError
from pas_transport.rules import warn_of_calendar
from pas_transport.session import Session, compartment_option, pass_session


@click.command()
@compartment_option
@pass_session
def status(session: Session) -> None:
    """Say how the gateway stands: lag, unread, cases, keys, directory."""
    store, _ = open_register(session)
    with session.workspace.log() as log:
        refuse_other_log(log, store)
        found = read_status(session.workspace, store, log)
    session.console.emit(found)
    for name, value in found.items():
        session.console.say(f"{name:<13} {_tell(value)}")
    try:
        warn_of_calendar(session.workspace)
    except RulebookError as error:
        # A gateway that runs goes on by the rulebook it has: how it stands is told all the same.
        session.console.warn(error.sentence, error.hint)


def _tell(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{key} {part}" for key, part in value.items())
        case list():
            return ", ".join(value) or "none"
        case _:
            return "none" if value is None else str(value)
