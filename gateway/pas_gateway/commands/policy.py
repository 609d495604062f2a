"""`pas policy`: the rules that decide, as a person reads them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import click

from pas_gateway.commands.replay import FILE, replay
from pas_gateway.scrutiny import Finding, scrutinise
from pas_schemas.errors import MisuseError
from pas_schemas.reference import read_data
from pas_schemas.rulebook import Cell, Rulebook, shipped_rulebook
from pas_schemas.rules import CODES, COLUMN_WORDS, COLUMNS
from pas_transport.files import read_named
from pas_transport.rules import load_rulebook
from pas_transport.session import Session, pass_session
from pas_transport.workspace import NoWorkspaceError


@click.group()
def policy() -> None:
    """Show the rules that decide who may have what, and prove them."""


@policy.command()
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values: one line for each cell.")
@pass_session
def matrix(session: Session, as_csv: bool) -> None:
    """Print the matrix: what each handling code says of each kind of recipient.

    It is the one of this workspace's rulebook, and outside a workspace that of the rulebook that ships with pas. Gates and
    routing may say a more restrictive word.
    """
    if as_csv and session.console.json:
        raise MisuseError("--csv and --json exclude each other.", "choose one")
    rulebook = _find_rulebook(session)
    cells = list_cells(rulebook)
    session.console.emit({"edition": rulebook.edition, "digest": rulebook.digest, "cells": cells})
    if as_csv:
        for line in _write_csv(cells).splitlines():
            session.console.say(line)
        return
    rows = [[code, *(_show(code, rulebook.matrix[code][column]) for column in COLUMNS)] for code in CODES]
    headings = [f"{column.upper()}\n{COLUMN_WORDS[column]}" for column in COLUMNS]
    session.console.table(["code", *headings], rows, f"Rulebook edition {rulebook.edition}, digest {rulebook.digest[:16]}")
    session.console.say("The own column is read first. A rule is named by code and column: H1-OWN, H2-NONPROS.", "hint")


@policy.command()
@click.argument("file", type=FILE)
@click.option(
    "--text-rules", type=FILE, default=None, metavar="FILE", help="Its text rules; without it text_rules.csv beside FILE, else the shipped."
)
@pass_session
def check(session: Session, file: Path, text_rules: Path | None) -> None:
    """Say what is missing, contradicts itself or can never have an effect in the rulebook FILE.

    Exit 1 where anything is missing or contradicts; warnings alone are exit 0. Nothing is changed, and no workspace is needed.
    """
    found = scrutinise(read_named(file), _text_rules_for(file, text_rules))
    errors = sum(finding.level == "error" for finding in found)
    session.console.emit({"findings": [_as_json(finding) for finding in found], "errors": errors, "warnings": len(found) - errors})
    for finding in found:
        session.console.say(f"{finding.level}: {finding.kind} {finding.place}: {finding.what}", _STYLES[finding.level])
        session.console.say(f"  {finding.why}")
        session.console.say(f"  hint: {finding.hint}", "hint")
    session.console.say(
        f"{errors} errors, {len(found) - errors} warnings." if found else "Nothing is missing, and nothing contradicts itself."
    )
    if errors:
        raise click.exceptions.Exit(1)


_STYLES = {"error": "bad", "warning": "held"}


def _text_rules_for(file: Path, given: Path | None) -> bytes:
    beside = given or file.parent / "text_rules.csv"
    return read_named(beside) if beside.exists() else read_data("text_rules.csv")


def _as_json(finding: Finding) -> dict[str, str]:
    return {**finding._asdict(), "level": finding.level, "why": finding.why, "hint": finding.hint}


policy.add_command(replay)


def list_cells(rulebook: Rulebook) -> list[dict[str, str]]:
    """Every cell with its rule id, its word for an office that was named and its word for any other."""
    return [
        {"rule": f"H{code}-{column.upper()}", "code": code, "column": column, "named": cell.named, "other": cell.other}
        for code in CODES
        for column in COLUMNS
        for cell in [rulebook.matrix[code][column]]
    ]


def _find_rulebook(session: Session) -> Rulebook:
    try:
        return load_rulebook(session.workspace)
    except NoWorkspaceError:
        return shipped_rulebook()


def _show(code: str, cell: Cell) -> str:
    if cell.named == cell.other:
        return cell.named
    # Of code 4 the matrix asks another question than whether the office was addressed.
    return f"{'internal recipient, before review' if code == '4' else 'named'}: {cell.named}\nelse: {cell.other}"


def _write_csv(cells: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, cells[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    return text.getvalue().rstrip("\n")
