"""`pas overdue`: what nobody has read, decided or answered in time, and who was told."""

from __future__ import annotations

import click

from pas_gateway.commands.register import open_register
from pas_gateway.overdue import list_overdue
from pas_transport.rules import load_rulebook
from pas_transport.session import Session, compartment_option, pass_session


@click.command()
@compartment_option
@pass_session
def overdue(session: Session) -> None:
    """Say what nobody has read, decided or answered in time, and who was told.

    Threats to life come first, then what has waited longest. A gateway that runs tells on: see ladders in the rulebook.
    """
    store, _ = open_register(session)
    found = list_overdue(store, load_rulebook(session.workspace), session.workspace.clock.now())
    session.console.emit(found)
    if not found:
        session.console.say("Nothing is overdue.")
        return
    columns = ("Kind", "URN", "Office", "Priority", "State", "Due (UTC)", "Told", "Next")
    rows = [
        [
            row["kind"],
            row["urn"] or row["case"],
            row["office"],
            row["priority"],
            row["state"],
            row["deadline"],
            ", ".join(rung["rung"] for rung in row["rungs"]) or "-",
            f"{row['next']['rung']} {row['next']['at']}" if row["next"] else "-",
        ]
        for row in found
    ]
    session.console.table(columns, rows)
