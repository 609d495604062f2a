"""An office's side of enrolment: new keys on disk and the request that names their public halves."""

from __future__ import annotations

from pathlib import Path

from pas_schemas.directory import kind_of
from pas_schemas.errors import KeyringError
from pas_transport.enrolment import Request, read_request, write_request
from pas_transport.files import write_whole
from pas_transport.keyring import NewKeys, add_keys, folder_name, has_keys
from pas_transport.workspace import Workspace


def make_request(workspace: Workspace, office: str, again: bool, out: Path | None) -> tuple[Path, Request]:
    """Writes new keys and then the request for them; raises `DirectoryError` for no kind of office, else `KeyringError`."""
    kind_of(office)
    if has_keys(workspace.keys_dir, office) and not again:
        raise KeyringError(f"There are keys of {office} in this workspace already.", "--again makes new ones beside them")
    keys = NewKeys.generate(office)
    data = write_request(office, keys, workspace.clock.now())
    path = out or workspace.root / "requests" / f"{folder_name(office)}.request"
    add_keys(workspace.keys_dir, office, keys)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise KeyringError(f"The request cannot be written: {error.strerror}.", "name another file with --out, and give --again") from None
    return path, read_request(data)
