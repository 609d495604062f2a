"""The one command `pas`: finds the sub-commands of every package and imports one when it is asked for."""

from __future__ import annotations


def main() -> None:
    """Run `pas`."""
