"""`pas inbox` as a person types it: exit code, stdout and stderr of every command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from consumers.forge import Datum, Forge, copy_small, write_item, write_report
from pas_schemas.clock import show_time
from pas_transport import cli
from pas_transport.workspace import open_workspace

PIO, FIB = "pio:WSI", "fib:01"


@dataclass(frozen=True)
class Typed:
    """What one command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def value(self) -> Any:
        (value,) = self.lines
        return value


Type = Callable[..., Typed]


@pytest.fixture
def forge(pristine: Path, tmp_path: Path) -> Forge:
    return Forge(open_workspace(copy_small(pristine, tmp_path / "small"), environment={}))


@pytest.fixture
def type_(forge: Forge, capsys: pytest.CaptureFixture[str]) -> Type:
    """Types `pas inbox ...` in the workspace."""

    def run(*words: str, json: bool = True) -> Typed:
        code = cli.run(["--workspace", str(forge.workspace.root), "inbox", *words, *(["--json"] if json else [])])
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return Typed(code, shown.out, shown.err)

    return run


def hexed(datum: Datum) -> str:
    return str(datum["delivery_id"].hex())


def test_list_prints_one_object_a_line(forge: Forge, type_: Type) -> None:
    published = forge.publish()
    disclosed, told = forge.disclose(published, PIO), forge.notify(published, PIO, 2)
    forge.send(disclosed, told)
    listed = type_("list", "--as", PIO)
    assert (listed.code, listed.err) == (0, "")
    received = show_time(forge.workspace.clock.now())[:10]
    first, second = listed.lines
    assert first.pop("received_at").startswith(received)
    assert first.pop("deadline").endswith("Z")
    assert first == {
        "delivery": hexed(disclosed),
        "kind": "DISCLOSURE",
        "urn": "01/IR/2015/004711",
        "originator": "force:01",
        "priority": "URGENT",
        "state": "DELIVERED",
        "items": 1,
        "obligations": [],
    }
    assert (second["kind"], second["deadline"], second["items"], second["obligations"]) == ("NOTICE", None, 0, [])
    assert list(second) == [
        "delivery", "kind", "urn", "originator", "priority", "received_at", "state", "deadline", "items", "obligations",
    ]  # fmt: skip
    assert forge.receipts() == ["DELIVERED", "DELIVERED"]


def test_list_offline_takes_and_sends_nothing(forge: Forge, type_: Type) -> None:
    forge.send(forge.disclose(forge.publish(), PIO))
    assert type_("list", "--as", PIO, "--offline") == Typed(0, "", "")
    assert forge.receipts() == []
    type_("list", "--as", PIO)
    assert len(type_("list", "--as", PIO, "--offline").lines) == 1


def test_empty_inbox(type_: Type) -> None:
    assert type_("list", "--as", PIO) == Typed(0, "", "")
    assert type_("list", "--as", PIO, json=False).out == "The inbox of pio:WSI is empty.\n"


def test_show_prints_the_projection_and_sends_read(forge: Forge, type_: Type) -> None:
    published = forge.publish(write_report(items=[write_item("First."), write_item("Second.", "2", subjects=[1])]))
    datum = forge.disclose(published, PIO, (0, 1), n=1)
    datum["body"]["items"][0].update(source_reference=None, corroboration=None)
    forge.send(datum)
    type_("list", "--as", PIO)
    shown = type_("show", hexed(datum)[:6])
    assert (shown.code, shown.err) == (0, "")
    assert shown.value["state"] == "READ"
    assert shown.value["items"] == [
        {"text": "First.", "grade": "B21", "sanitised": False},
        {
            "text": "Second.",
            "grade": "B22",
            "sanitised": False,
            "subjects": [1],
            "source_reference": "ISR-0101",
            "corroboration": "CCTV",
        },
    ]
    assert [person["noms_number"] for person in shown.value["subjects"]] == ["A4821DK", "B7730HM"]
    assert {name: shown.value[name] for name in ("conditions", "handling", "protective_marking", "gist", "operation", "risk_tags")} == {
        "conditions": None,
        "handling": "1",
        "protective_marking": "RESTRICTED",
        "gist": "Security concerns.",
        "operation": "FALCON",
        "risk_tags": ["ESCAPE"],
    }
    assert type_("show", hexed(datum)).value["state"] == "READ"
    assert forge.receipts() == ["DELIVERED", "READ"]


def test_notice_is_shown_with_its_words(forge: Forge, type_: Type) -> None:
    datum = forge.notify(forge.publish(), "force:01")
    forge.send(datum)
    type_("list", "--as", "force:01")
    shown = type_("show", hexed(datum), "--as", "force:01")
    assert shown.code == 0
    assert shown.value["notices"] == [
        {"word": "REFUSED", "office": "lea:91", "item": 0, "rule": "H4-LEA", "why": "Code 4.", "case": None, "due": None}
    ]
    assert "items" not in shown.value


def test_conditions_are_accepted_before_the_text(forge: Forge, type_: Type) -> None:
    published = forge.publish(write_report(items=[write_item("Known to one person.", "5")]))
    datum = forge.conditions(published, PIO)
    forge.send(datum)
    type_("list", "--as", PIO)
    shown = type_("show", hexed(datum))
    assert shown.code == 1
    assert shown.err == (
        "error: The text comes once its conditions are accepted.\n" + f"hint: `pas inbox accept {hexed(datum)[:8]}`\n"
    )  # fmt: skip
    assert shown.value["conditions"] == "Not to be discussed on the wing."
    assert shown.value["items"] == [{"text": None, "grade": "B25", "sanitised": False}]
    assert shown.value["subjects"] == []
    assert not {"gist", "risk_tags", "operation", "reasons"} & set(shown.value)
    assert type_("accept", hexed(datum)).value == {"delivery": hexed(datum), "state": "CONDITIONS_ACCEPTED"}
    assert type_("show", hexed(datum)).code == 0
    text = forge.disclose(published, PIO, n=2)
    forge.send(text)
    assert [line["state"] for line in type_("list", "--as", PIO).lines] == ["CONDITIONS_ACCEPTED", "DELIVERED"]
    assert type_("show", hexed(text)).value["items"][0]["text"] == "Known to one person."
    assert forge.receipts() == ["DELIVERED", "CONDITIONS_ACCEPTED", "DELIVERED", "READ"]


def test_declined_conditions(forge: Forge, type_: Type) -> None:
    datum = forge.conditions(forge.publish(write_report(items=[write_item("x", "5")])), PIO)
    forge.send(datum)
    type_("list", "--as", PIO)
    assert type_("decline", hexed(datum), "--reason", "the wing would know").value["state"] == "DECLINED"
    shown = type_("show", hexed(datum))
    assert (shown.code, shown.err.splitlines()[0]) == (1, "error: The conditions were declined, so the text does not come.")


def test_act_and_decline(forge: Forge, type_: Type) -> None:
    one, two = (forge.disclose(forge.publish(write_report(f"01/IR/2015/{n}")), PIO) for n in (1, 2))
    forge.send(one, two)
    type_("list", "--as", PIO)
    early = type_("act", hexed(one), "--mitigation", "escort doubled")
    assert early == Typed(1, "", "error: The delivery has not been read.\nhint: read it first with `pas inbox show`\n")
    type_("show", hexed(one))
    acted = type_("act", hexed(one), "--mitigation", "escort doubled", "--post", "head-of-security", "--person", "ref-77")
    assert (acted.code, acted.value) == (0, {"delivery": hexed(one), "state": "ACTIONED"})
    assert type_("decline", hexed(two), "--reason", "not held here", json=False).out == (
        f"{hexed(two)}: DECLINED. PAS is told why.\n"
    )  # fmt: skip
    replies = [reply for _, reply in forge.replies() if reply.receipt in ("ACTIONED", "DECLINED")]
    assert [(reply.mitigation, reply.reason, reply.post, reply.person) for reply in replies] == [
        ("escort doubled", None, "head-of-security", "ref-77"),
        (None, "not held here", "duty-governor", "example-0001"),
    ]


def test_accept_on_anything_else_is_refused(forge: Forge, type_: Type) -> None:
    datum = forge.disclose(forge.publish(), PIO)
    forge.send(datum)
    type_("list", "--as", PIO)
    refused = type_("accept", hexed(datum))
    assert refused.code == 1
    assert refused.err.startswith("error: A DISCLOSURE has no conditions that wait to be accepted.\n")


def test_withdrawal_that_waits_counts_before_anything_is_shown(forge: Forge, type_: Type) -> None:
    published = forge.publish()
    datum = forge.disclose(published, PIO)
    forge.send(datum)
    type_("list", "--as", PIO)
    forge.send(forge.withdraw(published, PIO, 2))
    shown = type_("show", hexed(datum))
    assert (shown.code, shown.err) == (1, "error: PAS has withdrawn this delivery.\nhint: nothing of its content is kept\n")
    assert (shown.value["state"], shown.value["items"], shown.value["subjects"]) == ("WITHDRAWN", [], [])
    assert "Marchetti" not in shown.out
    human = type_("show", hexed(datum), json=False)
    assert (human.code, "Marchetti" in human.out) == (1, False)


def test_set_aside_is_told_and_the_rest_is_done(forge: Forge, type_: Type) -> None:
    good, bad = (forge.disclose(forge.publish(write_report(f"01/IR/2015/{n}")), PIO) for n in (1, 2))
    bad["body"]["items"][0]["salt"] = bytes(16)
    forge.send(bad, good)
    listed = type_("list", "--as", PIO)
    assert listed.code == 1
    assert [line["urn"] for line in listed.lines] == ["01/IR/2015/1"]
    assert listed.err == (
        "error: A delivery was set aside (digest): An item is not word for word what its originator signed.\n"
        "hint: tell PAS; it is kept sealed and never shown\n"
    )
    again = type_("list", "--as", PIO, json=False)
    assert (again.code, again.err) == (0, "")
    assert "1 record is set aside" in again.out


def test_gap_is_a_warning(forge: Forge, type_: Type) -> None:
    forge.send(forge.notify(forge.publish(), PIO, 3))
    listed = type_("list", "--as", PIO)
    assert listed.code == 0
    assert listed.err.startswith("warning: Deliveries about 01/IR/2015/004711 that have not come: number 1, 2.\n")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("list",), 2, "Missing option '--as'"),
        (("list", "--as", "Nobody"), 2, "an office is written like force:01"),
        (("list", "--as", "governor:WSI"), 1, "There are no keys of governor:WSI"),
        (("list", "--as", PIO, "--post", "Governor Smith"), 2, "references such as"),
        (("show", "abc"), 1, "No inbox here holds a delivery whose id begins so"),
        (("show", "xyz"), 2, "hexadecimal"),
        (("show", ""), 2, "hexadecimal"),
        (("show", "abc", "--as", PIO), 1, "No delivery begins so"),
        (("act", "abc", "--as", PIO), 2, "Missing option '--mitigation'"),
        (("decline", "abc", "--as", PIO), 2, "Missing option '--reason'"),
    ],
)
def test_bad_calls(type_: Type, words: tuple[str, ...], code: int, told: str) -> None:
    typed = type_(*words)
    assert (typed.code, typed.out) == (code, "")
    assert told in typed.err
    assert typed.err.startswith("error: ")


def test_the_one_inbox_that_holds_it_is_found(forge: Forge, type_: Type) -> None:
    published = forge.publish()
    here, there = forge.notify(published, PIO, delivery_id=bytes([9] * 16)), forge.notify(published, FIB, delivery_id=bytes([9] * 15 + [8]))
    forge.send(here, there)
    type_("list", "--as", PIO), type_("list", "--as", FIB)
    both = type_("show", "0909")
    assert (both.code, both.err.splitlines()[0]) == (
        1,
        "error: Several inboxes here (fib:01, pio:WSI) hold a delivery whose id begins so.",
    )
    assert type_("show", "0909", "--as", FIB).value["delivery"] == hexed(there)
    assert type_("show", hexed(here).upper()).value["delivery"] == hexed(here)


def test_screens_for_a_person(forge: Forge, type_: Type) -> None:
    item = write_item("Bring \x1b[31mred\x1b[0m [bold]text[/bold].")
    datum = forge.disclose(forge.publish(write_report(items=[item])), PIO)
    conditions = forge.conditions(forge.publish(write_report("01/IR/2015/5", items=[write_item("x", "5")])), PIO)
    forge.send(datum, conditions)
    listed = type_("list", "--as", PIO, json=False)
    assert all(word in listed.out for word in ("Inbox of pio:WSI", hexed(datum)[:8], "ACCEPT_CONDITIONS", "2 deliveries, 2 unread"))
    assert "Marchetti" not in listed.out
    shown = type_("show", hexed(datum), json=False)
    assert shown.code == 0
    assert "\x1b" not in shown.out
    assert "Bring \N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}[0m [bold]text[/bold]." in shown.out
    assert all(word in shown.out for word in ("Marchetti, Dean", "B21", "RESTRICTED", "FALCON"))
    bare = type_("show", hexed(conditions), json=False)
    assert bare.code == 1
    assert "Not to be discussed on the wing." in bare.out
    assert not [word for word in ("Marchetti", "FALCON", "ESCAPE", "Security concerns") if word in bare.out]


def test_log_that_fails_leaves_the_inbox_readable(forge: Forge, type_: Type) -> None:
    datum = forge.disclose(forge.publish(), PIO)
    forge.send(datum)
    type_("list", "--as", PIO)
    for path in forge.workspace.root.glob("log.db*"):
        if path.is_file():
            path.unlink()
    (forge.workspace.root / "log.db").write_bytes(b"no log at all, and long enough to see that" * 100)
    listed = type_("list", "--as", PIO)
    assert (listed.code, len(listed.lines)) == (1, 1)
    shown = type_("show", hexed(datum))
    assert (shown.code, shown.value["items"][0]["text"]) == (1, "The subject plans to escape on the way to court.")
    assert "the answer is kept" in shown.err


def test_a_topic_that_stopped_is_told_by_every_command_until_it_is_accepted(forge: Forge, type_: Type) -> None:
    first = forge.disclose(forge.publish(), PIO)
    forge.send(first)
    type_("list", "--as", PIO)
    for path in forge.workspace.root.glob("log.db*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    forge.send(forge.disclose(forge.publish(write_report("01/IR/2015/2")), PIO))
    for words in (("list", "--as", PIO), ("show", hexed(first)[:8]), ("act", hexed(first)[:8], "--mitigation", "Moved.")):
        shown = type_(*words)
        assert (shown.code, "is another log than the one" in shown.err) == (1, True)
    accepted = type_("accept-topic", "--as", PIO)
    assert (accepted.code, accepted.value) == (0, {"office": PIO, "partitions": 1})
    again = type_("accept-topic", "--as", PIO)
    assert (again.code, "Nothing of the topic of pio:WSI is stopped." in again.err) == (1, True)
    assert [line["urn"] for line in type_("list", "--as", PIO).lines][-1] == "01/IR/2015/2"


@pytest.mark.parametrize(
    ("content", "told"), [(b"scribbled over" * 500, "The inbox of pio:WSI is damaged."), (b"", "is a database, but no inbox.")]
)
def test_damaged_inbox_is_one_sentence(forge: Forge, type_: Type, content: bytes, told: str) -> None:
    type_("list", "--as", PIO)
    (forge.workspace.inbox_dir(PIO) / "inbox.db").write_bytes(content)
    for words in (("list", "--as", PIO), ("show", "ab", "--as", PIO), ("show", "ab")):
        typed = type_(*words)
        assert (typed.code, typed.out) == (1, "")
        assert typed.err.splitlines()[0].endswith(told)
        assert len(typed.err.splitlines()) == 2


def test_a_session_in_processes_of_its_own(forge: Forge, pas: Callable[..., Any]) -> None:
    datum = forge.disclose(forge.publish(), PIO)
    forge.send(datum)
    root = forge.workspace.root
    listed = pas("inbox", "list", "--as", PIO, "--json", cwd=root, code=0)
    assert json.loads(listed.out)["delivery"] == hexed(datum)
    assert "Marchetti" in pas("inbox", "show", hexed(datum)[:8], cwd=root, code=0).out
    assert forge.receipts() == ["DELIVERED", "READ"]
