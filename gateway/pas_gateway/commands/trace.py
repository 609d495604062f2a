"""`pas trace`: everything that happened to a report."""

from __future__ import annotations

import click

from pas_gateway.commands.explain import say_answer
from pas_gateway.commands.register import open_register
from pas_gateway.trace import trace as trace_urn
from pas_transport.session import OFFICE, Session, compartment_option, pass_session


@click.command()
@click.argument("urn")
@click.option("--originator", type=OFFICE, default=None, metavar="OFFICE", help="Whose report, where several have used the URN.")
@compartment_option
@pass_session
def trace(session: Session, urn: str, originator: str | None) -> None:
    """Say everything that happened to the report URN: attempts, verdicts, deliveries, receipts and cases."""
    answer = trace_urn(*open_register(session), urn, originator)
    session.console.emit(answer)
    say_answer(session, answer)
    for attempt in answer["attempts"]:
        session.console.say(f"  {attempt['at']}  {attempt['status']}", "quiet")
