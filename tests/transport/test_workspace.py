"""Workspaces: where one is found, which clock it runs on, and what production refuses of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pas_schemas.errors import DirectoryError, KeyringError, SettingsError
from pas_transport.founding import found_workspace
from pas_transport.workspace import Workspace, find_root, open_workspace

NOVEMBER = "2015-11-18T12:00:00Z"


def bare(folder: Path, text: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pas.toml").write_text(text, "utf-8")
    return folder


def test_the_option_beats_the_variable_beats_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    option, variable, near = bare(tmp_path / "option"), bare(tmp_path / "variable"), bare(tmp_path / "near")
    inside = near / "a" / "b"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    environment = {"PAS_WORKSPACE": str(variable)}
    assert find_root(option, environment) == option
    assert find_root(None, environment) == variable
    assert find_root(None, {}) == near


def test_a_folder_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"There is no pas\.toml here or above"):
        find_root(None, {})
    with pytest.raises(SettingsError, match="is no workspace"):
        find_root(tmp_path / "other", {})


def test_a_folder_may_be_named_by_text_too(tmp_path: Path) -> None:
    assert open_workspace(str(bare(tmp_path / "ws")), environment={}).root == tmp_path / "ws"
    with pytest.raises(SettingsError, match="is no workspace"):
        open_workspace(str(tmp_path), environment={})


def test_the_first_command_that_sees_pas_clock_sets_it_for_all(tmp_path: Path) -> None:
    root = bare(tmp_path / "ws")
    assert open_workspace(root, environment={}).shift_ms == 0
    first = open_workspace(root, environment={"PAS_CLOCK": NOVEMBER})
    off = abs(first.clock.now() - datetime(2015, 11, 18, 12, tzinfo=UTC))
    assert off < timedelta(minutes=1)
    note = json.loads((root / "clock.json").read_bytes())
    assert note["clock"] == NOVEMBER
    # Later commands run on it without the variable, and with another.
    assert open_workspace(root, environment={}).shift_ms == first.shift_ms
    assert open_workspace(root, environment={"PAS_CLOCK": "2020-01-01T00:00:00Z"}).shift_ms == first.shift_ms


def test_the_clock_goes_on_running(tmp_path: Path) -> None:
    root = bare(tmp_path / "ws")
    (root / "clock.json").write_text('{"clock": "2015-11-18T12:00:00Z", "real": "2026-01-01T00:00:00.250Z"}')
    workspace = open_workspace(root, environment={})
    real = datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)
    assert timedelta(milliseconds=workspace.shift_ms) == datetime(2015, 11, 18, 12, tzinfo=UTC) - real
    before = workspace.clock.now()
    assert workspace.clock.now() >= before


@pytest.mark.parametrize("told", ["yesterday", "2015-11-18", "2015-11-18T12:00:00+01:00"])
def test_a_clock_that_is_no_time_is_refused_and_not_kept(tmp_path: Path, told: str) -> None:
    root = bare(tmp_path / "ws")
    with pytest.raises(SettingsError, match="PAS_CLOCK is not a time"):
        open_workspace(root, environment={"PAS_CLOCK": told})
    assert not (root / "clock.json").exists()


@pytest.mark.parametrize("told", ["0001-01-01T00:00:00Z", "9000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_clock_at_the_end_of_time_is_refused_and_not_kept(tmp_path: Path, told: str) -> None:
    """What a directory, a key or a deadline adds to it must still be a time."""
    with pytest.raises(SettingsError, match="PAS_CLOCK is not between 1970 and 9000"):
        found_workspace(tmp_path / "ws", "embedded", None, {"PAS_CLOCK": told})
    assert not (tmp_path / "ws" / "clock.json").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"clock": 1, "real": 2}', '{"clock": "x", "real": "y"}'])
def test_a_damaged_clock_stops_everything(tmp_path: Path, text: str) -> None:
    root = bare(tmp_path / "ws")
    (root / "clock.json").write_text(text)
    with pytest.raises(SettingsError, match=r"clock\.json is damaged"):
        open_workspace(root, environment={})


def test_production_refuses_a_clock_told_or_kept(tmp_path: Path) -> None:
    root = bare(tmp_path / "ws", "production = true")
    assert open_workspace(root, environment={}).shift_ms == 0
    with pytest.raises(SettingsError, match="refuses PAS_CLOCK"):
        open_workspace(root, environment={"PAS_CLOCK": NOVEMBER})
    (root / "clock.json").write_text(f'{{"clock": "{NOVEMBER}", "real": "{NOVEMBER}"}}')
    with pytest.raises(SettingsError, match="refuses PAS_CLOCK"):
        open_workspace(root, environment={})


def test_init_under_pas_clock_is_the_first_command(tmp_path: Path) -> None:
    snapshot = found_workspace(tmp_path / "ws", "embedded", None, {"PAS_CLOCK": NOVEMBER})
    assert snapshot.issued_at == datetime(2015, 11, 18, 12, tzinfo=UTC)


def test_production_refuses_example_keys_of_directory_and_keyring(estate: Path) -> None:
    (estate / "pas.toml").write_text("production = true\n")
    workspace = open_workspace(estate, environment={})
    with pytest.raises(DirectoryError, match="example keys"):
        workspace.directory()
    with pytest.raises(DirectoryError, match="example keys"):
        workspace.keyring("pas")


def test_paths_are_taken_from_the_workspace(tmp_path: Path) -> None:
    root = bare(tmp_path / "ws", 'rulebook_path = "rules/r.toml"')
    workspace = open_workspace(root, environment={})
    assert workspace.rulebook_path == root / "rules" / "r.toml"
    assert workspace.register_url == f"sqlite:///{root}/register.db"
    assert workspace.inbox_dir("pio:WSI") == root / "inbox" / "pio.WSI"


def test_the_registers_password_comes_from_its_file(tmp_path: Path) -> None:
    root = bare(tmp_path / "ws", 'register_url = "postgresql://pas@db/pas"\nregister_password_path = "secret"')
    workspace = open_workspace(root, environment={})
    with pytest.raises(SettingsError, match="secret file secret cannot be read"):
        _ = workspace.register_url
    (root / "secret").write_text("a/b@c\n")
    assert workspace.register_url == "postgresql://pas:a%2Fb%40c@db/pas"
    assert "a/b@c" not in repr(workspace)


def test_an_expired_directory_is_complained_of_once_and_used(estate: Path) -> None:
    said: list[str] = []
    (estate / "clock.json").write_text('{"clock": "2090-01-01T00:00:00Z", "real": "2026-01-01T00:00:00Z"}')
    workspace = open_workspace(estate, lambda sentence, _hint: said.append(sentence), environment={})
    assert workspace.directory() is workspace.directory()
    assert len(said) == 1
    assert "expired" in said[0]


def test_keyring_of_an_office_without_keys(workspace: Workspace) -> None:
    with pytest.raises(KeyringError, match="There are no keys of pio:NONE in this workspace"):
        workspace.keyring("pio:NONE")


def test_held_offices_are_all_of_the_example_and_not_the_root(workspace: Workspace) -> None:
    assert workspace.held_offices() == tuple(sorted(office.id for office in workspace.directory().offices))
