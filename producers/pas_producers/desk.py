"""An office at work: the keys by which it names, signs and seals what it sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pas_schemas.directory import Snapshot
from pas_schemas.errors import DirectoryError, KeyringError, PasError
from pas_schemas.sealing import IdKey, Sealer
from pas_transport.keyring import Keyring

# An epoch's secret lives in memory only; sealing it anew each hour costs one key agreement.
EPOCH_LIFE = timedelta(hours=1)
FindKeyring = Callable[[str], Keyring]


@dataclass(frozen=True, slots=True)
class Desk:
    """One office with its keys at hand; `key_id` is the signing key's."""

    office: str
    key_id: str
    id_key: IdKey = field(repr=False)
    sealer: Sealer = field(repr=False)


class Desks:
    """The desks of one run, each opened when its office is first met and remembered, its failure too."""

    def __init__(self, snapshot: Snapshot, find_keyring: FindKeyring) -> None:
        self._snapshot = snapshot
        self._find = find_keyring
        self._open: dict[str, Desk | PasError] = {}

    def open(self, office: str, now: datetime) -> Desk:
        """The desk of an office; KeyringError or DirectoryError where it has no keys here or none that is current."""
        current = self._snapshot.key(office, "sign", now)
        if current is None:
            raise DirectoryError(f"The directory has no current signing key of {office}.", "have its key enrolled: `pas directory add`")
        found = self._open.get(office)
        if found is None or (isinstance(found, Desk) and found.key_id != current.id):
            found = self._open[office] = self._try(office, current.id)
        if isinstance(found, PasError):
            raise found
        return found

    def _try(self, office: str, current: str) -> Desk | PasError:
        try:
            ring = self._find(office)
            signing, id_key = ring.signing(), ring.id_key()
        except KeyringError as failure:
            return failure
        if signing.id != current:
            return KeyringError(f"The signing key of {office} here is not the current one.", "bring the key that the directory has")
        return Desk(office, signing.id, id_key, Sealer(office, signing, epoch_life=EPOCH_LIFE))
