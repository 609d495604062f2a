"""`pas consent`: what PAS asks the originator of a report, and a person's signed answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pas_consumers.cases import Question, list_questions
from pas_schemas.clock import show_time
from pas_schemas.errors import InboxError, MisuseError
from pas_schemas.models.decision import Consent
from pas_schemas.models.words import CONSENT_CHOICES, LEGAL_BASES
from pas_transport.open_cases import build, find_kept, post_of, read_part, read_said, sign_and_send
from pas_transport.passphrases import read_passphrase, signing_options
from pas_transport.session import OFFICE, Session, as_option, pass_session


@click.command()
@click.argument("delivery", required=False, metavar="[ID]")
@as_option()
@click.option("--choice", type=click.Choice(CONSENT_CHOICES), default=None, help="The answer to the question of delivery ID.")
@click.option("--item", type=int, default=None, help="About this item, where the delivery asks about several.")
@click.option("--office", "recipient", type=OFFICE, default=None, metavar="OFFICE", help="About this office, where it asks about several.")
@click.option("--grade", default=None, metavar="B22", help="REGRADE: the new grade, its handling code being 2.")
@click.option("--assessment", default=None, metavar="TEXT", help="REGRADE: the risk assessment's summary.")
@click.option("--authorised-by", default=None, metavar="REF", help="Who authorised the risk assessment.")
@click.option("--authorised-at", default=None, metavar="TIME", help="When.")
@click.option("--reason", default=None, metavar="TEXT", help="Why; it is kept with the answer.")
@click.option("--legal-basis", type=click.Choice(LEGAL_BASES), default=None, help="On what legal basis.")
@signing_options("answered", "Who answers")
@pass_session
def consent(session: Session, /, delivery: str | None, office: str, choice: str | None, passphrase_file: Path | None, **said: Any) -> None:
    """List what OFFICE is asked as an originator, and what was answered from here; with --choice, answer the question of delivery ID.

    The answer is signed with the key of --person, whose passphrase is asked for. It counts when the gateway has run.
    """
    if choice is None and any(value is not None for name, value in {**said, "id": delivery}.items() if name not in {"person", "post"}):
        raise MisuseError("What is answered is not said.", f"give --choice {', '.join(CONSENT_CHOICES)}")
    asked = list_questions(session.workspace, office)
    if choice is None:
        _list(session, office, asked)
        return
    question = _find(asked, delivery, said["item"], said["recipient"])
    if not said["reason"] or not said["legal_basis"]:
        raise MisuseError("An answer has a reason and a legal basis.", "give --reason and --legal-basis")
    person, post = post_of(session.workspace.directory(), session.workspace, office, said["person"], said["post"])
    answer = build(Consent, {
        "delivery": question.delivery.id, "item": question.notice.ref,
        "recipient": None if choice == "REGRADE" else question.notice.office,
        "office": office, "person": person, "post": post, "choice": choice, "grade": said["grade"],
        "assessment": read_part(said, summary="assessment", authorised_by="authorised_by", authorised_at="authorised_at"),
        "reason": said["reason"], "legal_basis": said["legal_basis"], "at": session.workspace.clock.now(),
    })  # fmt: skip
    digest = sign_and_send(session.workspace, answer, read_passphrase(passphrase_file)).hex()
    session.console.emit({"delivery": question.delivery.id.hex(), "choice": choice, "person": person, "statement": digest})
    session.console.say(f"{question.delivery.urn}: {choice} signed by {person} and sent.", "good")
    session.console.say(f"Statement: {digest}")


def _list(session: Session, office: str, asked: list[Question]) -> None:
    kept = [said for _, data in find_kept(session.workspace, office, "") if (said := read_said(Consent, data)) is not None]
    answered = {(said.delivery, said.item, said.recipient): said.choice for said in kept}
    shown = [
        {
            "delivery": one.delivery.id.hex(),
            "urn": one.delivery.urn,
            "asks": one.notice.word,
            "item": one.notice.item,
            "office": one.notice.office,
            "asked_at": show_time(one.delivery.decided_at),
            "answered": next((answered[key] for key in _answers_to(one) if key in answered), None),
        }
        for one in asked
    ]
    session.console.emit(shown)
    session.console.table(("delivery", "urn", "asks", "item", "office", "asked at", "answered"), [list(row.values()) for row in shown])


def _answers_to(one: Question) -> list[tuple[bytes, bytes, str | None]]:
    """By what an answer from here names this question: with the office it is about, or a new grade, which is for everybody."""
    return [(one.delivery.id, one.notice.ref, recipient) for recipient in (one.notice.office, None)]


def _find(asked: list[Question], delivery: str | None, item: int | None, recipient: str | None) -> Question:
    found = [
        one
        for one in asked
        if one.delivery.id.hex().startswith((delivery or "-").lower())
        and item in (None, one.notice.item)
        and recipient in (None, one.notice.office)
    ]
    if not found:
        raise InboxError("Nothing is asked in a delivery of that id.", "`pas consent --as OFFICE` lists what is asked")
    if len(found) > 1:
        raise MisuseError("That delivery asks about several items or offices.", "narrow it with --item and --office")
    return found[0]
