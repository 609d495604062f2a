"""PAS's own side of the wire: its keys, the directory, the rulebook, and how it opens what offices send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache

from pas_gateway.audit import Scribe
from pas_gateway.knowledge import Knowledge, Names
from pas_gateway.policy.whereabouts import Row
from pas_gateway.realm import MAIN, Realm, realm_of
from pas_schemas.clock import Clock, to_ms
from pas_schemas.directory import PAS, KeyUse, PublicKey, Snapshot
from pas_schemas.errors import KeyringError
from pas_schemas.rulebook import Rulebook
from pas_schemas.sealing import BATCH, CLOCKS_DIFFER, REPLY, IdKey, Opener, OpeningKey, Sealer, SealingKey, StoreKey
from pas_transport.keyring import Keyring
from pas_transport.rules import load_rulebook
from pas_transport.workspace import Workspace

# How long one epoch is sealed in: a process that lives longer begins a new one.
EPOCH_LIFE = timedelta(hours=12)
# Public keys kept in the form they are used in: more than there are offices.
KEYS_KEPT = 1024


@dataclass(frozen=True)
class PasOffice:
    """What a gateway process holds in memory and nowhere else."""

    keyring: Keyring = field(repr=False)
    snapshot: Snapshot = field(repr=False)
    rulebook: Rulebook = field(repr=False)
    clock: Clock = field(repr=False)
    realm: Realm = MAIN
    # Movements that the log holds and the register does not yet: a worker keeps them up to date.
    waiting: list[Row] = field(default_factory=list, repr=False)

    @classmethod
    def of(cls, workspace: Workspace, rulebook: Rulebook | None = None) -> PasOffice:
        """Raises KeyringError without every key that PAS needs, RulebookError for a rulebook that cannot be enforced."""
        office = cls(
            workspace.keyring(PAS), workspace.directory(), rulebook or load_rulebook(workspace), workspace.clock, realm_of(workspace)
        )
        office.check_keys()
        return office

    def check_keys(self) -> None:
        """Raises KeyringError or SealError where a private key is lost or damaged: what cannot be opened would be quarantined."""
        _ = self.register_key, self.register_id_key
        signing, now = self.keyring.signing().id, self.clock.now()
        opening = {key.id for key in self._opening_keys().values()}
        signs = {key.id for key in self.snapshot.keys(PAS, "sign") if key.current(now)}
        opens = {key.id for key in self.snapshot.keys(PAS, self.realm.opens) if key.current(now)}
        if signing not in signs or not opens <= opening:
            raise KeyringError("A private key of PAS that the directory names is not in this workspace.", "restore it from a backup")

    @cached_property
    def names(self) -> Names:
        return Names(self.register_id_key, self.register_key, self.realm.apart)

    def know(self, fresh: Iterable[Row] = ()) -> Knowledge:
        """What a decision made now may look at: the register, once it is loaded, these movements, and those that wait."""
        return Knowledge(self.names, (*fresh, *self.waiting))

    def scribe(self) -> Scribe:
        """Who writes what the audit says of this moment."""
        return Scribe(self.clock.now(), self.rulebook.digest, self.snapshot.version)

    @cached_property
    def main_names(self) -> Names:
        """Those of PAS's own register, under which the compartment lists whom it protects."""
        return Names(self.keyring.register_id_key(MAIN.names))

    @cached_property
    def register_id_key(self) -> IdKey:
        return self.keyring.register_id_key(self.realm.names)

    @cached_property
    def register_key(self) -> StoreKey:
        return self.keyring.register_key(self.realm.register)

    @cached_property
    def sealer(self) -> Sealer:
        return Sealer(PAS, self.keyring.signing(), epoch_life=EPOCH_LIFE)

    @cached_property
    def reply_sealer(self) -> Sealer:
        """Of what PAS says to itself."""
        return Sealer(PAS, self.keyring.signing(), epoch_life=EPOCH_LIFE, prefix=REPLY)

    @cached_property
    def opener(self) -> Opener:
        """Of reports, refusals and movements."""
        return self._opener(BATCH)

    @cached_property
    def reply_opener(self) -> Opener:
        return self._opener(REPLY)

    def key_of(self, recipient: str, at: datetime, use: KeyUse = "open") -> SealingKey | None:
        """What is sealed to an office with now; None where the directory has no current key of it."""
        found = self.snapshot.key(recipient, use, at)
        return None if found is None else _read_key(found.public)

    def _opener(self, prefix: bytes) -> Opener:
        own = {key.id: key for key in self.snapshot.keys(PAS, self.realm.opens)}
        return Opener(PAS, self._opening_keys(), self.find_signer, own.get, prefix=prefix)

    def _opening_keys(self) -> Mapping[str, OpeningKey]:
        return self.keyring.compartment() if self.realm.apart else self.keyring.opening()

    def list_cut(self, at: datetime) -> dict[str, int]:
        """The signing keys of PAS that had ended by then, each with the time (ms) before which what the log had counts everywhere."""
        ends = {key.id: key.end for key in self.snapshot.keys(PAS, "sign") if key.end is not None}
        return {key: to_ms(end - CLOCKS_DIFFER) for key, end in ends.items() if end <= at}

    def find_signer(self, sender: str, key_id: str) -> PublicKey | None:
        return self.snapshot.find_key(sender, "sign", key_id)


@lru_cache(maxsize=KEYS_KEPT)
def _read_key(public: bytes) -> SealingKey:
    return SealingKey.from_bytes(public)
