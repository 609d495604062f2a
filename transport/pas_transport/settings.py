"""The settings of a workspace: one frozen model, read once from pas.toml and overridden by PAS_* variables."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from pas_schemas.errors import SettingsError
from pas_schemas.identifiers import REFERENCE
from pas_transport.files import read_whole
from pas_transport.register_url import is_guarded

FILE = "pas.toml"
PREFIX = "PAS_"
# Variables that are no settings of a workspace: where it is, what its clock shows, and what the test suite may use.
NO_SETTINGS = frozenset({"PAS_WORKSPACE", "PAS_CLOCK"})
FOR_TESTS = ("PAS_TEST_", "PAS_REQUIRE_")
_PASSWORD_IN_URL = re.compile(r"://[^/@]*:[^/@]*@")

Reference = Annotated[str, StringConstraints(pattern=f"^{REFERENCE}$")]
# Several estates can share a cluster; a topic's own name keeps room beside it.
Prefix = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9.-]{0,19})?$")]
# A host (IPv6 in brackets) and a port.
Address = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):[1-9][0-9]{0,4}$")]
MAX_PORT = 65_535


class Settings(BaseModel):
    """Everything a workspace can set; paths are taken from the workspace's folder, secrets only ever named by path."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    transport: Literal["embedded", "kafka"] = "embedded"
    bootstrap: str | None = Field(default=None, description="Kafka brokers, host:port and commas between them")
    kafka_ca_path: Path | None = Field(
        default=None, description="the authority that signed the brokers' certificates, PEM; without it no TLS"
    )
    kafka_user: str | None = Field(default=None, description="who asks at Kafka (SCRAM-SHA-512), as `pas topics render` names it")
    kafka_password_path: Path | None = Field(default=None, description="a file that holds that user's password", repr=False)
    kafka_certificate_path: Path | None = Field(default=None, description="a client certificate, PEM, where Kafka asks for one")
    kafka_key_path: Path | None = Field(default=None, description="its private key, PEM, without a password", repr=False)
    kafka_prefix: Prefix | None = Field(
        default=None, description="what stands before every topic, group and user at Kafka, up to 20 of a-z 0-9 - ."
    )
    kafka_wait_seconds: int = Field(default=20, ge=1, le=300, description="how long a call waits for a Kafka that does not answer")
    kafka_session_seconds: int = Field(
        default=10, ge=1, le=300, description="how long a group waits for a reader that was killed before others read its partitions"
    )
    log_path: Path = Field(default=Path("log.db"), description="the embedded log")
    register_url: str = Field(default="sqlite:///register.db", description="PAS's register; a password never stands in it")
    register_password_path: Path | None = Field(default=None, description="a file that holds the register's password", repr=False)
    compartment_register_url: str = Field(
        default="sqlite:///register.db", description="the compartment's own register; a relative file lies in compartment/"
    )
    compartment_register_password_path: Path | None = Field(
        default=None, description="a file that holds the password of the compartment's register", repr=False
    )
    inbox_dir: Path = Path("inbox")
    keys_dir: Path = Field(default=Path("keys"), repr=False)
    directory_dir: Path = Path("directory")
    root_public_key_path: Path = Path("directory/root.pub")
    rulebook_path: Path = Path("rulebook.toml")
    text_rules_path: Path = Path("text_rules.csv")
    snapshot_valid_days: int = Field(default=366, ge=1, le=3660, description="how long a directory snapshot is good for")
    hosts: int = Field(default=1, ge=1, description="machines that run a gateway on this register and log")
    production: bool = False
    example: bool = Field(default=False, description="an estate made by `pas init`: its keys lie all in one place")
    metrics_address: Address | None = Field(
        default=None, description="where `pas gateway run` answers /metrics, /health and /ready, host:port; without it nowhere"
    )
    metrics_open: bool = Field(default=False, description="production lets others than this machine ask there")
    hang_seconds: int = Field(default=120, ge=1, le=3600, description="how long a worker may stand still before it counts as hanging")
    post: Reference | None = Field(default=None, description="the post that replies name, where --post does not")
    person: Reference | None = Field(default=None, description="the staff reference that replies name, where --person does not")

    @model_validator(mode="after")
    def check(self) -> Self:
        """What does not go together, in words for a person."""
        if self.transport == "kafka" and not self.bootstrap:
            raise ValueError("`transport` is kafka, but `bootstrap` does not say where it is")
        if (self.kafka_user is None) != (self.kafka_password_path is None):
            raise ValueError("`kafka_user` and `kafka_password_path` go together")
        if (self.kafka_certificate_path is None) != (self.kafka_key_path is None):
            raise ValueError("`kafka_certificate_path` and `kafka_key_path` go together")
        for name in ("register", "compartment_register"):
            if _PASSWORD_IN_URL.search(getattr(self, f"{name}_url")):
                raise ValueError(f"`{name}_url` holds a password: name a file in `{name}_password_path` instead")
        if self.metrics_address is not None and split_address(self.metrics_address)[1] > MAX_PORT:
            raise ValueError(f"`metrics_address` names a port above {MAX_PORT}")
        if self.production:
            self._check_production()
        return self

    def _check_production(self) -> None:
        if self.example:
            raise ValueError("`production` refuses an example estate")
        if self.transport == "kafka" and (self.kafka_ca_path is None or not (self.kafka_user or self.kafka_certificate_path)):
            raise ValueError(
                "`production` refuses Kafka without TLS (`kafka_ca_path`) or without credentials (`kafka_user` or a certificate)"
            )
        registers = (self.register_url, self.compartment_register_url)
        if any(not url.startswith("sqlite") and not is_guarded(url) for url in registers):
            raise ValueError("`production` refuses a register over a network without `sslmode=verify-full`, or at no place that it names")
        if self.metrics_address is not None and not _is_loopback(self.metrics_address) and not self.metrics_open:
            raise ValueError("`production` refuses a `metrics_address` that others than this machine reach, unless `metrics_open` says so")
        if self.hosts > 1 and self.transport == "embedded":
            raise ValueError("`production` refuses the embedded log on more than one host")
        if self.hosts > 1 and self.register_url.startswith("sqlite"):
            raise ValueError("`production` refuses an SQLite register on more than one host")


def split_address(address: str) -> tuple[str, int]:
    """Host and port of an `Address`."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _is_loopback(address: str) -> bool:
    host, _ = split_address(address)
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def read_settings(file: Path, environment: Mapping[str, str]) -> Settings:
    """The settings of the workspace whose pas.toml this is; raises `SettingsError` with the key to mend and never its value."""
    given = _read_toml(file)
    _refuse_unknown(given, f"{file.name} has", "")
    overrides = _read_environment(environment)
    try:
        return Settings.model_validate({**given, **overrides})
    except ValidationError as error:
        raise SettingsError(*_explain(error, file.name, overrides)) from None


def _read_toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read_whole(file).decode("utf-8"))
    except OSError as error:
        raise SettingsError(f"{file.name} cannot be read: {error.strerror}.", "see the file's owner and mode") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file.name} is not UTF-8 text.", "restore the file, or make a new workspace with `pas init`") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at .*\)", str(error))
        raise SettingsError(f"{file.name} is not TOML {place.group() if place else ''}".strip() + ".", "mend that line") from None


def _read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    given = {
        name: value
        for name, value in environment.items()
        if name.startswith(PREFIX) and name not in NO_SETTINGS and not name.startswith(FOR_TESTS)
    }
    overrides = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
    _refuse_unknown(overrides, "the environment has", PREFIX)
    return overrides


def _refuse_unknown(given: Mapping[str, object], where: str, prefix: str) -> None:
    known = Settings.model_fields
    for key in given:
        if key not in known:
            near = get_close_matches(key, known, n=1, cutoff=0)[0]
            shown, near = (prefix + key.upper(), prefix + near.upper()) if prefix else (key, near)
            raise SettingsError(f"{where} an unknown setting `{shown}`.", f"the nearest known one is `{near}`")


def _explain(error: ValidationError, file: str, overrides: Mapping[str, str]) -> tuple[str, str]:
    first = error.errors(include_url=False, include_input=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{file}: {message}.", "mend pas.toml, or the PAS_ variable that overrides it"
    key = str(first["loc"][0])
    shown, where = (PREFIX + key.upper(), "the environment") if key in overrides else (key, file)
    meaning = Settings.model_fields[key].description
    return f"{where}: `{shown}`: {message[0].lower()}{message[1:]}.", f"it is {meaning}" if meaning else "mend it there"
