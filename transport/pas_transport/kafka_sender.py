"""Appends to Kafka: every record's fate is known when it returns, and no wait is without bound."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from kafka import errors as theirs

from pas_transport.kafka_client import Clients, learn_topics, read_failure
from pas_transport.kafka_topics import KafkaTopics
from pas_transport.log import AppendError, Outgoing, RecordRefusedError

# Records of 4 kB go six times faster in batches of this size than in the library's own 16 KiB.
BATCH_BYTES = 128 * 1024
# How long a batch may fill.
LINGER_MS = 5
_REFUSED = (theirs.MessageSizeTooLargeError, theirs.RecordListTooLargeError, theirs.InvalidRecordError)


class KafkaSender:
    """One idempotent producer, made when first needed and again after any failure: what it still held is given up with it."""

    def __init__(self, clients: Clients, topics: KafkaTopics) -> None:
        self._clients = clients
        self._topics = topics
        self._lock = threading.Lock()
        self._producer: Any = None

    def send(self, records: Sequence[Outgoing], numbers: Sequence[int]) -> None:
        """Append each record to the partition of its number; raises an `AppendError` or another `LogError`."""
        with self._lock:
            failures = self._send(records, numbers)
            if failures:
                self._drop()
        if failures:
            raise _read_failures(failures, len(records))

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _send(self, records: Sequence[Outgoing], numbers: Sequence[int]) -> dict[int, BaseException]:
        producer = self._open()
        names = {self._topics.name(record.topic) for record in records}
        learn_topics(producer._metadata, names, {self._topics.name(topic) for topic in self._topics.known()}, self._clients.wait_seconds)
        futures: list[Any] = []
        failures: dict[int, BaseException] = {}
        with _left_asleep(producer):
            for record, number in zip(records, numbers, strict=True):
                try:
                    futures.append(producer.send(self._topics.name(record.topic), record.value, record.key, partition=number))
                except (theirs.KafkaError, ValueError, AssertionError) as error:
                    failures = dict.fromkeys(range(len(futures), len(records)), error)
                    break
        # Whatever lingers goes now; the library itself gives a record up at its delivery timeout, a little earlier.
        with suppress(theirs.KafkaTimeoutError):
            producer.flush(timeout=self._clients.wait_seconds + 1.0)
        for place, future in enumerate(futures):
            if not future.is_done:
                failures[place] = theirs.KafkaTimeoutError()
            elif future.failed():
                failures[place] = future.exception
        return failures

    def _open(self) -> Any:
        if self._producer is None:
            wait_ms = int(self._clients.wait_seconds * 1000)
            self._producer = self._clients.producer(
                acks="all",
                enable_idempotence=True,
                batch_size=BATCH_BYTES,
                linger_ms=LINGER_MS,
                delivery_timeout_ms=wait_ms,
                max_block_ms=wait_ms,
                metrics_enabled=False,
            )
        return self._producer

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=0)
        except (theirs.KafkaError, ValueError, RuntimeError):
            # Closing waits for what it holds, and that has been given up. Left to the garbage collector it would silence its logger.
            producer._sender.force_close()


@contextmanager
def _left_asleep(producer: Any) -> Iterator[None]:
    """Until the records are all there: the library wakes its thread for the first of each topic, and that looks at every topic then."""
    producer._sender.wakeup = lambda: None
    try:
        yield
    finally:
        del producer._sender.wakeup


def _read_failures(failures: dict[int, BaseException], count: int) -> Exception:
    worst = next((one for one in failures.values() if isinstance(one, _REFUSED)), None)
    failed = sorted(failures)
    if worst is not None:
        only = [place for place in failed if isinstance(failures[place], _REFUSED)]
        return RecordRefusedError(f"Kafka refuses {len(only)} of {count} records as too large", "split or shorten them", only)
    first = read_failure(failures[failed[0]])
    if len(failed) == count or not first.retriable:
        return first
    return AppendError(f"{len(failed)} of {count} records are not known to be in the log: {first.sentence}", first.hint, failed)
