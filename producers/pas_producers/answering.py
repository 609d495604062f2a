"""The report that answers a request: a report like any other, published by the office that was asked."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from pas_producers.errors import PublishError
from pas_producers.publisher import Publisher
from pas_producers.results import Refused
from pas_schemas.errors import MisuseError
from pas_transport.lines import read_lines
from pas_transport.workspace import Workspace


def publish_answer(workspace: Workspace, office: str, path: Path, request: dict[str, Any]) -> tuple[str, bytes]:
    """URN and id of the one report in a file, once the log has it; raises MisuseError where it cannot answer that request.

    Published twice, it is one report.
    """
    raw = _read(path)
    _check(raw, request)
    with Publisher.of(workspace, office) as publisher:
        [outcome] = publisher.publish([raw]).outcomes
    if isinstance(outcome, Refused):
        raise PublishError(f"The report was refused ({outcome.code}): {outcome.why}", "mend it and answer again")
    return outcome.urn, outcome.report_id


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            # A second record is enough to see that there is not one alone.
            [line] = islice(read_lines(stream), 2)
        raw = line.parse()
    except (OSError, ValueError):
        raise MisuseError("The file does not hold one report as JSON.", "write the answer as `pas publish` takes it") from None
    if not isinstance(raw, dict):
        raise MisuseError("The file does not hold one report as JSON.", "write the answer as `pas publish` takes it")
    return raw


def _check(raw: dict[str, Any], request: dict[str, Any]) -> None:
    """Asked before anything is published: who is addressed and whom it is about. Its other values are the border's to judge."""
    asker, about = request["office"], request["subject"]
    items = raw.get("items")
    parts = [raw, *(items if isinstance(items, list) else [])]
    named = [name for part in parts if isinstance(part, dict) for name in _list(part, "addressees")]
    if asker not in named and asker.partition(":")[0] not in named:
        raise MisuseError("The report is not addressed to the office that asks.", f"address it to {asker}")
    subjects = [one for one in _list(raw, "subjects") if isinstance(one, dict)]
    if not any(about[number] is not None and one.get(number) == about[number] for one in subjects for number in ("noms_number", "pnc_id")):
        raise MisuseError("The report is not on the prisoner asked about.", "name the prisoner as the request does")


def _list(part: dict[str, Any], name: str) -> list[Any]:
    value = part.get(name)
    return value if isinstance(value, list) else []
