"""`pas gateway run`: the PAS gateway itself."""

from __future__ import annotations

import click

from pas_gateway.supervisor import Supervisor
from pas_transport.session import Session, compartment_option, pass_session


@click.group()
def gateway() -> None:
    """Run the PAS gateway."""


@gateway.command()
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes for reports; one more is for threats.")
@click.option("--until-idle", is_flag=True, help="End when everything was taken in, decided and sent.")
@compartment_option
@pass_session
def run(session: Session, workers: int, until_idle: bool) -> None:
    """Take in, decide, seal and route what waits in the log, and follow what comes.

    With --compartment it is the gateway of the compartment: other keys, another register, another topic.
    """
    supervisor = Supervisor(session.workspace, workers, until_idle)
    done = supervisor.run()
    session.console.emit(done)
    session.console.say(", ".join(f"{name} {value}" for name, value in done.items()))
    if supervisor.stopped:
        raise click.exceptions.Exit(1)
