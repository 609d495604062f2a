"""Identifiers as the registers write them: NOMIS numbers, PNC IDs, office codes, posts and persons."""

from __future__ import annotations

import re

# More than any force writes, and little enough for every index that it stands in.
MAX_URN = 500
# How posts and persons are named: an opaque reference, never a name (domain, *Certainty of receipt*).
REFERENCE = r"[a-z0-9][a-z0-9-]{0,39}"
_REFERENCE = re.compile(REFERENCE)
_NOMIS = re.compile(r"[A-Z][0-9]{4}[A-Z]{2}")
_PNC = re.compile(r"([0-9]{4})/([0-9]{7})([A-Z])")
_PNC_LETTERS = "ZABCDEFGHJKLMNPQRTUVWXY"


def is_reference(text: str) -> bool:
    """A post or a person as such are named: `duty-governor`, `a1234`."""
    return _REFERENCE.fullmatch(text) is not None


def is_nomis(number: str) -> bool:
    """Letter, four digits, two letters, upper case (`A1234BC`)."""
    return _NOMIS.fullmatch(number) is not None


def is_pnc(pnc_id: str) -> bool:
    """`YYYY/NNNNNNNX` whose check letter is right: two-digit year followed by the serial, modulo 23."""
    match = _PNC.fullmatch(pnc_id)
    if match is None:
        return False
    year, serial, letter = match.groups()
    return _PNC_LETTERS[int(year[2:] + serial) % 23] == letter


def pnc_letter(year: int, serial: int) -> str:
    """The check letter of a PNC ID."""
    return _PNC_LETTERS[int(f"{year % 100:02d}{serial:07d}") % 23]


def urn_code(office: str) -> str:
    """What a URN of an office begins with: the part after the colon, or the kind, in upper case."""
    return office.partition(":")[2].upper() or office.upper()
