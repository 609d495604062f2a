"""An independent reader of what a gateway did: it opens the log with the offices' keys and the inboxes, and never the register."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pas_consumers import Delivery, Inbox
from pas_schemas.codec import decode
from pas_schemas.directory import KeyUse, Snapshot
from pas_schemas.sealing import Opener
from pas_schemas.topics import REPORTS, URGENT, deliveries
from pas_transport.log import Log, Partition, Taken
from pas_transport.workspace import Workspace

# (office, URN) -> the kinds of its deliveries in the order of their numbers.
Journeys = dict[tuple[str, str], list[str]]


@dataclass(frozen=True)
class Sent:
    """One delivery in an office's topic, opened with that office's keys."""

    office: str
    partition: int
    datum: dict[str, Any]


def read_all(log: Log, topic: str) -> Iterator[Taken]:
    """Every record of a topic."""
    starts = log.starts([topic])
    for partition, end in sorted(log.ends([topic]).items()):
        at = starts[partition]
        while at < end and (some := log.read(partition, at, 1000)):
            yield from some
            at = some[-1].offset + 1


def make_opener(workspace: Workspace, office: str, use: KeyUse = "open", **changes: Any) -> Opener:
    """Opens what is sealed to an office, with every key the workspace holds of it."""
    snapshot, ring = workspace.directory(), workspace.keyring(office)
    own = {key.id: key for key in snapshot.keys(office, use)}
    keys = ring.compartment() if use == "compartment" else ring.opening()
    return Opener(office, keys, lambda sender, key: _signer(snapshot, sender, key), own.get, **changes)


def _signer(snapshot: Snapshot, office: str, key_id: str) -> Any:
    return next((key for key in snapshot.keys(office, "sign") if key.id == key_id), None)


def list_addressed(log: Log, workspace: Workspace) -> list[str]:
    """The offices whose topics hold anything."""
    topics = {deliveries(office.id).name: office.id for office in workspace.directory().offices}
    return sorted({topics[partition.topic] for partition, end in log.ends(topics).items() if end})


def read_sent(log: Log, workspace: Workspace, office: str) -> list[Sent]:
    """An office's deliveries, each id once; a repeat that is not the same bytes fails."""
    opener = make_opener(workspace, office)
    seen: dict[bytes, tuple[Partition, bytes]] = {}
    found = []
    for taken in read_all(log, deliveries(office).name):
        if taken.key in seen:
            assert seen[taken.key] == (taken.partition, taken.value), "an id was appended twice with different bytes"
            continue
        seen[taken.key] = (taken.partition, taken.value)
        opened = opener.open(taken.value, taken.at)
        assert opened.sender == "pas"
        assert opened.record_id == taken.key
        datum = decode(opened.payload, "delivery").datum
        assert (datum["office"], datum["delivery_id"]) == (office, taken.key)
        found.append(Sent(office, taken.partition.number, datum))
    return found


def check_numbers(sent: list[Sent]) -> None:
    """In each report's deliveries to an office the numbers are 1, 2, ... without a gap and without a second."""
    numbers: defaultdict[bytes, list[int]] = defaultdict(list)
    for one in sent:
        numbers[one.datum["handle"]].append(one.datum["n"])
    for handle, given in numbers.items():
        assert sorted(given) == list(range(1, len(given) + 1)), handle.hex()


def judge_log(log: Log, workspace: Workspace) -> list[Sent]:
    """Every delivery in every office's topic, its bytes and numbers checked."""
    every = []
    for office in list_addressed(log, workspace):
        sent = read_sent(log, workspace, office)
        check_numbers(sent)
        every += sent
    return every


def find_journeys(sent: list[Sent]) -> Journeys:
    """What each office was sent about each report, notices aside."""
    found: Journeys = defaultdict(list)
    for one in sorted(sent, key=lambda one: one.datum["n"]):
        if one.datum["kind"] != "NOTICE":
            found[one.office, one.datum["urn"]].append(one.datum["kind"])
    return dict(found)


def count_notices(sent: list[Sent], *words: str) -> Counter[tuple[str, str, str]]:
    """How often each office was told each of these words about each URN; a delivery that says a word several times says it once."""
    return Counter(
        (one.office, one.datum["urn"], word)
        for one in sent
        for word in {notice["word"] for notice in one.datum["notices"]}
        if word in words
    )


def count_words(log: Log, workspace: Workspace) -> Counter[tuple[str, str, str]]:
    """What each originator must be told, by its records in the log: of contents under one name the first counts, every other is rejected.

    Of a content that comes again nobody is told; a refusal is told as often as it came.
    """
    opener, first, words = make_opener(workspace, "pas"), dict[bytes, bytes](), Counter[tuple[str, str, str]]()
    for taken in (taken for topic in (REPORTS, URGENT) for taken in read_all(log, topic.name)):
        found = decode(opener.open(taken.value, taken.at).payload, "report", "refusal")
        content = found.datum.get("content_digest", b"")
        if found.name == "report" and taken.key not in first:
            words[found.datum["originator"], found.datum["urn"], "ACCEPTED"] += 1
        elif first.get(taken.key) != content:
            words[found.datum["originator"], found.datum["urn"], "REJECTED"] += 1
        if found.name == "report":
            first.setdefault(taken.key, content)
    return words


def take_everything(workspace: Workspace, offices: list[str]) -> list[Delivery]:
    """What each of these offices' inboxes takes now; nothing set aside, no gap, no partition stopped."""
    new: list[Delivery] = []
    for office in offices:
        with Inbox.of(workspace, office, post="duty-officer", person="example-0001") as inbox:
            intake = inbox.take()
            assert (intake.aside, intake.gaps, intake.stopped) == ((), (), ())
            new += intake.new
    return new
