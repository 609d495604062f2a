"""The package as others see it: its names are pinned, its types hold, and looking at it imports nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pas_producers
from pas_producers import JournalError, PublishError, PublishRefusedError
from pas_schemas.errors import PasError

ROOT = Path(__file__).parent.parent.parent
NAMES = [
    "FEED", "Details", "InlinedDetails", "JournalError", "MovementFeed", "Outcome", "Publication", "PublishError", "PublishRefusedError",
    "Published", "Publisher", "Raw", "Refused", "Repeated", "Told", "Unreadable",
]  # fmt: skip


def test_the_names_are_pinned_and_there() -> None:
    assert pas_producers.__all__ == NAMES
    assert all(getattr(pas_producers, name) is not None for name in NAMES)
    assert not hasattr(pas_producers, "Anything")
    assert (Path(pas_producers.__file__).parent / "py.typed").exists()


def test_errors_say_whether_to_try_again() -> None:
    assert issubclass(PublishRefusedError, PublishError)
    assert issubclass(PublishError, PasError)
    assert issubclass(JournalError, PasError)
    assert (PublishError.retriable, PublishRefusedError.retriable) == (True, False)


def test_the_types_are_what_a_caller_may_rely_on() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "tests/producers/typed_use.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_looking_at_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, pas_producers.commands; print(sorted({'cryptography', 'pydantic', 'fastavro', 'click', 'sqlite3'} & set(sys.modules)))"
    )
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert seen.stdout == "[]\n"
