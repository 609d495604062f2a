"""Whether a statement may count: the one function that asks, for the gateway before it takes it and for PAS before it sends it.

Every refusal is a RefusedStatementError with one sentence; a statement that is refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from pas_gateway.approval import offices_of
from pas_gateway.competence import CREATOR, find_objection
from pas_gateway.docket import Docket
from pas_gateway.heads import hear_summary
from pas_gateway.office import PasOffice
from pas_gateway.policy.rulings import CONSENTED
from pas_gateway.policy.verdicts import Case
from pas_gateway.register.dockets import WAITING
from pas_gateway.signatures import RefusedStatementError, Signed, Spoken
from pas_schemas.clock import parse_end
from pas_schemas.directory import PAS
from pas_schemas.models.decision import Consent, Decision, Second, Summary
from pas_schemas.models.report import Item
from pas_schemas.rulebook import screen

# The fields that go with one choice alone.
_BELONGS: Final = {
    "asks": {"RETURN"}, "text": {"SANITISE"}, "grade": {"SANITISE", "RELEASE"}, "assessment": {"SANITISE", "RELEASE"},
    "officer": {"ACCEPT_SILENCE"}, "rank": {"ACCEPT_SILENCE"}, "until": {"ACCEPT_SILENCE"}, "permission": {"RELEASE"},
}  # fmt: skip
# What a choice says nothing without.
_NEEDS: Final = {"RETURN": ("asks",), "SANITISE": ("text", "grade"), "ACCEPT_SILENCE": ("officer", "rank", "until")}
_LACKS: Final = {
    "RETURN": ("SHAPE", "A case is returned with a question.", "say what the originator is asked"),
    "SANITISE": ("SHAPE", "A sanitised text has a grade, and stands in the place of one item.", "give --text-file and --grade"),
    "ACCEPT_SILENCE": ("SHAPE", "Silence is accepted by a named officer, until a date.", "give --officer, --rank and --until"),
}
_HOLDS_NO_MORE: Final = (
    "HELD", "By today's rules that office may have what waits there, and a word against it would only send it.",
    "release it, or have PAS look at its rules first",
)  # fmt: skip


def check_fresh(said: Spoken, at: datetime, office: PasOffice) -> None:
    """Signing against when the log took it: an old statement that turns up again counts no more, nor what comes when its author's post
    or key has ended, for when it was signed is the author's own word."""
    age = at - said.at
    if age > timedelta(hours=office.rulebook.border.fresh_hours) or -age > office.rulebook.clock_skew:
        raise RefusedStatementError(
            "STALE", "The statement was not signed when it was sent.", "see this machine's clock, and sign it again"
        )
    if not _still_speaks(said, max(at, said.at), office):
        raise RefusedStatementError("PERSON", "That person's post or key had ended when the log took the statement.", "sign it anew")


def _still_speaks(said: Spoken, at: datetime, office: PasOffice) -> bool:
    person = office.snapshot.by_reference.get(said.person)
    key = person.key(said.at) if person is not None else None
    return person is not None and key is not None and key.current(at) and person.appointment(at) == person.appointment(said.at)


def hear(signed: Signed, docket: Docket, now: datetime, office: PasOffice) -> None:
    """Raises RefusedStatementError unless this person may say this of this report, as it stands."""
    said = signed.said
    _check_competence(signed, docket, office)
    match said:
        case Decision():
            _hear_decision(said, docket, now, office)
        case Summary():
            hear_summary(said, docket, office)
        case Second():
            _hear_second(said, docket, now, office)
        case Consent():
            _hear_consent(said, docket, office)
        case _:
            assert_never(said)


def _check_competence(signed: Signed, docket: Docket, office: PasOffice) -> None:
    said, known = signed.said, {one.digest: offices_of(one, {}) for one in docket.signed}
    report, whereabouts = docket.standing.report, docket.judged.situation.whereabouts
    numbers = [one.noms_number for one in report.whom_it_is_on() if one.noms_number in whereabouts]
    held_in = [prison for number in numbers if number is not None and (prison := whereabouts[number].prison) is not None]
    objection = find_objection(signed, report, offices_of(signed, known), office, held_in)
    if objection is not None:
        raise objection
    if not isinstance(said, Summary) and said.person in _authorisers(said, docket):
        raise RefusedStatementError(*CREATOR)


def _authorisers(said: Decision | Second | Consent, docket: Docket) -> set[str | None]:
    """Who authorised the risk assessment that comes with a new grade: of what is said, of the statement that it agrees with, or of one
    that counts already."""
    agreed = said.statement if isinstance(said, Second) else None
    meant = [one.said for one in docket.signed if one.digest == agreed or one.digest in docket.judged.approved.complete]
    found = [one.assessment for one in (said, *meant) if isinstance(one, Decision | Consent)]
    return {assessment.authorised_by for assessment in found if assessment is not None}


def _hear_decision(said: Decision, docket: Docket, now: datetime, office: PasOffice) -> None:
    case = _case_of(said.office, said.view, docket, office)
    mine = [one for one in docket.signed if isinstance(one.said, Decision) and one.said.person == said.person]
    if docket.state(said.office) == "PROPOSED" and any(one.said.view == said.view for one in mine if isinstance(one.said, Decision)):
        raise RefusedStatementError(
            "TWICE", "That person has decided on this case already.", "a second person must agree, or decide otherwise"
        )
    check_shape(said)
    _check_reach(said, case, docket, office)
    _check_held(said, case, docket, office)
    _check_choice(said, docket, now, office)


def _check_choice(said: Decision, docket: Docket, now: datetime, office: PasOffice) -> None:
    match said.choice:
        case "RELEASE":
            _check_release(said, docket, office)
        case "SANITISE":
            _check_sanitised(said, docket, office)
        case "ACCEPT_SILENCE":
            check_silence(said, now, office)
        case "RETURN" | "REFUSE" | "NOTE":
            pass
        case _:
            assert_never(said.choice)


def check_shape(said: Decision) -> None:
    """Raises RefusedStatementError unless a decision says what goes with its choice, and nothing else: an owner elsewhere asks it too."""
    stray = [name for name, choices in _BELONGS.items() if getattr(said, name) is not None and said.choice not in choices]
    if stray:
        raise RefusedStatementError("SHAPE", f"A decision to {said.choice} says nothing of `{stray[0]}`.", "leave it out")
    if any(getattr(said, name) is None for name in _NEEDS.get(said.choice, ())):
        raise RefusedStatementError(*_LACKS[said.choice])


def _case_of(owner: str, view: bytes, docket: Docket, office: PasOffice) -> Case:
    case = docket.case(owner)
    if case is None or docket.state(owner) not in WAITING or docket.standing.kept.superseded:
        raise RefusedStatementError("DECIDED", "That case waits for no decision any more.", "see `pas cases list --all`")
    if docket.view(owner, office) != view:
        raise RefusedStatementError("VIEW", "The case has changed since that person saw it.", "look at it again, and then decide")
    return case


def _check_reach(said: Decision, case: Case, docket: Docket, office: PasOffice) -> None:
    """A decision speaks of pairs that wait in the case, under all the rules that hold them there, or of reasons that hold nothing."""
    items, rules = docket.items(said.office, office), {pair.rule for pair in case.held}
    waiting: dict[tuple[int | None, str], set[str]] = {}
    for pair in case.held:
        waiting.setdefault((pair.item, pair.office), set()).add(pair.rule)
    silent = docket.left_out(said.office, office)
    waiting.update({pair: {"R-SENIORITY"} for pair in silent})
    asked = [((items.get(pair.item), pair.office), set(pair.rules)) for pair in said.pairs]
    if said.choice == "REFUSE" and silent.intersection(pair for pair, _ in asked):
        raise RefusedStatementError("REASON", "Silence is accepted by a named officer, until a date.", "decide ACCEPT_SILENCE")
    if len({pair for pair, _ in asked}) != len(asked) or any(waiting.get(pair) != seen for pair, seen in asked):
        raise RefusedStatementError("PAIR", "The decision names an office and item that do not wait in this case.", "see `pas cases show`")
    bare = set(case.reasons) - rules
    # The reason itself is answered by a release where it is that the report corrects one that has not come.
    unmatched = docket.standing.kept.waits == "UNMATCHED" and said.choice == "RELEASE" and said.reasons == ("R-NOBODY",)
    noted = said.choice in ("NOTE", "ACCEPT_SILENCE") or unmatched
    wanted = {"R-SENIORITY"} if said.choice == "ACCEPT_SILENCE" else bare - {"R-SENIORITY"}
    if noted != bool(said.reasons) or not set(said.reasons) <= wanted & bare or (said.pairs and noted):
        raise RefusedStatementError("REASON", "The decision does not answer what this case asks.", "see `pas cases show`")
    if not noted and not said.pairs and said.choice != "RETURN":
        raise RefusedStatementError("PAIR", "The decision names no office and item.", "name them, as `pas cases show` lists them")


def _check_held(said: Decision, case: Case, docket: Docket, office: PasOffice) -> None:
    """What rules or directory hold no longer since the case was opened goes out when the report is decided again, which any decision has
    done: nobody who says no, or not yet, is to be the cause of that."""
    if said.choice == "RELEASE":
        return
    items = docket.items(said.office, office)
    named = {(items[pair.item], pair.office) for pair in said.pairs if pair.item in items}
    pairs = named or ({(pair.item, pair.office) for pair in case.held} if said.choice == "RETURN" else set())
    if pairs & docket.released:
        raise RefusedStatementError(*_HOLDS_NO_MORE)


def _check_release(said: Decision, docket: Docket, office: PasOffice) -> None:
    rules = {rule for pair in said.pairs for rule in pair.rules}
    _check_consented(said, docket, office)
    if ("G-VISOR" in rules) != (said.permission is not None):
        raise RefusedStatementError(
            "VISOR", "What is derived from ViSOR needs a permission, and nothing else does.", "record who gave it, and when"
        )
    if said.permission is not None and parse_end(said.permission.given_at) > said.at:
        raise RefusedStatementError("VISOR", "A permission that is still to be given permits nothing.", "record when it was given")
    if said.grade is not None:
        if any("R-EVALUATE" not in pair.rules for pair in said.pairs):
            raise RefusedStatementError("GRADE", "Only who evaluates a report grades its items anew.", "leave the grade out")
        _check_grade(said.grade, said, _items(said, docket, office), office)


def _check_consented(said: Decision, docket: Docket, office: PasOffice) -> None:
    """What waits for the originator's consent goes no further without it, nor does a text written from it (domain, *5x5x5*, code 5)."""
    items, silent = docket.items(said.office, office), docket.left_out(said.office, office)
    waits = [pair for pair in said.pairs if not CONSENTED.isdisjoint(pair.rules) or (items.get(pair.item), pair.office) in silent]
    if not all(_has_consent(pair.item, pair.office, said.office, docket, office) for pair in waits):
        raise RefusedStatementError("CONSENT", "The originator has not consented to that.", "return the case with the question CONSENT")


def _has_consent(ref: bytes, recipient: str, owner: str, docket: Docket, office: PasOffice) -> bool:
    index = docket.items(owner, office).get(ref)
    consents = [one.said for one in docket.signed if isinstance(one.said, Consent) and one.said.choice == "GRANT"]
    return any(docket.items(one.office, office).get(one.item) == index and one.recipient == recipient for one in consents)


def _items(said: Decision, docket: Docket, office: PasOffice) -> list[Item]:
    items = docket.items(said.office, office)
    return [
        docket.standing.report.items[index]
        for index in {items[pair.item] for pair in said.pairs}
        if index < len(docket.standing.report.items)
    ]


def _check_grade(grade: str, said: Decision | Consent, items: Sequence[Item], office: PasOffice) -> None:
    """A new grade is one that validation would let in, and of a code that neither closes the text nor binds it to conditions."""
    book = office.rulebook.grading
    if len(items) != 1 or grade[:2] in book.contradictory or grade[2] in "45" or items[0].handling in "45":
        raise RefusedStatementError("GRADE", "That grade cannot be given to that item.", "one item at a time, of codes 1 to 3")
    if grade[1] in book.corroborated and items[0].intelligence != grade[1]:
        raise RefusedStatementError(
            "GRADE", "Intelligence 3 names what corroborates it, which only the originator can.", "ask the originator"
        )
    if grade[2] in book.risk_assessed and (said.assessment is None or not said.assessment.is_complete(said.at)):
        raise RefusedStatementError(
            "RISK", "A code 2 or 3 needs a complete risk assessment.", "give its summary, and who authorised it when"
        )


def _check_sanitised(said: Decision, docket: Docket, office: PasOffice) -> None:
    if said.office != PAS:
        raise RefusedStatementError("OFFICE", "A person at PAS writes a sanitised text: PAS signs it.", "release the item, or refuse it")
    if said.text is None or said.grade is None or len({pair.item for pair in said.pairs}) != 1:
        raise RefusedStatementError(*_LACKS["SANITISE"])
    _check_consented(said, docket, office)
    items = _items(said, docket, office)
    if items and items[0].handling in "45":
        # What is written anew keeps nothing of the codes that close a text or bind its reader.
        items = [items[0].model_copy(update={"handling": "1"})]
    _check_grade(said.grade, said, items, office)
    if screen(said.text, office.rulebook.patterns):
        raise RefusedStatementError("TEXT", "The text looks as if it gives away what a gate guards.", "write it otherwise")


def check_silence(said: Decision, now: datetime, office: PasOffice) -> None:
    """Raises RefusedStatementError unless an officer of such a rank answers for it, until a date that is ahead."""
    if said.officer is None or said.rank is None or said.until is None:
        raise RefusedStatementError(*_LACKS["ACCEPT_SILENCE"])
    officer = office.snapshot.by_reference.get(said.officer)
    post = officer.appointment(said.at) if officer is not None else None
    if post is None or post.office != said.office or post.rank != said.rank or said.rank not in office.rulebook.deciding.silence_ranks:
        raise RefusedStatementError(
            "RANK", "Nobody of that reference and rank may answer for silence there.", "see deciding in rulebook.toml"
        )
    until, most = parse_end(said.until), office.rulebook.deciding.silence_days
    if not now < until <= now + timedelta(days=most):
        raise RefusedStatementError("UNTIL", f"Silence ends on a date that is ahead, within {most} days.", "give another --until")


def _hear_second(said: Second, docket: Docket, now: datetime, office: PasOffice) -> None:
    first = next((one for one in docket.signed if one.digest == said.statement), None)
    if first is None or isinstance(first.said, Second) or first.said.office != said.office:
        raise RefusedStatementError("STATEMENT", "There is no such decision to agree with.", "see `pas cases show`")
    if first.digest in docket.judged.approved.complete and docket.verdicts == docket.judged.verdicts:
        raise RefusedStatementError("DECIDED", "That decision counts already.", "nothing more is needed")
    if isinstance(first.said, Decision):
        _case_of(first.said.office, first.said.view, docket, office)
        # Asked once more: a rank that was listed then need not be now, nor a date be ahead.
        _check_choice(first.said, docket, now, office)
    agreed = {one.said.person for one in docket.signed if isinstance(one.said, Second) and one.said.statement == said.statement}
    if said.person in agreed | {first.said.person}:
        raise RefusedStatementError("TWICE", "Whoever decided cannot be the second person too.", "two different people must sign")


def _hear_consent(said: Consent, docket: Docket, office: PasOffice) -> None:
    index = docket.items(said.office, office).get(said.item)
    if index is None or index >= len(docket.standing.report.items):
        raise RefusedStatementError("PAIR", "The report has no such item.", "see the notice that asks")
    if said.choice == "REGRADE":
        _hear_regrade(said, docket.standing.report.items[index], office)
        return
    verdicts = {(v.item, outcome.office): v for outcome in docket.verdicts.outcomes for v in outcome.verdicts}
    pair = (index, said.recipient or "")
    waits = pair in docket.left_out(PAS, office) or (pair in verdicts and not CONSENTED.isdisjoint(verdicts[pair].holds))
    if not waits or said.grade is not None or said.assessment is not None:
        raise RefusedStatementError("PAIR", "Nothing waits for consent to that office and item.", "see the notice that asks")
    if said.choice == "REFUSE" and pair in docket.released:
        raise RefusedStatementError(*_HOLDS_NO_MORE)


def _hear_regrade(said: Consent, item: Item, office: PasOffice) -> None:
    if said.grade is None or said.recipient is not None or said.grade[:2] != item.source + item.intelligence or said.grade[2] != "2":
        raise RefusedStatementError(
            "GRADE", "The originator is asked for code 2, and its grade is otherwise its own.", "change the last digit"
        )
    _check_grade(said.grade, said, [item], office)
