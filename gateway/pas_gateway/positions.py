"""Where each input partition is read from: where the register stands, if the log still is the one it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from pas_gateway.register import Store, queries
from pas_schemas.errors import RegisterError
from pas_transport.log import Log, OffsetGoneError, Partition

_RUNBOOK = "a topic made anew or restored is never skipped: see the runbook *topic lost*"


def refuse_other_log(log: Log, store: Store) -> None:
    """Raises RegisterError where the register was fed from another log: two systems are mixed up."""
    with store.reading() as register:
        others = queries.logs_known(register) - {log.identity}
    if others:
        raise RegisterError("This register has been fed from another log.", "see log_path and register_url")


def find_start(log: Log, store: Store, partition: Partition) -> tuple[int, int | None]:
    """The offset to read from, and the position the register holds (None: never read).

    The last record taken in is read again and must be the same: OffsetGoneError otherwise, and the partition rests.
    """
    found = store.ask(lambda register: queries.find_position(register, log.identity, *partition))
    first = log.starts([partition.topic])[partition]
    if found is None:
        return first, None
    following, digest = found
    place = f"{partition.topic} partition {partition.number}"
    if first > following:
        raise OffsetGoneError(f"Records of {place} left the log before they were taken in.", _RUNBOOK, partition)
    # At `first == following` the last record has grown too old for the log, and nothing after it is missing.
    if first < following and _last_digest(log, partition, following) != digest:
        raise OffsetGoneError(f"{place} is not the one this register has read.", _RUNBOOK, partition)
    return following, following


def _last_digest(log: Log, partition: Partition, following: int) -> bytes | None:
    try:
        last = log.read(partition, following - 1, 1)
    except OffsetGoneError:
        return None
    return sha256(last[0].value).digest() if last else None


def measure_lag(
    ends: Mapping[Partition, int], starts: Mapping[Partition, int], positions: Mapping[tuple[str, int], int]
) -> dict[Partition, int]:
    """How many records of each partition the log holds that the register has not taken in."""
    return {partition: end - max(positions.get(partition, 0), starts[partition]) for partition, end in ends.items()}
