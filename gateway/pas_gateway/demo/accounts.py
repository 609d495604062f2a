"""Accounting for every record of the input topics from the log and the offices' own post, without a look at the register."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pas_gateway.demo.letters import Post, read_topic
from pas_gateway.office import PasOffice
from pas_gateway.signatures import read_said
from pas_schemas.clock import to_ms
from pas_schemas.codec import decode, is_record
from pas_schemas.errors import CodecError, SealError
from pas_schemas.parts import unpack_report
from pas_schemas.sealing import Opened
from pas_schemas.topics import MOVEMENTS, QUARANTINE, REPLIES, REPORTS, URGENT
from pas_transport.log import Log, Taken

TAKEN_URN = "V-URN-TAKEN"
# An originator and a URN of its own.
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """How many input records came to what end; `problems` names each that came to none, or to more than one."""

    ends: Counter[str]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A report of the log as PAS's keys open it; `order` is the log's time, then when it was sealed."""

    name: Name
    content: bytes
    order: tuple[int, int]


@dataclass
class _Book:
    """What the records say was sent, and what was said of it afterwards."""

    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    sent: dict[Name, list[_Sent]] = field(default_factory=dict)
    refusals: Counter[tuple[Name, tuple[str, ...]]] = field(default_factory=Counter)


def account(log: Log, office: PasOffice, post: Post) -> Account:
    """Gives every record of the input topics its one end: accepted, rejected, quarantined or duplicate; movement or reply.

    Evidence is what lies in the log: PAS's own keys open the inputs, the quarantine topic names places, and the
    originators' post (opened with their keys) says what was accepted and what was rejected.
    """
    book = _Book()
    aside = _read_quarantine(log, book)
    for taken in read_topic(log, (REPORTS.name, URGENT.name)):
        if not _is_aside(taken, aside, book):
            _enter(taken, office, book)
    _close(book, post)
    _account_movements(log, office, aside, book)
    _account_replies(log, office, aside, post, book)
    book.problems += [f"the quarantine names {place}, where nothing lies" for place in aside]
    return Account(book.ends, tuple(book.problems))


@dataclass(frozen=True, slots=True)
class SignedAt:
    """What a person signed, and when the log took it."""

    at: datetime
    kind: str
    person: str
    choice: str | None


def list_signed(log: Log, office: PasOffice) -> list[SignedAt]:
    """Every decision, agreement and consent in the replies, as PAS's keys open them, in the log's order."""
    found = []
    for taken in read_topic(log, (REPLIES.name,)):
        opened = office.reply_opener.open(taken.value, taken.at)
        if is_record(opened.payload, "signed_statement"):
            said = read_said(opened.payload)
            found.append(SignedAt(taken.at, said.schema_name, said.person, getattr(said, "choice", None)))
    return found


def _read_quarantine(log: Log, book: _Book) -> dict[str, bytes]:
    """The sealed bytes of each place in quarantine."""
    aside: dict[str, bytes] = {}
    for taken in read_topic(log, (QUARANTINE.name,)):
        entry = decode(taken.value, "quarantine").datum
        place = f"{entry['topic']}-{entry['partition']}-{entry['offset']}"
        if place in aside:
            book.problems.append(f"{place} is in quarantine twice")
        aside[place] = entry["record"]
    return aside


def _is_aside(taken: Taken, aside: dict[str, bytes], book: _Book) -> bool:
    place = _place(taken)
    record = aside.pop(place, None)
    if record is None:
        return False
    book.ends["quarantined"] += 1
    if record and record != taken.value:
        book.problems.append(f"the quarantine holds other bytes than {place}")
    return True


def _place(taken: Taken) -> str:
    return f"{taken.partition.topic}-{taken.partition.number}-{taken.offset}"


def _open(taken: Taken, office: PasOffice, book: _Book, *, reply: bool = False) -> Opened | None:
    try:
        return (office.reply_opener if reply else office.opener).open(taken.value, taken.at)
    except (SealError, CodecError):
        book.problems.append(f"{_place(taken)} cannot be opened and is not in quarantine")
        return None


def _enter(taken: Taken, office: PasOffice, book: _Book) -> None:
    opened = _open(taken, office, book)
    if opened is None:
        return
    record = decode(opened.payload, "report", "refusal")
    if record.name == "refusal":
        book.refusals[(opened.sender, record.datum["urn"]), tuple(record.datum["rules"])] += 1
        return
    parts = unpack_report(opened.payload, opened.manifest)
    name = (opened.sender, str(parts.raw["urn"]))
    order = (to_ms(taken.at), parts.sealed_at_us)
    book.sent.setdefault(name, []).append(_Sent(name, parts.content_digest, order))


def _close(book: _Book, post: Post) -> None:
    """Holds what was sent against what the originators were told."""
    accepted, rejected = _read_notices(post)
    for key, times in book.refusals.items():
        told = rejected.pop(key, 0)
        book.ends["rejected"] += times
        if told != times:
            book.problems.append(f"of {key[0][1]} there are {times} refusals, and its originator was told {told} times")
    for name, sent in book.sent.items():
        told_rejected = {key: rejected.pop(key) for key in list(rejected) if key[0] == name}
        _settle(sorted(sent, key=lambda one: one.order), accepted.pop(name, 0), told_rejected, book)
    book.problems += [f"{urn} was accepted and never sent" for _, urn in accepted]
    book.problems += [f"{urn} was rejected and never sent" for (_, urn), _ in rejected]


def _read_notices(post: Post) -> tuple[Counter[Name], Counter[tuple[Name, tuple[str, ...]]]]:
    """How often each originator was told that a report was accepted, and how often that it was rejected, by which rules."""
    accepted: Counter[Name] = Counter()
    rejected: Counter[tuple[Name, tuple[str, ...]]] = Counter()
    for office, letters in post.letters.items():
        for delivery in (letter.delivery for letter in letters if letter.delivery.originator == office):
            words = [notice.word for notice in delivery.notices]
            accepted[office, delivery.urn] += words.count("ACCEPTED")
            if "REJECTED" in words:
                rules = tuple(str(notice.rule) for notice in delivery.notices if notice.word == "REJECTED")
                rejected[(office, delivery.urn), rules] += 1
    return +accepted, rejected


def _settle(sent: Sequence[_Sent], accepted: int, rejected: dict[tuple[Name, tuple[str, ...]], int], book: _Book) -> None:
    """One URN: the first record is the accepted one, those like it are duplicates, and others were told that the URN is taken."""
    urn = sent[0].name[1]
    alike = sum(one.content == sent[0].content for one in sent) - 1
    others = len(sent) - 1 - alike
    if accepted != 1:
        book.problems.append(f"{urn} was sent, and accepted {accepted} times")
        return
    if rejected != ({(sent[0].name, (TAKEN_URN,)): others} if others else {}):
        book.problems.append(f"of {urn} {others} records have other content, and rejections do not match them")
    book.ends.update({"accepted": 1, "duplicate": alike, "rejected": others})


def _account_movements(log: Log, office: PasOffice, aside: dict[str, bytes], book: _Book) -> None:
    for taken in _not_aside(read_topic(log, (MOVEMENTS.name,)), aside, book):
        if _open(taken, office, book) is not None:
            book.ends["movements"] += 1


def _account_replies(log: Log, office: PasOffice, aside: dict[str, bytes], post: Post, book: _Book) -> None:
    """Each receipt is signed by the office that was sent what it answers; what a person signed names its case itself."""
    sent = {letter.delivery.id: name for name, letters in post.letters.items() for letter in letters}
    seen: set[bytes] = set()
    for taken in _not_aside(read_topic(log, (REPLIES.name,)), aside, book):
        opened = _open(taken, office, book, reply=True)
        if opened is None:
            continue
        said = is_record(opened.payload, "signed_statement")
        if sent.get(taken.key) != opened.sender and not said:
            book.problems.append(f"{_place(taken)} answers what its office was never sent")
        # A reply sent twice says nothing new.
        book.ends["replies"] += opened.record_id not in seen
        seen.add(opened.record_id)


def _not_aside(records: Iterable[Taken], aside: dict[str, bytes], book: _Book) -> Iterable[Taken]:
    return (taken for taken in records if not _is_aside(taken, aside, book))
