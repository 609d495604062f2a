"""The register on PostgreSQL where it differs from a file: logins, servers that go away, transactions that collide, locks of sessions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from gateway.killing import until
from gateway.postgres import PASSWORD, PrivatePostgres, find_free_port, run_postgres
from pas_gateway.register import (
    Advance,
    Change,
    ClashError,
    RegisterUnavailableError,
    Store,
    open_store,
    outbox,
    queries,
    schema,
    write_change,
)
from pas_gateway.register.change import add_counts, write_rows
from pas_gateway.register.store import WRITE_TRIES, SerializationError
from pas_schemas.errors import RegisterError

ALICE, BOB = b"a" * 16, b"b" * 16


@pytest.fixture
def store(emptied: str) -> Iterator[Store]:
    made = open_store(emptied)
    yield made
    made.close()


def check_words(error: RegisterError) -> None:
    assert error.sentence.endswith(".")
    assert error.hint
    assert not any(secret in f"{error} {error!r} {error.__cause__!r}" for secret in (PASSWORD, "a%2Fb", "SELECT", "INSERT"))
    assert error.__suppress_context__ or error.__context__ is None


# --- who may come in, and to what ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "says", "retriable"),
    [
        (lambda pg, db: pg.url(db, password="another"), "user or password", False),
        (lambda pg, db: pg.url(db, password=None), "user or password", False),
        (lambda pg, db: pg.url(db, user="nobody-known"), "user or password", False),
        (lambda pg, _: pg.url("no_such_database"), "not there", False),
        (lambda pg, db: pg.url(db).replace(str(pg.port), str(find_free_port())), "cannot be reached", True),
        (lambda pg, db: pg.url(db).replace("127.0.0.1", "no-such-host.invalid"), "cannot be reached", True),
        (lambda pg, db: pg.url(db) + "?sslmode=verify-full&sslrootcert=/none", "prove who it is", False),
        (lambda pg, db: pg.url(db) + "?sslmode=require", "prove who it is", False),
        (lambda pg, db: pg.url(db) + "?no_such_option=1", "option", False),
        (lambda pg, db: pg.url(db) + "?sslmode=perhaps", "option", False),
    ],
)  # fmt: skip
def test_login_that_fails_says_why(
    postgres: PrivatePostgres, migrated: str, spoil: Callable[[PrivatePostgres, str], str], says: str, retriable: bool
) -> None:
    store = open_store(spoil(postgres, migrated))
    for use in (store.exists, store.migrate, lambda: write_change(store, Change(touched={ALICE}))):
        with pytest.raises(RegisterError, match=says) as refused:
            use()
        check_words(refused.value)
        assert refused.value.retriable is retriable
    assert PASSWORD not in f"{store!r} {vars(store)!r}"
    store.close()


@pytest.mark.parametrize("setting", ["synchronous_commit", "fsync", "full_page_writes"])
def test_server_that_may_forget_is_refused(postgres: PrivatePostgres, setting: str) -> None:
    name = postgres.make_database()
    store = open_store(postgres.url(name))
    postgres.run("postgres", f"ALTER SYSTEM SET {setting} = off", "SELECT pg_reload_conf()")
    try:
        until(lambda: postgres.run(name, f"SHOW {setting}") == [("off",)], f"{setting} is off")
        with pytest.raises(RegisterError, match=f"{setting} is off") as refused:
            store.migrate()
    finally:
        postgres.run("postgres", f"ALTER SYSTEM RESET {setting}", "SELECT pg_reload_conf()")
        until(lambda: postgres.run(name, f"SHOW {setting}") == [("on",)], f"{setting} is on")
    check_words(refused.value)
    assert not store.exists()
    store.close()


def test_database_of_another_encoding_is_refused(postgres: PrivatePostgres) -> None:
    postgres.run("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
    store = open_store(postgres.url("latin"))
    with pytest.raises(RegisterError, match="UTF8") as refused:
        store.migrate()
    check_words(refused.value)
    store.close()


def test_user_without_rights_is_told(postgres: PrivatePostgres) -> None:
    name = postgres.make_database()
    postgres.run(name, "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    store = open_store(postgres.url(name, user="guest", password="guest"))
    with pytest.raises(RegisterError, match="may not do that") as refused:
        store.migrate()
    check_words(refused.value)
    store.close()


# --- bad days --------------------------------------------------------------------------------------------------------


def test_full_disk_writes_nothing_half_and_is_overcome(postgres: PrivatePostgres, migrated: str, store: Store) -> None:
    """A trigger raises what the server raises where its disk is full."""
    full = "BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END"
    postgres.run(
        migrated,
        f"CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {full} $$",
        "CREATE TRIGGER full_disk BEFORE INSERT ON outbox EXECUTE FUNCTION refuse()",
    )
    change = Change(
        advances=[Advance("log-1", "pas.reports", 0, None, 1, b"d")],
        outbox=[{"urgent": 0, "topic": "t", "partition": 0, "records": b"r"}],
    )
    try:
        with pytest.raises(RegisterUnavailableError, match="full") as refused:
            write_change(store, change)
    finally:
        postgres.run(migrated, "DROP TRIGGER full_disk ON outbox")
    check_words(refused.value)
    with store.reading() as register:
        assert queries.logs_known(register) == frozenset()
    write_change(store, change)
    with store.reading() as register:
        assert outbox.count_outbox(register) == 1


def test_read_only_database_says_so(postgres: PrivatePostgres) -> None:
    name = postgres.make_database()
    made = open_store(postgres.url(name))
    made.migrate()
    made.close()
    postgres.run("postgres", f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    store = open_store(postgres.url(name))
    store.migrate()
    with pytest.raises(RegisterUnavailableError, match="read-only") as refused:
        write_change(store, Change(touched={ALICE}))
    check_words(refused.value)
    store.close()


def test_standby_says_so() -> None:
    with run_postgres() as server:
        name = server.make_database()
        made = open_store(server.url(name))
        made.migrate()
        made.close()
        server.stop()
        (server.folder / "data" / "standby.signal").touch()
        server.start()
        store = open_store(server.url(name))
        store.migrate()
        with pytest.raises(RegisterUnavailableError, match="read-only") as refused:
            write_change(store, Change(touched={ALICE}))
        check_words(refused.value)
        assert "standby" in refused.value.hint
        store.close()


def _end_sessions(postgres: PrivatePostgres, database: str) -> None:
    postgres.run("postgres", f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'")


def test_session_that_is_ended_undoes_its_transaction(postgres: PrivatePostgres, migrated: str, store: Store) -> None:
    def write() -> None:
        with store.writing() as register:
            add_counts(register, Counter(accepted=1))
            _end_sessions(postgres, migrated)
            add_counts(register, Counter(accepted=1))

    with pytest.raises(RegisterUnavailableError) as lost:
        write()
    check_words(lost.value)
    with store.reading() as register:
        assert queries.read_counters(register) == {}


def test_session_that_ends_in_the_middle_of_a_copy_is_lost_too(postgres: PrivatePostgres, migrated: str, store: Store) -> None:
    end = "PERFORM pg_terminate_backend(pg_backend_pid())"
    postgres.run(
        migrated,
        f"CREATE OR REPLACE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {end}; RETURN NEW; END $$",
        "CREATE TRIGGER leave BEFORE INSERT ON acceptances EXECUTE FUNCTION leave()",
    )
    change = Change(acceptances=[{"report": ALICE, "office": "pio:WSI"}])
    try:
        with pytest.raises(RegisterUnavailableError) as lost:
            write_change(store, change)
    finally:
        postgres.run(migrated, "DROP TRIGGER leave ON acceptances")
    check_words(lost.value)
    write_change(store, change)
    with store.reading() as register:
        assert len(register.execute(sa.select(schema.acceptances)).all()) == 1


def test_question_is_asked_again_where_the_session_ended(postgres: PrivatePostgres, migrated: str, store: Store) -> None:
    asked: list[int] = []

    def question(register: sa.Connection) -> dict[str, int]:
        asked.append(1)
        if len(asked) == 1:
            queries.read_counters(register)
            _end_sessions(postgres, migrated)
        return queries.read_counters(register)

    assert store.ask(question) == {}
    assert len(asked) == 2


def test_server_that_comes_back_is_waited_for_and_one_that_does_not_is_told(postgres: PrivatePostgres, emptied: str) -> None:
    patient, hasty = open_store(emptied, patience_seconds=60), open_store(emptied)
    for store in (patient, hasty):
        write_change(store, Change(touched={ALICE}))
    postgres.stop(crash=True)
    with pytest.raises(RegisterUnavailableError):
        hasty.ask(queries.read_counters)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(patient.ask, lambda register: queries.find_versions(register, [ALICE]))
        postgres.start()
        assert answer.result() == {ALICE: 2}
    assert hasty.ask(lambda register: queries.find_versions(register, [ALICE])) == {ALICE: 2}
    patient.close()
    hasty.close()


# --- transactions that collide ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("collisions", [0, 1, WRITE_TRIES - 1, WRITE_TRIES])
def test_collision_is_written_again_within_bounds(postgres: PrivatePostgres, migrated: str, store: Store, collisions: int) -> None:
    """With somebody who is none of ours: he heeds no lock."""
    write_change(store, Change(touched={ALICE}))
    tries: list[int] = []

    def work(register: sa.Connection) -> None:
        tries.append(1)
        queries.find_versions(register, [ALICE])
        if len(tries) <= collisions:
            postgres.run(migrated, "UPDATE versions SET version = version + 10")
        register.execute(schema.versions.update().values(version=schema.versions.c.version + 100))

    if collisions < WRITE_TRIES:
        store.write(work)
    else:
        with pytest.raises(SerializationError) as clash:
            store.write(work)
        check_words(clash.value)
        assert isinstance(clash.value, ClashError)
    assert len(tries) == min(collisions + 1, WRITE_TRIES)
    with store.reading() as register:
        assert queries.find_versions(register, [ALICE]) == {ALICE: 1 + 10 * collisions + (100 if collisions < WRITE_TRIES else 0)}


def test_second_try_is_alone_among_ours(emptied: str, store: Store) -> None:
    """Two transactions that can never both be: the one that was undone waits for the other's end."""
    other = open_store(emptied)
    write_change(store, Change(touched={ALICE, BOB}))
    tries: list[int] = []

    def raise_version(register: sa.Connection, read: bytes, written: bytes) -> None:
        [version] = queries.find_versions(register, [read]).values()
        register.execute(schema.versions.update().where(schema.versions.c.key == written).values(version=version + 1))

    def work(register: sa.Connection) -> None:
        tries.append(1)
        if len(tries) == 1:
            queries.find_versions(register, [ALICE])
            other.write(lambda theirs: raise_version(theirs, ALICE, BOB))
        raise_version(register, BOB, ALICE)

    store.write(work)
    assert len(tries) == 2
    with store.reading() as register:
        assert queries.find_versions(register, [ALICE, BOB]) == {ALICE: 3, BOB: 2}
    other.close()


def test_batches_about_other_people_do_not_collide(emptied: str) -> None:
    """What SERIALIZABLE takes for read decides how often work is done for nothing: batches of several workers overlap freely."""
    meet, stores = Barrier(2, timeout=120), [open_store(emptied) for _ in range(2)]
    tries: list[int] = []

    def write(place: int) -> None:
        store = stores[place]
        for step in range(4):
            keys = [bytes([place, step]) + number.to_bytes(14, "big") for number in range(300)]
            change = Change(
                advances=[Advance("log-1", "pas.reports", place, step or None, step + 1, b"d")],
                used=dict.fromkeys(keys, 0),
                touched=set(keys),
                subjects=[{"key": key, "report": key, "created_at_ms": 1, "tags": ""} for key in keys],
                events=[b"event"],
            )

            def work(register: sa.Connection, change: Change = change) -> None:
                tries.append(1)
                write_rows(register, change)
                meet.wait()

            store.write(work)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    assert len(tries) == 8
    for store in stores:
        store.close()


def test_deadlock_is_an_ordinary_clash(emptied: str) -> None:
    write_change(seed := open_store(emptied), Change(touched={ALICE, BOB}))
    meet = Barrier(2, timeout=120)

    def collide(first: bytes, second: bytes) -> bool:
        store = open_store(emptied)
        table = schema.versions
        try:
            with store.writing() as register:
                register.execute(table.update().where(table.c.key == first).values(version=5))
                meet.wait()
                register.execute(table.update().where(table.c.key == second).values(version=5))
        except SerializationError:
            return False
        finally:
            store.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(collide, (ALICE, BOB), (BOB, ALICE))) == 1
    seed.close()


def test_many_writers_move_one_position_each_once(emptied: str) -> None:
    """Compare and set under load: whoever read a position that moved gives way, and every step is made once."""
    steps, writers = 12, 4
    write_change(seed := open_store(emptied), Change(advances=[Advance("log-1", "pas.reports", 0, None, 0, b"d")]))

    def climb(_: int) -> int:
        store, made = open_store(emptied), 0
        while (at := store.ask(lambda register: queries.list_positions(register, "log-1"))["pas.reports", 0]) < steps:
            try:
                write_change(store, Change(advances=[Advance("log-1", "pas.reports", 0, at, at + 1, b"d")], counts=Counter(accepted=1)))
            except ClashError:
                continue
            made += 1
        store.close()
        return made

    with ThreadPoolExecutor(writers) as pool:
        assert sum(pool.map(climb, range(writers))) == steps
    assert seed.ask(queries.read_counters) == {"accepted": steps}
    seed.close()


def test_rejected_text_that_postgresql_cannot_hold_stops_nothing(store: Store) -> None:
    odd = {"originator": "force:01", "urn": "a\0b", "at_ms": 1, "status": "REJECTED", "rules": "V-URN", "place": "p"}
    write_change(store, Change(attempts=[odd]))
    with store.reading() as register:
        assert len(queries.find_attempts(register, "a\ufffdb", None)) == 1


# --- locks of sessions -----------------------------------------------------------------------------------------------

_HOLD = """
import sys
from pas_gateway.register import open_store
with open_store(sys.argv[1]).exclusive("dispatch-0") as got:
    print(got, flush=True)
    sys.stdin.read()
"""


def test_lock_of_a_process_that_was_killed_is_free(emptied: str, store: Store) -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLD, emptied], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with store.exclusive("dispatch-0", wait=False) as got:
            assert not got
        os.kill(holder.pid, signal.SIGKILL)
    with store.exclusive("dispatch-0") as got:
        assert got


def test_lock_whose_session_ended_is_nobodys(postgres: PrivatePostgres, migrated: str, store: Store) -> None:
    with store.exclusive("dispatch-0") as mine:
        assert mine
        _end_sessions(postgres, migrated)
    with store.exclusive("dispatch-0", wait=False) as again:
        assert again


def test_lock_is_given_back_where_its_holder_fails(store: Store) -> None:
    with pytest.raises(KeyError), store.exclusive("dispatch-0"):
        raise KeyError
    for _ in range(30):
        with store.exclusive("dispatch-0", wait=False) as got:
            assert got
