"""What PAS finds in the log: records opened with its own keys, by nothing but the log, the directory and the keyring."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pas_schemas.codec import decode
from pas_schemas.directory import Snapshot
from pas_schemas.parts import OpenedReport, unpack_report
from pas_schemas.sealing import Opener
from pas_schemas.topics import COMPARTMENT, MOVEMENTS, REPORTS, URGENT
from pas_transport.keyring import Keyring
from pas_transport.log import Log, Partition

INPUTS = (REPORTS.name, URGENT.name, COMPARTMENT.name, MOVEMENTS.name)


@dataclass(frozen=True)
class Found:
    """One record of the log, opened."""

    topic: str
    key: bytes
    at: datetime
    sender: str
    record_id: bytes
    schema: str
    datum: Any
    report: OpenedReport | None


def open_records(log: Log, snapshot: Snapshot, pas: Keyring, topics: Iterable[str] = INPUTS) -> list[Found]:
    """Every record of the topics in the order of their partitions; raises where one does not open."""
    own = {key.id: key for use in ("open", "compartment") for key in snapshot.keys("pas", use)}  # type: ignore[arg-type]  # both are uses
    openers = {use: Opener("pas", keys, lambda o, k: _signer(snapshot, o, k), own.get) for use, keys in _keys(pas).items()}
    found = []
    for partition, end in sorted(log.ends(topics).items()):
        opener = openers["compartment" if partition.topic == COMPARTMENT.name else "open"]
        found += [_open(opener, record, snapshot) for record in _read(log, partition, end)]
    return found


def _keys(pas: Keyring) -> dict[str, Any]:
    return {"open": pas.opening(), "compartment": pas.compartment()}


def _signer(snapshot: Snapshot, office: str, key_id: str) -> Any:
    return next((key for key in snapshot.keys(office, "sign") if key.id == key_id), None)


def _read(log: Log, partition: Partition, end: int) -> list[Any]:
    records: list[Any] = []
    while len(records) < end:
        records += log.read(partition, len(records), 1000)
    return records


def _open(opener: Opener, record: Any, snapshot: Snapshot) -> Found:
    opened = opener.open(record.value, record.at)
    decoded = decode(opened.payload)
    report = unpack_report(opened.payload, opened.manifest) if decoded.name == "report" else None
    return Found(
        record.partition.topic, record.key, record.at, opened.sender, opened.record_id, decoded.name, decoded.datum, report
    )  # fmt: skip
