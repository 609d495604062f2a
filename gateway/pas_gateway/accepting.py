"""A person says that a topic which was made anew or restored is to be read from its beginning: what was in it before is lost to PAS."""

from __future__ import annotations

from hashlib import sha256

import sqlalchemy as sa

from pas_gateway.office import PasOffice
from pas_gateway.positions import find_start, refuse_other_log
from pas_gateway.register import Store, queries, schema
from pas_gateway.register.change import append_events
from pas_schemas.errors import RegisterError
from pas_transport.log import Log, OffsetGoneError, Partition


def accept_topic(log: Log, store: Store, office: PasOffice, partition: Partition, person: str) -> int:
    """Moves the register's position to the first record that the partition holds, on record in a person's name; returns that offset.

    Raises RegisterError where the partition is not stopped: what is whole is never skipped; and where the register is of another log.
    """
    refuse_other_log(log, store)
    if partition not in log.ends(office.realm.inputs):
        raise RegisterError(f"{partition.topic} has no partition {partition.number} that the gateway takes in.", "see `pas status`")
    try:
        find_start(log, store, partition)
    except OffsetGoneError:
        first = log.starts([partition.topic])[partition]
        store.write(lambda register: _accept(register, log, office, partition, first, person))
        return first
    raise RegisterError(f"{partition.topic} partition {partition.number} is the one this register has read.", "there is nothing to accept")


def _accept(register: sa.Connection, log: Log, office: PasOffice, partition: Partition, first: int, person: str) -> None:
    found = queries.find_position(register, log.identity, *partition)
    before, digest = found if found else (0, b"")
    place, attempts = schema.positions, schema.attempts
    mine = sa.and_(place.c.log == log.identity, place.c.topic == partition.topic, place.c.partition == partition.number)
    register.execute(place.delete().where(mine))
    here = {"log": log.identity, "topic": partition.topic, "partition": partition.number}
    register.execute(place.insert(), here | {"next": first, "digest": b""})
    # Offsets begin again: what lay at them before must not be taken for what lies there now.
    former = attempts.c.place.startswith(f"{partition.topic}-{partition.number}-", autoescape=True)
    renamed = attempts.c.place + "#" + sa.cast(attempts.c.number, sa.String)
    register.execute(attempts.update().where(former).values(place=renamed))
    told = office.scribe().event(
        "TOPIC_ACCEPTED", f"{partition.topic}-{partition.number}-{before}", digests=[digest, sha256(person.encode()).digest()]
    )
    append_events(register, [told])
