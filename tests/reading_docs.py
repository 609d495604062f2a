"""Markdown as a reader uses it: blocks to type, links to follow, names to look up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "tests" / "policy" / "README.md", ROOT / "tests" / "vectors" / "README.md"]
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"\s+# exit (\d+)$")
# What differs from run to run: ids (learnt, so that a later command can use them), times of day, seconds, the width of a rule.
_ID = re.compile(r"\b[0-9a-f]{8,64}\b")
_VARYING = [
    (re.compile(r"T?\d\d:\d\d(:\d\d)?(\.\d+)?Z"), "<time>"),
    (re.compile(r"seconds \S+"), "seconds <number>"),
    (re.compile(r"─+"), "─"),
    (re.compile(r"\s+"), " "),
]
ANYTHING = "..."


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str


@dataclass
class Step:
    """One command of a session: what is typed, the exit code, and the lines that must come (`...` stands for any)."""

    command: str
    code: int
    expected: list[str] = field(default_factory=list)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path) -> list[Block]:
    return [Block(language, text) for language, text in _FENCE.findall(path.read_text("utf-8"))]


def prose(path: Path) -> str:
    """The document without its fenced blocks."""
    return _FENCE.sub("", path.read_text("utf-8"))


def read_steps(text: str) -> Iterator[Step]:
    """The commands of a `console` block with what each must print."""
    step: Step | None = None
    for line in text.splitlines():
        if line.startswith("$ "):
            if step:
                yield step
            found = _EXIT.search(line)
            step = Step(_EXIT.sub("", line[2:]), int(found[1]) if found else 0)
        elif step:
            step.expected.append(line)
        else:
            raise AssertionError(f"a console block begins with a command, not with {line!r}")
    if step:
        yield step


def is_help(step: Step) -> bool:
    return step.command.startswith("pas") and step.command.endswith("--help")


class Names:
    """The ids a document shows, and those that stand for them in this run."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}

    def put_into(self, command: str) -> str:
        """The command with every id replaced by the one of this run; a shortened id by one as short."""
        return _ID.sub(lambda found: self._find(found[0]), command)

    def _find(self, shown: str) -> str:
        for known, real in self._real.items():
            if known.startswith(shown):
                return real[: len(shown)]
        return shown

    def matches(self, expected: list[str], printed: list[str]) -> bool:
        """Whether the lines are what was expected; learns the ids that stand where the document shows others."""
        learnt = _match(expected, printed)
        self._real.update(learnt or {})
        return learnt is not None


def _match(expected: list[str], printed: list[str]) -> dict[str, str] | None:
    if not expected:
        return None if printed else {}
    if expected[0].strip() == ANYTHING:
        tried = (_match(expected[1:], printed[at:]) for at in range(len(printed) + 1))
        return next((learnt for learnt in tried if learnt is not None), None)
    here = _match_line(expected[0], printed[0]) if printed else None
    rest = _match(expected[1:], printed[1:]) if here is not None else None
    return None if here is None or rest is None else here | rest


def _match_line(expected: str, printed: str) -> dict[str, str] | None:
    wanted = _plain(expected)
    pattern = re.escape(_ID.sub("<id>", wanted)).replace(re.escape(ANYTHING), ".*").replace(re.escape("<id>"), "([0-9a-f]{8,64})")
    found = re.fullmatch(pattern, _plain(printed))
    return None if found is None else dict(zip(_ID.findall(wanted), found.groups(), strict=True))


def _plain(line: str) -> str:
    for varying, word in _VARYING:
        line = varying.sub(word, line)
    return line.strip()


def read_table(path: Path, heading: str) -> list[list[str]]:
    """The rows of every table below a heading, without the heads."""
    text = re.split(rf"^#{{1,6}} {re.escape(heading)}$", prose(path), maxsplit=1, flags=re.MULTILINE)[1]
    section = re.split(r"^#{1,6} ", text, maxsplit=1, flags=re.MULTILINE)[0]
    lines = section.splitlines()
    heads = {number - 1 for number, line in enumerate(lines) if re.fullmatch(r"\|[-| ]+\|", line)}
    rows = [
        line for number, line in enumerate(lines) if line.startswith("|") and number not in heads and not re.fullmatch(r"\|[-| ]+\|", line)
    ]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
