"""Files written whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pas_transport.files import write_once, write_whole


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
