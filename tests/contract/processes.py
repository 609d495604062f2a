"""A real process that uses the log as it is told, a line of JSON at a time: run as a script, or driven by `Process`."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from contract.adapters import open_log
from pas_transport.log import Log, Outgoing, Partition, Subscription


class Process:
    """The driving side: sends a command, reads its answer; killed, if it still lives, when the test ends."""

    def __init__(self, spec: str) -> None:
        tests = Path(__file__).parent.parent
        path = f"import sys; sys.path[:0] = {[str(tests), *sys.path]!r}; from contract.processes import serve; serve({spec!r})"
        self._child = subprocess.Popen([sys.executable, "-c", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, do: str, **arguments: Any) -> Any:
        self.tell(do, **arguments)
        return self.answer()

    def tell(self, do: str, **arguments: Any) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._child.stdin.flush()

    def answer(self) -> Any:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        assert line, "the process ended without an answer"
        return json.loads(line)

    def kill(self) -> list[Any]:
        """SIGKILL; the answers it had given and nobody had read."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.kill()
        self._child.wait()
        # By the file that `answer` reads, which may have read further than one line: `communicate` would leave that out.
        rest = "" if self._child.stdout.closed else self._child.stdout.read()
        self._child.stdout.close()
        with suppress(BrokenPipeError):
            self._child.stdin.close()
        return [json.loads(line) for line in rest.splitlines() if line.endswith("}")]

    def finish(self) -> None:
        """Tell it nothing more, and wait until it has answered all it was told."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()


def serve(spec: str) -> None:
    """The driven side."""
    subscriptions: dict[str, Subscription] = {}
    with open_log(spec) as log:
        for line in sys.stdin:
            command = json.loads(line)
            print(json.dumps(_obey(log, subscriptions, command)), flush=True)


def _obey(log: Log, subscriptions: dict[str, Subscription], command: dict[str, Any]) -> Any:
    match command["do"]:
        case "identity":
            return {"identity": log.identity}
        case "append":
            log.append([_outgoing(command["topic"], name, command.get("partition")) for name in command["names"]])
            return {"appended": len(command["names"])}
        case "append-many":
            for first in range(0, command["count"], command["batch"]):
                log.append([_outgoing(command["topic"], f"{command['name']}.{n}") for n in range(first, first + command["batch"])])
            return {"appended": command["count"]}
        case "flood":
            _flood(log, command)
        case "subscribe":
            starts = {Partition(topic, number): offset for topic, number, offset in command.get("starts", [])}
            subscriptions["it"] = log.subscribe(command["topics"], command["group"], lambda partition: starts.get(partition, 0))
            return {}
        case "poll":
            taken = subscriptions["it"].poll(command.get("max", 100), command.get("timeout", 0.0))
            return {
                "taken": [(*record.partition, record.offset, record.value.decode()) for record in taken],
                "assigned": sorted(subscriptions["it"].assigned()),
            }
        case "close":
            subscriptions.pop("it").close()
            return {}
    raise AssertionError(command["do"])


def _flood(log: Log, command: dict[str, Any]) -> None:
    """Append until killed, and say so only after each call."""
    done = 0
    while True:
        log.append([_outgoing(command["topic"], f"{command['name']}.{n}") for n in range(done, done + command["batch"])])
        done += command["batch"]
        print(json.dumps({"acknowledged": done}), flush=True)


def _outgoing(topic: str, name: str, partition: int | None = None) -> Outgoing:
    return Outgoing(topic, base64.b64encode(name.encode()), name.encode(), partition)
