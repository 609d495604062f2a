"""A gateway that has lost a key refuses to start: it would quarantine what it can no longer open."""

from __future__ import annotations

from pathlib import Path

import pytest

from copying import spoil
from gateway.desk import copy_estate
from pas_gateway.office import PasOffice
from pas_schemas.errors import PasError


@pytest.mark.parametrize("lost", ["open-*.key", "sign-*.key", "register.key", "register-id.key"])
def test_a_gateway_without_one_of_its_keys_refuses_to_start(pristine: Path, tmp_path: Path, lost: str) -> None:
    workspace = copy_estate(pristine, tmp_path / "small", ["pas"])
    assert PasOffice.of(workspace).snapshot.version == 1
    key = next((workspace.keys_dir / "pas").glob(lost))
    spoil(key, b"x")
    with pytest.raises(PasError):
        PasOffice.of(workspace)
    key.unlink()
    with pytest.raises(PasError, match="not in this workspace"):
        PasOffice.of(workspace)
