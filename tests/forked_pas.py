"""`pas` in processes of their own, forked from one that has imported everything: a suite runs it a thousand times."""

from __future__ import annotations

import atexit
import gc
import hashlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NoReturn

PAS = Path(sys.executable).with_name("pas")


def derive_once() -> None:
    """What a passphrase and a salt come to is worked out once a process: it takes a tenth of a second on purpose, and comes often."""
    hashlib.scrypt = lru_cache(maxsize=64)(hashlib.scrypt)  # type: ignore[assignment]  # it answers as before


class Running:
    """A command that was started: a process with files of its own."""

    def __init__(self, told: socket.socket, out: Any, err: Any) -> None:
        self._told, self._files = told, (out, err)
        self.returncode: int | None = None
        self.pid = int.from_bytes(receive(told, 4), "big")

    def poll(self) -> int | None:
        """Its exit code (minus the signal's number where one ended it); None while it runs."""
        with suppress(TimeoutError):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same, once it has ended; raises TimeoutError."""
        if self.returncode is None:
            # A suite may have more files open than select can tell apart.
            ready = select.poll()
            ready.register(self._told, select.POLLIN)
            if not ready.poll(None if timeout is None else timeout * 1000):
                raise TimeoutError
            self.returncode = int.from_bytes(receive(self._told, 4), "big", signed=True)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote to stdout and to stderr, once it has ended; raises TimeoutError, the command being killed."""
        try:
            self.wait(timeout)
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
            raise
        out, err = map(_read, self._files)
        return out, err

    def close(self) -> None:
        for file in (self._told, *self._files):
            file.close()


class ForkedPas:
    """Starts commands; each has arguments, folder, environment and files of its own."""

    def __init__(self, example: Path) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            # -P: what lies beside this file is no module of the product.
            command = [sys.executable, "-P", __file__, str(theirs.fileno()), str(example)]
            self._parent = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def begin(self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Running:
        """The command, to be closed in the end."""
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  # closed with what writes to them
        told, theirs = socket.socketpair()
        with theirs:
            asked = json.dumps({"arguments": [*arguments], "cwd": str(cwd), "env": dict(env)}).encode()
            socket.send_fds(self._socket, [len(asked).to_bytes(4, "big")], [out.fileno(), err.fileno(), theirs.fileno()])
            self._socket.sendall(asked)
        return Running(told, out, err)

    def run(self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float) -> tuple[int, str, str]:
        """Exit code, stdout and stderr; raises TimeoutError."""
        with closing(self.begin(arguments, cwd, env)) as running:
            out, err = running.communicate(timeout)
            return running.wait(), out, err

    def close(self) -> None:
        self._socket.close()
        self._parent.wait()


class _Shared:
    """The one of this process, made when it is first asked for."""

    example: Path | None = None
    forked: ForkedPas | None = None


@contextmanager
def sharing(example: Path) -> Iterator[None]:
    """While the example workspace is there, `shared` can be asked."""
    _Shared.example = example
    try:
        yield
    finally:
        if _Shared.forked is not None:
            _Shared.forked.close()
            _Shared.forked = None


def shared() -> ForkedPas:
    """The process that `pas` is forked from."""
    if _Shared.forked is None:
        assert _Shared.example is not None, "no test has asked for the example workspace"
        _Shared.forked = ForkedPas(_Shared.example)
    return _Shared.forked


def _read(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode())


def receive(connection: socket.socket, size: int) -> bytes:
    """So many bytes; raises EOFError where the other side has no more."""
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def _serve(connection: socket.socket) -> dict[str, Any] | None:
    """Forks for each request; returns it in the child, and None when nobody asks any more."""
    # Nobody waits for those that keep a command.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        head, files, _, _ = socket.recv_fds(connection, 4, 3)
        if not head:
            return None
        asked: dict[str, Any] = json.loads(receive(connection, int.from_bytes(head, "big")))
        if os.fork() == 0:
            connection.close()
            if _keep(files.pop()):
                for place, file in enumerate(files, start=1):
                    os.dup2(file, place)
                    os.close(file)
                return asked
            os._exit(0)
        for file in files:
            os.close(file)


def _keep(told: int) -> bool:
    """Forks the command and is True there; in the other process, says who it is and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(told)
        return True
    os.write(told, child.to_bytes(4, "big"))
    _, status = os.waitpid(child, 0)
    os.write(told, os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
    return False


def _make_ready(example: Path) -> Any:
    """The command, with all that its sub-commands import, and what workspaces of the example share: directory and passphrase."""
    import alembic.command
    import alembic.config  # noqa: F401  # for those that are forked

    import pas_consumers
    import pas_gateway
    import pas_producers
    import pas_schemas
    import pas_transport
    from pas_transport.cli import main, pas
    from pas_transport.example_people import PASSPHRASE
    from pas_transport.rules import load_rulebook
    from pas_transport.workspace import open_workspace

    for package in (pas_schemas, pas_transport, pas_producers, pas_gateway, pas_consumers):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            # A migration runs where it is imported.
            if ".migrations" not in module.name:
                import_module(module.name)
    pas.list_commands(None)  # type: ignore[arg-type]  # the table needs no context
    workspace = open_workspace(example, environment={})
    load_rulebook(workspace)
    keyring = workspace.keyring("pas")
    keyring.opening()
    derive_once()
    keyring.person_key("example-reviewer-1", PASSPHRASE)
    return main


def _main() -> None:
    run = _make_ready(Path(sys.argv[2]))
    gc.freeze()
    asked = _serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        sys.argv = [str(PAS), *asked["arguments"]]
        _end_with(_run(run))


def _run(command: Callable[[], object]) -> int:
    """Its exit code; what is no ordinary end is left to Python."""
    try:
        command()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        raise
    return 0


def _end_with(code: int) -> NoReturn:
    """As Python ends, but for taking down one by one all the objects that commands share: each would first be copied, which costs more
    than most commands do."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        # Python has words of its own for that, and an exit code.
        sys.exit(code)
    os._exit(code)


if __name__ == "__main__":
    _main()
