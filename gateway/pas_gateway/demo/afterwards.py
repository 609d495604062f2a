"""The story's end, in which people decide and the clock goes on; what is asked of them waits in cases, as everybody's does.

8  refer   PAS notes that reports on A4821DK add up, and the prison service makes him Category A
9  brief   two people at PAS have the Governor at Belmarsh told of the plot, who says what was done
10 wait    an officer answers for silence, until a time at which it is asked for again; a threat to life that nobody reads climbs
           its ladder, rung by rung, to a case of PAS
11 close   it is read, and the case needs nobody any more
"""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any

from pas_consumers import Inbox
from pas_consumers.cases import find_cases, open_case
from pas_gateway.demo.letters import read_post
from pas_gateway.demo.playing import Played, Steps, run_gateway, trace_reports, turn_clock
from pas_gateway.demo.recipients import Recipients, post_of
from pas_gateway.offering import find_open
from pas_gateway.office import PasOffice
from pas_gateway.overdue import list_overdue
from pas_gateway.register import open_store
from pas_producers import MovementFeed, Publisher
from pas_schemas.clock import show_time
from pas_schemas.directory import PAS
from pas_schemas.models.decision import Decision, Second
from pas_transport.example_people import PASSPHRASE
from pas_transport.open_cases import OpenCase, build, sign_and_send
from pas_transport.open_cases import post_of as signing_as

PLOT, REFERRED = "01/IR/2015/004711", "WSI/SIR/2015/000982"
SILENT, UNREAD = "01/IR/2015/004790", "13/IR/2015/009006"
GOVERNOR, OWNER = "governor:BAI", "fib:01"
FIRST, OTHER = "example-reviewer-1", "example-reviewer-2"
OFFICER, RANK = "example-fib-01-1", "superintendent"
MITIGATION = "Moved to the high security unit; his visitors are searched and his calls are listened to."
# A threat to life is to be read within 15 minutes; its deputy is told 5 minutes later, and PAS after 5 more.
TURNS = (16, 6, 5)
SILENT_MINUTES = 20


def go_on(played: Played, recipients: Recipients, keep: Steps) -> None:
    """Plays it to its end."""
    _refer(played, keep)
    _brief(played, keep)
    _wait(played, recipients, keep)
    _close(played, recipients, keep)


def _refer(played: Played, keep: Steps) -> None:
    with keep.taking("PAS noted what adds up; A4821DK became Category A") as result:
        asked = _case_of_pas(played, REFERRED)
        _decide(played, asked, FIRST, "NOTE", reasons=asked.reasons, reason="Referred to the Category A Team.")
        run_gateway(played, 1)
        row = {**played.story.transfer[-1], "event": "STATUS", "prison": None, "category": "A", "at": _now(played)}
        with MovementFeed.of(played.workspace) as feed:
            played.movements += list(feed.stream([row])).count("published")
        run_gateway(played, 1)
        result.append(f"the referral of {REFERRED} is answered")


def _brief(played: Played, keep: Steps) -> None:
    with keep.taking("Two people at PAS had the Governor at BAI briefed") as result:
        asked = _case_of_pas(played, PLOT)
        pairs = asked.choose((), (GOVERNOR,), everything=False)
        digest = _decide(played, asked, FIRST, "RELEASE", pairs=pairs, reason="The prison carries the risk.")
        _agree(played, PAS, OTHER, digest)
        run_gateway(played, 1)
        with Inbox.of(played.workspace, GOVERNOR, post=post_of(GOVERNOR), person="demo-0001") as box:
            played.receipts["taken"] += len(box.take().new)
            [briefed] = [held.delivery.id for held in box.list().held if held.delivery.urn == PLOT and held.delivery.kind == "DISCLOSURE"]
            box.read(briefed)
            box.act(briefed, MITIGATION)
            box.send()
        played.receipts.update({"read": 1, "acted on": 1})
        result += [f"signed by {FIRST} and {OTHER}", "read, and the mitigation recorded"]


def _wait(played: Played, recipients: Recipients, keep: Steps) -> None:
    with keep.taking("Silence was accepted, and nobody read a threat to life") as result:
        with Publisher.of(played.workspace) as publisher:
            publisher.publish(played.story.later)
        run_gateway(played, 1)
        with Inbox.of(played.workspace, OWNER, post=post_of(OWNER), person="demo-0001") as box:
            played.receipts["taken"] += len(box.take().new)
        [case] = [one.id for one in find_cases(played.workspace, OWNER) if one.delivery.urn == SILENT and one.open]
        asked = open_case(played.workspace, OWNER, case)
        until = show_time(played.workspace.clock.now() + timedelta(minutes=SILENT_MINUTES))
        said = {"reasons": asked.reasons, "officer": OFFICER, "rank": RANK, "until": until, "reason": "A life depends on it."}
        digest = _decide(played, asked, "example-fib-01-2", "ACCEPT_SILENCE", **said)
        _agree(played, OWNER, OFFICER, digest)
        for minutes in TURNS:
            turn_clock(played, recipients, minutes)
            run_gateway(played, 1)
        with closing(open_store(played.workspace.register_url)) as store:
            office = PasOffice.of(played.workspace)
            late = [row for row in list_overdue(store, office.rulebook, office.clock.now()) if row["urn"] == UNREAD and row["delivery"]]
        result += [f"{row['office']}: {', '.join(rung['rung'] for rung in row['rungs'])}" for row in late]


def _close(played: Played, recipients: Recipients, keep: Steps) -> None:
    with keep.taking("It was read at last") as result, played.workspace.log() as log:
        while (done := recipients.answer(log))["taken"]:
            played.receipts += done
            run_gateway(played, 1)
        played.last = read_post(played.workspace, log)
        played.closing = trace_reports(played, (*played.reports, *played.story.later))
        cases = played.closing["force:13", UNREAD]["cases"]
        result.append(f"{len(cases)} of its cases open" if cases else "its case needs nobody any more")


def _case_of_pas(played: Played, urn: str) -> OpenCase:
    [case] = [row["case"] for trace in trace_reports(played, played.story.reports).values() if trace["urn"] == urn
              for row in trace["cases"] if row["owner"] == PAS]  # fmt: skip
    with closing(open_store(played.workspace.register_url)) as store:
        return find_open(store, PasOffice.of(played.workspace), case)


def _decide(played: Played, asked: OpenCase, person: str, choice: str, **said: Any) -> bytes:
    """A person's decision, signed with that person's own key and sent as a reply; its digest."""
    given = {"case": asked.case, "view": asked.view, "choice": choice, "legal_basis": "POLICING_PURPOSE", **said}
    return sign_and_send(played.workspace, build(Decision, given | _as(played, asked.office, person)), PASSPHRASE)


def _agree(played: Played, office: str, person: str, digest: bytes) -> None:
    """Another person of the same office, who signs under what the first decided."""
    agreed = {"statement": digest, "reason": "I agree.", **_as(played, office, person)}
    sign_and_send(played.workspace, build(Second, agreed), PASSPHRASE)


def _as(played: Played, office: str, person: str) -> dict[str, Any]:
    workspace = played.workspace
    reference, post = signing_as(workspace.directory(), workspace, office, person, None)
    return {"office": office, "person": reference, "post": post, "at": workspace.clock.now()}


def _now(played: Played) -> str:
    return show_time(played.workspace.clock.now())
