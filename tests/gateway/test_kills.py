"""Workers are killed again and again, at every place of their work, and neither log nor inboxes can tell."""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from subprocess import PIPE

import pytest

from forked_pas import PAS
from gateway.judging import (
    count_notices,
    find_journeys,
    judge_log,
    list_addressed,
    make_opener,
    read_all,
    take_everything,
)
from gateway.killing import Hunt, RunningGateway, until
from gateway.stories import Story
from pas_consumers import Delivery, Inbox
from pas_gateway.standstill import STANDS_STILL
from pas_producers import MovementFeed, Publisher
from pas_schemas.codec import decode
from pas_schemas.topics import QUARANTINE, REPORTS, deliveries
from pas_transport.log import Log, Outgoing
from pas_transport.workspace import Workspace

# `make torture` asks for 500.
KILLS = int(os.environ.get("PAS_TEST_KILLS", "50"))
EACH = 5
# Reports put into the log at a time: small batches, so that workers pass every place often.
CHUNK = 24
# Without a kill for so many chunks a place is one that no worker passes any more.
MAX_CHUNKS = 12 * KILLS
STRIKE_SECONDS = 0.7
# Conditions that are accepted while workers die.
ACCEPTED = 8
GROUP = "pas-gateway"
JUNK = b"\x01 no record of anybody's"


@pytest.mark.long
@pytest.mark.timeout(600 + 4 * KILLS)
def test_kills_lose_and_double_nothing(workspace: Workspace) -> None:
    story, hunt = Story(workspace), Hunt()
    send_movements(workspace, story.movements())
    junk = feed_and_kill(workspace, story, hunt)
    taken = run_until_idle(workspace)
    follow_and_kill(workspace, story, hunt, taken)
    taken += run_until_idle(workspace)
    assert hunt.done(KILLS, EACH), dict(hunt.struck)
    judge(workspace, story, taken)
    with workspace.log() as log:
        judge_quarantine(log, workspace, junk)


def feed_and_kill(workspace: Workspace, story: Story, hunt: Hunt) -> int:
    """Most of the kills, while reports come in, some twice and some that are none; then the supervisor's death."""
    junk = 0
    with Publisher.of(workspace) as publisher, RunningGateway(workspace.root) as gateway, workspace.log() as log:
        gateway.await_workers()
        while not hunt.done(KILLS * 4 // 5, EACH - 1) and junk < MAX_CHUNKS:
            publisher.publish(story.reports(CHUNK))
            repeat_last(log, workspace, story)
            log.append([Outgoing(REPORTS.name, os.urandom(16), JUNK)])
            junk += 1
            hunt.strike(gateway, STRIKE_SECONDS)
        publisher.publish(story.reports(4 * CHUNK))
        gateway.kill()
    return junk


def repeat_last(log: Log, workspace: Workspace, story: Story) -> None:
    """Somebody appends a record once more, as it was: one that was accepted is a DUPLICATE, another is rejected again."""
    opener = make_opener(workspace, "pas")
    for partition, end in log.ends([REPORTS.name]).items():
        if end:
            last = log.read(partition, end - 1, 1)[0]
            if last.value != JUNK:
                story.expect_again(opener.open(last.value, last.at).payload)
                log.append([Outgoing(REPORTS.name, last.key, last.value, partition.number)])
                return


def follow_and_kill(workspace: Workspace, story: Story, hunt: Hunt, taken: list[Delivery]) -> None:
    """The rest of them, while prisoners are moved, conditions are accepted and inboxes answer."""
    transfers = story.transfers()
    waiting = [one for one in taken if one.kind == "CONDITIONS" and one.office.startswith("pio:")][:ACCEPTED]
    with Publisher.of(workspace) as publisher, RunningGateway(workspace.root) as gateway:
        gateway.await_workers()
        chunks = 0
        while transfers or waiting or (not hunt.done(KILLS, EACH) and chunks < MAX_CHUNKS):
            if transfers:
                send_movements(workspace, [transfers.pop(0)])
            if waiting:
                accept(workspace, story, waiting.pop(0))
            publisher.publish(story.reports(CHUNK // 4))
            hunt.strike(gateway, STRIKE_SECONDS)
            chunks += 1
        gateway.stop()


def send_movements(workspace: Workspace, rows: Iterable[dict[str, object]]) -> None:
    with MovementFeed.of(workspace) as feed:
        assert set(feed.stream(rows)) == {"published"}


def accept(workspace: Workspace, story: Story, conditions: Delivery) -> None:
    with Inbox.of(workspace, conditions.office, post="duty-officer", person="example-0001") as inbox:
        inbox.accept(conditions.id)
        inbox.send()
    story.accept(conditions.office, conditions.urn)


def run_until_idle(workspace: Workspace) -> list[Delivery]:
    """What is left is done by a run that nobody disturbs, and every inbox takes what it was sent."""
    with RunningGateway(workspace.root, "--until-idle") as gateway:
        gateway.wait()
    with workspace.log() as log:
        return take_everything(workspace, list_addressed(log, workspace))


def judge(workspace: Workspace, story: Story, taken: list[Delivery]) -> None:
    """Every report's word to its originator once; every office sent what it must be, in order, and its inbox took each once."""
    with workspace.log() as log:
        sent = judge_log(log, workspace)
    assert find_journeys(sent) == story.journeys
    assert count_notices(sent, "ACCEPTED", "REJECTED", "QUARANTINED") == story.words
    assert max(Counter(one.id for one in taken).values()) == 1
    assert {one.id for one in taken} == {one.datum["delivery_id"] for one in sent}
    kinds = Counter((one.office, one.urn, one.kind) for one in taken if one.kind != "NOTICE")
    assert kinds == Counter((*place, kind) for place, journey in story.journeys.items() for kind in journey)


def judge_quarantine(log: Log, workspace: Workspace, junk: int) -> None:
    entries = {taken.key: taken.value for taken in read_all(log, QUARANTINE.name)}
    assert all(entries[taken.key] == taken.value for taken in read_all(log, QUARANTINE.name))
    assert len(entries) == junk
    assert {decode(value, "quarantine").datum["record"] for value in entries.values()} == {JUNK}


def test_dead_supervisor_leaves_nobody_behind(workspace: Workspace) -> None:
    story = Story(workspace)
    send_movements(workspace, story.movements())
    with Publisher.of(workspace) as publisher:
        publisher.publish(story.reports(10 * CHUNK))
    with RunningGateway(workspace.root) as gateway:
        gateway.await_workers()
        with workspace.log() as log:
            until(lambda: any(log.ends([deliveries("pio:WSI").name]).values()), "something was sent")
        gateway.kill()
    judge(workspace, story, run_until_idle(workspace))


def test_a_worker_that_hangs_is_given_up_and_nothing_is_lost(workspace: Workspace) -> None:
    """Drill of the runbook *a worker that hangs*: held for ever with a batch in hand, until the supervisor kills it."""
    settings = workspace.root / "pas.toml"
    settings.write_text(f"hang_seconds = 2\n{settings.read_text()}")
    story = Story(workspace)
    send_movements(workspace, story.movements())
    with Publisher.of(workspace) as publisher, RunningGateway(workspace.root, workers=1) as gateway:
        given_up = None
        while given_up is None:
            gateway.check()
            held = gateway.await_workers()
            publisher.publish(story.reports(CHUNK))
            with gateway.holding("deciding", STRIKE_SECONDS) as given_up:
                if given_up is not None:
                    until(lambda pid=held[given_up]: pid not in gateway.find().values(), "it is killed")  # type: ignore[misc]  # bound now
        until(lambda: len(gateway.find()) == len(held), "an heir has begun")
        gateway.stop()
    journal = (workspace.root / "gateway.log").read_text()
    assert f'"given_up":"{given_up}"' in journal.replace('": "', '":"')
    judge(workspace, story, run_until_idle(workspace))


def test_a_gateway_that_stands_still_itself_is_told_by_another(workspace: Workspace) -> None:
    """As after Ctrl-Z at its terminal: it keeps its partitions, and nobody looks after its workers."""
    settings = workspace.root / "pas.toml"
    settings.write_text(f"hang_seconds = 5\n{settings.read_text()}")
    story = Story(workspace)
    send_movements(workspace, story.movements())
    with RunningGateway(workspace.root, workers=1) as standing:
        standing.await_workers()
        with workspace.log() as log:
            until(lambda: any(log.progress(GROUP).values()), "it has its partitions")  # type: ignore[attr-defined]  # the embedded one
        command = [PAS, "gateway", "run", "--until-idle", "--json"]
        with ExitStack() as held:
            held.enter_context(standing.held())
            with Publisher.of(workspace) as publisher:
                publisher.publish(story.reports(CHUNK))
            other = subprocess.Popen(command, cwd=workspace.root, stdout=PIPE, stderr=PIPE, text=True)
            assert other.stderr is not None
            said = [other.stderr.readline(), other.stderr.readline()]
        _, err = other.communicate(timeout=300)
        assert other.returncode == 0
        # One for each partition in which any wait.
        lines = [*said, *err.splitlines()]
        assert {hint.strip() for hint in lines[1::2]} == {f"hint: {STANDS_STILL}"}
        words = r"warning: Records wait in pas\.reports(\.urgent)? partition \d, and for 5 seconds none was taken in\.\n?"
        assert all(re.fullmatch(words, warning) for warning in lines[::2]), lines
        standing.stop()
    judge(workspace, story, run_until_idle(workspace))
