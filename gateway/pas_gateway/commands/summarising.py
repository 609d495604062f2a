"""`pas cases summarise`: a person at PAS writes a Person Escort Record summary, flags and advice, for who moves a prisoner."""

from __future__ import annotations

from pathlib import Path

import click

from pas_gateway.commands.deciding import on_record
from pas_gateway.commands.register import open_register
from pas_gateway.offering import check, find_summarised
from pas_gateway.office import PasOffice
from pas_schemas.directory import PAS
from pas_schemas.errors import MisuseError
from pas_schemas.models.decision import Summary
from pas_schemas.models.words import LEGAL_BASES, RISK_TAGS
from pas_transport.open_cases import build, post_of, send, sign
from pas_transport.passphrases import read_passphrase, signing_options
from pas_transport.session import OFFICE, Session, pass_session

WITHOUT_NUMBER = "have its originator correct the report with it, or end the case by `pas cases decide --choice NOTE`"


@click.command()
@click.argument("case")
@click.option(
    "--flag", "flags", type=click.Choice(RISK_TAGS), multiple=True, help="A head of the form (default: those of the report's tags)."
)
@click.option("--advice", required=True, metavar="TEXT", help="What whoever moves the prisoner should do; no intelligence.")
@click.option(
    "--for", "escorts", type=OFFICE, multiple=True, metavar="OFFICE", help="An escort contractor that gets it; may be given again."
)
@click.option("--custodian", is_flag=True, help="The prison that receives the prisoner gets it too.")
@click.option("--subject", "number", default=None, metavar="NUMBER", help="The prisoner, where the report is on several.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept with the summary.")
@click.option("--legal-basis", type=click.Choice(LEGAL_BASES), required=True, help="On what legal basis.")
@signing_options("written", "Who writes it")
@pass_session
def summarise(
    session: Session, case: str, flags: tuple[str, ...], advice: str, escorts: tuple[str, ...], custodian: bool, number: str | None,
    reason: str, legal_basis: str, post: str | None, person: str | None, passphrase_file: Path | None,
) -> None:  # fmt: skip
    """Write a Person Escort Record summary on the report of CASE, which PAS owns; it answers R-ESCORT there.

    It goes out when the gateway has run: to the contractors until the prisoner is in another prison, then to that prison. A later
    one takes its place.
    """
    with on_record(session, PAS, case, person or session.workspace.settings.person):
        store, _ = open_register(session)
        office = PasOffice.of(session.workspace)
        found = find_summarised(store, office, case)
        numbers = [number] if number is not None else list(found.numbers)
        if not found.numbers:
            raise MisuseError("The report gives no prisoner's NOMIS number, and by it a summary follows him.", WITHOUT_NUMBER)
        if len(numbers) != 1:
            raise MisuseError("The report is on several prisoners.", f"name one with --subject: {', '.join(numbers)}")
        if not (flags or found.flags):
            raise MisuseError("The report's tags suggest no flag.", "give --flag")
        who = post_of(session.workspace.directory(), session.workspace, PAS, person, post)
        said = build(Summary, {
            "case": found.case, "view": found.view, "office": PAS, "person": who[0], "post": who[1], "noms_number": numbers[0],
            "escorts": escorts, "custodian": custodian, "flags": flags or found.flags, "advice": advice, "reason": reason,
            "legal_basis": legal_basis, "at": session.workspace.clock.now(),
        })  # fmt: skip
        data = sign(session.workspace, said, read_passphrase(passphrase_file))
        check(store, office, found.case, data)
    digest = send(session.workspace, PAS, data).hex()
    told = {"case": found.case, "flags": list(said.flags), "escorts": list(escorts), "custodian": custodian, "person": who[0]}
    session.console.emit({**told, "statement": digest})
    session.console.say(f"{found.case}: summary signed by {who[0]} and sent.", "good")
