"""What has been played so far, the steps that were told, and what every part of the show does: run the gateway, and trace."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pas_gateway.demo.letters import Post
from pas_gateway.demo.outcomes import Name, Row, Traces, trace_all
from pas_gateway.demo.recipients import Recipients
from pas_gateway.demo.story import Story
from pas_gateway.demo.world import World
from pas_gateway.nursery import Nursery
from pas_gateway.register import open_store
from pas_gateway.supervisor import Supervisor
from pas_producers import Publication
from pas_schemas.clock import show_time
from pas_schemas.directory import PAS
from pas_schemas.errors import PasError
from pas_transport.files import write_whole
from pas_transport.log import Log
from pas_transport.workspace import CLOCK_FILE, Workspace, open_workspace

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Step:
    """Something that was done, in a sentence, with what came of it."""

    what: str
    result: str
    seconds: float


class UnfinishedDemoError(PasError):
    """The demo was told to stop before its end."""


@dataclass
class Played:
    """All that was sent and all that came of it. Traces: `decided` before anybody had read, `settled` the story's before the
    transfer, `final` after it, `closing` at the very end; post: `before` and `after` the transfer, and `last`."""

    workspace: Workspace
    nursery: Nursery = field(repr=False)
    seed: int
    story: Story = field(repr=False)
    world: World = field(repr=False)
    steps: list[Step] = field(default_factory=list)
    foretold: tuple[Row, ...] = field(default=(), repr=False)
    publication: Publication = field(default_factory=Publication, repr=False)
    again: tuple[Row, ...] = field(default=(), repr=False)
    movements: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    receipts: Counter[str] = field(default_factory=Counter)
    decided: Traces = field(default_factory=dict, repr=False)
    settled: Traces = field(default_factory=dict, repr=False)
    final: Traces = field(default_factory=dict, repr=False)
    closing: Traces = field(default_factory=dict, repr=False)
    before: Post = field(default_factory=lambda: Post({}, ()), repr=False)
    after: Post = field(default_factory=lambda: Post({}, ()), repr=False)
    last: Post = field(default_factory=lambda: Post({}, ()), repr=False)

    @property
    def reports(self) -> tuple[Row, ...]:
        """Every line published, the story's first."""
        return (*self.story.reports, *self.world.reports)


@dataclass
class Steps:
    """Writes down what is done and how long it took, and tells it."""

    played: Played
    tell: Callable[[Step], None]

    def add(self, what: str, result: str, seconds: float) -> None:
        step = Step(what, result, seconds)
        self.played.steps.append(step)
        self.tell(step)

    @contextmanager
    def taking(self, what: str) -> Iterator[list[str]]:
        """The body appends what came of it, in words."""
        started, result = time.monotonic(), list[str]()
        yield result
        self.add(what, ", ".join(result), time.monotonic() - started)


def settle(played: Played, recipients: Recipients, log: Log) -> None:
    """Until nobody has post any more: who accepted conditions is sent the text, and originators hear that they were read."""
    run_gateway(played)
    while (done := recipients.answer(log))["taken"]:
        played.receipts += done
        run_gateway(played)


def run_gateway(played: Played, workers: int = WORKERS) -> Mapping[str, int | float]:
    """One run until idle. Raises UnfinishedDemoError where somebody stopped it, for the gateway drains and says nothing."""
    supervisor = Supervisor(played.workspace, played.nursery, workers, until_idle=True)
    done = supervisor.run()
    if supervisor.told_to_stop:
        raise UnfinishedDemoError("The demo was stopped.", "what was done lies in its folder; run `pas demo` again in a new one")
    played.totals.update({name: int(value) for name, value in done.items() if name != "seconds"})
    return done


def turn_clock(played: Played, recipients: Recipients, minutes: int) -> None:
    """Everybody's clock goes on: a drill that production refuses, as it refuses PAS_CLOCK."""
    workspace = played.workspace
    now = workspace.clock.now()
    note = {"clock": show_time(now + timedelta(minutes=minutes)), "real": show_time(datetime.now(UTC))}
    write_whole(workspace.root / CLOCK_FILE, json.dumps(note).encode() + b"\n", 0o644)
    played.workspace = recipients.workspace = open_workspace(workspace.root, workspace.warn, {})


def trace_reports(played: Played, reports: Iterable[Row]) -> dict[Name, Row]:
    with closing(open_store(played.workspace.register_url)) as store:
        return trace_all(store, played.workspace.keyring(PAS).register_key(), reports)
