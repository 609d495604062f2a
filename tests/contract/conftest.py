"""Runs the contract over every adapter: a new one is a line in `ADAPTERS`, a parameter, a branch in `open_log`, and no change to a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from contract.adapters import Adapter, Embedded, Kafka, open_log
from contract.processes import Process
from contract.reading import TOPICS
from kafka_broker import LEAVES_SOCKETS, collect_sockets
from pas_transport.log import Log

ADAPTERS: dict[str, Callable[[pytest.FixtureRequest], Adapter]] = {
    "embedded": lambda request: Embedded(request.getfixturevalue("tmp_path")),
    "kafka": lambda request: Kafka(request.getfixturevalue("kafka")),
}


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=LEAVES_SOCKETS)])
def adapter(request: pytest.FixtureRequest) -> Iterator[Adapter]:
    yield ADAPTERS[request.param](request)
    if request.param == "kafka":
        collect_sockets()


@pytest.fixture
def opened(adapter: Adapter) -> Iterator[Callable[..., Log]]:
    """Opens the log once more; each is closed when the test ends."""
    with ExitStack() as stack:
        yield lambda shift_ms=0: stack.enter_context(open_log(adapter.spec, shift_ms))


@pytest.fixture
def log(opened: Callable[..., Log]) -> Log:
    """The log with every topic of the suite."""
    log = opened()
    log.ensure(TOPICS)
    return log


@pytest.fixture
def started(adapter: Adapter, log: Log) -> Iterator[Callable[[], Process]]:
    """Starts one more process on the same log; each is killed when the test ends."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Process(adapter.spec))
