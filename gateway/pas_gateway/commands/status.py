"""`pas status`: what an operator types first."""

from __future__ import annotations

import click

from pas_gateway.commands.register import open_register
from pas_gateway.status import status as read_status
from pas_transport.session import Session, pass_session


@click.command()
@pass_session
def status(session: Session) -> None:
    """Say how the gateway stands: lag, unread, cases, keys, directory."""
    store, _ = open_register(session)
    with session.workspace.log() as log:
        found = read_status(session.workspace, store, log)
    session.console.emit(found)
    for name, value in found.items():
        told = ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, dict) else value
        session.console.say(f"{name:<11} {told if told is not None else 'none'}")
