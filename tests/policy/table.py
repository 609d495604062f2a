"""Builds reports from the rows of the decision table and looks up what a row expects; shared by every judge of the table."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]

NOW = "2015-11-18T12:00:00Z"
TABLE = Path(__file__).with_name("table.csv")
PLAIN = "The subject is believed to have the use of a mobile telephone on the wing."
PEOPLE = [("A1234BC", "2000/0000223R"), ("A2345CD", "1981/0000034U"), ("A3456DE", None)]
RISK = {"summary": "Necessary and proportionate.", "authorised_by": "D-INSP-01", "authorised_at": "2015-11-16T10:00:00Z"}


def read_table() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_flags(row: dict[str, str]) -> dict[str, str]:
    """`a; b=c; set:path=json` as a mapping."""
    pairs = (flag.strip().partition("=") for flag in row["flags"].split(";") if flag.strip())
    return {name: value for name, _, value in pairs}


def movement(
    noms: str, event: str, at: str, prison: str | None = None, category: str | None = None, alerts: list[str] | None = None
) -> Row:
    return {"noms_number": noms, "event": event, "prison": prison, "at": at, "category": category, "alerts": alerts}


def movements_from_row(row: dict[str, str]) -> list[Row]:
    """Where the people of a row are, and how they came there."""
    flags, noms = read_flags(row), PEOPLE[0][0]
    prison = {"": "WSI", "nobody": None, "nowhere": None}.get(row["subject_prison"], row["subject_prison"])
    category = {"": "C", "none": None}.get(row["subject_category"], row["subject_category"])
    alerts = None if "alerts-unstated" in flags else [flags["alert"]] if "alert" in flags else []
    stated = flags.get("stated", "2015-01-05T16:00:00Z")
    first = flags.get("moved-from", prison)
    rows = [movement(noms, "RECEIVED" if first else "STATUS", stated, first, category, alerts)]
    if "moved-from" in flags:
        rows.append(movement(noms, "RECEIVED", "2015-11-18T08:00:00Z", prison))
    if "then" in flags:
        rows.append(movement(noms, flags["then"], "2015-11-18T09:00:00Z"))
    if "restated" in flags:
        rows.append(movement(noms, "STATUS", "2015-11-18T10:00:00Z", None, flags["restated"]))
    if "merged-with" in flags:  # PRISON/CATEGORY of the number that was removed
        place, _, other = flags["merged-with"].partition("/")
        told_first = "merged-told-first" in flags
        rows.insert(0 if told_first else len(rows), movement("A9999ZZ", "RECEIVED", "2015-02-01T16:00:00Z", place, other, []))
        rows.append({**movement(noms, "MERGED", "2015-11-01T09:00:00Z"), "removed_noms_number": "A9999ZZ"})
    for name, number in (("second", PEOPLE[1][0]), ("associate", PEOPLE[2][0])):
        if name in flags:  # PRISON/CATEGORY/ALERT/time stated
            place, other, alert, when = [*flags[name].split("/"), "", "", ""][:4]
            rows.append(movement(number, "RECEIVED", when or "2015-01-05T16:00:00Z", place, other or "C", [alert] if alert else []))
    return rows


def report_from_row(row: dict[str, str]) -> Row:
    """The report of a row, as a person writes it."""
    flags, originator = read_flags(row), row["originator"] or "force:01"
    codes = (row["item_code"] or "1").split()
    addressees = row["addressees"].split()
    items = [item_of(number, code, len(set(codes)) > 1, addressees, flags) for number, code in enumerate(codes)]
    declared = {
        "visor_derived": "visor" in flags,
        "visor_permission": flags.get("visor") or None,
        "privileged": False,
        "warranted_intercept": False,
        "prison_intercept": None,
        "concerns_staff": flags["staff"].split(",") if "staff" in flags else [],
        "protected_assisting_offender": "paso" in flags,
        "terrorism": "terrorism" in flags,
        "do_not_share_with_offender": True,
    }
    report = {
        "urn": f"{(originator.partition(':')[2] or originator).upper()}/IR/2015/000001",
        "originator": originator,
        "created_at": "2015-11-17T10:00:00Z",
        "protective_marking": "CONFIDENTIAL" if "confidential" in flags else "RESTRICTED",
        "priority": row["priority"] or "ROUTINE",
        "purpose": "PRISON_SECURITY",
        "legal_basis": "POLICING_PURPOSE",
        "operation": None,
        "subjects": subjects_of(row, flags),
        "items": items,
        "handling": handling_of(set(codes), originator, flags),
        "declarations": declared,
        "risk_tags": row["tags"].split(),
        "addressees": addressees,
        "mopi": {"group": 2, "review_by": "2016-11-13"},
        "gist": None,
        "supersedes": None,
    }
    for name, value in flags.items():
        change(report, name, value)
    return report


def item_of(number: int, code: str, mixed: bool, addressees: list[str], flags: dict[str, str]) -> Row:
    links = dict(link.split(">") for link in flags.get("sanitises", "").split(",") if link)
    own = dict(entry.split(":", 1) for entry in flags.get("item-addressees", "").split("|") if entry)
    concerned = dict(entry.split(":") for entry in flags.get("item-subjects", "").split("|") if entry)
    name = str(number)
    item: Row = {"text": PLAIN, "source": "B", "intelligence": "2", "handling": code, "source_reference": "ISR-1"}
    item |= dict.fromkeys(("corroboration", "sanitises", "subjects", "addressees"))
    if number == 0 and "text" in flags:
        item["text"] = flags["text"]
    if name in links:
        item["sanitises"] = int(links[name])
    if name in concerned:
        item["subjects"] = [int(index) for index in concerned[name].split(",") if index]
    if name in own or (mixed and code == "5"):
        item["addressees"] = own[name].split() if name in own else list(addressees)
    return item


def subjects_of(row: dict[str, str], flags: dict[str, str]) -> list[Row]:
    def person(role: str, noms: str | None, pnc: str | None) -> Row:
        return {
            "role": role,
            "standing": "SUSPECT",
            "noms_number": noms,
            "pnc_id": pnc,
            "family_name": "Ash",
            "given_names": "Rowan",
            "date_of_birth": "1988-02-03",
        }

    first = person("SUBJECT", *PEOPLE[0])
    first["noms_number"] = {"none": None, "malformed": "a1234bc", "stranger": "Z9876YX", "removed": "A9999ZZ"}.get(
        flags.get("noms", ""), PEOPLE[0][0]
    )
    first["pnc_id"] = {"none": None, "wrong": "2000/0000223S", "malformed": "223R"}.get(flags.get("pnc", ""), PEOPLE[0][1])
    people = [] if row["subject_prison"] == "nobody" else [first]
    people += [person("SUBJECT", *PEOPLE[1])] if "second" in flags else []
    return people + ([person("ASSOCIATE", *PEOPLE[2])] if "associate" in flags else [])


def handling_of(codes: set[str], originator: str, flags: dict[str, str]) -> Row:
    internal = flags["internal"].split(",") if "internal" in flags else [originator] if "4" in codes else []
    return {
        "conditions": "Ask the originator first." if "5" in codes else None,
        "reasons": "Live operation" if "4" in codes else None,
        "internal_recipients": internal,
        "review_by": "2015-12-12" if "4" in codes else None,
        "risk_assessment": dict(RISK) if codes & {"2", "3", "5"} else None,
    }


def change(report: Row, name: str, value: str) -> None:
    """`set:items.0.text=""` and `drop:mopi`: one field changed or taken away."""
    verb, _, path = name.partition(":")
    if verb not in ("set", "drop"):
        return
    *steps, last = path.split(".")
    holder: Any = report
    for step in steps:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    key: Any = int(last) if isinstance(holder, list) else last
    if verb == "drop":
        del holder[key]
    else:
        holder[key] = json.loads(value)


def lines_from_row(row: dict[str, str]) -> list[Row]:
    """The lines to judge, one after another; the row speaks of the last."""
    flags, report = read_flags(row), report_from_row(row)
    lines = [report]
    if "repeat" in flags:
        lines = [report, report]
    if "taken" in flags:
        lines = [{**report, "gist": "Another content."}, report]
    for number, entry in enumerate(flags.get("earlier", "").split("|")):  # TAG TAG@created_at
        if entry:
            tags, _, written = entry.partition("@")
            earlier = {**report, "risk_tags": tags.split(), "created_at": written, "urn": f"{report['urn']}-{number}"}
            lines.insert(-1, earlier)
    return lines


def said(row: dict[str, str], answer: Row) -> tuple[str, str, str]:
    """What an answer says where the row looks: (verdict, rule, obligations), in the row's own words."""
    verdict, rule, office = row["verdict"], row["rule"], row["office"]
    if verdict in ("reject", "gate"):
        effects = {gate["gate"]: gate["effect"] for gate in answer["gates"]}
        told = (verdict, "+".join(effects)) if set(effects.values()) <= {"reject"} or verdict == "gate" else ("decided", "+".join(effects))
        return (*told, " ".join(sorted(set(effects.values()))) if verdict == "gate" else "")
    if verdict == "status":
        return (verdict, answer["status"], "")
    if verdict in ("case", "no-case"):
        reasons = {case["owner"]: case["reasons"] for case in answer["cases"]}
        there = rule in reasons.get(office, []) if rule else office in reasons
        return ("case" if there else "no-case", rule, "")
    outcome = next((outcome for outcome in answer["outcomes"] if outcome["office"] == office), None)
    item = next((i for i in outcome["items"] if i["item"] == int(row["item"] or 0)), None) if outcome else None
    if outcome is None or item is None:
        return ("none", "", "")
    return (item["verdict"], item["rule"], " ".join(outcome["obligations"]) if verdict == "release" else "")


def expected(row: dict[str, str]) -> tuple[str, str, str]:
    return (row["verdict"], row["rule"], row["obligations"])
