"""9 replies: receipts that offices sign, and what each does to the delivery it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

import sqlalchemy as sa

from pas_gateway.audit import Scribe
from pas_gateway.drafts import about_accepted, about_matter, notice, notify
from pas_gateway.office import PasOffice
from pas_gateway.plan import Plan
from pas_gateway.policy.routing import is_senior
from pas_gateway.register import queries
from pas_gateway.register.change import STATES
from pas_gateway.register.queries import Accepted, Sent
from pas_gateway.signatures import Said, read_inquiry, read_said
from pas_gateway.stages import Submitted, Unprovable
from pas_gateway.veil import veil_row
from pas_gateway.verify import open_record
from pas_schemas.clock import to_ms
from pas_schemas.codec import is_record
from pas_schemas.directory import PAS
from pas_schemas.errors import CodecError
from pas_schemas.models.protection import Protection
from pas_schemas.models.reply import Reply
from pas_schemas.models.request import InformationRequest, RequestAnswer
from pas_schemas.models.words import TO_READ, NoticeWord
from pas_schemas.sealing import Opened
from pas_schemas.sealing.framing import frame
from pas_transport.statements import peek_statement

_NOT_YOURS = "A reply answers a delivery that this office was never sent: it changes nothing."
_UNFIT = "This {} does not fit the delivery that it answers, or lacks its reason or mitigation: it changes nothing."
_LEFT = "A reply names somebody who has left this office, or was never of it: it changes nothing. Who is there now must answer."
_DECLINED = "This DECLINED changes nothing: for a governor's office somebody must answer who holds one of these posts: {}."
# Of a reason or a mitigation so much is told on: it is a sentence or two, and a notice is no report.
_TOLD_OF_WORDS = 1_000
_HAS_DECLINED = "That office has declined it: nobody there is asked to read it any more."
_HAS_ACTED = "That office has acted on it: what it did is told to PAS."
_MITIGATION = "That office has acted on it. It says: {}"
_REASON = "That office has declined it, and nobody there is asked to read it any more. It says: {}"
_POST = "This READ does not stop the clock: somebody must read it who holds one of these posts: {}."


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply whose office signed it."""

    submitted: Submitted
    id: bytes
    reply: Reply = field(repr=False)
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a person signed, sent by the office it names; whether that person signed it is not known yet."""

    submitted: Submitted
    id: bytes
    sender: str
    said: Said = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Inquired:
    """What a person asks of forces, or says to what was asked; whether that person signed it is not known yet."""

    submitted: Submitted
    id: bytes
    sender: str
    said: InformationRequest | RequestAnswer = field(repr=False)
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Protecting:
    """What a person of the compartment says about whom it protects; whether that person signed it is not known yet."""

    submitted: Submitted
    sender: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Veiled:
    """A new edition of the veil, which the compartment sent."""

    id: bytes
    payload: bytes = field(repr=False)


Reading = Answered | Arrived | Inquired | Protecting | Veiled | Unprovable


def read_reply(submitted: Submitted, office: PasOffice) -> Reading:
    """The reply, or the signed statement, of a record; one that names another office than its sender is set aside."""
    opened = open_record(submitted, office, reply=True)
    if isinstance(opened, Unprovable):
        return opened
    if is_record(opened.payload, "signed_statement"):
        return _read_statement(submitted, opened, office)
    if is_record(opened.payload, "veil") and opened.sender == PAS and not office.realm.apart:
        return Veiled(opened.record_id, opened.payload)
    try:
        reply = Reply.decode(opened.payload)
    except CodecError:
        return Unprovable(submitted, "NOT_A_REPLY", "A reply is not of the agreed shape.", opened.record_id, opened.sender)
    if reply.office != opened.sender:
        return Unprovable(submitted, "WRONG_SENDER", "A reply names another office than its sender.", opened.record_id, opened.sender)
    return Answered(submitted, _name(opened.record_id, reply), reply, opened.payload)


def _name(record_id: bytes, reply: Reply) -> bytes:
    """What a repeat of a receipt is known by. A record's id alone is its sender's choice, and could be that of another office's receipt."""
    return sha256(frame(b"pas/v1/receipt", record_id, reply.office.encode(), reply.delivery_id)).digest()[:16]


def _read_statement(submitted: Submitted, opened: Opened, office: PasOffice) -> Reading:
    try:
        if office.realm.apart and is_record(peek_statement(opened.payload), "protection"):
            Protection.decode(peek_statement(opened.payload))
            return Protecting(submitted, opened.sender, opened.payload)
        inquiry = read_inquiry(opened.payload)
        said = inquiry or read_said(opened.payload)
    except CodecError:
        return Unprovable(submitted, "NOT_A_REPLY", "A statement is not of the agreed shape.", opened.record_id, opened.sender)
    if said.office != opened.sender:
        return Unprovable(submitted, "WRONG_SENDER", "A statement names another office than its sender.", opened.record_id, opened.sender)
    if inquiry is not None:
        return Inquired(submitted, opened.record_id, opened.sender, inquiry, opened.payload)
    return Arrived(submitted, opened.record_id, opened.sender, read_said(opened.payload), opened.payload)


def plan_veil(veiled: Veiled, office: PasOffice, scribe: Scribe, plan: Plan) -> None:
    """The gateway goes by the new edition from the next batch on."""
    plan.change.counts["replies"] += 1
    plan.change.veils.append(veil_row(veiled.payload, office.register_key))
    plan.change.events.append(scribe.event("VEIL_TAKEN", veiled.id.hex(), office=PAS))


def plan_replies(
    register: sa.Connection, answers: Sequence[Answered], office: PasOffice, scribe: Scribe, plan: Plan
) -> dict[bytes, frozenset[str]]:
    """Adds what the replies change; returns, by report, the offices that have now accepted its conditions."""
    sent = dict(queries.find_deliveries_by_id(register, [answer.reply.delivery_id for answer in answers]))
    seen = set(queries.find_reply_ids(register, [answer.id for answer in answers]))
    accepting: dict[bytes, frozenset[str]] = {}
    reports = {found.id: found for found in queries.find_accepted(register, {one.report for one in sent.values()}, ())}
    for answer in answers:
        delivery = sent.get(answer.reply.delivery_id)
        if answer.id in seen:
            continue
        seen.add(answer.id)
        if delivery is None or delivery.office != answer.reply.office:
            _refuse(answer, "NOT_YOURS", _NOT_YOURS, scribe, plan)
            continue
        if not answer.reply.fits(delivery.kind):
            _refuse(answer, "UNFIT", _UNFIT.format(answer.reply.receipt), scribe, plan)
            continue
        if answer.reply.receipt != "DELIVERED" and has_left(answer.reply, answer.submitted.taken.at, office):
            _refuse(answer, "LEFT", _LEFT, scribe, plan)
            continue
        about = reports.get(delivery.report)
        runs = answer.reply.receipt == "DECLINED" and delivery.read_at_ms is None
        if runs and not stops_the_clock(answer.reply, answer.submitted.taken.at, about, office):
            # Else whoever does not read for the Governor could have nobody ask the Governor any more.
            _refuse(answer, "POST", _DECLINED.format(_list_posts(office)), scribe, plan)
            continue
        sent[delivery.id] = _plan_reply(answer, delivery, about, office, scribe, plan)
        if answer.reply.receipt == "CONDITIONS_ACCEPTED" and delivery.kind == "CONDITIONS":
            accepting[delivery.report] = accepting.get(delivery.report, frozenset()) | {delivery.office}
    _accept(register, accepting, plan)
    return accepting


def has_left(reply: Reply, at: datetime, office: PasOffice) -> bool:
    """Whether the directory knows the person a reply names, and not as one of that office at that moment; it need not know everybody."""
    person = office.snapshot.by_reference.get(reply.person)
    if person is None:
        return False
    held = person.appointment(at)
    return held is None or held.office != reply.office


def _refuse(answer: Answered, word: str, sentence: str, scribe: Scribe, plan: Plan) -> None:
    """Told to the office in one sentence, with nothing of the delivery that it named; nothing else changes."""
    reply, at = answer.reply, answer.submitted.taken.at
    plan.change.events.append(scribe.event("REPLY_REFUSED", answer.id.hex(), office=reply.office, rules=[reply.receipt, word]))
    said = about_matter(answer.id, reply.office, at)
    plan.drafts.append(notify(said, reply.office, [notice("REFUSED", sentence)]))


def _plan_reply(answer: Answered, delivery: Sent, about: Accepted | None, office: PasOffice, scribe: Scribe, plan: Plan) -> Sent:
    """Returns the delivery as it stands then, for the next reply of the batch."""
    reply = answer.reply
    plan.change.counts["replies"] += 1
    plan.change.replies.append({
        "id": answer.id, "delivery": delivery.id, "receipt": reply.receipt, "at_ms": to_ms(reply.at),
        "sealed": office.register_key.seal(answer.payload, answer.id),
    })  # fmt: skip
    read_at = answer.submitted.taken.at
    counts = _answers(reply, delivery, read_at, about, office)
    read = to_ms(read_at) if counts else None
    plan.change.states.append({"id": delivery.id, "state": reply.receipt, "read_at_ms": read})
    said = [sha256(reply.person.encode()).digest(), sha256(answer.payload).digest()]
    plan.change.events.append(scribe.event("REPLY", delivery.id.hex(), office=reply.office, rules=[reply.receipt], digests=said))
    if reply.receipt == "DECLINED" and delivery.kind in TO_READ and delivery.state not in ("DECLINED", "WITHDRAWN"):
        _tell_declined(reply, delivery, about, read_at, plan)
    if reply.receipt == "ACTIONED" and delivery.kind in TO_READ and delivery.state not in ("ACTIONED", "DECLINED", "WITHDRAWN"):
        _tell_actioned(reply, delivery, about, read_at, plan)
    if reply.receipt == "READ" and delivery.kind in TO_READ and about is not None:
        _tell_read(delivery, about, plan)
        if not counts and delivery.read_at_ms is None:
            told = notice("OVERDUE", _POST.format(_list_posts(office)), due_ms=delivery.deadline_ms)
            plan.drafts.append(notify(about_accepted(about), delivery.office, [told]))
    state = max(delivery.state, reply.receipt, key=STATES.index)
    return replace(delivery, state=state, read_at_ms=read if delivery.read_at_ms is None else delivery.read_at_ms)


def _list_posts(office: PasOffice) -> str:
    """From which a governor's answer counts where rule 4's words stand."""
    return ", ".join(sorted(office.rulebook.receipts.governor_posts))


def _answers(reply: Reply, delivery: Sent, read_at: datetime, about: Accepted | None, office: PasOffice) -> bool:
    """Whether a receipt is the one that was waited for: of a withdrawal that it has come, of all else that it was read."""
    if delivery.kind == "WITHDRAWAL":
        return reply.receipt == "DELIVERED"
    return reply.receipt == "READ" and stops_the_clock(reply, read_at, about, office)


def stops_the_clock(reply: Reply, read_at: datetime, about: Accepted | None, office: PasOffice) -> bool:
    """Whether a READ, or a DECLINED, stops the clock: where rule 4's words stand, a governor's office must name a post the rulebook lists.

    `read_at` is when the log took it: an office's own clock could name a day on which it was no governor's office.
    """
    standing = office.snapshot.at(read_at).get(reply.office)
    if about is None or standing is None or standing.kind != "governor" or not is_senior(about.priority, about.tags, office.rulebook):
        return True
    return reply.post in office.rulebook.receipts.governor_posts


def _accept(register: sa.Connection, accepting: dict[bytes, frozenset[str]], plan: Plan) -> None:
    """Notes acceptances that are new; one already noted is not accepted twice."""
    for kept in queries.find_kept(register, accepting):
        accepting[kept.id] -= kept.acceptances
    for report in [report for report, offices in accepting.items() if not offices]:
        del accepting[report]
    plan.change.acceptances += [{"report": report, "office": office} for report, offices in accepting.items() for office in sorted(offices)]


def _tell_read(delivery: Sent, about: Accepted, plan: Plan) -> None:
    """The originator hears that, and by whom, its report was read."""
    plan.drafts.append(notify(about_accepted(about), about.originator, [notice("READ", "The report was read.", office=delivery.office)]))


def _tell_actioned(reply: Reply, delivery: Sent, about: Accepted | None, at: datetime, plan: Plan) -> None:
    """That a risk was acted on: the originator hears so, and PAS with what was done."""
    _tell_both("READ", _HAS_ACTED, _MITIGATION.format((reply.mitigation or "")[:_TOLD_OF_WORDS]), delivery, about, at, plan)


def _tell_declined(reply: Reply, delivery: Sent, about: Accepted | None, at: datetime, plan: Plan) -> None:
    """No rung is climbed any more for who declines: the originator hears so, and PAS with the reason."""
    _tell_both("REFUSED", _HAS_DECLINED, _REASON.format((reply.reason or "")[:_TOLD_OF_WORDS]), delivery, about, at, plan)


def _tell_both(word: NoticeWord, that: str, why: str, delivery: Sent, about: Accepted | None, at: datetime, plan: Plan) -> None:
    """The originator hears that an office answered so; its own words PAS alone, whose they are to pass on."""
    said = about_accepted(about) if about is not None else about_matter(delivery.report, PAS, at)
    if about is not None:
        plan.drafts.append(notify(said, about.originator, [notice(word, that, office=delivery.office)]))
    plan.drafts.append(notify(said, PAS, [notice(word, why, office=delivery.office)]))
