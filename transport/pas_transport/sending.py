"""How what a person signed reaches PAS: sealed to it by the person's office, as every reply is."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from pas_schemas.directory import PAS, KeyUse, Snapshot
from pas_schemas.errors import DirectoryError
from pas_schemas.naming import hide_name
from pas_schemas.sealing import REPLY, Plain, Sealer, SealingKey
from pas_schemas.topics import COMPARTMENT, REPLIES
from pas_transport.log import Outgoing

if TYPE_CHECKING:
    from pas_transport.workspace import Workspace

# The command that sends it lives for a moment; the log may take it later.
EPOCH_LIFE = timedelta(hours=1)


def reply_key(snapshot: Snapshot, use: KeyUse, now: datetime) -> SealingKey:
    """What replies are sealed to, by that side of PAS which is to read them; raises DirectoryError."""
    key = snapshot.key(PAS, use, now)
    if key is None:
        raise DirectoryError("The directory has no key to which replies can be sealed.", "ask PAS for a newer directory")
    return SealingKey.from_bytes(key.public)


def send_statement(workspace: Workspace, office: str, data: bytes, *, apart: bool | None = None) -> bytes:
    """Returns the statement's digest once the log has it; raises a LogError, KeyringError or DirectoryError. Sent twice, it counts once.

    It goes to PAS's compartment where it is `apart`; else to whoever's side of the workspace this is.
    """
    now, keys = workspace.clock.now(), workspace.keyring(office)
    aside = workspace.apart if apart is None else apart
    key = reply_key(workspace.directory(), "compartment" if aside else "open", now)
    digest = sha256(data).digest()
    # What goes to both is not to be known by its name.
    name = hide_name(keys.id_key(), digest) if apart else digest[:16]
    sealer = Sealer(office, keys.signing(), epoch_life=EPOCH_LIFE, prefix=REPLY)
    [value] = sealer.seal(PAS, key, [Plain(name, data)], now)
    with workspace.log() as log:
        log.append([Outgoing((COMPARTMENT if aside else REPLIES).name, name, value)])
    return digest
