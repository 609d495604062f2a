"""The demo checks itself: each check reads what was done by another way than it was done, and says in a line what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pas_consumers import Delivery, Inbox
from pas_gateway.demo.accounts import account
from pas_gateway.demo.disclosed import find_leaks
from pas_gateway.demo.outcomes import Row, compare
from pas_gateway.demo.run import Played
from pas_gateway.demo.strangers import try_strangers
from pas_gateway.office import PasOffice
from pas_schemas.errors import PasError

# How many of several mistakes are named.
NAMED = 3
_COUNTED = ("accepted", "rejected", "quarantined", "duplicate", "movements", "replies")


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold, whether it does, and the evidence in one line."""

    name: str
    holds: bool
    evidence: str


def check_all(played: Played) -> Iterator[Check]:
    """Every check in its order; what one finds does not stop the others."""
    for name, look in CHECKS:
        try:
            mistakes, evidence = look(played)
        except PasError as failure:
            mistakes, evidence = [failure.sentence], ""
        more = f" and {len(mistakes) - NAMED} more" if len(mistakes) > NAMED else ""
        yield Check(name, not mistakes, "; ".join(mistakes[:NAMED]) + more if mistakes else evidence)


# What is wrong, each in words, and what to say where nothing is.
Found = tuple[list[str], str]


def _check_story(played: Played) -> Found:
    story = played.story
    again = [report for report in played.again if report in story.reports]
    wrong = compare(story.reports, story.expected, again, played.decided)
    return (
        [f"{urn} came out otherwise than expected.ndjson says" for urn in wrong],
        f"{len(story.reports)} lines of expected.ndjson, {len(story.urns)} traces, all alike",
    )


def _check_foretold(played: Played) -> Found:
    wrong = compare(played.reports, played.foretold, played.again, played.decided)
    return (
        [f"{urn} came out otherwise than foretold" for urn in wrong],
        f"{len(played.foretold)} reports foretold by `explain` before they were sent, {len(played.decided)} traces, all alike",
    )


def _check_accounts(played: Played) -> Found:
    with played.workspace.log() as log:
        found = account(log, PasOffice.of(played.workspace), played.after)
    wrong = list(found.problems)
    wrong += [
        f"the log has {found.ends[name]} {name}, the gateway counted {played.totals[name]}"
        for name in _COUNTED
        if found.ends[name] != played.totals[name]
    ]
    if found.ends["movements"] != played.movements:
        wrong.append(f"{played.movements} movements were published and {found.ends['movements']} lie in the log")
    total = sum(found.ends[name] for name in _COUNTED)
    return wrong, f"{total} records = " + " + ".join(f"{found.ends[name]} {name}" for name in _COUNTED) + ", each once"


def _check_strangers(played: Played) -> Found:
    trial = try_strangers(played.workspace, played.after, played.seed)
    wrong = list(trial.opened)
    if trial.own != trial.locks or not trial.locks:
        wrong.append(f"{trial.locks - trial.own} of {trial.locks} records do not open to their own office")
    return wrong, (
        f"one record of each of {trial.locks} offices against {trial.keys} offices' keys: {trial.tries:,} of {trial.pairs:,} pairs tried, "
        f"{trial.posed} strangers posed as the recipient, none opened"
    )


def _check_withheld(played: Played) -> Found:
    early = find_leaks(played.reports, [played.decided, played.settled], played.before)
    late = find_leaks(played.reports, [played.decided, played.settled, played.final], played.after)
    unopened = [f"{taken.partition.topic} holds a record its own office cannot open" for taken in played.after.unopened]
    return [*early.leaks, *late.leaks, *unopened], (
        f"{late.items} items held or refused at {late.offices} offices; their own keys open all {played.after.count:,} records, "
        f"{late.disclosures} of them disclosures, and none holds one"
    )


def _check_conditions(played: Played) -> Found:
    """Code 5: the conditions come first and alone, the text after the signed acceptance."""
    name, wrong, seen = ("force:13", "13/IR/2015/009001"), list[str](), list[str]()
    for delivery in _about(played, "security:LEI", *name):
        texts = [item.text for item in delivery.body.items] if delivery.body else []
        seen.append(delivery.kind)
        if (delivery.kind == "CONDITIONS") == any(texts):
            wrong.append(f"a {delivery.kind} holds {len(texts)} texts")
    if seen != ["CONDITIONS", "DISCLOSURE"]:
        wrong.append(f"security:LEI was sent {', '.join(seen) or 'nothing'}")
    return wrong, "security:LEI got conditions without a text, signed them, and then got the text"


def _check_transfer(played: Played) -> Found:
    name = ("force:01", "01/IR/2015/004711")
    before, after = played.settled[name], played.final[name]
    # Belmarsh lies in the originating force's own area, which posts its PIO.
    wanted = {"pio:BAI": ("release", "H1-OWN"), "security:BAI": ("release", "H1-PRISON"), "governor:BAI": ("hold", "R-SENIORITY")}
    wrong = [f"{office} is not {word} by {rule}" for office, (word, rule) in wanted.items() if word_of(after, office, 0) != (word, rule)]
    wrong += [f"{office} was not withdrawn" for office in ("pio:WSI", "security:WSI") if state_of(after, office) != "WITHDRAWN"]
    wrong += [f"governor:{prison} was sent something" for prison in ("WSI", "BAI") if _disclosures(played, f"governor:{prison}", *name)]
    if _deliveries_of(before, "fib:01") != _deliveries_of(after, "fib:01"):
        wrong.append("item 1 moved: fib:01 was sent more")
    wrong += [f"{office} holds the code 4 text" for office in _holders_of(played, name[1], 1) if office != "fib:01"]
    return wrong, "pio:BAI and security:BAI released, governor:BAI held (R-SENIORITY), WSI withdrawn, item 1 with fib:01 alone as before"


def _check_inboxes(played: Played) -> Found:
    """What recipients hold is what the log holds for them: nothing set aside, nothing twice, nothing missing."""
    wrong, held = [], 0
    for office, letters in played.after.letters.items():
        with Inbox.of(played.workspace, office) as inbox:
            listing, aside = inbox.list(), inbox.set_aside()
        held += len(listing.held)
        if sorted(one.delivery.id for one in listing.held) != sorted(letter.delivery.id for letter in letters) or aside or listing.damaged:
            wrong.append(f"the inbox of {office} is not what its topic holds")
    return wrong, f"{held:,} deliveries in {len(played.after.letters)} inboxes, each once, each verified against its originator's signature"


CHECKS: tuple[tuple[str, Callable[[Played], Found]], ...] = (
    ("The story came out as written", _check_story),
    ("What was foretold is what was decided", _check_foretold),
    ("Every input record has one end, by the log alone", _check_accounts),
    ("No office's keys open another's records", _check_strangers),
    ("Nothing withheld was sealed to anybody", _check_withheld),
    ("Code 5: conditions first, then the text", _check_conditions),
    ("Intelligence followed the prisoner", _check_transfer),
    ("Inboxes hold what was sent, word for word", _check_inboxes),
)


def word_of(traced: Row, office: str, item: int) -> tuple[str, str] | None:
    """Verdict and rule of a pair, or None where it was not considered."""
    found = (one for outcome in traced["outcomes"] if outcome["office"] == office for one in outcome["items"] if one["item"] == item)
    return next(((one["verdict"], one["rule"]) for one in found), None)


def state_of(traced: Row, office: str) -> str | None:
    return next((outcome["state"] for outcome in traced["outcomes"] if outcome["office"] == office), None)


def _deliveries_of(traced: Row, office: str) -> list[str]:
    return [each for outcome in traced["outcomes"] if outcome["office"] == office for each in outcome["deliveries"]]


def _about(played: Played, office: str, originator: str, urn: str) -> list[Delivery]:
    """What an office was sent about a report, but for notices, in the order of its numbers."""
    letters = (letter.delivery for letter in played.after.letters.get(office, ()))
    found = [one for one in letters if (one.originator, one.urn) == (originator, urn) and one.kind != "NOTICE"]
    return sorted(found, key=lambda delivery: delivery.n)


def _disclosures(played: Played, office: str, originator: str, urn: str) -> list[Delivery]:
    return [one for one in _about(played, office, originator, urn) if one.body is not None]


def _holders_of(played: Played, urn: str, item: int) -> list[str]:
    """The offices that were sent the words of an item of the story."""
    text = played.story.report(urn)["items"][item]["text"]
    return [office for office, letters in played.after.letters.items() if any(_says(letter.delivery, text) for letter in letters)]


def _says(delivery: Delivery, text: str) -> bool:
    return delivery.body is not None and any(item.text == text for item in delivery.body.items)
