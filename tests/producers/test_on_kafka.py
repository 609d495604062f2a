"""A publisher on Kafka whose connection fails: it says in bounded time what was not accepted, and repeating is safe."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.judging import make_opener, read_all
from kafka_broker import collect_sockets
from kafka_faulty import FAULTS, PATIENCE_SECONDS, FaultyKafka
from kafka_proxy import Api
from pas_producers import Published, Publisher, PublishError, Repeated
from pas_schemas.clock import show_time
from pas_schemas.rulebook import shipped_rulebook
from pas_schemas.topics import REPORTS
from pas_transport.workspace import Workspace
from producers.samples import make_item, make_report

pytestmark = FAULTS
OFFICES = ("pas", "feed:nomis", "force:01", "pio:WSI", "security:WSI")
MANY = 10**6


@pytest.fixture(autouse=True)
def left_sockets() -> Iterator[None]:
    yield
    collect_sockets()


@pytest.fixture
def place(faulty: FaultyKafka, pristine: Path, tmp_path: Path) -> Iterator[Workspace]:
    faulty.proxy.struck.clear()
    yield faulty.settle(pristine, tmp_path / "ws", OFFICES)
    faulty.proxy.restore()


def write(place: Workspace, count: int, **changes: Any) -> list[dict[str, Any]]:
    now = show_time(place.clock.now())
    return [make_report(number, created_at=now, **({"mopi": {"group": 2, "review_by": "2099-01-01"}} | changes)) for number in range(count)]


def count_in_log(place: Workspace) -> Counter[bytes]:
    """How often the topic holds each report, by its key; every record opens as PAS would open it."""
    opener = make_opener(place, "pas")
    with place.log() as log:
        records = list(read_all(log, REPORTS.name))
    for taken in records:
        assert opener.open(taken.value, taken.at).record_id == taken.key
    return Counter(taken.key for taken in records)


def fail(publisher: Publisher, reports: Iterable[dict[str, Any]]) -> PublishError:
    started = time.monotonic()
    with pytest.raises(PublishError) as caught:
        publisher.publish(reports)
    assert time.monotonic() - started < PATIENCE_SECONDS
    assert caught.value.retriable
    assert make_item()["text"] not in f"{caught.value!s} {caught.value!r}"
    return caught.value


@contextmanager
def publish_by_tens(place: Workspace) -> Iterator[Publisher]:
    parts: dict[str, Any] = {"snapshot": place.directory(), "keyring": place.keyring("force:01"), "clock": place.clock}
    with place.log() as log, Publisher(
        log=log, rulebook=shipped_rulebook(), journals=place.root / "published", batch_records=10, **parts
    ) as publisher:  # fmt: skip
        yield publisher


def test_answer_lost_once_is_asked_for_again_and_nothing_is_doubled(faulty: FaultyKafka, place: Workspace) -> None:
    """The broker has the batch, the connection ends: the same batch goes again, and is known as the same."""
    with Publisher.of(place) as publisher:
        faulty.proxy.lose_answers(Api.PRODUCE, 1)
        done = publisher.publish(reports := write(place, 40))
    assert faulty.proxy.struck["lost"] == 1
    assert [type(one) for one in done.outcomes] == [Published] * len(reports)
    assert set(count_in_log(place).values()) == {1}
    assert len(count_in_log(place)) == len(reports)


def test_answers_that_never_come_are_told_as_not_accepted_and_a_repeat_is_safe(faulty: FaultyKafka, place: Workspace) -> None:
    """The log has them, and the publisher cannot know: it names all of them, and sends them once more."""
    reports = write(place, 12)
    with Publisher.of(place) as publisher:
        faulty.proxy.lose_answers(Api.PRODUCE, MANY)
        failure = fail(publisher, reports)
        assert faulty.proxy.struck["lost"] > 0
        assert sorted(failure.urns) == sorted(report["urn"] for report in reports)
        assert failure.sentence.startswith("The log did not take 12 records: ")
        assert failure.done.outcomes == ()
        faulty.proxy.restore()
        assert len(count_in_log(place)) == len(reports)
        assert len(publisher.publish(reports).published) == len(reports)
        assert len(publisher.publish(reports).repeated) == len(reports)
    # The same report under the same name, once from each run: PAS calls the second DUPLICATE.
    assert set(count_in_log(place).values()) == {2}
    assert len(count_in_log(place)) == len(reports)


def test_what_came_before_the_cut_is_done_and_what_came_after_is_named(faulty: FaultyKafka, place: Workspace) -> None:
    reports = write(place, 30)

    def cut_on_the_way() -> Iterator[dict[str, Any]]:
        yield from reports[:10]
        faulty.proxy.cut()
        yield from reports[10:]

    with publish_by_tens(place) as publisher:
        failure = fail(publisher, cut_on_the_way())
        assert faulty.proxy.struck["cut"] > 0
        assert [one.urn for one in failure.done.published] == [report["urn"] for report in reports[:10]]
        assert list(failure.urns) == [report["urn"] for report in reports[10:20]]
        faulty.proxy.restore()
        again = publisher.publish(reports)
    assert [type(one) for one in again.outcomes] == [Repeated] * 10 + [Published] * 20
    # Nothing of the second batch had reached the broker.
    assert set(count_in_log(place).values()) == {1}
    assert len(count_in_log(place)) == len(reports)


def test_broker_that_hangs_is_given_up_in_bounded_time(faulty: FaultyKafka, place: Workspace) -> None:
    reports = write(place, 5)
    with Publisher.of(place) as publisher:
        publisher.publish(reports[:1])
        with faulty.held():
            failure = fail(publisher, reports[1:])
        assert list(failure.urns) == [report["urn"] for report in reports[1:]]
        until_published(lambda: len(publisher.publish(reports).published) == 4)
    assert len(count_in_log(place)) == len(reports)


def until_published(work: Callable[[], bool]) -> None:
    """A broker that wakes up may need longer than one wait."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            assert work()
            return
        except PublishError:
            assert time.monotonic() < deadline, "it never worked again"
