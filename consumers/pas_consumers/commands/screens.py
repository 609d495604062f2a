"""What `pas inbox` shows a person: a table of the inbox, and one delivery as a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pas_consumers.delivery import Notice, Projection, Request
from pas_consumers.records import Held
from pas_schemas.clock import show_time
from pas_transport.console import Console, make_safe

PAGE_COLUMNS = 100
# Enough of an id to type: it stays unique in any inbox a person can read.
SHORT_ID = 8
_WAITS = "The text comes once the conditions are accepted."
_CLOSED = "The conditions close this text to this reader."
STATE_COLOURS = {"DELIVERED": "yellow", "CONDITIONS_ACCEPTED": "yellow", "READ": "green", "ACTIONED": "green", "DECLINED": "red"}


def show_list(console: Console, office: str, listing: Sequence[Held], now: datetime) -> None:
    """The inbox as a table; a deadline that passed unread is red."""
    if console.json:
        return
    if not listing:
        console.say(f"The inbox of {office} is empty.")
        return
    columns = ("Delivery", "Kind", "URN", "From", "Priority", "State", "Read by", "Items", "Remarks")
    console.table(columns, [_row(held, now) for held in listing], f"Inbox of {office}")
    unread = [held for held in listing if held.state == "DELIVERED"]
    first = (unread or listing)[0].delivery.id.hex()[:SHORT_ID]
    count = "1 delivery" if len(listing) == 1 else f"{len(listing)} deliveries"
    console.say(f"{count}, {len(unread)} unread. Read one with `pas inbox show {first}`.", "quiet")


def show_aside(console: Console, count: int) -> None:
    """What stays set aside is not forgotten."""
    if count:
        console.say(
            f"{count} {'record is' if count == 1 else 'records are'} set aside: kept sealed, never shown. PAS can say what became of them."
        )


def show_delivery(console: Console, held: Held) -> None:
    """A delivery as a page: how it must be handled, then what it says."""
    if console.json:
        return
    delivery, body = held.delivery, held.delivery.body
    parts: list[RenderableType] = [_header(held)]
    if body:
        parts += [
            _label(body, bare=delivery.kind == "CONDITIONS"),
            *_subjects(body),
            *_items(body, _WAITS if delivery.kind == "CONDITIONS" else _CLOSED),
            *_closing(body),
        ]
        parts += [Text(make_safe(body.gist or ""))] if delivery.kind == "SUMMARY" else []
    parts += [_notice(notice) for notice in delivery.notices]
    parts += [_request(delivery.request)] if delivery.request is not None else []
    title = Text(make_safe(f" {delivery.kind} {delivery.urn} "), style="bold")
    marking = Text(make_safe(f" {body.protective_marking} "), style="bold red") if body else None
    page = Panel(Group(*parts), title=title, title_align="left", subtitle=marking, padding=(1, 2), width=PAGE_COLUMNS)
    console.draw(page, PAGE_COLUMNS)


def _row(held: Held, now: datetime) -> list[object]:
    delivery, body = held.delivery, held.delivery.body
    late = held.state == "DELIVERED" and delivery.deadline is not None and delivery.deadline <= now
    remarks = [*(body.obligations if body else ()), *dict.fromkeys(notice.word for notice in delivery.notices)]
    return [
        delivery.id.hex()[:SHORT_ID],
        delivery.kind,
        delivery.urn,
        delivery.originator,
        Text(delivery.priority, style="bold red" if delivery.priority == "THREAT_TO_LIFE" else ""),
        Text(held.state, style=STATE_COLOURS.get(held.state, "dim")),
        Text(delivery.deadline.strftime("%Y-%m-%d %H:%MZ") if delivery.deadline else "-", style="bold red" if late else ""),
        len(body.items) if body else "-",
        ", ".join(remarks),
    ]


def _grid(rows: Iterable[tuple[str, object]]) -> Padding:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(ratio=1)
    for name, value in rows:
        grid.add_row(name, Text(make_safe(str(value))))
    return Padding(grid, (0, 0, 1, 0))


def _header(held: Held) -> Padding:
    delivery = held.delivery
    return _grid(
        [
            ("delivery", delivery.id.hex()),
            ("from", delivery.originator),
            ("priority", delivery.priority),
            ("written", delivery.created_at),
            ("received", show_time(delivery.received_at)),
            ("read by", show_time(delivery.deadline) if delivery.deadline else "-"),
            ("state", held.state),
        ]
    )


def _label(body: Projection, *, bare: bool) -> Padding:
    """How it must be handled; before its conditions are accepted, nothing that says what it is about."""
    named: list[tuple[str, object]] = [
        ("handling", body.handling),
        ("purpose", body.purpose),
        ("legal basis", body.legal_basis),
        ("do not share with offender", "yes" if body.do_not_share_with_offender else "no"),
        ("obligations", ", ".join(body.obligations)),
        ("conditions", body.conditions or ""),
    ]
    matter: list[tuple[str, object]] = [
        ("reasons", body.reasons or ""),
        ("internal to", ", ".join(body.internal_recipients)),
        ("review by", body.review_by or ""),
        ("operation", body.operation or ""),
        ("risk", ", ".join(body.risk_tags)),
    ]
    return _grid((name, value) for name, value in (named if bare else named + matter) if value)


def _subjects(body: Projection) -> Iterator[RenderableType]:
    people = body.people()
    if people:
        table = Table("#", "Name", "NOMIS", "PNC", "Born", "Role", box=None, pad_edge=False, header_style="dim")
        for number, person in enumerate(people):
            table.add_row(str(number), *(Text(make_safe(cell)) for cell in _person(person)))
        yield Padding(table, (0, 0, 1, 0))


def _person(person: dict[str, Any]) -> list[str]:
    name = ", ".join(part for part in (person["family_name"], person["given_names"]) if part)
    role = f"{person['role']}, {person['standing']}".lower()
    return [name or "-", *(person[field] or "-" for field in ("noms_number", "pnc_id", "date_of_birth")), role]


def _items(body: Projection, instead: str) -> Iterator[RenderableType]:
    """The items; `instead` of a text that is kept back stands why."""
    for number, item in enumerate(body.items):
        if number:
            yield Text("")
        concerned = "" if len(item.subjects) == len(body.subjects) else "  concerns " + ", ".join(map(str, sorted(item.subjects)))
        later = f" (graded {item.regraded} later)" if item.regraded else ""
        by_pas = "  written by PAS in the place of another text" if item.sanitised else ""
        yield Text(make_safe(f"{number}  {item.grade}{later}{concerned}{by_pas}"), style="bold")
        yield Padding(Text(make_safe(item.text or instead)), (0, 0, 0, 3))
        for name, value in (("source", item.source_reference), ("corroborated by", item.corroboration)):
            if value:
                yield Padding(Text(make_safe(f"{name}: {value}"), style="dim"), (0, 0, 0, 3))


def _closing(body: Projection) -> Iterator[RenderableType]:
    if body.gist and any(item.text for item in body.items):
        yield Text(make_safe(f"\nGist, releasable apart from the intelligence: {body.gist}"), style="italic")


def _request(request: Request) -> RenderableType:
    """What is asked about whom, by when, and how far each of those who were asked is."""
    about = ", ".join(value for value in request.subject.values() if value)
    rows: list[tuple[str, object]] = [("request", f"{request.kind} {request.id.hex()} by {request.office}"), ("about", about)]
    rows += [("purpose", request.purpose), ("legal basis", request.legal_basis), ("due", show_time(request.due)), ("state", request.state)]
    rows += [("asks", question) for question in request.questions]
    for one in request.asked:
        rows.append((one.office, " ".join(part for part in (one.state, one.urn, one.legal_basis, one.reason) if part)))
    return Padding(_grid(rows), (1, 0, 0, 0))


def _notice(notice: Notice) -> RenderableType:
    about = [notice.office, None if notice.item is None else f"item {notice.item}", notice.rule, notice.case]
    head = " · ".join(str(part) for part in about if part)
    due = f" (by {show_time(notice.due)})" if notice.due else ""
    return Text.assemble((make_safe(f"{notice.word}{due}  "), "bold"), (make_safe(head), "dim"), "\n", make_safe(notice.why))
