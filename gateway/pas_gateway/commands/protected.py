"""`pas protected`: whom the compartment protects, as its named readers say it, two of them each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from pas_gateway.commands.register import open_register
from pas_gateway.office import PasOffice
from pas_gateway.protecting import Protected, check_word, read_list
from pas_schemas.clock import show_time
from pas_schemas.directory import PAS
from pas_schemas.errors import MisuseError
from pas_schemas.models.protection import Action, Protection
from pas_transport.open_cases import build, post_of, send, sign
from pas_transport.passphrases import read_passphrase, signing_options
from pas_transport.session import Session, pass_session

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def protected() -> None:
    """Say whom the compartment protects. Names and numbers are kept nowhere: the list holds keyed hashes."""


def _signing(command: F) -> F:
    """Adds whom it is about, who signs, and why."""
    why = click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept, sealed, with the statement. No names.")
    return click.argument("number")(signing_options("signed", "Who signs, a named reader of the compartment")(why(command)))


@protected.command()
@_signing
@pass_session
def add(session: Session, number: str, person: str | None, post: str | None, reason: str, passphrase_file: Path | None) -> None:
    """Protect the person of NUMBER, a NOMIS number or a PNC ID.

    It counts when two have said so and the compartment's gateway has run; each types the number. Of somebody who has both numbers, or
    several, each is added.
    """
    _say(session, "ADD", number, person, post, reason, passphrase_file)


@protected.command()
@_signing
@pass_session
def end(session: Session, number: str, person: str | None, post: str | None, reason: str, passphrase_file: Path | None) -> None:
    """Protect the person of NUMBER no longer; it counts when two have said so and the compartment's gateway has run."""
    _say(session, "END", number, person, post, reason, passphrase_file)


def _say(session: Session, action: Action, number: str, person: str | None, post: str | None, reason: str, passphrase: Path | None) -> None:
    workspace = session.workspace.compartment()
    office = PasOffice.of(workspace)
    signer, held = post_of(workspace.directory(), workspace, PAS, person, post)
    said = {"action": action, "subject": _name(office, number), "office": PAS, "person": signer, "post": held, "reason": reason}
    data = sign(workspace, build(Protection, {**said, "at": workspace.clock.now()}), read_passphrase(passphrase))
    check_word(data, office)
    digest = send(workspace, PAS, data).hex()
    session.console.emit({"action": action, "person": signer, "statement": digest})
    session.console.say(f"{action} signed by {signer} and sent. It counts when another named reader says the same.", "good")


@protected.command("list")
@pass_session
def list_(session: Session) -> None:
    """List those who are protected or were, and what waits for a second person; the list itself tells nobody who they are."""
    rows = [_show(one) for one in _read(session).values()]
    session.console.emit(rows)
    columns = ("subject", "state", "since", "people", "waits")
    cells = [[row[name] if isinstance(row[name], str) else ", ".join(row[name] or ["-"]) for name in columns] for row in rows]
    session.console.table(columns, cells)


@protected.command()
@click.argument("number")
@pass_session
def check(session: Session, number: str) -> None:
    """Say whether the person of NUMBER is protected."""
    office = PasOffice.of(session.workspace.compartment())
    name = _name(office, number)
    row = _show(_read(session).get(name) or Protected(name))
    session.console.emit(row)
    session.console.say(f"{row['state']}" + (f" since {row['since']}" if row["since"] else ""))


def _read(session: Session) -> dict[bytes, Protected]:
    store, _ = open_register(replace(session, apart=True))
    with store.reading() as register:
        return read_list(register, PasOffice.of(session.workspace.compartment()))


def _name(office: PasOffice, number: str) -> bytes:
    found = office.main_names.number(number.strip().upper())
    if found is None:
        sentence = "That is neither a NOMIS number nor a PNC ID whose check letter is right."
        raise MisuseError(sentence, "write it like A1234BC or 2000/0000223R")
    return found


def _show(one: Protected) -> dict[str, Any]:
    state = "PROTECTED" if one.on else "ENDED" if one.since else "NOT_PROTECTED"
    since = show_time(one.since) if one.since is not None else None
    waits = [f"{action} by {person}" for person, action in sorted(one.waits.items())]
    return {"subject": one.subject.hex(), "state": state, "since": since, "people": list(one.people), "waits": waits}
