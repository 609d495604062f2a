"""The application log says what the closed list has and nothing else, in code, in the file and in its documentation."""

from __future__ import annotations

import ast
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from gateway.killing import RunningGateway, until
from pas_gateway.events import EVENTS, Batch, Event
from reading_docs import ROOT, read_table

PACKAGES = [ROOT / part / f"pas_{part}" for part in ("schemas", "transport", "producers", "gateway", "consumers")]
MODULES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
# What each line has beside the event's own fields.
AROUND = {"event", "level", "timestamp", "worker"}


def read_lines(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "gateway.log").read_text().splitlines()]


def told() -> Iterator[tuple[str, ast.expr]]:
    """What each call of `journal.tell` is given."""
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "tell":
                holder = node.func.value
                if (holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")) == "journal":
                    yield path.name, node.args[0]


def test_events_are_all_listed_and_all_told() -> None:
    assert {event.__name__ for event in Event.__subclasses__()} == {event.__name__ for event in EVENTS}
    given = list(told())
    for file, value in given:
        assert isinstance(value, ast.Call), file
        assert ast.unparse(value.func).startswith("events."), file
    assert {ast.unparse(value.func).removeprefix("events.") for _, value in given if isinstance(value, ast.Call)} == {
        event.__name__ for event in EVENTS
    }


def test_nobody_else_writes_to_it() -> None:
    users = {
        path.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and any(alias.name == "structlog" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "structlog")
    }
    assert users == {"journal.py"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name())
def test_fields_are_numbers_words_and_counts(event: type[Event]) -> None:
    hints = get_type_hints(event)
    assert event.level in ("info", "warning", "error")
    assert not AROUND & set(hints) - {"level"}
    for field in hints.keys() - {"level"}:
        assert str(hints[field]) in ("<class 'int'>", "<class 'str'>", "collections.abc.Mapping[str, int]"), field


def test_a_field_that_is_not_listed_is_refused() -> None:
    with pytest.raises(TypeError):
        Batch(records=1, counts={}, urn="01/IR/2015/1")  # type: ignore[call-arg]  # what this test is about


def test_documentation_lists_them_as_they_are() -> None:
    rows = [[cell.replace("`", "") for cell in row] for row in read_table(ROOT / "docs" / "monitoring.md", "The application log")]
    fields = {event: [name for name in get_type_hints(event) if name != "level"] for event in EVENTS}
    assert rows == [[event.name(), event.level, (event.__doc__ or "").strip(), ", ".join(fields[event]) or "none"] for event in EVENTS]


def test_file_holds_nothing_else(estate: Path) -> None:
    """A run with a worker killed in it: each line is an event of the list with its own fields."""
    with RunningGateway(estate) as gateway:
        workers = gateway.await_workers()
        until(lambda: [line["event"] for line in read_lines(estate)].count("worker_started") == 3, "the workers have begun")
        gateway.signal("worker-2", signal.SIGKILL)
        until(lambda: [line["event"] for line in read_lines(estate)].count("worker_started") == 4, "its heir has begun")
        gateway.stop()
    lines = read_lines(estate)
    known = {event.name(): event for event in EVENTS}
    for line in lines:
        event = known[line["event"]]
        assert set(line) == AROUND | (get_type_hints(event).keys() - {"level"}), line
        assert (line["level"], line["worker"]) == (event.level, line["worker"])
        assert line["worker"] in ("supervisor", *workers)
    [fallen] = [line for line in lines if line["event"] == "worker_fell"]
    assert (fallen["fallen"], fallen["code"]) == ("worker-2", -signal.SIGKILL)
    assert (lines[0]["event"], lines[-1]["event"]) == ("gateway_started", "gateway_ended")
