"""The office's side of enrolment: new keys on disk and the request that names their public halves, of an office or a person."""

from __future__ import annotations

from pathlib import Path

from pas_schemas.directory import kind_of
from pas_schemas.errors import KeyringError, MisuseError
from pas_schemas.sealing import KeyLock, SigningKey
from pas_transport.appointing import PersonRequest, Post, read_person_request, write_person_request
from pas_transport.enrolment import Request, read_request, write_request
from pas_transport.files import write_whole
from pas_transport.keyring import NewKeys, add_keys, add_person_key, folder_name, has_keys, has_person_key
from pas_transport.workspace import Workspace


def make_request(workspace: Workspace, office: str, again: bool, out: Path | None) -> tuple[Path, Request]:
    """Writes new keys and then the request for them; raises `DirectoryError`, `KeyringError` or `MisuseError`."""
    kind_of(office)
    if has_keys(workspace.keys_dir, office) and not again:
        raise KeyringError(f"There are keys of {office} in this workspace already.", "--again makes new ones beside them")
    keys = NewKeys.generate(office)
    data = write_request(office, keys, workspace.clock.now())
    path = _choose(out, workspace, folder_name(office))
    add_keys(workspace.keys_dir, office, keys)
    _write(path, data)
    return path, read_request(data)


def make_person_request(
    workspace: Workspace, reference: str, wanted: Post, passphrase: str, again: bool, out: Path | None
) -> tuple[Path, PersonRequest]:
    """Writes a person's locked key and then the request for it; raises `DirectoryError`, `KeyringError` or `MisuseError`."""
    kind_of(wanted.office)
    if has_person_key(workspace.keys_dir, wanted.office, reference) and not again:
        raise KeyringError("There is a key of that person here already.", "--again makes a new one in its place")
    key, lock = SigningKey.generate(), KeyLock.begin(passphrase)
    data = write_person_request(reference, wanted, key, workspace.clock.now())
    path = _choose(out, workspace, f"{folder_name(wanted.office)}.{reference}")
    add_person_key(workspace.keys_dir, wanted.office, reference, lock.lock(key))
    _write(path, data)
    return path, read_person_request(data)


def _choose(out: Path | None, workspace: Workspace, name: str) -> Path:
    """Where the request goes; a file that is there is replaced, and nothing else: a device would be, too."""
    path = out or workspace.root / "requests" / f"{name}.request"
    if not path.name or (path.exists() and not path.is_file()):
        raise MisuseError("A request is written into a file, and there is none of that name.", "name another one with --out")
    return path


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise KeyringError(f"The request cannot be written: {error.strerror}.", "name another file with --out, and give --again") from None
