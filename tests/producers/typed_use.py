"""What a caller of the SDK sees of its types; mypy reads this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

from pas_producers import (
    FEED,
    MovementFeed,
    Outcome,
    Publication,
    Published,
    Publisher,
    PublishError,
    PublishRefusedError,
    Refused,
    Repeated,
    Told,
    Unreadable,
)
from pas_schemas.errors import PasError
from pas_transport.workspace import open_workspace


def use() -> None:
    workspace = open_workspace(Path("ws"))
    with Publisher.of(workspace, "force:01", again=True) as publisher:
        assert_type(publisher, Publisher)
        done = publisher.publish([b"{}", {"urn": "01/1"}, Unreadable("Too long.")])
        assert_type(done, Publication)
        assert_type(done.published, tuple[Published, ...])
        assert_type(done.repeated, tuple[Repeated, ...])
        assert_type(done.refused, tuple[Refused, ...])
        assert_type(publisher.stream([]), Iterator[Outcome])
        for outcome in done.outcomes:
            match outcome:
                case Published(urn, report_id) | Repeated(urn, report_id):
                    assert_type(urn, str)
                    assert_type(report_id, bytes)
                case Refused():
                    assert_type(outcome.urn, str | None)
                    assert_type(outcome.code, str)
                    assert_type(outcome.rules, tuple[str, ...])
    with MovementFeed.of(workspace, FEED) as feed:
        assert_type(feed.stream([b"{}"]), Iterator[Told])


def fail() -> PasError:
    try:
        use()
    except PublishRefusedError as failure:
        return failure
    except PublishError as failure:
        assert_type(failure.urns, tuple[str, ...])
        assert_type(failure.retriable, bool)
        return failure
    return PublishError("", "")
