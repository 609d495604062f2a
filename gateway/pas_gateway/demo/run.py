"""The order of the show: a workspace, its people, reports in, decisions, receipts, a transfer; nothing here is judged.

1 found     an example workspace in a folder
2 move      where everybody is: the story's prisoners and a generated crowd
3 foretell  `explain` says what would come of every report; nothing is stored
4 publish   the story and the generated reports; some sent twice, three forged
5 decide    the gateway, until idle
6 receive   every office takes its post, accepts, reads, acts or declines; the gateway takes the receipts, and so on
7 transfer  A4821DK moves: what is live on him is decided again, and received
8 go on     people decide, and the clock goes on (`afterwards.py`)
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from pas_gateway.demo.afterwards import go_on
from pas_gateway.demo.forgery import forge
from pas_gateway.demo.letters import read_post
from pas_gateway.demo.playing import WORKERS, Played, Step, Steps, run_gateway, settle, trace_reports
from pas_gateway.demo.recipients import Recipients
from pas_gateway.demo.story import tell_story
from pas_gateway.demo.world import make_world
from pas_gateway.explain import Explainer
from pas_gateway.office import PasOffice
from pas_gateway.supervisor import open_nursery
from pas_producers import MovementFeed, Publisher
from pas_schemas.directory import Snapshot
from pas_schemas.models.report import Report
from pas_transport.founding import found_workspace
from pas_transport.lines import Line
from pas_transport.workspace import Warn, Workspace, declared_topics, open_workspace

# Who forges whom: Greater Manchester has no business with a report of the Metropolitan Police.
FORGED_OF, FORGER, FORGED_URN = "force:01", "force:06", "01/IR/2015/999999"


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
    with open_nursery(workspace) as nursery:
        now = workspace.clock.now()
        played = Played(workspace, nursery, seed, tell_story(now), make_world(seed, now, snapshot.at(now), reports))
        keep = Steps(played, tell)
        keep.add("Made a workspace", f"{len(snapshot.offices)} offices, each with keys of its own", time.monotonic() - started)
        _move(played, keep)
        _foretell(played, keep)
        _publish(played, keep)
        _decide(played, keep)
        recipients = Recipients(workspace, seed, played.story.urns)
        _receive(played, recipients, keep)
        _transfer(played, recipients, keep)
        go_on(played, recipients, keep)
        return played


def _found(folder: Path, environment: Mapping[str, str], warn: Warn, bootstrap: str | None) -> tuple[Snapshot, Workspace]:
    if bootstrap is None:
        return found_workspace(folder, "embedded", None, environment), open_workspace(folder, warn, environment)
    from pas_transport.kafka_apply import ClusterAdmin

    snapshot = found_workspace(folder, "kafka", bootstrap, environment, prefix=f"demo-{secrets.token_hex(4)}.")
    workspace = open_workspace(folder, warn, environment)
    settings = workspace.settings
    with ClusterAdmin(workspace.kafka_access(), settings.kafka_prefix or "", settings.kafka_wait_seconds) as cluster:
        cluster.make_topics(declared_topics(snapshot))
    return snapshot, workspace


def _move(played: Played, keep: Steps) -> None:
    with keep.taking("Told PAS where everybody is") as result, MovementFeed.of(played.workspace) as feed:
        told = list(feed.stream((*played.story.movements, *played.world.movements)))
        played.movements += told.count("published")
        result.append(f"{told.count('published')} movements by feed:nomis")


def _foretell(played: Played, keep: Steps) -> None:
    workspace = played.workspace
    with keep.taking("Asked `explain` what would come of every report") as result, workspace.log() as log:
        explainer = Explainer.of(PasOffice.of(workspace), workspace, log, workspace.clock.now())
        written = (json.dumps(report, ensure_ascii=False).encode() for report in played.reports)
        lines = (Line(number, text) for number, text in enumerate(written, start=1))
        played.foretold = tuple(explainer.answers(lines))
        result.append(f"{len(played.foretold)} answers, nothing stored")


def _publish(played: Played, keep: Steps) -> None:
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


def _decide(played: Played, keep: Steps) -> None:
    with keep.taking(f"Ran the gateway: {WORKERS} workers, and one for threats to life") as result:
        done = run_gateway(played)
        result.append(
            f"{done['accepted']} accepted, {done['rejected']} rejected, {done['quarantined']} quarantined, {done['duplicate']} duplicate"
        )
        result.append(f"{done['sent']} deliveries sent")
    played.decided = trace_reports(played, played.reports)


def _receive(played: Played, recipients: Recipients, keep: Steps) -> None:
    with played.workspace.log() as log:
        with keep.taking("Recipients took and answered their post") as result:
            first = recipients.answer(log)
            played.receipts += first
            result.append(f"{first['offices']} offices, {first['taken']} deliveries, {first['read']} read, {first['acted on']} acted on")
        with keep.taking("PAS took the receipts, recipients what came of them") as result:
            settle(played, recipients, log)
            result.append(f"{first['conditions accepted']} accepted conditions and were sent the text")
        played.before = read_post(played.workspace, log)
    played.settled = trace_reports(played, played.story.reports)


def _transfer(played: Played, recipients: Recipients, keep: Steps) -> None:
    workspace = played.workspace
    with keep.taking("Transferred A4821DK from WSI to BAI") as result, MovementFeed.of(workspace) as feed:
        told = list(feed.stream(played.story.transfer))
        played.movements += told.count("published")
        done = run_gateway(played)
        result.append(f"{done['sent']} deliveries: texts to the new prison, the end of access to the old")
    with keep.taking("Recipients took what the transfer brought") as result, workspace.log() as log:
        last = recipients.answer(log)
        played.receipts += last
        settle(played, recipients, log)
        result.append(f"{last['offices']} offices, {last['taken']} deliveries")
        played.after = read_post(workspace, log)
    played.final = trace_reports(played, played.reports)
