"""What a publisher takes from a workspace: keyrings, its border and the folder of its journals."""

from __future__ import annotations

from pathlib import Path

from pas_producers.checking import Checker
from pas_producers.desk import Desks, FindKeyring
from pas_schemas.directory import Snapshot
from pas_transport.rules import load_rulebook
from pas_transport.workspace import Workspace


def journals_folder(workspace: Workspace) -> Path:
    """Where the journals lie; made when something is first published."""
    return workspace.root / "published"


def find_keyrings(workspace: Workspace, snapshot: Snapshot) -> FindKeyring:
    """Finds an office's keyring without looking for a newer directory for each office."""
    return lambda office: workspace.keyring(office, snapshot)


def open_checker(workspace: Workspace, office: str | None = None) -> Checker:
    """Border and validation without anything to publish to: writes nothing, needs no log."""
    snapshot = workspace.directory()
    find = find_keyrings(workspace, snapshot)
    if office is not None:
        find(office)
    return Checker(snapshot, load_rulebook(workspace), workspace.clock, Desks(snapshot, find), office)
