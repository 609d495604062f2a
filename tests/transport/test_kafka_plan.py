"""What Kafka must hold for a directory: the golden files of a small one, and what may never be in a plan."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pas_schemas.directory import Office, Snapshot, Term, kind_of
from pas_schemas.errors import DirectoryError
from pas_transport.kafka_plan import Plan, make_plan
from pas_transport.kafka_render import render

RENDERED = Path(__file__).parent / "rendered"
NOW = datetime(2015, 11, 18, 12, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# PAS_TEST_WRITE_TOPICS=1 writes the golden files; look at every line of the difference.
WRITE = "PAS_TEST_WRITE_TOPICS"


def make_snapshot(*offices: str, retired: tuple[str, ...] = ()) -> Snapshot:
    return Snapshot(1, LONG_AGO, datetime(2030, 1, 1, tzinfo=UTC), tuple(_make_office(one, one in retired) for one in (*offices, *retired)))


def _make_office(office: str, retired: bool) -> Office:
    kind = kind_of(office)
    which = office.partition(":")[2]
    prison = which if kind in {"pio", "security", "governor"} else None
    force = which if kind in {"force", "fib"} else "01" if prison else None
    return Office(office, kind, prison, (Term(LONG_AGO, datetime(2010, 1, 1, tzinfo=UTC) if retired else None, force),))


@pytest.fixture
def plan() -> Plan:
    return make_plan(make_snapshot("pas", "force:01", "pio:WSI", "feed:nomis", retired=("security:WSI",)), NOW)


def test_files_are_the_golden_ones(plan: Plan) -> None:
    files = render(plan, replicas=3)
    if os.environ.get(WRITE) == "1":
        for name, text in files.items():
            (RENDERED / name).parent.mkdir(parents=True, exist_ok=True)
            (RENDERED / name).write_text(text, "utf-8")
    there = {str(path.relative_to(RENDERED)): path.read_text("utf-8") for path in RENDERED.rglob("*") if path.is_file()}
    assert files == there


def test_an_office_whose_term_is_over_may_do_nothing(plan: Plan) -> None:
    assert plan.retired == ("security.wsi",)
    assert "security.wsi" not in {user.name for user in plan.users}
    assert "pas.deliveries.security.WSI" in {topic.name for topic in plan.topics}


def test_what_it_was_granted_is_taken_back_each_by_its_name(plan: Plan) -> None:
    """Kafka's tool takes a name for that name, and no operation for one that nobody has: neither stands for all of them."""
    before = make_plan(make_snapshot("pas", "security:WSI"), NOW)
    assert set(plan.lapsed) == {grant for grant in before.grants if grant.user == "security.wsi"}
    taken = [line for line in render(plan, replicas=3)["kafka/acls.sh"].splitlines() if "--remove" in line]
    for grant in plan.lapsed:
        words = f"--topic {grant.name} --resource-pattern-type literal --operation {grant.operation.capitalize()} "
        assert any(line.endswith(f"{words}--allow-principal User:{grant.user}") for line in taken), words
    assert len(taken) == len(plan.lapsed)


def test_no_password_stands_in_a_command_line(plan: Plan) -> None:
    lines = [line for line in render(plan, replicas=3)["kafka/users.sh"].splitlines() if "SCRAM" in line and "--delete" not in line]
    assert len(lines) == len(plan.users)
    assert all(line.partition("--add-config-file ")[2].startswith("<(printf ") for line in lines)


def test_prefix_stands_before_everything() -> None:
    plan = make_plan(make_snapshot("pas", "force:01"), NOW, "drill.")
    assert all(user.name.startswith("drill.") for user in plan.users)
    assert all(grant.name.startswith("drill.pas") for grant in plan.grants)


def test_two_offices_are_never_one_user() -> None:
    with pytest.raises(DirectoryError, match="would be one user"):
        make_plan(make_snapshot("pas", "lea:ab", "lea:AB"), NOW)


def test_only_the_gateway_writes_deliveries_and_nobody_else_reads_reports(plan: Plan) -> None:
    assert {grant.user for grant in plan.grants if grant.operation == "WRITE" and "deliveries" in grant.name} == {"pas", "pas.compartment"}
    assert {grant.user for grant in plan.grants if grant.operation == "READ" and "reports" in grant.name} == {"pas"}
    assert {grant.user for grant in plan.grants if grant.operation == "READ" and "compartment" in grant.name} == {"pas.compartment"}
