"""What a run of a command did, counted, and told as the JSON and the table that it prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click

from pas_producers.results import Refused
from pas_transport.cli import REFUSED
from pas_transport.console import Console

# What a person can take in at once; `--json` lists every refusal.
ROWS_SHOWN = 50
NAMED_ON_STDERR = 20
_URN_SHOWN = 60


@dataclass
class Tally:
    """Counts, and every refusal with its place."""

    names: tuple[str, ...]
    hints: Mapping[str, str]
    counts: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[str, int, Refused]] = field(default_factory=list)
    failed: bool = False

    def count(self, word: str) -> None:
        """One more of `word`, one of the names."""
        self.counts[word] = self.counts.get(word, 0) + 1

    def refuse(self, file: str, line: int, refused: Refused) -> None:
        """One more refusal."""
        self.refused.append((file, line, refused))

    @property
    def read(self) -> int:
        return sum(self.counts.values()) + len(self.refused)

    def close(self, console: Console, *, with_urn: bool, dry: bool = False) -> None:
        """Prints what was done, and ends the command with exit 1 if anything was refused or failed."""
        console.emit({"read": self.read, **{name: self.counts.get(name, 0) for name in self.names}, "refused": self._entries(with_urn)})
        told = ", ".join(f"{self.counts.get(name, 0)} {name}" for name in self.names)
        if dry:
            told = f"{self.counts.get('passed', 0)} would be published, nothing was"
        console.say(f"{self.read} read: {told}, {len(self.refused)} refused.", "bad" if self.refused else "good")
        if self.refused:
            self._show(console, with_urn)
            _complain(console, self.refused, self.hints)
        if self.refused or self.failed:
            raise click.exceptions.Exit(REFUSED)

    def _entries(self, with_urn: bool) -> list[dict[str, object]]:
        return [
            {"file": file, "line": line, **({"urn": refused.urn} if with_urn else {}), "code": refused.code, "why": refused.why}
            for file, line, refused in self.refused
        ]

    def _show(self, console: Console, with_urn: bool) -> None:
        columns = ["File", "Line", *(["URN"] if with_urn else []), "Code", "Why"]
        rows = [
            [file, line, *([(refused.urn or "")[:_URN_SHOWN]] if with_urn else []), refused.code, refused.why]
            for file, line, refused in self.refused[:ROWS_SHOWN]
        ]
        console.table(columns, rows)
        if len(self.refused) > ROWS_SHOWN:
            console.say(f"... and {len(self.refused) - ROWS_SHOWN} more: --json lists them all.", "quiet")


def _complain(console: Console, refused: Sequence[tuple[str, int, Refused]], hints: Mapping[str, str]) -> None:
    """Names on stderr what nobody else will hear of, says once of each rule how to mend what it refused, and that something was."""
    unheard = [entry for entry in refused if not entry[2].recorded]
    for file, line, found in unheard[:NAMED_ON_STDERR]:
        console.fail(f"{file}, line {line}: {found.why}")
    if len(unheard) > NAMED_ON_STDERR:
        console.fail(f"... and {len(unheard) - NAMED_ON_STDERR} more.")
    for rule, struck in Counter(rule for _, _, found in refused for rule in found.rules).items():
        if rule in hints:
            console.fail(f"{rule} refuses {'1 line' if struck == 1 else f'{struck} lines'}.", hints[rule])
    count = len(refused)
    sentence = "1 line was refused" if count == 1 else f"{count} lines were refused"
    console.fail(f"{sentence}; the others are done.", "mend and publish again: what is published is not published twice")
