"""deploy/compose.yaml against what it starts: every argument, setting, volume, port and health check; no engine is needed.

What is not shown here, for want of one: that the images start. docs/docker.md says so.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
from guarded_node import CONTROLLER_PORT, DATA
from kafka_node import fetch, find_free_port, make_java

from conftest import RunPas
from deploy.compose import DEPLOY, listed, mounts, own_services, parse, read_compose, read_dockerfile, services
from forked_pas import PAS
from kafka_broker import LEAVES_SOCKETS, skip_without_kafka
from pas_transport.keyring import list_offices
from pas_transport.settings import Settings, read_settings
from pas_transport.workspace import open_workspace

OFFICE = "security:WSI"
ALL = services()
OWN = own_services()
ENTRYPOINT = ["pas"]


def typed(service: dict[str, Any]) -> list[list[str]]:
    """Every command line of `pas` that a service runs."""
    if "entrypoint" not in service:
        return [service["command"]]
    found = re.findall(r"\bpas ([^;|&]+)", service["command"][0]) if service["entrypoint"][:2] == ["/bin/sh", "-c"] else []
    return [line.split() for line in found]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The volumes that the service `example` mounts, as it leaves them."""
    root = tmp_path_factory.mktemp("volumes")
    for volume in ("pas", "office", "secret", "guard", "admin"):
        (root / volume).mkdir()
    for _ in range(2):  # started again, it leaves what it finds
        run_example(root)
    return root


def run_example(root: Path) -> None:
    words = [str(root) + word if word.startswith("/") else word for word in ALL["example"]["command"]]
    environment = {"PATH": f"{PAS.parent}{os.pathsep}{os.environ['PATH']}", **ALL["example"]["environment"]}
    subprocess.run(["/bin/sh", str(DEPLOY / "example.sh"), *words], env=environment, check=True, capture_output=True, timeout=300)


@pytest.mark.parametrize("name", [name for name in OWN if name != "example"])
def test_every_command_line_is_one_of_ours(name: str) -> None:
    lines = typed(OWN[name])
    assert lines
    for words in lines:
        parse(words)


@pytest.mark.parametrize("line", ["gateway run --wrokers 2", "gateway runn", "inbox list", "topics apply now"])
def test_a_line_that_is_none_is_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line.split())


@pytest.mark.parametrize("name", [name for name in OWN if name != "example"])
def test_every_setting_is_one_and_has_a_value_that_counts(made: Path, name: str) -> None:
    environment = {key: str(value) for key, value in OWN[name]["environment"].items()}
    workspace = Path(str(made) + environment["PAS_WORKSPACE"])
    settings = read_settings(workspace / "pas.toml", environment)
    assert settings.transport == "kafka"
    assert settings.bootstrap == ALL["example"]["command"][-1]
    assert settings.example


def test_the_example_gives_each_volume_what_is_its_own(made: Path) -> None:
    pas, office = open_workspace(made / "pas/estate", environment={}), open_workspace(made / "office/estate", environment={})
    assert len(list_offices(pas.keys_dir)) > 400
    assert list_offices(office.keys_dir) == (OFFICE,)
    assert office.keyring(OFFICE).opening().keys() == pas.keyring(OFFICE).opening().keys()
    assert office.directory().version == pas.directory().version
    assert office.shift_ms == pas.shift_ms != 0
    assert not (made / "office/estate.draft").exists()


def test_the_password_is_made_once_and_is_one(made: Path) -> None:
    file = made / "secret/register"
    first = file.read_text("ascii")
    assert re.fullmatch(r"[0-9a-f]{64}", first)
    assert stat.S_IMODE(file.stat().st_mode) == 0o444
    run_example(made)
    assert file.read_text("ascii") == first


def test_hosts_ports_and_names_agree(made: Path) -> None:
    bootstrap = urlsplit("//" + ALL["example"]["command"][-1])
    kafka, gateway, postgres = read_properties(made / "guard/server.properties"), ALL["gateway"], ALL["postgres"]["environment"]
    assert bootstrap.hostname in ALL
    assert kafka["advertised.listeners"] == f"SASL_SSL://{bootstrap.hostname}:{bootstrap.port}"
    assert kafka["listeners"].split(",")[0] == f"SASL_SSL://:{bootstrap.port}"
    assert ALL["kafka"]["healthcheck"]["test"][-1] == f"localhost:{bootstrap.port}"
    assert any(kafka["log.dirs"].startswith(mount) for mount in mounts(ALL["kafka"]))
    register = urlsplit(gateway["environment"]["PAS_REGISTER_URL"])
    assert register.hostname in ALL
    assert (register.username, register.path) == (postgres["POSTGRES_USER"], "/" + postgres["POSTGRES_DB"])
    assert gateway["environment"]["PAS_REGISTER_PASSWORD_PATH"] == postgres["POSTGRES_PASSWORD_FILE"] == ALL["example"]["command"][3]
    port = gateway["environment"]["PAS_METRICS_ADDRESS"].rpartition(":")[2]
    assert gateway["ports"] == [f"127.0.0.1:{port}:{port}"], "nobody but this machine may ask"
    assert f"127.0.0.1:{port}/ready" in gateway["healthcheck"]["test"][-1]
    assert ALL["example"]["command"][2] == OFFICE
    assert all(words[words.index("--as") + 1] == OFFICE for words in typed(ALL["inbox"]))


def test_every_folder_named_is_mounted() -> None:
    named = {volume for service in ALL.values() for volume in mounts(service).values() if not volume.startswith(".")}
    assert named == set(read_compose()["volumes"])
    for service in OWN.values():
        folders = [word for word in service.get("command", ()) if word.startswith("/")]
        folders += [value for value in map(str, service["environment"].values()) if value.startswith("/")]
        for folder in folders:
            assert any(f"{folder}/".startswith(f"{mount}/") for mount in mounts(service)), folder
    assert mounts(ALL["example"])["/deploy/example.sh"] == "./example.sh"
    assert ALL["example"]["entrypoint"][1] == "/deploy/example.sh"


def test_the_inbox_sees_nothing_of_pas() -> None:
    assert set(mounts(ALL["inbox"])) == {"/office"}
    assert "PAS_REGISTER_URL" not in ALL["inbox"]["environment"]
    assert all("secret" not in mounts(ALL[name]).values() for name in ("inbox", "kafka"))


def test_the_administrators_password_is_with_who_applies_topics_and_kafka(made: Path) -> None:
    """It lies in two volumes, and nobody else mounts them once the example is made."""
    password = (made / "admin/password").read_text("ascii").strip()
    holding = {path.relative_to(made).parts[0] for path in made.rglob("*") if path.is_file() and password.encode() in path.read_bytes()}
    assert holding == {"admin", "guard"}
    mounting = {name for name, service in ALL.items() if holding & set(mounts(service).values())}
    assert mounting == {"example", "topics", "kafka"}
    for folder in ("pas/estate", "office/estate"):
        assert stat.S_IMODE((made / folder / "kafka-users/security.wsi").stat().st_mode) == 0o600
    run_example(made)
    assert (made / "admin/password").read_text("ascii").strip() == password


@pytest.fixture
def node(made: Path, tmp_path: Path) -> Iterator[Path]:
    """Kafka without a container, by the command line and the settings that it would have in one; the volumes, told where it is."""
    skip_without_kafka()
    root, port = tmp_path / "volumes", find_free_port()
    shutil.copytree(made, root)
    places = {"/guard": str(root / "guard"), DATA: str(tmp_path / "kafka"), "kafka:9092": f"localhost:{port}", ":9092": f":{port}"}
    places[f":{CONTROLLER_PORT}"] = f":{find_free_port()}"
    settings = root / "guard/server.properties"
    settings.chmod(0o644)
    settings.write_text(put(settings.read_text(), places))
    classes = {"/opt/kafka/bin/kafka-storage.sh": "kafka.tools.StorageTool", "/opt/kafka/bin/kafka-server-start.sh": "kafka.Kafka"}
    fetch()
    java = shlex.join(make_java("-Xmx384m")) + " "
    [line] = ALL["kafka"]["command"]
    typed = put(line.replace("$$", "$"), {script: java + name for script, name in classes.items()} | places)
    (root / "bootstrap").write_text(f"localhost:{port}")
    with (tmp_path / "kafka.log").open("wb") as log:
        process = subprocess.Popen(["/bin/sh", "-c", typed], stdout=log, stderr=log)
        try:
            yield root
        finally:
            process.kill()
            process.wait()


def put(text: str, places: dict[str, str]) -> str:
    for former, now in places.items():
        text = text.replace(former, now)
    return text


def environment_of(name: str, root: Path) -> dict[str, str]:
    """A service's variables, its volumes being here, and a register that needs no server."""
    given = {key: str(root) + value if value.startswith("/") else value for key, value in map(_as_text, ALL[name]["environment"].items())}
    left_out = {"PAS_REGISTER_URL", "PAS_REGISTER_PASSWORD_PATH", "PAS_METRICS_ADDRESS"}
    return {key: value for key, value in given.items() if key not in left_out} | {"PAS_BOOTSTRAP": (root / "bootstrap").read_text()}


def _as_text(pair: tuple[str, Any]) -> tuple[str, str]:
    return pair[0], str(pair[1])


@LEAVES_SOCKETS
def test_kafka_lets_in_whom_it_should_and_nobody_else(node: Path, pas: RunPas) -> None:
    """As compose starts it: topics, then the gateway and the inbox, each as its own user."""
    patient = {"PAS_KAFKA_WAIT_SECONDS": "120"}
    topics, gateway, inbox = (environment_of(name, node) | patient for name in ("topics", "gateway", "inbox"))
    applied = json.loads(pas(*ALL["topics"]["command"], "--json", cwd=node, env=topics, code=0).out)
    assert applied["guarded"]
    assert "pas.deliveries.security.WSI" in applied["topics"]
    assert "security.wsi" in applied["users"]
    assert json.loads(pas("gateway", "run", "--until-idle", "--json", cwd=node, env=gateway, code=0).out)["sent"] == 0
    assert pas("inbox", "list", "--as", OFFICE, "--json", cwd=node, env=inbox, code=0).out == ""
    stranger = {key: value for key, value in inbox.items() if key not in {"PAS_KAFKA_USER", "PAS_KAFKA_PASSWORD_PATH"}}
    # Whoever shows nothing is never answered: that need not be waited for long.
    for wrong, told in (
        (stranger | {"PAS_KAFKA_WAIT_SECONDS": "2"}, "No Kafka broker answered"),
        (inbox | {"PAS_KAFKA_PASSWORD_PATH": str(node / "admin/password")}, "does not take the credentials"),
    ):
        assert told in pas("inbox", "list", "--as", OFFICE, cwd=node, env=wrong, code=1).err
    refused = pas("gateway", "run", "--until-idle", cwd=node, env=gateway | {key: inbox[key] for key in inbox if "KAFKA" in key}, code=1)
    assert "does not allow" in refused.err or "does not show" in refused.err


def read_properties(path: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {key: value for key, _, value in lines}


def test_what_is_waited_for_can_be_told() -> None:
    for service in ALL.values():
        for awaited, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in ALL[awaited]
            else:
                assert how["condition"] == "service_completed_successfully"
                assert "restart" not in ALL[awaited], "what is started again and again is never over"


def test_images_are_named_by_tag_and_no_registry_is_named() -> None:
    bases = [rest.split()[0] for stage in read_dockerfile() for rest in listed(stage, "FROM")]
    for image in [*bases, *(service["image"] for service in ALL.values())]:
        name, _, tag = image.rpartition(":")
        assert name, image
        assert tag != "latest"
        assert re.search(r"\d", tag)
        assert "." not in name.split("/")[0] if "/" in name else True


def test_services_of_ours_may_do_little() -> None:
    for service in OWN.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert "user" not in service, "the image's own user, who is nobody"
        assert "privileged" not in service


@pytest.mark.parametrize(("status", "healthy"), [(HTTPStatus.OK, True), (HTTPStatus.SERVICE_UNAVAILABLE, False)])
def test_health_is_what_the_gateway_answers(status: HTTPStatus, healthy: bool) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/ready" else HTTPStatus.NOT_FOUND)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script = ALL["gateway"]["healthcheck"]["test"]
        assert script[:3] == ["CMD", "python", "-c"]
        asked = script[3].replace(":9464/", f":{server.server_port}/")
        done = subprocess.run([sys.executable, "-c", asked], check=False, capture_output=True, timeout=300)
        server.shutdown()
    assert (done.returncode == 0) == healthy


def test_settings_named_are_all_there() -> None:
    named = {key for service in OWN.values() for key in service["environment"] if key.startswith("PAS_")}
    assert {key.removeprefix("PAS_").lower() for key in named - {"PAS_WORKSPACE", "PAS_CLOCK"}} <= set(Settings.model_fields)
