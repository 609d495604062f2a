"""How the gateway stands, read from register, log and directory at one moment: what `status` tells and the metrics show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pas_gateway.positions import find_start, measure_lag
from pas_gateway.realm import Realm, realm_of
from pas_gateway.register import Store, gauges, ladders, queries
from pas_gateway.register.gauges import Waiting
from pas_schemas.clock import to_ms
from pas_schemas.directory import PAS, KeyUse
from pas_transport.log import Log, OffsetGoneError, Partition
from pas_transport.workspace import Workspace

# The keys PAS has in the directory, by what they are for.
USES: tuple[KeyUse, ...] = ("sign", "open", "compartment")


@dataclass(frozen=True, slots=True)
class Survey:
    """What a person or a machine may know of a gateway without learning of anybody; counts are since the register was made."""

    at: datetime
    lag: Mapping[Partition, int]
    stopped: tuple[Partition, ...]
    unfollowed: int
    outbox: Mapping[bool, Waiting]
    unread: Mapping[str, Waiting]
    unread_due_ms: int | None
    open_cases: Mapping[str, int]
    overdue_cases: Mapping[str, int]
    counts: Mapping[str, int]
    directory_version: int
    directory_expires: datetime
    key_ages: Mapping[str, timedelta]

    def since(self, at_ms: int | None) -> float:
        """The seconds from a moment to the survey's; 0 for none, or for one that is still to come."""
        return max((to_ms(self.at) - at_ms) / 1000, 0.0) if at_ms is not None else 0.0


def take_survey(workspace: Workspace, store: Store, log: Log) -> Survey:
    """Raises a LogError, RegisterError or DirectoryError where one of the three cannot be asked."""
    now, snapshot = workspace.clock.now(), workspace.directory()
    realm = realm_of(workspace)
    ends, starts = log.ends(realm.inputs), log.starts(realm.inputs)
    with store.reading() as register:
        positions = queries.list_positions(register, log.identity)
        opened, overdue = gauges.count_cases_by_kind(register, to_ms(now), apart=realm.apart)
        outbox, unread = gauges.find_outbox(register), gauges.find_unread(register)
        unfollowed = gauges.count_unfollowed(register, to_ms(now))
        unread_due_ms = ladders.find_oldest_unread(register)
        counts = queries.read_counters(register)
    stopped = find_stopped(log, store, realm)
    # Of one that is not what was read, nothing was taken in. Others may have got further since the log was asked.
    lag = measure_lag(ends, starts, positions) | {place: ends[place] - starts[place] for place in stopped if place in ends}
    return Survey(
        at=now,
        lag={place: max(behind, 0) for place, behind in lag.items()},
        stopped=stopped,
        unfollowed=unfollowed,
        outbox=outbox,
        unread=unread,
        unread_due_ms=unread_due_ms,
        open_cases=opened,
        overdue_cases=overdue,
        counts=counts,
        directory_version=snapshot.version,
        directory_expires=snapshot.expires_at,
        key_ages={use: now - key.start for use in USES if (key := snapshot.key(PAS, use, now)) is not None},
    )


def find_stopped(log: Log, store: Store, realm: Realm) -> tuple[Partition, ...]:
    """The input partitions that rest until a person sees to them, whoever found it first: asked of the log itself, as a worker would."""
    stopped = []
    for partition in sorted(log.ends(realm.inputs)):
        try:
            find_start(log, store, partition)
        except OffsetGoneError as error:
            stopped.append(error.partition)
    return tuple(stopped)
