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


def send_statement(workspace: Workspace, office: str, data: bytes, *, apart: bool | None = None) -> bytes:
    """Returns the statement's digest once the log has it; raises a LogError, KeyringError or DirectoryError. Sent twice, it counts once.

    It goes to PAS's compartment where it is `apart`; else to whoever's side of the workspace this is.
    """
    now, keys = workspace.clock.now(), workspace.keyring(office)
    aside = workspace.apart if apart is None else apart
    key = workspace.directory().key(PAS, "compartment" if aside else "open", now)
    if key is None:
        raise DirectoryError("The directory has no key to which replies can be sealed.", "ask PAS for a newer directory")
    digest = sha256(data).digest()
    # What goes to both is not to be known by its name.
    name = keys.id_key().digest(b"pas/v1/answer-apart", digest)[:16] if apart else digest[:16]
    sealer = Sealer(office, keys.signing(), epoch_life=EPOCH_LIFE, prefix=REPLY)
    [value] = sealer.seal(PAS, SealingKey.from_bytes(key.public), [Plain(name, data)], now)
    with workspace.log() as log:
        log.append([Outgoing((COMPARTMENT if aside else REPLIES).name, name, value)])
    return digest
