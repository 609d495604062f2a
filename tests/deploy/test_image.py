"""deploy/Dockerfile: its steps that are plain Python are run in a folder, and the wheel works where no source is.

With PAS_TEST_IMAGE=1 what the lock files name is downloaded as in the image; else it is lent by the environment of the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deploy.compose import DEPLOY, listed, read_dockerfile

# What its tests share is made once: in one process.
pytestmark = pytest.mark.xdist_group("image")

ROOT = DEPLOY.parent
BUILD, FINAL = read_dockerfile()
DOWNLOADS = "PAS_TEST_IMAGE" in os.environ


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder /opt/pas as the first stage leaves it, and beside it nothing of the source."""
    root = tmp_path_factory.mktemp("image")
    source = root / "src"
    for entry in sent():
        (shutil.copytree if (ROOT / entry).is_dir() else shutil.copy)(ROOT / entry, make_room(source / entry))
    shutil.copy(source / "deploy/runtime.lock", source / "runtime.lock")  # COPY ... ./
    for line in listed(BUILD, "RUN"):
        for step in line.split(" && "):
            run_step(step, root, source)
    shutil.rmtree(source)
    return root / "opt/pas"


def sent() -> list[str]:
    """What the builder is sent of the tree."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def make_room(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def run_step(step: str, root: Path, source: Path) -> None:
    words = step.replace("/opt/", f"{root}/opt/")
    if not DOWNLOADS:
        if "--require-hashes" in words:
            lend(root)
            return
        if words.endswith("/opt/tools"):
            return
        words = words.replace(f"{root}/opt/tools/bin/python -m hatchling", f"{sys.executable} -m hatchling")
    words = re.sub(r"^python ", f"{sys.executable} ", words)
    done = subprocess.run(["/bin/sh", "-c", words], check=False, cwd=source, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def lend(root: Path) -> None:
    """The tests' own packages, and not the tree that is installed among them: a folder named in a .pth reads no further .pth."""
    site = Path(sysconfig.get_path("purelib", vars={"base": str(root / "opt/pas"), "platbase": str(root / "opt/pas")}))
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")


def run_pas(image: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{image / 'bin'}:/usr/bin:/bin", "HOME": str(cwd), "NO_COLOR": "1"}
    return subprocess.run(["pas", *words], check=False, cwd=cwd, env=environment, capture_output=True, text=True, timeout=110)


def test_what_is_installed_comes_from_the_wheel(image: Path, tmp_path: Path) -> None:
    names = ("pas_schemas", "pas_transport", "pas_producers", "pas_gateway", "pas_consumers")
    asked = f"import {', '.join(names)}; print(*(m.__file__ for m in ({', '.join(names)})), sep='\\n')"
    done = subprocess.run([image / "bin/python", "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(next((image / "lib").glob("python*")) / f"site-packages/{name}/__init__.py") for name in names]


def test_every_file_a_package_needs_is_in_the_wheel(image: Path) -> None:
    site = next((image / "lib").glob("python*")) / "site-packages"
    for folder in ("schemas", "transport", "producers", "gateway", "consumers"):
        package = next((ROOT / folder).glob("pas_*"))
        wanted = {path.relative_to(ROOT / folder) for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        assert {path for path in wanted if not (site / path).exists()} == set()


def test_commands_work_where_no_source_is(image: Path, tmp_path: Path) -> None:
    """Schemas, rulebook, reference tables and migrations come from the wheel; so does the story, which is played with PAS_TEST_IMAGE."""
    shown = run_pas(image, "--help", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert {"publish", "gateway", "inbox", "topics"} <= set(re.findall(r"^  ([a-z]+) ", shown.stdout, re.MULTILINE))
    for words in (["init", "ws"], ["--workspace", "ws", "gateway", "run", "--until-idle"], *([["demo", "world"]] if DOWNLOADS else [])):
        done = run_pas(image, *words, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_nobodys() -> None:
    user = listed(FINAL, "USER")
    assert user == ["10001:10001"]
    assert "--uid 10001" in " ".join(listed(FINAL, "RUN"))
    assert [word for word, _ in FINAL].index("USER") > max(n for n, (word, _) in enumerate(FINAL) if word in {"RUN", "COPY"})
    assert listed(FINAL, "ENTRYPOINT") == ['["pas"]']
    assert not {"ADD", "EXPOSE", "VOLUME"} & {word for stage in (BUILD, FINAL) for word, _ in stage}


def test_what_is_copied_is_sent() -> None:
    for rest in listed(BUILD, "COPY"):
        for name in rest.split()[:-1]:
            assert name == "." or any(name == entry or name.startswith(entry + "/") for entry in sent()), name
    for entry in sent():
        assert (ROOT / entry).exists(), entry
    assert not {"keys", ".git", "tests", ".venv"} & set(sent())


def test_the_runtime_lock_is_the_lock_without_what_only_developers_need() -> None:
    """Same versions, same hashes; all that the package needs, and nothing besides."""
    whole, small = read_lock(ROOT / "requirements.lock"), read_lock(DEPLOY / "runtime.lock")
    assert {name: whole.get(name) for name in small} == small
    needed = closure("pas-broker")
    assert needed - {"pas-broker"} <= set(small)
    # What the lock names besides is for other systems.
    assert {name for name in set(small) - needed if ";" not in small[name][0]} == set()


def read_lock(path: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for entry in path.read_text("utf-8").replace(" \\\n", " ").splitlines():
        words = re.split(r"\s+(?=--hash)", entry.strip())
        found[re.split(r"==", words[0])[0]] = (words[0], *sorted(words[1:]))
    return found


def closure(name: str, extras: frozenset[str] = frozenset(), seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """A distribution and all it requires here."""
    found = {name}
    for line in distribution(name).requires or ():
        wanted = Requirement(line)
        key = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if key not in seen and (wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in {"", *extras})):
            found |= closure(key, frozenset(wanted.extras), seen | found)
    return frozenset(found)
