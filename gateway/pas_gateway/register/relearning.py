"""What a restored register learns again: deliveries that the log holds and it did not know, until all that came since is taken in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from pas_gateway.register import schema
from pas_gateway.register.change import LOOK_ONCE, find_known, find_rows
from pas_schemas.models.words import TO_READ


@dataclass(frozen=True, slots=True)
class Relearnt:
    """A delivery that was sent before the register was restored; `words` tell a notice again."""

    id: bytes
    kind: str
    words: bytes


Known = Mapping[tuple[bytes, str], list[Relearnt]]


def find_relearnt(connection: sa.Connection, reports: Iterable[bytes]) -> Known:
    """What offices were sent about these reports and is not accounted for yet, by report and office."""
    table = schema.relearnt
    found: dict[tuple[bytes, str], list[Relearnt]] = {}
    for row in find_rows(connection, sa.select(table).order_by(table.c.id), table.c.report, reports):
        found.setdefault((row.report, row.office), []).append(Relearnt(row.id, row.kind, row.words))
    return found


def knows(connection: sa.Connection, ids: Collection[bytes]) -> bool:
    """Whether each of these deliveries has its row."""
    return set(ids) <= find_known(connection, schema.deliveries.c.id, list(ids))


def is_regaining(connection: sa.Connection) -> bool:
    """Whether anything is still to be accounted for."""
    return connection.execute(sa.select(schema.relearnt.c.id).limit(1)).first() is not None


def list_regained(connection: sa.Connection, log: str, most: int) -> list[bytes]:
    """Reports to account for, once every input is taken in as far as it went when the register was restored; none before."""
    goal, place = schema.regained.c, schema.positions.c
    same = sa.and_(place.log == log, place.topic == goal.topic, place.partition == goal.partition, place.next >= goal.until)
    behind = sa.select(goal.topic).where(goal.until > 0, ~sa.exists().where(same)).limit(1)
    if connection.execute(behind).first() is not None:
        return []
    return list(connection.execute(sa.select(schema.relearnt.c.report).distinct().order_by(schema.relearnt.c.report).limit(most)).scalars())


# Of a delivery that no log ever took its number is used up, and nobody has anything of it.
_NEVER_SENT = {"kind": "NOTICE", "items": "", "state": "WITHDRAWN", "deadline_ms": None, "climb_ms": None}


def learn(
    connection: sa.Connection,
    deliveries: Sequence[dict[str, Any]],
    goals: Mapping[tuple[str, int], int],
    unsent: Collection[bytes],
) -> int:
    """Takes in deliveries that are not known, and until where the inputs must be taken in; returns how many were not known.

    Those that are `unsent` only use up their numbers: what they would have brought goes out under the next.
    """
    known = find_known(connection, schema.deliveries.c.id, [row["id"] for row in deliveries])
    fresh = {row["id"]: row for row in deliveries if row["id"] not in known}
    if not fresh:
        return 0
    rows = [
        {name: value for name, value in row.items() if name != "words"} | (_NEVER_SENT if row["id"] in unsent else {})
        for row in fresh.values()
    ]
    connection.execute(schema.deliveries.insert(), rows)
    sent = [row for row in fresh.values() if row["id"] not in unsent]
    if not sent:
        return 0
    kept = ("id", "report", "office", "kind", "words")
    connection.execute(schema.relearnt.insert(), [{name: row[name] for name in kept} for row in sent])
    for row in sent:
        if row["kind"] == "WITHDRAWAL":
            _end_earlier(connection, row)
    connection.execute(schema.regained.delete())
    for (topic, number), end in goals.items():
        connection.execute(schema.regained.insert(), {"topic": topic, "partition": number, "until": end})
    return len(sent)


def _end_earlier(connection: sa.Connection, withdrawal: Mapping[str, Any]) -> None:
    """What a withdrawal took back is awaited no more, and nobody need have a case because of it."""
    table = schema.deliveries
    same = sa.and_(table.c.report == withdrawal["report"], table.c.office == withdrawal["office"], table.c.n < withdrawal["n"])
    taken_back = sa.and_(same, table.c.kind.in_(TO_READ))
    connection.execute(table.update().where(taken_back).values(state="WITHDRAWN", climb_ms=LOOK_ONCE))
