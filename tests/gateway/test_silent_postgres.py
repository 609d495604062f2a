"""A PostgreSQL that stands still and keeps its connections: whoever asks is told within a bound, and a statement that takes long is not."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.desk import Desk
from gateway.killing import RunningGateway
from gateway.postgres import PrivatePostgres
from gateway.test_on_postgres import settle
from gateway.test_register_postgres import check_words
from pas_gateway.register import Change, RegisterUnavailableError, Store, queries, schema, write_change
from pas_gateway.register.postgres import PostgresStore

ALICE = b"a" * 16
SILENCE_SECONDS, CONNECT_SECONDS = 0.5, 2
# What such a wait may come to on a busy machine: it has an end.
PATIENCE_SECONDS = 120.0
# Half a minute, on a machine that has other things to do.
END_SECONDS = 60.0
# More than the system holds for a connection nobody reads.
LARGE = bytes(4_000_000)

Moment = Callable[[Store, Callable[[], None]], None]


@pytest.fixture
def store(emptied: str) -> Iterator[PostgresStore]:
    made = PostgresStore(sa.make_url(f"{emptied}?connect_timeout={CONNECT_SECONDS}"), 0, SILENCE_SECONDS)
    made.ask(queries.read_counters)
    yield made
    made.close()


def before_a_question(store: Store, stop: Callable[[], None]) -> None:
    """Its connection lies in the pool."""
    stop()
    store.ask(queries.read_counters)


def in_a_question(store: Store, stop: Callable[[], None]) -> None:
    with store.reading() as register:
        queries.read_counters(register)
        stop()
        queries.read_counters(register)


def in_a_commit(store: Store, stop: Callable[[], None]) -> None:
    with store.writing() as register:
        register.execute(schema.versions.insert().values(key=ALICE, version=1))
        stop()


def in_a_copy(store: Store, stop: Callable[[], None]) -> None:
    with store.writing() as register:
        driver = register.connection.driver_connection
        assert driver is not None
        with driver.cursor() as cursor, cursor.copy("COPY outbox (urgent, topic, partition, records) FROM STDIN") as copy:
            stop()
            for _ in range(4):
                copy.write_row((0, "t", 0, LARGE))


def holding_a_lock(store: Store, stop: Callable[[], None]) -> None:
    with store.exclusive("dispatch-0") as mine:
        assert mine
        stop()
    # It is given back by ending its session.
    store.ask(queries.read_counters)


@pytest.mark.parametrize("moment", [before_a_question, in_a_question, in_a_commit, in_a_copy, holding_a_lock], ids=lambda one: one.__name__)
def test_server_that_stands_still_is_told(postgres: PrivatePostgres, store: PostgresStore, moment: Moment) -> None:
    started = time.monotonic()
    with ExitStack() as standing:
        with pytest.raises(RegisterUnavailableError) as told:
            moment(store, lambda: standing.enter_context(postgres.standing()))
        assert time.monotonic() - started < PATIENCE_SECONDS
    check_words(told.value)
    assert told.value.retriable
    # Once it goes on, so does everybody: of what was in doubt all is there or nothing, and no lock is left.
    with store.exclusive("dispatch-0") as mine:
        assert mine
    write_change(store, Change(touched={b"b" * 16}))
    assert store.ask(lambda register: queries.find_versions(register, [ALICE]))[ALICE] in (0, 1)


@pytest.mark.parametrize("moment", [before_a_question, in_a_commit], ids=lambda one: one.__name__)
def test_who_was_told_to_end_does_not_wait(postgres: PrivatePostgres, emptied: str, moment: Moment) -> None:
    """Whatever else it would wait for: an hour's silence, an hour's connecting, an hour for a server that is started anew."""
    told_to_end = False
    with closing(PostgresStore(sa.make_url(f"{emptied}?connect_timeout=3600"), 3600, 3600, lambda: told_to_end)) as store:
        store.ask(queries.read_counters)
        with ExitStack() as standing:

            def stop() -> None:
                nonlocal told_to_end
                standing.enter_context(postgres.standing())
                told_to_end = True

            with pytest.raises(RegisterUnavailableError) as told:
                moment(store, stop)
    check_words(told.value)


def test_a_gateway_that_is_told_to_end_ends(postgres: PrivatePostgres, estate: Path) -> None:
    """What came meanwhile is taken in by the next run."""
    workspace = settle(estate, postgres.url(postgres.make_database(), password=None))
    with Desk(workspace) as desk, RunningGateway(workspace.root, workers=1) as gateway:
        gateway.await_workers()
        with postgres.standing():
            desk.publish(desk.write())
            began = time.monotonic()
            said = gateway.fail()
            assert time.monotonic() - began < END_SECONDS
        assert "Traceback" not in said
        assert "cannot be reached" in said
    with RunningGateway(workspace.root, "--until-idle", workers=1) as gateway:
        assert gateway.wait()["accepted"] == 1


def test_what_takes_long_is_waited_for(store: PostgresStore) -> None:
    seconds = 4 * SILENCE_SECONDS
    with store.reading() as register:
        assert register.execute(sa.text("SELECT pg_sleep(:seconds) IS NOT NULL"), {"seconds": seconds}).scalar_one()
