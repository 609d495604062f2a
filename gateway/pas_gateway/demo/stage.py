"""The whole demo: played, shown, and checked by itself."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from pas_gateway.demo import show
from pas_gateway.demo.checks import check_all
from pas_gateway.demo.playing import Played
from pas_gateway.demo.run import play
from pas_transport.console import Console

DEFAULT_FOLDER = "demo"


def run_demo(console: Console, folder: Path | None, reports: int, seed: int, bootstrap: str | None = None) -> bool:
    """Plays, shows and checks the demo; whether every check holds. Raises a PasError where it cannot be played to its end."""
    started = time.monotonic()
    root = choose_folder(folder)
    if not console.json:
        show.show_start(console, root, seed, reports)
    played = play(root, reports, seed, os.environ, console.warn, lambda step: show.show_step(console, step), bootstrap)
    _show(console, played)
    console.say()
    checks = []
    for check in check_all(played):
        checks.append(check)
        show.show_check(console, check)
    failed = [check for check in checks if not check.holds]
    seconds = time.monotonic() - started
    show.show_end(console, root, seconds, failed)
    console.emit(show.summarise(played, checks, seconds))
    return not failed


def choose_folder(folder: Path | None) -> Path:
    """The folder asked for; else ./demo, or a new temporary folder where ./demo is taken."""
    if folder is not None:
        return folder.absolute()
    here = Path.cwd() / DEFAULT_FOLDER
    return here if not here.exists() else Path(tempfile.mkdtemp(prefix="pas-demo-")) / DEFAULT_FOLDER


def _show(console: Console, played: Played) -> None:
    show.show_story(console, played)
    show.show_withheld(console, played)
    show.show_transfer(console, played)
    show.show_cases(console, played.closing)
    show.show_counts(console, played)
