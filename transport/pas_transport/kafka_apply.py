"""Makes a running cluster what a plan says: finds what differs, and changes that and nothing else."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

from kafka import errors as theirs
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.protocol.admin import DescribeAclsRequest, DescribeUserScramCredentialsRequest

from pas_schemas.errors import LogError, SettingsError
from pas_schemas.topics import Topic
from pas_transport.files import write_once
from pas_transport.kafka_client import WAIT_SECONDS, Clients, KafkaAccess
from pas_transport.kafka_leaders import Advance
from pas_transport.kafka_plan import Grant, Plan
from pas_transport.kafka_quotas import Quotas, compare_quotas, set_quotas
from pas_transport.kafka_topics import KafkaTopics
from pas_transport.log import LogUnavailableError
from pas_transport.workspace import read_secret

# Grants go in requests of this many: a county's whole directory is some four thousand.
GRANTS_AT_ONCE = 500
PASSWORD_BYTES = 32
# Brokers learn of a change one after another.
SETTLE_SECONDS = 0.2
_RESOURCES: dict[Literal["topic", "group"], Any] = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}
_SCRAM = ScramMechanism.SCRAM_SHA_512
_DESCRIBE_USERS = DescribeUserScramCredentialsRequest(users=None)
_DESCRIBE_ACLS = DescribeAclsRequest(
    resource_type_filter=ResourceType.ANY, resource_name_filter=None, pattern_type_filter=ACLResourcePatternType.ANY,
    principal_filter=None, host_filter=None, operation=ACLOperation.ANY, permission_type=ACLPermissionType.ANY,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """What a cluster lacks and what it has too much; `guarded` is False where it has no authorizer, so no users count.

    `strange` tells, in words, what somebody else granted, denied or bounded there that reaches the directory's topics, groups or
    users: it is told and left alone.
    """

    topics: tuple[Topic, ...] = ()
    users: tuple[str, ...] = ()
    users_too_many: tuple[str, ...] = ()
    granted: tuple[Grant, ...] = ()
    withdrawn: tuple[Grant, ...] = ()
    quotas: Quotas = field(default_factory=dict)
    strange: tuple[str, ...] = ()
    guarded: bool = True

    @property
    def nothing(self) -> bool:
        return not (self.topics or self.users or self.users_too_many or self.granted or self.withdrawn or self.quotas)


class ClusterAdmin:
    """An administrator's connection; every method raises a `LogError`."""

    def __init__(self, access: KafkaAccess, prefix: str = "", wait_seconds: float = WAIT_SECONDS) -> None:
        self._clients = Clients(access, wait_seconds)
        self._admin = self._clients.admin()
        self._topics = KafkaTopics(self._clients, self._admin, prefix)

    def compare(self, plan: Plan) -> Difference:
        """What must be changed; raises `TopicMismatchError` for a topic that exists otherwise than declared: a topic never changes."""
        return replace(self._compare_rights(plan), topics=tuple(self._topics.compare(plan.topics)))

    def list_thin(self, plan: Plan) -> list[str]:
        """See `KafkaTopics.list_thin`; of topics that are there."""
        return self._topics.list_thin(plan.topics)

    def _compare_rights(self, plan: Plan, broker: int | None = None) -> Difference:
        """All but the topics, as one broker knows it: this one, or any."""
        send = partial(self._send, broker=broker)
        found = _read_acls(send)
        if found is None:
            return Difference(guarded=False)
        there, strange = sort_acls(plan, found)
        wanted = plan.grants
        named = _read_users(send)
        quotas, bounds = compare_quotas(plan, send)
        return Difference(
            (),
            tuple(user.name for user in plan.users if user.name not in named),
            tuple(name for name in plan.retired if name in named),
            tuple(sorted(wanted - there)),
            tuple(sorted(there - wanted)),
            quotas,
            (*strange, *bounds),
        )

    def apply(self, plan: Plan, difference: Difference, passwords: Path, advance: Advance = lambda _: None) -> None:
        """Change it, what is taken away first, and return when every broker shows it and all partitions are led.

        `passwords` is the folder where each user's password lies, made where it is not; `advance` is told how many more partitions
        are led.
        """
        self._withdraw(difference)
        self._topics.create(difference.topics)
        set_quotas(difference.quotas, self._send)
        self._make_users(difference.users, passwords)
        # Last: a broker takes in grants after the credentials that were told with them, and so lets in whom it shows grants of.
        self._grant(difference.granted)
        self._topics.await_leaders(plan.topics, advance)
        deadline = time.monotonic() + self._clients.wait_seconds
        while not all(self._compare_rights(plan, broker).nothing for broker in self._list_brokers()):
            if time.monotonic() >= deadline:
                raise LogUnavailableError("Not every broker shows the changes yet", "repeat: what is done is not done twice")
            time.sleep(SETTLE_SECONDS)

    def make_topics(self, topics: Sequence[Topic]) -> None:
        """Only what is missing of these topics: for a demo or a drill on a cluster that guards nothing."""
        self._topics.create(self._topics.compare(topics))
        self._topics.await_leaders(topics)

    def close(self) -> None:
        self._admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _list_brokers(self) -> list[int]:
        """Those that the cluster counts on."""
        found = self._clients.ask(self._admin.describe_cluster)["brokers"]
        return [one["broker_id"] for one in found if not one.get("is_fenced")]

    def _withdraw(self, difference: Difference) -> None:
        gone = [_make_filter(grant) for grant in difference.withdrawn]
        for first in range(0, len(gone), GRANTS_AT_ONCE):
            part = gone[first : first + GRANTS_AT_ONCE]
            self._clients.ask(partial(self._admin.delete_acls, part))
        self._alter_users([UserScramCredentialDeletion(name, _SCRAM) for name in difference.users_too_many])

    def _grant(self, grants: tuple[Grant, ...]) -> None:
        new = [_make_acl(grant) for grant in grants]
        for first in range(0, len(new), GRANTS_AT_ONCE):
            part = new[first : first + GRANTS_AT_ONCE]
            answer = self._clients.ask(partial(self._admin.create_acls, part))
            if answer["failed"]:
                raise LogError(f"Kafka refused {len(answer['failed'])} grants", "see the brokers' log")

    def _make_users(self, names: tuple[str, ...], passwords: Path) -> None:
        self._alter_users([UserScramCredentialUpsertion(name, _SCRAM, keep_password(passwords, name)) for name in names])

    def _alter_users(self, changes: list[Any]) -> None:
        if not changes:
            return
        answer = self._clients.ask(lambda: self._admin.alter_user_scram_credentials(changes))
        failed = [name for name, message in answer.items() if message]
        if failed:
            raise LogError(f"Kafka refused the credentials of {failed[0]}", "see the brokers' log")

    def _send(self, request: Any, broker: int | None = None) -> Any:
        """A request that the library knows and has no method for, or none that asks one broker."""

        def ask() -> Any:
            answer = self._admin._manager.run(self._admin._manager.send, request, broker)
            fault = theirs.for_code(getattr(answer, "error_code", 0))
            if fault is not theirs.NoError:
                raise fault
            return answer

        return self._clients.ask(ask)


def _read_acls(send: Callable[[Any], Any]) -> list[ACL] | None:
    """Every one a broker holds; None where it guards nothing."""
    try:
        resources = send(_DESCRIBE_ACLS).resources
    except LogError as error:
        if isinstance(error.__cause__, theirs.SecurityDisabledError):
            return None
        raise
    return [
        ACL(
            told.principal, told.host, ACLOperation(told.operation), ACLPermissionType(told.permission_type),
            ResourcePattern(ResourceType(one.resource_type), one.resource_name, ACLResourcePatternType(one.pattern_type)),
        )
        for one in resources
        for told in one.acls
    ]  # fmt: skip


def _read_users(send: Callable[[Any], Any]) -> set[str]:
    """Who has credentials of our kind."""
    found = send(_DESCRIBE_USERS).results
    return {one.user for one in found if any(held.mechanism == _SCRAM for held in one.credential_infos)}


def keep_password(folder: Path, name: str) -> str:
    """A user's password from its file (mode 0600), made where there is none; raises `SettingsError`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_once(folder / name, secrets.token_urlsafe(PASSWORD_BYTES).encode() + b"\n", 0o600)
    except OSError as error:
        raise SettingsError(f"The password of {name} cannot be kept: {error.strerror}.", "choose a folder that can be written") from None
    return read_secret(folder / name)


def _make_acl(grant: Grant) -> ACL:
    pattern = ResourcePattern(_RESOURCES[grant.resource], grant.name, _pattern(grant))
    return ACL(f"User:{grant.user}", "*", ACLOperation[grant.operation], ACLPermissionType.ALLOW, pattern)


def _make_filter(grant: Grant) -> ACLFilter:
    pattern = ResourcePatternFilter(_RESOURCES[grant.resource], grant.name, _pattern(grant))
    return ACLFilter(f"User:{grant.user}", "*", ACLOperation[grant.operation], ACLPermissionType.ALLOW, pattern)


def _pattern(grant: Grant) -> ACLResourcePatternType:
    return ACLResourcePatternType.PREFIXED if grant.prefixed else ACLResourcePatternType.LITERAL


def sort_acls(plan: Plan, found: Iterable[ACL]) -> tuple[set[Grant], tuple[str, ...]]:
    """What the plan's users may do now, in the plan's own names, and in words what is strange to a plan and reaches it."""
    ours = {user.name for user in plan.users} | set(plan.retired)
    there: set[Grant] = set()
    strange: set[str] = set()
    for acl in found:
        grant = _read_grant(acl)
        if grant is not None and grant.user in ours:
            there.add(grant)
        elif acl.principal.removeprefix("User:") in ours or _reaches(acl, plan):
            strange.add(_describe(acl))
    return there, tuple(sorted(strange))


def _reaches(acl: ACL, plan: Plan) -> bool:
    """Whether it speaks of a topic or a group of the plan's."""
    pattern = acl.resource_pattern
    names = {
        ResourceType.TOPIC: {plan.prefix + topic.name for topic in plan.topics},
        ResourceType.GROUP: {grant.name for grant in plan.grants if grant.resource == "group"},
    }.get(pattern.resource_type, set())
    if pattern.pattern_type == ACLResourcePatternType.PREFIXED:
        return any(name.startswith(pattern.resource_name) for name in names)
    return bool(names) and (pattern.resource_name == "*" or pattern.resource_name in names)


def _describe(acl: ACL) -> str:
    pattern = acl.resource_pattern
    many = "*" if pattern.pattern_type == ACLResourcePatternType.PREFIXED else ""
    what = f"{acl.operation.name} on {pattern.resource_type.name.lower()} {pattern.resource_name}{many}"
    return f"{acl.permission_type.name.lower()} {acl.principal} {what}" + ("" if acl.host == "*" else f" from {acl.host}")


def _read_grant(acl: ACL) -> Grant | None:
    """A grant as the cluster holds it; None for one that `Grant` cannot say: of another resource, from one host only, or a denial."""
    pattern = acl.resource_pattern
    resource: Literal["topic", "group"] | None = next((name for name, kind in _RESOURCES.items() if kind == pattern.resource_type), None)
    allowed = acl.permission_type == ACLPermissionType.ALLOW and acl.host == "*"
    if resource is None or not allowed or not acl.principal.startswith("User:"):
        return None
    prefixed = pattern.pattern_type == ACLResourcePatternType.PREFIXED
    return Grant(acl.principal.removeprefix("User:"), resource, pattern.resource_name, acl.operation.name, prefixed)
