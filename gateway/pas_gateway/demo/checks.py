"""The demo checks itself: each check reads what was done by another way than it was done, and says in a line what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pas_consumers import Delivery, Inbox
from pas_gateway.demo.accounts import account, list_signed
from pas_gateway.demo.afterwards import FIRST, GOVERNOR, OTHER, OWNER, PLOT, SILENT, UNREAD
from pas_gateway.demo.disclosed import find_leaks
from pas_gateway.demo.outcomes import Row, compare
from pas_gateway.demo.playing import Played
from pas_gateway.demo.strangers import try_strangers
from pas_gateway.office import PasOffice
from pas_schemas.directory import PAS
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
        found = account(log, PasOffice.of(played.workspace), played.last)
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
    decided = [played.decided, played.settled, played.final, played.closing]
    late = find_leaks((*played.reports, *played.story.later), decided, played.last)
    unopened = [f"{taken.partition.topic} holds a record its own office cannot open" for taken in played.last.unopened]
    return [*early.leaks, *late.leaks, *unopened], (
        f"{late.items} items held or refused at {late.offices} offices; their own keys open all {played.last.count:,} records, "
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
    for office, letters in played.last.letters.items():
        with Inbox.of(played.workspace, office) as inbox:
            listing, aside = inbox.list(), inbox.set_aside()
        held += len(listing.held)
        if sorted(one.delivery.id for one in listing.held) != sorted(letter.delivery.id for letter in letters) or aside or listing.damaged:
            wrong.append(f"the inbox of {office} is not what its topic holds")
    return wrong, f"{held:,} deliveries in {len(played.last.letters)} inboxes, each once, each verified against its originator's signature"


def _check_briefed(played: Played) -> Found:
    """By the log alone: two people signed, the text went out after the second and not before, and what was done about it came back."""
    wrong, name = [], ("force:01", PLOT)
    with played.workspace.log() as log:
        signed = list_signed(log, PasOffice.of(played.workspace))
    two = [one for one in signed if one.person in (FIRST, OTHER) and one.kind in ("decision", "second") and one.choice in ("RELEASE", None)]
    if [(one.kind, one.person) for one in two] != [("decision", FIRST), ("second", OTHER)]:
        wrong.append(f"signed by {', '.join(one.person for one in two) or 'nobody'}")
    sent = [one.taken.at for one in played.last.letters.get(GOVERNOR, ()) if one.delivery.urn == PLOT and one.delivery.body is not None]
    if len(sent) != 1 or not two or sent[0] < two[-1].at:
        wrong.append(f"{GOVERNOR} was given {len(sent)} texts, or one before the second signature")
    if state_of(played.closing[name], GOVERNOR) != "ACTIONED":
        wrong.append(f"{GOVERNOR} has not said what was done")
    return wrong, f"{FIRST} decided, {OTHER} agreed, then {GOVERNOR} had the text, read it and said what was done"


def _check_silence(played: Played) -> Found:
    """What the owner heard of its case: it waits; after the officer's answer nothing does; when the time was over it waits again."""
    told = [
        "waits" if any(word.rule == "R-SENIORITY" for word in words) else "waits no longer"
        for letter in sorted(played.last.letters.get(OWNER, ()), key=lambda letter: letter.delivery.n)
        if letter.delivery.urn == SILENT and (words := [word for word in letter.delivery.notices if word.word == "DECIDE"])
    ]
    wrong = [] if told == ["waits", "waits no longer", "waits"] else [f"{OWNER} heard that its case {', '.join(told) or 'is none'}"]
    wrong += [f"{office} holds the text" for office, letters in played.last.letters.items() if office != OWNER
              for letter in letters if letter.delivery.urn == SILENT and letter.delivery.body is not None]  # fmt: skip
    return wrong, f"{OWNER} answered for it; when its time was over the case waited again; nobody else was given the text meanwhile"


def _check_ladder(played: Played) -> Found:
    """Each rung once, to whoever holds the threat or to PAS; read, it needs nobody any more."""
    holders = {name for name, letters in played.last.letters.items() for one in letters if _is_unread(one.delivery) and one.delivery.body}
    told: dict[str, list[str]] = {}
    for name, letters in played.last.letters.items():
        for letter in letters:
            if _is_unread(letter.delivery):
                told.setdefault(name, []).extend(word.why for word in letter.delivery.notices if word.word == "OVERDUE")
    told = {name: words for name, words in told.items() if words}
    wrong = [f"{name} was told and holds nothing of it" for name in told if name not in holders | {PAS}]
    rungs = {name: told.get(name, []) for name in sorted(holders)}
    wrong += [
        f"{name} was told {len(rungs[name])} times and not twice" for name in rungs if not len(rungs[name]) == len(set(rungs[name])) == 2
    ]
    late = len([word for word in told.get(PAS, ()) if "has not read it" in word])
    if late != len(holders) or not holders:
        wrong.append(f"PAS was told of {late} offices that had not read")
    trace = played.closing["force:13", UNREAD]
    wrong += [f"{row['office']} has not read it" for row in trace["outcomes"] if row["deliveries"] and row["read_by"] is None]
    wrong += [f"the case of {case['owner']} waits still" for case in trace["cases"] if "R-NOBODY" in case["reasons"]]
    return wrong, f"{len(holders)} offices reminded, then their deputies, then PAS given a case, each once; read, it needs nobody any more"


def _is_unread(delivery: Delivery) -> bool:
    return delivery.urn == UNREAD


CHECKS: tuple[tuple[str, Callable[[Played], Found]], ...] = (
    ("The story came out as written", _check_story),
    ("What was foretold is what was decided", _check_foretold),
    ("Every input record has one end, by the log alone", _check_accounts),
    ("No office's keys open another's records", _check_strangers),
    ("Nothing withheld was sealed to anybody", _check_withheld),
    ("Code 5: conditions first, then the text", _check_conditions),
    ("Intelligence followed the prisoner", _check_transfer),
    ("The Governor was briefed by two people", _check_briefed),
    ("Silence was accepted until a time", _check_silence),
    ("A threat nobody read climbed its ladder", _check_ladder),
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
