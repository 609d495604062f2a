"""Ways to spoil a report: for each rule that rejects, mutations that should strike it, and murky ones where the text has two readings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from policy.reports_people import write_time

Row = dict[str, Any]
Fault = Callable[[Random, Row, datetime], str | None]


def put(path: str, *values: Any) -> Fault:
    """Set the field at a dotted path (`items` and `subjects` take one at random) to one of the values."""

    def fault(rng: Random, report: Row, now: datetime) -> None:
        holder, last = reach(rng, report, path)
        if holder is not None:
            holder[last] = rng.choice(values)

    return fault


def drop(path: str) -> Fault:
    def fault(rng: Random, report: Row, now: datetime) -> None:
        holder, last = reach(rng, report, path)
        if holder is not None:
            holder.pop(last, None)

    return fault


def reach(rng: Random, report: Row, path: str) -> tuple[Row | None, str]:
    *steps, last = path.split(".")
    holder: Any = report
    for step in steps:
        holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, list):
            holder = rng.choice(holder) if holder else None
    return (holder if isinstance(holder, dict) else None), last


def line(*texts: str) -> Fault:
    return lambda rng, report, now: rng.choice(texts)


def ahead(path: str, *seconds: float) -> Fault:
    return lambda rng, report, now: put(path, write_time(now + timedelta(seconds=rng.choice(seconds))))(rng, report, now)


def grade(source: Any, intelligence: Any, handling: Any) -> Fault:
    def fault(rng: Random, report: Row, now: datetime) -> None:
        item = rng.choice(report["items"]) if isinstance(report.get("items"), list) and report["items"] else {}
        if isinstance(item, dict):
            item |= {name: value for name, value in (("source", source), ("intelligence", intelligence), ("handling", handling)) if value}

    return fault


def coded(code: str, *then: Fault) -> Fault:
    """Make every item of this code, with its handling complete, then spoil it."""

    def fault(rng: Random, report: Row, now: datetime) -> None:
        for item in report["items"] if isinstance(report.get("items"), list) else []:
            item |= {"handling": code, "addressees": None}
        report["addressees"] = ["security", "pio"]
        report["handling"] = {
            "conditions": "Ask first",
            "reasons": "Live operation",
            "internal_recipients": [report.get("originator")],
            "review_by": "2099-01-01",
            "risk_assessment": {"summary": "Needed.", "authorised_by": "D-INSP-01", "authorised_at": "2014-01-01T00:00:00Z"},
        }
        for spoil in then:
            spoil(rng, report, now)

    return fault


def linked(*links: int | None) -> Fault:
    def fault(rng: Random, report: Row, now: datetime) -> None:
        if not isinstance(report.get("items"), list) or not report["items"]:
            return
        while len(report["items"]) < len(links):
            report["items"].append(dict(report["items"][0]))
        for item, target in zip(report["items"], links, strict=False):
            item["sanitises"] = target

    return fault


def mixed_five(rng: Random, report: Row, now: datetime) -> None:
    coded("5")(rng, report, now)
    if isinstance(report.get("items"), list) and report["items"]:
        report["items"].append({**report["items"][0], "handling": rng.choice("124"), "addressees": rng.choice([None, ["pio"]])})


def too_many_items(rng: Random, report: Row, now: datetime) -> None:
    if isinstance(report.get("items"), list) and report["items"]:
        report["items"] = [dict(report["items"][0], sanitises=None) for _ in range(33)]


def renamed_first_part(rng: Random, report: Row, now: datetime) -> None:
    first, _, rest = str(report.get("urn")).partition("/")
    report["urn"] = rng.choice(["99", first.lower() + "x", "", f" {first}", "cat-a-team", f"{first}-{first}"]) + "/" + rest


PIN_ENDS = ("2015-11-18", "2014-01-01T00:00:00Z", "2015-11-18T12:00:00Z")
RISKLESS = (
    None,
    {"summary": None, "authorised_by": "X", "authorised_at": "2014-01-01T00:00:00Z"},
    {"summary": " ", "authorised_by": "X", "authorised_at": "2014-01-01T00:00:00Z"},
    {"summary": "S", "authorised_by": "", "authorised_at": "2014-01-01T00:00:00Z"},
    {"summary": "S", "authorised_by": "X", "authorised_at": None},
)
SCHEMA = [
    line("{", "not json", "[]", "null", '"text"', "42", "[1, 2]", '{"urn": "01/1",}'),
    *(
        drop(name)
        for name in (
            "urn",
            "originator",
            "created_at",
            "priority",
            "purpose",
            "legal_basis",
            "subjects",
            "items",
            "handling",
            "declarations",
            "risk_tags",
            "addressees",
            "mopi",
        )
    ),
    *(drop(f"handling.{name}") for name in ("conditions", "reasons", "internal_recipients", "review_by", "risk_assessment")),
    *(
        drop(f"declarations.{name}")
        for name in (
            "visor_derived",
            "visor_permission",
            "privileged",
            "warranted_intercept",
            "prison_intercept",
            "concerns_staff",
            "protected_assisting_offender",
            "terrorism",
            "do_not_share_with_offender",
        )
    ),
    *(drop(f"subjects.{name}") for name in ("role", "standing", "noms_number", "pnc_id", "date_of_birth")),
    drop("items.text"),
    drop("items.source_reference"),
    drop("mopi.group"),
    drop("mopi.review_by"),
    *(
        put(f"declarations.{name}", None, 1, 0, "false", "true")
        for name in ("visor_derived", "protected_assisting_offender", "terrorism", "do_not_share_with_offender")
    ),
    put("declarations.concerns_staff", ["ZZZ"], "WSI", [1], ["WSI", "nowhere"], ["wsi"]),
    put("declarations.visor_permission", 5, ["VP"]),
    put("declarations.prison_intercept", True, "PIN-1", [], {"authorisation": "P", "expires_at": "2099-01-01", "more": 1}),
    put("items.text", "", " \n ", None, 7),
    put("items", [], None, {}),
    too_many_items,
    put("items.subjects", [9], [-1], ["0"], [True], 0),
    put("items.addressees", "pio", [1]),
    put("items.sanitises", "0", True, [0]),
    put("items.more", 1),
    put("more", None),
    put("handling.more", ""),
    put("subjects.role", "Subject", "VICTIM", None),
    put("subjects.standing", "GUILTY", None),
    put("subjects.noms_number", 5, ["A1234BC"]),
    put("subjects.date_of_birth", "1988-13-40", "3 February", 1988),
    put("subjects", None, {}, ["A1234BC"]),
    put("subjects.age", 30),
    put("priority", "HIGH", "routine", None),
    put("purpose", "CURIOSITY", None),
    put("legal_basis", "NONE", ""),
    put("risk_tags", ["ESCAPES"], ["escape"], None, "ESCAPE"),
    put("addressees", "pio", {}, [None]),
    put("mopi", None, 1),
    put("mopi.group", "1", None),
    put("mopi.review_by", None, "soon", ""),
    put("created_at", "yesterday", None, 20151118, "2015-02-30T00:00:00Z", ""),
    put("urn", None, 5),
    put("originator", None, 1, []),
    put("handling", None, []),
    put("handling.internal_recipients", "fib:01", [1]),
    put("operation", 5, []),
    put("handling.review_by", "soon", 20151212, "2015-13-01"),
    put("handling.conditions", 5, []),
    put("handling.reasons", False, {}),
    put(
        "handling.risk_assessment",
        "done",
        {"summary": "S", "authorised_by": "X"},
        {"summary": "S", "authorised_by": "X", "authorised_at": "then"},
    ),
    put("gist", 5),
    put("supersedes", "01/1", {"urn": "01/1"}, {"urn": "01/1", "action": "DELETE"}),
    put("declarations", None, []),
    put("declarations.more", False),
    put("mopi.more", 1),
    put("items.corroboration", 3, ["x"]),
    put("items.source_reference", None, 5),
]
FAULTS: dict[str, list[Fault]] = {
    "G-MARKING": [
        drop("protective_marking"),
        put(
            "protective_marking",
            "SECRET",
            "TOP SECRET",
            "Restricted",
            "RESTRICTED/SECRET",
            "OFFICIAL SENSITIVE",
            " RESTRICTED",
            "UNCLASSIFIED",
            "",
            None,
            3,
            ["RESTRICTED"],
            "OFFICIAL-SENSITIVE: PERSONAL",
        ),
    ],
    "G-WARRANT": [put("declarations.warranted_intercept", True, None, 0, "false", "no", "", [], {})],
    "G-PRIVILEGE": [put("declarations.privileged", True, None, 0, "false", 1, "", [])],
    "V-SCHEMA": SCHEMA,
    "V-ORIGINATOR": [
        put(
            "originator",
            "force:99",
            "escort:gfs",
            "probation:london",
            "inspector:hmip",
            "feed:nomis",
            "security:ZZZ",
            "force:53",
            "pio:LPI",
            "lea:67",
            "governor:EXI",
            "pio:HVI",
            "nobody",
            "force",
        )
    ],
    "V-URN": [renamed_first_part, put("urn", "/", "IR/2015/1", "wsi/IR/1", "FORCE:01/IR/1")],
    "V-CLOCK": [ahead("created_at", 901, 3600, 864000)],
    "V-GRADE": [
        grade("E", "1", None),
        *(drop(f"items.{name}") for name in ("source", "intelligence", "handling")),
        put("items.source", "F", "a", "", None, 1, "AB", ["A"], "E "),
        put("items.intelligence", "0", "6", 2, None, "", {}, "22"),
        put("items.handling", "6", "0", 1, None, "", "P", "45", [4]),
        grade("B", "3", None),
        lambda r, p, n: (grade("B", "3", None)(r, p, n), put("items.corroboration", None, " ")(r, p, n))[1],
    ],
    "V-CODE4": [
        coded("4", put("handling.reasons", None, "", " ")),
        coded("4", put("handling.internal_recipients", [])),
        coded("4", put("handling.review_by", None, "", "2015-11-18", "2015-11-18T12:00:00Z", "2014-01-01")),
        put("handling.internal_recipients", ["pio"], ["security"], ["force:99"], ["governor"], ["paso-unit", "pas"], ["fib:01", "fib:03"]),
        coded("4", put("handling.internal_recipients", ["pio:LEI", "pio:WSI"], ["security:WSI", "security:LEI"])),
    ],
    "V-CODE5": [
        coded("5", put("handling.conditions", None, "", "  ")),
        coded("5", put("addressees", [])),
        coded("5", put("items.addressees", [])),
        mixed_five,
    ],
    "V-RISK": [coded(code, put("handling.risk_assessment", *RISKLESS)) for code in "235"]
    + [coded("2", ahead("handling.risk_assessment.authorised_at", 1, 60, 86400))],
    "V-SANITISES": [
        linked(0),
        linked(1, 0),
        linked(7),
        linked(-1),
        linked(None, 2, 1),
        linked(1, 2, 0),
        linked(1, 2, 1),
        linked(None, 0, 3),
    ],
    "G-PIN": [
        put(
            "declarations.prison_intercept",
            *({"authorisation": "PIN-7", "expires_at": end} for end in PIN_ENDS),
            *({"authorisation": name, "expires_at": "2099-01-01"} for name in (None, "", " ")),
        )
    ],
    "sound after all": [
        put("supersedes", {"urn": "01/IR/2015/000001", "action": "CORRECT"}),
        put("gist", "A gist."),
        put("operation", "ASH"),
        put("handling.review_by", "2014-01-01"),
        coded("3"),
        coded("5"),
        coded("4"),
        linked(None, 0, 1),
    ],
}

# Reports on which README.md records a choice; its numbers stand beside them.
MURKY: list[Fault] = [
    line("{}", " ", '{"urn": "01/1", "urn": "01/2"}', '{"protective_marking": NaN}'),  # 5, 6
    put("handling.internal_recipients", None),
    put("addressees", None),  # 9
    coded("5", put("addressees", None)),
    coded("4", put("handling.internal_recipients", None)),  # 9
    put("urn", "", "/2015/1"),
    put("originator", ""),  # 8
    put(
        "declarations.prison_intercept",
        {},
        {"authorisation": "P", "expires_at": None},
        {"authorisation": "P"},
        {"authorisation": "P", "expires_at": "soon"},
    ),  # 11, 12
    put("handling.risk_assessment", {}, {"summary": " ", "authorised_by": None, "authorised_at": ""}),  # 12, 13
    put("items.source_reference", "", " "),
    put("gist", ""),
    put("operation", " "),  # 14
    put("subjects.date_of_birth", None),
    put("subjects.family_name", None, ""),  # 15
    put("declarations.concerns_staff", None, ["UNKNOWN", "WSI"], ["WSI", "WSI"]),  # 18, 19
    put("mopi.group", 0, 5, 1.0, True),
    put("mopi.review_by", "2014-01-01", "2016-01-01T00:00:00Z"),  # 20
    put("created_at", "2015-11-01T10:00:00+00:00", "2015-11-01T10:00:00.5Z", "2015-11-01", "2015-11-01T10:00:00"),  # 21
    put("handling.review_by", "2015-12-12T00:00:00+01:00"),
    put("handling.risk_assessment", {"summary": "S", "authorised_by": "X", "authorised_at": "2015-01-01"}),  # 21
    put("items.addressees", ["PIO"], ["fib"], [""], ["pio", "nobody"], ["Security:WSI"]),  # 22
    put("handling.internal_recipients", [""], ["fib:01", " "]),  # 22
    put("supersedes", {"urn": "", "action": "CORRECT"}, {"urn": "99/1", "action": "WITHDRAW"}),  # 24
    put("urn", "01", "WSI"),
    put("subjects.noms_number", "", " "),
    put("subjects.pnc_id", "", " "),  # 29, 34
]
