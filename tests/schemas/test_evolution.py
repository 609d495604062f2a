"""What was once written stays readable: every schema shipped is pinned, and records stored once are read for ever."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pas_schemas import codec

VECTORS = Path(__file__).parent.parent / "vectors"
SHIPPED = sorted(path.name.removesuffix(".avsc") for path in (Path(codec.__file__).parent / "avro").glob("*.avsc"))


def stored(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((VECTORS / "records" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def from_json(value: Any) -> Any:
    """A datum as it was stored: bytes stand as `{"base64": ...}`."""
    if isinstance(value, dict):
        if list(value) == ["base64"]:
            return base64.b64decode(value["base64"])
        return {name: from_json(entry) for name, entry in value.items()}
    return [from_json(entry) for entry in value] if isinstance(value, list) else value


def test_every_shipped_schema_is_pinned_and_none_is_lost() -> None:
    """A new version is a new file with a new pin. A pin that no longer fits means that an old file was edited: undo that."""
    pinned = json.loads((VECTORS / "fingerprints.json").read_text())
    assert sorted(pinned) == SHIPPED
    for name, expected in pinned.items():
        schema, _, version = name.rpartition(".v")
        assert codec.fingerprint(schema, int(version)).hex() == expected, name


def test_every_shipped_schema_has_stored_records() -> None:
    assert sorted(path.stem for path in (VECTORS / "records").glob("*.json")) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_stored_records_stay_readable(name: str) -> None:
    """Two of each: one with every field filled, one with every field as empty as it may be."""
    file = stored(name)
    assert len(file["records"]) == 2
    for record in file["records"]:
        data = base64.b64decode(record["record"])
        assert codec.decode(data) == (file["schema"], file["version"], from_json(record["datum"]))
        assert codec.encode(file["schema"], from_json(record["datum"]), file["version"]) == data


def test_versions_follow_each_other() -> None:
    for name, versions in codec.registry().versions.items():
        assert sorted(versions) == list(range(1, len(versions) + 1)), name
