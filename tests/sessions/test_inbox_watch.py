"""`pas inbox watch`: a program is called for what waits, with priority and age, once, whatever stops it in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count, islice, pairwise
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from consumers.forge import Forge, Published, copy_small, write_report
from forked_pas import PAS
from gateway.killing import until
from pas_consumers import Inbox, watching
from pas_consumers.watching import FILE, MAX_PAUSE_SECONDS, Program, Watch, open_called
from pas_schemas.clock import to_ms
from pas_schemas.errors import MisuseError
from pas_transport import cli
from pas_transport.workspace import open_workspace

PIO = "pio:WSI"
NUMBERS = count(1)
# Writes what it was told into a file; it does not end, and it fails, as long as others are there.
PAGER = """
import json, os, sys, time
told = {name: value for name, value in os.environ.items() if name.startswith("PAS_")}
open("calls", "a").write(json.dumps([sys.argv[1:], told]) + "\\n")
while os.path.exists("slow"):
    time.sleep(0.01)
sys.exit(3 if os.path.exists("broken") else 0)
"""


@dataclass
class Watcher:
    """A workspace, its forged deliveries, and a pager."""

    forge: Forge
    capsys: pytest.CaptureFixture[str] = field(repr=False)

    @property
    def root(self) -> Path:
        return self.forge.workspace.root

    @property
    def line(self) -> str:
        return f"{sys.executable} pager.py"

    def calls(self) -> list[Any]:
        file = self.root / "calls"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def once(self, *more: str) -> tuple[int, str, str]:
        code = cli.run(["--workspace", str(self.root), "inbox", "watch", "--as", PIO, "--run", self.line, "--once", *more])
        shown = self.capsys.readouterr()
        return code, shown.out, shown.err

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        command = [str(PAS), "inbox", "watch", "--as", PIO, "--run", self.line, "--every", "0.1", "--json"]
        with subprocess.Popen(
            command, cwd=self.root, env=dict(os.environ), stdout=PIPE, stderr=PIPE, text=True, start_new_session=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def await_calls(self, count: int) -> None:
        until = time.monotonic() + 180
        while len(self.calls()) < count:
            assert time.monotonic() < until, "it was never called"
            time.sleep(0.01)


@pytest.fixture
def watcher(pristine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Watcher:
    root = copy_small(pristine, tmp_path / "small")
    (root / "pager.py").write_text(PAGER)
    monkeypatch.chdir(root)
    return Watcher(Forge(open_workspace(root, environment={})), capsys)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def publish(forge: Forge) -> Published:
    """A report under a URN of its own."""
    return forge.publish(write_report(urn=f"01/IR/2012/{next(NUMBERS):06}"))


def send(forge: Forge, **changes: Any) -> None:
    forge.send(forge.disclose(publish(forge), PIO, **changes))


def test_it_is_called_with_priority_and_age_and_never_content(watcher: Watcher) -> None:
    forge = watcher.forge
    now_ms = to_ms(forge.workspace.clock.now())
    send(forge, received_at_ms=now_ms - 7_200_000)
    send(forge, priority="THREAT_TO_LIFE", received_at_ms=now_ms - 60_000)
    forge.send(forge.notify(publish(forge), PIO, 1))
    assert watcher.once("--json") == (0, '{"called": 2, "failed": 0}\n', "")
    (first, told), (second, _) = watcher.calls()
    assert (first[0], second[0]) == ("THREAT_TO_LIFE", "URGENT")
    assert 60 <= int(first[1]) < 600
    assert 7200 <= int(second[1]) < 7800
    assert told == {"PAS_PRIORITY": first[0], "PAS_AGE_SECONDS": first[1], "PAS_OFFICE": PIO, "PAS_KIND": "DISCLOSURE"}
    assert "escape" not in (watcher.root / "calls").read_text()
    assert watcher.once("--json")[:2] == (0, '{"called": 0, "failed": 0}\n')


def test_notices_that_ask_are_told_and_others_are_not(watcher: Watcher) -> None:
    forge = watcher.forge
    for word in ("OVERDUE", "READ", "DECIDE", "ACCEPTED"):
        datum = forge.notify(publish(forge), PIO, 1)
        datum["notices"][0]["word"] = word
        forge.send(datum)
    watcher.once()
    assert sorted(told["PAS_KIND"] for _, told in watcher.calls()) == ["DECIDE", "OVERDUE"]


def test_what_was_read_meanwhile_is_not_told(watcher: Watcher) -> None:
    send(watcher.forge)
    with Inbox.of(watcher.forge.workspace, PIO, post="duty-pio", person="a1234") as box:
        box.take()
        box.read(box.list().held[0].delivery.id)
    assert watcher.once("--json")[1] == '{"called": 0, "failed": 0}\n'


def test_a_program_that_fails_is_told_in_one_sentence_and_called_again(watcher: Watcher) -> None:
    send(watcher.forge)
    (watcher.root / "broken").touch()
    code, out, err = watcher.once()
    assert (code, out) == (1, "0 calls, 1 that failed.\n")
    assert err == "error: The program ended with 3.\nhint: it is called again; see what it says\n"
    (watcher.root / "broken").unlink()
    assert watcher.once()[0] == 0
    assert len(watcher.calls()) == 2


def test_a_call_that_fails_waits_longer_each_time_and_keeps_no_other_waiting(watcher: Watcher) -> None:
    send(watcher.forge)
    workspace, passed = watcher.forge.workspace, [0.0]
    with Inbox.of(workspace, PIO, post="duty-pio", person="a1234") as box, open_called(workspace.inbox_dir(PIO), PIO) as called:
        box.take()
        watch = Watch(box, Program(("false",)), workspace.clock, called, lambda: passed[0])
        at = []
        while passed[0] < 300:
            if watch.look(lambda _: None, lambda: False, box.take) == (0, 1):
                at.append(passed[0])
            passed[0] += 1
        assert at[:5] == [0, 1, 3, 7, 15]
        assert max(later - earlier for earlier, later in pairwise(at)) == MAX_PAUSE_SECONDS
        send(watcher.forge)
        box.take()
        assert watch.look(lambda _: None, lambda: False, box.take) == (0, 1)


def test_calls_that_take_long_keep_no_threat_to_life_waiting(watcher: Watcher) -> None:
    """Nobody answers the pager, and every call takes half a minute; meanwhile a threat to life comes, and something else."""
    for _ in range(3):
        send(watcher.forge)
    workspace, passed, coming = watcher.forge.workspace, count(0.0, 30.0), iter(["THREAT_TO_LIFE", "URGENT"])
    with Inbox.of(workspace, PIO, post="duty-pio", person="a1234") as box, open_called(workspace.inbox_dir(PIO), PIO) as called:
        box.take()
        watch = Watch(box, Program.of(watcher.line), workspace.clock, called, lambda: next(passed))

        def take() -> None:
            for priority in islice(coming, 1):
                send(watcher.forge, priority=priority)
            box.take()

        assert watch.look(lambda _: None, lambda: False, take) == (4, 0)
        assert [arguments[0] for arguments, _ in watcher.calls()] == ["URGENT", "THREAT_TO_LIFE", "URGENT", "URGENT"]
        assert watch.look(lambda _: None, lambda: False, take) == (1, 0)


def test_killed_it_goes_on_where_it_was_and_ends_when_told(watcher: Watcher) -> None:
    send(watcher.forge)
    with watcher.running() as killed:
        watcher.await_calls(1)
        refused = watcher.once()
        assert (refused[0], "is watched already" in refused[2]) == (1, True)
        file = watcher.root / "inbox" / "pio.WSI" / FILE
        while not file.read_bytes():
            time.sleep(0.01)
        killed.kill()
    send(watcher.forge, priority="THREAT_TO_LIFE")
    with watcher.running() as ended:
        watcher.await_calls(2)
        ended.send_signal(signal.SIGTERM)
        out, err = ended.communicate(timeout=300)
    assert (ended.returncode, json.loads(out), err) == (0, {"called": 1, "failed": 0}, "")
    assert [arguments[0] for arguments, _ in watcher.calls()] == ["URGENT", "THREAT_TO_LIFE"]
    # A line that a power cut left half written names nothing.
    file.write_bytes(file.read_bytes()[:-5])
    assert watcher.once("--json")[1] == '{"called": 1, "failed": 0}\n'
    assert watcher.once("--json")[1] == '{"called": 0, "failed": 0}\n'


def test_a_program_that_hangs_is_ended_with_all_it_started(watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that waits for another program, such as one that waits for a mail server, and writes more than anybody reads."""
    script = "import subprocess, sys\nsys.stdout.write('x' * 100_000)\nbegun = subprocess.Popen(['sleep', '1000'])\n"
    (watcher.root / "pager.py").write_text(script + "open('begun', 'a').write(f'{begun.pid}\\n')\nbegun.wait()\n")
    send(watcher.forge)
    monkeypatch.setattr(watching, "CALL_SECONDS", 3.0)
    begun = watcher.root / "begun"
    while not begun.exists():
        code, _, err = watcher.once()
        assert (code, err) == (1, "error: The program did not end within 3 seconds.\nhint: it is called again; see what it says\n")
    for process in map(int, begun.read_text().split()):
        until(lambda: not is_alive(process), "it ended too")  # noqa: B023  # asked before the next


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_in_the_middle_of_a_call_it_notes_it_and_goes_on_with_the_next(watcher: Watcher, number: signal.Signals) -> None:
    """As a terminal ends it: the signal goes to everything that was started there, and the program is one of these."""
    for priority in ("THREAT_TO_LIFE", "URGENT", "ROUTINE"):
        send(watcher.forge, priority=priority)
    (watcher.root / "slow").touch()
    with watcher.running() as ended:
        watcher.await_calls(1)
        os.killpg(ended.pid, number)
        (watcher.root / "slow").unlink()
        out, err = ended.communicate(timeout=300)
    assert (ended.returncode, json.loads(out), err) == (0, {"called": 1, "failed": 0}, "")
    assert [arguments[0] for arguments, _ in watcher.calls()] == ["THREAT_TO_LIFE"]
    with Inbox.of(watcher.forge.workspace, PIO, post="duty-pio", person="a1234") as box:
        assert len(box.list().held) == 3
    # Nothing is lost by it, and nothing called for twice.
    with watcher.running() as again:
        watcher.await_calls(3)
        os.killpg(again.pid, number)
        out, err = again.communicate(timeout=300)
    assert (again.returncode, json.loads(out), err) == (0, {"called": 2, "failed": 0}, "")
    assert [arguments[0] for arguments, _ in watcher.calls()] == ["THREAT_TO_LIFE", "URGENT", "ROUTINE"]
    assert watcher.once("--json")[:2] == (0, '{"called": 0, "failed": 0}\n')


@pytest.mark.parametrize("line", ["", "no-such-program", "'open"])
def test_a_line_that_names_no_program_is_misuse(watcher: Watcher, line: str) -> None:
    with pytest.raises(MisuseError):
        Program.of(line)
    code = cli.run(["--workspace", str(watcher.root), "inbox", "watch", "--as", PIO, "--run", line, "--once"])
    assert (code, watcher.capsys.readouterr().err.startswith("error: The command of --run ")) == (2, True)
    assert watcher.calls() == []


def test_age_is_never_negative(watcher: Watcher) -> None:
    ahead = watcher.forge.workspace.clock.now() + timedelta(hours=1)
    send(watcher.forge, received_at_ms=to_ms(ahead))
    watcher.once()
    assert watcher.calls()[0][0][1] == "0"
