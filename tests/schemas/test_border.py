"""The fine print of the border and of validation: one mutation of a sound report, and the rules that must reject it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from pas_schemas.border import MAX_LINE_BYTES, Rejection, examine, parse_line
from pas_schemas.clock import parse_time
from pas_schemas.models.report import Report
from pas_schemas.rulebook import shipped_rulebook
from pas_schemas.rules import BORDER, REFUSALS, VALIDATION
from policy.harness import make_snapshot
from policy.reports import make_estate_variants

Json = dict[str, Any]

NOW = parse_time("2015-11-18T12:00:00Z")
RULEBOOK = shipped_rulebook()
ESTATE = make_snapshot(make_estate_variants()).at(NOW)
RISK = {"summary": "Necessary.", "authorised_by": "D-INSP-01", "authorised_at": "2015-11-18T12:00:00Z"}
PIN = {"authorisation": "PIN-7", "expires_at": "2015-11-19"}
CODE4 = {"reasons": "Live", "internal_recipients": ["fib:01"], "review_by": "2015-11-19"}


def sound() -> Json:
    """The report of the architecture's example, shortened to one code."""
    return {
        "urn": "01/IR/2012/004711", "originator": "force:01", "created_at": "2012-11-13T09:30:00Z", "protective_marking": "RESTRICTED",
        "priority": "URGENT", "purpose": "PREVENTION_OF_CRIME", "legal_basis": "POLICING_PURPOSE", "operation": None,
        "subjects": [{
            "role": "SUBJECT", "standing": "CONVICTED", "noms_number": "A1234BC", "pnc_id": "2000/0000223R", "family_name": "Ash",
            "given_names": "Rowan", "date_of_birth": "1988-02-03",
        }],
        "items": [{
            "text": "The subject has the use of a telephone.", "source": "B", "intelligence": "2", "handling": "1",
            "source_reference": "ISR-1", "corroboration": None, "sanitises": None, "subjects": None, "addressees": None,
        }],
        "handling": {"conditions": None, "reasons": None, "internal_recipients": [], "review_by": None, "risk_assessment": None},
        "declarations": {
            "visor_derived": False, "visor_permission": None, "privileged": False, "warranted_intercept": False, "prison_intercept": None,
            "concerns_staff": [], "protected_assisting_offender": False, "terrorism": False, "do_not_share_with_offender": True,
        },
        "risk_tags": ["ESCAPE", "FIREARMS"], "addressees": ["pio", "governor", "cat-a-team"],
        "mopi": {"group": 1, "review_by": "2013-11-13"}, "gist": None, "supersedes": None,
    }  # fmt: skip


class Drop:
    """In the place of a value: the field is taken away."""


def change(raw: Json, path: str, value: object) -> Json:
    made = copy.deepcopy(raw)
    *steps, last = path.split(".")
    holder: Any = made
    for step in steps:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    if value is Drop:
        del holder[last]
    else:
        holder[int(last) if isinstance(holder, list) else last] = value
    return made


def item(**fields: object) -> Json:
    return {**sound()["items"][0], **fields}


def rules(raw: object, *, closed: bool = False) -> tuple[str, ...]:
    found = examine(raw, estate=ESTATE, now=NOW, rulebook=RULEBOOK, closed=closed)
    return found.rules if isinstance(found, Rejection) else ()


FIVE = {"items.0.handling": "5", "handling.conditions": "Ask.", "handling.risk_assessment": RISK}
MIXED = {**FIVE, "items": [item(handling="5", addressees=["pio"]), item()]}

# What is changed in the sound report, and the rules that reject it then: none where it is sound still.
MUTATIONS: list[tuple[dict[str, object], str]] = [
    # border: alone, before the shape, and only these
    *(({"protective_marking": label}, "G-MARKING") for label in (
        Drop, None, "", "SECRET", "TOP SECRET", "Restricted", "RESTRICTED ", "OFFICIAL SENSITIVE", "OFFICIAL/SECRET", 3, ["RESTRICTED"],
    )),
    *(({"protective_marking": label}, "") for label in RULEBOOK.markings.accepted),
    *(({"declarations.warranted_intercept": flag}, "G-WARRANT") for flag in (True, None, 0, "", "false", [], {})),
    *(({"declarations.privileged": flag}, "G-PRIVILEGE") for flag in (True, None, 0, 1, "false")),
    (
        {"protective_marking": "SECRET", "declarations.warranted_intercept": True, "declarations.privileged": None},
        "G-MARKING G-WARRANT G-PRIVILEGE",
    ),
    ({"protective_marking": "SECRET", "created_at": "2099-01-01T00:00:00Z", "items.0.source": "Q", "mopi": None}, "G-MARKING"),
    # shape: alone
    *(({path: Drop}, "V-SCHEMA") for path in (
        "urn", "originator", "created_at", "priority", "purpose", "legal_basis", "subjects", "items", "handling", "declarations",
        "risk_tags", "addressees", "mopi", "items.0.text", "items.0.source_reference", "subjects.0.role", "subjects.0.standing",
        "subjects.0.noms_number", "subjects.0.pnc_id", "subjects.0.date_of_birth",
        "handling.conditions", "handling.reasons", "handling.internal_recipients",
        "handling.review_by", "handling.risk_assessment", "mopi.group", "mopi.review_by",
        *(f"declarations.{name}" for name in sound()["declarations"]),
    )),
    *(({"urn": f"01/IR/2015/{character}1"}, "V-SCHEMA") for character in "\x00\n\t\x1b\x7f"),
    *(({"urn": f"01/{'é' * (length - 3)}"}, expected) for length, expected in ((500, ""), (501, "V-SCHEMA"))),
    *(({"supersedes": {"urn": "é" * length, "action": "CORRECT"}}, expected) for length, expected in ((500, ""), (501, "V-SCHEMA"))),
    *(({path: Drop}, "") for path in (
        "operation", "gist", "supersedes", "items.0.subjects", "items.0.addressees", "items.0.corroboration", "items.0.sanitises",
        "subjects.0.family_name", "subjects.0.given_names",
    )),
    *(({f"{path}more": None}, "V-SCHEMA") for path in ("", "items.0.", "subjects.0.", "handling.", "declarations.", "mopi.")),
    *(({path: None}, "V-SCHEMA") for path in (
        "urn", "originator", "created_at", "items", "subjects", "risk_tags", "mopi", "priority", "items.0.text",
    )),
    *(({"items.0.text": text}, "V-SCHEMA") for text in ("", " \n\t", 5, ["text"])),
    *(({"items": items}, "V-SCHEMA") for items in ([], {}, [item()] * 33)),
    *(({path: ["pio", text]}, "V-SCHEMA") for path in ("addressees", "items.0.addressees") for text in ("", " ")),
    *(({"handling.internal_recipients": [text]}, "V-CODE4") for text in ("", " ")),
    ({"items": [item()] * 32}, ""),
    *(({"items.0.subjects": indices}, "V-SCHEMA") for indices in ([1], [-1], ["0"], [True], [0.0], 0)),
    *(({"items.0.subjects": indices}, "") for indices in ([], [0], [0, 0], None)),
    *(({"items.0.sanitises": link}, "V-SCHEMA") for link in ("0", True, 0.0)),
    *(({"declarations.concerns_staff": prisons}, "V-SCHEMA") for prisons in (["ZZZ"], ["wsi"], "WSI", None, [""])),
    *(({"declarations.concerns_staff": prisons}, "") for prisons in (["WSI", "WSI"], ["UNKNOWN"], ["STC3", "UNKNOWN"])),
    *(({f"declarations.{flag}": value}, "V-SCHEMA") for value in (None, 0, "false") for flag in (
        "visor_derived", "terrorism", "protected_assisting_offender", "do_not_share_with_offender",
    )),
    *(({"priority": word}, "V-SCHEMA") for word in ("urgent", "HIGH", 1)),
    ({"risk_tags": ["ESCAPES"]}, "V-SCHEMA"),
    ({"risk_tags": ["ESCAPE", "ESCAPE"]}, ""),
    *(({"subjects.0.role": word}, "V-SCHEMA") for word in ("Subject", None)),
    *(({"created_at": time}, "V-SCHEMA") for time in (
        "2012-11-13", "2012-11-13T09:30:00", "2012-11-13T09:30:00+00:00", "2012-11-13T25:30:00Z", "2012-02-30T09:30:00Z", 1352799000, "",
        "٢٠١٢-11-13T09:30:00Z",
    )),
    *(({"created_at": time}, "") for time in ("0001-01-01T00:00:00Z", "2012-11-13T09:30:00.5Z", "2012-11-13T09:30:00.123456789Z")),
    *(({"subjects.0.date_of_birth": date}, "V-SCHEMA") for date in ("1988-13-40", "3 February", 1988, "1988-2-3", "1988-W05-3", "")),
    ({"subjects.0.date_of_birth": None}, ""),
    *(({"subjects.0.noms_number": number}, "") for number in (None, "", "a1234bc", "anything")),
    ({"subjects.0.noms_number": 5}, "V-SCHEMA"),
    *(({"mopi.group": group}, "V-SCHEMA") for group in (0, 5, "1", 1.0, True)),
    ({"supersedes": {"urn": "01/1", "action": "DELETE"}}, "V-SCHEMA"),
    ({"supersedes": {"urn": "99/1", "action": "WITHDRAW"}}, ""),
    ({"handling.internal_recipients": None, "addressees": None}, ""),
    # the rows: all that apply, in table order
    *(({"originator": office}, "V-ORIGINATOR V-URN") for office in (
        "force:99", "escort:gfs", "inspector:hmip", "feed:nomis", "", "pio", "force:53",
    )),
    *(({"urn": urn}, "V-URN") for urn in ("02/IR/1", "", "/01", "IR/01", "01X/1", " 01/1")),
    *(({"urn": urn}, "") for urn in ("01/1", "01", "01/", "01/a/b")),
    ({"originator": "cat-a-team", "urn": "CAT-A-TEAM/1"}, ""),
    ({"originator": "security:WSI", "urn": "wsi/1"}, "V-URN"),
    ({"created_at": "2015-11-18T12:15:00Z"}, ""),
    ({"created_at": "2015-11-18T12:15:00.001Z"}, "V-CLOCK"),
    *(({f"items.0.{code}": value}, "V-GRADE") for code in ("source", "intelligence", "handling") for value in (
        Drop, None, "", "6", "e", 1, ["1"], "11",
    )),
    ({"items.0.source": "E", "items.0.intelligence": "1"}, "V-GRADE"),
    ({"items.0.source": "E"}, ""),
    *(({"items.0.intelligence": "3", "items.0.corroboration": told}, "V-GRADE") for told in (None, "", " ")),
    ({"items.0.intelligence": "3", "items.0.corroboration": "Two accounts"}, ""),
    ({"items.0.handling": "4"}, "V-CODE4"),
    ({"items.0.handling": "4", **{f"handling.{name}": value for name, value in CODE4.items()}}, ""),
    *(({"items.0.handling": "4", **{f"handling.{n}": v for n, v in {**CODE4, name: value}.items()}}, "V-CODE4") for name, value in (
        ("reasons", None), ("reasons", " "), ("internal_recipients", []), ("internal_recipients", None), ("review_by", None),
        ("review_by", ""), ("review_by", "2015-11-18"), ("review_by", "2015-11-18T12:00:00Z"),
    )),
    *(({"handling.internal_recipients": [office]}, "V-CODE4") for office in ("pio", "governor", "fib:03", "pio:LEI", "force:99", "pas")),
    *(({"handling.internal_recipients": [office]}, "") for office in ("force:01", "fib:01", "pio:WSI")),
    ({"handling.review_by": "2014-01-01"}, ""),
    ({"handling.review_by": "soon"}, "V-SCHEMA"),
    (FIVE, ""),
    ({**FIVE, "handling.conditions": " "}, "V-CODE5"),
    ({**FIVE, "addressees": []}, "V-CODE5"),
    ({**FIVE, "addressees": None}, "V-CODE5"),
    ({**FIVE, "items.0.addressees": []}, "V-CODE5"),
    ({**FIVE, "addressees": [], "items.0.addressees": ["pio"]}, ""),
    (MIXED, ""),
    ({**MIXED, "items.0.addressees": None}, "V-CODE5"),
    ({**FIVE, "items": [item(handling="5"), item(handling="5")]}, ""),
    *(({"items.0.handling": code}, "V-RISK") for code in "23"),
    ({"items.0.handling": "5"}, "V-CODE5 V-RISK"),
    *(({"items.0.handling": "2", "handling.risk_assessment": {**RISK, name: value}}, "V-RISK") for name, value in (
        ("summary", None), ("summary", " "), ("authorised_by", ""), ("authorised_at", None), ("authorised_at", "2015-11-18T12:00:00.001Z"),
    )),
    ({"items.0.handling": "2", "handling.risk_assessment": RISK}, ""),
    ({"handling.risk_assessment": {**RISK, "summary": None}}, ""),
    ({"handling.risk_assessment": {"summary": "S", "authorised_by": "X"}}, "V-SCHEMA"),
    *(({"items": [item(sanitises=link), item()]}, "V-SANITISES") for link in (0, 2, -1)),
    ({"items": [item(sanitises=1), item(sanitises=0)]}, "V-SANITISES"),
    ({"items": [item(sanitises=1), item(sanitises=2), item(sanitises=1)]}, "V-SANITISES"),
    ({"items": [item(sanitises=1), item(sanitises=2), item()]}, ""),
    ({"declarations.prison_intercept": PIN}, ""),
    *(({"declarations.prison_intercept": {**PIN, name: value}}, "G-PIN") for name, value in (
        ("authorisation", None), ("authorisation", " "), ("expires_at", None), ("expires_at", ""), ("expires_at", "2015-11-18"),
        ("expires_at", "2015-11-18T12:00:00Z"),
    )),
    ({"declarations.prison_intercept": {**PIN, "expires_at": "2015-11-18T12:00:00.001Z"}}, ""),
    *(({"declarations.prison_intercept": pin}, "V-SCHEMA") for pin in ({}, True, "PIN-7", {**PIN, "more": 1}, {"authorisation": "PIN-7"})),
    (
        {"originator": "force:99", "created_at": "2099-01-01T00:00:00Z", "handling.internal_recipients": ["pio"],
         "items": [item(source="Q", handling="5", sanitises=0)], "declarations.prison_intercept": {**PIN, "authorisation": None}},
        "V-ORIGINATOR V-URN V-CLOCK V-GRADE V-CODE4 V-CODE5 V-RISK V-SANITISES G-PIN",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), MUTATIONS)
def test_one_mutation_and_its_rules(changes: dict[str, object], expected: str) -> None:
    raw = sound()
    for path, value in changes.items():
        raw = change(raw, path, value)
    assert " ".join(rules(raw)) == expected


def test_every_rule_is_struck() -> None:
    struck = {rule for _, expected in MUTATIONS for rule in expected.split()}
    assert struck == {*BORDER, *VALIDATION} - {"V-URN-TAKEN"}


def test_whoever_declares_privilege_is_told_to_destroy_the_report() -> None:
    raw = sound()
    raw["declarations"]["privileged"] = True
    found = examine(raw, estate=ESTATE, now=NOW, rulebook=RULEBOOK)
    assert isinstance(found, Rejection)
    assert [finding.why for finding in found.findings] == [REFUSALS["G-PRIVILEGE"]]


def test_pas_sees_code_4_without_its_text_and_no_other() -> None:
    secret = change(change(sound(), "items.0.handling", "4"), "items.0.text", None)
    secret["handling"] |= CODE4
    assert rules(secret, closed=True) == ()
    assert rules(secret) == ("V-SCHEMA",)
    assert rules(change(sound(), "items.0.text", None), closed=True) == ("V-SCHEMA",)


@pytest.mark.parametrize("raw", [None, [], "text", 5, True, {}, [sound()]])
def test_what_is_no_report_at_all(raw: object) -> None:
    found = examine(raw, estate=ESTATE, now=NOW, rulebook=RULEBOOK)
    assert isinstance(found, Rejection)
    assert found.urn is None
    assert found.rules == (("G-MARKING",) if raw == {} else ("V-SCHEMA",))


LINES = {
    b"": "not JSON",
    b"{": "not JSON",
    b"\xff": "not UTF-8",
    b'{"urn": "\xc3"}': "not UTF-8",
    b'{"urn": "\\ud800"}': "not UTF-8",
    b'{"a": 1, "a": 2}': "twice",
    b'{"a": {"b": 1, "b": 1}}': "twice",
    b'{"a": NaN}': "no JSON",
    b'{"a": -Infinity}': "no JSON",
    b'{"a": ' + b"9" * 5000 + b"}": "too long",
    b"[" * 100_000: "too deeply",
    b'{"a": "' + b"x" * MAX_LINE_BYTES + b'"}': "bytes long",
}


@pytest.mark.parametrize("line", LINES, ids=[said.replace(" ", "-") + str(n) for n, said in enumerate(LINES.values())])
def test_a_line_that_cannot_be_read_is_told_in_a_sentence(line: bytes) -> None:
    with pytest.raises(ValueError, match=LINES[line]) as refused:
        parse_line(line)
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 120


def test_a_sound_line_is_read_as_it_is() -> None:
    assert parse_line(json.dumps(sound()).encode()) == sound()
    assert parse_line(json.dumps({"text": "café \u202e 😀"}).encode()) == {"text": "café \u202e 😀"}


# --- a complaint never says what stands in the report ------------------------------------------------------------------

CANARY = "canary7421"  # ten characters: as long as a date


def places(raw: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(raw, dict):
        return [above, *(place for name, value in raw.items() for place in places(value, (*above, name)))]
    if isinstance(raw, list):
        return [above, *(place for n, value in enumerate(raw) for place in places(value, (*above, n)))]
    return [above]


def full() -> Json:
    raw = sound()
    raw["handling"] |= {**CODE4, "conditions": "Ask.", "risk_assessment": dict(RISK)}
    raw["declarations"] |= {"prison_intercept": dict(PIN), "concerns_staff": ["WSI"]}
    raw["supersedes"] = {"urn": "01/1", "action": "CORRECT"}
    raw["items"][0] |= {"subjects": [0], "addressees": ["pio"]}
    return raw


@pytest.mark.parametrize("place", places(full())[1:], ids=lambda place: ".".join(map(str, place)))
@pytest.mark.parametrize("value", [CANARY, [CANARY], {CANARY: CANARY}, {"urn": CANARY, CANARY: 1}], ids=["text", "list", "key", "object"])
def test_no_complaint_quotes_the_report(place: tuple[str | int, ...], value: object) -> None:
    raw: Any = full()
    holder = raw
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    found = examine(raw, estate=ESTATE, now=NOW, rulebook=RULEBOOK)
    if isinstance(found, Rejection):
        assert CANARY not in " ".join(finding.why for finding in found.findings)
        assert CANARY not in repr(found.findings)
        assert all(finding.why.endswith(".") for finding in found.findings)
    else:
        assert isinstance(found, Report)
        assert CANARY not in repr(found) + str(found)
