"""`pas keys new`: an office makes its own keys and a request that PAS takes into the directory."""

from __future__ import annotations

from pathlib import Path

import click

from pas_transport.session import OFFICE, Session, pass_session


@click.group()
def keys() -> None:
    """Make an office's keys where they are used."""


@keys.command("new")
@click.option("--office", type=OFFICE, required=True, metavar="OFFICE", help="Whose keys these are.")
@click.option("--again", is_flag=True, help="Make new keys beside those that are there; the old ones still open what was sealed to them.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", help="Where to write the request.")
@pass_session
def new(session: Session, office: str, again: bool, out: Path | None) -> None:
    """Make keys for OFFICE (files of mode 0600) and a signed request for the directory.

    Send the request to PAS, and tell the fingerprint by another way: PAS runs `pas directory add REQUEST --fingerprint F`.
    """
    from pas_transport.making import make_request

    workspace = session.workspace
    path, request = make_request(workspace, office, again, out)
    session.console.emit({"office": office, "request": str(path), "fingerprint": request.fingerprint})
    session.console.say(f"Keys of {office} made.", "good")
    session.console.say(f"Request:     {path}")
    session.console.say(f"Fingerprint: {request.fingerprint}", "strong")
    session.console.say("Send the request to PAS, and tell the fingerprint by another way.")
