"""From parcels to batches: gathered until one is full, then sealed for each key and sent on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from pas_producers.journal import Journals, new_run
from pas_producers.packing import Parcel
from pas_producers.sending import Batch, Note
from pas_schemas.clock import Clock
from pas_schemas.directory import PAS, KeyUse, Snapshot
from pas_schemas.errors import DirectoryError
from pas_schemas.sealing import SealingKey
from pas_transport.log import Outgoing

Raw = TypeVar("Raw")
Told = TypeVar("Told")
BATCH_RECORDS = 500
# A batch of the largest records there are stays within memory.
BATCH_BYTES = 16 * 1024 * 1024


class Dispatcher:
    """Gathers parcels, seals them together and has them sent by `send`."""

    def __init__(
        self, send: Callable[[Batch], None], snapshot: Snapshot, journals: Journals, clock: Clock, batch_records: int = BATCH_RECORDS
    ) -> None:
        self._send = send
        self._snapshot = snapshot
        self._journals = journals
        self._clock = clock
        self._most = batch_records
        self._waiting: list[Parcel] = []
        self._ids: set[tuple[str, bytes, bytes]] = set()
        self._bytes = 0
        self._run = new_run()

    def begin(self, run: bytes) -> None:
        """From here on it is that run."""
        self._run = run

    def knows(self, office: str, record_id: bytes, digest: bytes) -> bool:
        """Whether the log has this record with this content, or will have with the next `flush`."""
        return (office, record_id, digest) in self._ids or self._noted_by(office, record_id, digest) is not None

    def knew(self, office: str, record_id: bytes, digest: bytes) -> bool:
        """Whether an earlier run saw the log take this record with this content."""
        return self._noted_by(office, record_id, digest) not in (None, self._run)

    def _noted_by(self, office: str, record_id: bytes, digest: bytes) -> bytes | None:
        journal = self._journals.of(office)
        return None if journal is None else journal.noted_by(record_id, digest)

    def stream(self, rows: Iterable[Raw], take: Callable[[Raw], Told]) -> Iterator[Told]:
        """What `take` says of each, which may add it, in their order: told once its batch was sent. Raises what sending does."""
        told: list[Told] = []
        try:
            for row in rows:
                told.append(take(row))
                if not self._waiting or self.due or len(told) >= self._most:
                    self.flush()
                    yield from told
                    told = []
            self.flush()
            yield from told
        finally:
            self.drop()

    def add(self, parcel: Parcel) -> None:
        """Put a parcel to those that wait."""
        self._waiting.append(parcel)
        self._ids.add((parcel.desk.office, parcel.plain.record_id, parcel.digest))
        self._bytes += len(parcel.plain.payload)

    @property
    def due(self) -> bool:
        """Whether the batch is full, or holds a threat to life, which waits for nobody."""
        return len(self._waiting) >= self._most or self._bytes >= BATCH_BYTES or (bool(self._waiting) and self._waiting[-1].urgent)

    def drop(self) -> list[Parcel]:
        """Forget what waits: it was never sent and nobody was told that it was."""
        parcels, self._waiting, self._ids, self._bytes = self._waiting, [], set(), 0
        return parcels

    def flush(self) -> None:
        """Seal what waits and send it; raises what sending does, or `DirectoryError`, and then nothing waits any more."""
        parcels = self.drop()
        if parcels:
            notes = [Note(parcel.desk.office, parcel.plain.record_id, parcel.digest, parcel.urn) for parcel in parcels]
            self._send(Batch(self._run, self._seal(parcels), notes))

    def _seal(self, parcels: Sequence[Parcel]) -> list[Outgoing]:
        """One signed batch for each sender and key of PAS; the records in the order of the parcels."""
        groups: dict[tuple[str, KeyUse], list[Parcel]] = {}
        for parcel in parcels:
            groups.setdefault((parcel.desk.office, parcel.use), []).append(parcel)
        now = self._clock.now()
        sealed: dict[tuple[str, KeyUse], Iterator[bytes]] = {}
        for (office, use), group in groups.items():
            found = self._snapshot.key(PAS, use, now)
            if found is None:
                raise DirectoryError("The directory has no current key of PAS.", "fetch a newer directory from PAS")
            plains = [parcel.plain for parcel in group]
            sealed[office, use] = iter(group[0].desk.sealer.seal(PAS, SealingKey.from_bytes(found.public), plains, now))
        return [Outgoing(parcel.topic, parcel.key, next(sealed[parcel.desk.office, parcel.use])) for parcel in parcels]
