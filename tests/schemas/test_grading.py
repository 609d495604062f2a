"""Other grading scales: every grade is mapped as declared, keeps its original and never comes through by its letter."""

from __future__ import annotations

import string
from itertools import product

import pytest

from pas_schemas.errors import GradingError
from pas_schemas.grading import ConvertedGrade, HandlingChoice, Scale, convert, grading_scales

CHOSEN = HandlingChoice("2", "STAFF-0007")

# What each map declares, written again by hand.
SOURCES: dict[Scale, dict[str, str]] = {
    "3x5x2": {"1": "B", "2": "E", "3": "D"},
    "4x4": {"A": "A", "B": "B", "C": "D", "X": "E"},
    "6x6": {"A": "A", "B": "B", "C": "C", "D": "D", "E": "D", "F": "E"},
}
INTELLIGENCE: dict[Scale, dict[str, str]] = {
    "3x5x2": {"A": "2", "B": "3", "C": "4", "D": "4", "E": "5"},
    "4x4": {"1": "1", "2": "2", "3": "3", "4": "4"},
    "6x6": {"1": "3", "2": "4", "3": "4", "4": "4", "5": "5", "6": "4"},
}
HANDLING: dict[Scale, dict[str, str]] = {
    "3x5x2": {"P": "2", "C": "2"},
    "4x4": {"H0": "1", "H1": "5", "H2": "5", "H3": "5"},
    "6x6": {"": "2"},
}
GRADES = [
    (scale, source + intelligence + handling, SOURCES[scale][source] + INTELLIGENCE[scale][intelligence] + HANDLING[scale][handling])
    for scale in SOURCES
    for source, intelligence, handling in product(SOURCES[scale], INTELLIGENCE[scale], HANDLING[scale])
]


def choice_for(scale: Scale) -> HandlingChoice | None:
    return None if scale == "4x4" else CHOSEN


@pytest.mark.parametrize(("scale", "written", "grade"), GRADES)
def test_every_grade_of_every_scale(scale: Scale, written: str, grade: str) -> None:
    assert convert(scale, written, choice_for(scale)) == ConvertedGrade(grade, written, scale, choice_for(scale), converted=True)


def test_the_maps_are_whole_and_end_in_5x5x5() -> None:
    assert len(GRADES) == 3 * 5 * 2 + 4 * 4 * 4 + 6 * 6
    assert set(grading_scales()) == set(SOURCES)
    for scale, parts in grading_scales().items():
        assert set(parts) == {"source", "intelligence", "handling"} - ({"handling"} if scale == "6x6" else set())
        assert set(parts["source"].values()) <= set("ABCDE")
        assert set(parts["intelligence"].values()) <= set("12345")
        assert set(parts.get("handling", {}).values()) <= {"", *"12345"}


def test_e_of_the_admiralty_is_not_untested() -> None:
    assert convert("6x6", "E4", CHOSEN).grade[0] == "D"
    assert convert("6x6", "F4", CHOSEN).grade[0] == "E"
    assert convert("3x5x2", "2EP", CHOSEN).grade[:2] == "E5"


@pytest.mark.parametrize("scale", SOURCES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_no_character_comes_through_unmapped(scale: Scale, place: int) -> None:
    """Put in any place, a character the map does not name refuses the grade; what it names is converted by the map."""
    sound = {"3x5x2": "1AP", "4x4": "B2H1", "6x6": "C3"}[scale]
    named = [SOURCES[scale], INTELLIGENCE[scale], {"3x5x2": "PC", "4x4": "H", "6x6": ""}[scale]][place]
    for character in string.printable + "Ａ١":
        if character not in named:
            with pytest.raises(GradingError):
                convert(scale, sound[:place] + character + sound[place + 1 :], choice_for(scale))


@pytest.mark.parametrize("written", ["", "1", "1A", "1APP", "11P", "B24", "1ap", " 1AP", "1AP "])
def test_what_is_no_grade_of_the_scale_is_refused(written: str) -> None:
    with pytest.raises(GradingError) as refused:
        convert("3x5x2", written, CHOSEN)
    assert refused.value.sentence.endswith(".")
    assert refused.value.hint


@pytest.mark.parametrize("written", ["1AP", "1AC"])
@pytest.mark.parametrize("choice", [None, HandlingChoice("2", ""), HandlingChoice("2", " ")])
def test_a_person_decides_what_p_and_c_mean(written: str, choice: HandlingChoice | None) -> None:
    with pytest.raises(GradingError, match="a person's decision"):
        convert("3x5x2", written, choice)
    assert [convert("3x5x2", written, HandlingChoice(code, "STAFF-0007")).grade for code in "12345"] == [f"B2{code}" for code in "12345"]


@pytest.mark.parametrize("code", ["", "P", "C", "6", "0", "12", "H1"])
def test_the_person_chooses_a_code_of_5x5x5(code: str) -> None:
    with pytest.raises(GradingError, match="none of 5x5x5"):
        convert("3x5x2", "1AP", HandlingChoice(code, "STAFF-0007"))


def test_nobody_chooses_against_a_declared_map() -> None:
    with pytest.raises(GradingError, match="declared map"):
        convert("4x4", "B2H2", CHOSEN)


def test_an_undeclared_scale_is_refused() -> None:
    with pytest.raises(GradingError, match="no declared map"):
        convert("5x5x5", "B24", CHOSEN)  # type: ignore[arg-type]  # what an untyped caller may do
