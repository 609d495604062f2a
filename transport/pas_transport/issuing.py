"""PAS's side of the directory: each change issues the next edition, signed with the offline root key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pas_schemas.directory import Snapshot
from pas_schemas.sealing import SigningKey
from pas_schemas.topics import DIRECTORY
from pas_transport.enrolment import OVERLAP, find_office, issue, rotate
from pas_transport.keyring import Keyring, NewKeys, add_keys, add_root_key, read_root_key
from pas_transport.log import Log, Outgoing
from pas_transport.workspace import Workspace

# One key, so that a compacted topic keeps the newest edition alone.
SNAPSHOT_KEY = b"snapshot"


def change(workspace: Workspace, edit: Callable[[Snapshot, datetime], Snapshot]) -> Snapshot:
    """Applies an edit to the newest edition and issues the next; raises `DirectoryError`, or `KeyringError` without the root key."""
    store, now = workspace.directory_store, workspace.clock.now()
    root = read_root_key(workspace.keys_dir, store.roots()[-1].key.id)
    snapshot = issue(edit(store.current(), now), now, workspace.settings.snapshot_valid_days)
    store.add(snapshot, root)
    return store.current()


def rotate_keys(workspace: Workspace, office: str, overlap: timedelta = OVERLAP) -> Snapshot:
    """New keys for an office whose private keys lie here; the new ones are on disk before the directory speaks of them."""
    find_office(workspace.directory(), office)
    ring = Keyring.open(workspace.keys_dir, office)
    keys, example = NewKeys.generate(office), ring.example
    read_root_key(workspace.keys_dir, workspace.directory_store.roots()[-1].key.id)
    add_keys(workspace.keys_dir, office, keys, example=example)
    return change(workspace, lambda snapshot, now: rotate(snapshot, office, keys, now, example=example, overlap=overlap))


def rotate_root(workspace: Workspace) -> Snapshot:
    """A new root key, named by the old one, and the directory issued again under it; finishes what was interrupted."""
    store = workspace.directory_store
    newest = store.roots()[-1]
    if newest.first_version <= store.current().version:
        old, new = read_root_key(workspace.keys_dir, newest.key.id), SigningKey.generate()
        # On disk before anybody is told to trust it: a root that is named and lost would end the directory.
        add_root_key(workspace.keys_dir, new)
        store.add_root(old, new.verify_key)
    return change(workspace, lambda snapshot, _now: snapshot)


def publish(workspace: Workspace, log: Log) -> int:
    """Appends the newest edition, signed as it lies on disk, to the directory's topic; returns its version; raises a `LogError`."""
    version = workspace.directory().version
    log.append([Outgoing(DIRECTORY.name, SNAPSHOT_KEY, workspace.directory_store.raw(version))])
    return version
