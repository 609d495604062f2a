"""The house rules that a machine can hold: what ships, what imports what, how long things are."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = [ROOT / part / f"pas_{part}" for part in ("schemas", "transport", "producers", "gateway", "consumers")]
MODULES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))
SEALING = ROOT / "schemas" / "pas_schemas" / "sealing"
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50
SHAPELESS = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
# Written so that this file does not hold the words it looks for.
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
SILENCED = re.compile(r"#\s*(type:\s*ignore(?!\[[a-z-]+(,\s*[a-z-]+)*\]\s*#\s*\S)|noqa(?!:\s*[A-Z]+[0-9]+(,\s*[A-Z]+[0-9]+)*\s+\S))")


# One process parses each module once.
pytestmark = pytest.mark.xdist_group("house")


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.AST) -> set[str]:
    """Every module imported anywhere in a module, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_package_ships_its_types(package: Path) -> None:
    assert (package / "py.typed").read_bytes() == b""


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_module_says_what_it_is_for_and_is_not_too_long(path: Path) -> None:
    text = path.read_text("utf-8")
    first = (ast.get_docstring(parse(path)) or "").split("\n", 1)[0]
    assert re.search(r"[.:]$", first), "the first line of a module is a sentence that says what it is for"
    assert len(text.splitlines()) <= MAX_MODULE_LINES
    assert path.stem not in SHAPELESS


# A migration is one list of tables, written once and never edited.
@pytest.mark.parametrize("path", [path for path in MODULES if "migrations" not in path.parts], ids=name)
def test_functions_fit_on_a_screen(path: Path) -> None:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_cryptography_is_imported_by_sealing_alone(path: Path) -> None:
    used = {module for module in imported(parse(path)) if module.split(".")[0] == "cryptography"}
    assert not used or SEALING in path.parents


def test_sealing_is_where_cryptography_is() -> None:
    """The rule above would hold of a house without any."""
    users = [path for path in SEALING.glob("*.py") if any(m.startswith("cryptography") for m in imported(parse(path)))]
    assert SEALING / "keys.py" in users


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    return [path for part in listed.stdout.split(b"\0") if part and (path := ROOT / part.decode()).is_file()]


def test_nothing_is_left_unfinished_or_silenced_without_a_reason() -> None:
    for path in tracked():
        if path.suffix == ".py":
            text = path.read_text("utf-8")
            assert not UNFINISHED.search(text), name(path)
            assert not SILENCED.search(text), name(path)


def test_what_kinds_of_delivery_are_for_is_said_in_one_place() -> None:
    """Which are shown, and which must be read, is not spelt out again beside `pas_schemas.models.words`."""
    spelt = '"DISCLOSURE", "CONDITIONS"'
    assert [name(path) for path in MODULES if spelt in path.read_text("utf-8")] == ["schemas/pas_schemas/models/words.py"]


def test_lock_pins_every_package_with_hashes_and_names_no_host() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    requirements = [part for part in re.split(r"\n(?=[a-z0-9])", text) if part.strip()]
    assert len(requirements) > 30
    assert all(re.match(r"[a-z0-9-]+==\S+", part) and "--hash=sha256:" in part for part in requirements)
    assert "://" not in text


def test_every_command_named_is_there() -> None:
    seen: dict[str, str] = {}
    for entry in entry_points(group="pas.commands"):
        for command, (target, summary) in entry.load().items():
            module, _, attribute = target.partition(":")
            assert isinstance(getattr(import_module(module), attribute), click.Command), command
            assert re.fullmatch(r"[A-Z].{10,80}\.", summary), command
            assert module.split(".")[0] == f"pas_{entry.name}", command
            assert seen.setdefault(command, entry.name) == entry.name, f"{command} is named by two packages"
    assert {"init", "keys", "directory"} <= set(seen)


def test_help_imports_nothing_heavy() -> None:
    heavy = {"pydantic", "sqlalchemy", "kafka", "fastavro", "cryptography", "rich", "sqlite3", "structlog", "alembic"}
    code = f"import sys; from pas_transport.cli import run; run(['--help']); print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "directory" in done.stdout
    assert done.stderr.strip() == "[]"
