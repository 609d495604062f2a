"""Runbooks as they stand in docs/operations.md: their commands, to be typed."""

from __future__ import annotations

from reading_docs import ROOT

OPERATIONS = ROOT / "docs" / "operations.md"


def read_commands(heading: str) -> list[str]:
    """The commands under a heading, block by block."""
    section = OPERATIONS.read_text("utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [part.split("\n```", 1)[0] for part in section.split("```sh\n")[1:]]
