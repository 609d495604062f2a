"""`pas topics ...`: what Kafka must hold for this directory, as files, or made so on the running cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pas_schemas.errors import MisuseError, SettingsError
from pas_transport.session import Session, pass_session

if TYPE_CHECKING:
    from pas_transport.kafka_apply import Difference
    from pas_transport.kafka_plan import Plan

USERS_DIR = Path("kafka-users")


@click.group()
def topics() -> None:
    """Say what Kafka must hold for this directory, and make it so."""


@topics.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="Where to write the files.")
@click.option("--replicas", type=click.IntRange(1, 9), default=3, show_default=True, help="How many brokers hold each partition.")
@pass_session
def render(session: Session, out: Path, replicas: int) -> None:
    """Write topics, users, ACLs and quotas as commands for Kafka's own tools and as Strimzi resources.

    No password stands in them: Kafka's tools take each from a file, Strimzi makes its own.
    """
    from pas_transport.files import write_whole
    from pas_transport.kafka_render import render as render_plan

    plan = _make_plan(session)
    files = render_plan(plan, replicas)
    try:
        for name, text in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode(), 0o755 if name.endswith(".sh") else 0o644, durable=False)
    except OSError as error:
        raise SettingsError(f"The files cannot be written: {error.strerror}.", "choose a folder that can be written") from None
    session.console.emit(
        {"topics": len(plan.topics), "users": len(plan.users), "grants": len(plan.grants), "files": [str(out / name) for name in files]}
    )
    session.console.say(f"{out}: {len(plan.topics)} topics, {len(plan.users)} users, {len(plan.grants)} grants.", "good")


@topics.command()
@click.option("--dry-run", is_flag=True, help="Show the difference and change nothing.")
@click.option(
    "--passwords", type=click.Path(file_okay=False, path_type=Path), default=None, metavar="DIR",
    help="Where each user's password lies, made where there is none (default: kafka-users/ in the workspace).",
)  # fmt: skip
@pass_session
def apply(session: Session, dry_run: bool, passwords: Path | None) -> None:
    """Make the cluster that `bootstrap` names hold what this directory needs: repeat it after each change of the directory.

    Run it with an administrator's credentials (PAS_KAFKA_USER, PAS_KAFKA_PASSWORD_PATH). A topic that exists is never changed.
    """
    from pas_transport.kafka_apply import ClusterAdmin

    workspace = session.workspace
    if workspace.settings.transport != "kafka":
        raise MisuseError("This workspace does not use Kafka.", 'set `transport = "kafka"` and `bootstrap`')
    settings = workspace.settings
    with ClusterAdmin(workspace.kafka_access(), settings.kafka_prefix or "", settings.kafka_wait_seconds) as cluster:
        plan = _make_plan(session)
        difference = cluster.compare(plan)
        if not difference.guarded:
            session.console.warn("This cluster has no authorizer: everybody may do everything.", "users, ACLs and quotas are left out")
        for words in difference.strange:
            session.console.warn(f"Not of this directory: {words}.", "take it back with Kafka's own tools, unless you know what it is for")
        if not dry_run:
            with session.console.progress("Partitions led", sum(topic.partitions for topic in plan.topics)) as advance:
                cluster.apply(plan, difference, passwords or workspace.root / USERS_DIR, advance)
        thin = cluster.list_thin(plan)
        if thin:
            session.console.warn(
                f"Of {len(thin)} topics a record may lie on one broker alone, {thin[0]} among them.",
                "give each 3 replicas and min.insync.replicas=2, with Kafka's own tools: see docs/kafka.md",
            )
    _report(session, difference, thin, dry_run)


def _make_plan(session: Session) -> Plan:
    from pas_transport.kafka_plan import make_plan

    workspace = session.workspace
    return make_plan(workspace.directory(), workspace.clock.now(), workspace.settings.kafka_prefix or "")


def _report(session: Session, difference: Difference, thin: list[str], dry_run: bool) -> None:
    told = {
        "topics": [topic.name for topic in difference.topics],
        "users": list(difference.users),
        "users_removed": list(difference.users_too_many),
        "granted": len(difference.granted),
        "withdrawn": len(difference.withdrawn),
        "quotas": len(difference.quotas),
        "strange": list(difference.strange),
        "thin": thin,
        "guarded": difference.guarded,
        "dry_run": dry_run,
    }
    session.console.emit(told)
    if difference.nothing:
        session.console.say("Nothing is to be changed." if thin else "The cluster is as it must be.", "good")
        return
    rows = [("topic", topic.name, "make") for topic in difference.topics]
    rows += [("user", name, "make") for name in difference.users] + [("user", name, "remove") for name in difference.users_too_many]
    for word, grants in (("grant", difference.granted), ("withdraw", difference.withdrawn)):
        rows += [(one.resource, f"{one.name}{'*' if one.prefixed else ''}", f"{word} {one.operation} {one.user}") for one in grants]
    rows += [("quota", name, ", ".join(_show_bound(*bound) for bound in wanted.items())) for name, wanted in difference.quotas.items()]
    session.console.table(("what", "name", "change"), rows)
    session.console.say(f"{len(rows)} changes {'to make' if dry_run else 'made'}.", "good")


def _show_bound(key: str, value: int | None) -> str:
    return f"no {key}" if value is None else f"{key}={value}"
