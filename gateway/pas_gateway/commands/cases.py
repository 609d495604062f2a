"""`pas cases`: what waits for a person."""

from __future__ import annotations

from typing import Any

import click

from pas_gateway.background import find_background
from pas_gateway.commands.deciding import decide, second
from pas_gateway.commands.elsewhere import ask_inbox, refuse_other_owner
from pas_gateway.commands.register import open_register
from pas_gateway.commands.summarising import summarise
from pas_gateway.offering import find_deliberation, read_texts
from pas_gateway.office import PasOffice
from pas_gateway.review import find_case, list_cases
from pas_schemas.directory import PAS
from pas_schemas.errors import InboxError, MisuseError
from pas_transport.session import OFFICE, Session, compartment_option, pass_session


@click.group()
def cases() -> None:
    """See the cases that wait for a person, and decide them."""


cases.add_command(decide)
cases.add_command(second)
cases.add_command(summarise)


@cases.command("list")
@click.option("--as", "office", type=OFFICE, default=PAS, metavar="OFFICE", help="The owner: PAS, or an office from its own inbox.")
@click.option("--all", "every", is_flag=True, help="Closed cases too.")
@compartment_option
@pass_session
def list_(session: Session, office: str, every: bool) -> None:
    """List cases, those due first coming first."""
    refuse_other_owner(session, office)
    if office == PAS:
        found = list_cases(*open_register(session), only_open=not every)
    else:
        found = [row for row in _own_cases(session, office) if every or row["state"] != "CLOSED"]
    session.console.emit(found)
    columns = ("case", "urn", "owner", "reasons", "priority", "due", "state")
    rows = [[", ".join(row[name]) if name == "reasons" else row[name] for name in columns] for row in found]
    session.console.table(columns, rows)


@cases.command()
@click.argument("case")
@click.option("--as", "office", type=OFFICE, default=PAS, metavar="OFFICE", help="The owner: PAS, or an office from its own inbox.")
@click.option("--texts", is_flag=True, help="The texts that wait, too: for a person at PAS, and on record.")
@click.option("--person", metavar="REF", default=None, help="Who reads the texts (else as in pas.toml).")
@compartment_option
@pass_session
def show(session: Session, case: str, office: str, texts: bool, person: str | None) -> None:
    """Show one case: what it holds, for whom, and why."""
    refuse_other_owner(session, office)
    if texts and office != PAS:
        raise MisuseError("An office outside PAS has the texts in its own inbox.", f"see `pas inbox list --as {office}`")
    if office == PAS:
        store, key = open_register(session)
        found = find_case(store, key, case)
        pas = PasOffice.of(session.workspace)
        found |= find_background(store, pas, found["case"])
        found |= find_deliberation(store, pas, found["case"])
        if texts:
            found["texts"] = read_texts(store, pas, found["case"], person or session.workspace.settings.person or "")
    else:
        own = [row for row in _own_cases(session, office) if row["case"].startswith(case)]
        if len(own) != 1:
            raise InboxError("No case of that office has that id.", f"see `pas cases list --as {office}`")
        found = own[0]
    session.console.emit(found)
    for name, value in found.items():
        session.console.say(f"{name:<10} {_say(value)}")


def _say(value: Any) -> str:
    """A value of a case in one line; a record by its values."""
    match value:
        case None:
            return "not known any more"
        case dict():
            return " ".join(_say(part) for part in value.values())
        case list() | tuple():
            return "; ".join(_say(part) for part in value)
        case _:
            return str(value)


def _own_cases(session: Session, office: str) -> list[dict[str, Any]]:
    """An owner outside PAS reads its DECIDE notices."""
    found: list[dict[str, Any]] = ask_inbox("pas.office_cases", session, office)
    return found
