"""How fast each user of a cluster may go: what bounds it has, what a plan says of them, and how one is made the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kafka import errors as theirs
from kafka.protocol.admin import AlterClientQuotasRequest, DescribeClientQuotasRequest

from pas_transport.kafka_client import read_failure
from pas_transport.kafka_plan import Plan
from pas_transport.kafka_render import list_quotas

# By user, Kafka's name of a bound and what it must be; None where it must not be.
Quotas = Mapping[str, Mapping[str, int | None]]
# What a broker holds of one or several kinds of entity, by kind and name; the name is None for all that have no bound of their own.
Entity = Mapping[str, str | None]
Send = Callable[[Any], Any]
_DESCRIBE_EVERYTHING = DescribeClientQuotasRequest(components=[], strict=False)


def compare_quotas(plan: Plan, send: Send) -> tuple[Quotas, tuple[str, ...]]:
    """What must be changed of the plan's users, those whose term is over too; and, in words, other bounds that hold them back."""
    wanted = {user.name: list_quotas(user) for user in plan.users} | {name: {} for name in plan.retired}
    there: dict[str, dict[str, float]] = {}
    strange: set[str] = set()
    for entry in send(_DESCRIBE_EVERYTHING).entries or []:
        entity = {part.entity_type: part.entity_name for part in entry.entity}
        bounds = {value.key: value.value for value in entry.values}
        user = entity.get("user")
        if user in wanted and len(entity) == 1:
            there[user] = bounds
        elif user is None or user in wanted:
            strange.update(_describe(entity, key, value) for key, value in bounds.items())
    return {name: change for name, bounds in wanted.items() if (change := _compare(bounds, there.get(name, {})))}, tuple(sorted(strange))


def set_quotas(quotas: Quotas, send: Send) -> None:
    """Make it so; raises a `LogError`."""
    data = AlterClientQuotasRequest.EntryData
    entries = [
        data(
            entity=[data.EntityData(entity_type="user", entity_name=name)],
            ops=[data.OpData(key=key, value=float(value or 0), remove=value is None) for key, value in wanted.items()],
        )
        for name, wanted in quotas.items()
    ]
    if entries:
        for entry in send(AlterClientQuotasRequest(entries=entries, validate_only=False)).entries:
            if entry.error_code:
                raise read_failure(theirs.for_code(entry.error_code)())


def _compare(wanted: Mapping[str, int], there: Mapping[str, float]) -> dict[str, int | None]:
    return {key: wanted.get(key) for key in sorted(wanted.keys() | there.keys()) if wanted.get(key) != there.get(key)}


def _describe(entity: Entity, key: str, value: float) -> str:
    whom = " of ".join(f"every {kind} without its own" if name is None else f"{kind} {name}" for kind, name in sorted(entity.items()))
    return f"bound {key}={value:g} on {whom}"
