"""Where each input partition is read from: where the register stands, if the log still is the one it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from pas_gateway.realm import Realm
from pas_gateway.register import Store, queries, relearning
from pas_gateway.route import delivery_id_of
from pas_gateway.vault import unwraps
from pas_schemas.errors import KeyringError, RegisterError
from pas_transport.keyring import Keyring
from pas_transport.log import Log, OffsetGoneError, Partition

# Rows that tell whose register it is: one would do, were none ever damaged.
_ROWS_TRIED = 8
_RUNBOOK = "a topic made anew or restored is never skipped: see the runbook *topic lost*"


def refuse_other_log(log: Log, store: Store) -> None:
    """Raises RegisterError where the register was fed from another log: two systems are mixed up."""
    with store.reading() as register:
        others = queries.logs_known(register) - {log.identity}
    if others:
        raise RegisterError("This register has been fed from another log.", "see log_path or bootstrap, and register_url")


def refuse_other_keys(store: Store, keyring: Keyring, realm: Realm) -> None:
    """Raises KeyringError where the register was made under other keys than PAS holds: nothing would open, and every prisoner be unknown.

    A damaged row among those looked at says nothing: the keys are other ones where none of them fits.
    """
    key, names = keyring.register_key(realm.register), keyring.register_id_key(realm.names)
    wrapped = store.ask(lambda register: queries.sample_data_keys(register, _ROWS_TRIED))
    named = store.ask(lambda register: queries.sample_deliveries(register, _ROWS_TRIED))
    opened = [unwraps(data_key, report, key) for report, data_key in wrapped]
    known = [delivery_id_of(names, sent.report, sent.office, sent.n) == sent.id for sent in named]
    for fits, file in ((opened, realm.register), (known, realm.names)):
        if fits and not any(fits):
            raise KeyringError(
                f"The register was not made under the key {file}.key that PAS holds.", "restore the key that belongs to the register"
            )


def find_start(log: Log, store: Store, partition: Partition) -> tuple[int, int | None]:
    """The offset to read from, and the position the register holds (None: never read).

    The last record taken in is read again and must be the same: OffsetGoneError otherwise, and the partition rests.
    """
    found = store.ask(lambda register: queries.find_position(register, log.identity, *partition))
    first = log.starts([partition.topic])[partition]
    place = f"{partition.topic} partition {partition.number}"
    if found is None and not (first and store.ask(relearning.is_regaining)):
        return first, None
    # A register that was emptied, or is older than all that this partition ever held, has read up to its beginning.
    following, digest = found or (0, b"")
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
