"""The frame of `pas`: exit codes, and every failure told in a sentence without content or traceback."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from forked_pas import PAS
from pas_schemas.errors import MisuseError, RulebookError
from pas_transport import cli

CANARY = "canary-4711"


def raising(failure: BaseException) -> click.Command:
    def command() -> None:
        raise failure

    return click.Command("fail", callback=command)


@pytest.fixture
def run_failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], int]:
    def run(failure: BaseException) -> int:
        # In the group's own dictionary: there the table lies once any test before has asked for it.
        monkeypatch.setitem(vars(cli.pas), "table", {"fail": ("x:y", "Fail.")})
        monkeypatch.setattr(cli.Commands, "get_command", lambda _self, _ctx, _name: raising(failure))
        return cli.run(["fail"])

    return run


@pytest.mark.parametrize(
    ("failure", "code", "told"),
    [
        (RulebookError("The rulebook is odd.", "mend it"), 1, "error: The rulebook is odd.\nhint: mend it\n"),
        (MisuseError("That cannot be asked."), 2, "error: That cannot be asked.\n"),
        (click.UsageError("Two things at once."), 2, "error: Two things at once.\nhint: `pas fail --help` shows how\n"),
        (click.ClickException("No."), 1, "error: No.\n"),
        (KeyboardInterrupt(), 130, "error: Interrupted; what was done before stays done.\n"),
        (
            OSError(28, "No space left on device"),
            1,
            "error: The system refused: No space left on device.\nhint: nothing that was confirmed",
        ),
        (PermissionError(13, "Permission denied", "ws/x"), 1, "error: The system refused: Permission denied (ws/x).\n"),
        (ValueError(CANARY), 1, "error: An unexpected failure of type ValueError.\nhint: this is a fault of pas: please report it\n"),
        (OSError(CANARY), 1, "error: An unexpected failure of type OSError.\n"),
        (RecursionError(CANARY), 1, "error: An unexpected failure of type RecursionError.\n"),
        (click.exceptions.Exit(1), 1, ""),
        (click.exceptions.Exit(0), 0, ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_failures(
    run_failing: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str], failure: BaseException, code: int, told: str
) -> None:
    assert run_failing(failure) == code
    shown = capsys.readouterr()
    assert shown.err.startswith(told)
    assert (shown.err == "") == (told == "")
    assert shown.out == ""
    assert CANARY not in shown.err


def test_the_nearest_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["directroy"]) == 2
    assert capsys.readouterr().err == "error: There is no command 'directroy'. Did you mean 'directory'?\nhint: `pas --help` shows how\n"


def test_nothing_asked_shows_what_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "directory" in shown.err


def test_help_and_version_are_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    assert "Make a workspace with an example estate" in capsys.readouterr().out
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("pas, version ")


def test_an_interrupt_that_a_library_swallows_is_still_one(
    monkeypatch: pytest.MonkeyPatch, run_failing: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A library may turn KeyboardInterrupt into an exception of its own: pydantic's serializers do."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    real = cli.pas.invoke

    def struck(ctx: click.Context) -> object:
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        return real(ctx)

    monkeypatch.setattr(cli.pas, "invoke", struck)
    try:
        assert run_failing(RuntimeError("turned into another")) == cli.INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, former)
    assert capsys.readouterr().err == "error: Interrupted; what was done before stays done.\n"


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_is_no_failure(closed: int) -> None:
    """`pas ... >&-` and the like: a word is lost with its stream, and the exit code stays."""
    done = _run_closed(closed, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert ("version" in done.stdout) == (closed != 1)
    done = _run_closed(closed, "directroy")
    assert done.returncode == 2
    assert ("Did you mean 'directory'" in done.stderr) == (closed != 2)
    assert "Traceback" not in done.stderr


def _run_closed(closed: int, word: str) -> subprocess.CompletedProcess[str]:
    with_it_closed = f"import os, sys; os.close({closed}); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", with_it_closed, str(PAS), word]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)


def test_a_crash_leaves_no_memory_on_the_disk(tmp_path: Path) -> None:
    """No process of a command may write a core: neither the one that runs it nor what it calls."""
    limits = tmp_path / "limits"
    allowed = (
        "import atexit, os, resource\nmost = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (most, most))\n"
    )
    caught = f"atexit.register(lambda: open({str(limits)!r}, 'w').write(os.popen('ulimit -c').read()))\n"
    begun = "import sys\nfrom pas_transport.cli import main\nsys.argv = ['pas', '--version']\nmain()"
    done = subprocess.run([sys.executable, "-c", allowed + caught + begun], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert limits.read_text() == "0\n"


@pytest.mark.parametrize("words", [["trace", "\udcff"], ["move", "A1234BC", "--to", "WSI", "--reason", "\udcff"], ["\udcff"]])
def test_a_word_that_is_no_text_is_misuse(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(words) == 2
    assert capsys.readouterr() == ("", "error: A word of the command is not UTF-8 text.\nhint: see the terminal's encoding\n")


def test_a_file_may_be_called_by_what_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rulebook-\udcff.toml"
    path.write_text("edition = 1\n")
    assert cli.run(["policy", "check", str(path)]) == 1
    assert "MISSING" in capsys.readouterr().out
