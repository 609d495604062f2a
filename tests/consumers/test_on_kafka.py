"""An inbox on Kafka whose broker goes away while it takes, or which is killed: nothing lost, nothing doubled, no wait without end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from consumers import forge as forging
from consumers.forge import Forge
from consumers.shuffling import check_shuffled
from consumers.test_kills import PIO, check, fill, use
from kafka_broker import collect_sockets
from kafka_faulty import FAULTS, PATIENCE_SECONDS, FaultyKafka
from kafka_proxy import Api
from pas_consumers import Inbox, intake
from pas_schemas.errors import LogError
from pas_transport.log import LogUnavailableError
from pas_transport.workspace import Workspace

pytestmark = [*FAULTS, pytest.mark.usefixtures("short_batches")]
MANY = 10**6
TESTS = Path(__file__).resolve().parents[1]
# How much further each process comes before it is killed, in calls and returns of our code, and how many there are at most.
STEP, MOST = 1200, 5


@pytest.fixture(autouse=True)
def left_sockets() -> Iterator[None]:
    yield
    collect_sockets()


@pytest.fixture
def short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 3)


@pytest.fixture
def place(faulty: FaultyKafka, pristine: Path, tmp_path: Path) -> Iterator[Workspace]:
    faulty.proxy.struck.clear()
    yield faulty.settle(pristine, tmp_path / "ws", forging.OFFICES)
    faulty.proxy.restore()


@pytest.fixture
def forge(place: Workspace) -> Iterator[Forge]:
    with place.log() as log:
        yield Forge(place, log=log)


def take_in_vain(inbox: Inbox) -> None:
    started = time.monotonic()
    with pytest.raises(LogError) as caught:
        inbox.take()
    assert time.monotonic() - started < PATIENCE_SECONDS
    assert caught.value.retriable
    assert caught.value.sentence
    assert caught.value.hint


def test_inbox_cut_off_while_it_takes_goes_on_where_it_was(faulty: FaultyKafka, place: Workspace, forge: Forge) -> None:
    expected = fill(forge)
    with Inbox.of(place, PIO) as inbox:
        # The receipts of the second batch are the last that anybody hears.
        faulty.proxy.cut_after(Api.PRODUCE, 2)
        take_in_vain(inbox)
        assert faulty.proxy.struck["cut"] > 0
        assert 0 < len(inbox.list().held) < len(expected)
        faulty.proxy.restore()
        assert 0 < len(inbox.take().new) < len(expected)
    check(place, forge, expected)


def test_receipts_whose_answers_are_lost_go_again_under_the_same_names(faulty: FaultyKafka, place: Workspace, forge: Forge) -> None:
    """PAS has them and the inbox cannot know; PAS takes each name once."""
    expected = fill(forge)
    with Inbox.of(place, PIO) as inbox:
        faulty.proxy.lose_answers(Api.PRODUCE, MANY)
        take_in_vain(inbox)
        assert faulty.proxy.struck["lost"] > 0
        faulty.proxy.restore()
        inbox.take()
    assert len(forge.replies()) > len(expected)
    check(place, forge, expected)


def test_broker_that_hangs_is_given_up_and_costs_nothing(faulty: FaultyKafka, place: Workspace, forge: Forge) -> None:
    expected = fill(forge)
    with Inbox.of(place, PIO) as inbox:
        inbox.take()
        late = forge.disclose(forge.publish(), PIO)
        forge.send(late)
        with faulty.held():
            take_in_vain(inbox)
        until_taken(inbox, late["delivery_id"])
    check(place, forge, expected | {late["delivery_id"].hex(): "DELIVERED"})


def until_taken(inbox: Inbox, delivery: bytes) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while delivery not in {held.delivery.id for held in inbox.list().held}:
        assert time.monotonic() < deadline, "it never came"
        # Whatever a broker that wakes up makes of it, it is for another time; anything else fails here.
        with suppress(LogUnavailableError):
            inbox.take()


def test_killed_again_and_again_it_loses_and_doubles_nothing(place: Workspace, forge: Forge) -> None:
    expected = fill(forge)
    ended = [use_and_die(place.root, STEP * turn) for turn in range(1, MOST)]
    assert ended.count(-signal.SIGKILL) >= 3
    assert set(ended) <= {-signal.SIGKILL, 0}
    use(place)
    check(place, forge, expected)


def use_and_die(root: Path, calls: int) -> int:
    """In a process of its own: clients of Kafka have threads, and are not forked."""
    said = (
        "import sys; from pathlib import Path; from consumers.test_kills import die_after; die_after(Path(sys.argv[1]), int(sys.argv[2]))"
    )
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    return subprocess.run([sys.executable, "-c", said, str(root), str(calls)], env=environment, check=False).returncode


def test_deliveries_that_come_twice_and_in_any_order(place: Workspace, forge: Forge) -> None:
    check_shuffled(place, forge, seed=1)
