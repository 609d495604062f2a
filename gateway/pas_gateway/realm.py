"""Which gateway this is: that of PAS, or that of its compartment. One pipeline serves both; what is different stands here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pas_schemas.directory import KeyUse
from pas_schemas.topics import COMPARTMENT, MOVEMENTS, REPLIES, REPORTS, URGENT
from pas_transport.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Realm:
    """`opens` is the use of PAS's keys it opens with; `routine` and `urgent` are the topics of its workers; the worker that has
    the first partition of `first` looks after what time brings; `register` and `names` are the keys of its register."""

    opens: KeyUse
    group: str
    routine: tuple[str, ...]
    urgent: str | None
    first: str
    register: str
    names: str
    apart: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every topic it takes in."""
        return (*self.routine, self.urgent) if self.urgent else self.routine

    def topics(self, *, urgent: bool) -> tuple[str, ...]:
        """What one of its workers reads: who reads threats to life reads nothing else."""
        return (self.urgent,) if urgent and self.urgent else self.routine


MAIN: Final = Realm(
    "open", "pas-gateway", (MOVEMENTS.name, REPLIES.name, REPORTS.name), URGENT.name, MOVEMENTS.name, "register", "register-id"
)
APART: Final = Realm(
    "compartment", "pas-compartment", (COMPARTMENT.name,), None, COMPARTMENT.name, "paso-register", "paso-register-id", apart=True
)


def realm_of(workspace: Workspace) -> Realm:
    """Of the compartment's side of a workspace the compartment; else PAS's own."""
    return APART if workspace.apart else MAIN
