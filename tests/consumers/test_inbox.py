"""What an inbox takes, in whatever order it comes, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, assert_type

import pytest

import pas_consumers
from consumers.forge import Forge, write_item, write_report
from pas_consumers import Gap, Held, Inbox, Intake, Listing, State, UnknownDeliveryError, WrongStateError
from pas_schemas.errors import MisuseError
from pas_schemas.models.reply import Reply
from pas_schemas.sealing import REPLY, Opener, read_label
from pas_schemas.topics import COMPARTMENT, REPLIES
from pas_transport.log import Partition
from pas_transport.workspace import Workspace

PIO = "pio:WSI"


@pytest.fixture
def inbox(small: Workspace) -> Iterator[Inbox]:
    with Inbox.of(small, PIO) as box:
        yield box


def states(inbox: Inbox) -> list[tuple[int, str, str]]:
    return [(held.delivery.n, held.delivery.kind, held.state) for held in inbox.list().held]


def only(inbox: Inbox) -> bytes:
    (held,) = inbox.list().held
    return held.delivery.id


def test_public_names() -> None:
    assert pas_consumers.__all__ == sorted(pas_consumers.__all__)
    assert len(pas_consumers.__all__) == 17
    assert all(hasattr(pas_consumers, name) for name in pas_consumers.__all__)
    assert not hasattr(pas_consumers, "Outbox")


def test_types(inbox: Inbox, forge: Forge) -> None:
    forge.send(forge.disclose(forge.publish(), PIO))
    assert_type(inbox.take(), Intake)
    assert_type(inbox.list(), Listing)
    assert_type(inbox.list().held, tuple[Held, ...])
    assert_type(inbox.read(only(inbox)), Held)
    assert_type(inbox.act(only(inbox), "cell searched"), State)


def test_disclosure_is_taken_read_and_acted_on(inbox: Inbox, forge: Forge) -> None:
    published = forge.publish()
    forge.send(forge.disclose(published, PIO))
    taken = inbox.take()
    assert [delivery.urn for delivery in taken.new] == [published.report.urn]
    assert (taken.repeated, taken.aside, taken.gaps, taken.stopped) == (0, (), (), ())
    assert states(inbox) == [(1, "DISCLOSURE", "DELIVERED")]
    read = inbox.read(only(inbox))
    assert read.state == "READ"
    assert read.delivery.body
    assert read.delivery.body.items[0].text == published.report.items[0].text
    assert [person["family_name"] for person in read.delivery.body.people()] == ["Marchetti", "Oyelaran"]
    assert inbox.act(only(inbox), "escort doubled") == "ACTIONED"
    assert inbox.send() == 2
    answers = [reply for _, reply in forge.replies()]
    assert [reply.receipt for reply in answers] == ["DELIVERED", "READ", "ACTIONED"]
    assert [reply.mitigation for reply in answers] == [None, None, "escort doubled"]
    assert {(reply.post, reply.person) for reply in answers} == {(inbox._workspace.settings.post, "example-0001")}
    assert inbox.send() == 0


def test_inboxes_share_a_log_that_neither_closes(small: Workspace, forge: Forge) -> None:
    published = forge.publish()
    for office in (PIO, "security:WSI"):
        forge.send(forge.disclose(published, office))
    with small.log() as log:
        for office in (PIO, "security:WSI"):
            with Inbox.of(small, office, post="duty", person="example-0001", log=log) as inbox:
                assert len(inbox.take().new) == 1
        assert sum(log.ends([REPLIES.name]).values()) == 2


def test_what_came_from_the_compartment_is_answered_there_and_nowhere_else(inbox: Inbox, forge: Forge) -> None:
    published = forge.publish()
    forge.send(forge.disclose(published, PIO), forge.disclose(published, PIO, n=2, apart=True))
    inbox.take()
    for held in inbox.list().held:
        inbox.read(held.delivery.id)
    inbox.send()
    (mine,) = [held.delivery for held in inbox.list().held if held.delivery.apart]
    assert mine.n == 2
    assert (
        [reply.receipt for _, reply in forge.replies() if reply.delivery_id != mine.id]
        == ["DELIVERED", "READ"]
        == [reply.receipt for _, reply in forge.replies()]
    )
    with forge.workspace.log() as log:
        records = log.read(Partition(COMPARTMENT.name, 0), 0, 10)
    labels = [read_label(record.value) for record in records]
    assert [record.key for record in records] == [label.record_id for label in labels]
    known = {mine.id, *(sha256(mine.id + word).digest()[:16] for word in (b"DELIVERED", b"READ"))}
    assert known.isdisjoint(record.key for record in records), "the log does not tell which delivery it was"
    snapshot, ring = forge.workspace.directory(), forge.workspace.keyring("pas")
    own = {key.id: key for key in snapshot.keys("pas", "compartment")}
    signers = {key.id: key for key in snapshot.keys(PIO, "sign")}
    opener = Opener("pas", ring.compartment(), lambda _, key: signers.get(key), own.get, prefix=REPLY)
    assert [Reply.decode(opener.open(record.value, record.at).payload).receipt for record in records] == ["DELIVERED", "READ"]


def test_empty_topic_and_new_inbox(inbox: Inbox) -> None:
    assert inbox.take() == Intake((), 0, (), (), ())
    assert inbox.list() == Listing((), ())


def test_same_delivery_twice_is_one(inbox: Inbox, forge: Forge) -> None:
    datum = forge.disclose(forge.publish(), PIO)
    forge.send(datum, datum)
    first = inbox.take()
    forge.send(datum)
    again = inbox.take()
    assert (len(first.new), first.repeated, len(again.new), again.repeated) == (1, 1, 0, 1)
    assert forge.receipts() == ["DELIVERED"]


@pytest.mark.parametrize(
    "change",
    [{"decided_at_ms": 1}, {"delivery_id": bytes(16)}],
    ids=["same id, other content", "same number, other id"],
)
def test_clash_is_set_aside_and_changes_nothing(inbox: Inbox, forge: Forge, change: dict[str, object]) -> None:
    datum = forge.disclose(forge.publish(), PIO)
    forge.send(datum)
    inbox.take()
    before = inbox.list()
    forge.send({**datum, **change})
    taken = inbox.take()
    assert [aside.reason for aside in taken.aside] == ["clash"]
    assert inbox.list() == before
    assert inbox.set_aside() == taken.aside


def test_numbers_order_what_came_in_another_order(inbox: Inbox, forge: Forge) -> None:
    published = forge.publish()
    forge.send(*(forge.notify(published, PIO, n) for n in (3, 1, 2)))
    assert inbox.take().gaps == ()
    assert [n for n, _, _ in states(inbox)] == [1, 2, 3]


def test_gap_is_told_and_not_waited_for(inbox: Inbox, forge: Forge) -> None:
    published = forge.publish()
    forge.send(forge.notify(published, PIO, 2), forge.notify(published, PIO, 5))
    assert inbox.take().gaps == (Gap(published.report.urn, (1, 3, 4)),)
    assert [n for n, _, _ in states(inbox)] == [2, 5]
    forge.send(*(forge.notify(published, PIO, n) for n in (1, 3, 4)))
    assert inbox.take().gaps == ()


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["after", "before"])
def test_withdrawal_takes_the_content_out_whichever_came_first(inbox: Inbox, forge: Forge, order: tuple[int, int]) -> None:
    published = forge.publish()
    both = {1: forge.disclose(published, PIO, n=1), 2: forge.withdraw(published, PIO, 2)}
    for n in order:
        forge.send(both[n])
        inbox.take()
    assert states(inbox) == [(1, "DISCLOSURE", "WITHDRAWN"), (2, "WITHDRAWAL", "DELIVERED")]
    gone = inbox.read(both[1]["delivery_id"])
    assert (gone.state, gone.delivery.body, gone.delivery.urn) == ("WITHDRAWN", None, published.report.urn)
    with pytest.raises(WrongStateError, match="withdrawn"):
        inbox.decline(both[1]["delivery_id"], "too late")
    forge.send(both[1])
    assert inbox.take().repeated == 1
    assert sorted(forge.receipts()) == ["DELIVERED", "DELIVERED"]


def test_withdrawal_spares_other_reports_later_deliveries_and_notices(inbox: Inbox, forge: Forge) -> None:
    first, other = forge.publish(), forge.publish(write_report("01/IR/2015/000002"))
    forge.send(
        forge.notify(first, PIO, 1),
        forge.disclose(first, PIO, n=2),
        forge.disclose(other, PIO, n=1),
        forge.withdraw(first, PIO, 3),
        forge.disclose(first, PIO, n=4),
    )
    inbox.take()
    mine = [(held.delivery.n, held.state) for held in inbox.list().held if held.delivery.urn == first.report.urn]
    assert mine == [(1, "DELIVERED"), (2, "WITHDRAWN"), (3, "DELIVERED"), (4, "DELIVERED")]
    assert [held.state for held in inbox.list().held if held.delivery.urn == other.report.urn] == ["DELIVERED"]


def test_conditions_come_first_and_the_text_as_another_delivery(inbox: Inbox, forge: Forge) -> None:
    published = forge.publish(write_report(items=[write_item("Known to one person only.", "5")]))
    conditions = forge.conditions(published, PIO)
    forge.send(conditions)
    inbox.take()
    found = conditions["delivery_id"]
    assert inbox.read(found).state == "DELIVERED"
    with pytest.raises(WrongStateError, match="asks for no action"):
        inbox.act(found, "none")
    assert inbox.accept(found) == "CONDITIONS_ACCEPTED"
    assert inbox.accept(found) == "CONDITIONS_ACCEPTED"
    with pytest.raises(WrongStateError, match="CONDITIONS_ACCEPTED already"):
        inbox.decline(found, "too late: the text is on its way")
    inbox.send()
    assert forge.receipts() == ["DELIVERED", "CONDITIONS_ACCEPTED"]
    forge.send(forge.disclose(published, PIO, n=2))
    (text,) = inbox.take().new
    assert inbox.read(text.id).delivery.body.items[0].text == "Known to one person only."  # type: ignore[union-attr]  # a disclosure
    assert inbox.read(found).state == "CONDITIONS_ACCEPTED"


def test_an_answer_that_came_to_nothing_can_be_given_again(inbox: Inbox, forge: Forge) -> None:
    """PAS may have had to set it aside, for this machine's clock or a key: under one name it counts once, however often it is sent."""
    conditions = forge.conditions(forge.publish(write_report(items=[write_item("x", "5")])), PIO)
    late = forge.disclose(forge.publish(write_report("01/IR/2015/000001")), PIO, deadline_ms=1)
    early = forge.disclose(forge.publish(write_report("01/IR/2015/000002")), PIO)
    forge.send(conditions, late, early)
    inbox.take()
    for _ in range(2):
        inbox.accept(conditions["delivery_id"])
        for one in (late, early):
            inbox.read(one["delivery_id"])
        inbox.send()
    given = [(opened.record_id, reply.delivery_id) for opened, reply in forge.replies() if reply.receipt != "DELIVERED"]
    assert sorted(delivery for _, delivery in given) == sorted(
        [conditions["delivery_id"], conditions["delivery_id"], late["delivery_id"], late["delivery_id"], early["delivery_id"]]
    )
    assert len({name for name, _ in given}) == 3


def test_conditions_can_be_declined(inbox: Inbox, forge: Forge) -> None:
    forge.send(forge.conditions(forge.publish(write_report(items=[write_item("x", "5")])), PIO))
    inbox.take()
    assert inbox.decline(only(inbox), "cannot be kept from the wing") == "DECLINED"
    with pytest.raises(WrongStateError, match="DECLINED already"):
        inbox.accept(only(inbox))


def test_code_4_text_is_opened_with_the_office_s_own_key_and_kept(small: Workspace, forge: Forge) -> None:
    published = forge.publish(write_report(items=[write_item("Open.", "1"), write_item("Only within the force.", "4")]))
    assert published.parts.raw["items"][1]["text"] is None
    forge.send(forge.disclose(published, "fib:01", (0, 1)))
    with Inbox.of(small, "fib:01") as inbox:
        assert inbox.take().aside == ()
        body = inbox.read(only(inbox)).delivery.body
    assert body
    assert [item.text for item in body.items] == ["Open.", "Only within the force."]
    assert (body.reasons, body.internal_recipients) == ("Live operation.", ("fib:01",))


def test_item_concerns_its_own_subjects(inbox: Inbox, forge: Forge) -> None:
    published = forge.publish(write_report(items=[write_item("both"), write_item("second", subjects=[1, 1])]))
    forge.send(forge.disclose(published, PIO, (0, 1)), forge.disclose(published, PIO, (1,), n=2))
    assert inbox.take().aside == ()
    whole, part = (held.delivery.body for held in inbox.list().held)
    assert whole
    assert part
    assert [item.subjects for item in whole.items] == [(0, 1), (1,)]
    assert [item.subjects for item in part.items] == [(0,)]
    assert [person["family_name"] for person in part.people()] == ["Oyelaran"]


def test_notice_and_withdrawal_are_read_and_ask_for_nothing(inbox: Inbox, forge: Forge) -> None:
    published = forge.publish()
    forge.send(forge.notify(published, PIO, 1), forge.withdraw(published, PIO, 2))
    inbox.take()
    for held in inbox.list().held:
        for answer in (lambda d: inbox.act(d, "x"), lambda d: inbox.decline(d, "x"), inbox.accept):
            with pytest.raises(WrongStateError):
                answer(held.delivery.id)
        assert inbox.read(held.delivery.id).state == "READ"
    inbox.send()
    assert forge.receipts() == ["DELIVERED", "DELIVERED", "READ", "READ"]


def test_order_of_answers(inbox: Inbox, forge: Forge) -> None:
    forge.send(forge.disclose(forge.publish(), PIO))
    inbox.take()
    found = only(inbox)
    with pytest.raises(WrongStateError, match="not been read"):
        inbox.act(found, "guessed")
    with pytest.raises(WrongStateError, match="no conditions"):
        inbox.accept(found)
    inbox.read(found)
    assert inbox.decline(found, "known already") == "DECLINED"
    with pytest.raises(WrongStateError, match="DECLINED already"):
        inbox.act(found, "after all")
    assert inbox.read(found).state == "DECLINED"


def test_read_is_told_once_by_each_post(small: Workspace, forge: Forge) -> None:
    """A governor's clock stops for some posts only, so a second post's READ must reach PAS, and a repeat must not."""
    forge.send(forge.disclose(forge.publish(), "security:WSI"))
    for post in ("night-desk", "night-desk", "head-of-security", "night-desk"):
        with Inbox.of(small, "security:WSI", post=post, person="ref-1") as inbox:
            inbox.take()
            assert inbox.read(only(inbox)).state == "READ"
            inbox.send()
    assert [(reply.receipt, reply.post) for _, reply in forge.replies()] == [
        ("DELIVERED", "night-desk"),
        ("READ", "night-desk"),
        ("READ", "head-of-security"),
    ]
    assert len({opened.record_id for opened, _ in forge.replies()}) == 3


def test_threats_to_life_are_emptied_first(inbox: Inbox, forge: Forge) -> None:
    routine = [forge.publish(write_report(f"01/IR/2015/{n}")) for n in range(3)]
    threat = forge.publish(write_report("01/IR/2015/9", priority="THREAT_TO_LIFE"))
    forge.send(*(forge.disclose(report, PIO) for report in routine))
    forge.send(forge.disclose(threat, PIO))
    assert [delivery.urn[-1] for delivery in inbox.take().new] == ["9", "0", "1", "2"]


@pytest.mark.parametrize(("prefix", "told"), [("zz", "hexadecimal"), ("", "hexadecimal"), ("0" * 33, "hexadecimal")])
def test_prefix_that_is_none(inbox: Inbox, prefix: str, told: str) -> None:
    with pytest.raises(MisuseError, match=told):
        inbox.find(prefix)


def test_prefix_must_be_unique(inbox: Inbox, forge: Forge) -> None:
    published = forge.publish()
    data = [forge.notify(published, PIO, n, delivery_id=bytes([171, n]) + bytes(14)) for n in (1, 2)]
    forge.send(*data)
    inbox.take()
    assert inbox.find("AB02") == data[1]["delivery_id"]
    with pytest.raises(UnknownDeliveryError, match="2 deliveries begin so"):
        inbox.find("ab")
    with pytest.raises(UnknownDeliveryError, match="No delivery begins so"):
        inbox.find("cd")
    with pytest.raises(UnknownDeliveryError):
        inbox.read(bytes(16))


@pytest.mark.parametrize(("post", "person"), [("Governor Smith", "ref-1"), ("duty-governor", "J. Smith"), ("x" * 41, "ref-1")])
def test_names_of_people_are_no_references(small: Workspace, post: str, person: str) -> None:
    with Inbox.of(small, PIO, post=post, person=person) as inbox, pytest.raises(MisuseError, match="references"):
        inbox.take()


@pytest.mark.parametrize("words", ["", " \n", "x" * 20_001, None])
def test_words_of_an_answer_have_bounds(inbox: Inbox, words: Any) -> None:
    with pytest.raises(MisuseError, match="between 1 and"):
        inbox.act(bytes(16), words)
    with pytest.raises(MisuseError, match="between 1 and"):
        inbox.decline(bytes(16), words)


def test_what_no_record_can_hold_is_no_answer(inbox: Inbox) -> None:
    with pytest.raises(MisuseError, match="not Unicode"):
        inbox.act(bytes(16), "Caf\ud83d searched")
    with pytest.raises(MisuseError, match="not Unicode"):
        inbox.decline(bytes(16), "Caf\ud83d searched")


def test_an_id_as_it_is_printed_is_told_from_one_as_it_is(inbox: Inbox, forge: Forge) -> None:
    forge.send(forge.disclose(forge.publish(), PIO))
    inbox.take()
    printed = only(inbox).hex()
    for wrong in (printed, only(inbox)[:4]):
        for answer in (inbox.accept, lambda one: inbox.act(one, "searched"), lambda one: inbox.decline(one, "not ours")):
            with pytest.raises(UnknownDeliveryError, match="16 bytes"):
                answer(wrong)  # type: ignore[arg-type]  # as a program has it from --json
    assert states(inbox) == [(1, "DISCLOSURE", "DELIVERED")]
    assert inbox.decline(inbox.find(printed), "not ours") == "DECLINED"


def test_two_processes_of_one_office_take_everything_once(small: Workspace, forge: Forge) -> None:
    with Inbox.of(small, PIO) as one, Inbox.of(small, PIO) as two:
        forge.send(*(forge.disclose(forge.publish(write_report(f"01/IR/2015/{n}")), PIO) for n in range(3)))
        taken = [one.take(), two.take()]
        forge.send(forge.notify(forge.publish(), PIO))
        taken += [two.take(), one.take()]
    assert [len(intake.new) for intake in taken] == [3, 0, 1, 0]
    assert forge.receipts() == ["DELIVERED"] * 4
