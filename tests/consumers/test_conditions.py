"""Conditions that a program can hold a reader to are held, whatever of the SDK is used to get at the text."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from conftest import RunPas
from consumers.forge import Forge, write_item, write_report
from pas_consumers import Held, Inbox
from pas_schemas.clock import show_time
from pas_transport.workspace import Workspace

PIO = "pio:WSI"
SECRET = "Known to one person only."


def publish(forge: Forge, conditions: str, *others: Any) -> bytes:
    """A code 5 text under these conditions, sent as after their acceptance."""
    report = write_report(items=[write_item(SECRET, "5", subjects=[0]), *others])
    report["handling"]["conditions"] = conditions
    published = forge.publish(report)
    datum = forge.disclose(published, PIO, range(1 + len(others)))
    forge.send(datum)
    found: bytes = datum["delivery_id"]
    return found


def texts(held: Held) -> list[str | None]:
    body = held.delivery.body
    assert body is not None
    return [item.text for item in body.items]


def test_nobody_but_a_named_reader_reads(small: Workspace, forge: Forge) -> None:
    found = publish(forge, "Readers: duty-pio, a1234; keep it off the wing", write_item("For everybody.", subjects=[1]))
    with Inbox.of(small, PIO, post="clerk", person="b5678") as other:
        other.take()
        for held in (other.read(found), other.get(found), *other.list().held):
            assert texts(held) == [None, "For everybody."]
            assert SECRET not in repr(held.delivery.body and [item.shared for item in held.delivery.body.items])
            assert held.delivery.body is not None
            assert held.delivery.body.gist is None
            assert held.delivery.body.people() == []
        assert "you are none of them" in str(other.why_closed(found))
        assert [reply.receipt for _, reply in forge.replies()] == ["DELIVERED"]  # not READ
    for post, person in (("duty-pio", "b5678"), ("clerk", "a1234")):
        with Inbox.of(small, PIO, post=post, person=person) as reader:
            assert reader.why_closed(found) is None
            assert texts(reader.read(found))[0] == SECRET


@pytest.mark.parametrize("ahead", [True, False])
def test_nobody_reads_once_it_has_expired(small: Workspace, forge: Forge, ahead: bool) -> None:
    end = show_time(small.clock.now() + timedelta(hours=1 if ahead else -1))
    found = publish(forge, f"Expires {end}")
    with Inbox.of(small, PIO, post="duty-pio", person="a1234") as inbox:
        inbox.take()
        assert texts(inbox.read(found)) == [SECRET if ahead else None]
        assert [held.state for held in inbox.list().held] == ["READ" if ahead else "DELIVERED"]


def test_conditions_bind_nothing_but_code_5(small: Workspace, forge: Forge) -> None:
    report = write_report(items=[write_item("For everybody.")])
    report["handling"]["conditions"] = "Readers: nobody-at-all; expires 2001-01-01"
    published = forge.publish(report)
    datum = forge.disclose(published, PIO)
    forge.send(datum)
    with Inbox.of(small, PIO, post="clerk", person="b5678") as inbox:
        inbox.take()
        assert texts(inbox.read(datum["delivery_id"])) == ["For everybody."]


def test_no_copy_is_shown_to_a_person_and_given_to_no_program(small: Workspace, forge: Forge, pas: RunPas) -> None:
    found = publish(forge, "No copy").hex()
    who = ("--as", PIO, "--post", "duty-pio", "--person", "a1234")
    pas("inbox", "list", *who, cwd=small.root, code=0)
    refused = pas("inbox", "show", found, *who, "--json", cwd=small.root, code=1)
    assert (refused.out, refused.err) == ("", "error: The conditions of this text forbid copies of it.\nhint: read it without --json\n")
    assert SECRET in pas("inbox", "show", found, *who, cwd=small.root, code=0).out


def test_a_closed_text_is_told_and_ends_with_1(small: Workspace, forge: Forge, pas: RunPas) -> None:
    found = publish(forge, "readers: duty-pio").hex()
    who = ("--as", PIO, "--post", "clerk", "--person", "b5678")
    pas("inbox", "list", *who, cwd=small.root, code=0)
    shown = pas("inbox", "show", found, *who, "--json", cwd=small.root, code=1)
    assert [item["text"] for item in json.loads(shown.out)["items"]] == [None]
    assert "name its readers" in shown.err
    page = pas("inbox", "show", found, *who, cwd=small.root, code=1).out
    assert "The conditions close this text to this reader." in page
    assert "once the conditions are accepted" not in page


def test_conditions_themselves_are_no_copy_of_their_text(small: Workspace, forge: Forge, pas: RunPas) -> None:
    """A program may read what is to be accepted; the text that comes then is given to none."""
    report = write_report(items=[write_item(SECRET, "5", subjects=[0])])
    report["handling"]["conditions"] = "No copy"
    datum = forge.conditions(forge.publish(report), PIO)
    forge.send(datum)
    who = ("--as", PIO, "--post", "duty-pio", "--person", "a1234")
    pas("inbox", "list", *who, cwd=small.root, code=0)
    shown = pas("inbox", "show", datum["delivery_id"].hex(), *who, "--json", cwd=small.root, code=1)
    told = json.loads(shown.out)
    assert (told["conditions"], [item["text"] for item in told["items"]]) == ("No copy", [None])
    assert "once its conditions are accepted" in shown.err
