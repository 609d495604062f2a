"""Files written whole or not at all."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from pas_schemas.errors import MisuseError
from pas_transport.files import MAX_FILE_BYTES, read_named, read_whole, write_once, write_whole


def test_whole_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_whole(path, b"one", 0o600)
    write_whole(path, b"two", 0o600)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_once_keeps_what_was_first(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    assert write_once(path, b"one")
    assert not write_once(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_whole(path, b"x")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no" / "such", b"x")


def test_no_more_is_read_than_a_file_may_hold(tmp_path: Path) -> None:
    """The one that ends never is given up like the one that is a byte too long; what fits is whole."""
    path = tmp_path / "book"
    path.write_bytes(b"x" * MAX_FILE_BYTES)
    assert read_whole(path) == read_named(path) == b"x" * MAX_FILE_BYTES
    path.write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    for endless in (path, Path("/dev/zero")):
        with pytest.raises(OSError, match="larger than 1,000,000 bytes"):
            read_whole(endless)
        with pytest.raises(MisuseError) as told:
            read_named(endless)
        assert told.value.sentence == f"{endless} cannot be read: it is larger than 1,000,000 bytes."
    with pytest.raises(MisuseError, match="none cannot be read: No such file or directory"):
        read_named(tmp_path / "none")


# What reads no file at once: line by line, to a bound of its own, or what the package and the workspace themselves hold.
BOUNDED = {
    "transport/pas_transport/files.py", "transport/pas_transport/keyring.py", "transport/pas_transport/ownership.py",
    "transport/pas_transport/open_cases.py", "transport/pas_transport/snapshots.py", "transport/pas_transport/workspace.py",
    "gateway/pas_gateway/meters.py", "gateway/pas_gateway/demo/story.py",
}  # fmt: skip


def test_every_other_file_is_read_through_them() -> None:
    """`read_bytes`, `read_text` and a bare `read()` know no bound."""
    root = Path(__file__).parents[2]
    folders = ("producers", "gateway", "consumers", "transport")
    found = {
        str(file.relative_to(root)) for folder in folders for file in (root / folder).rglob("*.py")
        if re.search(r"(?<!def )\b(?:read_bytes|read_text)\(\)|\.read_text\(\"|\.read\(\)", file.read_text("utf-8"))
    }  # fmt: skip
    assert found <= BOUNDED
