"""What became of each report that was given to a publisher."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Published:
    """The log has it."""

    urn: str
    report_id: bytes


@dataclass(frozen=True, slots=True)
class Repeated:
    """An earlier run had it in the log, with the same content: nothing was appended."""

    urn: str
    report_id: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not come in: `rules` in the order of the tables, `why` a sentence for each and never any content.

    `recorded` says whether PAS is told, by a record without content; without a URN, or without the originator's keys,
    only the caller can tell anybody.
    """

    urn: str | None
    rules: tuple[str, ...]
    why: str
    recorded: bool = False

    @property
    def code(self) -> str:
        """The first rule that rejects it."""
        return self.rules[0]


Outcome = Published | Repeated | Refused


@dataclass(frozen=True, slots=True)
class Publication:
    """The outcomes of a run, one for each report given, in their order."""

    outcomes: tuple[Outcome, ...] = field(default=(), repr=False)

    @property
    def published(self) -> tuple[Published, ...]:
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, Published))

    @property
    def repeated(self) -> tuple[Repeated, ...]:
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, Repeated))

    @property
    def refused(self) -> tuple[Refused, ...]:
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, Refused))
