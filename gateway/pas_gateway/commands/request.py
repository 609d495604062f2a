"""`pas request`: an office asks forces about a prisoner, and they answer by a report, or refuse with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pas_gateway.asking import check, list_all, note_consulted
from pas_gateway.commands.elsewhere import ask_elsewhere, ask_inbox
from pas_gateway.commands.register import open_register
from pas_gateway.inquiries import PROTECTED, check_answerer, check_request
from pas_gateway.office import PasOffice
from pas_schemas.directory import PAS
from pas_schemas.errors import MisuseError
from pas_schemas.identifiers import is_nomis
from pas_schemas.models.request import InformationRequest, RequestAnswer
from pas_schemas.models.words import LEGAL_BASES, PURPOSES, REQUEST_KINDS
from pas_transport.open_cases import build, choose_signer, send, sign
from pas_transport.passphrases import read_passphrase, signing_options
from pas_transport.rules import load_rulebook
from pas_transport.sending import send_statement
from pas_transport.session import OFFICE, Session, as_option, pass_session

_signing = signing_options("signed", "Who signs")


@click.group()
def request() -> None:
    """Ask forces for information on a prisoner, and answer what is asked."""


@request.command()
@as_option()
@click.option("--kind", type=click.Choice(REQUEST_KINDS), required=True, help="What kind of request it is.")
@click.option("--subject", "number", required=True, metavar="NUMBER", help="The prisoner: a NOMIS number, or a PNC ID.")
@click.option("--family-name", default=None, metavar="NAME", help="The prisoner's family name.")
@click.option("--given-names", default=None, metavar="NAMES", help="The prisoner's given names.")
@click.option("--date-of-birth", default=None, metavar="DATE", help="The prisoner's date of birth.")
@click.option("--question", "questions", multiple=True, required=True, metavar="TEXT", help="What is asked; may be given again.")
@click.option("--ask", "asked", type=OFFICE, multiple=True, required=True, metavar="OFFICE", help="Who is asked; may be given again.")
@click.option("--purpose", type=click.Choice(PURPOSES), required=True, help="What the information is for.")
@click.option("--legal-basis", type=click.Choice(LEGAL_BASES), required=True, help="On what legal basis it is asked.")
@_signing
@pass_session
def new(
    session: Session, /, office: str, kind: str, number: str, asked: tuple[str, ...], person: str | None, post: str | None,
    passphrase_file: Path | None, **said: Any,
) -> None:  # fmt: skip
    """Ask forces about a prisoner, through PAS. The rulebook says who may ask and be asked, and by when it is due.

    The key of --person is asked for its passphrase. The request is with the forces when the gateway has run.
    """
    names, number = ("family_name", "given_names", "date_of_birth"), number.strip().upper()
    subject = {name: said.pop(name) for name in names} | {"noms_number" if is_nomis(number) else "pnc_id": number}
    snapshot = session.workspace.directory()
    reference, held = choose_signer(snapshot, session.workspace, office, person)
    who = reference, post or held.post
    made = build(InformationRequest, {
        "office": office, "person": who[0], "post": who[1], "kind": kind, "subject": subject, "asked": asked, **said,
        "at": session.workspace.clock.now(),
    })  # fmt: skip
    check_request(made, held, snapshot, load_rulebook(session.workspace))
    data = sign(session.workspace, made, read_passphrase(passphrase_file))
    if kind == PROTECTED:
        # The answer goes to the compartment, which must know who was asked: first, for what it alone hears of asks nobody anything.
        send_statement(session.workspace, office, data, apart=True)
    name = send(session.workspace, office, data)[:16].hex()
    session.console.emit({"request": name, "kind": kind, "office": office, "asked": list(asked), "person": who[0]})
    session.console.say(f"{name}: {kind} signed by {who[0]} and sent.", "good")


@request.command()
@click.argument("request", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_option()
@_signing
@pass_session
def answer(
    session: Session, /, request: str, file: Path, office: str, person: str | None, post: str | None, passphrase_file: Path | None
) -> None:
    """Answer request ID with the report in FILE: it is published, and decided like any other.

    It must be on the prisoner asked about, and addressed to the office that asks. ID may be shortened as long as it stays unique.
    """
    found = _find(_own_requests(session, office), request, office)
    who = _find_answerer(session, office, person, post)
    words = read_passphrase(passphrase_file)
    # A wrong passphrase is found before anything is published.
    session.workspace.keyring(office).person_key(who[0], words)
    urn, report = ask_elsewhere("pas.answers", "This installation publishes nothing.", session.workspace, office, file, found)
    said = {"request": bytes.fromhex(found["request"]), "choice": "ANSWER", "urn": urn, "report": report}
    made = build(RequestAnswer, {**said, "office": office, "person": who[0], "post": who[1], "at": session.workspace.clock.now()})
    data = sign(session.workspace, made, words)
    send(session.workspace, office, data)
    if found["kind"] == PROTECTED:
        # The report went to the compartment, which alone can say when the office that asks holds it.
        send_statement(session.workspace, office, data, apart=True)
    session.console.emit({"request": found["request"], "choice": "ANSWER", "urn": urn, "office": office, "person": who[0]})
    session.console.say(f"{found['request']}: answered by {urn}, signed by {who[0]} and sent.", "good")


@request.command()
@click.argument("request", metavar="ID")
@click.option("--as", "office", type=OFFICE, default=PAS, metavar="OFFICE", help="The office that was asked; PAS refuses for all of them.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; the office that asks reads it.")
@click.option("--legal-basis", type=click.Choice(LEGAL_BASES), required=True, help="On what legal basis it is refused.")
@_signing
@pass_session
def refuse(
    session: Session, /, request: str, office: str, reason: str, legal_basis: str, person: str | None, post: str | None,
    passphrase_file: Path | None,
) -> None:  # fmt: skip
    """Refuse request ID, with a reason and a legal basis."""
    rows = _all_requests(session, every=True) if office == PAS else _own_requests(session, office)
    found = _find(rows, request, office)
    who = _find_answerer(session, office, person, post)
    made = build(RequestAnswer, {
        "request": bytes.fromhex(found["request"]), "office": office, "person": who[0], "post": who[1], "choice": "REFUSE",
        "reason": reason, "legal_basis": legal_basis, "at": session.workspace.clock.now(),
    })  # fmt: skip
    data = sign(session.workspace, made, read_passphrase(passphrase_file))
    if office == PAS:
        check(open_register(session)[0], PasOffice.of(session.workspace), data, made)
    send(session.workspace, office, data)
    session.console.emit({"request": found["request"], "choice": "REFUSE", "office": office, "person": who[0]})
    session.console.say(f"{found['request']}: refused, signed by {who[0]} and sent.", "good")


@request.command("list")
@click.option("--as", "office", type=OFFICE, default=PAS, metavar="OFFICE", help="PAS, or an office from its own inbox.")
@click.option("--all", "every", is_flag=True, help="Closed requests too.")
@click.option("--person", metavar="REF", default=None, help="Who reads them at PAS with --json (else as in pas.toml).")
@pass_session
def list_(session: Session, office: str, every: bool, person: str | None) -> None:
    """List requests, those due first coming first: at PAS all, elsewhere those the office asked or is asked.

    With --json it says whom each is about, and what is asked; at PAS whoever reads that is on record for it.
    """
    if office == PAS:
        found = _all_requests(session, every=every)
        if session.console.json:
            _go_on_record(session, found, person)
    else:
        found = [row for row in _own_requests(session, office) if every or row["state"] == "OPEN"]
    session.console.emit(found)
    columns = ("request", "kind", "office", "asked", "due", "state")
    rows = [
        [", ".join(f"{one['office']} {one['state']}" for one in row[name]) if name == "asked" else row[name] for name in columns]
        for row in found
    ]
    session.console.table(columns, rows)


def _go_on_record(session: Session, found: list[dict[str, Any]], person: str | None) -> None:
    """Before a word is shown of whom they are about (domain, *Accountability*: consultation)."""
    reader = session.name_person(person, "Who reads whom requests are about is on record.")
    store, _ = open_register(session)
    note_consulted(store, PasOffice.of(session.workspace), found, reader)


def _all_requests(session: Session, *, every: bool) -> list[dict[str, Any]]:
    store, _ = open_register(session)
    return list_all(store, PasOffice.of(session.workspace), only_open=not every)


def _own_requests(session: Session, office: str) -> list[dict[str, Any]]:
    """An office outside PAS has its requests in its own inbox."""
    found: list[dict[str, Any]] = ask_inbox("pas.office_requests", session, office)
    return found


def _find_answerer(session: Session, office: str, person: str | None, post: str | None) -> tuple[str, str]:
    """Who answers, and as what, asked before anything goes out; raises RefusedStatementError for somebody without the role."""
    reference, held = choose_signer(session.workspace.directory(), session.workspace, office, person)
    check_answerer(office, held, load_rulebook(session.workspace))
    return reference, post or held.post


def _find(rows: list[dict[str, Any]], request: str, office: str) -> dict[str, Any]:
    """The request of that id, or the beginning of it, that this office was asked; the gateway asks the same again."""
    asked = [row for row in rows if office == PAS or any(one["office"] == office for one in row["asked"])]
    found = [row for row in asked if row["request"].startswith(request.lower())]
    if len(found) != 1:
        sentence = "There is no such request that this office was asked." if not found else "Several requests begin with that id."
        raise MisuseError(sentence, "see `pas request list`")
    return found[0]
