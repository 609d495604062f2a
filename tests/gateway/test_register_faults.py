"""The register's bad days: a full disk, a read-only file, damage; each is one sentence and a hint, and nothing is half written."""

from __future__ import annotations

import os
import sqlite3
import time
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest
import sqlalchemy as sa

from gateway.test_register import ALICE, CANARY, advance, make_register, position
from pas_gateway.register import Change, DamagedRegisterError, RegisterUnavailableError, Store, open_store, schema, sqlite, write_change
from pas_schemas.errors import RegisterError


def check_words(error: RegisterError) -> None:
    assert error.sentence
    assert error.hint
    assert CANARY not in f"{error} {error!r} {error.__cause__!r}"
    assert error.__suppress_context__ or error.__context__ is None


def test_full_disk_writes_nothing_half_and_is_overcome(tmp_path: Path) -> None:
    store = make_register(tmp_path / "register.db")
    change = Change(
        advances=[advance(None, 1)], outbox=[{"urgent": 0, "topic": CANARY, "partition": 0, "records": CANARY.encode() * 99_999}]
    )
    with store.reading() as register:
        pages = register.exec_driver_sql("PRAGMA page_count").scalar_one()
        register.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(RegisterUnavailableError, match="full") as full:
        write_change(store, change)
    check_words(full.value)
    assert full.value.retriable
    assert position(store) is None
    with store.reading() as register:
        register.exec_driver_sql("PRAGMA max_page_count = 1000000")
    write_change(store, change)
    assert position(store) is not None
    store.close()


def test_one_that_keeps_the_register_to_itself_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped in the middle of a migration, say: commands bring the register up to date before they read it."""
    make_register(tmp_path / "register.db").close()
    holder, waiting = (open_store(f"sqlite:///{tmp_path / 'register.db'}") for _ in range(2))
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    with holder.exclusive("migrate"), pytest.raises(RegisterUnavailableError, match="keeps the register to itself") as busy:
        waiting.migrate()
    check_words(busy.value)
    assert busy.value.retriable
    waiting.migrate()
    holder.close()
    waiting.close()


def test_read_only_register_says_so(tmp_path: Path) -> None:
    """By SQLite's own means: a file's mode does not bind whoever runs as root."""
    make_register(tmp_path / "register.db").close()
    store = open_store(f"sqlite:///file:{tmp_path / 'register.db'}?mode=ro&uri=true")
    assert store.exists()
    with pytest.raises(RegisterUnavailableError, match="read-only") as refused:
        write_change(store, Change(touched={ALICE}))
    check_words(refused.value)
    store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o500)
    with pytest.raises(RegisterUnavailableError) as refused:
        make_register(tmp_path / "there" / "register.db")
    check_words(refused.value)


@pytest.mark.parametrize("replaced", [False, True])
def test_file_that_was_taken_away_under_a_gateway_is_told(tmp_path: Path, replaced: bool) -> None:
    """SQLite would go on in it: what is decided would be known to nobody who opens the register, and lost in the end."""
    path = tmp_path / "register.db"
    store = make_register(path)
    write_change(store, Change(advances=[advance(None, 1)]))
    path.rename(tmp_path / "away.db")
    if replaced:
        make_register(path).close()
    for work in (lambda: position(store), lambda: write_change(store, Change(advances=[advance(1, 2)]))):
        with pytest.raises(RegisterUnavailableError, match=r"register\.db was removed or replaced") as told:
            work()
        check_words(told.value)
    store.close()


def test_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RegisterUnavailableError) as refused:
        make_register(tmp_path / "file" / "register.db")
    check_words(refused.value)


@pytest.mark.parametrize("damage", [b"no database at all, but text of some length" * 50, b"SQLite format 3\x00" + b"\xff" * 4000])
def test_file_that_is_no_register_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "register.db").write_bytes(damage)
    store = open_store(f"sqlite:///{tmp_path / 'register.db'}")
    with pytest.raises(DamagedRegisterError) as damaged:
        store.migrate()
    check_words(damaged.value)
    assert not damaged.value.retriable
    store.close()


def test_damage_in_the_middle_is_found_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "register.db"
    store = make_register(path)
    write_change(store, Change(outbox=[{"urgent": 0, "topic": str(n), "partition": 0, "records": bytes(3000)} for n in range(300)]))
    with store.reading() as register:
        register.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 3 :] = bytes(len(content) - len(content) // 3)
    path.write_bytes(content)
    again = open_store(f"sqlite:///{path}")
    with pytest.raises(RegisterError) as damaged:
        _read_everything(again)
    check_words(damaged.value)
    again.close()


def test_write_ahead_log_is_cut_back_when_nobody_reads_behind_it_any_more(tmp_path: Path) -> None:
    """Where workers are always in the middle of reading, it grows to hundreds of megabytes."""
    path = tmp_path / "register.db"
    store = make_register(path)
    ahead = path.with_name("register.db-wal")
    row = {"urgent": 0, "topic": "any", "partition": 0, "records": bytes(1_000_000)}
    with store.reading() as register:
        register.execute(sa.select(schema.outbox)).all()
        while ahead.stat().st_size < 2 * sqlite.WAL_KEPT_BYTES:
            write_change(store, Change(outbox=[row] * 4))
    for _ in range(2):
        write_change(store, Change(outbox=[row]))
    assert ahead.stat().st_size <= sqlite.WAL_KEPT_BYTES
    store.close()


def test_write_ahead_log_begins_anew_though_somebody_always_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two readers, each of whom begins before the other ends, as workers do: by itself SQLite finds no moment for it."""
    monkeypatch.setattr(sqlite, "WAL_LONG_BYTES", 4_000_000)
    monkeypatch.setattr(sqlite, "_TRIES", 600)
    path = tmp_path / "register.db"
    store, row = make_register(path), {"urgent": 0, "topic": "any", "partition": 0, "records": bytes(1_000_000)}
    over, begun = Event(), Event()
    reading = Thread(target=_read_in_turn, args=(path, begun, over), daemon=True)
    reading.start()
    lengths = []
    try:
        begun.wait()
        for _ in range(12):
            write_change(store, Change(outbox=[row]))
            lengths.append(path.with_name("register.db-wal").stat().st_size)
    finally:
        over.set()
        reading.join()
    assert min(lengths[1:]) == 0
    assert max(lengths) < 2 * sqlite.WAL_LONG_BYTES
    store.close()


def _read_in_turn(path: Path, begun: Event, over: Event) -> None:
    readers = [sqlite3.connect(path, isolation_level=None) for _ in range(2)]
    for turn in count():
        reader, former = readers[turn % 2], readers[(turn + 1) % 2]
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM outbox").fetchone()
        begun.set()
        # Most of the time both read; without a pause they would also take one of two processors.
        time.sleep(0.002)
        if former.in_transaction:
            former.execute("COMMIT")
        if over.is_set():
            break
    for reader in readers:
        reader.close()


def _read_everything(store: Store) -> None:
    with store.reading() as register:
        for table in schema.metadata.tables.values():
            register.execute(sa.select(table)).all()


@pytest.mark.parametrize("url", ["mysql://pas@host/register", "postgresql+pg8000://pas@host/register", "no url at all", "sqlite"])
def test_url_of_no_use_is_refused(url: str) -> None:
    with pytest.raises(RegisterError) as refused:
        open_store(url)
    check_words(refused.value)
