"""`pas reseal`: what an office cannot read, for its keys are lost or PAS's own were cut, comes to it once more."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from pas_gateway.commands.register import open_register
from pas_gateway.marks import Marks
from pas_gateway.office import PasOffice
from pas_gateway.positions import refuse_other_log
from pas_gateway.recovery import refuse_behind
from pas_gateway.register import Store
from pas_gateway.resealing import Due, Resealed, find_cut, find_due, reseal
from pas_schemas.directory import PAS
from pas_schemas.errors import MisuseError
from pas_transport.enrolment import find_office
from pas_transport.session import OFFICE, TIME, Session, compartment_option, pass_session


@click.command("reseal")
@click.argument("office", type=OFFICE, required=False)
@click.option("--cut", is_flag=True, help="For every office, what PAS signed with a key that ended before the log had it.")
@click.option("--since", type=TIME, default=None, metavar="TIME", help="Only reports that reached PAS then or later.")
@click.option("--person", metavar="REF", default=None, help="Who at PAS asks for it (else as in pas.toml).")
@compartment_option
@pass_session
def reseal_office(session: Session, office: str | None, cut: bool, since: datetime | None, person: str | None) -> None:
    """Seal to OFFICE's key of today what stands released to it and it cannot read.

    That is what was sealed to a former key of it, and what PAS signed with a key that ended before the log had it. Everything is decided
    again first. What the office has is taken back and comes anew; the running gateway sends it, or the next.
    """
    if (office is None) != cut:
        raise MisuseError("`pas reseal` is for one office, or with --cut for all.", "name an office, or give --cut")
    store, _ = open_register(session)
    pas = PasOffice.of(session.workspace)
    _check(session, store, pas)
    if office is None:
        done = [_reseal(session, store, pas, one, due, person) for one, due in find_cut(store, pas, since).items()]
        session.console.emit(done)
        session.console.say(f"{len(done)} offices could not read what PAS signed with a key that had ended.")
        return
    find_office(pas.snapshot, office)
    if office == PAS:
        raise MisuseError("PAS opens its own notices with every key it ever had.", "restore its keys from the backup")
    session.console.emit(_reseal(session, store, pas, office, find_due(store, pas, office, since), person))


def _check(session: Session, store: Store, pas: PasOffice) -> None:
    """What a gateway makes sure of before it sends anything: it may not run just now."""
    with session.workspace.log() as log:
        refuse_other_log(log, store)
        if session.apart:
            Marks(session.workspace.root, store).check()
        else:
            refuse_behind(log, store, pas)


def _reseal(session: Session, store: Store, pas: PasOffice, office: str, due: Due, person: str | None) -> dict[str, object]:
    """Does it for an office and says so; what is printed of it with `--json`."""
    with session.console.progress(f"Sealing again for {office}", len(due)) as tell:
        done = reseal(store, pas, office, due, person or session.workspace.settings.person or "", tell)
    _say(session, office, done)
    return {"office": office, **asdict(done)}


def _say(session: Session, office: str, done: Resealed) -> None:
    session.console.say(f"{office}: {done.reports} reports sealed again in {done.deliveries} deliveries, {done.left} left as they are.")
    if done.closed:
        session.console.warn(
            f"{done.closed} of them hold code 4 texts that only their originators can seal again.", "they and the office are told"
        )
    if done.unheard:
        session.console.warn(
            f"Notices to {office} about {done.unheard} matters cannot be read, and only they hold what they said.", "the office is told"
        )
