"""`pas` as a person types it at a desk, inside this process: a session of many commands costs no process for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.desk import Desk
from pas_transport import cli


@dataclass
class Terminal:
    """Runs commands in a desk's workspace; `run` lets its gateway take in what they sent."""

    desk: Desk
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        (self.desk.workspace.root / "words").write_text("example passphrase\n")

    def __call__(self, *arguments: object, code: int = 0) -> tuple[str, str]:
        """What it printed on stdout and stderr."""
        self.capsys.readouterr()
        done = cli.run([*map(str, arguments), "--workspace", str(self.desk.workspace.root)])
        told = self.capsys.readouterr()
        assert done == code, told.err
        return told.out, told.err

    def json(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json")[0])

    def lines(self, *arguments: object) -> list[Any]:
        return [json.loads(line) for line in self(*arguments, "--json")[0].splitlines()]

    def refused(self, *arguments: object, code: int = 1) -> str:
        """The sentence that a command is refused with, nothing being printed on stdout."""
        out, err = self(*arguments, code=code)
        assert out == ""
        return err

    def sign(self, *arguments: object, person: str) -> tuple[object, ...]:
        """The same arguments with who signs, and the file with the passphrase."""
        return (*arguments, "--person", person, "--passphrase-file", self.desk.workspace.root / "words")
