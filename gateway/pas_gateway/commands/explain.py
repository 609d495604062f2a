"""`pas explain`: what would happen to the reports of a file, and why; nothing is stored."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from pas_gateway.explain import Explainer
from pas_gateway.office import PasOffice
from pas_schemas.errors import MisuseError
from pas_transport.lines import read_lines
from pas_transport.session import Session, at_option, pass_session

_STYLE = {"release": "good", "hold": "held", "refuse": "bad"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@at_option("Judge at this time instead of now; whereabouts and directory count as they stood then.")
@pass_session
def explain(session: Session, file: Path, at: datetime | None) -> None:
    """Say what would happen to the reports of FILE (NDJSON or JSON; - is standard input), line by line, as if published one after
    another.

    For PAS only. Nothing is published and nothing is stored.
    """
    workspace = session.workspace
    office = PasOffice.of(workspace)
    with workspace.log() as log, _open(file) as stream:
        explainer = Explainer.of(office, workspace, log, at or workspace.clock.now())
        for answer in explainer.answers(read_lines(stream)):
            session.console.emit_line(answer)
            say_answer(session, answer)


def _open(path: Path) -> AbstractContextManager[BinaryIO]:
    if path == Path("-"):
        return nullcontext(sys.stdin.buffer)
    try:
        return path.open("rb")
    except OSError as error:
        raise MisuseError(f"{path} cannot be read: {error.strerror}.", "name a file of reports, one JSON object a line") from None


def say_answer(session: Session, answer: dict[str, Any]) -> None:
    """An answer of `explain` or `trace` for a person."""
    say = session.console.say
    say(f"{answer['urn'] or 'line ' + str(answer.get('line'))}  {answer['status']}", "strong")
    for gate in answer["gates"]:
        say(f"  {gate['gate']} ({gate['effect']}): {gate['why']}", "held")
    for outcome in answer["outcomes"]:
        for pair in outcome["items"]:
            told = f"{pair['verdict']:<8} {pair['rule']:<13} {_state(outcome, pair)}{pair['why']}"
            say(f"  {outcome['office']:<14} item {pair['item']}  {told}", _STYLE[pair["verdict"]])
        if outcome["obligations"]:
            say(f"  {outcome['office']:<14} must: {', '.join(outcome['obligations'])}")
    for case in answer["cases"]:
        say(f"  case for {case['owner']}: {', '.join(case['reasons'])}", "held")


def _state(outcome: dict[str, Any], pair: dict[str, Any]) -> str:
    """How far a released item has come, which only `trace` can tell."""
    return f"[{outcome['state']}] " if outcome["state"] and pair["verdict"] == "release" else ""
