"""Everything the application log can say: a closed list of events, each with its level, meaning and fields; never content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """What one line says. Its name is the class's, written_so; what is no field of a class cannot be logged."""

    level: ClassVar[Level] = "info"

    @classmethod
    def name(cls) -> str:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()

    def values(self) -> dict[str, Any]:
        """The fields of the line, as JSON has them."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, slots=True)
class GatewayStarted(Event):
    """A run began: its workers, and the edition of the directory and the rulebook that it goes by."""

    workers: int
    directory: int
    rulebook: str


@dataclass(frozen=True, slots=True)
class GatewayEnded(Event):
    """A run ended, and its workers were drained."""


@dataclass(frozen=True, slots=True)
class WorkerStarted(Event):
    """A worker process has its keys, its register and its log, and begins to read."""

    directory: int


@dataclass(frozen=True, slots=True)
class WorkerFell(Event):
    """A worker process ended without being told to (a negative code is the signal that killed it); it is started again."""

    level: ClassVar[Level] = "error"
    fallen: str
    code: int


@dataclass(frozen=True, slots=True)
class WorkerGivenUp(Event):
    """A worker process has stood still for twice hang_seconds and is killed; another takes over what it held."""

    level: ClassVar[Level] = "error"
    given_up: str


@dataclass(frozen=True, slots=True)
class DirectoryChanged(Event):
    """A worker goes by a newer edition of the directory from now on."""

    directory: int


@dataclass(frozen=True, slots=True)
class RulebookChanged(Event):
    """A worker goes by another rulebook from now on."""

    rulebook: str


@dataclass(frozen=True, slots=True)
class RulebookRefused(Event):
    """Another rulebook cannot be enforced: the worker goes on by the one it has."""

    level: ClassVar[Level] = "error"
    sentence: str


@dataclass(frozen=True, slots=True)
class Batch(Event):
    """A batch was written with all its effects: how many records it had, and what became of them."""

    records: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BatchAgain(Event):
    """Another worker wrote what a batch was computed from: it is decided again. Ordinary, unless it never ends."""

    records: int


@dataclass(frozen=True, slots=True)
class BatchFailed(Event):
    """A batch met a fault of the program: it is taken record by record, and the one at fault is set aside."""

    level: ClassVar[Level] = "error"
    records: int
    failure: str


@dataclass(frozen=True, slots=True)
class MovementsBehind(Event):
    """More movements wait than are read ahead of a decision; they are taken in first, and what they change is decided again after that."""

    level: ClassVar[Level] = "warning"


@dataclass(frozen=True, slots=True)
class PartitionStopped(Event):
    """An input partition is not the one the register has read, or has lost records: it rests until a person sees to it."""

    level: ClassVar[Level] = "error"
    partition: str
    why: str


@dataclass(frozen=True, slots=True)
class ClockJumped(Event):
    """The clock moved otherwise than time did, by so many seconds; after a jump forward nothing comes of it for a minute."""

    level: ClassVar[Level] = "warning"
    seconds: int


@dataclass(frozen=True, slots=True)
class RecordsWait(Event):
    """Records wait, for hang_seconds none was taken in, and nothing says why: the worker leaves its group and joins it anew."""

    level: ClassVar[Level] = "error"
    why: str


@dataclass(frozen=True, slots=True)
class LogUnavailable(Event):
    """The log does not answer; it is waited for, and this is told once until records come again."""

    level: ClassVar[Level] = "warning"
    why: str


@dataclass(frozen=True, slots=True)
class RegisterUnavailable(Event):
    """The register could not be reached or written; the same is tried again."""

    level: ClassVar[Level] = "warning"
    why: str


@dataclass(frozen=True, slots=True)
class TopicLost(Event):
    """A topic is not in the log: what is for it waits in the outbox, and everything else is sent; it is looked for again every minute."""

    level: ClassVar[Level] = "error"
    topic: str


@dataclass(frozen=True, slots=True)
class DispatchFailed(Event):
    """What waits in the outbox could not be sent, or not be marked as sent; it is tried again after the next batch."""

    level: ClassVar[Level] = "warning"
    error: str


# In the order in which docs/monitoring.md lists them.
EVENTS: tuple[type[Event], ...] = (
    GatewayStarted, GatewayEnded, WorkerStarted, WorkerFell, WorkerGivenUp, DirectoryChanged, RulebookChanged, RulebookRefused, Batch,
    BatchAgain, BatchFailed, MovementsBehind, ClockJumped, PartitionStopped, RecordsWait, LogUnavailable, RegisterUnavailable, TopicLost,
    DispatchFailed,
)  # fmt: skip
