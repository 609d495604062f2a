"""Alive, ready, or neither: what a run answers from outside when something hangs, stops, breaks or goes away."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from conftest import RunPas
from gateway.desk import Desk
from gateway.killing import RunningGateway, until
from gateway.postgres import find_free_port
from pas_gateway import monitor as monitor_module
from pas_gateway.endpoint import MAX_CONNECTIONS, serve
from pas_gateway.monitor import Monitor
from pas_gateway.phases import PhaseMark, phase_file
from pas_gateway.register import schema
from pas_gateway.vitals import SUPERVISOR, Vitals


def ask(address: str, path: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def answers(address: str) -> bool:
    try:
        return ask(address, "/health")[0] in (200, 503)
    except OSError:
        return False


# --- vitals ----------------------------------------------------------------------------------------------------------


class Clock:
    """Goes on when it is told to."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_process_hangs_when_it_has_not_beaten_for_so_long(tmp_path: Path) -> None:
    clock, mark = Clock(), PhaseMark(phase_file(tmp_path, "worker-1"))
    with Vitals.watching(tmp_path, ["worker-1"], 10.0) as vitals:
        vitals.now = clock
        vitals.begin("worker-1")
        assert vitals.look() == {"worker-1": "starting"}
        clock.at = 9.9
        mark.set("reading")
        assert vitals.look() == {"worker-1": "well"}
        clock.at = 19.8
        assert vitals.look() == {"worker-1": "well"}
        clock.at = 20.0
        assert vitals.look() == {"worker-1": "hangs"}
        clock.at = 29.7
        assert vitals.list_given_up() == []
        clock.at = 30.0
        assert vitals.list_given_up() == ["worker-1"]
        mark.beat()
        assert vitals.list_given_up() == []
        assert vitals.look() == {"worker-1": "well"}
    mark.close()


def test_a_worker_whose_words_are_not_taken_waits(tmp_path: Path) -> None:
    """It goes on, and what it goes on with is the same thing again."""
    mark = PhaseMark(phase_file(tmp_path, "worker-1"))
    with Vitals.watching(tmp_path, ["worker-1"], 10.0) as vitals:
        vitals.begin("worker-1")
        mark.refused()
        assert vitals.look() == {"worker-1": "starting"}
        mark.set("deciding")
        assert vitals.look() == {"worker-1": "waits"}
        assert vitals.list_given_up() == []
        for _ in range(10):
            assert vitals.look() == {"worker-1": "waits"}
            mark.set("idle")
        assert vitals.look() == {"worker-1": "well"}
    mark.close()


def test_one_that_never_begins_hangs_too_and_an_heir_is_awaited(tmp_path: Path) -> None:
    clock, mark = Clock(), PhaseMark(phase_file(tmp_path, "worker-1"))
    with Vitals.watching(tmp_path, ["worker-1"], 10.0) as vitals:
        vitals.now = clock
        mark.set("deciding")
        vitals.begin("worker-1")
        clock.at = 10.0
        assert vitals.look() == {"worker-1": "hangs"}
        vitals.fall("worker-1")
        vitals.begin("worker-1")
        assert (vitals.look(), vitals.falls) == ({"worker-1": "starting"}, 1)
    mark.close()


def test_the_supervisor_is_watched_like_the_others(tmp_path: Path) -> None:
    clock, vitals = Clock(), Vitals(10.0)
    vitals.now = clock
    vitals.begin(SUPERVISOR)
    vitals.beat()
    clock.at = 10.0
    assert vitals.look() == {SUPERVISOR: "hangs"}
    vitals.beat()
    assert vitals.look() == {SUPERVISOR: "well"}


# --- readiness -------------------------------------------------------------------------------------------------------

ALL = {"register": True, "log": True, "keys": True, "rulebook": True, "partitions": True, "workers": True}


def check(desk: Desk) -> dict[str, bool]:
    with Monitor.of(desk.workspace, Vitals(60), "") as monitor:
        return monitor.check_readiness()


def test_all_is_well(desk: Desk) -> None:
    assert check(desk) == ALL


def lose_rulebook(desk: Desk) -> None:
    desk.workspace.rulebook_path.write_text("nothing = true\n")


def lose_key(desk: Desk) -> None:
    (desk.workspace.keys_dir / "pas" / "register.key").unlink()


def lose_register(desk: Desk) -> None:
    desk.store.close()
    for path in desk.workspace.root.glob("register.db*"):
        path.write_bytes(b"no register" * 1000)


def take_register_over(desk: Desk) -> None:
    with desk.store.writing() as register:
        register.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))


def lose_log(desk: Desk) -> None:
    desk.log.close()
    for path in desk.workspace.root.glob("log.db*"):
        if path.is_file():
            path.write_bytes(b"no log" * 1000)


def stop_partition(desk: Desk) -> None:
    with desk.store.writing() as register:
        register.execute(schema.positions.update().values(digest=b"another"))


@pytest.mark.parametrize(
    ("harm", "failing"),
    [
        (lose_rulebook, {"rulebook", "keys"}), (lose_key, {"keys"}), (lose_register, {"register", "partitions"}),
        (take_register_over, {"register"}),
        (lose_log, {"log", "partitions"}), (stop_partition, {"partitions"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)  # fmt: skip
def test_what_fails_is_named(desk: Desk, harm: Any, failing: set[str]) -> None:
    harm(desk)
    found = check(desk)
    assert {name for name, well in found.items() if not well} == failing


def test_a_log_and_a_register_that_are_away_are_shown_and_the_rest_is_scraped(desk: Desk) -> None:
    lose_register(desk)
    with Monitor.of(desk.workspace, Vitals(60), "") as monitor:
        text = monitor.scrape().decode()
    assert 'pas_up{part="register"} 0.0' in text
    assert 'pas_up{part="log"} 1.0' in text
    assert "pas_batch_seconds_count" in text
    assert "pas_reports_total" not in text


@contextmanager
def hanging(file: Path) -> Iterator[None]:
    """Whoever reads the file waits until this ends, as for one on a network share that is gone; then it is there again."""
    whole, gone = file.read_bytes(), file.with_suffix(".gone")
    file.unlink()
    os.mkfifo(file)
    try:
        yield
    finally:
        file.rename(gone)
        file.write_bytes(whole)
        # Where nobody waits it cannot be opened.
        with suppress(OSError), open(os.open(gone, os.O_WRONLY | os.O_NONBLOCK), "wb") as end:
            end.write(b"half of it")


# --- over HTTP -------------------------------------------------------------------------------------------------------


@contextmanager
def running(estate: Path, *settings: str) -> Iterator[tuple[RunningGateway, str]]:
    """A gateway, and the address at which it answers."""
    address = f"127.0.0.1:{find_free_port()}"
    file = estate / "pas.toml"
    file.write_text("\n".join([f'metrics_address = "{address}"', *settings, file.read_text()]))
    with RunningGateway(estate, workers=1) as gateway:
        until(lambda: answers(address), "the gateway answers")
        yield gateway, address


def test_a_worker_that_hangs_is_told_and_one_that_fell_is_counted(estate: Path) -> None:
    """Stopped from outside, a worker stands still as one that hangs does; then it goes on, and then it is killed."""
    with running(estate, "hang_seconds = 4") as (gateway, address):
        until(lambda: ask(address, "/ready")[0] == 200, "the gateway is ready")
        assert json.loads(ask(address, "/ready")[1]) == {"ok": True, "checks": ALL}
        gateway.signal("threats", signal.SIGSTOP)
        until(lambda: ask(address, "/health")[0] == 503, "the hanging worker is told")
        assert json.loads(ask(address, "/health")[1])["checks"] == {SUPERVISOR: True, "threats": False, "worker-1": True}
        assert json.loads(ask(address, "/ready")[1])["checks"] == ALL | {"workers": False}
        gateway.signal("threats", signal.SIGCONT)
        until(lambda: ask(address, "/health")[0] == 200, "it goes on")
        gateway.signal("worker-1", signal.SIGKILL)
        until(lambda: "pas_worker_falls_total 1.0" in ask(address, "/metrics")[1], "its fall is counted")
        until(lambda: 'pas_workers{state="well"} 2.0' in ask(address, "/metrics")[1], "its heir is well")
        gateway.stop()
        assert not answers(address)


def test_it_answers_nothing_else(desk: Desk) -> None:
    address = f"127.0.0.1:{find_free_port()}"
    with Monitor.of(desk.workspace, Vitals(60), "") as monitor, serve(address, monitor):
        assert ask(address, "/")[0] == 404
        assert ask(address, "/metrics/../pas.toml")[0] == 404
        with pytest.raises(urllib.error.HTTPError, match="501"):
            urllib.request.urlopen(urllib.request.Request(f"http://{address}/health", data=b"x" * 10))


def test_who_says_nothing_keeps_nobody_from_asking(desk: Desk) -> None:
    """So many connections as are answered at a time are held open; when one of them ends, the next is answered."""
    port = find_free_port()
    with Monitor.of(desk.workspace, Vitals(60), "") as monitor, serve(f"127.0.0.1:{port}", monitor), ExitStack() as opened:
        silent = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(MAX_CONNECTIONS + 4)]
        silent[0].close()
        until(lambda: answers(f"127.0.0.1:{port}"), "the next is answered")


def test_who_says_little_and_never_all_keeps_nobody_from_asking(desk: Desk) -> None:
    """As many as are answered at a time say a word now and then, and never what they want."""
    port, over = find_free_port(), threading.Event()
    with Monitor.of(desk.workspace, Vitals(60), "") as monitor, serve(f"127.0.0.1:{port}", monitor), ExitStack() as opened:
        slow = [opened.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(MAX_CONNECTIONS)]

        def drip() -> None:
            while not over.wait(0.2):
                for one in slow:
                    with suppress(OSError):
                        one.send(b"G")

        opened.enter_context(ThreadPoolExecutor(1)).submit(drip)
        opened.callback(over.set)
        until(lambda: answers(f"127.0.0.1:{port}"), "others are answered")


def test_what_hangs_is_told_as_away_and_keeps_nobody_from_asking(desk: Desk) -> None:
    """The rulebook cannot be read to its end: as many ask whether all is ready as are answered at a time, and somebody for its health."""
    address = f"127.0.0.1:{find_free_port()}"
    with ExitStack() as opened, ExitStack() as broken:
        monitor = opened.enter_context(Monitor.of(desk.workspace, Vitals(60), ""))
        opened.enter_context(serve(address, monitor))
        until(lambda: json.loads(ask(address, "/ready")[1])["checks"] == ALL, "all is well")
        broken.enter_context(hanging(desk.workspace.rulebook_path))
        until(lambda: ask(address, "/ready")[0] == 503, "it hangs")
        asked = opened.enter_context(ThreadPoolExecutor(MAX_CONNECTIONS))
        ready = [asked.submit(ask, address, "/ready") for _ in range(MAX_CONNECTIONS)]
        found = [json.loads(answer.result()[1])["checks"] for answer in ready]
        # What is asked after it is as it was.
        assert found == [ALL | {"rulebook": False}] * MAX_CONNECTIONS
        assert ask(address, "/health") == (200, '{"ok": true, "checks": {}}\n')


def test_what_was_away_is_asked_again_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a survey that is told for many times as long as it took, and none was taken."""
    monkeypatch.setattr(monitor_module, "SHARE", 10**6)
    desk.log.close()
    kept = {path: path.read_bytes() for path in desk.workspace.root.glob("log.db*") if path.is_file()}
    lose_log(desk)
    with Monitor.of(desk.workspace, Vitals(60), "") as monitor:
        assert not monitor.check_readiness()["log"]
        for path, whole in kept.items():
            path.write_bytes(whole)
        until(lambda: monitor.check_readiness() == ALL, "all is well")


def test_an_address_that_is_taken_is_said_in_one_sentence(estate: Path, pas: RunPas) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = pas("gateway", "run", "--until-idle", cwd=estate, env={"PAS_METRICS_ADDRESS": f"127.0.0.1:{port}"}, code=1)
    assert done.out == ""
    assert "`metrics_address` cannot be listened on: Address already in use." in done.err
    assert "hint: " in done.err
