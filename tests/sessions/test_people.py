"""Sessions with `pas keys new --person` and `pas directory people`: from a passphrase to a name on the list, and off it."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import RunPas


def test_a_person_is_enrolled_and_leaves(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("correct horse battery\n")
    new = ("keys", "new", "--office", "pas", "--person", "a1234", "--post", "reviewer", "--role", "review", "--recused", "01")
    made = pas(*new, "--passphrase-file", tmp_path / "words", "--json", cwd=estate, code=0)
    answer = json.loads(made.out)
    assert list(answer) == ["office", "person", "request", "fingerprint"]
    assert made.err == ""
    wrong = pas("directory", "add", answer["request"], "--fingerprint", "0000", cwd=estate, code=1)
    assert wrong.err.startswith("error: The fingerprint is not that of the request.\n")
    added = pas("directory", "add", answer["request"], "--fingerprint", answer["fingerprint"], "--json", cwd=estate, code=0)
    assert json.loads(added.out) == {"office": "pas", "person": "a1234", "directory_version": 2}
    listed = json.loads(pas("directory", "people", "--office", "pas", "--json", cwd=estate, code=0).out)
    mine = next(row for row in listed if row["person"] == "a1234")
    assert (mine["post"], mine["roles"], mine["recused"], mine["to"]) == ("reviewer", ["review"], ["01"], None)
    pas("directory", "retire", "pas", "--person", "a1234", cwd=estate, code=0)
    assert "a1234" not in pas("directory", "people", cwd=estate, code=0).out
    # The office itself stands as before.
    offices = json.loads(pas("directory", "list", "--json", cwd=estate, code=0).out)
    assert next(office for office in offices if office["office"] == "pas")["active"]


def test_mistakes_get_one_sentence(pas: RunPas, estate: Path, tmp_path: Path) -> None:
    new = ("keys", "new", "--office", "pas", "--person")
    (tmp_path / "short").write_text("short")
    (tmp_path / "words").write_text("correct horse battery")
    assert "holds a post" in pas(*new, "a1", "--passphrase-file", tmp_path / "words", cwd=estate, code=2).err
    assert "at least 12" in pas(*new, "a1", "--post", "p", "--passphrase-file", tmp_path / "short", cwd=estate, code=2).err
    assert "cannot be read" in pas(*new, "a1", "--post", "p", "--passphrase-file", tmp_path / "none", cwd=estate, code=2).err
    assert "nobody is here to type it" in pas(*new, "a1", "--post", "p", cwd=estate, code=2).err
    assert "no staff reference" in pas(*new, "Jo Name", "--post", "p", "--passphrase-file", tmp_path / "words", cwd=estate, code=1).err
    assert "is a person's" in pas("keys", "new", "--office", "lea:94", "--post", "p", cwd=estate, code=2).err
    taken = pas(*new, "example-head", "--post", "p", "--passphrase-file", tmp_path / "words", cwd=estate, code=1)
    assert taken.err == "error: There is a key of that person here already.\nhint: --again makes a new one in its place\n"
    assert "no such person" in pas("directory", "retire", "pas", "--person", "nobody", cwd=estate, code=1).err
