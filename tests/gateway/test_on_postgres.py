"""Whole gateways on PostgreSQL: they say what those on SQLite say, and outlive killed workers and a server started anew."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from copying import copy_workspace
from gateway.desk import Desk, copy_estate
from gateway.killing import Hunt, RunningGateway
from gateway.postgres import PASSWORD, PrivatePostgres
from gateway.stories import Story
from gateway.test_kills import judge, run_until_idle, send_movements
from pas_consumers import Inbox
from pas_gateway.register import Store, open_store
from pas_gateway.trace import trace
from pas_producers import Publisher
from pas_transport.workspace import Workspace, open_workspace
from producers.samples import make_item

# What is random, or told by the clock of the moment in which a report was decided.
_OF_THE_RUN = ("leaf", "deadline", "due")
REPORTS = 240
CHUNK = 24
KILLS = int(os.environ.get("PAS_TEST_KILLS", "50")) // 5
# Restarts of the server: twice as many, and one at least at each place where a worker has something to lose.
STRIKES = int(os.environ.get("PAS_TEST_STRIKES", "1"))
AT_WORK = ("deciding", "before commit", "after commit")
STRIKE_SECONDS = 0.7


def settle(root: Path, url: str) -> Workspace:
    """The workspace with its register at a URL, whose password lies in a file."""
    kept = [line for line in (root / "pas.toml").read_text().splitlines() if not line.startswith("register_")]
    # Settings come before tables.
    (root / "pas.toml").write_text("\n".join([f'register_url = "{url}"', 'register_password_path = "register.password"', *kept]) + "\n")
    (root / "register.password").write_text(PASSWORD + "\n")
    (root / "register.password").chmod(0o600)
    return open_workspace(root, environment={})


@pytest.fixture
def database(postgres: PrivatePostgres) -> str:
    return postgres.make_database()


@pytest.fixture
def shared(estate: Path, postgres: PrivatePostgres, database: str) -> Workspace:
    return settle(estate, postgres.url(database, password=None))


def steady(told: Any) -> Any:
    """What does not depend on the run."""
    if isinstance(told, dict):
        return {name: steady(value) for name, value in told.items() if name not in _OF_THE_RUN}
    return [steady(one) for one in told] if isinstance(told, list) else told


def trace_all(workspace: Workspace, reports: list[dict[str, Any]]) -> list[Any]:
    store: Store = open_store(workspace.register_url)
    try:
        return [steady(trace(store, workspace.keyring("pas").register_key(), report["urn"], report["originator"])) for report in reports]
    finally:
        store.close()


def test_two_workers_say_what_they_say_on_sqlite(workspace: Workspace, postgres: PrivatePostgres, database: str, tmp_path: Path) -> None:
    story = Story(workspace)
    send_movements(workspace, story.movements())
    reports = story.reports(REPORTS)
    with Publisher.of(workspace) as publisher:
        publisher.publish(reports)
    other = settle(copy_workspace(workspace.root, tmp_path / "shared"), postgres.url(database, password=None))
    done = []
    for place in (workspace, other):
        with RunningGateway(place.root, "--until-idle") as gateway:
            done.append({name: count for name, count in gateway.wait().items() if name != "seconds"})
    assert done[0] == done[1]
    assert done[1]["accepted"] > REPORTS * 0.8
    assert trace_all(workspace, reports) == trace_all(other, reports)
    assert not (other.root / "register.db").exists()
    judge(other, story, run_until_idle(other))
    said = (other.root / "gateway.log").read_text()
    assert PASSWORD not in said
    assert "register_unavailable" not in said


@pytest.mark.long
@pytest.mark.timeout(600 + 20 * KILLS + 60 * STRIKES)
def test_kills_and_restarts_of_the_server_lose_and_double_nothing(shared: Workspace, postgres: PrivatePostgres) -> None:
    """Workers die at every place of their work; the server crashes and is shut down under one that has a batch in hand."""
    story, hunt, restarts = Story(shared), Hunt(), Hunt(AT_WORK)
    send_movements(shared, story.movements())
    with Publisher.of(shared) as publisher, RunningGateway(shared.root) as gateway:
        gateway.await_workers()
        for chunk in range(12 * (KILLS + STRIKES)):
            if hunt.kills >= KILLS and restarts.done(2 * STRIKES, 1):
                break
            publisher.publish(story.reports(CHUNK))
            if not restarts.done(2 * STRIKES, 1) and chunk % 3 == 2:
                restart(postgres, gateway, restarts)
            elif hunt.kills < KILLS:
                hunt.strike(gateway, STRIKE_SECONDS)
        gateway.stop()
    assert hunt.kills >= KILLS, dict(hunt.struck)
    assert restarts.done(2 * STRIKES, 1), dict(restarts.struck)
    judge(shared, story, run_until_idle(shared))


def restart(postgres: PrivatePostgres, gateway: RunningGateway, restarts: Hunt) -> None:
    """Every second time as a power cut leaves it: a worker that stands in the middle of its batch goes on without a server."""
    with restarts.holding(gateway, STRIKE_SECONDS) as worker:
        if worker is None:
            return
        postgres.stop(crash=restarts.kills % 2 == 1)
    postgres.start()
    print(f"server restarted {restarts.kills} times, at {dict(restarts.struck)}", flush=True)


def test_rows_of_a_batch_go_by_copy(pristine: Path, tmp_path: Path, postgres: PrivatePostgres, database: str) -> None:
    """What is written row by row is one row a batch, or must take the place of a row that is there."""
    written: set[str] = set()

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith("INSERT INTO"):
            written.add(statement.split()[2])

    workspace = settle(copy_estate(pristine, tmp_path / "ws").root, postgres.url(database, password=None))
    with closing(open_store(workspace.register_url)) as store:
        store.migrate()
    sa.event.listen(sa.Engine, "before_cursor_execute", look)
    try:
        with Desk(workspace) as desk:
            desk.move()
            report = desk.write(risk_tags=["ESCAPE"])
            desk.publish(report, report | {"items": [make_item(text="Other words under the same name.")]})
            desk.run()
            with Inbox.of(desk.workspace, "pio:WSI") as inbox:
                inbox.take()
            desk.run()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", look)
    filled = ("reports", "attempts", "subjects", "movements", "deliveries", "replies")
    assert all(postgres.run(database, f"SELECT count(*) FROM {table}")[0][0] for table in filled)
    assert written == {"positions", "versions", "counters", "leaves", "cases"}


@pytest.mark.parametrize("command", [("status",), ("cases", "list"), ("trace", "01/IR/2015/000001"), ("gateway", "run", "--until-idle")])
def test_commands_say_in_one_sentence_what_is_wrong(shared: Workspace, pas: Any, command: tuple[str, ...]) -> None:
    shared.root.joinpath("register.password").write_text("another")
    done = pas(*command, cwd=shared.root, code=1)
    assert done.out == ""
    assert "refused the register's user or password" in done.err
    assert "register_password_path" in done.err
    assert "another" not in done.err


def test_register_of_a_newer_version_is_refused_by_every_command(
    shared: Workspace, pas: Any, postgres: PrivatePostgres, database: str
) -> None:
    store = open_store(shared.register_url)
    store.migrate()
    store.close()
    postgres.run(database, "UPDATE alembic_version SET version_num = '9999'")
    for command in (("status",), ("gateway", "run", "--until-idle")):
        done = pas(*command, cwd=shared.root, code=1)
        assert done.out == ""
        assert "newer version" in done.err
        assert "use the newer program" in done.err


def test_no_register_yet_is_said_before_a_gateway_has_run(shared: Workspace, pas: Any) -> None:
    done = pas("status", cwd=shared.root, code=1)
    assert "There is no register yet" in done.err
