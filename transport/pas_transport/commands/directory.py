"""`pas directory ...`: who is who at a moment, and every change that PAS makes to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from pas_schemas.clock import show_time
from pas_schemas.directory import KINDS, Office, PublicKey, Snapshot, Standing
from pas_schemas.errors import DirectoryError
from pas_schemas.people import Appointment, Person
from pas_transport.files import read_named
from pas_transport.session import OFFICE, TIME, Session, at_option, pass_session

AT_ONCE = click.option("--at-once", is_flag=True, help="The old keys were lost or taken: they end without the hour of overlap.")


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
@AT_ONCE
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
    at_once: bool,
) -> None:
    """Take a REQUEST into the directory: an office, new, on new terms or with new keys only; or a person of one.

    Where an office has new keys only, the old ones end an hour after the new begin.
    """
    from pas_transport.appointing import asks_for_person
    from pas_transport.enrolment import Particulars, compare_fingerprint, enrol, read_request
    from pas_transport.issuing import change

    data = read_named(request)
    if asks_for_person(data):
        _add_person(session, data, fingerprint, start)
        return
    wanted = read_request(data)
    compare_fingerprint(wanted, fingerprint)
    if kind is not None and kind != wanted.office.partition(":")[0]:
        raise DirectoryError(f"The request is of {wanted.office}, which is no {kind}.", "ask the office for another request")
    told, overlap = Particulars(force, prison, contracted), _overlap(at_once)
    _report(session, wanted.office, change(session.workspace, lambda snapshot, now: enrol(snapshot, wanted, told, start or now, overlap)))


def _overlap(at_once: bool) -> timedelta:
    from pas_transport.enrolment import OVERLAP

    return timedelta(0) if at_once else OVERLAP


def _add_person(session: Session, data: bytes, fingerprint: str, start: datetime | None) -> None:
    from pas_transport.appointing import appoint, read_person_request
    from pas_transport.enrolment import compare_fingerprint
    from pas_transport.issuing import change

    wanted = read_person_request(data)
    compare_fingerprint(wanted, fingerprint)
    snapshot = change(session.workspace, lambda snapshot, now: appoint(snapshot, wanted, start or now))
    _report(session, wanted.wanted.office, snapshot, wanted.reference)


@directory.command()
@click.argument("office", type=OFFICE)
@click.option("--person", metavar="REF", default=None, help="End the post of this person of OFFICE, and nothing else.")
@at_option("When its term ends (default: now).")
@pass_session
def retire(session: Session, office: str, person: str | None, at: datetime | None) -> None:
    """End OFFICE's term and its keys, or with --person one person's post and key; history stays."""
    from pas_transport.appointing import dismiss
    from pas_transport.enrolment import retire as end
    from pas_transport.issuing import change

    def edit(snapshot: Snapshot, now: datetime) -> Snapshot:
        return end(snapshot, office, at or now, now) if person is None else dismiss(snapshot, office, person, at or now, now)

    _report(session, office, change(session.workspace, edit), person)


@directory.command()
@click.option("--office", type=OFFICE, default=None, metavar="OFFICE", help="Of this office alone.")
@at_option("As they stood at that time (default: now).")
@pass_session
def people(session: Session, office: str | None, at: datetime | None) -> None:
    """List the people who decide: office, post, roles, rank and where they come from."""
    snapshot, moment = session.workspace.directory(), at or session.workspace.clock.now()
    held = [(person, post) for person in snapshot.people if (post := person.appointment(moment)) is not None]
    shown = [_describe_person(person, post, moment) for person, post in held if office in {None, post.office}]
    session.console.emit(shown)
    columns = ("person", "office", "post", "roles", "rank", "recused", "deputises")
    rows = [[", ".join(row[name]) if isinstance(row[name], list) else row[name] or "" for name in columns] for row in shown]
    session.console.table(columns, rows)


@directory.command("rotate-key")
@click.argument("office", type=OFFICE)
@AT_ONCE
@pass_session
def rotate_key(session: Session, office: str, at_once: bool) -> None:
    """Give OFFICE, whose keys must lie here, new keys; the old ones end within the hour and still open what was sealed to them."""
    from pas_transport.issuing import rotate_keys

    _report(session, office, rotate_keys(session.workspace, office, _overlap(at_once)))


@directory.command("rotate-root")
@pass_session
def rotate_root(session: Session) -> None:
    """Make a new root key, signed by the old one, and issue the directory again under it."""
    from pas_transport.issuing import rotate_root as renew

    snapshot = renew(session.workspace)
    session.console.emit({"directory_version": snapshot.version, "root": session.workspace.directory_store.roots()[-1].key.id})
    session.console.say(f"New root key; directory version {snapshot.version}.", "good")


def _report(session: Session, office: str, snapshot: Snapshot, person: str | None = None) -> None:
    named = {} if person is None else {"person": person}
    session.console.emit({"office": office, **named, "directory_version": snapshot.version})
    session.console.say(f"{person or office}: directory version {snapshot.version}.", "good")


def _describe_person(person: Person, post: Appointment, at: datetime) -> dict[str, Any]:
    key = person.key(at)
    return {
        "person": person.reference,
        "office": post.office,
        "post": post.post,
        "roles": sorted(post.roles),
        "rank": post.rank,
        "recused": sorted(post.recused),
        "deputises": sorted(post.deputises),
        "from": post.start,
        "to": post.end,
        "key": None if key is None else key.id,
    }


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
