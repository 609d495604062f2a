"""What goes wrong when reports are written: each fault makes a sound report one that may not come in, by one rule."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from pas_schemas.clock import show_time

Row = dict[str, Any]
Fault = Callable[[Row, datetime], None]


def spoil(rng: Random, report: Row, now: datetime) -> Row:
    """The report with one fault in it."""
    spoilt = copy.deepcopy(report)
    FAULTS[rng.choice(sorted(FAULTS))](spoilt, now)
    return spoilt


def rewrite(report: Row) -> Row:
    """Other words under a URN that is taken."""
    other = copy.deepcopy(report)
    other["items"][0]["text"] += " This was confirmed since."
    return other


def _mark_secret(report: Row, _: datetime) -> None:
    report["protective_marking"] = "SECRET"


def _declare_privileged(report: Row, _: datetime) -> None:
    report["declarations"]["privileged"] = True


def _declare_warranted(report: Row, _: datetime) -> None:
    report["declarations"]["warranted_intercept"] = True


def _let_authorisation_lapse(report: Row, now: datetime) -> None:
    ended = show_time((now - timedelta(days=2)).replace(microsecond=0))
    report["declarations"]["prison_intercept"] = {"authorisation": "PIN-001", "expires_at": ended}


def _contradict(report: Row, _: datetime) -> None:
    report["items"][0].update(source="E", intelligence="1")


def _leave_uncorroborated(report: Row, _: datetime) -> None:
    report["items"][0].update(intelligence="3", corroboration=None)


def _skip_assessment(report: Row, _: datetime) -> None:
    report["items"][0]["handling"] = "2"
    report["handling"]["risk_assessment"] = None


def _drop_conditions(report: Row, _: datetime) -> None:
    report["items"] = [{**report["items"][0], "handling": "5"}]
    report["handling"]["conditions"] = None


def _use_a_strange_urn(report: Row, _: datetime) -> None:
    report["urn"] = "99/" + report["urn"].split("/", 1)[1]


def _write_tomorrow(report: Row, now: datetime) -> None:
    report["created_at"] = show_time((now + timedelta(days=1)).replace(microsecond=0))


def _forget_a_declaration(report: Row, _: datetime) -> None:
    del report["declarations"]["visor_derived"]


FAULTS: dict[str, Fault] = {
    "G-MARKING": _mark_secret,
    "G-PRIVILEGE": _declare_privileged,
    "G-WARRANT": _declare_warranted,
    "G-PIN": _let_authorisation_lapse,
    "V-GRADE E1": _contradict,
    "V-GRADE 3": _leave_uncorroborated,
    "V-RISK": _skip_assessment,
    "V-CODE5": _drop_conditions,
    "V-URN": _use_a_strange_urn,
    "V-CLOCK": _write_tomorrow,
    "V-SCHEMA": _forget_a_declaration,
}
