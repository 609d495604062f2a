"""What an inbox takes, in whatever order it comes, and what it answers."""

from __future__ import annotations

from typing import assert_type

import pytest

import pas_consumers
from consumers.forge import Forge
from pas_consumers import Held, Inbox, Intake, Listing, State
from pas_transport.workspace import Workspace

PIO = "pio:WSI"


@pytest.fixture
def inbox(small: Workspace):
    with Inbox.of(small, PIO) as box:
        yield box


def states(inbox: Inbox) -> list[tuple[int, str]]:
    return [(held.delivery.n, held.state) for held in inbox.list().held]


def test_public_names() -> None:
    assert pas_consumers.__all__ == sorted(pas_consumers.__all__)
    assert all(hasattr(pas_consumers, name) for name in pas_consumers.__all__)


def test_types(inbox: Inbox, forge: Forge) -> None:
    forge.send(forge.disclose(forge.publish(), PIO))
    assert_type(inbox.take(), Intake)
    assert_type(inbox.list(), Listing)
    found = inbox.find("") if False else inbox.list().held[0].delivery.id
    assert_type(inbox.read(found), Held)
    assert_type(inbox.act(found, "cell searched"), State)


def test_disclosure_is_taken_read_and_acted_on(inbox: Inbox, forge: Forge) -> None:
    published = forge.publish()
    forge.send(forge.disclose(published, PIO))
    taken = inbox.take()
    assert [delivery.urn for delivery in taken.new] == [published.report.urn]
    assert (taken.repeated, taken.aside, taken.gaps, taken.stopped) == (0, (), (), ())
    (held,) = inbox.list().held
    assert held.state == "DELIVERED"
    read = inbox.read(held.delivery.id)
    assert read.state == "READ"
    assert read.delivery.body
    assert read.delivery.body.items[0].text == published.report.items[0].text
    assert read.delivery.body.people()[0]["family_name"] == "Marchetti"
    assert inbox.act(held.delivery.id, "escort doubled") == "ACTIONED"
    inbox.send()
    answers = [reply for _, reply in forge.replies()]
    assert [reply.receipt for reply in answers] == ["DELIVERED", "READ", "ACTIONED"]
    assert [reply.mitigation for reply in answers] == [None, None, "escort doubled"]
    assert {(reply.post, reply.person) for reply in answers} == {(small_post(inbox), "example-0001")}


def small_post(inbox: Inbox) -> str:
    return str(inbox._workspace.settings.post)
