"""Files read within a bound, and written whole or not at all: a killed process never leaves half a key or half a directory."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

from pas_schemas.errors import MisuseError

# Ten times what any rulebook, list of text rules or settings holds: a larger file was named by mistake, and is not read into memory.
MAX_FILE_BYTES = 1_000_000


def read_whole(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """What a file holds; raises OSError, also for one of more than `most` bytes, of which no more is read."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most:,} bytes")
    return data


def read_named(path: Path, most: int = MAX_FILE_BYTES) -> bytes:
    """What a file holds that somebody named to a command; raises MisuseError where it cannot be read, or is larger than that."""
    try:
        return read_whole(path, most)
    except OSError as error:
        raise MisuseError(f"{path} cannot be read: {error.strerror}.", "see that it is the file you mean, its owner and mode") from None


def write_whole(path: Path, data: bytes, mode: int = 0o644, *, durable: bool = True) -> None:
    """Puts `data` at `path` in one step, replacing what was there; raises OSError and then leaves the old file.

    `durable=False` leaves it to the system when the disk has it: for files that can be made again.
    """
    draft = _write_draft(path, data, mode, durable)
    try:
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def write_once(path: Path, data: bytes, mode: int = 0o644) -> bool:
    """Puts `data` at `path` unless a file is there already, whoever was first; True if it was written; raises OSError."""
    draft = _write_draft(path, data, mode, durable=True)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def _write_draft(path: Path, data: bytes, mode: int, durable: bool) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    # The mode stands from the first byte on: a private key is never readable to others, not for a moment.
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        os.fchmod(handle, mode)
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(data)
        if durable:
            os.fsync(handle)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    return draft


def _sync_folder(folder: Path) -> None:
    # Some file systems cannot sync a folder; the file itself is safe either way.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
