"""`pas cases decide` and `second`: a person's decision on a case, and a second person's agreement, each under the person's own key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click

from pas_gateway.commands.elsewhere import ask_inbox, refuse_other_owner
from pas_gateway.commands.register import open_register
from pas_gateway.hearing import check_shape
from pas_gateway.offering import check, find_open, find_pending, note_refused
from pas_gateway.office import PasOffice
from pas_gateway.signatures import RefusedStatementError
from pas_schemas.border import MAX_LINE_BYTES
from pas_schemas.directory import PAS
from pas_schemas.errors import KeyringError, MisuseError, PasError, RegisterError
from pas_schemas.models.decision import Decision, Second
from pas_schemas.models.words import ASKED, CHOICES, LEGAL_BASES
from pas_transport.files import read_named
from pas_transport.open_cases import OpenCase, build, find_kept, post_of, read_part, read_said, send, sign
from pas_transport.passphrases import read_passphrase, signing_options
from pas_transport.session import OFFICE, Session, compartment_option, pass_session

_CASE: Final = re.compile(r"[0-9a-f]{1,16}")
_OWNER = click.option("--as", "office", type=OFFICE, default=PAS, metavar="OFFICE", help="The owner: PAS, or an office with its own inbox.")
_WHY = click.option("--reason", required=True, metavar="TEXT", help="Why; it is kept with the decision.")


@contextmanager
def on_record(session: Session, office: str, case: str | None, person: str | None) -> Iterator[None]:
    """What PAS's own person tries in vain is in PAS's audit, as what the gateway refuses is: a wrong passphrase, a case decided already."""
    try:
        yield
    except (RefusedStatementError, KeyringError, RegisterError) as refused:
        word = refused.word if isinstance(refused, RefusedStatementError) else "KEY" if isinstance(refused, KeyringError) else "CASE"
        named = case if case is not None and _CASE.fullmatch(case) else ""
        # Whoever cannot reach the register is told of the first failure.
        with suppress(PasError):
            if office == PAS:
                note_refused(open_register(session)[0], PasOffice.of(session.workspace), named, person, word)
        raise


@click.command()
@click.argument("case")
@click.option("--choice", type=click.Choice(CHOICES), required=True, help="What is decided.")
@click.option("--item", "items", type=int, multiple=True, help="Of this item alone; may be given again.")
@click.option("--office", "offices", type=OFFICE, multiple=True, metavar="OFFICE", help="For this office alone; may be given again.")
@click.option("--all", "everything", is_flag=True, help="Everything that waits in the case.")
@click.option("--unmatched", is_flag=True, help="RELEASE: a correction itself, though the report it corrects has not come.")
@click.option("--ask", "asks", type=click.Choice(ASKED), default=None, help="RETURN: what the originator is asked.")
@click.option("--text-file", type=click.Path(path_type=Path, exists=True), default=None, help="SANITISE: the text in the item's place.")
@click.option("--grade", default=None, metavar="B21", help="SANITISE: its grade; RELEASE by who evaluates: the grade it gives the item.")
@click.option("--assessment", default=None, metavar="TEXT", help="The risk assessment's summary, for a grade of code 2 or 3.")
@click.option("--authorised-by", default=None, metavar="REF", help="Who authorised the risk assessment.")
@click.option("--authorised-at", default=None, metavar="TIME", help="When.")
@click.option("--officer", default=None, metavar="REF", help="ACCEPT_SILENCE: who answers for the risk.")
@click.option("--rank", default=None, metavar="RANK", help="ACCEPT_SILENCE: that officer's rank.")
@click.option("--until", default=None, metavar="DATE", help="ACCEPT_SILENCE: when the case opens again.")
@click.option("--permission", default=None, metavar="REF", help="The reference of a permission to release what is derived from ViSOR.")
@click.option("--given-by", default=None, metavar="REF", help="Who gave that permission.")
@click.option("--given-at", default=None, metavar="DATE", help="When.")
@click.option("--legal-basis", type=click.Choice(LEGAL_BASES), required=True, help="On what legal basis.")
@_OWNER
@signing_options("decided", "Who decides")
@_WHY
@compartment_option
@pass_session
def decide(
    session: Session, /, case: str, office: str, person: str | None, post: str | None, passphrase_file: Path | None, **said: Any
) -> None:
    """Decide on CASE, or a part of it. It counts when the gateway has run, and where two must sign, when the second has.

    Who is to end the silence before a Governor (R-SENIORITY) names that Governor with --office; of a code 5 item its originator is asked
    first, by RETURN and --ask CONSENT.

    The key of --person is asked for its passphrase, signs this one decision, and is forgotten.
    """
    with on_record(session, office, case, person or session.workspace.settings.person):
        asked = _find(session, office, case)
        who = post_of(session.workspace.directory(), session.workspace, office, person, post)
        decision = build(Decision, _decision(session, asked, who, said))
        check_shape(decision)
        data = sign(session.workspace, decision, read_passphrase(passphrase_file))
        if office == PAS:
            store, _ = open_register(session)
            check(store, PasOffice.of(session.workspace), asked.case, data)
    digest = send(session.workspace, office, data).hex()
    session.console.emit({"case": asked.case, "choice": said["choice"], "person": who[0], "statement": digest})
    session.console.say(f"{asked.case}: {said['choice']} signed by {who[0]} and sent.", "good")
    session.console.say(f"Statement: {digest}")


def _decision(session: Session, asked: OpenCase, who: tuple[str, str], said: dict[str, Any]) -> dict[str, Any]:
    """The values of a decision, as the options tell them."""
    choice, text = said["choice"], said["text_file"]
    if said["unmatched"] and choice != "RELEASE":
        raise MisuseError("--unmatched goes with RELEASE.", "leave it out")
    noted = choice in ("NOTE", "ACCEPT_SILENCE") or said["unmatched"]
    silence = {"R-SENIORITY"}
    reasons = (
        ("R-NOBODY",)
        if said["unmatched"]
        else tuple(one for one in asked.reasons if (one in silence) == (choice == "ACCEPT_SILENCE"))
        if noted
        else ()
    )
    whole = choice == "RETURN" and not said["items"] and not said["offices"]
    pairs = () if noted or whole else asked.choose(said["items"], said["offices"], said["everything"])
    return {
        "case": asked.case, "view": asked.view, "office": asked.office, "person": who[0], "post": who[1], "choice": choice,
        "pairs": pairs, "reasons": reasons, "text": read_text(text) if text else None,
        "assessment": read_part(said, summary="assessment", authorised_by="authorised_by", authorised_at="authorised_at"),
        "permission": read_part(said, reference="permission", given_by="given_by", given_at="given_at"),
        **{name: said[name] for name in ("asks", "grade", "officer", "rank", "until", "reason", "legal_basis")},
        "at": session.workspace.clock.now(),
    }  # fmt: skip


def read_text(path: Path) -> str:
    try:
        # It stands in the place of a report's text.
        return read_named(path, MAX_LINE_BYTES).decode("utf-8").strip()
    except UnicodeDecodeError:
        raise MisuseError("The text cannot be read.", "name a file of UTF-8 text") from None


@click.command()
@click.argument("case", required=False)
@click.option("--statement", default=None, metavar="ID", help="The statement to agree with (default: the newest on CASE).")
@_OWNER
@signing_options("decided", "Who decides")
@_WHY
@compartment_option
@pass_session
def second(
    session: Session, /, case: str | None, office: str, statement: str | None, person: str | None, post: str | None, reason: str,
    passphrase_file: Path | None,
) -> None:  # fmt: skip
    """Agree with another person's decision on CASE, as the second of two."""
    if case is None and statement is None:
        raise MisuseError("It must be said what is agreed with.", "name a case, or a statement with --statement")
    with on_record(session, office, case, person or session.workspace.settings.person):
        who = post_of(session.workspace.directory(), session.workspace, office, person, post)
        digest, shown = _find_statement(session, office, case, statement or "")
        session.console.say(f"Agreeing with {digest.hex()[:16]}: {shown}")
        said = {"statement": digest, "office": office, "person": who[0], "post": who[1], "reason": reason}
        data = sign(session.workspace, build(Second, {**said, "at": session.workspace.clock.now()}), read_passphrase(passphrase_file))
        if office == PAS and case is not None:
            store, _ = open_register(session)
            check(store, PasOffice.of(session.workspace), case, data)
    sent = send(session.workspace, office, data).hex()
    session.console.emit({"statement": sent, "agrees_with": digest.hex(), "person": who[0]})
    session.console.say(f"Signed by {who[0]} and sent.", "good")


def _find_statement(session: Session, office: str, case: str | None, prefix: str) -> tuple[bytes, str]:
    """The digest of what is agreed with, and what it decides in a line."""
    if office == PAS and case is not None:
        store, _ = open_register(session)
        pending = [(one.digest, one.data) for one in find_pending(store, PasOffice.of(session.workspace), case)]
    else:
        pending = [one for one in find_kept(session.workspace, office, prefix) if case is None or _is_on(one[1], case)]
    found = [one for one in pending if one[0].hex().startswith(prefix.lower())]
    if not found:
        raise MisuseError("No such decision waits for a second person.", "see `pas cases list`, or name its --statement")
    digest, data = found[-1]
    decision = read_said(Decision, data)
    if decision is None:
        return digest, "a consent"
    offices = ", ".join(sorted({pair.office for pair in decision.pairs})) or ", ".join(decision.reasons)
    return digest, f"{decision.choice} for {offices or 'the case'} by {decision.person}: {decision.reason}"


def _is_on(data: bytes, case: str) -> bool:
    decision = read_said(Decision, data)
    return decision is not None and decision.case.startswith(case)


def _find(session: Session, office: str, case: str) -> OpenCase:
    """PAS's case in the register, another owner's in its own inbox."""
    refuse_other_owner(session, office)
    if office == PAS:
        store, _ = open_register(session)
        return find_open(store, PasOffice.of(session.workspace), case)
    found: OpenCase = ask_inbox("pas.open_cases", session, office, case)
    return found
