"""The marks beside the compartment's register: what cannot be noted is not sent, and who sends may try again."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.test_register import make_register
from pas_gateway.marks import Marks
from pas_gateway.register import Change, RegisterUnavailableError, Store, write_change
from pas_schemas.errors import RegisterError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = make_register(tmp_path / "register.db")
    write_change(made, Change(events=[b"event"]))
    return made


def test_a_mark_that_cannot_be_written_is_told_in_one_sentence_and_tried_again(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "gone"
    marks = Marks(folder, store)
    with pytest.raises(RegisterUnavailableError, match=r"sent-1\.mark of the compartment cannot be written") as refused:
        marks.note(1)
    assert refused.value.hint
    assert refused.value.retriable
    folder.mkdir()
    marks.note(1)
    assert (folder / "sent-1.mark").read_text() == "1\n"
    marks.check()
    store.close()


@pytest.mark.parametrize("mark", ["2\n", "no number\n"])
def test_a_register_behind_its_mark_is_refused(tmp_path: Path, store: Store, mark: str) -> None:
    (tmp_path / "sent-0.mark").write_text(mark)
    with pytest.raises(RegisterError, match="compartment") as refused:
        Marks(tmp_path, store).check()
    assert refused.value.hint
    store.close()
