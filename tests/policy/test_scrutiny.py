"""`pas policy check`: each kind of finding is provoked by one edit of the shipped rulebook, which itself is clean."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from conftest import RunPas
from pas_gateway.scrutiny import KINDS, Finding, scrutinise
from pas_schemas.errors import RulebookError
from pas_schemas.reference import read_data
from pas_schemas.rulebook import read_rulebook
from policy.book_cases import DROP, change, leaves, write

Json = dict[str, Any]
BOOK: Json = tomllib.loads(read_data("rulebook.toml").decode())
RULES = read_data("text_rules.csv")
EVERY_CATEGORY = BOOK["category"]["known"]


def edit(path: str, value: object) -> bytes:
    return write(change(BOOK, path, value))


def without(path: str) -> bytes:
    tree = change(BOOK, "title", BOOK["title"])
    *steps, last = path.split(".")
    holder = tree
    for step in steps:
        holder = holder[step]
    del holder[last]
    return write(tree)


# The kind and the place, the book, and whether the gateway refuses it.
BOOKS: list[tuple[str, str, bytes, bool]] = [
    ("UNREADABLE", "rulebook.toml", b"edition = ", True),
    ("MISSING", "retention.body_days_after_live", without("retention.body_days_after_live"), True),
    ("MISSING", "matrix.2", without("matrix.2.prison"), True),
    ("MISSING", "matrix.2", without("matrix.2"), True),
    ("MISSING", "matrix.1.lea.other", edit("matrix.1.lea", {"named": "hold"}), True),
    ("MISSING", "deadlines", without("deadlines.read.URGENT"), True),
    ("UNKNOWN_KEY", "tags.senority", edit("tags.senority", ["ESCAPE"]), True),
    ("UNKNOWN_WORD", "tags.seniority", edit("tags.seniority", ["ESCAPE", "TREASON"]), True),
    ("UNKNOWN_WORD", "matrix.1.police.named", edit("matrix.1.police", "perhaps"), True),
    ("BAD_VALUE", "border.fresh_hours", edit("border.fresh_hours", 0), True),
    ("UNREACHABLE_CELL", "matrix.6.own", edit("matrix.6", {"own": "refuse"}), True),
    ("UNREACHABLE_CELL", "matrix.1.court", edit("matrix.1.court", "release"), True),
    ("UNENFORCEABLE", "matrix.4.police", edit("matrix.4.police", "release"), True),
    ("UNENFORCEABLE", "matrix.5.own", edit("matrix.5.own", "release"), True),
    ("HIGH_UNKNOWN", "category", edit("category.high", ["A", "Z"]), True),
    ("MARKING_REFUSED", "markings.held", edit("markings.held", ["SECRET"]), True),
    ("MARKING_REFUSED", "four_eyes.markings", edit("four_eyes.markings", ["SECRET"]), True),
    ("NAMING_NARROWS", "matrix.1.nonpros", edit("matrix.1.nonpros", {"named": "refuse", "other": "hold"}), False),
    ("OWN_NARROWED", "matrix.1.own", edit("matrix.1.own", "hold"), False),
    ("ORDER_REVERSED", "grading.restrictiveness", edit("grading.restrictiveness", ["4", "5", "2", "1", "3"]), False),
    ("TWO_SPELLINGS", "markings.accepted", edit("markings.accepted", [*BOOK["markings"]["accepted"], "Confidential"]), False),
    ("TWO_SPELLINGS", "category.known", edit("category.known", [*EVERY_CATEGORY, "a"]), False),
    ("GRADE_SHUT", "grading.contradictory", edit("grading.contradictory", [f"E{i}" for i in "12345"]), False),
    ("GRADE_SHUT", "grading.contradictory", edit("grading.contradictory", [f"{s}1" for s in "ABCDE"]), False),
    ("DEADLINES_DISORDERED", "deadlines.read", edit("deadlines.read.URGENT", "4 days"), False),
    ("DEADLINES_DISORDERED", "deadlines.case", edit("deadlines.case.THREAT_TO_LIFE", "3 hours"), False),
    ("LADDER_DISORDERED", "ladders.disclosure.URGENT", edit("ladders.disclosure.URGENT.deputy", "5 hours"), False),
    ("LADDER_DISORDERED", "ladders.case.ROUTINE", edit("ladders.case.ROUTINE.owner", "2 days"), False),
    ("MISSING", "ladders", without("ladders.case.URGENT"), True),
    ("RETENTION_SHORT", "retention.body_days_after_live", edit("retention.body_days_after_live", 2), False),
    ("DEAD_RULE", "category.high", edit("category.high", EVERY_CATEGORY), False),
    ("DEAD_RULE", "markings.held", edit("markings.held", []), False),
    ("DEAD_RULE", "grading.risk_assessed", edit("grading.risk_assessed", []), False),
    ("DEAD_RULE", "tags.cat_a_team", edit("tags.cat_a_team", []), False),
    ("DEAD_RULE", "tags.seniority", write(change(change(BOOK, "tags.seniority", []), "priorities.seniority", [])), False),
    ("DEAD_RULE", "referral.risk", edit("referral.risk", []), False),
    ("NOBODY_MAY", "deciding.second", edit("deciding.second", []), False),
    ("NOBODY_MAY", "receipts.governor_posts", edit("receipts.governor_posts", []), False),
    ("UNKNOWN_POST", "receipts.governor_posts", edit("receipts.governor_posts", ["Duty Governor"]), False),
    ("ONE_PERSON", "four_eyes.gates", edit("four_eyes.gates[G-PASO]", DROP), False),
    ("RULE_NARROWED", "tags.gatekept", edit("tags.gatekept", []), False),
    ("RULE_NARROWED", "tags.staff", edit("tags.staff", []), False),
    ("RULE_NARROWED", "priorities.seniority", edit("priorities.seniority", []), False),
    ("RULE_NARROWED", "tags.seniority", edit("tags.seniority", []), False),
    ("RULE_NARROWED", "category.alerts", edit("category.alerts", []), False),
    ("RULE_NARROWED", "grading.corroborated", edit("grading.corroborated", []), False),
    ("RULE_NARROWED", "four_eyes.overrides", edit("four_eyes.overrides", []), False),
    ("NO_EFFECT", "referral.risk", edit("referral.with", ["ESCAPE"]), False),
    ("NO_EFFECT", "matrix.2.prison.other", edit("matrix.2.prison", {"named": "release", "other": "refuse"}), False),
    ("NO_EFFECT", "calendar.holidays", edit("calendar.holidays", ["2026-12-26"]), False),
    ("LISTED_TWICE", "receipts.governor_posts", edit("receipts.governor_posts", ["duty-governor", "duty-governor"]), False),
]

TEXTS: list[tuple[str, str, bytes]] = [
    ("UNREADABLE", "text_rules.csv", b"rule,pattern,note\n"),
    ("BAD_VALUE", "text_rules.csv", RULES + b"G-CATA,abc,x\n"),
    ("DEAD_RULE", "text_rules.csv", b"".join(line for line in RULES.splitlines(keepends=True) if not line.startswith(b"G-SOURCE"))),
    ("PATTERN_ALWAYS", "text_rules.csv rule 13", RULES + b"G-SOURCE,[a-z],x\n"),
    ("PATTERN_ALWAYS", "text_rules.csv rule 13", RULES + b"G-SOURCE,(?:tap)?,x\n"),
    ("PATTERN_NEVER", "text_rules.csv rule 13", RULES + rb"G-SOURCE,tele\bphone,x" + b"\n"),
    ("PATTERN_NEVER", "text_rules.csv rule 13", RULES + b"G-SOURCE,phone^,x\n"),
    ("PATTERN_NEVER", "text_rules.csv rule 13", RULES + b"G-SOURCE,phone(?!),x\n"),
    ("PATTERN_SHADOWED", "text_rules.csv rule 13", RULES + rb"G-SOURCE,\bour informant\b,x" + b"\n"),
    ("PATTERN_SHADOWED", "text_rules.csv rule 13", RULES + RULES.splitlines(keepends=True)[3]),
]


def test_the_shipped_rulebook_is_clean() -> None:
    assert scrutinise(read_data("rulebook.toml"), RULES) == []


@pytest.mark.parametrize(("kind", "place", "book", "refused"), BOOKS, ids=[f"{kind}-{place}" for kind, place, _, _ in BOOKS])
def test_one_edit_of_the_rulebook_is_found(kind: str, place: str, book: bytes, refused: bool) -> None:
    found = scrutinise(book, RULES)
    assert (kind, place) in [(finding.kind, finding.place) for finding in found]
    assert all(finding.what for finding in found)
    assert is_refused(book) == refused


@pytest.mark.parametrize(("kind", "place", "rules"), TEXTS, ids=[f"{kind}-{n}" for n, (kind, _, _) in enumerate(TEXTS)])
def test_one_edit_of_the_text_rules_is_found(kind: str, place: str, rules: bytes) -> None:
    assert [(finding.kind, finding.place) for finding in scrutinise(read_data("rulebook.toml"), rules)] == [(kind, place)]


def test_every_kind_is_provoked_and_has_its_words() -> None:
    provoked = {kind for kind, *_ in BOOKS} | {kind for kind, *_ in TEXTS}
    assert provoked == set(KINDS)
    assert all(kind.why.endswith(".") and kind.hint and not kind.hint.endswith(".") for kind in KINDS.values())


def test_an_edit_is_found_alone_where_nothing_follows_from_it() -> None:
    """What has further consequences: one edit may reverse an order too, or take away what two people are asked about."""
    alone = [(kind, place) for kind, place, book, _ in BOOKS if len(scrutinise(book, RULES)) == 1]
    assert len(alone) >= len(BOOKS) - 8


@pytest.mark.parametrize("value", [DROP, True, -1, {"a": 1}, "PERHAPS"], ids=["gone", "flag", "negative", "table", "word"])
def test_whatever_the_gateway_refuses_is_an_error(value: object) -> None:
    refused = 0
    for path in leaves(BOOK):
        plain = path.partition("[")[0]
        book = without(plain) if value is DROP else edit(plain, value)
        errors = [finding for finding in scrutinise(book, RULES) if finding.level == "error"]
        if is_refused(book):
            refused += 1
            assert errors, path
    assert refused >= 50


def is_refused(book: bytes) -> bool:
    try:
        read_rulebook(book, RULES)
    except RulebookError:
        return True
    return False


def test_every_fault_is_told_at_once() -> None:
    book = write(change(change(change(BOOK, "tags.staff", ["TREASON"]), "border.fresh_hours", 0), "matrix.6", {"own": "refuse"}))
    assert {(found.kind, found.place) for found in scrutinise(book, b"")} == {
        ("UNKNOWN_WORD", "tags.staff"), ("BAD_VALUE", "border.fresh_hours"), ("UNREACHABLE_CELL", "matrix.6.own"),
        ("UNREADABLE", "text_rules.csv"),
    }  # fmt: skip


@pytest.mark.parametrize("pattern", [rb"(?<!x)tap", rb"(a|b)\1", rb"(?=tap)tap", rb"[a-z]{3}[a-z]{3}[a-z]{3}[a-z]{3}7tap9"])
def test_a_pattern_that_cannot_be_tried_out_is_left_alone(pattern: bytes) -> None:
    assert scrutinise(read_data("rulebook.toml"), RULES + b'G-SOURCE,"' + pattern + b'",x\n') == []


# --- as a person types it ------------------------------------------------------------------------------------------------


def test_a_clean_rulebook(pas: RunPas, tmp_path: Path) -> None:
    book = tmp_path / "rulebook.toml"
    book.write_bytes(read_data("rulebook.toml"))
    assert json.loads(pas("policy", "check", book, "--json", code=0).out) == {"findings": [], "errors": 0, "warnings": 0}
    assert pas("policy", "check", book, code=0).out == "Nothing is missing, and nothing contradicts itself.\n"


def test_errors_fail_and_warnings_do_not(pas: RunPas, tmp_path: Path) -> None:
    book, rules = tmp_path / "rulebook.toml", tmp_path / "text_rules.csv"
    book.write_bytes(edit("tags.gatekept", []))
    rules.write_bytes(RULES)
    shown = pas("policy", "check", book, code=0)
    assert shown.out.splitlines()[0] == "warning: RULE_NARROWED tags.gatekept: G-CATA"
    assert shown.out.splitlines()[-1] == "0 errors, 1 warnings."
    # The text rules beside the rulebook are its own; --text-rules names others.
    rules.write_bytes(b"no rules")
    told = json.loads(pas("policy", "check", book, "--json", code=1).out)
    assert [finding["kind"] for finding in told["findings"]] == ["RULE_NARROWED", "UNREADABLE"]
    assert (told["errors"], told["warnings"]) == (1, 1)
    expected = Finding("UNREADABLE", "text_rules.csv", told["findings"][1]["what"])
    assert told["findings"][1] == {**expected._asdict(), "level": "error", "why": expected.why, "hint": expected.hint}
    other = tmp_path / "other.csv"
    other.write_bytes(RULES)
    assert json.loads(pas("policy", "check", book, "--text-rules", other, "--json", code=0).out)["errors"] == 0


def test_a_rulebook_that_is_none_is_a_finding_and_no_traceback(pas: RunPas, tmp_path: Path) -> None:
    rubbish = (b"", b"\xff\xfe", b"matrix = 5", b"[matrix]\n1 = 5", b"\x00")
    assert all(any(finding.level == "error" for finding in scrutinise(book, RULES)) for book in rubbish)
    file = tmp_path / "rubbish.toml"
    file.write_bytes(rubbish[1])
    assert json.loads(pas("policy", "check", file, "--json", code=1).out)["errors"] == 1
    assert "does not exist" in pas("policy", "check", tmp_path / "none.toml", code=2).err
