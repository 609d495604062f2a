"""The reference tables that ship: whole, consistent with each other, and as the design counts them."""

from __future__ import annotations

import pytest

from pas_schemas.reference import alert_codes, establishments, force_codes, read_data
from pas_schemas.rulebook import TEXT_GATES, shipped_rulebook
from pas_schemas.rules import BORDER, CELLS, GATES, LAST, REASONS, REFUSALS, ROUTING, SENTENCES, VALIDATION, explain_word


def test_establishments() -> None:
    found = establishments()
    assert len(found) == 125
    assert (found["WSI"].name, found["WSI"].force, found["WSI"].contracted) == ("Wormwood Scrubs (HMP & YOI)", "01", False)
    assert found["DGI"].contracted
    assert found["BAI"].high_security
    assert "STC3" in found
    assert all(code == prison.code and prison.name for code, prison in found.items())


def test_every_prison_lies_in_the_area_of_a_known_force() -> None:
    assert {prison.force for prison in establishments().values()} <= set(force_codes())
    assert force_codes()["01"].upper().startswith("METROPOLITAN")
    assert "B01DU" in force_codes()


def test_alert_codes_hold_what_the_rulebook_looks_for() -> None:
    assert shipped_rulebook().category.alerts <= set(alert_codes())
    assert all(alert_codes().values())


def test_the_sources_are_named() -> None:
    named = read_data("SOURCES.md").decode()
    assert all(f"`{file}`" in named for file in ("establishments.csv", "police_force_codes.csv", "alert_codes.csv", "grading_scales.csv"))


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        read_data("nothing.csv")


def test_every_rule_has_its_sentence_and_no_sentence_is_idle() -> None:
    rules = {*VALIDATION, *GATES, *ROUTING, *CELLS, *REASONS, LAST, "R-NAMED", "R-PIO"}
    assert set(SENTENCES) == rules
    assert set(TEXT_GATES) <= set(GATES)
    assert all(sentence.endswith(".") and "  " not in sentence for sentence in SENTENCES.values())


def test_only_what_is_declared_is_to_be_destroyed() -> None:
    """A text that merely looks privileged waits for a person: its owner must not read that it is to be destroyed."""
    assert set(REFUSALS) == set(SENTENCES)
    assert {rule for rule in SENTENCES if REFUSALS[rule] != SENTENCES[rule]} == set(BORDER)
    assert "destroy" in REFUSALS["G-PRIVILEGE"]
    assert not any("destroy" in sentence for sentence in SENTENCES.values())


@pytest.mark.parametrize("rule", [*CELLS, LAST, "G-STAFF"])
def test_a_cell_says_what_it_does_in_a_sentence_of_its_own(rule: str) -> None:
    said = {word: explain_word(rule, word) for word in ("release", "hold", "refuse")}
    if rule in CELLS:
        assert all(f" {word}s it " in sentence for word, sentence in said.items())
        assert SENTENCES[rule] == said["hold"]
    else:
        assert set(said.values()) == {SENTENCES[rule]}
