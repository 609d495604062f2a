"""Killed at any moment, an inbox loses nothing and doubles nothing: judged from its store and from the log."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from consumers.forge import Forge, copy_small, write_report
from copying import copy_workspace
from pas_consumers import Inbox, intake
from pas_transport.workspace import Workspace, open_workspace

PIO = "pio:WSI"
KILLS = 24
# What may be struck: our own code, from the log's answer to the note that a reply is with PAS.
STRUCK = ("pas_consumers", "pas_transport/embedded", "pas_transport/kafka_", "pas_schemas/sealing")


def fill(forge: Forge) -> dict[str, str]:
    """Ten reports in two partitions, with repeats, a withdrawal, a clash and a poisoned record; the states they must end in."""
    expected: dict[str, str] = {}
    for number in range(10):
        published = forge.publish(write_report(f"01/IR/2015/{number}", priority="ROUTINE" if number % 3 else "THREAT_TO_LIFE"))
        datum = forge.disclose(published, PIO)
        forge.send(datum)
        expected[datum["delivery_id"].hex()] = "DELIVERED"
        if number == 4:
            forge.send(datum, {**datum, "decided_at_ms": 1})
        if number == 5:
            last = forge.withdraw(published, PIO, 2)
            forge.send(last)
            expected |= {datum["delivery_id"].hex(): "WITHDRAWN", last["delivery_id"].hex(): "DELIVERED"}
    forge.append([(PIO, b"poison", 1)], [b"\x01 no record"])
    return expected


def use(workspace: Workspace) -> None:
    """What a person does: take, read the first that can be read, and say what was done."""
    with Inbox.of(workspace, PIO) as inbox:
        inbox.take()
        held = next((held for held in inbox.list().held if held.state == "DELIVERED"), None)
        if held and not any(other.state == "ACTIONED" for other in inbox.list().held):
            inbox.read(held.delivery.id)
            inbox.act(held.delivery.id, "cell searched")
        read = [held for held in inbox.list().held if held.state == "READ"]
        for waiting in read:
            inbox.act(waiting.delivery.id, "cell searched")
        inbox.send()


def is_struck(frame: FrameType) -> bool:
    return any(part in frame.f_code.co_filename for part in STRUCK)


def count_calls(workspace: Workspace) -> int:
    seen = 0

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal seen
        seen += event in ("call", "return") and is_struck(frame)

    sys.setprofile(watch)
    try:
        use(workspace)
    finally:
        sys.setprofile(None)
    return seen


def use_and_die(root: Path, calls: int) -> int:
    """Uses the inbox in a process that ends itself after so many calls and returns of our code; how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        die_after(root, calls)
        os._exit(0)
    except BaseException:  # the child must never run on into the rest of the suite
        os._exit(1)


def die_after(root: Path, calls: int) -> None:
    """Uses the inbox, and ends this process after so many calls and returns of our code."""
    left = calls

    def strike(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        if event in ("call", "return") and is_struck(frame):
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    workspace = open_workspace(root, environment={})
    sys.setprofile(strike)
    use(workspace)


@pytest.fixture
def short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 3)


def check(workspace: Workspace, forge: Forge, expected: dict[str, str]) -> None:
    with Inbox.of(workspace, PIO) as inbox:
        final = inbox.take()
        held = {held.delivery.id.hex(): held.state for held in inbox.list().held}
        assert (final.stopped, final.gaps) == ((), ())
        assert sorted(aside.reason for aside in inbox.set_aside()) == ["clash", "malformed"]
    assert held.keys() == expected.keys()
    moved = {delivery: state for delivery, state in held.items() if state != expected[delivery]}
    assert set(moved.values()) <= {"ACTIONED"}
    receipts = Counter(forge.receipts())
    assert receipts == Counter({"DELIVERED": len(expected), "READ": len(moved), "ACTIONED": len(moved)}) - Counter()
    by_name: dict[bytes, set[bytes]] = {}
    for opened, _ in forge.replies():
        by_name.setdefault(opened.record_id, set()).add(opened.payload)
    assert all(len(payloads) == 1 for payloads in by_name.values()), "one name, two replies"


@pytest.mark.usefixtures("short_batches")
def test_kills_lose_and_double_nothing(small: Workspace, forge: Forge, tmp_path: Path) -> None:
    expected = fill(forge)
    trial = open_workspace(copy_workspace(small.root, tmp_path / "trial"), environment={})
    calls = count_calls(trial)
    check(trial, Forge(trial), expected)
    chance = random.Random(7)
    ended: Counter[int] = Counter()
    for number, point in enumerate(chance.sample(range(1, calls), KILLS)):
        root = copy_workspace(small.root, tmp_path / f"killed-{number}")
        ended[use_and_die(root, point)] += 1
        # A second kill strikes whatever the first one left behind.
        use_and_die(root, chance.randrange(1, calls // 2))
        killed = open_workspace(root, environment={})
        use(killed)
        check(killed, Forge(killed), expected)
    assert ended[-signal.SIGKILL] == KILLS


@pytest.mark.usefixtures("short_batches")
def test_processes_at_the_same_time_take_everything_once(small: Workspace, forge: Forge) -> None:
    expected = fill(forge)
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            try:
                with Inbox.of(open_workspace(small.root, environment={}), PIO) as inbox:
                    inbox.take()
                os._exit(0)
            except BaseException:  # the child must never run on into the rest of the suite
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    check(small, forge, expected)


def test_small_copy_is_whole(pristine: Path, tmp_path: Path) -> None:
    workspace = open_workspace(copy_small(pristine, tmp_path / "copy"), environment={})
    assert len(workspace.held_offices()) == 6
