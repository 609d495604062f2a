"""A private PostgreSQL for the suite, from the system's packages: made in a folder of its own, on a free port, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

USER, PASSWORD = "pas", "a/b@c:d e%"
_PATIENCE_SECONDS = 180.0
# Ends the server when whoever started it is gone, however that came about.
_GUARD = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server'


class PrivatePostgres:
    """One server with fsync on, reached by password alone. ICU's order is none of SQLite's: what depends on it shows."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        # Root may not run it; who it runs as may not see pytest's folders.
        self._user = _find_user() if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="pas-pg-"))
        self.port = find_free_port()
        self._made = 0
        self._guard: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._create()

    def _create(self) -> None:
        # Only what it is made of need not be on the disk yet; the server itself runs with fsync.
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if self._user:
            shutil.chown(secret, self._user)
        subprocess.run(
            [self._programs / "initdb", "--pgdata", self.folder / "data", "--username", USER, "--auth=scram-sha-256", "--pwfile", secret,
             "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-GB", "--no-sync", "--no-instructions"],
            user=self._user, cwd=self.folder, check=True, capture_output=True, timeout=300,
        )  # fmt: skip

    def start(self) -> None:
        """Returns once it takes connections."""
        settings = {"port": self.port, "unix_socket_directories": self.folder, "listen_addresses": "127.0.0.1", "shared_buffers": "32MB"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as log:
            self._guard = subprocess.Popen(
                ["sh", "-c", _GUARD, "sh", self._programs / "postgres", "-D", self.folder / "data", *options],
                user=self._user, cwd=self.folder, stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.conninfo("postgres")).close()
                return
            assert time.monotonic() < deadline, (self.folder / "server.log").read_text()[-2000:]
            time.sleep(0.02)

    def stop(self, *, crash: bool = False) -> None:
        """In order (open transactions are undone), or as a power cut leaves it."""
        assert self._guard is not None
        assert self._guard.stdin is not None
        if crash:
            os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        self._guard.stdin.close()
        self._guard.wait(_PATIENCE_SECONDS)
        self._guard = None

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Every process of it stands still: the system still takes connections for it and acknowledges what is sent, and nobody answers."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        stopped: list[int] = []
        try:
            # The first one first: then there are no new ones.
            _hold(first, stopped)
            for child in map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split()):
                _hold(child, stopped)
            yield
        finally:
            for process in stopped:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def remove(self) -> None:
        if self._guard is not None:
            # Nothing is kept: an orderly end would first bring every file of every test's database to the disk.
            self.stop(crash=True)
        shutil.rmtree(self.folder)

    def conninfo(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database)

    def url(self, database: str, *, password: str | None = "a%2Fb%40c%3Ad%20e%25", user: str = USER) -> str:
        return f"postgresql://{user}{'' if password is None else f':{password}'}@127.0.0.1:{self.port}/{database}"

    def run(self, database: str, *statements: str) -> list[Any]:
        """Each by itself, as an administrator would; the rows of the last."""
        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            for statement in statements:
                done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def make_database(self, template: str | None = None) -> str:
        self._made += 1
        name = f"register_{self._made}"
        self.run("postgres", f"CREATE DATABASE {name}{f' TEMPLATE {template}' if template else ''}")
        return name

    @contextmanager
    def make_database_on(self, disk: Path) -> Iterator[str]:
        """A database whose tables lie on a disk of their own, dropped in the end."""
        self._made += 1
        name, folder = f"register_{self._made}", disk / "tables"
        folder.mkdir()
        if self._user:
            shutil.chown(folder, self._user)
        self.run("postgres", f"CREATE TABLESPACE small_{name} LOCATION '{folder}'", f"CREATE DATABASE {name} TABLESPACE small_{name}")
        try:
            yield name
        finally:
            self.run("postgres", f"DROP DATABASE {name} WITH (FORCE)", f"DROP TABLESPACE small_{name}")


def find_programs() -> Path | None:
    """Where initdb and postgres are: in PATH, or where Debian puts them."""
    places = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.split(".")[0]), reverse=True)
    return next((place for place in (*places, *debian) if all(os.access(place / name, os.X_OK) for name in ("initdb", "postgres"))), None)


@contextmanager
def run_postgres() -> Iterator[PrivatePostgres]:
    """Skips where PostgreSQL is not installed; with PAS_REQUIRE_POSTGRES=1 that is a failure."""
    programs = find_programs()
    if programs is None:
        said = "PostgreSQL is not installed: apt-get install postgresql"
        pytest.fail(said) if os.environ.get("PAS_REQUIRE_POSTGRES") == "1" else pytest.skip(said)
    server = PrivatePostgres(programs.resolve())
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _hold(process: int, stopped: list[int]) -> None:
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(process, signal.SIGSTOP)
        stopped.append(process)
        while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "TtZXx":
            os.sched_yield()


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _find_user() -> str:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.fail("there is no user to run PostgreSQL as")
