"""Golden vectors: each stored record opens to what it held, or fails with the one class that its file names."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pas_schemas.clock import parse_time
from pas_schemas.directory import PublicKey
from pas_schemas.errors import SealError
from pas_schemas.sealing import Opened, Opener, OpeningKey, VerifyKey, contains, failures, item_digest, open_text, verify_evidence

VECTORS = Path(__file__).parent.parent / "vectors"
KEYS = json.loads((VECTORS / "keys.json").read_text())
OPENING = {entry["name"]: OpeningKey.from_bytes(b64decode(entry["private"])) for entry in KEYS["opening_keys"]}
SEALED = sorted((VECTORS / "sealed").glob("*.json"))
CLOSED = sorted((VECTORS / "closed").glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def moment(text: str | None) -> datetime | None:
    return parse_time(text) if text else None


def find_keys(changes: list[dict[str, Any]]) -> dict[tuple[str, str], PublicKey]:
    """The directory of keys.json with a vector's changes, by office and key id."""
    changed = {change["name"]: change for change in changes}
    entries = [entry | changed.get(entry["name"], {}) for entry in KEYS["directory"]]
    return {
        (entry["office"], entry["id"]): PublicKey(
            entry["id"], entry["use"], b64decode(entry["public"]), parse_time(entry["start"]), moment(entry["end"])
        )
        for entry in entries
        if not entry.get("absent")
    }


def held(names: list[Any]) -> dict[str, OpeningKey]:
    pairs = [(name, name) if isinstance(name, str) else (name["under"], name["name"]) for name in names]
    return {OPENING[under].id: OPENING[name] for under, name in pairs}


def open_vector(vector: dict[str, Any]) -> Opened:
    known = find_keys(vector.get("directory", []))
    opener = Opener(
        vector["recipient"],
        held(vector["holds"]),
        lambda sender, key: known.get((sender, key)),
        lambda key: known.get((vector["recipient"], key)),
        prefix=vector["prefix"].encode(),
    )
    return opener.open(b64decode(vector["value"]), parse_time(vector["at"]))


def open_closed(vector: dict[str, Any]) -> bytes:
    return open_text(
        OPENING[vector["holds"]],
        b64decode(vector["value"]),
        sender=vector["sender"],
        recipient=vector["recipient"],
        report_id=bytes.fromhex(vector["report_id"]),
        item_index=vector["item_index"],
    )


def show(opened: Opened) -> dict[str, Any]:
    return {"sender": opened.sender, "record_id": opened.record_id.hex(), "payload": opened.payload, "manifest": opened.manifest}


@pytest.mark.parametrize("path", SEALED, ids=lambda path: path.stem)
def test_a_stored_record_gives_what_its_file_says(path: Path) -> None:
    vector = load(path)
    expected = vector["expect"]
    if "failure" in expected:
        with pytest.raises(SealError) as caught:
            open_vector(vector)
        assert type(caught.value) is getattr(failures, expected["failure"])
        assert caught.value.sentence.endswith(".")
        assert caught.value.hint
    else:
        decoded = {name: b64decode(expected[name]) for name in ("payload", "manifest")}
        assert show(open_vector(vector)) == expected | decoded


@pytest.mark.parametrize("path", CLOSED, ids=lambda path: path.stem)
def test_a_stored_closed_text_gives_what_its_file_says(path: Path) -> None:
    vector = load(path)
    expected = vector["expect"]
    if "failure" in expected:
        with pytest.raises(SealError) as caught:
            open_closed(vector)
        assert type(caught.value) is getattr(failures, expected["failure"])
    else:
        assert open_closed(vector) == b64decode(expected["plaintext"])


def test_one_opener_that_remembers_still_refuses_every_bad_record() -> None:
    """Caches of epochs and signatures must not let through what a fresh opener refuses."""
    known = find_keys([])
    opener = Opener("pas", held(["pas/open"]), lambda sender, key: known.get((sender, key)), lambda key: known.get(("pas", key)))
    common = {"recipient": "pas", "holds": ["pas/open"], "prefix": "pas/v1/batch"}
    vectors = [v for v in map(load, SEALED) if v | common == v and "directory" not in v]
    good = [v for v in vectors if "failure" not in v["expect"]]
    bad = [v for v in vectors if "failure" in v["expect"]]
    assert len(good) >= 6
    assert len(bad) >= 60
    for vector in good:
        opener.open(b64decode(vector["value"]), parse_time(vector["at"]))
    for vector in bad:
        with pytest.raises(getattr(failures, vector["expect"]["failure"])):
            opener.open(b64decode(vector["value"]), parse_time(vector["at"]))


def test_every_failure_class_has_a_vector_and_a_word_of_its_own() -> None:
    classes = {name: found for name, found in vars(failures).items() if name.endswith("Error") and not name.startswith("_")}
    del classes["SealError"]
    shown = {load(path)["expect"].get("failure") for path in SEALED}
    assert shown - {None} == set(classes)
    assert len({found.reason for found in classes.values()}) == len(classes)


def test_evidence_proves_the_manifest_and_an_item_in_it() -> None:
    vector = load(VECTORS / "sealed" / "with-manifest.json")
    opened = open_vector(vector)
    entry = next(entry for entry in KEYS["directory"] if entry["name"] == "force:01/sign")
    verify_evidence(opened.evidence, opened.manifest, "force:01", VerifyKey.from_bytes(b64decode(entry["public"])))
    for item in vector["items"]:
        subjects = [bytes.fromhex(subject) for subject in item["subjects"]]
        salt, shared = bytes.fromhex(item["salt"]), b64decode(item["shared"])
        assert contains(opened.manifest, item_digest(salt, shared, subjects))
        assert not contains(opened.manifest, item_digest(salt, shared + b".", subjects))
        assert not contains(opened.manifest, item_digest(salt, shared, []))
