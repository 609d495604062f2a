"""A small workspace for each test, and the gateway's part in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumers.forge import Forge, copy_small
from pas_transport.workspace import Workspace, open_workspace


@pytest.fixture
def small(pristine: Path, tmp_path: Path) -> Workspace:
    """A workspace with the keys of six offices."""
    return open_workspace(copy_small(pristine, tmp_path / "small"), environment={})


@pytest.fixture
def forge(small: Workspace) -> Forge:
    return Forge(small)
