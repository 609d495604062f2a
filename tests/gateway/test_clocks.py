"""Clocks an hour apart: each report comes to one end by the rules, its originator hears which, and nothing is lost in silence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.desk import Desk, copy_estate
from gateway.judging import count_notices, find_journeys, read_all
from gateway.terminal import Terminal
from pas_consumers import Inbox
from pas_gateway.register import schema
from pas_producers import MovementFeed, Published, Publisher, Refused
from pas_schemas.codec import decode
from pas_schemas.topics import QUARANTINE
from pas_transport.embedded import EmbeddedLog
from pas_transport.log import Log
from pas_transport.workspace import Workspace
from producers.samples import make_movement, write_lines

HOUR_MS = 3_600_000
OFFICES = ("pio:WSI", "security:WSI")
# How many hours publisher, gateway and inbox stand ahead of the log, and what comes of a report written three minutes ago and of one
# written three hours ago. Freshness compares when a record was sealed with when the log took it; V-CLOCK compares when a report
# was written with the clock of whoever runs the rule, first the publisher and then the gateway.
CLOCKS = {
    "publisher ahead": ((1, 0, 0), ("QUARANTINED", "QUARANTINED")),
    "publisher behind": ((-1, 0, 0), ("REJECTED", "ACCEPTED")),
    "gateway ahead": ((0, 1, 0), ("ACCEPTED", "ACCEPTED")),
    "gateway behind": ((0, -1, 0), ("REJECTED", "ACCEPTED")),
    "inbox ahead": ((0, 0, 1), ("ACCEPTED", "ACCEPTED")),
    "inbox behind": ((0, 0, -1), ("ACCEPTED", "ACCEPTED")),
    "log behind": ((1, 1, 1), ("QUARANTINED", "QUARANTINED")),
    "log ahead": ((-1, -1, -1), ("REJECTED", "ACCEPTED")),
}


@dataclass(frozen=True)
class Astray(Workspace):
    """A workspace whose clock is not its log's, which goes on telling its own time."""

    def log(self) -> Log:
        return EmbeddedLog(self.root / self.settings.log_path)


@pytest.mark.parametrize(("ahead", "ends"), CLOCKS.values(), ids=CLOCKS)
def test_clocks_an_hour_apart_lose_nothing_in_silence(
    pristine: Path, tmp_path: Path, ahead: tuple[int, int, int], ends: tuple[str, str]
) -> None:
    right = copy_estate(pristine, tmp_path / "ws")
    publishing, deciding, reading = (Astray(right.root, right.settings, hours * HOUR_MS) for hours in ahead)
    with Desk(right) as before:
        before.move()
        before.run()
        reports = [before.write(hours_ago=0.05), before.write(hours_ago=3)]
    with Publisher.of(publishing) as publisher:
        told = publisher.publish(reports).outcomes
    # What its own clock tells it, a publisher refuses, says so, and tells PAS.
    refused = [isinstance(one, Refused) and one.rules == ("V-CLOCK",) and one.recorded for one in told]
    assert refused == [ahead[0] < 0, False]
    assert all(isinstance(one, Published) for one, stopped in zip(told, refused, strict=True) if not stopped)
    urns = dict(zip((report["urn"] for report in reports), ends, strict=True))
    with Desk(deciding) as desk:
        sent = [one for one in desk.run() if one.office != "pas"]
        assert count_notices(sent, "ACCEPTED", "REJECTED", "QUARANTINED") == {("force:01", urn, end): 1 for urn, end in urns.items()}
        released = {(office, urn): ["DISCLOSURE"] for office in OFFICES for urn, end in urns.items() if end == "ACCEPTED"}
        assert find_journeys(sent) == released
        for office in (*OFFICES, "force:01"):
            with Inbox.of(reading, office) as inbox:
                intake = inbox.take()
            assert intake.aside == ()
            assert {one.id for one in intake.new} == {one.datum["delivery_id"] for one in sent if one.office == office}
        # Receipts are taken in as well, whatever the clock of who signed them.
        desk.run()
        aside = [decode(taken.value, "quarantine").datum["reason"] for taken in read_all(desk.log, QUARANTINE.name)]
    assert aside == ["FROM_THE_FUTURE"] * ends.count("QUARANTINED")


def test_what_a_feed_whose_clock_was_ahead_had_set_aside_can_be_sent_again(
    pristine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until now each row was a repeat for its journal, and the prisoner stayed where he was."""
    right = copy_estate(pristine, tmp_path / "ws")
    row = make_movement(at="2015-10-02T18:00:00Z")
    with MovementFeed.of(Astray(right.root, right.settings, HOUR_MS)) as feed:
        assert list(feed.stream([row])) == ["published"]
    file = tmp_path / "movements.ndjson"
    file.write_bytes(write_lines([row]))
    with Desk(right) as desk:
        [told] = [word["why"] for one in desk.run() if one.office == "feed:nomis" for word in one.datum["notices"]]
        assert told.endswith("set the sender's clock, and send it with --again.")
        pas = Terminal(desk, capsys)
        for extra, ends, known in (([], "repeated", 0), (["--again"], "published", 1), (["--again"], "published", 1)):
            assert pas.json("movements", "import", file, *extra)[ends] == 1
            desk.run()
            with desk.store.reading() as register:
                assert len(register.execute(schema.movements.select()).all()) == known
