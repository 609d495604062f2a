"""Identifiers as the registers write them: NOMIS numbers, PNC IDs with their check letter, the first part of a URN."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pas_schemas.identifiers import is_nomis, is_pnc, pnc_letter, urn_code


@pytest.mark.parametrize("number", ["A1234BC", "Z9999ZZ", "A0000AA"])
def test_a_nomis_number(number: str) -> None:
    assert is_nomis(number)


@pytest.mark.parametrize(
    "number", ["", "a1234bc", "A1234bc", "A123BC", "A12345B", "A1234BCD", " A1234BC", "A1234BC\n", "1234567", "Á1234BC", "A١234BC"]
)
def test_no_nomis_number(number: str) -> None:
    assert not is_nomis(number)


# The first two and the last of the refused stand in domain.md.
@pytest.mark.parametrize("pnc", ["1981/0000034U", "2000/0000223R", "1900/0000000Z", "2000/0000001A", "1999/9999999V"])
def test_a_pnc_id(pnc: str) -> None:
    assert is_pnc(pnc)


@pytest.mark.parametrize(
    "pnc",
    [
        "2001/0171310S", "", "81/34U", "1981/34U", "1981/0000034u", "1981/0000034", "19810000034U", " 1981/0000034U", "1981/0000034U\n",
        "1981/0000034I", "1981/0000034O", "1981/0000034S", "1981/000003٤U",
    ],
)  # fmt: skip
def test_no_pnc_id(pnc: str) -> None:
    assert not is_pnc(pnc)


@given(st.integers(1900, 2099), st.integers(0, 9_999_999))
def test_one_letter_alone_passes(year: int, serial: int) -> None:
    written = f"{year}/{serial:07d}"
    assert [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if is_pnc(written + letter)] == [pnc_letter(year, serial)]


@given(st.integers(1900, 2099), st.integers(0, 9_999_999), st.integers(0, 6), st.integers(1, 9))
def test_one_digit_misread_is_seen(year: int, serial: int, place: int, by: int) -> None:
    digits = f"{serial:07d}"
    other = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    assert not is_pnc(f"{year}/{other}{pnc_letter(year, serial)}")


@pytest.mark.parametrize(
    ("office", "code"),
    [("force:01", "01"), ("security:WSI", "WSI"), ("cat-a-team", "CAT-A-TEAM"), ("pas", "PAS"), ("force:b01du", "B01DU")],
)
def test_what_a_urn_begins_with(office: str, code: str) -> None:
    assert urn_code(office) == code
