"""Movements that the log took before the reports and that PAS reads after them: what comes of it is what was foretold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.desk import Desk, Row, copy_estate
from gateway.test_corrections import count_events
from gateway.test_movements_apart import NUMBERS
from pas_gateway.ahead import Ahead
from pas_gateway.demo.outcomes import compare, trace_all
from pas_gateway.demo.world import World, make_world
from pas_gateway.explain import Explainer
from pas_gateway.stages import Submitted, Unprovable
from pas_gateway.verify import verify_movement
from pas_producers import MovementFeed, Publisher
from pas_schemas.naming import prisoner_key
from pas_schemas.topics import MOVEMENTS, REPORTS, URGENT
from pas_transport.lines import Line
from pas_transport.log import choose_partition

REPORTS_WRITTEN = 120


@pytest.fixture
def office(pristine: Path, tmp_path: Path) -> Iterator[Desk]:
    """The whole estate, every office with its keys."""
    held = [folder.name.replace(".", ":", 1) for folder in (pristine / "keys").iterdir() if folder.is_dir()]
    with Desk(copy_estate(pristine, tmp_path / "whole", held)) as desk:
        yield desk


def send(desk: Desk, world: World) -> Sequence[Row]:
    """Where everybody is, then the reports; between the two what `explain` says of each of them."""
    now = desk.workspace.clock.now()
    with MovementFeed.of(desk.workspace) as feed:
        assert set(feed.stream(world.movements)) == {"published"}
    explainer = Explainer.of(desk.office, desk.workspace, desk.log, now)
    foretold = list(explainer.answers(Line(n, json.dumps(report).encode()) for n, report in enumerate(world.reports, 1)))
    with Publisher.of(desk.workspace) as publisher:
        publisher.publish(world.reports)
    return foretold


@pytest.fixture
def sent(office: Desk) -> tuple[World, Sequence[Row]]:
    """A crowd of whom some were moved, released, merged or never heard of; reports on them; what was foretold of these."""
    now = office.workspace.clock.now()
    world = make_world(3, now, office.snapshot.at(now), REPORTS_WRITTEN)
    return world, send(office, world)


def find_wrong(desk: Desk, world: World, foretold: Sequence[Row]) -> list[str]:
    traces = trace_all(desk.store, desk.workspace.keyring("pas").register_key(), world.reports)
    return compare(world.reports, foretold, (), traces)


def test_what_was_foretold_comes_of_reports_that_were_decided_before_any_movement(office: Desk, sent: tuple[World, Sequence[Row]]) -> None:
    """As if nothing were known but what the register holds: the movements put it right, and not more than right."""
    for topic in (REPORTS.name, URGENT.name):
        office.pipeline.commit(office.plan_reports(office.fresh(topic)))
    assert find_wrong(office, *sent)
    office.pipeline.commit(office.plan_movements(office.fresh(MOVEMENTS.name)))
    assert find_wrong(office, *sent) == []


@pytest.mark.parametrize("read_before", [0, 60])
def test_what_the_log_holds_counts_though_nobody_reads_it(office: Desk, sent: tuple[World, Sequence[Row]], read_before: int) -> None:
    """Another reader owns the movements and stands still: nothing goes out that would have to be taken back."""
    read = office.fresh(MOVEMENTS.name)[:read_before]
    office.pipeline.commit(office.plan_movements(read))
    places = Counter(record.partition for record in read)
    with office.log.subscribe([MOVEMENTS.name], "pas-gateway", lambda partition: places[partition]) as standing:
        assert len(standing.poll(1, 1.0)) == 1
        office.worker("worker-1").run(lambda: office.is_idle([REPORTS.name]))
        office.worker("threats").run(lambda: office.is_idle([URGENT.name]))
        assert not office.is_idle([MOVEMENTS.name])
        assert find_wrong(office, *sent) == []
    decided = count_events(office)
    office.run()
    assert find_wrong(office, *sent) == []
    assert count_events(office)["DECIDED_AGAIN"] == decided["DECIDED_AGAIN"]


def test_what_was_read_ahead_is_believed_of_that_very_record_alone(desk: Desk) -> None:
    """A movement is opened once; another record at its place, or another edition of the directory, has it verified anew."""
    desk.move(prison="BAI")
    [taken] = desk.fresh(MOVEMENTS.name)
    ahead = Ahead(desk.log, desk.store)
    assert [row.prison for row in ahead.look(desk.office)] == ["BAI"]
    assert ahead.look(desk.office, [taken]) == []
    place = (taken.partition, taken.offset)
    known = ahead.at_hand[place].moved
    assert verify_movement(Submitted(taken), desk.office, ahead.at_hand) is known
    assert verify_movement(Submitted(taken), desk.office) == known
    altered = replace(taken, value=taken.value[:-1] + bytes([taken.value[-1] ^ 1]))
    assert isinstance(verify_movement(Submitted(altered), desk.office, ahead.at_hand), Unprovable)
    later = replace(taken, at=taken.at + timedelta(days=2))
    assert isinstance(verify_movement(Submitted(later), desk.office, ahead.at_hand), Unprovable)
    ahead.look(desk.office)
    rulebook = replace(desk.office.rulebook, digest="another")
    ahead.look(replace(desk.office, rulebook=rulebook), [taken])
    assert ahead.at_hand == {}


def find_elsewhere(desk: Desk) -> str:
    """A number whose movements lie in another partition than those of `Desk.move`; which one tells the feed's own key."""
    first, *others = NUMBERS
    key = desk.workspace.keyring("feed:nomis").id_key()
    lies = {number: choose_partition(prisoner_key(key, number), MOVEMENTS.partitions) for number in NUMBERS}
    return next(number for number in others if lies[number] != lies[first])


@pytest.mark.parametrize(("most", "read"), [(4, 4), (7, 7), (12, 12), (13, 13), (100, 13), (None, 13)])
def test_what_is_read_ahead_is_bounded_in_all_partitions_together(desk: Desk, most: int | None, read: int) -> None:
    """Twelve rows of one number lie in one partition, another number's in its own: what one does not need the other has."""
    for hour in range(12):
        desk.move(hours_ago=1 + hour / 12)
    desk.move(noms_number=find_elsewhere(desk))
    assert len({taken.partition for taken in desk.fresh(MOVEMENTS.name)}) == 2
    ahead = Ahead(desk.log, desk.store, most)
    assert len(ahead.look(desk.office)) == read
    assert ahead.cut == (read < 13)
