"""A new workspace: made beside its place and moved there when it is complete, so that half a workspace is never seen."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pas_schemas.directory import Snapshot
from pas_schemas.errors import SettingsError
from pas_schemas.reference import read_data
from pas_schemas.sealing import SigningKey
from pas_transport.estate import make_estate
from pas_transport.files import write_whole
from pas_transport.keyring import add_root_key
from pas_transport.settings import FILE, Settings
from pas_transport.snapshots import DirectoryStore
from pas_transport.workspace import read_clock

COPIED = ("rulebook.toml", "text_rules.csv")

_SETTINGS = """\
# Settings of this workspace. Each is overridden by a variable: `transport` by PAS_TRANSPORT, and so on.
# Made by `pas init`: an example estate, every private key of which lies in keys/. Production refuses it.
example = true

transport = {transport}
{kafka}register_url = "sqlite:///register.db"

# What replies say of who answers, where the command does not: a post, and a staff reference that is no name.
post = "duty-governor"
person = "example-0001"
"""


def found_workspace(folder: Path, transport: str, bootstrap: str | None, environment: Mapping[str, str], prefix: str = "") -> Snapshot:
    """Makes the example workspace in `folder` and returns its directory; raises `SettingsError`, and then leaves nothing behind.

    `prefix` stands before its topics and groups at Kafka.
    """
    if (folder / FILE).exists():
        raise SettingsError(f"{folder} is a workspace already.", "choose another folder, or remove this one")
    draft = folder.parent / f".{folder.name}.{secrets.token_hex(4)}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
        snapshot = _fill(draft, _write_settings(transport, bootstrap, prefix), _now(environment))
        _move(draft, folder)
    except OSError as error:
        raise SettingsError(f"The workspace cannot be made: {error.strerror}.", "choose a folder that can be written") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return snapshot


def _fill(root: Path, settings: str, now: datetime) -> Snapshot:
    defaults = Settings()
    snapshot = make_estate(root / defaults.keys_dir, now, defaults.snapshot_valid_days)
    key = SigningKey.generate()
    add_root_key(root / defaults.keys_dir, key)
    store = DirectoryStore(root / defaults.directory_dir, root / defaults.root_public_key_path, root / "directory.seen")
    store.pin(key.verify_key)
    store.add(snapshot, key)
    for name in COPIED:
        write_whole(root / name, read_data(name))
    write_whole(root / FILE, settings.encode())
    # Read as every client will read it; from here on, no older edition is taken.
    return store.current()


def _write_settings(transport: str, bootstrap: str | None, prefix: str) -> str:
    given = {"bootstrap": bootstrap, "kafka_prefix": prefix}
    lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in given.items() if value)
    return _SETTINGS.format(transport=json.dumps(transport), kafka=lines)


def _now(environment: Mapping[str, str]) -> datetime:
    told = environment.get("PAS_CLOCK")
    return read_clock(told) if told else datetime.now(UTC)


def _move(draft: Path, folder: Path) -> None:
    """In one step where the folder is new or empty; else file by file, pas.toml last, and nothing that is there is touched."""
    if not folder.exists() or not any(folder.iterdir()):
        os.replace(draft, folder)
        return
    names = sorted(os.listdir(draft), key=lambda name: name == FILE)
    taken = next((name for name in names if (folder / name).exists()), None)
    if taken:
        raise SettingsError(f"{folder} holds {taken} already.", "choose an empty folder")
    for name in names:
        os.rename(draft / name, folder / name)
