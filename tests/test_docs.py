"""The documentation is executed: its sessions are typed, its help compared, and every name in it looked up."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO
from urllib.parse import unquote

import click
import pytest

from forked_pas import PAS
from pas_consumers.watching import TOLD
from pas_gateway.demo.checks import CHECKS
from pas_schemas.rules import OBLIGATIONS, SENTENCES
from pas_schemas.topics import SHARED_TOPICS, Topic, deliveries
from pas_transport.cli import pas as root_command
from pas_transport.cli import run
from pas_transport.settings import FOR_TESTS, NO_SETTINGS, PREFIX, Settings
from reading_docs import DOCUMENTS, ROOT, Names, Step, blocks, is_help, name, prose, read_steps, read_table

README, COMMANDS_PAGE = ROOT / "README.md", ROOT / "docs" / "commands.md"
THREATS, LIFE = ROOT / "docs" / "threat-model.md", ROOT / "docs" / "life-of-a-report.md"
OWN = [path for path in DOCUMENTS if path.parent.parent != ROOT / "tests"]
SESSIONS = (README, ROOT / "docs" / "walkthrough.md")
DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
WRITE = "PAS_TEST_WRITE_DOCS"
FOLDERS = ("schemas", "transport", "producers", "gateway", "consumers", "tests")
SOURCES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]

_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:schemas|transport|producers|gateway|consumers|tests|docs|deploy|benchmarks)/[\w./-]*")
_TEST = re.compile(r"(tests/[\w./-]+\.py)::(\w+)")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_RULE = re.compile(r"\b(?:[GVR]-[A-Z0-9]+(?:-[A-Z0-9]+)*|H[1-5]?-[A-Z]+)\b")


def played(path: Path) -> list[Step]:
    """What of a document is typed; help is compared without a process for each."""
    steps = [step for block in blocks(path) if block.language == "console" for step in read_steps(block.text)]
    return [step for step in steps if not is_help(step)]


def leaves(command: click.Command = root_command, path: str = "pas") -> Iterator[tuple[str, click.Command]]:
    """Every command and group, by what a person types."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found is not None
            yield from leaves(found, f"{path} {word}")


@cache
def commands() -> dict[str, click.Command]:
    return dict(leaves())


# --- sessions -------------------------------------------------------------------------------------------------------


# Nearly all of it is processes that start: on a busy machine four times as long as on a quiet one.
@pytest.mark.long
def test_sessions_go_as_the_documents_show(tmp_path: Path) -> None:
    """Typed in a folder that looks like a clone; the walkthrough goes on where the README stops."""
    names = Names()
    with shell(tmp_path) as typed:
        for path, step in [(document, step) for document in SESSIONS for step in played(document)]:
            command = names.put_into(step.command)
            code, printed = typed(command)
            assert code == step.code, f"{name(path)}: `{command}` ended with {code}:\n" + "\n".join(printed)
            shown = names.matches(step.expected, printed)
            assert shown, f"{name(path)}: `{command}` printed:\n" + "\n".join(printed)


def test_no_session_is_left_out() -> None:
    assert {path for path in OWN if played(path)} == set(SESSIONS)


@contextmanager
def shell(folder: Path) -> Iterator[Callable[[str], tuple[int, list[str]]]]:
    """A bash in a folder that looks like a clone; call it with a command for its exit code and lines."""
    for entry in ROOT.iterdir():
        if entry.name not in {".git", ".venv"}:
            (folder / entry.name).symlink_to(entry)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PAS_")}
    environment = kept | {"PATH": f"{PAS.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder), "NO_COLOR": "1"}
    with subprocess.Popen(
        ["bash", "--noprofile", "--norc"], cwd=folder, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as bash:  # fmt: skip
        assert bash.stdin
        assert bash.stdout
        yield lambda command: _type(bash.stdin, bash.stdout, command)
        bash.stdin.close()


def _type(stdin: IO[str], stdout: IO[str], command: str) -> tuple[int, list[str]]:
    stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\036%d\\n' $?\n")
    stdin.flush()
    printed: list[str] = []
    for line in stdout:
        text, mark, code = line.rstrip("\n").partition("\x1e")
        if text or not mark:
            printed.append(text)
        if mark:
            return int(code), [one.rstrip() for one in printed if one.strip()]
    raise AssertionError("the shell ended")


def test_the_readme_shows_what_the_demo_prints() -> None:
    """Its steps and checks by name; the demo itself is played in tests/gateway and tests/sessions."""
    source = "".join(file.read_text("utf-8") for file in (ROOT / "gateway" / "pas_gateway" / "demo").glob("*.py"))
    shown = [line for block in blocks(README) if block.language == "text" for line in block.text.splitlines()]
    told = [re.split(r" {2,}", line.removeprefix("✓").strip())[0] for line in shown]
    assert all(line.startswith("✓ ") for line in shown)
    assert set(told) >= {check for check, _ in CHECKS}
    for line in set(told) - {check for check, _ in CHECKS}:
        words = line.replace("A4821DK from WSI to BAI", "").replace("2 workers", "").split(":")[0].strip()
        assert words in source, line


# --- help -----------------------------------------------------------------------------------------------------------


def test_help_is_what_the_commands_say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/commands.md holds the help of every command, word for word; PAS_TEST_WRITE_DOCS=1 writes it there."""
    monkeypatch.setenv("COLUMNS", "80")
    said = {}
    for command in commands():
        assert run([*command.split()[1:], "--help"]) == 0
        said[command] = capsys.readouterr().out.rstrip()
    text = COMMANDS_PAGE.read_text("utf-8")
    head = text.split("\n## ", 1)[0].rstrip()
    sections = [f"## {command}\n\n```console\n$ {command} --help\n{shown}\n```\n" for command, shown in said.items()]
    wanted = head + "\n\n" + "\n".join(sections)
    if os.environ.get(WRITE):
        COMMANDS_PAGE.write_text(wanted, "utf-8")
    assert COMMANDS_PAGE.read_text("utf-8") == wanted, f"write it again with {WRITE}=1"


def test_every_command_stands_in_the_readme() -> None:
    table = " ".join(row[0] for row in read_table(README, "Commands"))
    for command in commands():
        words = command.split()[1:]
        if words:
            assert f"`pas {words[0]}" in table, command
            assert re.search(rf"[` ]{re.escape(words[-1])}\b", table), command


@pytest.mark.parametrize("path", OWN, ids=name)
def test_no_command_is_named_that_there_is_not(path: Path) -> None:
    typed = [step.command for step in played(path)] + _CODE.findall(prose(path))
    for words in (part.split() for text in typed for part in text.split("|") if re.match(r"\s*pas [a-z]", part)):
        command = max((known for known in commands() if words[: len(known.split())] == known.split()), key=len, default="pas")
        assert command != "pas", f"{name(path)}: {' '.join(words)}"
        assert not isinstance(commands()[command], click.Group) or len(words) == len(command.split()), " ".join(words)
        options = {option for parameter in commands()[command].params for option in parameter.opts} | {"--help", "--json", "--workspace"}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options, f"{name(path)}: {' '.join(words)}"


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_file_named_is_there(path: Path) -> None:
    for code in _CODE.findall(prose(path)):
        if _PATH.fullmatch(code):
            assert (ROOT / code).exists(), f"{name(path)} names {code}"


@cache
def functions(path: Path) -> frozenset[str]:
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_test_named_is_there(path: Path) -> None:
    for file, test in _TEST.findall(path.read_text("utf-8")):
        assert (ROOT / file).is_file(), f"{name(path)} names {file}"
        assert test in functions(ROOT / file), f"{name(path)} names {file}::{test}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in _LINK.findall(prose(path)):
        file, _, anchor = unquote(target).partition("#")
        if "://" in file:
            continue
        found = (path.parent / file) if file else path
        assert found.exists(), f"{name(path)} links to {target}"
        if anchor:
            assert anchor in anchors(found), f"{name(path)} links to {target}"


def anchors(path: Path) -> set[str]:
    """As repositories make them of headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in _HEADING.findall(prose(path))}


@pytest.mark.parametrize("path", OWN, ids=name)
def test_every_rule_named_is_one(path: Path) -> None:
    for code in _CODE.findall(prose(path)):
        for rule in _RULE.findall(code):
            assert rule in SENTENCES, f"{name(path)} names {rule}"


def topics() -> dict[str, Topic]:
    return {topic.name: topic for topic in SHARED_TOPICS} | {"pas.deliveries.<office>": deliveries("pio:WSI")}


def test_the_topics_are_as_declared() -> None:
    rows = {row[0].strip("`"): row for row in read_table(ROOT / "docs" / "architecture.md", "Topics")}
    assert rows.keys() == topics().keys()
    for topic, row in rows.items():
        declared = topics()[topic]
        days = (declared.retention_ms or 0) // 86_400_000
        kept = "compacted" if declared.cleanup == "compact" else f"{days} days" if days else "for ever"
        assert (row[4], row[5]) == (str(declared.partitions), kept), topic
        assert row[3].startswith(declared.key), topic


@pytest.mark.parametrize("path", OWN, ids=name)
def test_every_topic_named_is_declared(path: Path) -> None:
    others = {"pas.toml", "pas.commands", "pas.office_cases", "pas.deliveries.", "pas.deliveries.OFFICE"}
    for code in _CODE.findall(prose(path)):
        if re.fullmatch(r"pas\.[\w.<>]+", code) and code not in others:
            assert code in topics(), f"{name(path)} names {code}"


def test_the_settings_are_as_they_are() -> None:
    rows = {row[0].strip("`"): row[1].strip("`") for row in read_table(ROOT / "docs" / "settings.md", "Settings")}
    assert list(rows) == list(Settings.model_fields)
    for setting, field in Settings.model_fields.items():
        shown = "none" if field.default is None else str(field.default)
        shown = shown.lower() if isinstance(field.default, bool) else shown
        assert rows[setting] == shown, setting


@pytest.mark.parametrize("path", OWN, ids=name)
def test_every_variable_named_counts(path: Path) -> None:
    known = {PREFIX + setting.upper() for setting in Settings.model_fields} | NO_SETTINGS | set(TOLD)
    source = "".join(file.read_text("utf-8") for file in SOURCES if "tests" in file.parts)
    for variable in re.findall(r"\bPAS_[A-Z_]*[A-Z]", path.read_text("utf-8")):
        assert variable in known or (variable.startswith(FOR_TESTS) and variable in source), f"{name(path)} names {variable}"


@pytest.mark.parametrize("path", OWN, ids=name)
def test_everything_to_make_can_be_made(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    typed = [line for block in blocks(path) if block.language == "sh" for line in block.text.splitlines()]
    for target in re.findall(
        r"\bmake ([a-z]+)", " ".join(typed + [code for code in _CODE.findall(prose(path)) if code.startswith("make ")])
    ):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{name(path)} makes {target}"


# --- what must be said ----------------------------------------------------------------------------------------------


def test_every_claim_of_the_threat_model_names_its_test() -> None:
    """A row that shows nothing says so; limits are told in lists."""
    claims = 0
    for heading in _HEADING.findall(prose(THREATS)):
        for row in read_table(THREATS, heading):
            if heading != "We assume":
                assert _TEST.search(row[-1]) or row[-1].startswith("no test: "), f"{heading}: {row[0]}"
                claims += bool(_TEST.search(row[-1]))
    assert claims > 40


def test_what_is_not_yet_is_not_yet() -> None:
    """Each line of *What it is not (yet)* goes when the thing comes, and not before."""
    options = {option for parameter in commands()["pas gateway run"].params for option in parameter.opts}
    missing = {
        "No decisions on cases yet": "pas cases decide" not in commands(),
        "No gateway for the compartment yet": "--compartment" not in options,
        "No evidence log yet": "pas audit" not in commands(),
        "No console yet": "pas console" not in commands(),
    }
    said = README.read_text("utf-8")
    assert {words: f"**{words}.**" in said for words in missing} == missing


def test_the_plain_words_stand_in_the_threat_model() -> None:
    text = " ".join(THREATS.read_text("utf-8").split())
    for words in ("the gateway is a re-encrypting guard", "No forward secrecy", "can still count", "PAS reads, and can withhold"):
        assert words in text


def test_every_reason_for_quarantine_is_told() -> None:
    text = LIFE.read_text("utf-8")
    gateway = "".join(file.read_text("utf-8") for file in (ROOT / "gateway" / "pas_gateway").rglob("*.py"))
    reasons = set(re.findall(r'Unprovable\([^"]*?, "([A-Z_]+)"', gateway))
    reasons |= set(
        re.findall(r'^    reason = "([a-z]+)"', (ROOT / "schemas/pas_schemas/sealing/failures.py").read_text("utf-8"), re.MULTILINE)
    )
    assert len(reasons) > 15
    for reason in sorted(reasons):
        assert f"`{reason}`" in text, reason


def test_the_life_of_a_report_has_the_steps_of_the_pipeline() -> None:
    headings = dict(re.findall(r"^## (\d+) (\w+)$", prose(LIFE), re.MULTILINE))
    assert list(headings) == [str(number) for number in range(1, 11)]
    told = ast.get_docstring(ast.parse((ROOT / "gateway/pas_gateway/pipeline.py").read_text("utf-8"))) or ""
    steps = dict(re.findall(r"^(\d+) (\w+) ", told, re.MULTILINE))
    assert steps.items() <= headings.items()


@pytest.mark.parametrize("path", DECISIONS, ids=name)
def test_a_decision_says_what_was_not_chosen(path: Path) -> None:
    text = path.read_text("utf-8")
    assert _HEADING.findall(text)[1:] == ["Context", "Decision", "Rejected alternatives", "Consequences"]
    rejected = text.split("## Rejected alternatives", 1)[1].split("\n## ", 1)[0]
    assert len(re.findall(r"^- \*\*.+?\*\*", rejected, re.MULTILINE)) >= 2
    assert len(text.splitlines()) <= 60, "one page"


def test_decisions_are_numbered_and_listed() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)]
    listed = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    for path in DECISIONS:
        number, title = path.read_text("utf-8").splitlines()[0].removeprefix("# ").split(" ", 1)
        assert path.name.startswith(number)
        assert f"| [{number}]({path.name}) | {title} |" in listed


def test_every_decision_and_runbook_that_the_code_names_is_there() -> None:
    pages = {path.name[:4] for path in DECISIONS}
    runbook = {heading.lower() for heading in _HEADING.findall(prose(ROOT / "docs" / "operations.md"))}
    for file in SOURCES:
        text = file.read_text("utf-8")
        assert set(re.findall(r"ADR (\d{4})", text)) <= pages, name(file)
        assert set(re.findall(r"runbook \*([\w ]+)\*", text)) <= runbook, name(file)


def test_the_changelog_knows_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    headings = _HEADING.findall(prose(ROOT / "CHANGELOG.md"))
    assert "[Unreleased]" in headings
    assert f"[{project['version']}]" in headings
    assert project["readme"] == "README.md"


def test_obligations_named_are_obligations() -> None:
    words = {
        code
        for path in OWN
        for code in _CODE.findall(prose(path))
        if re.fullmatch(r"(ACCEPT|REFER|DO_NOT|INTERNAL|RECORD|VERIFY)_\w+", code)
    }
    assert words <= set(OBLIGATIONS)


@pytest.mark.parametrize("path", OWN, ids=name)
def test_pictures_begin_and_end(path: Path) -> None:
    for block in blocks(path):
        if block.language == "mermaid":
            assert re.match(r"(flowchart (LR|TB)|sequenceDiagram)\n", block.text)
            assert len(re.findall(r"^\s*subgraph ", block.text, re.MULTILINE)) == len(re.findall(r"^\s*end$", block.text, re.MULTILINE))
            assert block.text.count("[") == block.text.count("]")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_it_is_about_the_broker_and_nothing_else(path: Path) -> None:
    """No path of a machine, no word about who or what wrote it, nothing left unfinished."""
    text = path.read_text("utf-8")
    strange = r"(?<![\w.])/(work|root|home|tmp)/|\b(assistants?|chat\s?bots?|language models?|prompts?|TO" + r"DO|FIX" + r"ME|T" + r"BD)\b"
    assert not re.search(strange, text), name(path)
