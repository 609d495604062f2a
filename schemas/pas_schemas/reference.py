"""The reference tables that ship with the broker, read once: establishments, police force codes, NOMIS alerts."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Establishment:
    """An active prison: `force` is the code of the police force in whose area it lies."""

    code: str
    name: str
    force: str
    contracted: bool
    high_security: bool


def read_data(name: str) -> bytes:
    """A file of `pas_schemas/data`, as bytes."""
    return (files("pas_schemas") / "data" / name).read_bytes()


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(read_data(name).decode("utf-8").splitlines()))


@cache
def establishments() -> Mapping[str, Establishment]:
    """Every active prison by code (prison-register, Ministry of Justice, MIT)."""
    return {
        row["prison_id"]: Establishment(
            row["prison_id"], row["name"], row["force_code"], row["contracted"] == "1", row["high_security"] == "1"
        )
        for row in _rows("establishments.csv")
    }


@cache
def force_codes() -> Mapping[str, str]:
    """PNC force codes with their names (bichard7-next-data, Ministry of Justice, MIT)."""
    return {row["pnc_force_code"]: row["name"] for row in _rows("police_force_codes.csv")}


@cache
def alert_codes() -> Mapping[str, str]:
    """NOMIS alert codes with their descriptions (hmpps-alerts-api, Ministry of Justice, MIT)."""
    return {row["code"]: row["description"] for row in _rows("alert_codes.csv")}
