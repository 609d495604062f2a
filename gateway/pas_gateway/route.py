"""6 seal, second half, and 7 route: drafts are numbered, sealed to their office alone and laid into the outbox."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa

from pas_gateway.audit import Scribe, leaf_of
from pas_gateway.drafts import About, Draft, notice, notify, split_notices
from pas_gateway.notes import words_of, write_note
from pas_gateway.office import PasOffice
from pas_gateway.project import BODY, NAME, TOLD, WORDS, delivery_parts
from pas_gateway.register import join_blobs, protected, split_blobs
from pas_gateway.register.relearning import Known
from pas_schemas.clock import to_ms
from pas_schemas.directory import PAS
from pas_schemas.models.words import SHOWN
from pas_schemas.sealing import IdKey, Plain, SealingKey
from pas_schemas.sealing.envelope import MAX_PAYLOAD_BYTES
from pas_schemas.topics import ROUTINE_PARTITION, URGENT_PARTITION, deliveries

_EVENT_OF_KIND = {
    "DISCLOSURE": "DISCLOSED",
    "CONDITIONS": "CONDITIONS_SENT",
    "WITHDRAWAL": "WITHDRAWN",
    "SUMMARY": "SUMMARY_SENT",
    "NOTICE": "NOTIFIED",
}


# Around the body stand a URN, a few names and times.
MAX_BODY_BYTES = MAX_PAYLOAD_BYTES - 4096
_NOTHING: Known = MappingProxyType({})


@dataclass(slots=True)
class Routed:
    """What routing adds to a batch's transaction."""

    deliveries: list[dict[str, Any]] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    events: list[bytes] = field(default_factory=list)
    recalled: list[bytes] = field(default_factory=list)


def route(
    drafts: Iterable[Draft],
    numbers: Mapping[tuple[bytes, str], int],
    office: PasOffice,
    scribe: Scribe,
    relearnt: Known = _NOTHING,
) -> Routed:
    """Deliveries of one batch: one signed tree and at most two outbox rows for each office; `numbers` are the last ones given.

    What is `relearnt` was sent before the register was restored, and is not sent again.
    """
    routed = Routed()
    last = dict(numbers)
    by_office: dict[str, list[_Written]] = {}
    keys = _Keys(office, scribe.now)
    writer = _Writer(office, scribe)
    sealable = [one for draft in _recall(drafts, relearnt, routed) if (one := _readdress(draft, keys, scribe, routed)) is not None]
    for draft in chain.from_iterable(map(split_notices, sealable)):
        number = last[draft.about.report, draft.office] = last.get((draft.about.report, draft.office), 0) + 1
        by_office.setdefault(draft.office, []).append(writer.write(draft, number, routed))
    for recipient, written in by_office.items():
        key = keys[recipient]
        if key is not None:  # `_readdress` has seen to it
            for each in written:
                each.row["sealed_to"] = key.id
            values = office.sealer.seal(recipient, key, [each.plain for each in written], scribe.now)
            _lay_out(recipient, written, values, office, routed)
    return routed


def _recall(drafts: Iterable[Draft], relearnt: Known, routed: Routed) -> Iterator[Draft]:
    """Without what an office was told in the same words before the register was restored.

    What it was disclosed then is compared when all is taken in again: until then nothing is disclosed to it anew.
    """
    left = {place: list(known) for place, known in relearnt.items()}
    for draft in drafts:
        known = left.get((draft.about.report, draft.office))
        if not known:
            yield draft
            continue
        told = next((one for one in known if one.kind == draft.kind and one.words == words_of(draft)), None)
        if draft.kind in ("NOTICE", "SUMMARY") and told is not None:
            known.remove(told)
            routed.recalled.append(told.id)
        elif draft.kind not in SHOWN:
            yield draft


def audible(register: sa.Connection, drafts: Sequence[Draft], fresh: Iterable[bytes], office: PasOffice) -> Sequence[Draft]:
    """What may be said: of the compartment's reports nothing to PAS, whose people would count it; its own look into its register.

    Nor to the originator of one that PAS's gateway handed over, some of them just now (`fresh`): PAS has told it what there is to tell.
    """
    if not office.realm.apart:
        return drafts
    handed = {*fresh, *protected.find_handed(register, {draft.about.report for draft in drafts})}
    return [draft for draft in drafts if draft.office != PAS and not _is_silent(draft, handed)]


def _is_silent(draft: Draft, handed: Collection[bytes]) -> bool:
    return draft.kind == "NOTICE" and draft.office == draft.about.originator and draft.about.report in handed


class _Keys(dict[str, SealingKey | None]):
    """What is sealed to each office with, looked up once a batch; None where the directory has no current key of it."""

    def __init__(self, office: PasOffice, now: datetime) -> None:
        super().__init__()
        self._office, self._now = office, now

    def __missing__(self, recipient: str) -> SealingKey | None:
        found = self[recipient] = self._office.key_of(recipient, self._now)
        return found


def _readdress(draft: Draft, keys: _Keys, scribe: Scribe, routed: Routed) -> Draft | None:
    """The draft; where it cannot be sealed to its office, word of that to PAS instead: fail closed, and say so.

    One that grew too large, as by a text that PAS wrote, must not fail what else its batch does: who moved has moved.
    """
    if keys[draft.office] is None:
        word, why = "NO_KEY", "The directory has no key of this office: nothing could be sealed to it."
    elif len(draft.body or b"") > MAX_BODY_BYTES:
        word, why = "TOO_LARGE", "What this office is due is larger than a delivery may be: nothing could be sealed to it."
    else:
        return draft
    routed.events.append(scribe.event(word, draft.about.report.hex(), office=draft.office, rules=[draft.kind]))
    return None if keys[PAS] is None else notify(draft.about, PAS, [notice("REFUSED", why, office=draft.office)])


def delivery_id_of(names: IdKey, report: bytes, recipient: str, number: int) -> bytes:
    """The id of the `number`th delivery to a recipient about a report (architecture, *Deliveries*)."""
    return names.digest(b"pas/v1/delivery", report, recipient.encode(), number.to_bytes(4, "big"))[:16]


class _Written(NamedTuple):
    """A numbered delivery before it is sealed, with its row in the register."""

    draft: Draft
    plain: Plain
    row: dict[str, Any]


class _Writer:
    """Writes the deliveries of one batch; what is told of a report, and the same words, are encoded once for all of them."""

    def __init__(self, office: PasOffice, scribe: Scribe) -> None:
        self._office, self._scribe = office, scribe
        self._parts, self._signed_by = delivery_parts(), office.sealer.key_id
        self._told: dict[tuple[About, int | None], bytes] = {}
        self._no_body = self._parts.encode(BODY, {"body": None})
        self._words: dict[tuple[tuple[tuple[str, Any], ...], ...], bytes] = {}

    def write(self, draft: Draft, number: int, routed: Routed) -> _Written:
        report, recipient, key = draft.about.report, draft.office, self._office.register_id_key
        delivery_id = delivery_id_of(self._office.register_id_key, report, recipient, number)
        due_ms = to_ms(draft.deadline) if draft.deadline else None
        event = self._scribe.event(_EVENT_OF_KIND[draft.kind], delivery_id.hex(), office=recipient, digests=[report])
        row = {
            "id": delivery_id, "report": report, "office": recipient, "n": number, "kind": draft.kind,
            "items": ",".join(map(str, draft.items)), "state": "SEALED",
            "deadline_ms": due_ms, "leaf": leaf_of(event), "climb_ms": due_ms, "signed_by": self._signed_by,
        }  # fmt: skip
        name = {
            "delivery_id": delivery_id, "handle": key.digest(b"pas/v1/handle", report, recipient.encode())[:16],
            "n": number, "kind": draft.kind, "office": recipient,
        }  # fmt: skip
        payload = self._parts.join(
            self._parts.encode(NAME, name),
            # An inbox confirms a withdrawal by itself: by when is for PAS alone to watch.
            self._tell(draft.about, due_ms if draft.kind != "WITHDRAWAL" else None),
            self._no_body if draft.body is None else draft.body,
            self._encode_words(draft.notices, draft.request) if draft.request else self._say(draft.notices),
        )
        routed.events.append(event)
        routed.deliveries.append(row)
        return _Written(draft, Plain(delivery_id, payload), row)

    def _tell(self, said: About, deadline_ms: int | None) -> bytes:
        told = self._told.get((said, deadline_ms))
        if told is None:
            told = self._told[said, deadline_ms] = self._parts.encode(TOLD, {
                "urn": said.urn, "originator": said.originator, "priority": said.priority, "created_at": said.created_at,
                "received_at_ms": said.received_at_ms, "decided_at_ms": self._scribe.now_ms, "deadline_ms": deadline_ms,
            })  # fmt: skip
        return told

    def _say(self, notices: Sequence[dict[str, Any]]) -> bytes:
        same = tuple([tuple(word.items()) for word in notices])
        said = self._words.get(same)
        if said is None:
            said = self._words[same] = self._encode_words(notices, None)
        return said

    def _encode_words(self, notices: Sequence[dict[str, Any]], request: dict[str, Any] | None) -> bytes:
        return self._parts.encode(WORDS, {"notices": notices, "apart": self._office.realm.apart, "request": request})


def _lay_out(recipient: str, written: Sequence[_Written], values: Sequence[bytes], office: PasOffice, routed: Routed) -> None:
    topic = deliveries(recipient).name
    chosen: dict[bool, list[tuple[_Written, bytes]]] = {True: [], False: []}
    for one, value in zip(written, values, strict=True):
        chosen[one.draft.about.urgent].append((one, value))
    for urgent, some in chosen.items():
        if some:
            records = join_blobs([part for one, value in some for part in (one.plain.record_id, value)])
            note = None if office.realm.apart else write_note([(one.row, words_of(one.draft)) for one, _ in some], office)
            partition = URGENT_PARTITION if urgent else ROUTINE_PARTITION
            routed.outbox.append({"urgent": int(urgent), "topic": topic, "partition": partition, "records": records, "note": note})


def read_outbox(records: bytes) -> list[tuple[bytes, bytes]]:
    """Key and value of each record of an outbox row."""
    parts = list(split_blobs(records))
    return list(zip(parts[0::2], parts[1::2], strict=True))
