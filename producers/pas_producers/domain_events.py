"""HMPPS domain events as rows of the movements feed (domain, *Whereabouts*); what is not about whereabouts is none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pas_producers.details import Details
from pas_schemas.clock import show_time
from pas_schemas.models.words import Event

_UPDATED = "prisoner-offender-search.prisoner.updated"
_ALERTS = "person.alert."
# The reasons of `prisoner.released` that leave the prison its standing; with any other but RELEASED the place is unknown.
_ABSENT = ("TRANSFERRED", "SENT_TO_COURT", "TEMPORARY_ABSENCE_RELEASE", "RELEASED_TO_HOSPITAL")


def is_event(value: Mapping[str, object]) -> bool:
    """Whether a record is a domain event and not a row."""
    return "eventType" in value


def read_event(event: Mapping[str, object], details: Details) -> dict[str, object] | None:
    """The row that an event amounts to, its values still to be checked; None where it is not about whereabouts.

    Raises ValueError with a sentence, never quoting the event.
    """
    told = event.get("additionalInformation")
    more = told if isinstance(told, dict) else {}
    word = _event_word(event.get("eventType"), more.get("reason"))
    if word is None:
        return None
    row: dict[str, object] = {"noms_number": _number(event, more), "event": word, "at": _moment(event.get("occurredAt"))}
    match word:
        case "RECEIVED":
            row["prison"] = more.get("prisonId")
        case "MERGED":
            row["removed_noms_number"] = more.get("removedNomsNumber")
        case "STATUS":
            row |= _status(details.resolve(event))
        case "ABSENT" | "RELEASED" | "UNKNOWN":
            pass
    return row


def _event_word(name: object, reason: object) -> Event | None:
    if not isinstance(name, str):
        raise ValueError("eventType: not a word.")
    if name == _UPDATED or name.startswith(_ALERTS):
        return "STATUS"
    # The services that tell of these three put their own names before them.
    if _ends(name, "prisoner.received"):
        return "RECEIVED"
    if _ends(name, "prisoner.merged"):
        return "MERGED"
    if _ends(name, "prisoner.released"):
        return "RELEASED" if reason == "RELEASED" else ("ABSENT" if reason in _ABSENT else "UNKNOWN")
    return None


def _ends(name: str, words: str) -> bool:
    return name == words or name.endswith("." + words)


def _number(event: Mapping[str, object], more: Mapping[str, object]) -> object:
    """The one NOMIS number the event names, wherever it names it."""
    person = event.get("personReference")
    identifiers = person.get("identifiers") if isinstance(person, dict) else None
    known = [one for one in identifiers if isinstance(one, dict)] if isinstance(identifiers, list) else []
    named = [one.get("value") for one in known if one.get("type") == "NOMS"]
    if more.get("nomsNumber") is not None:
        named.append(more["nomsNumber"])
    if not named:
        raise ValueError("The event names no prisoner.")
    if any(number != named[0] for number in named):
        raise ValueError("The event names two different prisoners.")
    return named[0]


def _moment(text: object) -> str:
    """An event's time, which may have an offset, as the broker writes times."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        if moment is not None and moment.tzinfo is not None:
            return show_time(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        pass
    raise ValueError("occurredAt: not a time with its offset, such as 2015-11-18T12:00:00Z.")


def _status(detail: Mapping[str, object] | None) -> dict[str, object]:
    if detail is None:
        raise ValueError("The event's detail is not in the file, and without it the status is not known.")
    if "category" not in detail and "alerts" not in detail:
        raise ValueError("detail: names neither the prisoner's category nor the prisoner's alerts.")
    alerts = detail.get("alerts")
    if alerts is not None and not isinstance(alerts, list):
        raise ValueError("detail.alerts: not a list.")
    return {"category": detail.get("category"), "alerts": None if alerts is None else _active(alerts)}


def _active(alerts: list[object]) -> list[str]:
    """The codes of the active alerts, told as codes or as the registers' own records."""
    codes = []
    for alert in alerts:
        code: object = alert
        if isinstance(alert, dict):
            if alert.get("active", alert.get("isActive", True)) is False:
                continue
            code = alert.get("alertCode")
            code = code.get("code") if isinstance(code, dict) else code
        if not isinstance(code, str):
            raise ValueError("detail.alerts: an alert without a code.")
        codes.append(code)
    return codes
