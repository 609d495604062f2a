"""A word of its own in every field of a report, of every fate a report can have; and where such words are looked for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.desk import Desk
from producers.samples import make_declarations, make_handling, make_subject

WORD = "Canary"
# Fields with a form of their own: values that stand nowhere else.
NUMBER, HIGH_NUMBER, PNC = "A7391QZ", "A7392QZ", "1983/7391264V"
BORN, ASSESSED_AT, REVIEW, INTERCEPT_ENDS, MOPI = "1961-03-09", "2015-03-09T08:07:00Z", "2097-03-09", "2096-03-09T08:07:00Z", "2098-03-09"
FORMED = (NUMBER, HIGH_NUMBER, PNC, BORN, ASSESSED_AT[:16], REVIEW, INTERCEPT_ENDS[:16], MOPI)

Row = dict[str, Any]


def write_canaries(desk: Desk, name: str, **changes: Any) -> Row:
    """A report whose every free text is a word that names its report and its field."""

    def word(place: str) -> str:
        return f"{WORD}-{name}-{place}"

    declared = make_declarations(
        visor_derived=True, visor_permission=word("visor"), prison_intercept={"authorisation": word("pin"), "expires_at": INTERCEPT_ENDS}
    )  # fmt: skip
    assessed = {"summary": word("summary"), "authorised_by": word("authoriser"), "authorised_at": ASSESSED_AT}
    handling = make_handling(
        conditions=word("conditions"), reasons=word("reasons"), internal_recipients=["fib:01"], review_by=REVIEW, risk_assessment=assessed
    )
    base: Row = {
        "operation": word("operation"), "gist": word("gist"), "declarations": declared, "handling": handling,
        "subjects": [write_person(name), write_person(f"{name}-associate", role="ASSOCIATE", noms_number=None)],
        "items": [write_line(name, 0), write_line(name, 1)], "mopi": {"group": 1, "review_by": MOPI},
    }  # fmt: skip
    return desk.write(**(base | changes))


def write_line(name: str, index: int, **changes: Any) -> Row:
    line = {
        "text": f"{WORD}-{name}-text-{index} was said.", "source": "B", "intelligence": "3", "handling": "1",
        "source_reference": f"{WORD}-{name}-source-{index}", "corroboration": f"{WORD}-{name}-corroboration-{index}",
        "sanitises": None, "subjects": None, "addressees": None,
    }  # fmt: skip
    return line | changes


def write_person(name: str, **changes: Any) -> Row:
    fields = {"noms_number": NUMBER, "pnc_id": PNC, "family_name": f"{WORD}-{name}-family", "given_names": f"{WORD}-{name}-given"}
    return make_subject(**(fields | {"date_of_birth": BORN} | changes))


def write_all(desk: Desk) -> dict[str, Row]:
    """One report of each fate that begins with being published; PAS decides the rest."""
    high = [write_person("high", noms_number=HIGH_NUMBER)]
    flagged = make_declarations(protected_assisting_offender=True)
    released = write_canaries(desk, "released")
    return {
        "released": released,
        "threat": write_canaries(desk, "threat", priority="THREAT_TO_LIFE", addressees=["pio", "security", "governor"]),
        "conditional": write_canaries(desk, "conditional", items=[write_line("conditional", 0, handling="5")], addressees=["pio:WSI"]),
        "closed": write_canaries(desk, "closed", items=[write_line("closed", 0), write_line("closed", 1, handling="4")]),
        "held": write_canaries(desk, "held", subjects=high),
        "confidential": write_canaries(desk, "confidential", protective_marking="CONFIDENTIAL"),
        "suspected": write_canaries(desk, "suspected", items=[write_line("suspected", 0, text=f"{WORD}-suspected-text-0: a CHIS.")]),
        "compartment": write_canaries(
            desk, "compartment", declarations=flagged, items=[write_line("compartment", 0), write_line("compartment", 1, handling="4")]
        ),
        "taken": write_canaries(desk, "taken") | {"urn": released["urn"]},
    }


def find_words(data: bytes) -> set[bytes]:
    """Every canary in these bytes, as text, as UTF-16, in hexadecimal or in base64."""
    found = set()
    for word in (WORD, *FORMED):
        for spelling in _spellings(word.encode()):
            at = data.find(spelling)
            while at >= 0:
                found.add(data[at : at + 40])
                at = data.find(spelling, at + 1)
    return found


def _spellings(word: bytes) -> Iterator[bytes]:
    yield from (word, word.decode().encode("utf-16-le"), word.hex().encode(), word.hex().upper().encode())
    for shift in range(3):
        # The letters of base64 that do not depend on what stands before and after.
        letters = b64encode(bytes(shift) + word)
        yield letters[-(-shift * 8 // 6) : (shift + len(word)) * 8 // 6]


def scan_files(root: Path, *leave_out: str) -> dict[str, set[bytes]]:
    """The canaries in the files under a folder, by file."""
    found = {}
    for path in sorted(root.rglob("*")):
        place = str(path.relative_to(root))
        if path.is_file() and not place.startswith(leave_out) and (words := find_words(path.read_bytes())):
            found[place] = words
    return found
