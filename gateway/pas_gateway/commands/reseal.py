"""`pas reseal`: an office that lost its keys gets what stands released to it once more."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from pas_gateway.commands.register import open_register
from pas_gateway.office import PAS, PasOffice
from pas_gateway.resealing import find_due, reseal
from pas_schemas.errors import MisuseError
from pas_transport.enrolment import find_office
from pas_transport.session import OFFICE, TIME, Session, compartment_option, pass_session


@click.command("reseal")
@click.argument("office", type=OFFICE)
@click.option("--since", type=TIME, default=None, metavar="TIME", help="Only reports that reached PAS then or later.")
@click.option("--person", metavar="REF", default=None, help="Who at PAS asks for it (else as in pas.toml).")
@compartment_option
@pass_session
def reseal_office(session: Session, office: str, since: datetime | None, person: str | None) -> None:
    """Seal to OFFICE's new key what stands released to it, and was sealed to a former one.

    Everything is decided again first. What the office has is taken back and comes anew; the running gateway sends it, or the next.
    """
    store, _ = open_register(session)
    pas = PasOffice.of(session.workspace)
    find_office(pas.snapshot, office)
    if office == PAS:
        raise MisuseError("PAS opens its own notices with every key it ever had.", "restore its keys from the backup")
    due = find_due(store, pas, office, since)
    with session.console.progress("Sealing again", len(due)) as tell:
        done = reseal(store, pas, office, due, person or session.workspace.settings.person or "", tell)
    session.console.emit({"office": office, **asdict(done)})
    session.console.say(f"{office}: {done.reports} reports sealed again in {done.deliveries} deliveries, {done.left} left as they are.")
    if done.closed:
        session.console.warn(
            f"{done.closed} of them hold code 4 texts that only their originators can seal again.", "they and the office are told"
        )
