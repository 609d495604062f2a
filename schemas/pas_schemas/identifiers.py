"""Identifiers as the registers write them: NOMIS numbers, PNC IDs, office codes."""

from __future__ import annotations

import re

# More than any force writes, and little enough for every index that it stands in.
MAX_URN = 500
_NOMIS = re.compile(r"[A-Z][0-9]{4}[A-Z]{2}")
_PNC = re.compile(r"([0-9]{4})/([0-9]{7})([A-Z])")
_PNC_LETTERS = "ZABCDEFGHJKLMNPQRTUVWXY"


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
