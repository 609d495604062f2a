"""The seal around what lies in an inbox: the office's store key, bound to the place each thing is kept in."""

from __future__ import annotations

from dataclasses import dataclass

from pas_consumers.errors import StoreDamagedError
from pas_schemas.errors import SealError
from pas_schemas.sealing import StoreKey
from pas_schemas.sealing.framing import frame


@dataclass(frozen=True, slots=True)
class StoreSeal:
    """Seals and opens one office's rows; no row can stand in for another, nor for one of another office."""

    office: str
    key: StoreKey

    def seal(self, kind: bytes, name: bytes, content: bytes) -> bytes:
        """What goes into the column `sealed` of the row with that name."""
        return self.key.seal(content, self._place(kind, name))

    def open(self, kind: bytes, name: bytes, sealed: bytes) -> bytes:
        """What was sealed; raises StoreDamagedError where a bit of it, its row or the key is another."""
        try:
            return self.key.open(sealed, self._place(kind, name))
        except SealError:
            raise StoreDamagedError(
                f"What lies in the inbox of {self.office} is not what was put there.", "restore it from a backup"
            ) from None

    def _place(self, kind: bytes, name: bytes) -> bytes:
        return frame(b"pas/inbox", kind, self.office.encode(), name)
