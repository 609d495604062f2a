"""`pas demo`: a whole working system in a folder, a story told in it, and checks that it was told rightly."""

from __future__ import annotations

from pathlib import Path

import click

from pas_schemas.errors import MisuseError
from pas_transport.session import Session, pass_session

FAILED = 1


@click.command()
@click.argument("where", metavar="[DIR]", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--reports", default=300, show_default=True, type=click.IntRange(0, 5000), help="Generated reports beside the story's.")
@click.option("--seed", default=2015, show_default=True, help="The same seed, the same generated world.")
@click.option("--transport", type=click.Choice(["embedded", "kafka"]), default="embedded", show_default=True, help="The log to use.")
@click.option("--bootstrap", metavar="H:P", default=None, help="Kafka brokers (`make kafka` starts one on localhost:9092).")
@pass_session
def demo(session: Session, where: Path | None, reports: int, seed: int, transport: str, bootstrap: str | None) -> None:
    """Play the escape plot and generated reports through a whole system in DIR, and check what came of them.

    Makes an example workspace (./demo; where that is taken, a temporary folder) and leaves it there to look into. Exit 0
    only where every check holds.
    """
    if (transport == "kafka") != (bootstrap is not None):
        raise MisuseError("--transport kafka and --bootstrap go together.", "write `pas demo --transport kafka --bootstrap localhost:9092`")
    from pas_gateway.demo.stage import run_demo

    if not run_demo(session.console, session.name_new(where), reports, seed, bootstrap):
        raise click.exceptions.Exit(FAILED)
