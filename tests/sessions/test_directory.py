"""Sessions with `pas keys` and `pas directory`: enrolment from the office's side to the list everybody reads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from conftest import RunPas
from pas_schemas.sealing import SigningKey
from pas_transport.keyring import add_root_key, read_root_key
from pas_transport.workspace import open_workspace

NOVEMBER = "2015-11-18T12:00:00Z"


def list_offices(pas: RunPas, estate: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    shown = pas("directory", "list", "--json", *arguments, cwd=estate, code=0)
    assert shown.err == ""
    return {office["office"]: office for office in json.loads(shown.out)}


def test_list_has_the_promised_shape(pas: RunPas, estate: Path) -> None:
    offices = list_offices(pas, estate)
    assert len(offices) == 467
    assert list(offices) == sorted(offices)
    pio = offices["pio:WSI"]
    assert list(pio) == ["office", "kind", "class", "force", "prison", "contracted", "active", "from", "to", "keys"]
    assert {key: pio[key] for key in list(pio)[:9]} == {
        "office": "pio:WSI", "kind": "pio", "class": "police", "force": "01", "prison": "WSI", "contracted": False,
        "active": True, "from": "2000-01-01T00:00:00Z", "to": None,
    }  # fmt: skip
    assert [(list(key), key["use"], key["from"], key["to"]) for key in pio["keys"]] == [
        (["id", "use", "from", "to"], use, "2000-01-01T00:00:00Z", None) for use in ("sign", "open")
    ]
    assert (offices["governor:ACI"]["class"], offices["governor:ACI"]["force"], offices["governor:ACI"]["contracted"]) == (
        "non-prosecuting",
        "05",
        True,
    )
    assert (offices["fib:01"]["force"], offices["force:01"]["force"], offices["pas"]["force"]) == ("01", "01", None)
    assert (offices["feed:nomis"]["class"], offices["lea:91"]["class"], offices["cat-a-team"]["class"]) == (
        "none",
        "law enforcement",
        "prison",
    )
    assert not any(office["active"] or office["keys"] for office in list_offices(pas, estate, "--at", "1999-12-31T00:00:00Z").values())


def test_enrolment_by_fingerprint(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    made = pas("keys", "new", "--office", "lea:94", "--out", tmp_path / "r", "--json", cwd=estate, code=0)
    answer = json.loads(made.out)
    assert list(answer) == ["office", "request", "fingerprint"]
    wrong = pas("directory", "add", tmp_path / "r", "--fingerprint", answer["fingerprint"][:-1] + "?", cwd=estate, code=1)
    assert wrong.out == ""
    assert wrong.err == (
        "error: The fingerprint is not that of the request.\nhint: somebody may have changed the request on its way: ask the office\n"
    )
    assert "lea:94" not in list_offices(pas, estate)
    added = pas(
        "directory", "add", tmp_path / "r", "--fingerprint", answer["fingerprint"], "--from", NOVEMBER, "--json", cwd=estate, code=0
    )
    assert json.loads(added.out) == {"office": "lea:94", "directory_version": 2}
    office = list_offices(pas, estate)["lea:94"]
    assert (office["class"], office["active"], office["from"], len(office["keys"])) == ("law enforcement", True, NOVEMBER, 2)
    retired = pas("directory", "retire", "lea:94", "--at", "2016-01-01T00:00:00Z", "--json", cwd=estate, code=0)
    assert json.loads(retired.out) == {"office": "lea:94", "directory_version": 3}
    after = list_offices(pas, estate)["lea:94"]
    assert (after["active"], after["to"]) == (False, "2016-01-01T00:00:00Z")
    assert list_offices(pas, estate, "--at", "2015-12-01T00:00:00Z")["lea:94"]["active"]


def test_a_request_replaces_nothing_but_a_file(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for taken in ("", tmp_path / "pipe"):
        refused = pas("keys", "new", "--office", "lea:94", "--out", taken, cwd=estate, code=2)
        assert refused.err.startswith("error: A request is written into a file, and there is none of that name.\nhint: ")
    assert (tmp_path / "pipe").is_fifo()
    assert not (estate / "keys" / "lea.94").exists()


def test_keys_are_made_once_unless_asked_again(pas: RunPas, estate: Path) -> None:
    refused = pas("keys", "new", "--office", "pio:WSI", cwd=estate, code=1)
    assert refused.err.startswith("error: There are keys of pio:WSI in this workspace already.\nhint: --again ")
    made = pas("keys", "new", "--office", "pio:WSI", "--again", "--json", cwd=estate, code=0)
    request, fingerprint = json.loads(made.out)["request"], json.loads(made.out)["fingerprint"]
    old = open_workspace(estate, environment={}).keyring("pio:WSI")
    pas("directory", "add", request, "--fingerprint", fingerprint, cwd=estate, code=0)
    new = open_workspace(estate, environment={}).keyring("pio:WSI")
    assert new.signing().id != old.signing().id
    assert set(new.opening()) == set(old.opening())
    assert len(new.opening()) == 2


def test_who_may_not_be_enrolled(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    for office in ("foreign:FBI", "root", "pas:2"):
        refused = pas("keys", "new", "--office", office, cwd=estate, code=1)
        assert "no office is foreign" in refused.err
    assert pas("keys", "new", "--office", "force:../x", cwd=estate, code=2).err.startswith("error: Invalid value for '--office'")
    (tmp_path / "nonsense").write_bytes(b"nonsense")
    assert "The file is no request for keys" in pas("directory", "add", tmp_path / "nonsense", "--fingerprint", "0", cwd=estate, code=1).err
    assert pas("directory", "add", tmp_path / "none", "--fingerprint", "0", cwd=estate, code=2).out == ""
    answer = json.loads(pas("keys", "new", "--office", "pio:HVI", "--json", cwd=estate, code=0).out)
    add = ("directory", "add", answer["request"], "--fingerprint", answer["fingerprint"])
    assert "which is no force" in pas(*add, "--kind", "force", cwd=estate, code=1).err
    assert pas(*add, "--kind", "foreign", cwd=estate, code=2).out == ""
    assert "posted by a force" in pas(*add, cwd=estate, code=1).err
    pas(*add, "--kind", "pio", "--force", "03", cwd=estate, code=0)
    assert list_offices(pas, estate)["pio:HVI"]["force"] == "03"


def test_rotation_ends_the_old_keys_and_keeps_them(pas: RunPas, estate: Path) -> None:
    before = open_workspace(estate, environment={}).keyring("pio:WSI")
    old_signing, old_opening = before.signing().id, set(before.opening())
    rotated = pas("directory", "rotate-key", "pio:WSI", "--json", cwd=estate, code=0)
    assert json.loads(rotated.out) == {"office": "pio:WSI", "directory_version": 2}
    keys = list_offices(pas, estate)["pio:WSI"]["keys"]
    assert [key["to"] is None for key in keys] == [False, False, True, True]
    ring = open_workspace(estate, environment={}).keyring("pio:WSI")
    assert ring.signing().id == keys[2]["id"] != old_signing
    assert set(ring.opening()) == old_opening | {keys[3]["id"]}
    shown = pas("directory", "history", "pio:WSI", cwd=estate, code=0).out
    assert all(key["id"] in shown for key in keys)


def test_keys_that_an_office_sends_count_beside_its_old_ones_for_an_hour(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    for number, (flags, hours) in enumerate((([], 1), (["--at-once"], 0))):
        old = json.loads(pas("directory", "history", "lea:91", "--json", cwd=estate, code=0).out)["keys"][-1]["id"]
        asked = json.loads(pas("keys", "new", "--office", "lea:91", "--again", "--out", tmp_path / "r", "--json", cwd=estate, code=0).out)
        start = f"20{30 + number}-01-01T00:00:00Z"
        pas("directory", "add", tmp_path / "r", "--fingerprint", asked["fingerprint"], "--from", start, *flags, cwd=estate, code=0)
        keys = json.loads(pas("directory", "history", "lea:91", "--json", cwd=estate, code=0).out)["keys"]
        assert {key["id"]: key["to"] for key in keys}[old] == start.replace("T00", f"T0{hours}")
        (tmp_path / "r").unlink()


def test_without_the_root_key_nobody_changes_the_directory(pas: RunPas, estate: Path) -> None:
    for path in (estate / "keys" / "root").iterdir():
        path.unlink()
    before = sorted(path.name for path in (estate / "keys" / "pio.WSI").iterdir())
    for asked in (("rotate-key", "pio:WSI"), ("retire", "pio:WSI"), ("rotate-root",)):
        refused = pas("directory", *asked, cwd=estate, code=1)
        assert refused.err.startswith("error: The directory's root key is not in this workspace.\nhint: ")
    assert sorted(path.name for path in (estate / "keys" / "pio.WSI").iterdir()) == before
    assert list_offices(pas, estate)["pio:WSI"]["active"]


def test_an_interrupted_change_of_root_is_finished(pas: RunPas, estate: Path) -> None:
    workspace = open_workspace(estate, environment={})
    old, new = read_root_key(workspace.keys_dir, workspace.directory_store.roots()[0].key.id), SigningKey.generate()
    add_root_key(workspace.keys_dir, new)
    workspace.directory_store.add_root(old, new.verify_key)
    renewed = json.loads(pas("directory", "rotate-root", "--json", cwd=estate, code=0).out)
    assert renewed == {"directory_version": 2, "root": new.id}
    again = json.loads(pas("directory", "rotate-root", "--json", cwd=estate, code=0).out)
    assert again["directory_version"] == 3
    assert again["root"] != new.id


def test_a_new_root_takes_over(pas: RunPas, estate: Path) -> None:
    pinned = (estate / "directory" / "root.pub").read_bytes()
    renewed = json.loads(pas("directory", "rotate-root", "--json", cwd=estate, code=0).out)
    assert renewed["directory_version"] == 2
    assert (estate / "directory" / "root.pub").read_bytes() == pinned
    pas("directory", "retire", "lea:93", cwd=estate, code=0)
    assert not list_offices(pas, estate)["lea:93"]["active"]


def test_going_back_and_tampering_are_told(pas: RunPas, estate: Path) -> None:
    pas("directory", "retire", "lea:93", cwd=estate, code=0)
    newest = estate / "directory" / "0002.snapshot"
    data = newest.read_bytes()
    newest.write_bytes(data.replace(b"lea:93", b"lea:92"))
    assert "is not signed by the directory's root key" in pas("directory", "list", cwd=estate, code=1).err
    newest.unlink()
    assert "version 1, but 2 was in use before" in pas("directory", "list", cwd=estate, code=1).err
    newest.write_bytes(data)
    assert not list_offices(pas, estate)["lea:93"]["active"]


def test_an_expired_directory_is_used_with_a_warning(pas: RunPas, estate: Path) -> None:
    shown = pas("directory", "list", "--json", cwd=estate, env={"PAS_CLOCK": "2090-01-01T00:00:00Z"}, code=0)
    assert len(json.loads(shown.out)) == 467
    assert shown.err.startswith("warning: The directory (version 1) expired on ")


def test_misuse_is_two(pas: RunPas, estate: Path) -> None:
    for asked in (("list", "--at", "yesterday"), ("retire",), ("histroy", "pas"), ("retire", "pas", "--frobnicate")):
        refused = pas("directory", *asked, cwd=estate, code=2)
        assert refused.out == ""
        assert refused.err.startswith("error: ")
        assert "hint: `pas directory" in refused.err
    assert "knows no lea:99" in pas("directory", "history", "lea:99", cwd=estate, code=1).err
