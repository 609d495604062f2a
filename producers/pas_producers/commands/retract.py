"""`pas retract URN`: an originator withdraws a report of its own, from everybody who holds anything of it."""

from __future__ import annotations

import click

from pas_schemas.errors import MisuseError
from pas_transport.cli import REFUSED
from pas_transport.session import Session, as_option, pass_session


@click.command()
@click.argument("urn")
@as_option()
@click.option("--reason", required=True, metavar="TEXT", help="Why the report no longer stands; PAS reads it.")
@click.option("--grade", default="A11", show_default=True, metavar="A11", help="The grade of the reason.")
@click.option("--marking", default="RESTRICTED", show_default=True, metavar="MARKING", help="The marking of the reason.")
@click.option("--urn", "own_urn", metavar="URN", default=None, help="The retraction's own number (default: URN/RETRACTED).")
@click.option("--protected", is_flag=True, help="The report was sealed to the compartment: so is this.")
@pass_session
def retract(session: Session, urn: str, office: str, reason: str, grade: str, marking: str, own_urn: str | None, protected: bool) -> None:
    """Withdraw the report URN, which OFFICE or another of its own offices wrote.

    What says so is a report of its own, whose text PAS alone reads, in a case. When a gateway has run, everybody who holds anything of
    URN is sent a signed withdrawal, which does not hold the reason.
    """
    from pas_producers.publisher import Publisher
    from pas_producers.results import Refused, Repeated
    from pas_producers.retraction import write_retraction

    if not reason.strip():
        raise MisuseError("A retraction needs a reason.", "say with --reason why the report no longer stands")
    now = session.workspace.clock.now()
    report = write_retraction(urn, office, reason, now, own_urn=own_urn, grade=grade, marking=marking, protected=protected)
    with Publisher.of(session.workspace, office) as publisher:
        [outcome] = publisher.publish([report]).outcomes
    if isinstance(outcome, Refused):
        session.console.fail(f"The retraction was refused ({outcome.code}): {outcome.why}", "mend it and retract again")
        raise click.exceptions.Exit(REFUSED)
    session.console.emit({"retracts": urn, "urn": outcome.urn, "originator": office, "repeated": isinstance(outcome, Repeated)})
    session.console.say(f"{urn} is retracted by {outcome.urn}, as soon as a gateway has run.", "good")
