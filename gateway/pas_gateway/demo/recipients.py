"""The people who receive: they take what waits, accept conditions, read, act and decline, each in the name of a post."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random

from pas_consumers import Held, Inbox
from pas_schemas.models.words import TO_READ
from pas_schemas.topics import deliveries
from pas_transport.log import Log, Partition
from pas_transport.workspace import Workspace

_POSTS = {"governor": "duty-governor", "security": "head-of-security", "pio": "duty-pio", "fib": "duty-inspector"}
_POST = "duty-officer"
# What recipients do with what they are given; a threat to life is always read and acted on.
LEFT_UNREAD, ACTED_ON, DECLINED, CONDITIONS_DECLINED = 0.1, 0.4, 0.05, 0.15
# Offices that answer at the same time: each waits for its disk most of the while.
AT_ONCE = 8
_MITIGATIONS = (
    "Moved to another wing.",
    "Cell searched; nothing found.",
    "Visits supervised.",
    "Observations increased.",
    "Escort strengthened.",
)
_REASONS = ("Already known here.", "Not enough to act on.")


class Recipients:
    """Every office of a workspace whose keys lie there, as people would use its inbox."""

    def __init__(self, workspace: Workspace, seed: int, faithful: Iterable[str] = ()) -> None:
        """Reports with a URN in `faithful` are always accepted and read."""
        self.workspace = workspace
        self._seed = seed
        self._faithful = frozenset(faithful)
        self._taken: dict[Partition, int] = {}

    def answer(self, log: Log) -> Counter[str]:
        """Every office with new post takes it and answers; how often what was done."""
        with ThreadPoolExecutor(AT_ONCE) as offices:
            return sum(offices.map(partial(self._answer_as, log), self._with_post(log)), Counter[str]())

    def _answer_as(self, log: Log, office: str) -> Counter[str]:
        done: Counter[str] = Counter(offices=1)
        with Inbox.of(self.workspace, office, post=post_of(office), person="demo-0001", log=log) as inbox:
            intake = inbox.take()
            done.update({"taken": len(intake.new), "set aside": len(intake.aside)})
            for delivery in intake.new:
                done.update(self._handle(inbox, inbox.get(delivery.id)))
            inbox.send()
        return done

    def _with_post(self, log: Log) -> list[str]:
        """The offices in whose topic something has come since it was asked last."""
        topics = {deliveries(office).name: office for office in self.workspace.held_offices()}
        ends = log.ends(topics)
        found = {topics[place.topic] for place, end in ends.items() if end > self._taken.get(place, 0)}
        self._taken = dict(ends)
        return sorted(found)

    def _handle(self, inbox: Inbox, held: Held) -> list[str]:
        delivery = held.delivery
        if held.state == "WITHDRAWN" or delivery.kind not in TO_READ:
            return []
        luck = Random(f"{self._seed}/{inbox.office}/{delivery.urn}/{delivery.n}")
        certain = delivery.urn in self._faithful
        if delivery.kind == "CONDITIONS":
            if not certain and luck.random() < CONDITIONS_DECLINED:
                inbox.decline(delivery.id, luck.choice(_REASONS))
                return ["conditions declined"]
            inbox.accept(delivery.id)
            return ["conditions accepted"]
        urgent = delivery.priority == "THREAT_TO_LIFE"
        if not (urgent or certain) and luck.random() < LEFT_UNREAD:
            return ["left unread"]
        inbox.read(delivery.id)
        if urgent or luck.random() < ACTED_ON:
            inbox.act(delivery.id, luck.choice(_MITIGATIONS))
            return ["read", "acted on"]
        if not certain and luck.random() < DECLINED:
            inbox.decline(delivery.id, luck.choice(_REASONS))
            return ["read", "declined"]
        return ["read"]


def post_of(office: str) -> str:
    """In the name of which post an office's people answer here."""
    return _POSTS.get(office.partition(":")[0], _POST)
