"""`pas policy replay`: what would have been decided under another rulebook."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from pas_gateway.commands.register import open_register
from pas_gateway.office import PasOffice
from pas_gateway.register import history
from pas_gateway.replay import Replay, Tally
from pas_schemas.rulebook import read_rulebook
from pas_transport.files import read_named
from pas_transport.session import Session, pass_session

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command()
@click.option("--rulebook", type=FILE, required=True, metavar="FILE", help="The rulebook to decide by.")
@click.option("--text-rules", type=FILE, default=None, metavar="FILE", help="Its text rules; without it those of this workspace.")
@pass_session
def replay(session: Session, rulebook: Path, text_rules: Path | None) -> None:
    """Decide the register's reports again under another rulebook, and show each verdict and case that would change.

    For PAS only. Each is decided as things stood when it last was: whereabouts, directory, earlier reports, what people decided.
    Nothing is stored.
    """
    workspace = session.workspace
    office = PasOffice.of(workspace)
    rules = read_named(text_rules or workspace.text_rules_path)
    made = Replay(office, read_rulebook(read_named(rulebook), rules), workspace.directory_store.read)
    store, _ = open_register(session)
    with store.reading() as register, session.console.progress("Deciding again", history.count_reports(register)) as advance:
        for done in made.run(register):
            advance(done)
    session.console.emit(asdict(made.tally))
    _say(session, made.tally)


def _say(session: Session, tally: Tally) -> None:
    say = session.console.say
    for row in tally.changed:
        where = f"{row['office']:<14} item {row['item']}" if row["office"] else "nobody"
        say(f"{row['urn']}  {where}  {_word(row['before'])} -> {_word(row['after'])}", "held")
    for row in tally.cases:
        say(f"{row['urn']}  case for {row['owner']}: {_reasons(row['before'])} -> {_reasons(row['after'])}", "held")
    say(f"{tally.read} decided again: {len(tally.changed)} verdicts and {len(tally.cases)} cases would change.")
    if tally.unreadable:
        session.console.warn(f"{tally.unreadable} reports could not be read: their bodies were shredded or are damaged.")
    if tally.unsure:
        session.console.warn(
            f"{tally.unsure} reports that would change were not decided by this workspace's rulebook: more than the rulebook may differ."
        )


def _word(said: dict[str, Any] | None) -> str:
    return f"{said['verdict']} {said['rule']}" if said else "not considered"


def _reasons(reasons: list[str] | None) -> str:
    return ", ".join(reasons) if reasons else "none"
