"""How what a person signed reaches PAS: sealed to it by the person's office, as every reply is."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from pas_schemas.errors import DirectoryError
from pas_schemas.sealing import REPLY, Plain, Sealer, SealingKey
from pas_schemas.topics import COMPARTMENT, REPLIES
from pas_transport.log import Outgoing

if TYPE_CHECKING:
    from pas_transport.workspace import Workspace

PAS = "pas"
# The command that sends it lives for a moment; the log may take it later.
EPOCH_LIFE = timedelta(hours=1)


def send_statement(workspace: Workspace, office: str, data: bytes) -> bytes:
    """Returns the statement's digest once the log has it; raises a LogError, KeyringError or DirectoryError. Sent twice, it counts once."""
    now = workspace.clock.now()
    key = workspace.directory().key(PAS, "compartment" if workspace.apart else "open", now)
    if key is None:
        raise DirectoryError("The directory has no key to which replies can be sealed.", "ask PAS for a newer directory")
    digest = sha256(data).digest()
    sealer = Sealer(office, workspace.keyring(office).signing(), epoch_life=EPOCH_LIFE, prefix=REPLY)
    [value] = sealer.seal(PAS, SealingKey.from_bytes(key.public), [Plain(digest[:16], data)], now)
    with workspace.log() as log:
        log.append([Outgoing((COMPARTMENT if workspace.apart else REPLIES).name, digest[:16], value)])
    return digest
