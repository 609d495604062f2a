"""`pas` in processes of their own, forked from one that has imported everything: a suite runs it a thousand times."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

PAS = Path(sys.executable).with_name("pas")


class ForkedPas:
    """Starts commands one after another; each has arguments, folder, environment and files of its own."""

    def __init__(self, example: Path) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            # -P: what lies beside this file is no module of the product.
            command = [sys.executable, "-P", __file__, str(theirs.fileno()), str(example)]
            self._parent = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)

    def run(self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float) -> tuple[int, str, str]:
        """Exit code (minus the signal's number where one ended it), stdout and stderr; raises TimeoutError, the command being killed."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            asked = json.dumps({"arguments": [*arguments], "cwd": str(cwd), "env": dict(env)}).encode()
            socket.send_fds(self._socket, [len(asked).to_bytes(4, "big")], [out.fileno(), err.fileno()])
            self._socket.sendall(asked)
            started = int.from_bytes(receive(self._socket, 4), "big")
            self._socket.settimeout(timeout)
            try:
                code = int.from_bytes(receive(self._socket, 4), "big", signed=True)
            except TimeoutError:
                os.kill(started, signal.SIGKILL)
                self._socket.settimeout(None)
                receive(self._socket, 4)
                raise
            finally:
                self._socket.settimeout(None)
            return code, *(_read(file) for file in (out, err))

    def close(self) -> None:
        self._socket.close()
        self._parent.wait()


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
    while True:
        head, files, _, _ = socket.recv_fds(connection, 4, 2)
        if not head:
            return None
        asked: dict[str, Any] = json.loads(receive(connection, int.from_bytes(head, "big")))
        child = os.fork()
        if child == 0:
            connection.close()
            for place, file in enumerate(files, start=1):
                os.dup2(file, place)
                os.close(file)
            return asked
        for file in files:
            os.close(file)
        connection.sendall(child.to_bytes(4, "big"))
        _, status = os.waitpid(child, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _make_ready(example: Path) -> Any:
    """The command, with all that its sub-commands import, and the directory that workspaces of the example share."""
    import alembic.command
    import alembic.config  # noqa: F401  # for those that are forked

    import pas_consumers
    import pas_gateway
    import pas_producers
    import pas_schemas
    import pas_transport
    from pas_transport.cli import main, pas
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
    workspace.keyring("pas").opening()
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
        run()


if __name__ == "__main__":
    _main()
