"""Border and validation as the oracle reads them: which named rules refuse a report, one function for each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from policy.oracle_facts import Estate, Row, prison_codes, read_date, read_end, read_time

MARKINGS = {"NOT PROTECTIVELY MARKED", "PROTECT", "RESTRICTED", "CONFIDENTIAL", "OFFICIAL", "OFFICIAL-SENSITIVE"}
ROLES = {"pio", "security", "governor"}
TAGS = {
    "ESCAPE",
    "FIREARMS",
    "THREAT_TO_LIFE",
    "SELF_HARM",
    "VIOLENCE",
    "MOBILE_PHONE",
    "DRUGS",
    "OCG",
    "EXTREMISM",
    "DISORDER",
    "CORRUPTION",
    "HEALTH",
    "HARASSMENT",
    "ABSCOND",
}
ORIGINATORS = {"force", "fib", "pio", "pas", "lea", "security", "governor", "cat-a-team", "paso-unit"}

Check = Callable[[Any], bool]


# --- the raw record --------------------------------------------------------------------------------------------------


def refused_at_the_border(raw: Row) -> list[str]:
    marking = raw.get("protective_marking")
    fired = [] if isinstance(marking, str) and marking in MARKINGS else ["G-MARKING"]
    declared = raw.get("declarations")
    if isinstance(declared, dict):
        for gate, flag in (("G-WARRANT", "warranted_intercept"), ("G-PRIVILEGE", "privileged")):
            if flag in declared and declared[flag] is not False:
                fired.append(gate)
    return fired


# --- V-SCHEMA --------------------------------------------------------------------------------------------------------


def anything(value: Any) -> bool:
    return True


def text(value: Any) -> bool:
    return isinstance(value, str)


def filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def word(*allowed: str) -> Check:
    return lambda value: isinstance(value, str) and value in allowed


def maybe(check: Check) -> Check:
    return lambda value: value is None or check(value)


def unless_blank(check: Check) -> Check:
    return lambda value: blank(value) or check(value)


def many(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(entry) for entry in value)


def record(fields: dict[str, Check]) -> Check:
    """An object with these fields; a name that ends in `?` may be absent."""
    known = {name.rstrip("?"): check for name, check in fields.items()}
    needed = {name for name in fields if not name.endswith("?")}

    def fits(value: Any) -> bool:
        return isinstance(value, dict) and needed <= value.keys() <= known.keys() and all(known[k](v) for k, v in value.items())

    return fits


SUBJECT = record(
    {
        "role": word("SUBJECT", "ASSOCIATE"),
        "standing": word("SUSPECT", "CONVICTED", "VICTIM", "WITNESS", "OTHER"),
        "noms_number": maybe(text),
        "pnc_id": maybe(text),
        "family_name?": maybe(text),
        "given_names?": maybe(text),
        "date_of_birth": maybe(lambda value: read_date(value) is not None),
    }
)
ITEM = record(
    {
        "text": filled,
        "source?": anything,
        "intelligence?": anything,
        "handling?": anything,
        "source_reference": text,
        "corroboration?": maybe(text),
        "sanitises?": maybe(whole),
        "subjects?": maybe(many(whole)),
        "addressees?": maybe(many(filled)),
    }
)
HANDLING = record(
    {
        "conditions": maybe(text),
        "reasons": maybe(text),
        "internal_recipients": maybe(many(text)),
        "review_by": unless_blank(lambda value: read_end(value) is not None),
        "risk_assessment": maybe(
            record(
                {
                    "summary": maybe(text),
                    "authorised_by": maybe(text),
                    "authorised_at": unless_blank(lambda value: read_time(value) is not None),
                }
            )
        ),
    }
)
DECLARATIONS = record(
    {
        "visor_derived": flag,
        "visor_permission": maybe(text),
        "privileged": flag,
        "warranted_intercept": flag,
        "prison_intercept": maybe(
            record(
                {
                    "authorisation": maybe(text),
                    "expires_at": unless_blank(lambda value: read_end(value) is not None),
                }
            )
        ),
        "concerns_staff": many(lambda value: text(value) and (value == "UNKNOWN" or value in prison_codes())),
        "protected_assisting_offender": flag,
        "terrorism": flag,
        "do_not_share_with_offender": flag,
    }
)
REPORT = record(
    {
        "urn": text,
        "originator": text,
        "created_at": lambda value: read_time(value) is not None,
        "protective_marking": text,
        "priority": word("ROUTINE", "URGENT", "THREAT_TO_LIFE"),
        "purpose": word("PREVENTION_OF_CRIME", "PUBLIC_SAFETY", "PRISON_SECURITY"),
        "legal_basis": word("POLICING_PURPOSE", "OMA_2007_S14", "OTHER"),
        "operation?": maybe(text),
        "subjects": many(SUBJECT),
        "items": lambda value: many(ITEM)(value) and 1 <= len(value) <= 32,
        "handling": HANDLING,
        "declarations": DECLARATIONS,
        "risk_tags": many(word(*TAGS)),
        "addressees": maybe(many(filled)),
        "mopi": record({"group": lambda value: whole(value) and 1 <= value <= 4, "review_by": lambda value: read_end(value) is not None}),
        "gist?": maybe(text),
        "supersedes?": maybe(record({"urn": filled, "action": word("CORRECT", "WITHDRAW")})),
    }
)


def shape_fits(raw: Row) -> bool:
    if not REPORT(raw):
        return False
    return all(0 <= index < len(raw["subjects"]) for item in raw["items"] for index in item.get("subjects") or [])


# --- the rows below V-SCHEMA -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Submission:
    """A well-shaped report, and all that its validation may look at."""

    raw: Row
    now: datetime
    estate: Estate
    rules: Row
    accepted: Row | None  # the accepted report of this URN, if there is one

    @property
    def items(self) -> list[Row]:
        return list(self.raw["items"])

    def with_codes(self, codes: str) -> list[Row]:
        return [item for item in self.items if is_code(item.get("handling"), codes)]

    def addressees(self, item: Row) -> list[str]:
        own = item.get("addressees")
        return list(own if own is not None else self.raw["addressees"] or [])


def is_code(value: Any, codes: str) -> bool:
    return isinstance(value, str) and len(value) == 1 and value in codes


def v_originator(s: Submission) -> bool:
    office = s.raw["originator"]
    return not s.estate.active(office) or s.estate.kind(office) not in ORIGINATORS


def v_urn(s: Submission) -> bool:
    office = s.raw["originator"]
    code = office.partition(":")[2] if ":" in office else office
    return bool(s.raw["urn"].split("/")[0] != code.upper())


def v_urn_taken(s: Submission) -> bool:
    return s.accepted is not None and s.accepted != s.raw


def v_clock(s: Submission) -> bool:
    written = read_time(s.raw["created_at"])
    return written is None or written > s.now + timedelta(minutes=s.rules["clock_skew_minutes"])


def v_grade(s: Submission) -> bool:
    for item in s.items:
        source, intelligence = item.get("source"), item.get("intelligence")
        if not (is_code(source, "ABCDE") and is_code(intelligence, "12345") and is_code(item.get("handling"), "12345")):
            return True
        if (source == "E" and intelligence == "1") or (intelligence == "3" and blank(item.get("corroboration"))):
            return True
    return False


def v_code4(s: Submission) -> bool:
    handling = s.raw["handling"]
    internal = handling["internal_recipients"] or []
    if any(office in ROLES or office not in s.estate.own_offices(s.raw["originator"]) for office in internal):
        return True
    review = read_end(handling["review_by"])
    complete = not blank(handling["reasons"]) and bool(internal) and review is not None and review > s.now
    return bool(s.with_codes("4")) and not complete


def v_code5(s: Submission) -> bool:
    fives = s.with_codes("5")
    mixed = bool(s.with_codes("1234"))
    for item in fives:
        if blank(s.raw["handling"]["conditions"]) or not s.addressees(item) or (mixed and item.get("addressees") is None):
            return True
    return False


def v_risk(s: Submission) -> bool:
    risk = s.raw["handling"]["risk_assessment"] or {}
    when = read_time(risk.get("authorised_at"))
    complete = not blank(risk.get("summary")) and not blank(risk.get("authorised_by")) and when is not None and when <= s.now
    return bool(s.with_codes("235")) and not complete


def v_sanitises(s: Submission) -> bool:
    links = {index: item["sanitises"] for index, item in enumerate(s.items) if item.get("sanitises") is not None}
    for start in links:
        at, steps = start, 0
        while at in links and steps <= len(links):
            at, steps = links[at], steps + 1
        if at in links or not 0 <= at < len(s.items):
            return True
    return False


def g_pin(s: Submission) -> bool:
    pin = s.raw["declarations"]["prison_intercept"]
    if pin is None:
        return False
    expires = read_end(pin["expires_at"])
    return blank(pin["authorisation"]) or expires is None or expires <= s.now


ROWS: tuple[tuple[str, Callable[[Submission], bool]], ...] = (
    ("V-ORIGINATOR", v_originator),
    ("V-URN", v_urn),
    ("V-URN-TAKEN", v_urn_taken),
    ("V-CLOCK", v_clock),
    ("V-GRADE", v_grade),
    ("V-CODE4", v_code4),
    ("V-CODE5", v_code5),
    ("V-RISK", v_risk),
    ("V-SANITISES", v_sanitises),
    ("G-PIN", g_pin),
)


def refused_by_validation(s: Submission) -> list[str]:
    return [name for name, rejects in ROWS if rejects(s)]
