"""The inbox on disk: nobody without the office's key reads it, and every way a disk can fail has a sentence."""

from __future__ import annotations

import os
import random
import resource
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumers.forge import Datum, Forge, write_item, write_report
from copying import spoil
from pas_consumers import Inbox, PartitionStoppedError, StoreDamagedError, StoreUnavailableError
from pas_consumers import inbox as inbox_module
from pas_consumers.store import Store
from pas_consumers.store_file import StoreFile
from pas_schemas.errors import InboxError, KeyringError, PasError
from pas_schemas.sealing import StoreKey
from pas_transport.workspace import Workspace

PIO, FIB = "pio:WSI", "fib:01"
CANARY = "kestrel4711"


def check_words(error: PasError) -> None:
    assert error.sentence.endswith(".")
    assert error.hint
    assert CANARY not in str(error)


def fill(forge: Forge, office: str = PIO) -> Datum:
    datum = forge.disclose(forge.publish(), office)
    forge.send(datum)
    with Inbox.of(forge.workspace, office) as inbox:
        inbox.take()
    return datum


def store_path(workspace: Workspace, office: str = PIO) -> Path:
    return workspace.inbox_dir(office) / "inbox.db"


def test_canary_stands_nowhere_but_sealed(small: Workspace, forge: Forge, capfd: pytest.CaptureFixture[str]) -> None:
    """A mark in every free field of everything that reaches an inbox; looked for in files, WAL, output and repr."""
    items = [write_item(f"open {CANARY}", "1", CANARY), write_item(f"code five {CANARY}", "5", CANARY), write_item(f"closed {CANARY}", "4")]
    published = forge.publish(write_report(f"01/{CANARY}/1", CANARY, items, priority="THREAT_TO_LIFE"))
    broken = forge.disclose(forge.publish(write_report(f"01/{CANARY}/2", CANARY)), FIB)
    broken["body"]["items"][0]["salt"] = bytes(16)
    notice = {
        "word": "REFUSED",
        "office": PIO,
        "item": 0,
        "rule": "H4-LEA",
        "why": CANARY,
        "case": None,
        "due_ms": None,
        "ref": b"",
        "view": b"",
    }
    forge.send(
        forge.disclose(published, FIB, (0, 2)),
        forge.conditions(published, FIB, (1,), n=2),
        forge.disclose(published, FIB, (1,), n=3),
        forge.notify(published, FIB, 4, notices=[notice]),
        broken,
    )
    with Inbox.of(small, FIB) as inbox:
        intake = inbox.take()
        assert len(intake.new) == 4
        assert len(intake.aside) == 1
        for held in inbox.list().held:
            shown = inbox.read(held.delivery.id)
            body = shown.delivery.body
            said = [intake, inbox, inbox.list(), shown, shown.delivery, body, *shown.delivery.notices, *(body.items if body else ())]
            assert not [one for one in said if CANARY in f"{one!r}{one}"]
        assert CANARY in (inbox.get(published_id(inbox)).delivery.body.items[1].text or "")  # type: ignore[union-attr]  # a disclosure
        inbox.act(published_id(inbox), f"searched {CANARY}")
        inbox.send()
        assert store_path(small, FIB).with_name("inbox.db-wal").stat().st_size > 4096
        found = search(small.root)
        forge.send(forge.withdraw(published, FIB, 5))
        inbox.take()
    assert found == []
    assert search(small.root) == []
    assert CANARY not in "".join(capfd.readouterr())


def published_id(inbox: Inbox) -> bytes:
    return next(held.delivery.id for held in inbox.list().held if held.delivery.n == 1)


def search(root: Path) -> list[str]:
    """The files under a workspace that hold the mark, in whatever encoding it could stand there."""
    marks = [CANARY.encode(), CANARY.encode("utf-16-le"), CANARY.encode().hex().encode()]
    files = [path for path in root.rglob("*") if path.is_file()]
    return [path.name for path in files if any(mark in path.read_bytes() for mark in marks)]


def test_files_are_the_office_s_alone(small: Workspace, forge: Forge) -> None:
    fill(forge)
    with Inbox.of(small, PIO):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in small.inbox_dir(PIO).iterdir()}
    assert modes == dict.fromkeys(("inbox.db", "inbox.db-wal", "inbox.db-shm", "inbox.db.opening"), 0o600)
    assert stat.S_IMODE(small.inbox_dir(PIO).stat().st_mode) == 0o700


def test_withdrawn_content_leaves_the_file(small: Workspace, forge: Forge) -> None:
    published = forge.publish(write_report(items=[write_item("x" * 5000)]))
    datum = forge.disclose(published, PIO)
    forge.send(datum)
    with Inbox.of(small, PIO) as inbox:
        inbox.take()
        before = sealed_bytes(inbox, datum)
        forge.send(forge.withdraw(published, PIO, 2))
        inbox.take()
        assert len(sealed_bytes(inbox, datum)) < 1000 < len(before)
    assert before[100:200] not in store_path(small).read_bytes()


def sealed_bytes(inbox: Inbox, datum: Datum) -> bytes:
    query = "SELECT sealed FROM deliveries WHERE id = ?"
    return bytes(inbox._store._file.read(lambda db: db.execute(query, (datum["delivery_id"],)).fetchone()[0]))


def test_another_store_key_is_told(small: Workspace, forge: Forge) -> None:
    fill(forge)
    key = small.keys_dir / "pio.WSI" / "store.key"
    spoil(key, StoreKey.generate().to_bytes())
    with pytest.raises(StoreDamagedError, match="another store key") as refused:
        Inbox.of(small, PIO)
    check_words(refused.value)


def test_inbox_of_another_office_is_told(small: Workspace, forge: Forge) -> None:
    fill(forge)
    shutil.copytree(small.inbox_dir(PIO), small.inbox_dir(FIB))
    with pytest.raises(StoreDamagedError, match="is not fib:01's"):
        Inbox.of(small, FIB)


def test_no_keys_no_inbox(small: Workspace) -> None:
    with pytest.raises(KeyringError, match="no keys of governor:WSI"):
        Inbox.of(small, "governor:WSI")
    assert not small.inbox_dir("governor:WSI").exists()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def scribble(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be taken for one" * 400)


def garble(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * 40_000)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def replace(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x)")
    connection.close()


def age(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize("harm", [empty, scribble, garble, cut, replace, age])
def test_damaged_file_has_one_sentence_and_is_left_alone(small: Workspace, forge: Forge, harm: Callable[[Path], None]) -> None:
    fill(forge)
    path = store_path(small)
    harm(path)
    before = path.read_bytes()
    with pytest.raises(StoreDamagedError) as damaged:
        use(small)
    check_words(damaged.value)
    assert path.read_bytes() == before


def use(workspace: Workspace) -> None:
    with Inbox.of(workspace, PIO) as inbox:
        inbox.take()
        listing = inbox.list()
        inbox.set_aside()
        if listing.damaged:
            inbox.read(listing.damaged[0])


def test_damaged_row_spares_the_others(small: Workspace, forge: Forge) -> None:
    first, second = (forge.disclose(forge.publish(write_report(f"01/IR/2015/{n}")), PIO) for n in (1, 2))
    forge.send(first, second)
    with Inbox.of(small, PIO) as inbox:
        inbox.take()
        spoil = "UPDATE deliveries SET sealed = zeroblob(100) WHERE id = ?"
        inbox._store._file.write(lambda db: db.execute(spoil, (first["delivery_id"],)))
        listing = inbox.list()
        assert [held.delivery.urn for held in listing.held] == ["01/IR/2015/2"]
        assert listing.damaged == (first["delivery_id"],)
        with pytest.raises(StoreDamagedError):
            inbox.read(first["delivery_id"])
        forge.send(first, forge.withdraw(forge.publish(write_report("01/IR/2015/1")), PIO, 2))
        assert [aside.reason for aside in inbox.take().aside] == ["clash"]


def test_row_cannot_stand_in_for_another(small: Workspace, forge: Forge) -> None:
    first, second = (forge.disclose(forge.publish(write_report(f"01/IR/2015/{n}")), PIO) for n in (1, 2))
    forge.send(first, second)
    with Inbox.of(small, PIO) as inbox:
        inbox.take()
        swap = "UPDATE deliveries SET sealed = (SELECT sealed FROM deliveries WHERE id = ?) WHERE id = ?"
        inbox._store._file.write(lambda db: db.execute(swap, (second["delivery_id"], first["delivery_id"])))
        with pytest.raises(StoreDamagedError, match="not what was put there"):
            inbox.get(first["delivery_id"])


def test_damaged_answer_is_told_and_holds_no_other_up(small: Workspace, forge: Forge) -> None:
    forge.send(*(forge.notify(forge.publish(), PIO, n) for n in (1, 2)))
    with Inbox.of(small, PIO) as inbox:
        inbox.take()
        first, second = (held.delivery.id for held in inbox.list().held)
        inbox.read(first)
        inbox._store._file.write(lambda db: db.execute("UPDATE replies SET sealed = zeroblob(100) WHERE sent = 0"))
        inbox.read(second)
        with pytest.raises(StoreDamagedError, match="answer"):
            inbox.send()
    assert [(reply.receipt, reply.delivery_id) for _, reply in forge.replies()][2:] == [("READ", second)]


def test_many_damaged_answers_hold_up_none_that_come_after_them(small: Workspace, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as are sent at once: none of the later ones went out any more, threats to life included."""
    monkeypatch.setattr(inbox_module, "SEND_RECORDS", 2)
    forge.send(*(forge.notify(forge.publish(), PIO, n) for n in range(1, 7)))
    with Inbox.of(small, PIO) as inbox:
        inbox.take()
        inbox.send()
        ids = [held.delivery.id for held in inbox.list().held]
        for one in ids:
            inbox.read(one)
        broken = ids[0], ids[1], ids[2], ids[4]
        marks = ", ".join("?" * len(broken))
        harm = f"UPDATE replies SET sealed = zeroblob(100) WHERE sent = 0 AND delivery IN ({marks})"
        inbox._store._file.write(lambda db: db.execute(harm, broken))
        for _ in range(2):
            with pytest.raises(StoreDamagedError, match="answer"):
                inbox.send()
    assert [reply.delivery_id for _, reply in forge.replies() if reply.receipt == "READ"] == [ids[3], ids[5]]


def test_flipped_bytes_never_give_a_foreign_exception(small: Workspace, forge: Forge) -> None:
    chance = random.Random(3)
    fill(forge)
    forge.append([(PIO, b"key", 1)], [b"\x01"])
    use(small)
    path = store_path(small)
    whole = path.read_bytes()
    told = 0
    for _ in range(150):
        place = chance.randrange(len(whole) // 4096) * 4096 + chance.choice([chance.randrange(120), 4096 - chance.randrange(1, 400)])
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << chance.randrange(8))]) + whole[place + 1 :])
        for side in ("-wal", "-shm"):
            path.with_name(path.name + side).unlink(missing_ok=True)
        try:
            use(small)
        except InboxError as error:
            told += 1
            check_words(error)
    assert told > 10


def test_full_disk_stores_nothing_and_is_overcome(small: Workspace, forge: Forge) -> None:
    with Inbox.of(small, PIO) as inbox:
        connection = inbox._store._file._connection
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
        forge.send(*(forge.disclose(forge.publish(write_report(f"01/IR/2015/{n}")), PIO) for n in range(8)))
        with pytest.raises(StoreUnavailableError, match="full") as full:
            inbox.take()
        check_words(full.value)
        assert full.value.retriable
        assert inbox.list().held == ()
        assert inbox._store.position(1) is None
        connection.execute("PRAGMA max_page_count = 1000000")
        assert len(inbox.take().new) == 8
    assert forge.receipts() == ["DELIVERED"] * 8


def test_store_that_may_not_be_written_shows_what_it_has(small: Workspace, forge: Forge) -> None:
    datum = fill(forge)
    with Inbox.of(small, PIO) as inbox:
        inbox._store._file._connection.execute("PRAGMA query_only = 1")
        assert inbox.get(datum["delivery_id"]).state == "DELIVERED"
        with pytest.raises(StoreUnavailableError, match="cannot be written") as refused:
            inbox.read(datum["delivery_id"])
        check_words(refused.value)


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
            with nobody(), pytest.raises(StoreUnavailableError, match="Permission denied") as refused:
                Store(Path(name, "inbox"), PIO, StoreKey.generate())
        finally:
            Path(name).chmod(0o755)
    check_words(refused.value)


def test_file_in_the_folder_s_place_says_so(small: Workspace) -> None:
    small.inbox_dir(PIO).parent.mkdir()
    small.inbox_dir(PIO).write_bytes(b"")
    with pytest.raises(StoreUnavailableError, match="cannot be used") as refused:
        Inbox.of(small, PIO)
    check_words(refused.value)


def test_file_that_may_not_grow_fails_typed(small: Workspace, forge: Forge) -> None:
    """A real limit of the operating system."""
    forge.send(forge.disclose(forge.publish(write_report(items=[write_item("x" * 200_000)])), PIO))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Inbox.of(small, PIO) as inbox:
        assert inbox._log
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            with pytest.raises(StoreUnavailableError, match="disk") as refused:
                inbox.take()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        check_words(refused.value)
        assert len(inbox.take().new) == 1


def test_store_that_stays_locked_gives_up(small: Workspace, forge: Forge) -> None:
    fill(forge)
    key = small.keyring(PIO).store_key().id
    one, two = (StoreFile(small.inbox_dir(PIO), PIO, key, lock_seconds=0.01) for _ in range(2))
    one._connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="locked") as locked:
        two.write(lambda db: None)
    check_words(locked.value)
    one._connection.execute("ROLLBACK")
    assert two.write(lambda db: 7) == 7
    one.close()
    two.close()


def test_damaged_place_stops_and_does_not_skip(small: Workspace, forge: Forge) -> None:
    fill(forge)
    with Inbox.of(small, PIO) as inbox:
        inbox._store._file.write(lambda db: db.execute("UPDATE positions SET offset = 'x'"))
        with pytest.raises(StoreDamagedError, match="place"):
            inbox.take()
        inbox._store._file.write(lambda db: db.execute("UPDATE positions SET offset = -5"))
        (stopped,) = inbox.take().stopped
        assert isinstance(stopped, PartitionStoppedError)
