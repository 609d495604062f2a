"""An inbox is fed its topic's records twice and shuffled: it takes each once, orders them by number, and tells what is missing."""

from __future__ import annotations

import pytest

from consumers.forge import Forge
from consumers.shuffling import check_shuffled
from pas_consumers import intake
from pas_transport.workspace import Workspace


@pytest.mark.parametrize("seed", range(3))
def test_deliveries_that_come_twice_and_in_any_order(small: Workspace, forge: Forge, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    # Small batches, so that what belongs together is parted.
    monkeypatch.setattr(intake, "BATCH_RECORDS", 5)
    check_shuffled(small, forge, seed)
