"""Stands between Kafka's clients and a broker: loses answers after the broker has stored what was sent, and cuts connections."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Self

_HEAD_BYTES = 4
_START_SECONDS = 60.0


class Api(IntEnum):
    """Kinds of requests, as Kafka's protocol numbers them."""

    PRODUCE = 0


class _Way:
    """One client's connection and the one to the broker that answers for it."""

    def __init__(self, client: asyncio.StreamWriter, broker: asyncio.StreamWriter) -> None:
        self.client = client
        self.broker = broker
        # What was asked under each correlation id; a broker answers in the order of the questions.
        self.asked: deque[tuple[bytes, int]] = deque()

    def cut(self) -> None:
        for writer in (self.client, self.broker):
            with suppress(RuntimeError):
                writer.transport.abort()


class KafkaProxy:
    """Listens on `port` of this machine for the broker at `target`, which must advertise it. Unless told otherwise it lets all pass.

    `struck` counts what it really did, so that a fault that struck nobody does not count.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.struck: Counter[str] = Counter()
        self._target = target
        self._lose: Counter[int] = Counter()
        self._pass: dict[int, int] = {}
        self._shut = False
        self._ways: set[_Way] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_START_SECONDS), "the proxy did not start"
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def lose_answers(self, api: Api, count: int) -> None:
        """The next `count` answers of this kind never come: the broker has done what was asked, and the connection is cut."""
        self._tell(lambda: self._lose.update({int(api): count}))

    def cut_after(self, api: Api, count: int) -> None:
        """When `count` more answers of this kind have passed, everybody is cut off until `restore`."""
        self._tell(lambda: self._pass.update({int(api): count}))

    def cut(self) -> None:
        """Everybody is cut off, and nobody let in, until `restore`."""
        self._tell(self._cut)

    def restore(self) -> None:
        """All passes again; answers that were lost stay lost."""

        def restore() -> None:
            self._shut = False
            self._lose.clear()
            self._pass.clear()

        self._tell(restore)

    def _tell(self, work: Callable[[], object]) -> None:
        """Done in the proxy's thread by the time this returns."""
        done = threading.Event()

        def run() -> None:
            work()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(_START_SECONDS), "the proxy does not answer"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._welcome, "127.0.0.1", self.port)
        self._ready.set()
        await self._ended.wait()
        server.close()
        self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            answers, broker = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            client.transport.abort()
            return
        way = _Way(client, broker)
        self._ways.add(way)
        try:
            if self._shut:
                return
            await asyncio.gather(self._ask(reader, way), self._answer(answers, way))
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._ways.discard(way)
            way.cut()

    async def _ask(self, reader: asyncio.StreamReader, way: _Way) -> None:
        while True:
            frame = await _read_frame(reader)
            way.asked.append((frame[8:12], int.from_bytes(frame[4:6], "big")))
            way.broker.write(frame)
            await way.broker.drain()

    async def _answer(self, answers: asyncio.StreamReader, way: _Way) -> None:
        while True:
            frame = await _read_frame(answers)
            api = self._match(frame[4:8], way)
            if self._lose[api] > 0:
                self._lose[api] -= 1
                self.struck["lost"] += 1
                raise EOFError
            way.client.write(frame)
            await way.client.drain()
            if api in self._pass:
                self._pass[api] -= 1
                if self._pass[api] <= 0:
                    del self._pass[api]
                    self._cut()

    def _match(self, correlation: bytes, way: _Way) -> int:
        """What this answers; a question without an answer (acks=0) is none of ours."""
        asked, api = way.asked.popleft()
        assert asked == correlation, "an answer to another question"
        return api

    def _cut(self) -> None:
        self._shut = True
        self.struck["cut"] += len(self._ways)
        for way in self._ways:
            way.cut()


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(_HEAD_BYTES)
    return head + await reader.readexactly(int.from_bytes(head, "big"))
