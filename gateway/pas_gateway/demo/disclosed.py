"""What each office was given, item by item, held against what was decided for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pas_consumers import Delivery
from pas_gateway.demo.letters import Post
from pas_gateway.demo.outcomes import Name, Row, Traces

# An office and a report.
Pair = tuple[str, Name]


@dataclass(frozen=True, slots=True)
class Withheld:
    """How many items were held or refused, and from how many offices; `leaks` names offices that hold one all the same."""

    items: int
    offices: int
    disclosures: int
    leaks: tuple[str, ...]


def find_leaks(reports: Iterable[Row], decided: Iterable[Traces], post: Post) -> Withheld:
    """Whether a held or refused item lies in any record of its office's topic.

    `decided` are all the decisions there have been; an item released by any of them may be there. An item is known by
    its grade and words, as its originator wrote them.
    """
    written: dict[Name, Row] = {}
    for report in reports:
        written.setdefault((str(report["originator"]), str(report["urn"])), report)
    words = [_read_words(traces) for traces in decided]
    released = _join((pair, items["release"]) for each in words for pair, items in each.items())
    withheld = {
        (office, name): items - released.get((office, name), set())
        for (office, name), items in _join((p, i["hold"] | i["refuse"]) for each in words for p, i in each.items()).items()
    }
    leaks, disclosures = [], 0
    for office, letters in post.letters.items():
        for delivery in (letter.delivery for letter in letters if letter.delivery.body is not None):
            disclosures += 1
            name = (delivery.originator, delivery.urn)
            if not _holds_only(delivery, written.get(name), released.get((office, name), set())):
                leaks.append(f"{office} was given more of {delivery.urn} than was released to it")
    kept_back = {pair: items for pair, items in withheld.items() if items}
    return Withheld(sum(map(len, kept_back.values())), len({office for office, _ in kept_back}), disclosures, tuple(leaks))


def _read_words(traces: Traces) -> Mapping[Pair, dict[str, set[int]]]:
    """By office and report: the items released, held and refused."""
    found: dict[Pair, dict[str, set[int]]] = {}
    for name, traced in traces.items():
        for outcome in traced["outcomes"]:
            words = found.setdefault((outcome["office"], name), {"release": set(), "hold": set(), "refuse": set()})
            for item in outcome["items"]:
                words[item["verdict"]].add(item["item"])
    return found


def _join(pairs: Iterable[tuple[Pair, set[int]]]) -> dict[Pair, set[int]]:
    joined: dict[Pair, set[int]] = {}
    for pair, items in pairs:
        joined.setdefault(pair, set()).update(items)
    return joined


def _holds_only(delivery: Delivery, report: Row | None, released: set[int]) -> bool:
    """Whether every item of a delivery is one of the released ones, and each at most once."""
    if report is None or delivery.body is None:
        return False
    allowed = [report["items"][index] for index in sorted(released)]
    for item in delivery.body.items:
        match = next((one for one in allowed if _is(one, item.grade, item.text)), None)
        if match is None:
            return False
        allowed.remove(match)
    return True


def _is(written: Row, grade: str, text: str | None) -> bool:
    """An item before its conditions are accepted is known by its grade alone: its text is not there."""
    same = f"{written['source']}{written['intelligence']}{written['handling']}" == grade
    return same and (text is None or text == written["text"])
