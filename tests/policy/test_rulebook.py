"""Every value of the rulebook is enforced: changed in turn, it changes a verdict, a deadline or a word, or the rulebook is refused."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pas_gateway.approval import needs_two
from pas_gateway.competence import find_objection
from pas_gateway.heads import check_flags
from pas_gateway.hearing import check_silence
from pas_gateway.inquiries import check_answerer, hear_request
from pas_gateway.office import PasOffice
from pas_gateway.register.queries import Accepted
from pas_gateway.replies import stops_the_clock
from pas_gateway.signatures import RefusedStatementError, Signed
from pas_gateway.stages import Submitted
from pas_gateway.verify import check_freshness
from pas_schemas.clock import EPOCH, show_time, to_ms
from pas_schemas.errors import RulebookError
from pas_schemas.models.decision import Consent, Decision, Second
from pas_schemas.models.reply import Reply
from pas_schemas.models.report import Report
from pas_schemas.models.request import AskedAbout, InformationRequest
from pas_schemas.models.words import RequestKind
from pas_schemas.people import Appointment, Person
from pas_schemas.reference import read_data
from pas_schemas.rulebook import Rulebook, read_rulebook, screen, shipped_rulebook
from pas_schemas.sealing import Evidence, Opened
from pas_transport.log import Partition, Taken
from pas_transport.workspace import open_workspace
from policy.book_cases import (
    COLUMNS_OF_TABLE,
    DROP,
    TEXT_RULES,
    Case,
    border_cases,
    category_cases,
    change,
    grading_cases,
    holiday_cases,
    leaves,
    matrix_cases,
    post_cases,
    read,
    referral_cases,
    refused_cells,
    tag_cases,
    time_cases,
    write,
)
from policy.table import report_from_row

Json = dict[str, Any]
BOOK: Json = tomllib.loads(read_data("rulebook.toml").decode())
NOVEMBER = datetime(2015, 11, 18, 12, tzinfo=UTC)

CASES = [
    *border_cases(), *grading_cases(), *category_cases(), *tag_cases(), *referral_cases(), *matrix_cases(), *time_cases(),
    *holiday_cases(BOOK["calendar"]["holidays"]), *post_cases(),
]  # fmt: skip
REFUSED = list(refused_cells())
_SAID = {"person": "a1", "post": "reviewer", "reason": "So.", "at": NOVEMBER}
DECISION = Decision(case="c", view=bytes(16), office="pas", choice="NOTE", legal_basis="OTHER", **_SAID)
SECOND = Second(statement=bytes(32), office="pas", **_SAID)
CONSENT = Consent(delivery=bytes(16), item=bytes(8), office="force:01", choice="GRANT", legal_basis="OTHER", **_SAID)
# Values that work outside the decision, each with a test of its own below.
ELSEWHERE = {
    "edition", "title", "border.fresh_hours", "retention.body_days_after_live",
    *(f"receipts.governor_posts[{post}]" for post in BOOK["receipts"]["governor_posts"]),
    *(f"four_eyes.{name}[{value}]" for name, values in BOOK["four_eyes"].items() for value in values),
    *(path for path in leaves(BOOK) if path.startswith("deciding")),
    *(path for path in leaves(BOOK) if path.startswith(("requests", "summary"))),
}  # fmt: skip


def test_every_value_has_a_case() -> None:
    covered = {case.path for case in CASES} | {path for path, _ in REFUSED} | ELSEWHERE
    assert sorted(leaves(BOOK)) == sorted(covered)


@pytest.mark.parametrize("case", CASES, ids=[case.path for case in CASES])
def test_a_changed_value_changes_what_is_said(case: Case) -> None:
    tree = BOOK
    for path, value in case.base.items():
        tree = change(tree, path, value)
    # A whole list may be given for one of its places.
    path = case.path.partition("[")[0] if isinstance(case.value, list) else case.path
    before, after = read(tree), read(change(tree, path, case.value))
    assert case.probe(before) == case.before
    assert case.probe(after) == case.after
    assert before.digest != after.digest


@pytest.mark.parametrize(("path", "word"), REFUSED)
def test_a_word_that_cannot_be_enforced_is_refused(path: str, word: str) -> None:
    with pytest.raises(RulebookError, match=r"Code [45] "):
        read(change(BOOK, path, word))


@pytest.mark.parametrize("path", ["edition", "title"])
def test_edition_and_title_are_in_the_digest(path: str) -> None:
    assert read(change(BOOK, path, 2 if path == "edition" else "Another")).digest != read(BOOK).digest
    assert read(change(BOOK, "edition", 2)).edition == 2


def test_the_body_is_kept_as_long_as_the_rulebook_says() -> None:
    """No command disposes of bodies in this edition: the value is read, bounded and stands in the digest."""
    longer = read(change(BOOK, "retention.body_days_after_live", 31))
    assert (longer.retention.body_days_after_live, read(BOOK).retention.body_days_after_live) == (31, 30)
    assert longer.digest != read(BOOK).digest


# --- values that work outside the decision -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pas_office(pristine: Path) -> PasOffice:
    return PasOffice.of(open_workspace(pristine, environment={}))


def test_a_record_is_stale_after_the_hours_of_the_rulebook(pas_office: PasOffice) -> None:
    sealed = NOVEMBER - timedelta(hours=24)
    taken = Submitted(Taken(Partition("pas.reports", 0), 0, NOVEMBER, b"", b""))
    opened = Opened("force:01", bytes(16), b"", b"", Evidence(b"", b"", b"", b"", 1, 0, (), b"", ""))

    def reason(book: Rulebook) -> str | None:
        found = check_freshness(opened, taken, (sealed - EPOCH) // timedelta(microseconds=1), replace(pas_office, rulebook=book))
        return found.reason if found else None

    assert reason(read(BOOK)) is None
    assert reason(read(change(BOOK, "border.fresh_hours", 23))) == "STALE"


@pytest.mark.parametrize("post", BOOK["receipts"]["governor_posts"])
def test_reading_stops_the_clock_from_a_listed_post_alone(post: str, pas_office: PasOffice) -> None:
    reply = Reply(delivery_id=bytes(16), office="governor:WSI", receipt="READ", post=post, person="P-1", at=NOVEMBER)
    about = Accepted(bytes(16), "force:01", "01/1", b"", to_ms(NOVEMBER), (0, 0), (0, 0), frozenset({"ESCAPE"}), "ROUTINE", 0, 0)

    def stops(book: Rulebook, given: Reply) -> bool:
        return stops_the_clock(given, given.at, about, replace(pas_office, rulebook=book))

    assert stops(read(BOOK), reply)
    assert not stops(read(change(BOOK, f"receipts.governor_posts[{post}]", "chaplain")), reply)
    assert stops(read(BOOK), reply.model_copy(update={"office": "security:WSI", "post": "chaplain"}))


FOUR_EYES = [(name, value) for name, values in BOOK["four_eyes"].items() for value in values]


@pytest.mark.parametrize(("name", "value"), FOUR_EYES)
def test_two_people_are_asked_for_by_each_value_alone(name: str, value: str) -> None:
    row = dict.fromkeys(COLUMNS_OF_TABLE, "") | {"item_code": value if name == "codes" else "1"}
    report = Report.model_validate(report_from_row(row))
    changes = {"markings": {"protective_marking": value}, "overrides": {"priority": value}}
    report = report.model_copy(update=changes.get(name, {}))
    gates, rules = {value} if name == "gates" else set(), {"H1-NONPROS"}

    def two(book: Rulebook) -> bool:
        return needs_two(report, report.items[0], gates, rules, book)

    assert two(read(BOOK))
    assert not two(read(change(BOOK, f"four_eyes.{name}[{value}]", DROP)))
    # A threat to life is no reason by itself: what its handling code would have let go, one person may release.
    if name == "overrides":
        assert not needs_two(report, report.items[0], gates, {"R-SENIORITY"}, read(BOOK))


DECIDING = [(name, value) for name in ("decide", "second", "consent") for value in BOOK["deciding"][name]]


@pytest.mark.parametrize(("name", "role"), DECIDING)
def test_a_role_counts_as_the_rulebook_says(name: str, role: str, pas_office: PasOffice) -> None:
    row = dict.fromkeys(COLUMNS_OF_TABLE, "")
    report = Report.model_validate(report_from_row(row))
    office = "force:01" if name == "consent" else "pas"
    who = Appointment(NOVEMBER, None, office, "reviewer", frozenset({role}))  # type: ignore[arg-type]  # one of the roles
    said = {"decide": DECISION, "second": SECOND, "consent": CONSENT}[name]
    signed = Signed(b"", b"", said, Person("a1", (who,), ()), who)

    def objects(book: Rulebook) -> bool:
        return find_objection(signed, report, (), replace(pas_office, rulebook=book)) is not None

    assert not objects(read(BOOK))
    assert objects(read(change(BOOK, f"deciding.{name}[{role}]", DROP)))


ASKING = [path for path in leaves(BOOK) if path.startswith("requests") and path.endswith("]")]


@pytest.mark.parametrize("path", ASKING)
def test_who_asks_and_answers_is_as_the_rulebook_says(path: str, pas_office: PasOffice) -> None:
    """Without the value somebody may not ask, be asked, or answer, who may with it."""
    value = path.partition("[")[2].removesuffix("]")
    kind = path.split(".")[2] if ".kinds." in path else "PAS/2"
    places = {"security": "security:WSI", "governor": "governor:WSI", "force": "force:01", "lea": "lea:91"}
    rule = BOOK["requests"]["kinds"][kind]
    asker = places.get(value if "asked_by" in path else rule["asked_by"][0], value if "asked_by" in path else rule["asked_by"][0])
    asked = places[value if "answered_by" in path else "force"]
    role = value if path.startswith(("requests.ask[", "requests.answer[")) else "review"
    request = InformationRequest(
        kind=kind, office=asker, person="a1", post="p", subject=AskedAbout(noms_number="A1234BC"), purpose="PUBLIC_SAFETY",
        legal_basis="OTHER", questions=("What?",), asked=(asked,), at=NOVEMBER,
    )  # fmt: skip
    who = Appointment(NOVEMBER, None, asker, "p", frozenset({role}))  # type: ignore[arg-type]  # one of the roles

    def refused(book: Rulebook) -> bool:
        office = replace(pas_office, rulebook=book)
        try:
            if path.startswith("requests.answer["):
                check_answerer(asked, who, book)
            else:
                hear_request(request, who, office)
        except RefusedStatementError:
            return True
        return False

    assert not refused(read(BOOK))
    assert refused(read(change(BOOK, path, DROP)))


@pytest.mark.parametrize("flag", BOOK["summary"]["flags"])
def test_a_summary_flags_what_the_rulebook_says(flag: str) -> None:
    check_flags([flag], read(BOOK))
    with pytest.raises(RefusedStatementError):
        check_flags([flag], read(change(BOOK, f"summary.flags[{flag}]", DROP)))


@pytest.mark.parametrize("kind", BOOK["requests"]["kinds"])
def test_requests_are_due_as_the_rulebook_says(kind: RequestKind) -> None:
    book = read(change(BOOK, f"requests.kinds.{kind}.due", "7 hours"))
    assert book.request_due(kind, NOVEMBER) == NOVEMBER + timedelta(hours=7) < read(BOOK).request_due(kind, NOVEMBER)


@pytest.mark.parametrize("rank", BOOK["deciding"]["silence_ranks"])
def test_a_rank_answers_for_silence_as_the_rulebook_says(rank: str, pas_office: PasOffice) -> None:
    officer = Person("a1", (Appointment(NOVEMBER, None, "pas", "head", frozenset(), rank),), ())
    snapshot = replace(pas_office.snapshot, people=(officer,))
    silence = {"choice": "ACCEPT_SILENCE", "officer": "a1", "rank": rank, "until": "2015-11-20"}
    said = DECISION.model_copy(update=silence)

    def refuses(book: Rulebook) -> bool:
        try:
            check_silence(said, NOVEMBER, replace(pas_office, snapshot=snapshot, rulebook=book))
        except RefusedStatementError as refused:
            return refused.word == "RANK"
        return False

    assert not refuses(read(BOOK))
    assert refuses(read(change(BOOK, f"deciding.silence_ranks[{rank}]", DROP)))


@pytest.mark.parametrize("days", [1, 92, 366])
def test_silence_is_accepted_for_so_long_as_the_rulebook_says(days: int, pas_office: PasOffice) -> None:
    """To the second, and not beyond."""
    officer = Person("a1", (Appointment(NOVEMBER, None, "pas", "head", frozenset(), "superintendent"),), ())
    office = replace(
        pas_office, rulebook=read(change(BOOK, "deciding.silence_days", days)), snapshot=replace(pas_office.snapshot, people=(officer,))
    )

    def accept(until: datetime) -> None:
        silence = {"choice": "ACCEPT_SILENCE", "officer": "a1", "rank": "superintendent", "until": show_time(until)}
        check_silence(DECISION.model_copy(update=silence), NOVEMBER, office)

    accept(NOVEMBER + timedelta(days=days))
    with pytest.raises(RefusedStatementError, match=f"within {days} days") as refused:
        accept(NOVEMBER + timedelta(days=days, seconds=1))
    assert refused.value.word == "UNTIL"


# --- the text rules ----------------------------------------------------------------------------------------------------

# One text for each line of text_rules.csv, which no other line is set off by.
TEXTS = [
    "This comes from a CHIS on the wing.",
    "Our informant saw the parcel.",
    "The source works in the kitchen.",
    "His cellmate on the second landing told staff.",
    "The parcel was reported to the undersigned by hand.",
    "Only he knew of it.",
    "The product of lawful interception.",
    "A section 8(1) warrant was in force.",
    "It came from the telephone tap.",
    "He wrote a long note to his solicitor.",
    "He wrote to the Samaritans.",
    "An envelope under Rule 39 was opened.",
]


def test_every_text_rule_has_its_text() -> None:
    patterns = shipped_rulebook().patterns
    assert len(patterns) == len(TEXTS)
    assert [[pattern.number for pattern in screen(text, patterns)] for text in TEXTS] == [[n] for n in range(1, len(TEXTS) + 1)]
    assert screen("The subject continues to direct drug supply through visits.", patterns) == []


@pytest.mark.parametrize("number", range(1, len(TEXTS) + 1))
def test_a_text_rule_taken_out_is_silent(number: int) -> None:
    lines = TEXT_RULES.decode().splitlines(keepends=True)
    fewer = read_rulebook(read_data("rulebook.toml"), "".join(lines[:number] + lines[number + 1 :]).encode())
    assert screen(TEXTS[number - 1], fewer.patterns) == []
    assert fewer.digest != shipped_rulebook().digest


BAD_TEXT_RULES = {
    "not UTF-8": (b"gate,pattern,note\nG-SOURCE,\xff,x\n", "not readable CSV"),
    "a quote left open": (b'gate,pattern,note\nG-SOURCE,"abc,x\n', "not readable CSV"),
    "empty": (b"", "do not begin"),
    "another header": (b"rule,pattern,note\nG-SOURCE,abc,x\n", "do not begin"),
    "an unknown gate": (b"gate,pattern,note\nG-SORCE,abc,x\n", "rule 1 names no gate"),
    "a gate that reads no text": (b"gate,pattern,note\nG-SOURCE,abc,x\nG-CATA,abc,x\n", "rule 2 names no gate"),
    "no pattern": (b"gate,pattern,note\nG-SOURCE,,x\n", "rule 1 names no gate"),
    "a comma outside quotes": (b"gate,pattern,note\nG-SOURCE,a{0,5},x\n", "rule 1 has more than"),
    "no regular expression": (b"gate,pattern,note\nG-SOURCE,(abc,x\n", "rule 1 is no regular expression"),
    "a repeat beyond measure": (b'gate,pattern,note\nG-SOURCE,"a{1,99999999999}",x\n', "rule 1 is no regular expression"),
}


@pytest.mark.parametrize("name", BAD_TEXT_RULES)
def test_text_rules_that_cannot_be_enforced_are_refused(name: str) -> None:
    rules, said = BAD_TEXT_RULES[name]
    with pytest.raises(RulebookError, match=said) as refused:
        read_rulebook(read_data("rulebook.toml"), rules)
    assert refused.value.sentence.endswith(".")
    assert refused.value.hint


# --- rulebooks that are refused ----------------------------------------------------------------------------------------


def tables(tree: Json, above: str = "") -> Iterator[str]:
    yield above
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from tables(value, f"{above}.{name}" if above else name)


def keys(tree: Json) -> Iterator[str]:
    for table in tables(tree):
        holder = find(tree, table)
        yield from (f"{table}.{name}" if table else name for name in holder)


def find(tree: Json, path: str) -> Json:
    for step in path.split(".") if path else ():
        tree = tree[step]
    return tree


def refuse(tree: Json) -> RulebookError:
    with pytest.raises(RulebookError) as refused:
        read(tree)
    assert refused.value.sentence.endswith(".")
    assert "\n" not in refused.value.sentence
    assert "rulebook.toml" in refused.value.hint or "[matrix" in refused.value.hint
    return refused.value


def test_written_anew_it_is_the_same() -> None:
    assert tomllib.loads(write(BOOK).decode()) == BOOK
    assert replace(read(BOOK), digest="") == replace(shipped_rulebook(), digest="")


@pytest.mark.parametrize("key", list(keys(BOOK)))
def test_a_missing_key_is_refused(key: str) -> None:
    tree = copy.deepcopy(BOOK)
    above, _, name = key.rpartition(".")
    del find(tree, above)[name]
    refuse(tree)


@pytest.mark.parametrize("table", list(tables(BOOK)))
def test_an_unknown_key_is_refused(table: str) -> None:
    tree = copy.deepcopy(BOOK)
    find(tree, table)["holds_everybody"] = "release"
    refuse(tree)


@pytest.mark.parametrize("key", list(keys(BOOK)))
@pytest.mark.parametrize("value", [True, 1.5, -1, {"a": 1}, [["A"]]], ids=["flag", "fraction", "negative", "table", "lists"])
def test_a_value_of_another_type_is_refused(key: str, value: object) -> None:
    refuse(change(BOOK, key, value))


WORDS = [
    path for path in leaves(BOOK) if path.startswith(("grading", "category.alerts", "tags", "priorities", "referral", "matrix", "calendar"))
]


@pytest.mark.parametrize("path", [path for path in WORDS if path != "referral.within_days"])
def test_an_unknown_word_is_refused(path: str) -> None:
    assert path.partition("[")[0].rpartition(".")[2] in refuse(change(BOOK, path, "PERHAPS")).sentence


@pytest.mark.parametrize("path", [path for path in leaves(BOOK) if path.startswith("deadlines")])
@pytest.mark.parametrize("duration", ["", "soon", "3 weeks", "0 days", "-1 day", "1.5 hours", "8hours", "100000 days", "8 hours ", "P3D"])
def test_a_duration_that_is_none_is_refused(path: str, duration: str) -> None:
    assert path in refuse(change(BOOK, path, duration)).sentence


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("edition", 0), ("border.clock_skew_minutes", 1441), ("border.fresh_hours", 0), ("border.fresh_hours", 721),
        ("category.category_stale_after_days", 0), ("referral.within_days", 0), ("referral.within_days", 3651),
        ("retention.body_days_after_live", 3651), ("deciding.silence_days", 0), ("deciding.silence_days", 367),
        ("category.known[A]", "X"), ("category.high[A]", "X"),
        ("markings.held[CONFIDENTIAL]", "SECRET"),
        ("markings.accepted[CONFIDENTIAL]", "SECRET"), ("grading.restrictiveness", ["4", "5", "1", "3"]),
        ("grading.restrictiveness", ["4", "5", "1", "3", "2", "2"]), ("calendar.holidays", [20261225]),
        ("calendar.holidays", ["2026-13-01"]),
        ("calendar.holidays", ["2026-12-25T00:00:00"]),
        ("calendar.weekend", [f"{day}DAY" for day in ("MON", "TUES", "WEDNES", "THURS", "FRI", "SATUR", "SUN")]),
        ("matrix.6", {"own": "refuse"}), ("matrix.1.court", "release"), ("deadlines.read.SOON", "1 day"), ("matrix.1.own", "Release"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(path: str, value: object) -> None:
    refuse(change(BOOK, path, value))


@pytest.mark.parametrize("book", [b"\xff\xfe", b"edition = ", b"edition = 1\nedition = 1", b"", b"[matrix]\n1 = 5", b"matrix = 5", b"\x00"])
def test_what_is_no_rulebook_is_refused(book: bytes) -> None:
    with pytest.raises(RulebookError) as refused:
        read_rulebook(book, TEXT_RULES)
    assert refused.value.sentence.endswith(".")
    assert refused.value.hint
