"""`pas init DIR`: a workspace with an example estate, ready for every other command."""

from __future__ import annotations

import os
from pathlib import Path

import click

from pas_schemas.errors import MisuseError
from pas_transport.session import Session, pass_session


@click.command()
@click.argument("where", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--transport", type=click.Choice(["embedded", "kafka"]), default="embedded", show_default=True, help="The log to use.")
@click.option("--bootstrap", metavar="H:P", default=None, help="Kafka brokers, host:port and commas between them.")
@pass_session
def init(session: Session, where: Path, transport: str, bootstrap: str | None) -> None:
    """Make a workspace in DIR: an example estate of 43 forces and every prison, with keys, directory and rulebook.

    All private keys of an example lie in one place, so production refuses them: see `pas keys new` for real ones.
    """
    if (transport == "kafka") != (bootstrap is not None):
        raise MisuseError("--transport kafka and --bootstrap go together.", "write `pas init DIR --transport kafka --bootstrap host:9092`")
    from pas_transport.founding import found_workspace
    from pas_transport.workspace import open_workspace

    session.name_new(where)
    root = where.absolute()
    snapshot = found_workspace(root, transport, bootstrap, os.environ)
    # This is the first command that sees PAS_CLOCK, if it is set.
    open_workspace(root, session.console.warn)
    session.console.emit({"workspace": str(root), "offices": len(snapshot.offices), "directory_version": snapshot.version})
    session.console.say(f"{root}: {len(snapshot.offices)} offices, directory version {snapshot.version}.", "good")
    session.console.say("An example: its private keys all lie in keys/, and production refuses them.")
