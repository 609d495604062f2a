"""docs/wire.md is enough for a client of somebody else's: a reader written from it alone opens and refuses as the vectors say."""

from __future__ import annotations

from base64 import b64decode
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pas_schemas.clock import parse_time, to_ms
from schemas import peer
from schemas.test_sealing_vectors import KEYS, SEALED, find_keys, load

WIRE = (Path(__file__).parents[2] / "docs" / "wire.md").read_text("utf-8")
OPENING = {entry["name"]: peer.Opening(b64decode(entry["private"])) for entry in KEYS["opening_keys"]}


def find(vector: dict[str, Any], office: str, key: str) -> peer.Key | None:
    known = find_keys(vector.get("directory", [])).get((office, key))
    if known is None:
        return None
    end = None if known.end is None else to_ms(known.end)
    return {"use": known.use, "public": known.public, "start": to_ms(known.start), "end": end}


@pytest.mark.parametrize("path", SEALED, ids=lambda path: path.stem)
def test_a_reader_from_the_text_alone_says_what_the_vector_says(path: Path) -> None:
    vector = load(path)
    held = [(name, name) if isinstance(name, str) else (name["under"], name["name"]) for name in vector["holds"]]
    holds = {OPENING[under].id: OPENING[name] for under, name in held}
    expected = vector["expect"]

    def open_it() -> tuple[Any, bytes, bytes]:
        at_ms, prefix = to_ms(parse_time(vector["at"])), vector["prefix"].encode()
        return peer.open_record(
            b64decode(vector["value"]), vector["recipient"], holds, lambda office, key: find(vector, office, key), at_ms, prefix
        )

    if "failure" in expected:
        with pytest.raises(peer.RefusedError, match=f"^{expected['failure']}$"):
            open_it()
        return
    label, payload, manifest = open_it()
    shown = {"sender": label["sender"], "record_id": label["record_id"].hex(), "payload": payload, "manifest": manifest}
    assert shown == expected | {name: b64decode(expected[name]) for name in ("payload", "manifest")}


def test_the_page_names_every_prefix_under_which_a_peer_signs() -> None:
    mine = {
        value.decode()
        for value in vars(import_module("pas_schemas.sealing.sign")).values()
        if isinstance(value, bytes) and value.startswith(b"pas/v1/")
    }
    # A new root and a request for keys are made by this project's commands alone.
    assert {name for name in mine if f"`{name}`" not in WIRE and f'"{name}"' not in WIRE} == {"pas/v1/root", "pas/v1/request"}
