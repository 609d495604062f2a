"""Copies of workspaces for one test, which share the files of their keys: to write the example's three thousand takes seconds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = ("pas.toml", "rulebook.toml", "text_rules.csv", "directory.seen")


def copy_workspace(source: Path, root: Path) -> Path:
    """All of it. The product puts another file in a key's place and writes into none; a test that spoils one does so too (`spoil`)."""
    shutil.copytree(source, root, ignore=lambda folder, _: ["keys"] if Path(folder) == source else [])
    _copy_keys(source / "keys", root / "keys")
    return root


def copy_offices(source: Path, root: Path, offices: Iterable[str]) -> Path:
    """What an example workspace holds from the beginning, with the keys of these offices alone (`root` is the directory's)."""
    root.mkdir(parents=True)
    for name in SETTINGS:
        if (source / name).exists():
            shutil.copy2(source / name, root / name)
    shutil.copytree(source / "directory", root / "directory")
    (root / "keys").mkdir(mode=0o700)
    for office in offices:
        folder = office.replace(":", ".")
        _copy_keys(source / "keys" / folder, root / "keys" / folder)
    return root


def _copy_keys(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=os.link)


def spoil(key: Path, data: bytes) -> None:
    """Another file in a key's place."""
    mode = key.stat().st_mode
    key.unlink()
    key.write_bytes(data)
    key.chmod(mode)


@contextmanager
def unchanged(root: Path) -> Iterator[None]:
    """Fails where somebody wrote into a file of its keys, which copies share."""
    before = _look(root / "keys")
    yield
    after = _look(root / "keys")
    assert after == before, f"written into, in a copy: {sorted(before.items() ^ after.items())[:4]}"


def _look(keys: Path) -> dict[str, tuple[int, int, int]]:
    found = ((path, path.stat()) for path in keys.rglob("*") if path.is_file())
    return {str(path.relative_to(keys)): (seen.st_size, seen.st_mode, seen.st_mtime_ns) for path, seen in found}
