"""The order of the show: a workspace, its people, reports in, decisions, receipts, a transfer; nothing here is judged.

1 found     an example workspace in a folder
2 move      where everybody is: the story's prisoners and a generated crowd
3 foretell  `explain` says what would come of every report; nothing is stored
4 publish   the story and the generated reports; some sent twice, three forged
5 decide    the gateway, until idle
6 receive   every office takes its post, accepts, reads, acts or declines; the gateway takes the receipts, and so on
7 transfer  A4821DK moves: what is live on him is decided again, and received
"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from pas_gateway.demo.forgery import forge
from pas_gateway.demo.letters import Post, read_post
from pas_gateway.demo.outcomes import Name, Row, Traces, trace_all
from pas_gateway.demo.recipients import Recipients
from pas_gateway.demo.story import Story, tell_story
from pas_gateway.demo.world import World, make_world
from pas_gateway.explain import Explainer
from pas_gateway.office import PAS, PasOffice
from pas_gateway.register import Store, open_store
from pas_gateway.supervisor import Supervisor
from pas_producers import MovementFeed, Publication, Publisher
from pas_schemas.directory import Snapshot
from pas_schemas.errors import PasError
from pas_schemas.models.report import Report
from pas_transport.founding import found_workspace
from pas_transport.lines import Line
from pas_transport.log import Log
from pas_transport.workspace import Warn, Workspace, declared_topics, open_workspace

WORKERS = 2
# Who forges whom: Greater Manchester has no business with a report of the Metropolitan Police.
FORGED_OF, FORGER, FORGED_URN = "force:01", "force:06", "01/IR/2015/999999"


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
    transfer, `final`."""

    workspace: Workspace
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
    before: Post = field(default_factory=lambda: Post({}, ()), repr=False)
    after: Post = field(default_factory=lambda: Post({}, ()), repr=False)

    @property
    def reports(self) -> tuple[Row, ...]:
        """Every line published, the story's first."""
        return (*self.story.reports, *self.world.reports)


def play(
    folder: Path,
    reports: int,
    seed: int,
    environment: Mapping[str, str],
    warn: Warn,
    tell: Callable[[Step], None],
    bootstrap: str | None = None,
) -> Played:
    """The whole show in `folder`, each step told as it is done; raises a PasError where it cannot go on.

    With `bootstrap` on Kafka, under a prefix of its own: what was played there before is left alone.
    """
    started = time.monotonic()
    snapshot, workspace = _found(folder, environment, warn, bootstrap)
    now = workspace.clock.now()
    played = Played(workspace, seed, tell_story(now), make_world(seed, now, snapshot.at(now), reports))
    keep = _Steps(played, tell)
    keep.add("Made a workspace", f"{len(snapshot.offices)} offices, each with keys of its own", time.monotonic() - started)
    _move(played, keep)
    _foretell(played, keep)
    _publish(played, keep)
    _decide(played, keep)
    recipients = Recipients(workspace, seed, played.story.urns)
    _receive(played, recipients, keep)
    _transfer(played, recipients, keep)
    return played


def _found(folder: Path, environment: Mapping[str, str], warn: Warn, bootstrap: str | None) -> tuple[Snapshot, Workspace]:
    if bootstrap is None:
        return found_workspace(folder, "embedded", None, environment), open_workspace(folder, warn, environment)
    from pas_transport.kafka_apply import ClusterAdmin

    snapshot = found_workspace(folder, "kafka", bootstrap, environment, prefix=f"demo-{secrets.token_hex(4)}.")
    workspace = open_workspace(folder, warn, environment)
    with ClusterAdmin(workspace.kafka_access(), workspace.settings.kafka_prefix or "") as cluster:
        cluster.make_topics(declared_topics(snapshot))
    return snapshot, workspace


@dataclass
class _Steps:
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


def _move(played: Played, keep: _Steps) -> None:
    with keep.taking("Told PAS where everybody is") as result, MovementFeed.of(played.workspace) as feed:
        told = list(feed.stream((*played.story.movements, *played.world.movements)))
        played.movements += told.count("published")
        result.append(f"{told.count('published')} movements by feed:nomis")


def _foretell(played: Played, keep: _Steps) -> None:
    workspace = played.workspace
    with keep.taking("Asked `explain` what would come of every report") as result, workspace.log() as log:
        explainer = Explainer.of(PasOffice.of(workspace), workspace, log, workspace.clock.now())
        written = (json.dumps(report, ensure_ascii=False).encode() for report in played.reports)
        lines = (Line(number, text) for number, text in enumerate(written, start=1))
        played.foretold = tuple(explainer.answers(lines))
        result.append(f"{len(played.foretold)} answers, nothing stored")


def _publish(played: Played, keep: _Steps) -> None:
    """Repeating a file appends nothing; who has lost its journal sends a report twice, and PAS says so."""
    workspace, story = played.workspace, played.story
    with keep.taking("Published the story and the generated reports") as result:
        with Publisher.of(workspace) as publisher:
            played.publication = publisher.publish(played.reports)
            repeated = publisher.publish(story.reports)
        result.append(f"{len(played.publication.published)} sealed to PAS, {len(played.publication.refused)} refused at the border")
        result.append(f"the story's file once more: {len(repeated.published)} appended")
    with keep.taking("Sent what should not be sent") as result:
        played.again = (story.reports[0], *played.world.again)
        with Publisher.of(workspace, again=True) as publisher:
            publisher.publish(played.again)
        forged = Report.model_validate({**story.report(story.urns[0]), "urn": FORGED_URN, "originator": FORGED_OF})
        records = forge(workspace, forged, FORGER, Random(played.seed))
        with workspace.log() as log:
            log.append(records)
        result.append(f"{len(played.again)} reports a second time, {len(records)} forged or broken records")


def _decide(played: Played, keep: _Steps) -> None:
    with keep.taking(f"Ran the gateway: {WORKERS} workers, and one for threats to life") as result:
        done = _run_gateway(played)
        result.append(
            f"{done['accepted']} accepted, {done['rejected']} rejected, {done['quarantined']} quarantined, {done['duplicate']} duplicate"
        )
        result.append(f"{done['sent']} deliveries sent")
    played.decided = _trace(played, played.reports)


def _receive(played: Played, recipients: Recipients, keep: _Steps) -> None:
    with played.workspace.log() as log:
        with keep.taking("Recipients took and answered their post") as result:
            first = recipients.answer(log)
            played.receipts += first
            result.append(f"{first['offices']} offices, {first['taken']} deliveries, {first['read']} read, {first['acted on']} acted on")
        with keep.taking("PAS took the receipts, recipients what came of them") as result:
            _settle(played, recipients, log)
            result.append(f"{first['conditions accepted']} accepted conditions and were sent the text")
        played.before = read_post(played.workspace, log)
    played.settled = _trace(played, played.story.reports)


def _transfer(played: Played, recipients: Recipients, keep: _Steps) -> None:
    workspace = played.workspace
    with keep.taking("Transferred A4821DK from WSI to BAI") as result, MovementFeed.of(workspace) as feed:
        told = list(feed.stream(played.story.transfer))
        played.movements += told.count("published")
        done = _run_gateway(played)
        result.append(f"{done['sent']} deliveries: texts to the new prison, the end of access to the old")
    with keep.taking("Recipients took what the transfer brought") as result, workspace.log() as log:
        last = recipients.answer(log)
        played.receipts += last
        _settle(played, recipients, log)
        result.append(f"{last['offices']} offices, {last['taken']} deliveries")
        played.after = read_post(workspace, log)
    played.final = _trace(played, played.reports)


def _settle(played: Played, recipients: Recipients, log: Log) -> None:
    """Until nobody has post any more: who accepted conditions is sent the text, and originators hear that they were read."""
    _run_gateway(played)
    while (done := recipients.answer(log))["taken"]:
        played.receipts += done
        _run_gateway(played)


def _run_gateway(played: Played) -> Mapping[str, int | float]:
    """One run until idle. Raises UnfinishedDemoError where somebody stopped it, for the gateway drains and says nothing."""
    supervisor = Supervisor(played.workspace, WORKERS, until_idle=True)
    done = supervisor.run()
    if supervisor.told_to_stop:
        raise UnfinishedDemoError("The demo was stopped.", "what was done lies in its folder; run `pas demo` again in a new one")
    played.totals.update({name: int(value) for name, value in done.items() if name != "seconds"})
    return done


def _trace(played: Played, reports: Iterable[Row]) -> dict[Name, Row]:
    with _register(played.workspace) as store:
        return trace_all(store, played.workspace.keyring(PAS).register_key(), reports)


@contextmanager
def _register(workspace: Workspace) -> Iterator[Store]:
    store = open_store(workspace.register_url)
    try:
        yield store
    finally:
        store.close()
