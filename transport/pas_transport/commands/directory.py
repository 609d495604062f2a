"""`pas directory ...`: who is who at a moment, and every change that PAS makes to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from pas_schemas.clock import show_time
from pas_schemas.directory import KINDS, Office, PublicKey, Snapshot, Standing
from pas_schemas.errors import DirectoryError
from pas_transport.session import OFFICE, TIME, Session, at_option, pass_session


@click.group()
def directory() -> None:
    """Say who is who, and change it where the directory's root key is kept."""


@directory.command("list")
@at_option("As it stood at that time (default: now).")
@pass_session
def show_offices(session: Session, at: datetime | None) -> None:
    """List every office: kind, class for handling, force, prison, term and keys."""
    snapshot = session.workspace.directory()
    moment = at or session.workspace.clock.now()
    standings = sorted(snapshot.at(moment).offices.values(), key=lambda one: one.id)
    session.console.emit([_describe(standing, snapshot, moment) for standing in standings])
    rows = [(one.id, one.handling_class, one.force or "", one.prison or "", _period(one), "" if one.active else "no") for one in standings]
    session.console.table(("office", "class", "force", "prison", "term", "active"), rows)
    session.console.say(f"{len(rows)} offices, directory version {snapshot.version}, good until {show_time(snapshot.expires_at)}.")


@directory.command()
@click.argument("office", type=OFFICE)
@pass_session
def history(session: Session, office: str) -> None:
    """Show every term and key OFFICE ever had."""
    from pas_transport.enrolment import find_office

    found = find_office(session.workspace.directory(), office)
    session.console.emit(_describe_history(found))
    terms = [(show_time(one.start), _until(one.end), one.force or "", "yes" if one.contracted else "") for one in found.terms]
    session.console.table(("from", "to", "force", "contracted"), terms, f"{found.id} ({found.kind})")
    keys = [(key.id, key.use, show_time(key.start), _until(key.end), "yes" if key.example else "") for key in found.keys]
    session.console.table(("key", "use", "from", "to", "example"), keys)


@directory.command()
@click.argument("request", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--fingerprint", required=True, metavar="F", help="What the office told by another way.")
@click.option("--kind", type=click.Choice(KINDS), default=None, help="The kind of office it must be.")
@click.option("--force", metavar="CODE", default=None, help="The force that posts a PIO, or in whose area a prison lies.")
@click.option("--prison", metavar="CODE", default=None, help="The prison of a PIO, security or governor.")
@click.option("--contracted/--public", default=None, help="Whether a contractor runs the prison (default: as the register has it).")
@click.option("--from", "start", type=TIME, default=None, metavar="TIME", help="When it begins (default: now).")
@pass_session
def add(
    session: Session,
    request: Path,
    fingerprint: str,
    kind: str | None,
    force: str | None,
    prison: str | None,
    contracted: bool | None,
    start: datetime | None,
) -> None:
    """Take an office's REQUEST into the directory: as a new office, on new terms, or with new keys only."""
    from pas_transport.enrolment import MAX_REQUEST_BYTES, Particulars, compare_fingerprint, enrol, read_request
    from pas_transport.issuing import change

    with request.open("rb") as file:
        wanted = read_request(file.read(MAX_REQUEST_BYTES + 1))
    compare_fingerprint(wanted, fingerprint)
    if kind is not None and kind != wanted.office.partition(":")[0]:
        raise DirectoryError(f"The request is of {wanted.office}, which is no {kind}.", "ask the office for another request")
    told = Particulars(force, prison, contracted)
    _report(session, wanted.office, change(session.workspace, lambda snapshot, now: enrol(snapshot, wanted, told, start or now)))


@directory.command()
@click.argument("office", type=OFFICE)
@at_option("When its term ends (default: now).")
@pass_session
def retire(session: Session, office: str, at: datetime | None) -> None:
    """End OFFICE's term and its keys; its history stays."""
    from pas_transport.enrolment import retire as end
    from pas_transport.issuing import change

    _report(session, office, change(session.workspace, lambda snapshot, now: end(snapshot, office, at or now)))


@directory.command("rotate-key")
@click.argument("office", type=OFFICE)
@click.option("--at-once", is_flag=True, help="The old keys were lost or taken: they end now, without the hour of overlap.")
@pass_session
def rotate_key(session: Session, office: str, at_once: bool) -> None:
    """Give OFFICE, whose keys must lie here, new keys; the old ones end within the hour and still open what was sealed to them."""
    from pas_transport.enrolment import OVERLAP
    from pas_transport.issuing import rotate_keys

    _report(session, office, rotate_keys(session.workspace, office, timedelta(0) if at_once else OVERLAP))


@directory.command("rotate-root")
@pass_session
def rotate_root(session: Session) -> None:
    """Make a new root key, signed by the old one, and issue the directory again under it."""
    from pas_transport.issuing import rotate_root as renew

    snapshot = renew(session.workspace)
    session.console.emit({"directory_version": snapshot.version, "root": session.workspace.directory_store.roots()[-1].key.id})
    session.console.say(f"New root key; directory version {snapshot.version}.", "good")


def _report(session: Session, office: str, snapshot: Snapshot) -> None:
    session.console.emit({"office": office, "directory_version": snapshot.version})
    session.console.say(f"{office}: directory version {snapshot.version}.", "good")


def _describe(standing: Standing, snapshot: Snapshot, at: datetime) -> dict[str, object]:
    return {
        "office": standing.id,
        "kind": standing.kind,
        "class": standing.handling_class,
        "force": standing.force,
        "prison": standing.prison,
        "contracted": standing.contracted,
        "active": standing.active,
        "from": standing.start,
        "to": standing.end,
        "keys": [_describe_key(key) for key in snapshot.by_id[standing.id].keys if key.start <= at],
    }


def _describe_key(key: PublicKey) -> dict[str, object]:
    return {"id": key.id, "use": key.use, "from": key.start, "to": key.end}


def _describe_history(office: Office) -> dict[str, object]:
    terms = [{"from": term.start, "to": term.end, "force": term.force, "contracted": term.contracted} for term in office.terms]
    keys = [_describe_key(key) | {"example": key.example} for key in office.keys]
    return {"office": office.id, "kind": office.kind, "prison": office.prison, "terms": terms, "keys": keys}


def _period(standing: Standing) -> str:
    return f"{standing.start:%Y-%m-%d} - {f'{standing.end:%Y-%m-%d}' if standing.end else ''}".rstrip()


def _until(moment: datetime | None) -> str:
    return show_time(moment) if moment else ""
