"""The whole way on a real Kafka, by the commands a person types: the story comes out as it does on the embedded log."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from conftest import RunPas
from pas_gateway.demo.outcomes import compare, trace_all
from pas_gateway.demo.story import tell_story
from pas_gateway.register import open_store
from pas_transport.workspace import open_workspace

ROUTINE, REFUSED = 0, 1


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_story_comes_out_on_kafka_as_it_is_written(pas: RunPas, kafka: str, tmp_path: Path) -> None:
    env = {"PAS_KAFKA_PREFIX": f"e{secrets.token_hex(4)}."}
    pas("init", "ws", "--transport", "kafka", "--bootstrap", kafka, code=0)
    root = tmp_path / "ws"
    workspace = open_workspace(root, environment=env)
    story = tell_story(workspace.clock.now())
    reports = write_lines(tmp_path / "reports.ndjson", list(story.reports))
    movements = write_lines(tmp_path / "movements.ndjson", list(story.movements))

    before = pas("publish", reports, cwd=root, env=env, code=REFUSED)
    assert before.out == ""
    assert before.err.splitlines()[-2:] == ["error: Kafka has no topic pas.reports", "hint: PAS makes it with `pas topics apply`"]

    shown = json.loads(pas("topics", "apply", "--dry-run", "--json", cwd=root, env=env, code=ROUTINE).out)
    made = json.loads(pas("topics", "apply", "--json", cwd=root, env=env, code=ROUTINE).out)
    assert {**shown, "dry_run": False} == made
    assert len(made["topics"]) == 8 + len(workspace.directory().offices)
    assert json.loads(pas("topics", "apply", "--json", cwd=root, env=env, code=ROUTINE).out)["topics"] == []

    pas("movements", "import", movements, cwd=root, env=env, code=ROUTINE)
    told = json.loads(pas("publish", reports, "--json", cwd=root, env=env).out)
    repeated = json.loads(pas("publish", reports, "--json", cwd=root, env=env).out)
    assert (repeated["published"], repeated["repeated"]) == (0, told["published"])

    ran = json.loads(pas("gateway", "run", "--workers", "2", "--until-idle", "--json", cwd=root, env=env, code=ROUTINE).out)
    assert (ran["movements"], ran["quarantined"]) == (len(story.movements), 0)
    traces = trace_all(open_store(workspace.register_url), workspace.keyring("pas").register_key(), story.reports)
    assert compare(story.reports, story.expected, (), traces) == []

    [first, *_] = [
        json.loads(line) for line in pas("inbox", "list", "--as", "pio:WSI", "--json", cwd=root, env=env, code=ROUTINE).out.splitlines()
    ]
    assert first["state"] == "DELIVERED"
    took = json.loads(pas("gateway", "run", "--until-idle", "--json", cwd=root, env=env, code=ROUTINE).out)
    assert took["replies"] > 0
