"""Border and validation: may a report come in at all (domain, *Border and validation*); run by publisher and gateway alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from pas_schemas.directory import Estate
from pas_schemas.identifiers import MAX_URN, urn_code
from pas_schemas.models.complaints import complain, place_of
from pas_schemas.models.report import Item, Report
from pas_schemas.models.words import ROLES_ADDRESSED
from pas_schemas.rulebook import Rulebook
from pas_schemas.rules import REFUSALS

WRITERS = frozenset({"force", "fib", "pio", "pas", "lea", "security", "governor", "cat-a-team", "paso-unit"})
ANY_PRISON = "UNKNOWN"
# A line longer than this is refused before it is parsed: with its seals a report must fit one record of the log.
MAX_LINE_BYTES = 400_000
# No field holds a number of this length, and reading very long ones takes very long.
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that rejects a report, with its sentence, which may say where and never what stands there."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A report that may not come in: the rejecting rules in table order; `report` where it has the agreed shape at all."""

    urn: str | None
    originator: str | None
    findings: tuple[Finding, ...]
    report: Report | None = field(default=None, repr=False)

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(finding.rule for finding in self.findings)


@dataclass(frozen=True, slots=True)
class _Bench:
    """What the rules of this section are judged by."""

    estate: Estate
    now: datetime
    rulebook: Rulebook


def parse_line(line: bytes) -> object:
    """The JSON value of a line; Finding's sentence as ValueError where it is none (never quoting the line)."""
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"The line is {len(line):,} bytes long; a report may have {MAX_LINE_BYTES:,}.")
    try:
        value: object = json.loads(line.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=_no_constant, parse_int=_read_whole)
        if b"\\u" in line and b"\\ud" in line.lower():  # half of a surrogate pair is text that no record can hold
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise ValueError("The line is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"The line is not JSON: {error.msg} at column {error.colno}.") from None
    except RecursionError:
        raise ValueError("The line is nested too deeply to be a report.") from None
    return value


def examine(raw: object, *, estate: Estate, now: datetime, rulebook: Rulebook, closed: bool = False) -> Report | Rejection:
    """The report, or why it may not come in.

    `closed` is the gateway's view: the text of a code 4 item is closed to PAS and may be null.
    V-URN-TAKEN is not judged here: only PAS knows which URNs are taken.
    """
    border = _cross_border(raw, rulebook)
    if border:
        return _reject(raw, border)
    try:
        report = Report.model_validate(raw)
    except ValidationError as error:
        return _reject(raw, [Finding("V-SCHEMA", _say(error))])
    misshapen = _misshapen(report, estate, closed)
    if misshapen:
        return _reject(raw, [Finding("V-SCHEMA", misshapen)])
    bench = _Bench(estate, now, rulebook)
    found = [Finding(rule, REFUSALS[rule]) for rule, fires in _RULES if fires(report, bench)]
    return _reject(raw, found, report) if found else report


def identify(raw: object) -> tuple[str | None, str | None]:
    """The URN and originator a raw record names, where they can be told without content."""
    if not isinstance(raw, dict):
        return None, None
    urn, originator = raw.get("urn"), raw.get("originator")
    return (urn if isinstance(urn, str) else None), (originator if isinstance(originator, str) else None)


def _reject(raw: object, findings: list[Finding], report: Report | None = None) -> Rejection:
    urn, originator = identify(raw)
    return Rejection(urn, originator, tuple(findings), report)


def _cross_border(raw: object, rulebook: Rulebook) -> list[Finding]:
    """The three rules judged on the raw record, before its shape."""
    if not isinstance(raw, dict):
        return []
    marking, declared = raw.get("protective_marking"), raw.get("declarations")
    declared = declared if isinstance(declared, dict) else {}
    fired = {
        "G-MARKING": not (isinstance(marking, str) and marking in rulebook.markings.accepted),
        "G-WARRANT": declared.get("warranted_intercept", False) is not False,
        "G-PRIVILEGE": declared.get("privileged", False) is not False,
    }
    return [Finding(rule, REFUSALS[rule]) for rule, fires in fired.items() if fires]


def _say(error: ValidationError) -> str:
    """The first mistake of the shape as a sentence: where and what, never the value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    if first["type"] == "extra_forbidden":
        place = ".".join(str(part) for part in first["loc"][:-1]) or "the report"
        return f"Unknown field in {place}; a report has only the agreed fields."
    return f"{place_of(first, 'the record')}: {complain(first)}."


def _misshapen(report: Report, estate: Estate, closed: bool) -> str | None:
    """What the model cannot see alone: indices, staff prisons, texts that are closed to PAS; and what older reports it reads may hold."""
    if len(report.urn) > MAX_URN:
        return f"urn: longer than {MAX_URN} characters."
    if report.supersedes is not None and len(report.supersedes.urn) > MAX_URN:
        return f"supersedes.urn: longer than {MAX_URN} characters."
    for index, item in enumerate(report.items):
        if item.text is None and not (closed and item.handling == "4"):
            return f"items.{index}.text: must not be null."
        if any(not 0 <= subject < len(report.subjects) for subject in item.subjects or ()):
            return f"items.{index}.subjects: an index is out of range."
    if any(prison != ANY_PRISON and prison not in estate.prisons for prison in report.declarations.concerns_staff):
        return "declarations.concerns_staff: a prison that is none."
    return None


def _bad_originator(report: Report, bench: _Bench) -> bool:
    office = bench.estate.get(report.originator)
    return office is None or not office.active or office.kind not in WRITERS


def _bad_urn(report: Report, bench: _Bench) -> bool:
    return report.urn.split("/", 1)[0] != urn_code(report.originator)


def _from_the_future(report: Report, bench: _Bench) -> bool:
    return report.created_at - bench.now > bench.rulebook.clock_skew


def _bad_grade(report: Report, bench: _Bench) -> bool:
    grading = bench.rulebook.grading
    return any(
        not (item.source and item.intelligence and item.handling)
        or item.source + item.intelligence in grading.contradictory
        or (item.intelligence in grading.corroborated and item.corroboration is None)
        for item in report.items
    )


def _bad_code4(report: Report, bench: _Bench) -> bool:
    handling, own = report.handling, bench.estate.own(report.originator)
    if any(recipient in ROLES_ADDRESSED or recipient not in own for recipient in handling.internal_recipients):
        return True
    if not any(item.handling == "4" for item in report.items):
        return False
    ends = handling.review_ends
    return handling.reasons is None or not handling.internal_recipients or ends is None or ends <= bench.now


def _bad_code5(report: Report, bench: _Bench) -> bool:
    closed = [item for item in report.items if item.handling == "5"]
    mixed = any(item.handling not in ("5", "") for item in report.items)
    return any(report.handling.conditions is None or not report.addressees_of(item) or (mixed and not item.addressees) for item in closed)


def _bad_risk(report: Report, bench: _Bench) -> bool:
    if not any(item.handling in bench.rulebook.grading.risk_assessed for item in report.items):
        return False
    risk = report.handling.risk_assessment
    return risk is None or not risk.is_complete(bench.now)


def _bad_links(report: Report, bench: _Bench) -> bool:
    return any(_loops(report.items, start) for start in range(len(report.items)))


def _loops(items: tuple[Item, ...], start: int) -> bool:
    seen, at = {start}, items[start].sanitises
    while at is not None:
        if not 0 <= at < len(items) or at in seen:
            return True
        seen.add(at)
        at = items[at].sanitises
    return False


def bad_pin(report: Report, now: datetime) -> bool:
    """G-PIN: a prison intercept without a reference, or whose authorisation is not live (the instant of expiry is expired)."""
    pin = report.declarations.prison_intercept
    return pin is not None and (pin.authorisation is None or pin.ends is None or pin.ends <= now)


_RULES: tuple[tuple[str, Callable[[Report, _Bench], bool]], ...] = (
    ("V-ORIGINATOR", _bad_originator),
    ("V-URN", _bad_urn),
    ("V-CLOCK", _from_the_future),
    ("V-GRADE", _bad_grade),
    ("V-CODE4", _bad_code4),
    ("V-CODE5", _bad_code5),
    ("V-RISK", _bad_risk),
    ("V-SANITISES", _bad_links),
    ("G-PIN", lambda report, bench: bad_pin(report, bench.now)),
)


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("A field stands twice in the record.")
    return found


def _read_whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError("A number in the record is too long.")
    return int(digits)


def _no_constant(word: str) -> object:
    raise ValueError("NaN and Infinity are no JSON.")
