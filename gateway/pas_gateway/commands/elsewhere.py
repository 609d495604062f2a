"""What offices outside PAS keep in their own inboxes, or publish: other packages know how, and are found by their entry points."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from pas_schemas.directory import PAS
from pas_schemas.errors import MisuseError
from pas_transport.session import Session


def ask_inbox(group: str, session: Session, office: str, *more: str) -> Any:
    """What an office's own inbox tells, without access to PAS's register."""
    return ask_elsewhere(group, "This installation has no inboxes.", session.workspace, office, *more)


def ask_elsewhere(group: str, lacking: str, *arguments: object) -> Any:
    """What the one function of a group of entry points answers; raises MisuseError, saying what is lacking, where there is none."""
    for entry in entry_points(group=group):
        return entry.load()(*arguments)
    raise MisuseError(lacking, "install pas-broker whole")


def refuse_other_owner(session: Session, office: str) -> None:
    """Raises MisuseError for the compartment's case of an office outside PAS."""
    if session.apart and office != PAS:
        raise MisuseError("The compartment's cases are PAS's own.", "leave --as out")
