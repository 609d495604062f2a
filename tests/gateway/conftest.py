"""A desk for each test of the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.desk import Desk, copy_estate


@pytest.fixture
def desk(pristine: Path, tmp_path: Path) -> Iterator[Desk]:
    """A small workspace in which the prisoner of `Desk.write` is in WSI and known to be of category C."""
    with Desk(copy_estate(pristine, tmp_path / "small")) as desk:
        desk.move()
        desk.run()
        desk.fresh("pas.movements")
        yield desk
