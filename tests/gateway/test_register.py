"""PAS's register by itself: what it writes as a whole or not at all, what makes a batch give way, and its migrations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

import pas_gateway.register
from gateway.postgres import PrivatePostgres
from pas_gateway.register import (
    Advance,
    Change,
    ClashError,
    LostPartitionError,
    Store,
    join_blobs,
    open_store,
    outbox,
    queries,
    relearning,
    requests,
    schema,
    sealed,
    split_blobs,
    write_change,
)
from pas_gateway.register.change import STATES, chunks, find_known
from pas_gateway.register.migrations.versions import v0017_subjects_in_brief
from pas_gateway.register.store import HEAD
from pas_schemas.errors import RegisterError

LOG, TOPIC = "log-1", "pas.reports"
ALICE, BOB = b"a" * 16, b"b" * 16
CANARY = "canary-of-a-report"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'register.db'}"
    server: PrivatePostgres = request.getfixturevalue("postgres")
    return server.url(server.make_database())


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a register that nothing was written to."""
    if request.param == "sqlite":
        make_register(tmp_path / "register.db").close()
        return f"sqlite:///{tmp_path / 'register.db'}"
    made: str = request.getfixturevalue("emptied")
    return made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = open_store(url)
    yield made
    made.close()


def make_register(path: Path) -> Store:
    store = open_store(f"sqlite:///{path}")
    store.migrate()
    return store


def advance(expected: int | None, following: int, partition: int = 0) -> Advance:
    return Advance(LOG, TOPIC, partition, expected, following, bytes([following]) * 32)


def delivery(**changes: Any) -> dict[str, Any]:
    row = {
        "id": b"d" * 16, "report": b"r" * 16, "office": "pio:WSI", "n": 1, "kind": "DISCLOSURE", "items": "0,2", "state": "SEALED",
        "deadline_ms": 5, "read_at_ms": None, "leaf": b"l" * 32,
    }  # fmt: skip
    return row | changes


def attempt(place: str) -> dict[str, Any]:
    return {"originator": None, "urn": None, "at_ms": 1, "status": "QUARANTINED", "rules": "", "place": place}


def position(store: Store, partition: int = 0) -> tuple[int, bytes] | None:
    with store.reading() as register:
        return queries.find_position(register, LOG, TOPIC, partition)


def count(store: Store, table: sa.Table) -> int:
    with store.reading() as register:
        return register.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


# --- one transaction a batch -----------------------------------------------------------------------------------------


def test_positions_move_by_compare_and_set(store: Store) -> None:
    assert position(store) is None
    write_change(store, Change(advances=[advance(None, 3)]))
    assert position(store) == (3, b"\x03" * 32)
    write_change(store, Change(advances=[advance(3, 7)]))
    with store.reading() as register:
        assert queries.list_positions(register, LOG) == {(TOPIC, 0): 7}
        assert queries.list_positions(register, "another") == {}
        assert queries.logs_known(register) == {LOG}


@pytest.mark.parametrize("stale", [None, 3, 8])
def test_second_owner_of_a_partition_gives_way_and_writes_nothing(store: Store, stale: int | None) -> None:
    write_change(store, Change(advances=[advance(None, 7)]))
    late = Change(
        advances=[advance(None, 1, partition=1), advance(stale, 9)], attempts=[attempt("x")], touched={ALICE}, events=[b"event"],
        counts=Counter(accepted=1),
    )  # fmt: skip
    with pytest.raises(LostPartitionError) as lost:
        write_change(store, late)
    assert lost.value.retriable
    assert position(store) == (7, b"\x07" * 32)
    assert position(store, 1) is None
    assert [count(store, table) for table in (schema.attempts, schema.versions, schema.leaves, schema.counters)] == [0, 0, 0, 0]


def test_version_of_a_person_that_moved_is_a_clash(store: Store) -> None:
    write_change(store, Change(touched={ALICE, BOB}))
    write_change(store, Change(used={ALICE: 1}, touched={ALICE}))
    with store.reading() as register:
        assert queries.find_versions(register, [ALICE, BOB, b"c" * 16]) == {ALICE: 2, BOB: 1, b"c" * 16: 0}
    with pytest.raises(ClashError) as clash:
        write_change(store, Change(used={ALICE: 1, BOB: 1}, attempts=[attempt("x")]))
    assert not isinstance(clash.value, LostPartitionError)
    assert count(store, schema.attempts) == 0
    write_change(store, Change(used={ALICE: 2, BOB: 1}, attempts=[attempt("x")]))


def test_version_of_a_person_nothing_was_written_about_counts_as_none(store: Store) -> None:
    write_change(store, Change(used={ALICE: 0}))
    with pytest.raises(ClashError):
        write_change(store, Change(used={ALICE: 1}))


@pytest.mark.parametrize("many", [1, 499, 501, 1500])
def test_many_persons_are_checked_in_pieces(store: Store, many: int) -> None:
    keys = [number.to_bytes(16, "big") for number in range(many)]
    write_change(store, Change(touched=set(keys)))
    write_change(store, Change(used=dict.fromkeys(keys, 1), touched=set(keys)))
    with pytest.raises(ClashError):
        write_change(store, Change(used=dict.fromkeys(keys, 2) | {keys[-1]: 1}))


@pytest.mark.parametrize("twin", [delivery(office="pio:BAI"), delivery(id=b"e" * 16)])
def test_unique_clash_leaves_the_whole_batch_out(store: Store, twin: dict[str, Any]) -> None:
    """A delivery's id, and its number for an office and report, are given once."""
    write_change(store, Change(deliveries=[delivery()]))
    with pytest.raises(ClashError):
        write_change(store, Change(advances=[advance(None, 1)], attempts=[attempt("x")], deliveries=[twin]))
    assert position(store) is None
    assert count(store, schema.attempts) == 0


def test_report_decided_again_meanwhile_is_a_clash(store: Store) -> None:
    write_change(store, Change(reports=[report_row()]))
    again = {"id": b"r" * 16, "version": 0, "decided_at_ms": 9, "verdicts": b"new"}
    write_change(store, Change(redecided=[again]))
    with pytest.raises(ClashError):
        write_change(store, Change(redecided=[again | {"verdicts": b"stale"}]))
    with store.reading() as register:
        [kept] = queries.find_kept(register, [b"r" * 16])
    assert (kept.verdicts, kept.version, kept.order) == (b"new", 1, (2, 3))


def report_row(**changes: Any) -> dict[str, Any]:
    row = {
        "id": b"r" * 16, "originator": "force:01", "urn": "01/1", "content_digest": b"c", "priority": "ROUTINE", "tags": "DRUGS,ESCAPE",
        "created_at_ms": 1, "received_at_ms": 2, "sealed_at_us": 3, "decided_at_ms": 4, "live_until_ms": 5, "version": 0,
        "verdicts": b"v", "body": b"sealed", "data_key": b"wrapped",
    }  # fmt: skip
    return row | changes


def subject_row(key: bytes, report: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, "report": report["id"], "created_at_ms": report["created_at_ms"], "tags": report["tags"]}


def test_accepted_reports_are_found_by_id_by_name_and_by_person(store: Store) -> None:
    other = report_row(id=b"s" * 16, originator="force:06", tags="")
    persons = [subject_row(ALICE, report_row()), subject_row(ALICE, other), subject_row(BOB, other)]
    write_change(store, Change(reports=[report_row(), other], subjects=persons))
    with store.reading() as register:
        by_name = queries.find_accepted(register, [], [("force:06", "01/1"), ("force:10", "01/1")])
        by_id = queries.find_accepted(register, [b"r" * 16, b"x" * 16], [])
        on_persons = {(key, found.id) for key, found in queries.find_reports_on(register, [ALICE, BOB])}
        tagged = [(key, found.id) for key, found in queries.find_reports_on(register, [ALICE, BOB], (1, 1), ["ESCAPE", "OCG"])]
        later = queries.find_reports_on(register, [ALICE, BOB], (2, 9), ["ESCAPE"])
        on = [requests.is_on(register, b"r" * 16, among) for among in ([ALICE, BOB], [BOB], [])]
    assert [(found.id, found.tags) for found in by_name] == [(b"s" * 16, frozenset())]
    assert [(found.id, found.tags) for found in by_id] == [(b"r" * 16, {"DRUGS", "ESCAPE"})]
    assert on_persons == {(row["key"], row["report"]) for row in persons}
    assert (tagged, later, on) == ([(ALICE, b"r" * 16)], [], [True, False, False])


def test_state_of_a_delivery_moves_forward_only(store: Store) -> None:
    write_change(store, Change(deliveries=[delivery()]))
    for state, becomes in (("READ", "READ"), ("DELIVERED", "READ"), ("ACTIONED", "ACTIONED"), ("READ", "ACTIONED")):
        write_change(store, Change(states=[{"id": b"d" * 16, "state": state, "read_at_ms": None}]))
        with store.reading() as register:
            [sent] = queries.find_deliveries(register, [b"r" * 16])
        assert sent.state == becomes
    assert STATES.index("SENT") < STATES.index("DELIVERED") < STATES.index("WITHDRAWN")


def test_first_reading_stops_the_clock_for_good(store: Store) -> None:
    write_change(store, Change(deliveries=[delivery()]))
    for read_at_ms in (70, 80):
        write_change(store, Change(states=[{"id": b"d" * 16, "state": "READ", "read_at_ms": read_at_ms}]))
    with store.reading() as register:
        found = queries.find_deliveries_by_id(register, [b"d" * 16, b"x" * 16])
    assert (found[b"d" * 16].read_at_ms, found[b"d" * 16].items) == (70, (0, 2))
    assert len(found) == 1


def test_counts_add_up(store: Store) -> None:
    for _ in range(3):
        write_change(store, Change(counts=Counter(accepted=2, rejected=0)))
    with store.reading() as register:
        assert queries.read_counters(register) == {"accepted": 6}


def test_outbox_tells_threats_from_the_rest(store: Store) -> None:
    row = {"urgent": 0, "topic": "t", "partition": 1, "records": b""}
    write_change(store, Change(outbox=[row, row]))
    with store.reading() as register:
        assert (outbox.has_outbox(register, 0), outbox.has_outbox(register, 1), outbox.count_outbox(register)) == (True, False, 2)


@pytest.mark.parametrize("blobs", [[], [b""], [b"a", b"", b"bc" * 1000]])
def test_blobs_come_apart_as_they_were_joined(blobs: list[bytes]) -> None:
    assert list(split_blobs(join_blobs(blobs))) == blobs


def test_chunks_hold_everything_once() -> None:
    assert [value for chunk in chunks(range(1203)) for value in chunk] == list(range(1203))


def test_snapshot_does_not_move_under_a_reader(store: Store) -> None:
    with store.reading() as register:
        assert queries.find_versions(register, [ALICE]) == {ALICE: 0}
        write_change(store, Change(touched={ALICE}))
        assert queries.find_versions(register, [ALICE]) == {ALICE: 0}
    with store.reading() as register:
        assert queries.find_versions(register, [ALICE]) == {ALICE: 1}


def test_exclusive_is_one_holder_at_a_time(store: Store) -> None:
    with (
        store.exclusive("dispatch") as mine,
        store.exclusive("dispatch", wait=False) as theirs,
        store.exclusive("other", wait=False) as free,
    ):
        assert (mine, theirs, free) == (True, False, True)
    with store.exclusive("dispatch", wait=False) as mine:
        assert mine


def test_totals_are_put_together_from_the_rows_of_every_process(store: Store) -> None:
    with store.writing() as register:
        rows = {"accepted#0": 2, "accepted#63": 3, "sent": 4, "sent#1": 5}
        register.execute(schema.counters.insert(), [{"name": name, "value": value} for name, value in rows.items()])
    write_change(store, Change(counts=Counter(accepted=1)))
    with store.reading() as register:
        assert queries.read_counters(register) == {"accepted": 6, "sent": 9}


def test_person_who_is_used_and_one_who_is_touched_are_two(store: Store) -> None:
    """What a batch was computed from is checked, whether it writes about that person or not."""
    write_change(store, Change(touched={ALICE, BOB}))
    write_change(store, Change(used={ALICE: 1}, touched={BOB}))
    write_change(store, Change(used={ALICE: 1, BOB: 2}, touched={BOB}))
    for used in ({ALICE: 2}, {BOB: 2}, {ALICE: 0, BOB: 3}):
        with pytest.raises(ClashError):
            write_change(store, Change(used=used, touched={BOB}))
    with store.reading() as register:
        assert queries.find_versions(register, [ALICE, BOB]) == {ALICE: 1, BOB: 3}


# What the log had before 100 was signed in time with `old`, which has ended since: whether each is to be found, and how it stands.
STANDS: dict[str, tuple[bool, dict[str, Any]]] = {
    "sent in time": (False, {"signed_by": "old", "sent_at_ms": 99, "state": "SENT"}),
    "sent too late": (True, {"signed_by": "old", "sent_at_ms": 100, "state": "SENT"}),
    "not sent": (True, {"signed_by": "old"}),
    "by an unknown key": (True, {"signed_by": None, "state": "SENT"}),
    "by the key of today": (False, {"signed_by": "new", "sent_at_ms": 200, "state": "SENT"}),
    "confirmed": (False, {"signed_by": "old", "sent_at_ms": 200, "state": "DELIVERED"}),
}


@pytest.mark.parametrize(("found", "stands"), STANDS.values(), ids=STANDS)
def test_what_came_too_late_is_found(store: Store, found: bool, stands: dict[str, Any]) -> None:
    """Disclosures of live reports, withdrawals of any, notices apart; a summary is nobody's to send again."""
    cut, kinds = {"old": 100, "older": 50}, ("DISCLOSURE", "WITHDRAWAL", "NOTICE", "SUMMARY")
    sent = [
        delivery(id=kind.encode().ljust(16), n=n, kind=kind, office=kind.lower(), sealed_to="k", **stands) for n, kind in enumerate(kinds)
    ]
    dead = delivery(id=b"x" * 16, report=b"x" * 16, sealed_to="k", **stands)
    write_change(store, Change(reports=[report_row(live_until_ms=9), report_row(id=b"x" * 16, urn="01/2")], deliveries=[*sent, dead]))
    report = [b"r" * 16] if found else []
    with store.reading() as register:
        ask = partial(sealed.find_unreadable, register, key="k", cut=cut, since_ms=0, live_after_ms=6)
        assert ask(office="disclosure") == ask(office="withdrawal") == sealed.find_unheard(register, "notice", cut, 0) == report
        assert (
            ask(office="notice") == ask(office="summary") == ask(office="pio:WSI") == sealed.find_unheard(register, "notice", {}, 0) == []
        )
        assert ask(office="disclosure", key="another") == ask(office="disclosure", key="another", cut={}) == [b"r" * 16]
        late = [row.report for row in sealed.find_late(register, "withdrawal", "WITHDRAWAL", [b"r" * 16], cut)]
        offices = sealed.list_late_offices(register, cut)
    assert (late, offices) == (report, ["disclosure", "notice", "pio:WSI", "withdrawal"] if found else [])


def test_rows_are_found_however_many_keys_are_asked_for(store: Store) -> None:
    """A statement takes no more than 500 places: names and bytes alike, each row once."""
    asked = [f"{n:016x}" for n in range(1201)]
    row = {"owner": "pas", "reasons": "G-CATA", "priority": "ROUTINE", "opened_at_ms": 1, "due_ms": 2, "state": "OPEN", "climb_ms": None}
    write_change(store, Change(cases=[row | {"id": one, "report": bytes.fromhex(one)} for one in asked]))
    with store.reading() as register:
        by_id = queries.find_cases_by_id(register, [*asked, "none"])
        by_report = queries.find_cases(register, [bytes.fromhex(one) for one in asked])
    assert sorted(case.id for case in by_id) == sorted(case.id for case in by_report) == asked


def test_key_of_another_length_finds_itself_and_hides_no_other(store: Store) -> None:
    """What an office names may have any length: it is looked for among all that others name."""
    odd = [b"", b"a", b"a" * 15, b"\0" * 17, b"a" * 40]
    write_change(store, Change(touched={ALICE, odd[1], odd[3]}))
    with store.reading() as register:
        assert find_known(register, schema.versions.c.key, [*odd, ALICE, BOB]) == {ALICE, odd[1], odd[3]}
        assert find_known(register, schema.versions.c.key, []) == set()


# --- migrations ------------------------------------------------------------------------------------------------------


def test_head_is_the_migrations_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(pas_gateway.register.__file__).with_name("migrations")))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrated_tables_are_the_declared_ones(store: Store) -> None:
    with store.reading() as register:
        context = MigrationContext.configure(register, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_persons_of_an_older_register_are_brought_along(store: Store) -> None:
    other = report_row(id=b"s" * 16, originator="force:06", tags="", created_at_ms=7)
    write_change(store, Change(reports=[report_row(), other]))
    with store.writing() as register:
        register.execute(sa.text("DROP TABLE subjects"))
        register.execute(sa.text("CREATE TABLE subjects AS SELECT id AS key, id AS report FROM reports"))
        with Operations.context(MigrationContext.configure(register)):
            v0017_subjects_in_brief.upgrade()
        context = MigrationContext.configure(register, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
        rows = register.execute(sa.select(schema.subjects).order_by(schema.subjects.c.key)).all()
    assert [tuple(row) for row in rows] == [(b"r" * 16, b"r" * 16, 1, "DRUGS,ESCAPE"), (b"s" * 16, b"s" * 16, 7, "")]


def test_the_rows_of_a_person_lie_side_by_side(tmp_path: Path) -> None:
    """What SQLite keeps without numbers of its own: to look at fifty reports of a prisoner is to read one place, not fifty."""
    store = make_register(tmp_path / "register.db")
    with store.reading() as register:
        without = sa.text("SELECT name FROM sqlite_master WHERE sql LIKE '%WITHOUT ROWID%'")
        assert list(register.execute(without).scalars()) == ["subjects"]
    store.close()


def test_migrating_again_changes_nothing(store: Store, url: str) -> None:
    write_change(store, Change(advances=[advance(None, 3)]))
    again = open_store(url)
    again.migrate()
    assert position(again) == (3, b"\x03" * 32)
    again.close()


@pytest.mark.parametrize("version", ["9000", "9999", "0000", "no-such"])
def test_register_of_another_version_is_refused_and_left_alone(store: Store, url: str, version: str) -> None:
    with store.writing() as register:
        register.execute(sa.text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    store.close()
    other = open_store(url)
    with pytest.raises(RegisterError, match="version") as refused:
        other.migrate()
    assert refused.value.hint
    assert not refused.value.retriable
    other.close()


def test_nothing_is_written_into_a_register_that_a_newer_program_took_over(store: Store, url: str) -> None:
    newer = open_store(url)
    with newer.writing() as register:
        register.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    newer.close()
    with pytest.raises(RegisterError, match="newer version") as refused:
        write_change(store, Change(advances=[advance(None, 3)]))
    assert "newer program" in refused.value.hint
    assert not refused.value.retriable
    assert position(store) is None


def test_database_of_somebody_else_is_refused(empty: str) -> None:
    other = open_store(empty)
    with other.connect() as theirs, theirs.begin():
        theirs.exec_driver_sql("CREATE TABLE reports (id INTEGER)")
    with pytest.raises(RegisterError, match="not a register's"):
        other.migrate()
    with other.reading() as theirs:
        assert sa.inspect(theirs).get_table_names() == ["reports"]
    other.close()


def test_register_is_there_once_it_was_made(empty: str) -> None:
    store = open_store(empty)
    assert not store.exists()
    store.migrate()
    assert store.exists()
    store.close()


def test_first_migration_is_run_once_by_many_at_a_time(empty: str) -> None:
    stores = [open_store(empty) for _ in range(4)]
    with ThreadPoolExecutor(len(stores)) as pool:
        assert list(pool.map(Store.migrate, stores)) == [None] * len(stores)
    for store in stores:
        write_change(store, Change(touched={ALICE}))
        store.close()


def test_no_parameter_shows_in_an_error(store: Store) -> None:
    with pytest.raises(RegisterError) as failed:
        write_change(store, Change(attempts=[attempt(CANARY) | {"at_ms": object()}]))
    assert failed.value.hint
    assert CANARY not in f"{failed.value} {failed.value!r} {failed.value.__cause__!r}"


def test_what_is_learnt_again_is_accounted_for_once(store: Store) -> None:
    """Known deliveries are not learnt; what is, waits until the inputs are where they were; a withdrawal ends what came before it."""
    write_change(store, Change(deliveries=[delivery()]))
    again = delivery(id=b"e" * 16, n=2, kind="WITHDRAWAL", state="SENT", words=b"w")
    with store.writing() as connection:
        assert relearning.learn(connection, [delivery(words=b"w"), again, again], {(TOPIC, 0): 2, (TOPIC, 1): 0}, frozenset()) == 1
        assert relearning.learn(connection, [again], {}, frozenset()) == 0
    with store.reading() as connection:
        assert relearning.list_regained(connection, LOG, 9) == []
        rows = {row.n: row.state for row in connection.execute(sa.select(schema.deliveries))}
    assert rows == {1: "WITHDRAWN", 2: "SENT"}
    write_change(store, Change(advances=[advance(None, 2)]))
    with store.reading() as connection:
        assert relearning.list_regained(connection, LOG, 9) == [again["report"]]
    write_change(store, Change(recalled=[again["id"]]))
    with pytest.raises(ClashError):
        write_change(store, Change(recalled=[again["id"]]))
    with store.reading() as connection:
        assert not relearning.is_regaining(connection)
