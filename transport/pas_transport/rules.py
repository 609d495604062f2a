"""The rulebook of a workspace and its text rules, as they lie there."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from pas_schemas.errors import RulebookError
from pas_schemas.rulebook import Rulebook, digest_of, read_rulebook
from pas_transport.files import read_whole

if TYPE_CHECKING:
    from pas_transport.workspace import Workspace


# In so much time before its last holiday a rulebook gets those of the next year.
TOLD_BEFORE = timedelta(days=60)


def load_rulebook(workspace: Workspace) -> Rulebook:
    """Raises RulebookError where the files cannot be read or enforced."""
    return read_rulebook(*_read(workspace))


def find_calendar_end(rulebook: Rulebook) -> datetime | None:
    """When the last holiday it names begins; None for one that names none, which is meant so."""
    last = rulebook.calendar.last
    return None if last is None else datetime.combine(last, time(), UTC)


def warn_of_calendar(workspace: Workspace) -> None:
    """Warns from some time before the rulebook's last holiday on. Raises RulebookError."""
    last = find_calendar_end(load_rulebook(workspace))
    if last is not None and workspace.clock.now() > last - TOLD_BEFORE:
        workspace.warn(
            f"The rulebook names no holiday after {last.date()}: from then on deadlines in working days come too soon.",
            "add the next years' to [calendar] in rulebook.toml",
        )


def digest_rulebook(workspace: Workspace) -> str:
    """The digest of whatever the files hold, which a rulebook has that was read from them; RulebookError where they cannot be read."""
    return digest_of(*_read(workspace))


def _read(workspace: Workspace) -> tuple[bytes, bytes]:
    try:
        return read_whole(workspace.rulebook_path), read_whole(workspace.text_rules_path)
    except OSError as error:
        raise RulebookError(f"The rulebook cannot be read: {error.strerror}.", "restore rulebook.toml and text_rules.csv") from None
