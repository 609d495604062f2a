"""`pas keys new`: an office makes its own keys and a request that PAS takes into the directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from pas_schemas.errors import MisuseError
from pas_schemas.people import ROLES, Role
from pas_transport.passphrases import passphrase_option, read_passphrase
from pas_transport.session import OFFICE, Session, pass_session


@click.group()
def keys() -> None:
    """Make an office's keys where they are used."""


@keys.command("new")
@click.option("--office", type=OFFICE, required=True, metavar="OFFICE", help="Whose keys these are.")
@click.option("--again", is_flag=True, help="Make new keys beside those that are there; the old ones still open what was sealed to them.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", help="Where to write the request.")
@click.option("--person", metavar="REF", default=None, help="Make the signing key of a person there instead, under a passphrase.")
@click.option("--post", metavar="REF", default=None, help="The person's post.")
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, help="What the person may do with cases; may be given again.")
@click.option("--rank", metavar="RANK", default=None, help="The person's rank, as the rulebook writes it.")
@click.option("--recused", metavar="CODE", multiple=True, help="A force or prison the person comes from; may be given again.")
@click.option("--deputy-for", "deputises", metavar="POST", multiple=True, help="A post the person stands in for; may be given again.")
@passphrase_option
@pass_session
def new(
    session: Session, /, office: str, again: bool, out: Path | None, person: str | None, passphrase_file: Path | None, **asked: Any
) -> None:
    """Make keys for OFFICE (files of mode 0600) and a signed request for the directory.

    Send the request to PAS, and tell the fingerprint by another way: PAS runs `pas directory add REQUEST --fingerprint F`.
    With --person and --post: the key of one person, encrypted under a passphrase that is asked for and kept nowhere.
    """
    from pas_transport.making import make_request

    if person is None:
        if passphrase_file or any(asked.values()):
            raise MisuseError("A post, a role or a passphrase is a person's.", "name the person with --person")
        path, request = make_request(session.workspace, office, again, out)
        _report(session, {"office": office}, path, request.fingerprint)
        return
    path, fingerprint = _make_person(session, office, person, again, out, passphrase_file, **asked)
    _report(session, {"office": office, "person": person}, path, fingerprint)


def _make_person(
    session: Session, office: str, person: str, again: bool, out: Path | None, passphrase_file: Path | None,
    post: str | None, roles: Sequence[Role], rank: str | None, recused: Sequence[str], deputises: Sequence[str],
) -> tuple[Path, str]:  # fmt: skip
    from pas_transport.appointing import Post
    from pas_transport.making import make_person_request

    if post is None:
        raise MisuseError("A person holds a post.", "name it with --post")
    wanted = Post(office, post, frozenset(roles), rank, frozenset(recused), frozenset(deputises))
    passphrase = read_passphrase(passphrase_file, new=True)
    path, request = make_person_request(session.workspace, person, wanted, passphrase, again, out)
    return path, request.fingerprint


def _report(session: Session, whose: dict[str, str], path: Path, fingerprint: str) -> None:
    session.console.emit({**whose, "request": str(path), "fingerprint": fingerprint})
    made = f"Key of {whose['person']} at {whose['office']}" if "person" in whose else f"Keys of {whose['office']}"
    session.console.say(f"{made} made.", "good")
    session.console.say(f"Request:     {path}")
    session.console.say(f"Fingerprint: {fingerprint}", "strong")
    session.console.say("Send the request to PAS, and tell the fingerprint by another way.")
