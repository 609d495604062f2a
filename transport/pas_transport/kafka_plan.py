"""What a cluster must be for a directory: its topics, its users, what each may do and how fast; pure, so that it can be shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pas_schemas.border import WRITERS
from pas_schemas.directory import PAS, Snapshot, Standing
from pas_schemas.errors import DirectoryError
from pas_schemas.topics import SHARED_TOPICS, Topic, deliveries

# The gateway's groups all begin so; no other office is a member of any group.
GATEWAY_GROUPS = "pas-gateway"
# Reports to the compartment are read by its own user, so that PAS's cannot; it writes deliveries as PAS does, who may not be told apart.
COMPARTMENT_USER = "pas.compartment"
COMPARTMENT_GROUPS = "pas-compartment"
MIB = 1024 * 1024
# A force's whole day of reports passes in a minute; one office that floods the log slows down nobody else.
OFFICE_WRITES_BYTES_PER_SECOND = 4 * MIB
OFFICE_READS_BYTES_PER_SECOND = 16 * MIB

Operation = Literal["READ", "WRITE", "DESCRIBE", "DESCRIBE_CONFIGS"]


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One thing a user may do with a topic or a group; with `prefixed`, with every one whose name begins so."""

    user: str
    resource: Literal["topic", "group"]
    name: str
    operation: Operation
    prefixed: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """One set of credentials; the bounds are bytes a second at each broker, None without one."""

    name: str
    grants: tuple[Grant, ...]
    writes_per_second: int | None = None
    reads_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a cluster must hold; `retired` are users of offices whose term is over, `lapsed` what they were granted."""

    topics: tuple[Topic, ...]
    users: tuple[User, ...]
    retired: tuple[str, ...]
    prefix: str = ""
    lapsed: tuple[Grant, ...] = ()

    @property
    def grants(self) -> frozenset[Grant]:
        return frozenset(grant for user in self.users for grant in user.grants)


def name_user(office: str, prefix: str = "") -> str:
    """The name an office has at Kafka: in lower case, since Strimzi's users are named so; estates on one cluster never share one."""
    return prefix + office.replace(":", ".").lower()


def make_plan(snapshot: Snapshot, at: datetime, prefix: str = "") -> Plan:
    """The plan for the offices as they stand at a time; raises `DirectoryError` where two would be one user."""
    standings = sorted(snapshot.at(at).offices.values(), key=lambda one: one.id)
    by_name: dict[str, str] = {}
    for one in standings:
        other = by_name.setdefault(name_user(one.id, prefix), one.id)
        if other != one.id:
            raise DirectoryError(f"{other} and {one.id} would be one user at Kafka.", "write one of them otherwise")
    topics = (*SHARED_TOPICS, *(deliveries(one.id) for one in standings))
    users = [_make_user(one, topics, prefix) for one in standings if one.active]
    compartment = prefix + COMPARTMENT_USER
    roles = {"compartment", "every office"}
    grants = {*_grants(compartment, roles, topics, prefix), *_gateway_grants(compartment, COMPARTMENT_GROUPS, prefix)}
    users.append(User(compartment, tuple(sorted(grants))))
    retired = [_make_user(one, topics, prefix) for one in standings if not one.active]
    lapsed = tuple(sorted(grant for user in retired for grant in user.grants))
    return Plan(topics, tuple(sorted(users, key=lambda user: user.name)), tuple(user.name for user in retired), prefix, lapsed)


def _make_user(office: Standing, topics: tuple[Topic, ...], prefix: str) -> User:
    name = name_user(office.id, prefix)
    grants = set(_grants(name, _roles(office), topics, prefix))
    if office.id == PAS:
        return User(name, tuple(sorted(grants | set(_gateway_grants(name, GATEWAY_GROUPS, prefix)))))
    return User(name, tuple(sorted(grants)), OFFICE_WRITES_BYTES_PER_SECOND, OFFICE_READS_BYTES_PER_SECOND)


def _roles(office: Standing) -> set[str]:
    """The words by which `pas_schemas.topics` says who writes and reads."""
    roles = {office.id, "every office"}
    if office.kind in WRITERS:
        roles.add("originators")
    if office.kind in {"feed", "inspector"}:
        roles.add(office.kind)
    return roles | ({"gateway", "pas"} if office.id == PAS else set())


def _grants(user: str, roles: set[str], topics: tuple[Topic, ...], prefix: str) -> Iterator[Grant]:
    for topic in topics:
        own = topic.name.startswith("pas.deliveries.")
        if roles & set(topic.read_by):
            yield Grant(user, "topic", prefix + topic.name, "READ")
        # One grant lets the gateway write every office's topic, those of offices to come too.
        if roles & set(topic.written_by) and not own:
            yield Grant(user, "topic", prefix + topic.name, "WRITE")


def _gateway_grants(user: str, groups: str, prefix: str) -> Iterator[Grant]:
    yield Grant(user, "topic", f"{prefix}pas.deliveries.", "WRITE", prefixed=True)
    yield Grant(user, "topic", f"{prefix}pas.", "DESCRIBE", prefixed=True)
    yield Grant(user, "topic", f"{prefix}pas.", "DESCRIBE_CONFIGS", prefixed=True)
    yield Grant(user, "group", prefix + groups, "READ", prefixed=True)
