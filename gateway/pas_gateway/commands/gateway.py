"""`pas gateway run`: the PAS gateway itself."""

from __future__ import annotations

import click

from pas_gateway.supervisor import Supervisor, open_nursery
from pas_transport.rules import warn_of_calendar
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
    warn_of_calendar(session.workspace)
    with open_nursery(session.workspace) as nursery:
        supervisor = Supervisor(session.workspace, nursery, workers, until_idle)
        done = supervisor.run()
    session.console.emit(done)
    session.console.say(", ".join(f"{name} {value}" for name, value in done.items()))
    if supervisor.stopped:
        raise click.exceptions.Exit(1)


@gateway.command("accept-topic")
@click.argument("topic")
@click.argument("partition", type=click.IntRange(0))
@click.option("--person", metavar="REF", default=None, help="Who at PAS says so (else as in pas.toml).")
@pass_session
def accept(session: Session, topic: str, partition: int, person: str | None) -> None:
    """Read PARTITION of TOPIC, which stopped, from its first record: it was made anew or restored, and what was lost is known.

    On record in the audit. A gateway that runs reads on once it is started again.
    """
    from pas_gateway.accepting import accept_topic
    from pas_gateway.commands.register import open_register
    from pas_gateway.office import PasOffice
    from pas_transport.log import Partition

    store, _ = open_register(session)
    with session.workspace.log() as log:
        said = person or session.workspace.settings.person or ""
        first = accept_topic(log, store, PasOffice.of(session.workspace), Partition(topic, partition), said)
    session.console.emit({"topic": topic, "partition": partition, "next": first})
    session.console.say(f"{topic} partition {partition} is read from {first} on.", "good")
