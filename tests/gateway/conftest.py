"""A desk for each test of the gateway, and a PostgreSQL for those that ask for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from copying import copy_workspace, unchanged
from gateway.desk import Desk, copy_estate
from gateway.postgres import PrivatePostgres, run_postgres
from pas_gateway.register import open_store, schema
from pas_gateway.register.store import HEAD
from pas_transport.workspace import open_workspace


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """One server for the whole run; each test makes a database of its own."""
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: PrivatePostgres) -> str:
    """A register made once."""
    name = postgres.make_database()
    store = open_store(postgres.url(name))
    store.migrate()
    store.close()
    return name


@pytest.fixture
def emptied(postgres: PrivatePostgres, migrated: str) -> str:
    """The URL of that register, without a row in it: faster than a database for each test."""
    tables = [table.name for table in schema.metadata.sorted_tables]
    postgres.run(migrated, *(f"DELETE FROM {table}" for table in tables), f"UPDATE alembic_version SET version_num = '{HEAD}'")
    return postgres.url(migrated)


@pytest.fixture(scope="session")
def settled(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small workspace in which the prisoner of `Desk.write` is in WSI and known to be of category C; no test may change it."""
    root = tmp_path_factory.mktemp("settled") / "small"
    with Desk(copy_estate(pristine, root)) as desk:
        desk.move()
        desk.run()
    with unchanged(root):
        yield root


@pytest.fixture
def desk(settled: Path, tmp_path: Path) -> Iterator[Desk]:
    """A desk in a copy of that workspace."""
    with Desk(open_workspace(copy_workspace(settled, tmp_path / "small"), environment={})) as desk:
        desk.fresh("pas.movements")
        yield desk
