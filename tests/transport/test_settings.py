"""Settings: one frozen model, every mistake told with the key to mend and never with a value."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from pas_schemas.errors import SettingsError
from pas_transport.settings import Settings, read_settings

CANARY = "hunter2-canary"
SAFE_KAFKA = 'transport = "kafka"\nbootstrap = "k:9093"\nkafka_ca_path = "ca.pem"\nkafka_user = "pas"\nkafka_password_path = "pw"'


def read(tmp_path: Path, text: str, **environment: str) -> Settings:
    file = tmp_path / "pas.toml"
    file.write_text(text, "utf-8")
    return read_settings(file, environment)


def test_an_empty_file_is_a_workspace_on_one_host(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert (settings.transport, settings.production, settings.hosts) == ("embedded", False, 1)


def test_variables_override_the_file(tmp_path: Path) -> None:
    settings = read(tmp_path, 'post = "duty-governor"', PAS_POST="deputy-governor", PAS_PERSON="s-77", PAS_SNAPSHOT_VALID_DAYS="30")
    assert (settings.post, settings.person, settings.snapshot_valid_days) == ("deputy-governor", "s-77", 30)


def test_variables_that_are_no_settings_are_left_alone(tmp_path: Path) -> None:
    assert read(tmp_path, "", PAS_WORKSPACE="x", PAS_CLOCK="y", PAS_TEST_KAFKA="z", PAS_REQUIRE_KAFKA="1", PATH="p") == Settings()


def test_it_is_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().production = True  # type: ignore[misc]  # that it cannot be done is what is tested


@pytest.mark.parametrize(
    ("text", "environment", "sentence", "hint"),
    [
        ('transprot = "kafka"', {}, "pas.toml has an unknown setting `transprot`.", "the nearest known one is `transport`"),
        ("", {"PAS_KEY_DIR": "x"}, "the environment has an unknown setting `PAS_KEY_DIR`.", "the nearest known one is `PAS_KEYS_DIR`"),
        ('transport = "rabbit"', {}, "pas.toml: `transport`: input should be 'embedded' or 'kafka'.", "mend it there"),
        ("hosts = 0", {}, "pas.toml: `hosts`: input should be greater than or equal to 1.", "it is machines"),
        ("", {"PAS_HOSTS": "many"}, "the environment: `PAS_HOSTS`: input should be a valid integer", "it is machines"),
        ('transport = "kafka"', {}, "pas.toml: `transport` is kafka, but `bootstrap` does not say where it is.", "mend pas.toml"),
        ("post = 1\ntransport = = 2", {}, "pas.toml is not TOML (at line 2, column 13)", "mend that line"),
        ('post = "Mr Smith"', {}, "pas.toml: `post`: string should match pattern", "the post that replies name"),
        ("", {"PAS_PERSON": "s1 "}, "the environment: `PAS_PERSON`: string should match pattern", "the staff reference"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, environment: dict[str, str], sentence: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text, **environment)
    assert caught.value.sentence.startswith(sentence)
    assert hint in caught.value.hint


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "pas.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_settings(tmp_path / "pas.toml", {})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("production = true\nexample = true", "example estate"),
        ("production = true\nhosts = 2", "embedded log"),
        ('production = true\nmetrics_address = "0.0.0.0:9464"', "`metrics_address` that others than this machine reach"),
        ('production = true\nmetrics_address = "[::]:9464"', "`metrics_address` that others than this machine reach"),
        ('production = true\nmetrics_address = "127.0.0.1.example:9464"', "`metrics_address` that others than this machine reach"),
        (f"production = true\nhosts = 2\n{SAFE_KAFKA}", "SQLite register"),
        ('production = true\ntransport = "kafka"\nbootstrap = "k:9092"', "without TLS"),
        ('production = true\ntransport = "kafka"\nbootstrap = "k:9093"\nkafka_ca_path = "ca.pem"', "credentials"),
    ],
)
def test_production_refuses_what_is_unsafe(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(SettingsError, match=f"`production` refuses .*{word}"):
        read(tmp_path, text)


@pytest.mark.parametrize("address", ["127.0.0.1:9464", "localhost:9464", "[::1]:9464", '0.0.0.0:9464"\nmetrics_open = "true'])
def test_production_lets_this_machine_watch_and_others_where_it_is_said(tmp_path: Path, address: str) -> None:
    assert read(tmp_path, f'production = true\nmetrics_address = "{address}"').metrics_address


@pytest.mark.parametrize(
    "address", ["", "9464", "127.0.0.1", ":9464", "127.0.0.1:0", "127.0.0.1:65536", "::1:9464", "a b:9464", "h:9464/x"]
)
def test_an_address_is_a_host_and_a_port(tmp_path: Path, address: str) -> None:
    with pytest.raises(SettingsError, match="metrics_address"):
        read(tmp_path, f'metrics_address = "{address}"')


def test_production_takes_what_is_safe(tmp_path: Path) -> None:
    text = f'production = true\nhosts = 2\n{SAFE_KAFKA}\nregister_url = "postgresql://pas@db/pas?sslmode=verify-full"'
    assert read(tmp_path, text).production


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://pas@db/pas?sslmode=verify-full",
        "postgresql+psycopg://pas@db:5432/pas?sslrootcert=/etc/pas/db-ca.pem&sslmode=verify-full",
        "postgresql://pas@127.0.0.1:5432/pas",
        "postgresql://pas@[::1]/pas?sslmode=disable",
        "postgresql://pas@localhost/pas",
        "postgresql://pas@/pas?host=/var/run/postgresql",
        "postgresql://pas@/pas?host=localhost:5432&host=127.0.0.1",
    ],
)
def test_production_takes_a_register_on_a_safe_way(tmp_path: Path, url: str) -> None:
    assert read(tmp_path, f'production = true\nregister_url = "{url}"').production


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://pas@db/pas",
        "postgresql://pas@db/pas?sslmode=require",
        "postgresql://pas@db/pas?sslmode=verify-ca",
        "postgresql://pas@db/pas?sslmode=VERIFY-FULL",
        "postgresql://pas@db/pas?sslmode=verify-full&sslmode=disable",
        "postgresql://pas@db/pas?application_name=sslmode=verify-full",
        "postgresql://pas@db/sslmode=verify-full",
        "postgresql://pas@127.0.0.1/pas?host=db",
        "postgresql://pas@127.0.0.1/pas?hostaddr=10.0.0.1",
        "postgresql://pas@localhost.example/pas",
        "postgresql://pas@/pas?host=localhost,db",
        "postgresql://pas@/pas?host=/run/postgresql&host=db",
        "postgresql://pas@localhost/pas?service=elsewhere",
        # The environment says where that is.
        "postgresql:///pas",
        "postgresql://pas@/pas",
        "postgresql://pas@[::1/pas",
        "mysql://pas@db/pas",
    ],
)
def test_production_refuses_a_register_that_anybody_on_the_way_could_be(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="`production` refuses a register over a network without `sslmode=verify-full`"):
        read(tmp_path, f'production = true\nregister_url = "{url}"')
    assert read(tmp_path, f'register_url = "{url}"').register_url == url


def test_a_password_in_the_url_is_refused_and_never_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, f'register_url = "postgresql://pas:{CANARY}@db/pas"')
    assert "register_password_path" in caught.value.sentence
    assert CANARY not in str(caught.value) + repr(caught.value)


def test_paths_of_secrets_do_not_show(tmp_path: Path) -> None:
    settings = read(tmp_path, f'register_password_path = "{CANARY}"\nkeys_dir = "{CANARY}"')
    assert CANARY not in repr(settings)
