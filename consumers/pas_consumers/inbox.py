"""The inbox SDK: take what PAS sent to an office, read it, and answer for it as a post and a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, Self

from pas_consumers.answers import check_answer
from pas_consumers.checking import Checker
from pas_consumers.closing import close, why_closed
from pas_consumers.delivery import ID_BYTES, State
from pas_consumers.errors import StoreDamagedError, UnknownDeliveryError
from pas_consumers.intake import STOPPED_HINT, Intake, Taking
from pas_consumers.records import Held, Listing, SetAside, Unsent
from pas_consumers.store import Store
from pas_schemas.codec import is_text
from pas_schemas.directory import PAS, KeyUse
from pas_schemas.errors import LogError, MisuseError
from pas_schemas.identifiers import is_reference
from pas_schemas.models.reply import Reply
from pas_schemas.models.words import Receipt
from pas_schemas.naming import hide_name
from pas_schemas.sealing import REPLY, Plain, Sealer
from pas_schemas.topics import COMPARTMENT, REPLIES, Topic, deliveries
from pas_transport.log import Log, Outgoing
from pas_transport.sending import EPOCH_LIFE, reply_key

if TYPE_CHECKING:
    from pas_transport.workspace import Workspace

_PREFIX: Final = re.compile(r"[0-9a-f]{1,32}")
# What a person writes about what was done: far below what a record of the log may hold.
MAX_WORDS = 20_000
SEND_RECORDS = 200


class Inbox:
    """One office's inbox. What an answer says is durable when the method returns, and goes to PAS with `send` or `take`.

    Every method raises an InboxError, LogError, KeyringError or DirectoryError, and MisuseError for a call that is wrong.
    """

    def __init__(
        self, workspace: Workspace, office: str, post: str | None = None, person: str | None = None, log: Log | None = None
    ) -> None:
        """`post` and `person` are who answers; without them the workspace's settings say. `log` is one that several inboxes share."""
        self.office: Final = office
        self._workspace = workspace
        self._post = post or workspace.settings.post
        self._person = person or workspace.settings.person
        self._directory = workspace.directory()
        self._keys = workspace.keyring(office)
        self._sealer: Sealer | None = None
        self._shared = log
        self._store = Store(workspace.inbox_dir(office), office, self._keys.store_key())

    @classmethod
    def of(cls, workspace: Workspace, office: str, *, post: str | None = None, person: str | None = None, log: Log | None = None) -> Self:
        """The inbox of an office whose keys this workspace holds, made where there is none yet.

        Who looks after several offices opens the log once, under a user that may read all of their topics, gives it to each
        inbox and closes it after them.
        """
        return cls(workspace, office, post, person, log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Inbox({self.office!r})"

    def close(self) -> None:
        """Gives files back; what was not sent yet goes with the next `take` or `send`."""
        if "_log" in self.__dict__ and self._shared is None:
            self._log.close()
        self._store.close()

    def take(self) -> Intake:
        """Takes everything that waits, threats to life first, and sends DELIVERED for each delivery.

        What fails a check is set aside, what is missing is told, and neither stops the rest. Raises a LogError where the
        log fails: what was taken before that is in the inbox, and what could not be sent goes with the next call.
        """
        self._sign_as()
        self._refresh()
        self._send_readable()
        intake = self._taking().run(self._send_readable)
        self.send()
        return intake

    def accept_topic(self) -> int:
        """Has what `take` stopped at read from its first record on, and says how many partitions that are.

        The log was restored, made anew or left too long, and what was lost by that is known: nothing else is skipped, and
        nothing is taken twice.
        """
        return self._taking().accept()

    def send(self) -> int:
        """Sends every reply that is not known to be with PAS, and says how many; repeating one is harmless."""
        self._refresh()
        sent, damaged = self._send_readable()
        if damaged:
            sentence = f"An answer in the inbox of {self.office} is damaged and cannot be sent."
            raise StoreDamagedError(sentence, "restore the inbox from a backup")
        return sent

    def list(self) -> Listing:
        """Every delivery, in the order in which the reports reached PAS and their deliveries count; what conditions close is closed."""
        listing = self._store.held()
        return Listing(tuple(self._as_allowed(held) for held in listing.held), listing.damaged)

    def unread(self) -> tuple[bytes, ...]:
        """The ids of deliveries that nobody has read or answered."""
        return self._store.unread()

    def set_aside(self) -> tuple[SetAside, ...]:
        """Every record that failed a check, oldest first."""
        return self._store.aside()

    def find(self, prefix: str) -> bytes:
        """The one delivery whose id begins so (hexadecimal); raises UnknownDeliveryError."""
        if not _PREFIX.fullmatch(prefix.lower()):
            raise MisuseError("A delivery's id is hexadecimal.", "`pas inbox list` shows the ids")
        found = self._store.ids(prefix.lower())
        if len(found) != 1:
            sentence = f"{len(found) or 'No'} deliver{'ies begin' if found else 'y begins'} so in the inbox of {self.office}."
            raise UnknownDeliveryError(sentence, "give more of the id" if found else "`pas inbox list` shows what there is")
        return found[0]

    def get(self, delivery: bytes) -> Held:
        """A delivery as it lies in the inbox, without what its conditions close to this reader; tells nobody."""
        return self._as_allowed(self._store.get(delivery))

    def why_closed(self, delivery: bytes) -> str | None:
        """Why the conditions of a delivery close it to this post and person now; None where they do not."""
        return self._why_closed(self._store.get(delivery))

    def _why_closed(self, held: Held) -> str | None:
        return why_closed(held, self._workspace.clock.now(), self._post or "", self._person or "")

    def _as_allowed(self, held: Held) -> Held:
        return held if self._why_closed(held) is None else close(held)

    def read(self, delivery: bytes) -> Held:
        """A delivery for a person to read, and READ in the name of this post.

        A withdrawn one, conditions, and what its conditions close to this reader are not READ. Read again after its deadline, it is said
        again: whoever is reminded of it had said so, and PAS may have had to set that aside.
        """
        while True:
            held = self._store.get(delivery)
            if held.state == "WITHDRAWN" or held.delivery.kind == "CONDITIONS":
                return held
            if self._why_closed(held) is not None:
                return close(held)
            state: State = "READ" if held.state == "DELIVERED" else held.state
            deadline = held.delivery.deadline
            late = deadline is not None and deadline <= self._workspace.clock.now()
            if self._store.answer(self._reply(delivery, "READ"), held.state, state, again=late):
                return Held(held.delivery, state)

    def accept(self, delivery: bytes) -> State:
        """Accepts a delivery's conditions; PAS then sends the text as another delivery. Raises WrongStateError.

        Accepted again, they are said again to be: where no text came, PAS may have had to set the first word aside.
        """
        said = self._reply(delivery, "CONDITIONS_ACCEPTED")
        if self._store.answer(said, "CONDITIONS_ACCEPTED", "CONDITIONS_ACCEPTED", again=True):
            return "CONDITIONS_ACCEPTED"
        return self._answer(said, "CONDITIONS_ACCEPTED")

    def act(self, delivery: bytes, mitigation: str) -> State:
        """Says what was done about it; raises WrongStateError unless it was read and nothing was said yet."""
        return self._answer(self._reply(delivery, "ACTIONED", mitigation=_words(mitigation, "mitigation")), "ACTIONED")

    def decline(self, delivery: bytes, reason: str) -> State:
        """Says why nothing is done about it; raises WrongStateError."""
        return self._answer(self._reply(delivery, "DECLINED", reason=_words(reason, "reason")), "DECLINED")

    def _taking(self) -> Taking:
        checker = Checker(self.office, self._directory, self._keys.opening())
        receipt: Callable[[bytes], Reply] = lambda delivery: self._reply(delivery, "DELIVERED")  # noqa: E731  # a def says no more
        return Taking(self._log, deliveries(self.office).name, self._store, checker, receipt)

    def _send_readable(self) -> tuple[int, int]:
        """How many were sent, and how many are damaged; those stay, and hold nobody up who comes after them."""
        sent, damaged, waiting = 0, 0, self._store.unsent(SEND_RECORDS)
        while waiting.last is not None:
            self._send_some(waiting.replies)
            sent, damaged = sent + len(waiting.replies), damaged + waiting.damaged
            waiting = self._store.unsent(SEND_RECORDS, waiting.last)
        return sent, damaged

    def _send_some(self, unsent: Sequence[Unsent]) -> None:
        self._append([(reply.id, reply.delivery, reply.payload) for reply in unsent if not reply.apart], REPLIES, "open")
        # Under a name that nobody can work out from the delivery's: who holds the log is not to learn which delivery came from there.
        hidden = ((hide_name(self._keys.id_key(), reply.id), reply.payload) for reply in unsent if reply.apart)
        self._append([(name, name, payload) for name, payload in hidden], COMPARTMENT, "compartment")
        self._store.mark_sent([reply.id for reply in unsent])

    def _append(self, answers: Sequence[tuple[bytes, bytes, bytes]], topic: Topic, use: KeyUse) -> None:
        """Appends answers (record id, key, payload) where they belong, each part of PAS reading what is sealed to its own key."""
        if answers:
            self._refuse_other_log()
            plain = [Plain(name, payload) for name, _, payload in answers]
            now = self._workspace.clock.now()
            values = self._make_sealer().seal(PAS, reply_key(self._directory, use, now), plain, now)
            self._log.append([Outgoing(topic.name, key, value) for (_, key, _), value in zip(answers, values, strict=True)])

    def _refuse_other_log(self) -> None:
        """Two systems are mixed up: what went there would be with nobody, and count as sent."""
        known = self._store.logs()
        if known and self._log.identity not in known:
            raise LogError("This is another log than the one this inbox has read", STOPPED_HINT)

    def _answer(self, reply: Reply, state: State) -> State:
        while True:
            held = self._store.get(reply.delivery_id)
            check_answer(held, reply.receipt)
            if self._store.answer(reply, held.state, state):
                return state

    def _reply(self, delivery: bytes, receipt: Receipt, *, mitigation: str | None = None, reason: str | None = None) -> Reply:
        if not _is_id(delivery):
            hint = "`find` gives it for its hexadecimal digits, or the first of them"
            raise UnknownDeliveryError(f"A delivery's id is {ID_BYTES} bytes.", hint)
        post, person = self._sign_as()
        return Reply(
            delivery_id=delivery,
            office=self.office,
            receipt=receipt,
            post=post,
            person=person,
            at=self._workspace.clock.now(),
            mitigation=mitigation,
            reason=reason,
        )

    def _sign_as(self) -> tuple[str, str]:
        given = (self._post, self._person)
        if not all(given):
            raise MisuseError("A reply names a post and a person.", "give --post and --person, or set them in pas.toml")
        post, person = (word or "" for word in given)
        if not (is_reference(post) and is_reference(person)):
            raise MisuseError("Post and person are references such as duty-governor and a1234.", "lower case, digits and dashes, no name")
        return post, person

    def _refresh(self) -> None:
        """A newer directory counts at once: what is sealed to a key that has ended is lost on its way."""
        if self._workspace.directory_store.versions()[-1:] != (self._directory.version,):
            self._directory = self._workspace.directory()
            self._keys = self._workspace.keyring(self.office)
            self._sealer = None

    def _make_sealer(self) -> Sealer:
        if self._sealer is None:
            self._sealer = Sealer(self.office, self._keys.signing(), epoch_life=EPOCH_LIFE, prefix=REPLY)
        return self._sealer

    @cached_property
    def _log(self) -> Log:
        log = self._shared or self._workspace.log()
        try:
            # An office may take before PAS has ever sent it anything.
            log.ensure([deliveries(self.office), REPLIES, COMPARTMENT])
        except BaseException:
            if self._shared is None:
                log.close()
            raise
        return log


def _is_id(delivery: object) -> bool:
    """Whether it is an id, and not its digits as a program has them from JSON."""
    return isinstance(delivery, bytes) and len(delivery) == ID_BYTES


def _words(text: object, what: str) -> str:
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_WORDS:
        raise MisuseError(f"A {what} is between 1 and {MAX_WORDS} characters.", "say in a sentence what was done, or why nothing is")
    if not is_text(text):
        raise MisuseError(f"The {what} holds text that is not Unicode.", "give text that can be written as UTF-8")
    return text
