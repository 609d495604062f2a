"""What the embedded log says when its disk, its file, its folder or another process lets it down; and that it then still works."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pas_schemas.errors import LogError
from pas_schemas.topics import Topic
from pas_transport.embedded import EmbeddedLog
from pas_transport.log import LogDamagedError, LogUnavailableError, Outgoing, Partition
from pas_transport.ownership import fence_os_error

ONE = Topic("t.one", 1, None, "any", (), ())
FIRST = Partition(ONE.name, 0)
CANARY = b"canary-of-a-report"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def log(path: Path) -> Iterator[EmbeddedLog]:
    with EmbeddedLog(path) as log:
        log.ensure([ONE])
        yield log


def some(count: int = 1, size: int = 4096) -> list[Outgoing]:
    return [Outgoing(ONE.name, b"k", CANARY + bytes(size))] * count


def check_words(error: LogError) -> None:
    assert error.sentence
    assert error.hint
    assert CANARY.decode() not in str(error)


@contextmanager
def limited_pages(path: Path, log: EmbeddedLog) -> Iterator[None]:
    """SQLite's own stand-in for a full disk: the file may not grow."""
    pages = path.stat().st_size // 16384 + 1
    connection = log._file._connection
    connection.execute(f"PRAGMA max_page_count = {pages}")
    yield
    connection.execute("PRAGMA max_page_count = 1000000")


def test_full_disk_stores_nothing_and_is_overcome(path: Path, log: EmbeddedLog) -> None:
    log.append(some())
    with limited_pages(path, log):
        with pytest.raises(LogUnavailableError, match="full") as full:
            log.append(some(100))
        check_words(full.value)
        assert full.value.retriable
        assert len(log.read(FIRST, 0, 1000)) == 1
    log.append(some(100))
    assert log.ends([ONE.name]) == {FIRST: 101}


def test_file_that_may_not_grow_fails_typed(path: Path, log: EmbeddedLog) -> None:
    """A real limit of the operating system, in a process of its own."""
    program = """
import resource, signal, sys
from pathlib import Path
from pas_schemas.errors import LogError
from pas_transport.embedded import EmbeddedLog
from pas_transport.log import LogUnavailableError, Outgoing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = EmbeddedLog(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
try:
    log.append([Outgoing("t.one", b"k", bytes(4096))] * 200)
except LogUnavailableError as error:
    print(error.sentence)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append([Outgoing("t.one", b"k", b"after")])
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program, str(path)], env=environment, capture_output=True, text=True, check=True)
    assert "disk" in done.stdout
    assert [record.value for record in log.read(FIRST, 0, 10)] == [b"after"]


def test_connection_that_may_not_write_says_so(log: EmbeddedLog) -> None:
    connection = log._file._connection
    connection.execute("PRAGMA query_only = 1")
    with pytest.raises(LogUnavailableError, match="cannot be written") as refused:
        log.append(some())
    check_words(refused.value)
    assert log.read(FIRST, 0, 1) == []


@contextmanager
def nobody() -> Iterator[None]:
    """The rights of a user who owns nothing: root may write anywhere."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_folder_that_may_not_be_written_says_so() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        try:
            with nobody(), pytest.raises(LogUnavailableError, match="cannot be written") as refused:
                EmbeddedLog(Path(name, "log.db"))
        finally:
            Path(name).chmod(0o755)
    check_words(refused.value)


def test_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailableError, match="does not exist") as refused:
        EmbeddedLog(tmp_path / "nowhere" / "log.db")
    check_words(refused.value)


def test_folder_in_the_file_s_place_says_so(path: Path) -> None:
    path.mkdir()
    with pytest.raises(LogUnavailableError, match="cannot be opened"):
        EmbeddedLog(path)


def garble_header(path: Path) -> None:
    path.write_bytes(bytes(100) + path.read_bytes()[100:])


def write_words(path: Path) -> None:
    path.write_bytes(b"this was a log once, long ago" * 1000)


def make_other_database(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE other (x)")
    db.close()


def raise_version(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


@pytest.mark.parametrize("harm", [garble_header, write_words, make_other_database, raise_version])
def test_file_that_is_no_log_is_refused_and_left_alone(path: Path, harm: Callable[[Path], None]) -> None:
    EmbeddedLog(path).close()
    harm(path)
    before = path.read_bytes()
    with pytest.raises(LogDamagedError) as damaged:
        EmbeddedLog(path)
    check_words(damaged.value)
    assert not damaged.value.retriable
    assert path.read_bytes() == before


def test_damaged_pages_never_give_a_foreign_exception(path: Path) -> None:
    """Every page but the first is overwritten in turn: what is read is what was written, or a typed error."""
    with EmbeddedLog(path) as log:
        log.ensure([ONE])
        log.append(some(60))
    whole = path.read_bytes()
    damaged = 0
    for start in range(16384, len(whole), 16384):
        path.write_bytes(whole[:start] + b"\xa5" * 16384 + whole[start + 16384 :])
        try:
            with EmbeddedLog(path) as log:
                assert all(record.value.startswith(CANARY) or b"\xa5" in record.value for record in log.read(FIRST, 0, 100))
        except LogError as error:
            damaged += 1
            check_words(error)
    assert damaged >= 3


def test_flipped_bytes_never_give_a_foreign_exception(path: Path) -> None:
    """SQLite keeps no checksums: a flipped byte may show in a record, whose own seal tells, but never as another kind of failure."""
    chance = random.Random(1)
    with EmbeddedLog(path) as log:
        log.ensure([ONE])
        log.append(some(20, size=10))
    whole = path.read_bytes()
    told = 0
    for _ in range(300):
        # Cells lie at the ends of pages, where nothing else would find them in so large a page.
        place = chance.randrange(len(whole) // 16384) * 16384 + chance.choice([chance.randrange(100), 16384 - chance.randrange(1, 900)])
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :])
        try:
            with EmbeddedLog(path) as log, log.subscribe([ONE.name], "g", lambda _: 0) as reader:
                reader.poll(100, 0.0)
                log.append(some())
                log.trim()
        except LogError as error:
            told += 1
            check_words(error)
    assert told > 20


def test_log_that_stays_locked_gives_up_and_may_be_tried_again(path: Path, log: EmbeddedLog) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with EmbeddedLog(path, lock_seconds=0.05) as hasty:
        with pytest.raises(LogUnavailableError, match="locked") as locked:
            hasty.append(some())
        assert locked.value.retriable
        assert hasty.read(FIRST, 0, 1) == []
        other.execute("ROLLBACK")
        hasty.append(some())
    other.close()
    assert log.ends([ONE.name]) == {FIRST: 1}


def test_file_removed_while_in_use_takes_nothing_more(path: Path, log: EmbeddedLog) -> None:
    path.unlink()
    with pytest.raises(LogUnavailableError, match="removed or replaced") as gone:
        log.append(some())
    check_words(gone.value)
    with EmbeddedLog(path) as another:
        assert another.identity != log.identity
        with pytest.raises(LogUnavailableError, match="removed or replaced"):
            log.read(FIRST, 0, 1)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EIO])
def test_every_failure_of_the_folder_has_words(number: int) -> None:
    check_words(fence_os_error(OSError(number, "told by the system")))


def test_error_in_a_reader_s_loop_leaves_the_log_usable(log: EmbeddedLog) -> None:
    log.append(some(5))
    with log.subscribe([ONE.name], "g", lambda _: 99) as reader:
        for _ in range(3):
            with pytest.raises(LogError):
                reader.poll(1, 0.0)
            reader.rewind(FIRST)
            log.append(some())
    assert log.ends([ONE.name]) == {FIRST: 8}
